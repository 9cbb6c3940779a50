// SPDX-License-Identifier: Apache-2.0
//
// snapshot.h - copies of stopped store directories: backup and restore.
//
// A running store is copied by its checkpoint; this is for what nobody has
// open, and for moving a checkpoint to where it is to live.
//
// Threads: any; blocks for as long as copying takes.

#ifndef WF_STORAGE_SNAPSHOT_H
#define WF_STORAGE_SNAPSHOT_H

#include "weft/error.h"

// Copy a directory with everything in it, durably. The copy's files are its
// own: nothing is shared with `from`. Files named LOCK are left out, and those
// of control.h.
//
// The copy is made as "TO.partial" and renamed when it is whole and synced, so
// that `to` is there either completely or not at all. On failure what was
// written is removed; what a crash left as TO.partial is removed by the next
// call.
//
// WEFT_EEXISTS    `to` exists
// WEFT_ENOTFOUND  `from` does not exist
// WEFT_EBUSY      a process holds `from`, or a directory in it
// WEFT_EINVAL     it holds something that is neither file nor directory
// WEFT_EIO        reading or writing failed; the detail names the file
weft_err wf_snapshot_copy_dir(const char *from, const char *to);

#endif
