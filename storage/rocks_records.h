// SPDX-License-Identifier: Apache-2.0
//
// rocks_records.h - what RocksDB has written one after another, its
// write-ahead logs and its manifest, looked at before RocksDB is.

#ifndef WF_STORAGE_ROCKS_RECORDS_H
#define WF_STORAGE_ROCKS_RECORDS_H

#include "weft/error.h"

// Does anything come again, or after what was written later? RocksDB 7.8.3
// takes it for its own bug and stops the process, or reads it as if it were
// new. What is cut short or has a wrong checksum it finds itself.
//
// WEFT_ECORRUPT   the detail names file and byte
// WEFT_EIO
weft_err wf_rocks_records_check(const char *dir);

#endif
