// SPDX-License-Identifier: Apache-2.0
//
// policy.c - retry and timeout policies. Options are kept as: a varint for
// each number (fractions in thousandths), then names until the end.

#include "runtime/policy.h"

#include "base/error.h"
#include "base/key.h"
#include "base/limits.h"
#include "runtime/definitions.h"

static uint64_t
thousandths(double value)
{
    return (uint64_t)(value * 1000.0 + 0.5);
}

weft_err
wf_policy_encode(const weft_call_options *options, struct wf_buf *out_bytes)
{
    const weft_retry_policy *retry;
    const weft_activity_timeouts *timeouts;

    if (options == NULL) {
        return WEFT_OK;
    }
    retry = &options->retry;
    timeouts = &options->timeouts;
    if (options->struct_size != sizeof(*options)) {
        return wf_error(WEFT_EINVAL, "call options: start from "
                                     "WEFT_CALL_OPTIONS_INIT");
    }
    if ((retry->coefficient != 0 && retry->coefficient < 1) ||
        retry->coefficient > 1000 || retry->jitter < 0 || retry->jitter > 1) {
        return wf_error(WEFT_EINVAL,
                        "call options: coefficient is 1 to 1000 and jitter 0 "
                        "to 1");
    }
    wf_buf_put_varint(out_bytes, retry->initial_interval_ms);
    wf_buf_put_varint(out_bytes, thousandths(retry->coefficient));
    wf_buf_put_varint(out_bytes, retry->maximum_interval_ms);
    wf_buf_put_varint(out_bytes, retry->maximum_attempts);
    wf_buf_put_varint(out_bytes, retry->total_ms);
    wf_buf_put_varint(out_bytes, thousandths(retry->jitter));
    wf_buf_put_varint(out_bytes, timeouts->schedule_to_start_ms);
    wf_buf_put_varint(out_bytes, timeouts->start_to_close_ms);
    wf_buf_put_varint(out_bytes, timeouts->schedule_to_close_ms);
    wf_buf_put_varint(out_bytes, timeouts->heartbeat_ms);
    for (const char *const *name = retry->non_retryable;
         name != NULL && *name != NULL; name++) {
        wf_buf_put_text(out_bytes, *name);
    }
    return WEFT_OK;
}

static void
override_u64(uint64_t *value, uint64_t over)
{
    if (over != 0) {
        *value = over;
    }
}

static void
override_fraction(double *value, uint64_t over)
{
    if (over != 0) {
        *value = (double)over / 1000.0;
    }
}

struct wf_policy
wf_policy_of(const weft_activity_def *def, weft_bytes options)
{
    struct wf_policy policy = {.retry = def->retry, .timeouts = def->timeouts};
    struct wf_reader reader = wf_reader_of(options);
    uint64_t attempts;

    if (options.len == 0) {
        return policy;
    }
    if (policy.retry.initial_interval_ms != 0 &&
        policy.retry.maximum_interval_ms ==
            policy.retry.initial_interval_ms * 100) {
        policy.retry.maximum_interval_ms = 0; // follows the initial one
    }
    override_u64(&policy.retry.initial_interval_ms, wf_reader_varint(&reader));
    override_fraction(&policy.retry.coefficient, wf_reader_varint(&reader));
    override_u64(&policy.retry.maximum_interval_ms, wf_reader_varint(&reader));
    if (policy.retry.maximum_interval_ms == 0) {
        policy.retry.maximum_interval_ms =
            policy.retry.initial_interval_ms * 100;
    }
    attempts = wf_reader_varint(&reader);
    if (attempts != 0) {
        policy.retry.maximum_attempts = (uint32_t)attempts;
    }
    override_u64(&policy.retry.total_ms, wf_reader_varint(&reader));
    override_fraction(&policy.retry.jitter, wf_reader_varint(&reader));
    override_u64(&policy.timeouts.schedule_to_start_ms,
                 wf_reader_varint(&reader));
    override_u64(&policy.timeouts.start_to_close_ms, wf_reader_varint(&reader));
    override_u64(&policy.timeouts.schedule_to_close_ms,
                 wf_reader_varint(&reader));
    override_u64(&policy.timeouts.heartbeat_ms, wf_reader_varint(&reader));
    policy.non_retryable = wf_reader_rest(&reader);
    return policy;
}

bool
wf_policy_is_retryable(const struct wf_policy *policy, weft_bytes name)
{
    struct wf_reader names = wf_reader_of(policy->non_retryable);

    while (wf_reader_left(&names) > 0 && !names.failed) {
        if (wf_bytes_equal(wf_reader_bytes(&names), name)) {
            return false;
        }
    }
    for (const char *const *known = policy->retry.non_retryable;
         known != NULL && *known != NULL; known++) {
        if (wf_bytes_equal(weft_text(*known), name)) {
            return false;
        }
    }
    return true;
}

uint64_t
wf_policy_delay_ms(const struct wf_policy *policy, uint32_t next, double random)
{
    double delay = (double)policy->retry.initial_interval_ms;
    double limit = (double)policy->retry.maximum_interval_ms;

    for (uint32_t i = 2; i < next && delay < limit; i++) {
        delay *= policy->retry.coefficient;
    }
    if (delay > limit) {
        delay = limit;
    }
    delay *= 1.0 - policy->retry.jitter * random;
    return delay < 1 ? 1 : (uint64_t)delay;
}

weft_err
wf_policy_check_activity(const weft_definitions *definitions, const char *name)
{
    weft_err err = wf_name_check("activity", name, WF_KIND_BYTES_MAX);

    if (err == WEFT_OK &&
        wf_definitions_find_activity(definitions, name) == NULL) {
        err = wf_error(WEFT_EINVAL, "activity %s is not registered", name);
    }
    return err;
}
