// SPDX-License-Identifier: Apache-2.0
//
// activity.c - what an activity's function can call, and what its return means.
//
//     returned               outcome
//     WEFT_OK                OK, with the result of weft_activity_return
//     WEFT_EFAILED           EFAILED, with the failure of weft_activity_fail
//     WEFT_ECANCELLED        ECANCELLED, if cancellation was asked for
//     WEFT_EDEFERRED         EDEFERRED, if weft_activity_defer gave a token
//     anything else          EFAILED, named after the error
//
// Heartbeats. Each one stamps task->beat_at_ms, which is what the partition
// compares with the heartbeat timeout. A wf_beat carries details and costs a
// record, so beats are rationed: one is posted when the details are new or the
// last one is 20 ms old, and only while there is credit, of which there are 16
// at first and one more every 20 ms. What found no credit is kept and goes out
// with a later heartbeat, or when the function returns. So a tight loop posts
// 50 beats a second, and a slow one never waits.
//
// Threads: a worker's, for the whole attempt.

#include "runtime/activity.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "runtime/definitions.h"
#include "runtime/inside.h"
#include "runtime/interceptor.h"
#include "runtime/start.h"
#include "runtime/task.h"

enum { BEAT_CREDIT_MAX = 16 };
#define BEAT_INTERVAL_NS 20000000ULL

struct weft_activity {
    struct wf_task *task;
    const struct wf_activity_host *host;
    void *context;
    struct wf_outcome failure; // of weft_activity_fail; err says if any
    weft_bytes result;         // owned
    bool is_deferred;

    uint32_t beat_credit;
    uint64_t credit_ns;   // when credit was last added
    uint64_t posted_ns;   // when the last beat was posted; 0: none yet
    uint64_t posted_hash; // of its details
    bool is_pending;      // `pending` has not been posted
    weft_bytes pending;   // owned

    char caller_id[WF_KEY_BYTES_MAX + 1];
};

static void
replace_bytes(weft_bytes *owned, weft_bytes bytes)
{
    weft_bytes copy = bytes.len == 0 ? weft_nothing() : wf_bytes_copy(bytes);

    wf_free((void *)(uintptr_t)owned->data);
    *owned = copy;
}

// Results. ------------------------------------------------------------------

weft_err
weft_activity_return(weft_activity *activity, weft_bytes result)
{
    wf_error_clear();
    WF_REQUIRE_INSIDE(activity);
    WF_REQUIRE(result.len == 0 || result.data != NULL);
    if (result.len > WF_PAYLOAD_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "activity %s: the result has %zu bytes",
                        activity->task->kind->name, result.len);
    }
    replace_bytes(&activity->result, result);
    return WEFT_OK;
}

weft_bytes
weft_activity_result(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) ? activity->result : weft_nothing();
}

// The text, cut where a message may not be longer.
static char *
copy_message(const char *message)
{
    size_t len = message == NULL ? 0 : strnlen(message, WF_TURN_BYTES_MAX / 8);
    char *copy = wf_alloc(len + 1);

    if (len > 0) {
        memcpy(copy, message, len);
    }
    copy[len] = '\0';
    return copy;
}

// A failure must not be lost because it is badly described, so what is out of
// bounds is mended instead of refused.
static weft_err
fail(weft_activity *activity, const char *name, const char *message,
     weft_bytes details, bool is_final)
{
    struct wf_outcome *failure = &activity->failure;
    struct wf_outcome made = {.err = WEFT_EFAILED, .is_final = is_final};

    if (wf_name_check("the failure's name", name, WF_NAME_BYTES_MAX) !=
        WEFT_OK) {
        name = weft_err_name(WEFT_EFAILED);
    }
    if (details.len > WF_PAYLOAD_BYTES_MAX || details.data == NULL) {
        details = weft_nothing();
    }
    made.name = wf_strdup(name);
    made.message = copy_message(message);
    replace_bytes(&made.data, details);
    wf_outcome_fini(failure);
    *failure = made;
    return WEFT_EFAILED;
}

weft_err
weft_activity_fail(weft_activity *activity, const char *name,
                   const char *message, weft_bytes details)
{
    wf_error_clear();
    WF_REQUIRE_INSIDE(activity);
    return fail(activity, name, message, details, false);
}

weft_err
weft_activity_fail_after(weft_activity *activity, const char *name,
                         const char *message, weft_bytes details,
                         uint64_t retry_after_ms)
{
    weft_err err;

    wf_error_clear();
    WF_REQUIRE_INSIDE(activity);
    err = fail(activity, name, message, details, false);
    activity->failure.retry_after_ms = retry_after_ms;
    return err;
}

weft_err
weft_activity_fail_for_good(weft_activity *activity, const char *name,
                            const char *message, weft_bytes details)
{
    wf_error_clear();
    WF_REQUIRE_INSIDE(activity);
    return fail(activity, name, message, details, true);
}

weft_err
weft_activity_defer(weft_activity *activity, char *out_token, size_t token_size)
{
    wf_error_clear();
    WF_REQUIRE_INSIDE(activity);
    WF_REQUIRE(out_token != NULL);
    WF_REQUIRE(token_size >= WEFT_TOKEN_CHARS_MAX);
    wf_token_encode(&activity->task->caller, &activity->task->token, out_token);
    activity->is_deferred = true;
    return WEFT_EDEFERRED;
}

// Heartbeats. ---------------------------------------------------------------

// Post a beat with these details, which it takes.
static void
post_beat(weft_activity *activity, weft_bytes details)
{
    const struct wf_task *task = activity->task;
    struct wf_beat *beat = wf_calloc(sizeof(*beat));

    beat->partition = task->partition;
    beat->incarnation = task->incarnation;
    beat->caller = wf_key_copy(&task->caller);
    beat->token = task->token;
    beat->details = details;
    activity->host->beat(activity->host->ctx, beat);
}

static void
add_credit(weft_activity *activity, uint64_t now_ns)
{
    uint64_t earned = (now_ns - activity->credit_ns) / BEAT_INTERVAL_NS;

    if (earned >= BEAT_CREDIT_MAX - activity->beat_credit) {
        activity->beat_credit = BEAT_CREDIT_MAX;
        activity->credit_ns = now_ns;
    } else {
        activity->beat_credit += (uint32_t)earned;
        activity->credit_ns += earned * BEAT_INTERVAL_NS;
    }
}

// Post the details now, keep them for later, or leave it at the stamp.
static void
beat(weft_activity *activity, weft_bytes details)
{
    const struct wf_clock *clock = &activity->host->clock;
    uint64_t now_ns = clock->mono_ns(clock->self);
    uint64_t hash = wf_hash64(details.data, details.len, 1);
    bool is_new = activity->posted_ns == 0 || hash != activity->posted_hash;

    add_credit(activity, now_ns);
    if (!is_new && now_ns - activity->posted_ns < BEAT_INTERVAL_NS) {
        activity->is_pending = false; // the same as what was posted
        return;
    }
    if (activity->beat_credit == 0) {
        replace_bytes(&activity->pending, details);
        activity->is_pending = true;
        return;
    }
    activity->beat_credit--;
    activity->is_pending = false;
    activity->posted_ns = now_ns;
    activity->posted_hash = hash;
    post_beat(activity,
              details.len == 0 ? weft_nothing() : wf_bytes_copy(details));
}

weft_err
weft_activity_heartbeat(weft_activity *activity, weft_bytes details)
{
    const struct wf_clock *clock;

    wf_error_clear();
    WF_REQUIRE_INSIDE(activity);
    WF_REQUIRE(details.len == 0 || details.data != NULL);
    if (details.len > WF_PAYLOAD_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "activity %s: the details have %zu bytes",
                        activity->task->kind->name, details.len);
    }
    if (atomic_load(&activity->task->is_abandoned)) {
        return WEFT_ETIMEDOUT;
    }
    clock = &activity->host->clock;
    atomic_store(&activity->task->beat_at_ms,
                 wf_task_now_ms(activity->task, clock));
    beat(activity, details);
    return atomic_load(&activity->task->is_cancelled) ? WEFT_ECANCELLED
                                                      : WEFT_OK;
}

weft_bytes
weft_activity_last_details(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) ? activity->task->details : weft_nothing();
}

// About the attempt. --------------------------------------------------------

weft_bytes
weft_activity_header(const weft_activity *activity, const char *name)
{
    return WF_IS_INSIDE(activity)
               ? wf_start_header(activity->task->headers, name)
               : weft_nothing();
}

uint32_t
weft_activity_attempt(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) ? activity->task->attempt : 0;
}

const char *
weft_activity_key(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) ? activity->task->key : "";
}

void *
weft_activity_context(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) ? activity->context : NULL;
}

const char *
weft_activity_caller_id(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) ? activity->caller_id : "";
}

int
weft_activity_is_paused(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) && atomic_load(&activity->task->is_paused);
}

int
weft_activity_is_cancelled(const weft_activity *activity)
{
    return WF_IS_INSIDE(activity) &&
           (atomic_load(&activity->task->is_cancelled) ||
            atomic_load(&activity->task->is_abandoned));
}

// Running it. ---------------------------------------------------------------

// The outcome for an error that brings no failure of its own.
static struct wf_outcome
failed_with(weft_err err, const char *message)
{
    return (struct wf_outcome){
        .err = WEFT_EFAILED,
        .name = wf_strdup(weft_err_name(err)),
        .message = wf_strdup(message),
    };
}

// Moves what the outcome needs out of the activity.
static struct wf_outcome
outcome_of(weft_activity *activity, weft_err err)
{
    struct wf_outcome outcome = {.err = err};

    switch (err) {
    case WEFT_OK:
        outcome.data = activity->result;
        activity->result = weft_nothing();
        return outcome;
    case WEFT_EFAILED:
        if (activity->failure.err != WEFT_EFAILED) {
            break;
        }
        outcome = activity->failure;
        activity->failure = (struct wf_outcome){.err = WEFT_OK};
        return outcome;
    case WEFT_ECANCELLED:
        // It has a name too: some look at that alone.
        outcome = failed_with(err, weft_err_text(err));
        if (atomic_load(&activity->task->is_cancelled)) {
            outcome.err = WEFT_ECANCELLED;
        }
        return outcome;
    case WEFT_EDEFERRED:
        if (!activity->is_deferred) {
            return failed_with(err, "returned without weft_activity_defer");
        }
        return outcome;
    default:
        break;
    }
    return failed_with(err, wf_error_message(err));
}

static weft_err
run_code(weft_activity *activity, weft_activity_fn *run)
{
    const struct wf_interceptors *chain = activity->host->interceptors;
    const struct wf_task *task = activity->task;

    wf_error_clear();
    if (chain == NULL || !chain->has_attempt) {
        return run(activity, task->input);
    }
    return wf_interceptors_attempt(chain,
                                   &(weft_intercepted_attempt){
                                       .name = task->kind->name,
                                       .activity = activity,
                                       .input = task->input,
                                   },
                                   run);
}

void
wf_activity_run(struct wf_task *task, const struct wf_activity_host *host)
{
    weft_activity activity = {
        .task = task,
        .host = host,
        .context = task->kind->def.context,
        .beat_credit = BEAT_CREDIT_MAX,
        .credit_ns = host->clock.mono_ns(host->clock.self),
    };
    weft_activity_fn *run = task->kind->def.run;
    const void *before;
    weft_err err;

    if (task->caller.text != NULL) { // else a test's; the text stays empty
        (void)wf_key_path(&task->caller, activity.caller_id);
    }
    if (host->choose_code != NULL) {
        host->choose_code(host->choose_ctx, task->kind, &run,
                          &activity.context);
    }
    before = wf_inside_enter(&activity);
    err = run_code(&activity, run);
    wf_inside_leave(before);
    wf_outcome_fini(&task->outcome);
    task->outcome = outcome_of(&activity, err);
    // The next attempt is to see them; nobody else would.
    if (activity.is_pending && !atomic_load(&task->is_abandoned)) {
        post_beat(&activity, activity.pending);
        activity.pending = weft_nothing();
    }
    wf_outcome_fini(&activity.failure);
    wf_free((void *)(uintptr_t)activity.pending.data);
    wf_free((void *)(uintptr_t)activity.result.data);
}
