// SPDX-License-Identifier: Apache-2.0
//
// rocks_tables.h - the parts of RocksDB's tables that RocksDB does not check
// before it uses them, or that nothing of its C interface reads.

#ifndef WF_STORAGE_ROCKS_TABLES_H
#define WF_STORAGE_ROCKS_TABLES_H

#include <stdbool.h>

#include "weft/error.h"

// Look at the checksums of the blocks that tables have besides their rows.
// Their properties, which RocksDB 7.8.3 reads without a look at the checksum,
// so that its assertions stop the process; is_all: filters and all others too.
// Of tables that the manifest does not know of there is none to look at: a
// crash may have left them half made.
//
// WEFT_ECORRUPT   the detail names table, block and byte
// WEFT_EIO
weft_err wf_rocks_tables_check(const char *dir, bool is_all);

#endif
