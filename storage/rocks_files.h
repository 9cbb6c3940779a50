// SPDX-License-Identifier: Apache-2.0
//
// rocks_files.h - the directory of a store, looked at before RocksDB is.

#ifndef WF_STORAGE_ROCKS_FILES_H
#define WF_STORAGE_ROCKS_FILES_H

#include <stdbool.h>

#include "weft/error.h"

// Make the directory if need be, and see that RocksDB may have it: where
// CURRENT is missing it begins a new store, whatever else is there. One that a
// power cut ended while RocksDB made it, with nothing in it, is made again.
//
// WEFT_ECORRUPT   there are files of a store, and no CURRENT
// WEFT_ENOTFOUND  is_read_only, and there is no store, or none that was made to
// its
//                 end
// WEFT_EINVAL     the path is too long
// WEFT_EIO
weft_err wf_rocks_files_check(const char *dir, bool is_read_only);

// Is there room on its disk to open a store, and does it take a write?
//
// WEFT_EFULL   there is not
// WEFT_EIO     it does not
weft_err wf_rocks_files_check_room(const char *dir);

#endif
