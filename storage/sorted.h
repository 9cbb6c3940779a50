// SPDX-License-Identifier: Apache-2.0
//
// sorted.h - sorted rows whose copies cost nothing. For storage's own files.
//
// A version of the rows is one pointer; NULL is no rows. Changing one gives a
// new version and leaves every other version as it is, sharing what is equal.
// That is what a store in memory needs: what is on the disk, what is not yet,
// and what a scan sees are three versions of the same rows.
//
// Threads: one at a time for everything but walking and finding, which may go
// on beside changes of other versions.

#ifndef WF_STORAGE_SORTED_H
#define WF_STORAGE_SORTED_H

#include <stdbool.h>

#include "base/bytes.h"

struct wf_sorted;

// Each takes the version it changes and returns the new one: to keep the old
// one too, share it first. Keys and values are copied. All cost log n.
struct wf_sorted *wf_sorted_put(struct wf_sorted *rows, weft_bytes key,
                                weft_bytes value);
struct wf_sorted *wf_sorted_delete(struct wf_sorted *rows, weft_bytes key);
// from <= key < to; an empty `to` is the end.
struct wf_sorted *wf_sorted_delete_range(struct wf_sorted *rows,
                                         weft_bytes from, weft_bytes to);

// One more holder of the same version; NULL is fine.
struct wf_sorted *wf_sorted_share(struct wf_sorted *rows);
void wf_sorted_release(struct wf_sorted *rows); // NULL is fine

// False if there is none. Borrowed from the version.
bool wf_sorted_find(const struct wf_sorted *rows, weft_bytes key,
                    weft_bytes *out_value);

typedef bool wf_sorted_fn(void *ctx, weft_bytes key, weft_bytes value);
// Call fn in key order for from <= key < to; an empty `to` is the end. Ends
// early, with false, when fn says false.
bool wf_sorted_walk(const struct wf_sorted *rows, weft_bytes from,
                    weft_bytes to, wf_sorted_fn *fn, void *ctx);

#endif
