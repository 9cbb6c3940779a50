// SPDX-License-Identifier: Apache-2.0
//
// wal.h - where the write-ahead log of a RocksDB directory ends.
//
// A power cut may leave any part of the last write on the disk: its sectors and
// pages reach it in any order. RocksDB knows a log that ends in half a record,
// and takes one that has a hole in its last record for damaged. Every write to
// a store is on the disk before the next one begins, so a record that fails its
// check and has no whole one after it is that last write, and nobody was told
// of it; one that has is damage.

#ifndef WF_STORAGE_WAL_H
#define WF_STORAGE_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

struct wf_wal_end {
    bool is_torn;    // else it is whole, or damaged: RocksDB will say
    uint64_t number; // torn: of NNNNNN.log
    uint64_t offset; // torn: where its last record begins
};

// Reads all of it; changes nothing. No directory: it is whole.
//
// WEFT_EIO
weft_err wf_wal_find_end(const char *store_dir, struct wf_wal_end *out_end);

// The number of a file NNNNNN.log; 0 for any other name.
uint64_t wf_wal_parse_name(const char *name);

#endif
