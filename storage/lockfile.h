// SPDX-License-Identifier: Apache-2.0
//
// lockfile.h - is a store directory held by somebody? For storage's own files.
//
// A store's LOCK file is locked by fcntl. Such a lock is lost as soon as the
// process that holds it closes *any* descriptor of the file: whoever looks at
// LOCK must know that this process does not hold it. So this file keeps a list
// of the directories that this process holds.
//
// Threads: any.

#ifndef WF_STORAGE_LOCKFILE_H
#define WF_STORAGE_LOCKFILE_H

#include "weft/error.h"

struct wf_lockfile;

// WEFT_EBUSY if a process, this one or another, holds the directory; the
// detail names it. WEFT_OK if none does, or there is no LOCK in it.
weft_err wf_lockfile_check(const char *dir);

// Note that this process is about to lock dir, which exists.
//
// WEFT_EBUSY   it holds it already
weft_err wf_lockfile_hold(const char *dir, struct wf_lockfile **out_lock);
void wf_lockfile_release(struct wf_lockfile *lock); // NULL is fine

#endif
