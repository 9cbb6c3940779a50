// SPDX-License-Identifier: Apache-2.0
//
// policy.c - retry and timeout policies. Options are kept as: a varint for
// each number, the queue if there is one, then names until the end; as nothing
// if they say nothing.

#include "runtime/policy.h"

#include "base/error.h"
#include "base/key.h"
#include "base/limits.h"
#include "runtime/definitions.h"
#include "runtime/versioned.h"
#include "weft/task_queue.h"

// The numbers of the options, in the order in which they are kept. 0: as the
// definition says. Values are part of the stored format: append.
enum {
    INITIAL_MS,
    COEFFICIENT, // in thousandths
    MAXIMUM_MS,
    ATTEMPTS,
    TOTAL_MS,
    JITTER, // in thousandths, plus 1
    TO_START_MS,
    TO_CLOSE_MS,
    ALL_MS,
    HEARTBEAT_MS,
    CANCELLATION, // enum weft_cancellation
    ON_LOST,      // enum weft_on_lost
    IS_LOCAL,
    HAS_NAMES, // the names that follow replace the definition's
    HAS_QUEUE,
    NUMBERS
};

// Options, decoded.
struct options {
    uint64_t number[NUMBERS];
    weft_bytes queue; // borrowed; empty: none
    weft_bytes names; // B ..., borrowed
};

static struct options
decode(weft_bytes bytes)
{
    struct options options = {0};
    struct wf_reader reader = wf_reader_of(bytes);

    for (int i = 0; i < NUMBERS && bytes.len > 0; i++) {
        options.number[i] = wf_reader_varint(&reader);
    }
    if (options.number[HAS_QUEUE] != 0) {
        options.queue = wf_reader_bytes(&reader);
    }
    options.names = wf_reader_rest(&reader);
    return options;
}

static void
encode(const struct options *options, struct wf_buf *out_bytes)
{
    for (int i = 0; i < NUMBERS; i++) {
        wf_buf_put_varint(out_bytes, options->number[i]);
    }
    if (options->number[HAS_QUEUE] != 0) {
        wf_buf_put_bytes(out_bytes, options->queue);
    }
    wf_buf_put(out_bytes, options->names.data, options->names.len);
}

static uint64_t
thousandths(double value)
{
    return (uint64_t)(value * 1000.0 + 0.5);
}

// Written so that not-a-number fails too.
static weft_err
check(const weft_call_options *options)
{
    const weft_retry_policy *retry = &options->retry;

    if (retry->coefficient != 0 &&
        !(retry->coefficient >= 1 && retry->coefficient <= 1000)) {
        return wf_error(WEFT_EINVAL,
                        "call options: coefficient is not 1 to 1000");
    }
    if (!(retry->jitter >= 0 && retry->jitter <= 1) &&
        retry->jitter != WEFT_NO_JITTER) {
        return wf_error(WEFT_EINVAL, "call options: jitter is not 0 to 1");
    }
    if ((int)options->cancellation < WEFT_CANCELLATION_TRY ||
        options->cancellation > WEFT_CANCELLATION_ABANDON) {
        return wf_error(WEFT_EINVAL,
                        "call options: cancellation is %d, which is none",
                        (int)options->cancellation);
    }
    if ((int)options->on_lost < WEFT_ON_LOST_DEFAULT ||
        options->on_lost > WEFT_ON_LOST_FAIL) {
        return wf_error(WEFT_EINVAL,
                        "call options: on_lost is %d, which is none",
                        (int)options->on_lost);
    }
    if (options->is_local != 0 && options->is_local != 1) {
        return wf_error(WEFT_EINVAL, "call options: is_local is not 0 or 1");
    }
    if (options->task_queue != NULL && options->is_local) {
        return wf_error(WEFT_EINVAL,
                        "call options: task_queue together with is_local");
    }
    if (options->task_queue != NULL &&
        wf_name_check("call options: task_queue", options->task_queue,
                      WF_KIND_BYTES_MAX) != WEFT_OK) {
        return WEFT_EINVAL;
    }
    return WEFT_OK;
}

static weft_err
put_names(const char *const *names, struct wf_buf *out_names)
{
    for (; *names != NULL; names++) {
        if (wf_name_check("call options: a non_retryable name", *names,
                          WF_NAME_BYTES_MAX) != WEFT_OK) {
            return WEFT_EINVAL;
        }
        wf_buf_put_text(out_names, *names);
    }
    return WEFT_OK;
}

static bool
says_nothing(const struct options *options)
{
    for (int i = 0; i < NUMBERS; i++) {
        if (options->number[i] != 0) {
            return false;
        }
    }
    return true;
}

weft_err
wf_policy_encode(const weft_call_options *given, struct wf_buf *out_bytes)
{
    weft_call_options options;
    struct options kept = {0};
    struct wf_buf names = {0};
    weft_err err;

    if (given == NULL) {
        return WEFT_OK;
    }
    err = wf_versioned_copy("weft_call_options", given, &options,
                            sizeof(options));
    if (err == WEFT_OK) {
        err = check(&options);
    }
    if (err != WEFT_OK) { // there may be nothing in it, or no number
        return err;
    }
    if (options.retry.non_retryable != NULL) {
        kept.number[HAS_NAMES] = 1;
        err = put_names(options.retry.non_retryable, &names);
    }
    kept.number[INITIAL_MS] = options.retry.initial_interval_ms;
    kept.number[COEFFICIENT] = thousandths(options.retry.coefficient);
    kept.number[MAXIMUM_MS] = options.retry.maximum_interval_ms;
    kept.number[ATTEMPTS] = options.retry.maximum_attempts;
    kept.number[TOTAL_MS] = options.retry.total_ms;
    kept.number[JITTER] = options.retry.jitter == 0 ? 0
                          : options.retry.jitter < 0
                              ? 1
                              : thousandths(options.retry.jitter) + 1;
    kept.number[TO_START_MS] = options.timeouts.schedule_to_start_ms;
    kept.number[TO_CLOSE_MS] = options.timeouts.start_to_close_ms;
    kept.number[ALL_MS] = options.timeouts.schedule_to_close_ms;
    kept.number[HEARTBEAT_MS] = options.timeouts.heartbeat_ms;
    kept.number[CANCELLATION] = options.cancellation;
    kept.number[ON_LOST] = options.on_lost;
    kept.number[IS_LOCAL] = options.is_local != 0;
    if (err == WEFT_OK && options.task_queue != NULL) {
        kept.number[HAS_QUEUE] = 1;
        kept.queue = weft_text(options.task_queue);
    }
    kept.names = wf_buf_bytes(&names);
    if (err == WEFT_OK && !says_nothing(&kept)) {
        encode(&kept, out_bytes);
    }
    wf_buf_fini(&names);
    return err;
}

void
wf_policy_merge(weft_bytes old_options, weft_bytes over,
                struct wf_buf *out_bytes)
{
    struct options merged = decode(old_options);
    struct options given = decode(over);

    for (int i = 0; i < NUMBERS; i++) {
        if (given.number[i] != 0) {
            merged.number[i] = given.number[i];
        }
    }
    if (given.number[HAS_NAMES] != 0) {
        merged.names = given.names;
    }
    encode(&merged, out_bytes);
}

bool
wf_policy_has_interval(weft_bytes options)
{
    struct options given = decode(options);

    return given.number[INITIAL_MS] != 0 || given.number[COEFFICIENT] != 0 ||
           given.number[MAXIMUM_MS] != 0 || given.number[JITTER] != 0;
}

weft_cancellation
wf_policy_cancellation(weft_bytes options)
{
    return (weft_cancellation)decode(options).number[CANCELLATION];
}

bool
wf_policy_is_local(weft_bytes options)
{
    return decode(options).number[IS_LOCAL] != 0;
}

weft_bytes
wf_policy_queue(weft_bytes options)
{
    return decode(options).queue;
}

static void
override(uint64_t *value, uint64_t over)
{
    if (over != 0) {
        *value = over;
    }
}

static void
override_retry(weft_retry_policy *retry, const uint64_t *number)
{
    if (retry->initial_interval_ms != 0 &&
        retry->maximum_interval_ms == retry->initial_interval_ms * 100) {
        retry->maximum_interval_ms = 0; // follows the initial one
    }
    override(&retry->initial_interval_ms, number[INITIAL_MS]);
    override(&retry->maximum_interval_ms, number[MAXIMUM_MS]);
    if (retry->maximum_interval_ms == 0) {
        retry->maximum_interval_ms =
            retry->initial_interval_ms > WEFT_FOREVER / 100
                ? WEFT_FOREVER
                : retry->initial_interval_ms * 100;
    }
    override(&retry->total_ms, number[TOTAL_MS]);
    if (number[COEFFICIENT] != 0) {
        retry->coefficient = (double)number[COEFFICIENT] / 1000.0;
    }
    if (number[JITTER] != 0) {
        retry->jitter = (double)(number[JITTER] - 1) / 1000.0;
    }
    if (number[ATTEMPTS] != 0) {
        retry->maximum_attempts = (uint32_t)number[ATTEMPTS];
    }
}

struct wf_policy
wf_policy_of(const weft_activity_def *def, weft_bytes options)
{
    struct wf_policy policy = {
        .retry = def->retry,
        .timeouts = def->timeouts,
        .fail_when_lost = def->fail_when_lost != 0,
    };
    struct options given = decode(options);
    const uint64_t *number = given.number;

    if (options.len == 0) {
        return policy;
    }
    override_retry(&policy.retry, number);
    override(&policy.timeouts.schedule_to_start_ms, number[TO_START_MS]);
    override(&policy.timeouts.start_to_close_ms, number[TO_CLOSE_MS]);
    override(&policy.timeouts.schedule_to_close_ms, number[ALL_MS]);
    override(&policy.timeouts.heartbeat_ms, number[HEARTBEAT_MS]);
    if (number[ON_LOST] != WEFT_ON_LOST_DEFAULT) {
        policy.fail_when_lost = number[ON_LOST] == WEFT_ON_LOST_FAIL;
    }
    if (number[HAS_NAMES] != 0) {
        policy.retry.non_retryable = NULL;
        policy.non_retryable = given.names;
    }
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
    if (delay >= (double)WF_NEVER_MS) { // as a number it would be none
        return WF_NEVER_MS;
    }
    return delay < 1 ? 1 : (uint64_t)delay;
}

// The queue that the definition has, unless the call has one or is local.
static void
add_queue(const struct wf_activity_kind *kind, struct wf_buf *options)
{
    struct options kept = decode(wf_buf_bytes(options));
    struct wf_buf with = {0};

    if (kind == NULL || kind->def.task_queue == NULL ||
        kept.number[HAS_QUEUE] != 0 || kept.number[IS_LOCAL] != 0) {
        return;
    }
    kept.number[HAS_QUEUE] = 1;
    kept.queue = weft_text(kind->def.task_queue);
    encode(&kept, &with);
    wf_buf_fini(options);
    *options = with;
}

weft_err
wf_policy_of_call(const weft_definitions *definitions, const char *name,
                  const weft_call_options *options, struct wf_buf *out_options)
{
    weft_err err = wf_name_check("activity", name, WF_KIND_BYTES_MAX);

    if (err == WEFT_OK) {
        err = wf_policy_encode(options, out_options);
    }
    if (err == WEFT_OK) {
        add_queue(wf_definitions_find_activity(definitions, name), out_options);
    }
    return err;
}

weft_err
wf_policy_check_runner(const weft_definitions *definitions, const char *name,
                       weft_bytes options)
{
    weft_bytes queue = wf_policy_queue(options);

    if (queue.len == 0) {
        return wf_definitions_find_activity(definitions, name) != NULL
                   ? WEFT_OK
                   : wf_error(WEFT_EINVAL, "activity %s is not registered",
                              name);
    }
    return wf_definitions_find(definitions, WEFT_TASK_QUEUE_KIND) != NULL
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "activity %s: task queue %.*s, and this node has no "
                          "task queues (weft_definitions_add_task_queues)",
                          name, (int)queue.len, (const char *)queue.data);
}
