// SPDX-License-Identifier: Apache-2.0
//
// attributes.h - the attributes of one instance as bytes: a set.
//
//   set   = entry ...                       in order of name, each name once
//   entry = B name, u8 type, value          names and texts with their NUL
//   value = B text | u64 int | u64 bits of a double | u8 bool | V time
//
// An entry of type 0 has no value; it is in no set, and as a change it clears
// the name. Since texts have their NUL, attributes that are read point into the
// set and cost nothing.

#ifndef WF_RUNTIME_ATTRIBUTES_H
#define WF_RUNTIME_ATTRIBUTES_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "weft/attributes.h"

// Read the next entry; borrowed. False: it is over, or malformed, which fails
// the reader.
bool wf_attributes_next(struct wf_reader *reader,
                        weft_attribute *out_attribute);
bool wf_attributes_is_set(weft_bytes set);
bool wf_attributes_find(weft_bytes set, const char *name,
                        weft_attribute *out_attribute);
// All of a set, in order; borrowed from it. Returns how many.
size_t wf_attributes_list(weft_bytes set,
                          weft_attribute out_list[WF_ATTRIBUTES_MAX]);

// Whatever they are, are both together within the limits of one set?
bool wf_attributes_fit(weft_bytes left, weft_bytes right);

// One entry, as a change.
void wf_attributes_put(struct wf_buf *out, const weft_attribute *attribute);
// The operation of an actor that makes the change.
void wf_attributes_put_op(struct wf_buf *ops, const weft_attribute *change);
// What the set is after a change. out_set is appended to.
void wf_attributes_merge(weft_bytes set, const weft_attribute *change,
                         struct wf_buf *out_set);

// Change `set`: all of the changes or none.
//
// WEFT_EINVAL   a name, type or value is malformed
// WEFT_ETOOBIG  over a limit; the detail says which
weft_err wf_attributes_change(struct wf_buf *set, const weft_attribute *changes,
                              size_t count);

// Order of values: by type, then by value; names do not count.
int wf_attributes_compare(const weft_attribute *a, const weft_attribute *b);

#endif
