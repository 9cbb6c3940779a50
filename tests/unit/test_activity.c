// SPDX-License-Identifier: Apache-2.0

#include "runtime/activity.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "runtime/definitions.h"
#include "runtime/task.h"
#include "support/test.h"

// One attempt with a clock that the test moves, and a list of what was posted.
enum { BEATS_MAX = 1000 };

static struct {
    uint64_t now_ns;
    struct wf_beat *beats[BEATS_MAX];
    size_t beats_count;
    struct wf_activity_kind kind;
    struct wf_task *task;
} rig;

static uint64_t
wall_ms(void *self)
{
    (void)self;
    return rig.now_ns / 1000000;
}

static uint64_t
mono_ns(void *self)
{
    (void)self;
    return rig.now_ns;
}

static void
keep_beat(void *ctx, struct wf_beat *beat)
{
    (void)ctx;
    CHECK(rig.beats_count < BEATS_MAX);
    rig.beats[rig.beats_count++] = beat;
}

static void
open_rig(weft_activity_fn *run)
{
    static char name[] = "charge";

    memset(&rig, 0, sizeof(rig));
    rig.now_ns = 5000000000;
    rig.kind.name = name;
    rig.kind.def.run = run;
    rig.kind.def.context = &rig;
    rig.task = wf_task_create();
    rig.task->kind = &rig.kind;
    rig.task->partition = 3;
    rig.task->incarnation = 4;
    rig.task->token = (struct wf_token){5, 6, 7};
    rig.task->attempt = 3; // of those since a reset
    CHECK_OK(wf_key_make("default", "order", "17", &rig.task->caller));
    memcpy(rig.task->key, "0123456789abcdef0123456789abcdef", 33);
}

static const struct wf_outcome *
run_rig(void)
{
    struct wf_activity_host host = {
        .clock = {.wall_ms = wall_ms, .mono_ns = mono_ns}, .beat = keep_beat};

    wf_activity_run(rig.task, &host);
    return &rig.task->outcome;
}

static void
close_rig(void)
{
    for (size_t i = 0; i < rig.beats_count; i++) {
        wf_beat_destroy(rig.beats[i]);
    }
    wf_task_destroy(rig.task);
}

static weft_err
return_twice(weft_activity *activity, weft_bytes input)
{
    static char big[WF_PAYLOAD_BYTES_MAX + 1];

    CHECK_BYTES(input, weft_text("in"));
    CHECK_OK(weft_activity_return(activity, weft_text("first")));
    CHECK_OK(weft_activity_return(activity, weft_text("last")));
    CHECK_ERR(weft_activity_return(activity, weft_bytes_of(big, sizeof(big))),
              WEFT_ETOOBIG);
    return WEFT_OK;
}

TEST(activity, the_last_result_wins)
{
    const struct wf_outcome *outcome;

    open_rig(return_twice);
    rig.task->input = wf_bytes_copy(weft_text("in"));
    outcome = run_rig();
    CHECK_OK(outcome->err);
    CHECK_BYTES(outcome->data, weft_text("last"));
    close_rig();
}

static weft_err
look_around(weft_activity *activity, weft_bytes input)
{
    (void)input;
    CHECK_EQ(weft_activity_attempt(activity), 3);
    CHECK_EQ(weft_activity_is_paused(activity), 0);
    CHECK_STR(weft_activity_key(activity), "0123456789abcdef0123456789abcdef");
    CHECK_STR(weft_activity_caller_id(activity), "default/order/17");
    CHECK(weft_activity_context(activity) == &rig);
    CHECK_BYTES(weft_activity_last_details(activity), weft_text("half"));
    CHECK_EQ(weft_activity_is_cancelled(activity), 0);
    return WEFT_OK;
}

TEST(activity, sees_its_attempt)
{
    open_rig(look_around);
    rig.task->details = wf_bytes_copy(weft_text("half"));
    CHECK_OK(run_rig()->err);
    CHECK_EQ(rig.task->outcome.data.len, 0);
    close_rig();
}

static weft_err
decline(weft_activity *activity, weft_bytes input)
{
    (void)input;
    CHECK_ERR(weft_activity_fail(activity, "Early", "x", weft_nothing()),
              WEFT_EFAILED);
    return weft_activity_fail_for_good(activity, "Declined", "no money",
                                       weft_text("card"));
}

TEST(activity, the_last_failure_wins)
{
    const struct wf_outcome *outcome;

    open_rig(decline);
    outcome = run_rig();
    CHECK_ERR(outcome->err, WEFT_EFAILED);
    CHECK_STR(outcome->name, "Declined");
    CHECK_STR(outcome->message, "no money");
    CHECK_BYTES(outcome->data, weft_text("card"));
    CHECK(outcome->is_final);
    close_rig();
}

static weft_err
fail_badly(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_fail(activity, NULL, NULL, weft_nothing());
}

TEST(activity, a_failure_without_a_name_gets_one)
{
    open_rig(fail_badly);
    CHECK_STR(run_rig()->name, "WEFT_EFAILED");
    CHECK_STR(rig.task->outcome.message, "");
    CHECK(!rig.task->outcome.is_final);
    close_rig();
}

static weft_err
return_io(weft_activity *activity, weft_bytes input)
{
    (void)input;
    (void)weft_activity_fail(activity, "Unused", "x", weft_nothing());
    return WEFT_EIO;
}

static weft_err
return_failed(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_EFAILED;
}

static weft_err
return_deferred(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_EDEFERRED;
}

static weft_err
return_cancelled(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_ECANCELLED;
}

static void
check_failure(weft_activity_fn *run, const char *name)
{
    open_rig(run);
    CHECK_ERR(run_rig()->err, WEFT_EFAILED);
    CHECK_STR(rig.task->outcome.name, name);
    close_rig();
}

TEST(activity, other_errors_are_failures_named_after_them)
{
    check_failure(return_io, "WEFT_EIO");
    check_failure(return_failed, "WEFT_EFAILED");
    check_failure(return_deferred, "WEFT_EDEFERRED");
    check_failure(return_cancelled, "WEFT_ECANCELLED");
}

TEST(activity, cancelled_counts_only_when_asked_for)
{
    open_rig(return_cancelled);
    atomic_store(&rig.task->is_cancelled, true);
    CHECK_ERR(run_rig()->err, WEFT_ECANCELLED);
    close_rig();
}

static char deferred_token[WEFT_TOKEN_CHARS_MAX];

static weft_err
defer(weft_activity *activity, weft_bytes input)
{
    (void)input;
    CHECK_ERR(weft_activity_defer(activity, deferred_token, 10), WEFT_EINVAL);
    return weft_activity_defer(activity, deferred_token,
                               sizeof(deferred_token));
}

TEST(activity, a_deferred_one_leaves_its_token)
{
    struct wf_token token;
    struct wf_key key;

    open_rig(defer);
    CHECK_ERR(run_rig()->err, WEFT_EDEFERRED);
    CHECK_OK(wf_token_decode(deferred_token, &key, &token));
    CHECK(wf_key_equal(&key, &rig.task->caller));
    CHECK_EQ(token.run, 5);
    CHECK_EQ(token.command, 6);
    CHECK_EQ(token.attempt, 7);
    wf_key_fini(&key);
    close_rig();
}

static weft_err
beat_same(weft_activity *activity, weft_bytes input)
{
    (void)input;
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(weft_activity_heartbeat(activity, weft_text("half")));
        rig.now_ns += 1000000;
    }
    return WEFT_OK;
}

TEST(activity, equal_heartbeats_are_posted_once_in_20_ms)
{
    open_rig(beat_same);
    (void)run_rig();
    CHECK_EQ(rig.beats_count, 50);
    CHECK_EQ(rig.beats[0]->partition, 3);
    CHECK_EQ(rig.beats[0]->incarnation, 4);
    CHECK_EQ(rig.beats[0]->token.attempt, 7);
    CHECK(wf_key_equal(&rig.beats[0]->caller, &rig.task->caller));
    CHECK_BYTES(rig.beats[0]->details, weft_text("half"));
    CHECK_EQ(atomic_load(&rig.task->beat_at_ms), 5999);
    close_rig();
}

static weft_err
beat_changing(weft_activity *activity, weft_bytes input)
{
    (void)input;
    for (int i = 0; i < 100000; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        CHECK_OK(weft_activity_heartbeat(activity, weft_text(text)));
        rig.now_ns += 10000; // a second in all
    }
    return WEFT_EIO;
}

TEST(activity, a_tight_loop_of_new_details_is_rationed_and_loses_no_last_one)
{
    open_rig(beat_changing);
    (void)run_rig();
    CHECK(rig.beats_count >= 50);
    CHECK(rig.beats_count <= 16 + 50 + 1);
    CHECK_BYTES(rig.beats[rig.beats_count - 1]->details, weft_text("99999"));
    close_rig();
}

static weft_err
beat_until_told(weft_activity *activity, weft_bytes input)
{
    (void)input;
    CHECK_OK(weft_activity_heartbeat(activity, weft_nothing()));
    atomic_store(&rig.task->is_cancelled, true);
    CHECK_ERR(weft_activity_heartbeat(activity, weft_nothing()),
              WEFT_ECANCELLED);
    CHECK_EQ(weft_activity_is_cancelled(activity), 1);
    atomic_store(&rig.task->is_abandoned, true);
    CHECK_ERR(weft_activity_heartbeat(activity, weft_text("late")),
              WEFT_ETIMEDOUT);
    return WEFT_ECANCELLED;
}

TEST(activity, heartbeats_bring_cancellation_and_the_end_of_time)
{
    open_rig(beat_until_told);
    CHECK_ERR(run_rig()->err, WEFT_ECANCELLED);
    CHECK_EQ(rig.beats_count, 1);
    close_rig();
}
