// SPDX-License-Identifier: Apache-2.0
//
// rocks_options.h - every option that RocksDB is opened with. For
// store_rocks.c only.
//
// Threads: none of its own.

#ifndef WF_STORAGE_ROCKS_OPTIONS_H
#define WF_STORAGE_ROCKS_OPTIONS_H

#include <rocksdb/c.h>
#include <stdbool.h>

#include "storage/store.h"

// In the order of enum wf_cf, and "default" behind them.
#define WF_ROCKS_FAMILIES (WF_CF_COUNT + 1)

struct wf_rocks_options {
    rocksdb_cache_t *cache; // shared by all families
    rocksdb_options_t *database;
    rocksdb_options_t *families[WF_ROCKS_FAMILIES];
};

extern const char *const wf_rocks_options_names[WF_ROCKS_FAMILIES];

// is_compressed false: for a RocksDB that was built without lz4 and zstd.
// shares: of memory, so many stores of this process have one each.
void wf_rocks_options_init(struct wf_rocks_options *options, bool is_read_only,
                           bool is_compressed, uint32_t shares);
void wf_rocks_options_fini(struct wf_rocks_options *options); // all zero: fine

#endif
