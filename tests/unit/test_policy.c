// SPDX-License-Identifier: Apache-2.0

#include "runtime/policy.h"

#include <math.h>

#include "base/limits.h"
#include "runtime/definitions.h"
#include "support/test.h"

static const char *const kind_names[] = {"Declined", NULL};

static weft_activity_def
kind(void)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.retry.maximum_attempts = 5;
    def.retry.total_ms = 7000;
    def.retry.jitter = 0.5;
    def.retry.non_retryable = kind_names;
    def.timeouts.start_to_close_ms = 60000;
    def.timeouts.heartbeat_ms = 1000;
    def.fail_when_lost = 1;
    CHECK_OK(wf_retry_policy_normalise("kind", &def.retry));
    return def;
}

static struct wf_buf
encoded(const weft_call_options *options)
{
    struct wf_buf bytes = {0};

    CHECK_OK(wf_policy_encode(options, &bytes));
    return bytes;
}

TEST(policy, options_that_say_nothing_take_no_room)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    struct wf_buf bytes = encoded(&options);
    weft_activity_def def = kind();
    struct wf_policy policy = wf_policy_of(&def, wf_buf_bytes(&bytes));

    CHECK_EQ(bytes.len, 0);
    CHECK_EQ(policy.retry.maximum_attempts, 5);
    CHECK_EQ(policy.retry.maximum_interval_ms, 100000);
    CHECK(policy.fail_when_lost);
    CHECK(!wf_policy_is_retryable(&policy, weft_text("Declined")));
    CHECK_EQ(wf_policy_cancellation(wf_buf_bytes(&bytes)),
             WEFT_CANCELLATION_TRY);
    CHECK(!wf_policy_is_local(wf_buf_bytes(&bytes)));
    CHECK_EQ(encoded(NULL).len, 0);
}

TEST(policy, a_call_overrides_what_it_says_and_nothing_else)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_activity_def def = kind();
    struct wf_policy policy;
    struct wf_buf bytes;

    options.retry.initial_interval_ms = 50;
    options.retry.coefficient = 1.5;
    options.timeouts.schedule_to_start_ms = 9;
    options.cancellation = WEFT_CANCELLATION_ABANDON;
    options.on_lost = WEFT_ON_LOST_REPEAT;
    options.is_local = 1;
    bytes = encoded(&options);
    policy = wf_policy_of(&def, wf_buf_bytes(&bytes));
    CHECK_EQ(policy.retry.initial_interval_ms, 50);
    CHECK_EQ(policy.retry.maximum_interval_ms, 5000); // follows
    CHECK(policy.retry.coefficient == 1.5);
    CHECK(policy.retry.jitter == 0.5);
    CHECK_EQ(policy.retry.maximum_attempts, 5);
    CHECK_EQ(policy.timeouts.schedule_to_start_ms, 9);
    CHECK_EQ(policy.timeouts.heartbeat_ms, 1000);
    CHECK(!policy.fail_when_lost);
    CHECK(!wf_policy_is_retryable(&policy, weft_text("Declined")));
    CHECK_EQ(wf_policy_cancellation(wf_buf_bytes(&bytes)),
             WEFT_CANCELLATION_ABANDON);
    CHECK(wf_policy_is_local(wf_buf_bytes(&bytes)));
    wf_buf_fini(&bytes);
}

TEST(policy, a_call_takes_limits_back)
{
    static const char *const none[] = {NULL};
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_activity_def def = kind();
    struct wf_policy policy;
    struct wf_buf bytes;

    options.retry.maximum_attempts = WEFT_UNLIMITED;
    options.retry.total_ms = WEFT_FOREVER;
    options.retry.jitter = WEFT_NO_JITTER;
    options.retry.non_retryable = none;
    options.timeouts.heartbeat_ms = WEFT_FOREVER;
    bytes = encoded(&options);
    policy = wf_policy_of(&def, wf_buf_bytes(&bytes));
    CHECK_EQ(policy.retry.maximum_attempts, WEFT_UNLIMITED);
    CHECK_EQ(policy.retry.total_ms, WEFT_FOREVER);
    CHECK(policy.retry.jitter == 0);
    CHECK_EQ(policy.timeouts.heartbeat_ms, WEFT_FOREVER);
    CHECK(wf_policy_is_retryable(&policy, weft_text("Declined")));
    wf_buf_fini(&bytes);
}

TEST(policy, names_of_a_call_replace_those_of_the_definition)
{
    static const char *const names[] = {"Broken", "Closed", NULL};
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_activity_def def = kind();
    struct wf_policy policy;
    struct wf_buf bytes;

    options.retry.non_retryable = names;
    bytes = encoded(&options);
    policy = wf_policy_of(&def, wf_buf_bytes(&bytes));
    CHECK(!wf_policy_is_retryable(&policy, weft_text("Broken")));
    CHECK(!wf_policy_is_retryable(&policy, weft_text("Closed")));
    CHECK(wf_policy_is_retryable(&policy, weft_text("Declined")));
    CHECK(wf_policy_is_retryable(&policy, weft_text("Clos")));
    wf_buf_fini(&bytes);
}

TEST(policy, options_are_merged_field_by_field)
{
    static const char *const names[] = {"Broken", NULL};
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_activity_def def = kind();
    struct wf_buf merged = {0};
    struct wf_policy policy;
    struct wf_buf old_bytes;
    struct wf_buf over;

    options.retry.non_retryable = names;
    options.retry.maximum_attempts = 9;
    options.timeouts.heartbeat_ms = 5;
    options.cancellation = WEFT_CANCELLATION_WAIT;
    old_bytes = encoded(&options);
    options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    options.timeouts.heartbeat_ms = 6;
    over = encoded(&options);
    wf_policy_merge(wf_buf_bytes(&old_bytes), wf_buf_bytes(&over), &merged);
    policy = wf_policy_of(&def, wf_buf_bytes(&merged));
    CHECK_EQ(policy.retry.maximum_attempts, 9);
    CHECK_EQ(policy.timeouts.heartbeat_ms, 6);
    CHECK(!wf_policy_is_retryable(&policy, weft_text("Broken")));
    CHECK_EQ(wf_policy_cancellation(wf_buf_bytes(&merged)),
             WEFT_CANCELLATION_WAIT);
    CHECK(!wf_policy_has_interval(wf_buf_bytes(&over)));
    wf_buf_reset(&merged);
    wf_policy_merge(weft_nothing(), wf_buf_bytes(&over), &merged);
    CHECK_BYTES(wf_buf_bytes(&merged), wf_buf_bytes(&over));
    wf_buf_fini(&merged);
    wf_buf_fini(&over);
    wf_buf_fini(&old_bytes);
}

TEST(policy, what_is_no_option_is_refused)
{
    weft_call_options good = WEFT_CALL_OPTIONS_INIT;
    weft_call_options options = good;
    struct wf_buf bytes = {0};

    options.retry.coefficient = NAN;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    options = good;
    options.retry.jitter = NAN;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    options = good;
    options.retry.jitter = -2;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    options = good;
    options.struct_size = 0;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    options = good;
    options.retry.coefficient = 1001;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    options = good;
    options.cancellation = (weft_cancellation)-1;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "cancellation is -1") != NULL);
    options = good;
    options.on_lost = (weft_on_lost)(WEFT_ON_LOST_FAIL + 1);
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    options = good;
    options.is_local = 2;
    CHECK_ERR(wf_policy_encode(&options, &bytes), WEFT_EINVAL);
    CHECK_EQ(bytes.len, 0);
}

static weft_err
no_actor(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static weft_err
no_activity(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_OK;
}

static weft_err
queue_of(const weft_definitions *definitions, const char *name,
         const weft_call_options *options, char *out_queue)
{
    struct wf_buf bytes = {0};
    weft_err err = wf_policy_of_call(definitions, name, options, &bytes);
    weft_bytes queue = wf_policy_queue(wf_buf_bytes(&bytes));

    if (err == WEFT_OK) {
        err = wf_policy_check_runner(definitions, name, wf_buf_bytes(&bytes));
    }

    if (queue.len > 0) {
        memcpy(out_queue, queue.data, queue.len);
    }
    out_queue[queue.len] = '\0';
    wf_buf_fini(&bytes);
    return err;
}

static weft_definitions *
with_queues(void)
{
    weft_definitions *definitions;
    weft_actor_def queues = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    queues.name = "task_queue";
    queues.receive = no_actor;
    CHECK_OK(weft_definitions_add_actor(definitions, &queues));
    activity.name = "here";
    activity.run = no_activity;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    activity.name = "there";
    activity.task_queue = "its own";
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    activity.name = "nowhere";
    activity.task_queue = "";
    CHECK_ERR(weft_definitions_add_activity(definitions, &activity),
              WEFT_EINVAL);
    return definitions;
}

TEST(policy, the_queue_is_the_calls_or_the_definitions)
{
    weft_definitions *definitions = with_queues();
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    char queue[128];

    CHECK_OK(queue_of(definitions, "here", &options, queue));
    CHECK_STR(queue, "");
    CHECK_OK(queue_of(definitions, "there", NULL, queue));
    CHECK_STR(queue, "its own");
    CHECK_ERR(queue_of(definitions, "unknown", &options, queue), WEFT_EINVAL);
    options.is_local = 1;
    CHECK_OK(queue_of(definitions, "there", &options, queue));
    CHECK_STR(queue, "");
    options.task_queue = "q";
    CHECK_ERR(queue_of(definitions, "there", &options, queue), WEFT_EINVAL);
    options.is_local = 0;
    CHECK_OK(queue_of(definitions, "there", &options, queue));
    CHECK_STR(queue, "q");
    CHECK_OK(queue_of(definitions, "unknown", &options, queue));
    CHECK_STR(queue, "q");
    options.task_queue = "";
    CHECK_ERR(queue_of(definitions, "here", &options, queue), WEFT_EINVAL);
    weft_definitions_destroy(definitions);
}

TEST(policy, the_queue_stays_beside_other_options)
{
    static const char *const names[] = {"Gone", NULL};
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_call_options change = WEFT_CALL_OPTIONS_INIT;
    struct wf_buf bytes;
    struct wf_buf over;
    struct wf_buf merged = {0};
    weft_activity_def def = kind();
    struct wf_policy policy;

    options.task_queue = "q";
    options.retry.non_retryable = names;
    change.retry.maximum_attempts = 9;
    bytes = encoded(&options);
    over = encoded(&change);
    wf_policy_merge(wf_buf_bytes(&bytes), wf_buf_bytes(&over), &merged);
    policy = wf_policy_of(&def, wf_buf_bytes(&merged));
    CHECK_BYTES(wf_policy_queue(wf_buf_bytes(&merged)), weft_text("q"));
    CHECK_EQ(policy.retry.maximum_attempts, 9);
    CHECK(!wf_policy_is_retryable(&policy, weft_text("Gone")));
    CHECK(wf_policy_is_retryable(&policy, weft_text("q")));
    wf_buf_fini(&merged);
    wf_buf_fini(&over);
    wf_buf_fini(&bytes);
}

// The pause of a policy whose interval a call has made as long as can be.
TEST(policy, an_interval_that_follows_another_has_a_limit)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    struct wf_policy policy;
    struct wf_buf bytes = {0};

    def.retry.initial_interval_ms = 10;
    def.retry.maximum_interval_ms = 1000; // a hundred times the initial one
    options.retry.initial_interval_ms = WEFT_FOREVER - 1;
    options.retry.jitter = WEFT_NO_JITTER;
    CHECK_OK(wf_policy_encode(&options, &bytes));
    CHECK(wf_policy_has_interval(wf_buf_bytes(&bytes)));
    policy = wf_policy_of(&def, wf_buf_bytes(&bytes));
    CHECK_EQ(policy.retry.maximum_interval_ms, WEFT_FOREVER);
    def.retry.initial_interval_ms = 0; // then it follows nothing
    policy = wf_policy_of(&def, wf_buf_bytes(&bytes));
    CHECK_EQ(policy.retry.maximum_interval_ms, 1000);
    policy.retry = (weft_retry_policy){.initial_interval_ms = 1,
                                       .maximum_interval_ms = 1,
                                       .coefficient = 1,
                                       .jitter = 1};
    CHECK_EQ(wf_policy_delay_ms(&policy, 1, 0.9), 1); // never at once
    for (int i = 0; i < 3; i++) {
        weft_call_options other = WEFT_CALL_OPTIONS_INIT;

        other.retry.coefficient = i == 0 ? 2 : 0;
        other.retry.maximum_interval_ms = i == 1 ? 5 : 0;
        other.retry.jitter = i == 2 ? 0.5 : 0;
        wf_buf_reset(&bytes);
        CHECK_OK(wf_policy_encode(&other, &bytes));
        CHECK(wf_policy_has_interval(wf_buf_bytes(&bytes)));
    }
    wf_buf_fini(&bytes);
}

TEST(policy, jitter_only_shortens_the_pause)
{
    weft_activity_def def = kind();
    struct wf_policy policy = wf_policy_of(&def, weft_nothing());

    CHECK_EQ(wf_policy_delay_ms(&policy, 2, 0), 1000);
    CHECK_EQ(wf_policy_delay_ms(&policy, 2, 1), 500);
    CHECK_EQ(wf_policy_delay_ms(&policy, 4, 0), 4000);
    CHECK_EQ(wf_policy_delay_ms(&policy, 40, 0), 100000);
}

TEST(policy, a_pause_without_end_has_none)
{
    weft_retry_policy retry = {.initial_interval_ms = WEFT_FOREVER};
    struct wf_policy policy = {0};

    CHECK_OK(wf_retry_policy_normalise("p", &retry));
    policy.retry = retry;
    CHECK_EQ(wf_policy_delay_ms(&policy, 2, 0), WF_NEVER_MS);
    CHECK_EQ(wf_policy_delay_ms(&policy, 3, 0), WF_NEVER_MS);
}
