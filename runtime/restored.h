// SPDX-License-Identifier: Apache-2.0
//
// restored.h - the mark that says: this store is a copy of an earlier moment.
//
// Other partitions, and the outside, may have seen what the copy does not
// know. So the first node that opens it begins a new generation of all links,
// and turns the mark into a note of when that was.

#ifndef WF_RUNTIME_RESTORED_H
#define WF_RUNTIME_RESTORED_H

#include <stdbool.h>

#include "weft/error.h"

struct wf_store;

// *out_is_marked: the mark is there.
weft_err wf_restored_find(const struct wf_store *store, bool *out_is_marked);

// The new generation is durable: the mark is no longer needed.
weft_err wf_restored_settle(const struct wf_store *store);

#endif
