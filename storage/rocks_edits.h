// SPDX-License-Identifier: Apache-2.0
//
// rocks_edits.h - which tables the manifest of a RocksDB directory knows.

#ifndef WF_STORAGE_ROCKS_EDITS_H
#define WF_STORAGE_ROCKS_EDITS_H

#include <stdint.h>

#include "weft/error.h"

typedef weft_err wf_rocks_edits_fn(void *ctx, const char *dir, uint64_t number);

// Call fn for each table, in order of number. For none where the manifest has
// something that is not known here: that is for RocksDB to find.
//
// WEFT_ECORRUPT, WEFT_EIO   the manifest is missing, or cannot be read
// else                      what fn returned
weft_err wf_rocks_edits_each_table(const char *dir, wf_rocks_edits_fn *fn,
                                   void *ctx);

#endif
