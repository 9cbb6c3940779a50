// SPDX-License-Identifier: Apache-2.0
//
// rocks_archive.h - write-ahead logs that RocksDB needs no more.
//
// To remove a large file is one long change of the file system: whoever syncs a
// file meanwhile waits for it, for some 30 ms with a log of 60 MiB, and that is
// each commit. So RocksDB moves them to the directory `archive`, and they are
// given back to the disk from there, a piece at a time.

#ifndef WF_STORAGE_ROCKS_ARCHIVE_H
#define WF_STORAGE_ROCKS_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

struct wf_rocks_archive {
    char *dir;       // of the store
    uint64_t number; // of the log that is being given back; 0: none
};

void wf_rocks_archive_init(struct wf_rocks_archive *archive, const char *dir);
void wf_rocks_archive_fini(struct wf_rocks_archive *archive);

// Give back a piece of the oldest log, a larger one if there are many. False:
// there is none left, or it cannot be done now.
bool wf_rocks_archive_shrink(struct wf_rocks_archive *archive);
// Remove all of them, as fast as it goes.
void wf_rocks_archive_clear(struct wf_rocks_archive *archive);

#endif
