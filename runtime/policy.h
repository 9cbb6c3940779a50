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
#include "weft/workflow.h"

struct wf_policy {
    weft_retry_policy retry;
    weft_activity_timeouts timeouts;
    weft_bytes non_retryable; // names as B ...; borrowed from the options
};

// Options as they are kept in a command. options may be NULL: nothing.
//
// WEFT_EINVAL   a field is out of range
weft_err wf_policy_encode(const weft_call_options *options,
                          struct wf_buf *out_bytes);

// The policy of a call: its definition's, and its options over it.
struct wf_policy wf_policy_of(const weft_activity_def *def, weft_bytes options);

bool wf_policy_is_retryable(const struct wf_policy *policy, weft_bytes name);

// How long to wait before attempt `next` (from 2). random: 0 to 1.
uint64_t wf_policy_delay_ms(const struct wf_policy *policy, uint32_t next,
                            double random);

// WEFT_EINVAL   no such activity; the detail names it
weft_err wf_policy_check_activity(const weft_definitions *definitions,
                                  const char *name);

#endif
