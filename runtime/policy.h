// SPDX-License-Identifier: Apache-2.0
//
// policy.h - how one activity call is retried and timed out: the definition's
// policy with what the call overrides.

#ifndef WF_RUNTIME_POLICY_H
#define WF_RUNTIME_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/activity.h"
#include "weft/definitions.h"

struct wf_policy {
    weft_retry_policy retry;
    weft_activity_timeouts timeouts;
    weft_bytes non_retryable; // names as B ...; borrowed from the options
    bool fail_when_lost;
};

// Options as they are kept in a command. options may be NULL: nothing.
//
// WEFT_EINVAL   a field is out of range
weft_err wf_policy_encode(const weft_call_options *options,
                          struct wf_buf *out_bytes);

// What the options say, with `over` over it.
void wf_policy_merge(weft_bytes old_options, weft_bytes over,
                     struct wf_buf *out_bytes);
// Do they say anything about the pause between attempts?
bool wf_policy_has_interval(weft_bytes options);
weft_cancellation wf_policy_cancellation(weft_bytes options);
bool wf_policy_is_local(weft_bytes options);
// The queue whose workers run it; borrowed; empty: the node's own threads.
weft_bytes wf_policy_queue(weft_bytes options);

// The policy of a call: its definition's, and its options over it.
struct wf_policy wf_policy_of(const weft_activity_def *def, weft_bytes options);

bool wf_policy_is_retryable(const struct wf_policy *policy, weft_bytes name);

// How long to wait before attempt `next` (from 2). random: 0 to 1.
uint64_t wf_policy_delay_ms(const struct wf_policy *policy, uint32_t next,
                            double random);

// Options of a call of that activity, as they are kept: with the queue that its
// definition has, if they say nothing of one. options may be NULL.
//
// WEFT_EINVAL   a field is out of range; the detail says why
weft_err wf_policy_of_call(const weft_definitions *definitions,
                           const char *name, const weft_call_options *options,
                           struct wf_buf *out_options);
// Is there somebody to run it, with these options?
//
// WEFT_EINVAL   nobody
weft_err wf_policy_check_runner(const weft_definitions *definitions,
                                const char *name, weft_bytes options);

#endif
