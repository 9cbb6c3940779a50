// SPDX-License-Identifier: Apache-2.0
//
// batch_impl.h - the two ways of filling a batch that only the log needs. For
// storage's own .c files.
//
// A commit's frames can be megabytes, and they pass through here on every
// commit: these two save one copy of them and the walk over the rows.

#ifndef WF_STORAGE_BATCH_IMPL_H
#define WF_STORAGE_BATCH_IMPL_H

#include "storage/store.h"

// Put a value that is in two parts: head, then tail.
void wf_batch_put_parts(struct wf_batch *batch, enum wf_cf cf, weft_bytes key,
                        weft_bytes head, weft_bytes tail);

// Add all operations of `other` after those of batch.
void wf_batch_append(struct wf_batch *batch, const struct wf_batch *other);

#endif
