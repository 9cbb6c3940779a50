// SPDX-License-Identifier: Apache-2.0
//
// cause.h - what a failure came from, as bytes: from the failure that was
// passed on down to the first one.
//
//   causes = (B source, B name, B message, B details) ...     texts with NUL
//
// So they can be shown in place. At most WF_CAUSES_MAX are kept; of a longer
// chain all but the first ones and the last are left out.

#ifndef WF_RUNTIME_CAUSE_H
#define WF_RUNTIME_CAUSE_H

#include "base/bytes.h"
#include "base/key.h"
#include "base/limits.h"
#include "weft/actor.h"

// Append a failure and all its causes.
void wf_cause_put(struct wf_buf *out, const weft_failure *failure);

// Append the source that a child is: "KIND/ID".
void wf_cause_put_source(struct wf_buf *out, const struct wf_key *key);

// How many there are; at most WF_CAUSES_MAX.
size_t wf_cause_count(weft_bytes causes);
// Make failures of them in `room`, which has that many; borrowed from both.
// NULL if there are none.
const weft_failure *wf_cause_show(weft_bytes causes, weft_failure *room);

#endif
