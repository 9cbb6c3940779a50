// SPDX-License-Identifier: Apache-2.0
//
// control.h - ask the node that runs on a directory for a backup, by two files.
//
//     DIR/backup.request   copy yourself to there; written by who asks
//     DIR/backup.answer    what came of it; written by the node
//
// Neither is a part of the node's data: a copy of the directory leaves them
// out. docs/formats/storage.md has what is in them.
//
// There is one request at a time. Who asks holds a lock (flock) on the request
// for as long as it has its name, so a request whose lock is free is that of
// somebody who died. Only who holds the lock may remove the name.
//
// Threads: any; one wf_control_ask is used by one at a time. Nothing blocks for
// longer than small files take.

#ifndef WF_STORAGE_CONTROL_H
#define WF_STORAGE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

// Is it the name of one of the files, or of one that is to become it?
bool wf_control_is_name(const char *name);

// Who asks. -----------------------------------------------------------------

struct wf_control_ask;

// Ask for a copy at `to`, an absolute path, as the node sees it. What somebody
// left who died while he asked is removed.
//
// WEFT_EBUSY  somebody else asks
// WEFT_EINVAL `to` is too long
// WEFT_EIO    the request cannot be written; the detail says why
weft_err wf_control_ask(const char *dir, const char *to,
                        struct wf_control_ask **out_ask);

// False: not yet. *out_answer is what the node said, and the detail its text.
bool wf_control_is_answered(const struct wf_control_ask *ask,
                            weft_err *out_answer);

// Remove the request and its answer, if there is one. NULL is fine.
void wf_control_end(struct wf_control_ask *ask);

// Who is asked. -------------------------------------------------------------

struct wf_control_request {
    uint64_t id; // not 0
    char *to;    // owned: release with wf_free
};

// Look whether somebody asks. What somebody left who died is removed.
//
// WEFT_ENOTFOUND  nobody does
// WEFT_EFORMAT    somebody does, in words that are not understood. The id is
//                 set, 0 if even that is not known; there is no `to`
// WEFT_EIO        the request cannot be read
weft_err wf_control_find(const char *dir,
                         struct wf_control_request *out_request);

// Answer the request with this id.
//
// WEFT_ENOTFOUND  who asked does not wait any more
// WEFT_EIO        the answer cannot be written
weft_err wf_control_answer(const char *dir, uint64_t id, weft_err answer,
                           const char *text);

#endif
