// SPDX-License-Identifier: Apache-2.0
//
// pairs.h - a few names with a value each, as bytes: B name and its NUL, B
// value, repeated. So a name can be shown in place. weft/start.h reads them.

#ifndef WF_RUNTIME_PAIRS_H
#define WF_RUNTIME_PAIRS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "weft/error.h"
#include "weft/start.h"

// Append pairs. `what` names them in errors.
//
// WEFT_EINVAL   a name is missing, malformed or given twice
// WEFT_ETOOBIG  they have more than bytes_max bytes
weft_err wf_pairs_encode(const char *what, const weft_pair *pairs, size_t count,
                         size_t bytes_max, struct wf_buf *out_bytes);

// Append one that is known to be well-formed.
void wf_pairs_put(const weft_pair *pair, struct wf_buf *out_bytes);

// Append pairs with that one changed; an empty value removes it.
//
// WEFT_EINVAL, WEFT_ETOOBIG   as above
weft_err wf_pairs_set(const char *what, weft_bytes pairs, const char *name,
                      weft_bytes value, size_t bytes_max,
                      struct wf_buf *out_bytes);

// Do they decode?
bool wf_pairs_check(weft_bytes pairs);

#endif
