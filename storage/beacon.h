// SPDX-License-Identifier: Apache-2.0
//
// beacon.h - a small file beside each store that remembers how far it got.
//
// RocksDB accepts a write-ahead log that was cut at a record's end, and an old
// copy of a whole directory. So the beacon says, apart from the store, which
// commit was durable last and how long the live WAL files were. A store that
// is behind its beacon has lost something, and is refused by name and range.
//
// The file is preallocated and has two slots of 4 KiB, written in turn, each
// with a sequence number and a checksum; a torn write leaves the other. It is
// written only with what is durable already.
//
// Threads: one at a time.

#ifndef WF_STORAGE_BEACON_H
#define WF_STORAGE_BEACON_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/manifest.h"
#include "weft/error.h"

#define WF_BEACON_FILES_MAX 64

struct wf_beacon_state {
    uint8_t store_id[16];
    uint32_t format;
    uint64_t last_commit; // durable
    uint64_t next_commit; // the same of the store after this one; or 0
    struct wf_manifest manifest;
    uint32_t files_count; // live WAL files; more than fit are left out
    struct {
        uint64_t number; // of NNNNNN.log
        uint64_t bytes;
    } files[WF_BEACON_FILES_MAX];
};

struct wf_beacon;

// Open the beacon at path, or make it. *out_is_new: there was none.
// *out_state is what it says (zero if new).
//
// WEFT_ECORRUPT  neither slot is whole
weft_err wf_beacon_open(const char *path, struct wf_beacon **out_beacon,
                        struct wf_beacon_state *out_state, bool *out_is_new);

// Only read it; WEFT_ENOTFOUND if there is none.
weft_err wf_beacon_read(const char *path, struct wf_beacon_state *out_state);

// Write and sync.
//
// WEFT_EIO   the outcome is not known; the beacon must not be used again
weft_err wf_beacon_write(struct wf_beacon *beacon,
                         const struct wf_beacon_state *state);
void wf_beacon_close(struct wf_beacon *beacon); // NULL is fine

// List the WAL files of a RocksDB directory with their lengths into state.
//
// WEFT_ENOTFOUND   there is no such directory
// WEFT_EIO
weft_err wf_beacon_list_files(const char *store_dir,
                              struct wf_beacon_state *state);

// Those of the list that are still there have so many bytes on the disk.
//
// WEFT_EIO
weft_err wf_beacon_sync_files(const char *store_dir,
                              const struct wf_beacon_state *state);

// Before the store is opened: are all WAL files the beacon names there (or
// older than the oldest kept and so flushed: the caller passes what it knows),
// and as long as they were? And the manifest what it was?
//
// WEFT_ELOST   one is missing, shorter or older; the detail names it
weft_err wf_beacon_check_files(const char *store_dir,
                               const struct wf_beacon_state *state);

// The same moment: if their end is torn (wal.h), is that behind all that was
// synced?
//
// WEFT_ECORRUPT   it is not; the detail says where
// WEFT_EIO
weft_err wf_beacon_check_end(const char *store_dir,
                             const struct wf_beacon_state *state);

#endif
