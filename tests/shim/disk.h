// SPDX-License-Identifier: Apache-2.0
//
// disk.h - a disk whose power can be cut, made from a trace of the shim.
//
// It knows what is durable, and what is not yet: bytes until a sync of their
// file, a name until a sync of its directory, both as weakly as POSIX has it.
// A new file that was synced and whose directory was not is gone; a sync that
// failed makes nothing durable, and neither does a later one that goes well.
//
// Files beside the disk (shim.h) are durable at once: what a client wrote down
// somewhere else.

#ifndef WF_TESTS_SHIM_DISK_H
#define WF_TESTS_SHIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What of the rest the disk has written all the same.
enum disk_luck {
    DISK_NOTHING,
    DISK_ALL,     // as a kill, without the power cut
    DISK_PREFIX,  // all up to some moment, the last write torn: a journal
    DISK_SECTORS, // any names, any 512 bytes
    DISK_PAGES,   // any names, any 4,096 bytes
    DISK_LUCK_COUNT,
};

extern const char *const disk_luck_names[DISK_LUCK_COUNT];

struct disk;

// root: the directory that the trace is about (the parent of SHIM_DIR), as it
// was when the trace began, is copied from there into memory. disk_name: the
// last part of SHIM_DIR.
struct disk *disk_create(const char *root, const char *disk_name);
void disk_destroy(struct disk *disk);

// Play the trace up to that many entries of it, or to its end. Returns how many
// have been played in all. `path` may have grown since the last call.
uint64_t disk_play(struct disk *disk, const char *path, uint64_t upto);
uint64_t disk_entries(const char *path); // whole ones
// The first place at or after `at` where a sync is about to begin: then there
// is something that is not durable. `at` itself if there is none.
uint64_t disk_before_sync(const char *path, uint64_t at);
// The place behind one of the answers that clients wrote down (lines that begin
// with "A "), any of them; 0 if there is none.
uint64_t disk_after_answer(const char *path, uint64_t any);
// Cut the trace after its last whole entry.
void disk_trim_trace(const char *path);

// Make the directory `to` what root is after a cut now. The disk goes on as it
// was. to must not exist.
void disk_cut(struct disk *disk, enum disk_luck luck, uint64_t seed,
              const char *to);

#endif
