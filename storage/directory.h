// SPDX-License-Identifier: Apache-2.0
//
// directory.h - make directory entries durable, and see where a directory is.
//
// A file that was created or renamed is there after a power cut only if its
// directory was synced too.
//
// Threads: any.

#ifndef WF_STORAGE_DIRECTORY_H
#define WF_STORAGE_DIRECTORY_H

#include "weft/error.h"

// Sync the directory itself.
weft_err wf_directory_sync(const char *dir);

// Sync the directory that holds the entry `path`.
weft_err wf_directory_sync_parent(const char *path);

// Make a directory, durably; its parent must exist. Fine if it is there.
weft_err wf_directory_make(const char *dir);

// Remove a file, or a directory with all that is in it, as far as it goes: what
// stays must have a name that nobody opens. Links are not followed.
void wf_directory_remove(const char *path);

// Is nothing there?
//
// WEFT_EEXISTS   something is
weft_err wf_directory_check_absent(const char *path);

// A copy into itself would have no end: is `from` among the directories above
// `to`, which need not exist itself?
//
// WEFT_EINVAL    it is
// WEFT_ENOTFOUND the directory of `to` does not exist
weft_err wf_directory_check_outside(const char *from, const char *to);

#endif
