// SPDX-License-Identifier: Apache-2.0
//
// shim.h - what the shim is told, and what it writes down.
//
// libweft_shim.so is loaded before everything else (LD_PRELOAD) and stands
// between a program and the system. It looks at files below one directory, and
// at sockets. It is told by the environment:
//
//   SHIM_DIR     the directory; absolute. Without it the shim does nothing
//   SHIM_STATE   a file with a struct shim_state, which it keeps
//   SHIM_FAULT   "CLASS:ACTION:N", or "CLASS:ACTION:N+" for from then on: what
//                happens to the N-th call of that class, counted from 1
//   SHIM_TRACE   a file to which it appends what the program does to SHIM_DIR
//                and to the files in the directory that SHIM_DIR is in
//   SHIM_NOSYNC  1: nothing is ever synced, and the program is told that it was
//
// The trace is what a power cut is made of: disk.h.

#ifndef WF_TESTS_SHIM_SHIM_H
#define WF_TESTS_SHIM_SHIM_H

#include <stdatomic.h>
#include <stdint.h>

// X(NAME, name, "which calls")
#define SHIM_CLASSES(X)                                                        \
    X(WRITE, write, "write, pwrite, writev, pwritev to files")                 \
    X(SYNC, sync, "fsync, fdatasync, sync_file_range")                         \
    X(NAME, name,                                                              \
      "open that creates, mkdir, rename, link, unlink, rmdir, "                \
      "ftruncate, fallocate")                                                  \
    X(SEND, send, "send, sendto, sendmsg, write, writev to sockets")

enum shim_class {
#define X(NAME, name, text) SHIM_##NAME,
    SHIM_CLASSES(X)
#undef X
        SHIM_CLASS_COUNT
};

// X(NAME, name): what happens to a call.
#define SHIM_ACTIONS(X)                                                        \
    X(NONE, none)                                                              \
    X(BEFORE, before) /* killed, and it does not happen */                     \
    X(AFTER, after)   /* killed when it has happened */                        \
    X(TORN, torn)     /* killed when half of it has happened */                \
    X(EIO, eio)       /* fails; of a sync: what was written may be lost */     \
    X(ENOSPC, enospc)                                                          \
    X(SHORT, short) /* does half of it, and says so */                         \
    X(EINTR, eintr)                                                            \
    X(RESET, reset) /* of a socket: the other side is gone */

enum shim_action {
#define X(NAME, name) SHIM_##NAME##_ACTION,
    SHIM_ACTIONS(X)
#undef X
        SHIM_ACTION_COUNT
};

// Shared with whoever started the program, and there after its end.
struct shim_state {
    _Atomic uint64_t calls[SHIM_CLASS_COUNT];
    _Atomic uint64_t faults; // that were made to happen
};

// One entry of the trace; then path, to and data, without ends.
#define SHIM_MAGIC 0x57534849U

enum shim_entry_type {
    SHIM_OPENED,   // file: what path leads to
    SHIM_CREATED,  // the same, and it is new
    SHIM_WRITTEN,  // data at offset
    SHIM_CUT,      // offset: the new length
    SHIM_SYNCING,  // a sync begins
    SHIM_SYNCED,   // it ended well
    SHIM_UNSYNCED, // it failed
    SHIM_RENAMED,  // path, to
    SHIM_LINKED,   // path, to
    SHIM_UNLINKED, // path
    SHIM_MADE,     // path: a directory
    SHIM_REMOVED,  // path: a directory
};

struct shim_entry {
    uint32_t magic;
    uint32_t type;
    uint64_t file; // the system's number of it; used again after its end
    uint64_t offset;
    uint32_t path_len;
    uint32_t to_len;
    uint64_t data_len;
};

#endif
