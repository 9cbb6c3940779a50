// SPDX-License-Identifier: Apache-2.0
//
// What a start may say: when it begins, how long it may take, and how often it
// is tried again.

#include <stdio.h>
#include <string.h>

#include "story/puppet.h"
#include "story/story.h"

// A workflow that does as its input says: "wait" for the signal "end", "fail
// NAME", "sleep MS", "attempts N" to complete with the Nth attempt, "receive"
// the signal "end", then fail until the second attempt, "restart" once, be
// "stubborn": fail when it is cancelled.
static weft_err
flow_run(weft_workflow *wf, weft_bytes input)
{
    char text[64];
    unsigned long number = 0;
    weft_bytes data = weft_nothing();

    (void)story_text(input, text, sizeof(text));
    if (!weft_workflow_is_replaying(wf)) {
        story_note("%s runs, attempt %u", weft_workflow_id(wf),
                   weft_workflow_attempt(wf));
    }
    if (strncmp(text, "fail ", 5) == 0) {
        return weft_workflow_fail(wf, text + 5, "as told", weft_nothing());
    }
    if (sscanf(text, "sleep %lu", &number) == 1) {
        MUST(weft_workflow_sleep(wf, number), WEFT_OK);
        return weft_workflow_return(wf, weft_text("slept"));
    }
    if (sscanf(text, "restart %lu", &number) == 1) {
        MUST(weft_workflow_sleep(wf, number), WEFT_OK);
        return weft_workflow_restart(wf, input);
    }
    if (sscanf(text, "attempts %lu", &number) == 1) {
        (void)snprintf(text, sizeof(text), "attempt %u",
                       weft_workflow_attempt(wf));
        return weft_workflow_attempt(wf) < number
                   ? WEFT_EIO
                   : weft_workflow_return(wf, weft_text(text));
    }
    if (strcmp(text, "receive") == 0 && weft_workflow_attempt(wf) == 1) {
        MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
        return WEFT_EIO;
    }
    if (weft_workflow_receive(wf, "end", WEFT_FOREVER, &data) ==
        WEFT_ECANCELLED) {
        story_note("%s cancelled", weft_workflow_id(wf));
        return strcmp(text, "stubborn") == 0
                   ? weft_workflow_fail(wf, "Stubborn", "", weft_nothing())
                   : WEFT_ECANCELLED;
    }
    return weft_workflow_return(wf, data);
}

// Starts the child "c" of its own id: "ID/c", with no options of its own.
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    char id[64];
    weft_bytes data;
    weft_err err;

    (void)snprintf(id, sizeof(id), "%s/c", weft_workflow_id(wf));
    err =
        weft_workflow_child(wf, (weft_target){"flow", id}, input, NULL, &data);
    if (err == WEFT_EFAILED) {
        return weft_workflow_return(wf,
                                    weft_text(weft_workflow_failure(wf)->name));
    }
    return err != WEFT_OK ? err : weft_workflow_return(wf, data);
}

static weft_definitions *
flows(void)
{
    weft_definitions *definitions = puppet_definitions();

    story_add_workflow(definitions, "flow", flow_run);
    story_add_workflow(definitions, "parent", parent_run);
    return definitions;
}

static weft_start_options
defaults(void)
{
    return (weft_start_options)WEFT_START_OPTIONS_INIT;
}

static struct world_call *
submit(weft_verb verb, const char *kind, const char *id, const char *text,
       const weft_start_options *options)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.input = weft_text(text);
    request.name = "end";
    request.data = weft_text("signalled");
    request.start = options;
    return story_call(&request);
}

static void
start(const char *kind, const char *id, const char *input,
      const weft_start_options *options)
{
    CHECK_OK(submit(WEFT_VERB_START, kind, id, input, options)->err);
}

// Delay. ----------------------------------------------------------------------

static void
tell_delay(struct story *story)
{
    weft_start_options options = defaults();
    const struct world_call *call;

    story_note("start");
    options.start_delay_ms = 5000;
    start("flow", "w", "wait", &options);
    start("puppet", "p", "in", &options);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(call->item.run, 1);
    CHECK_EQ(call->item.begins_at_ms - call->item.created_at_ms, 5000);
    // What comes meanwhile waits, and does not let it begin.
    story_signal("flow", "w", "end", "first");
    story_signal("puppet", "p", "hello", "you");
    story_wait_ms(4000);
    CHECK_EQ(story_describe("flow", "w")->item.mailbox_count, 1);
    CHECK_EQ(story_count("w runs"), 0);
    CHECK_EQ(story_count("p "), 0);
    story_check_audit();
    CHECK_RESULT("flow", "w", "first");
    CHECK_STR(puppet_log("puppet", "p"), "start(in) signal(hello,you)");
    if (story->is_calm) {
        CHECK_EQ(strstr(story_notes(), "[5000] w runs, attempt 1") != NULL, 1);
    }
}

TEST(start, delay_lets_messages_wait)
{
    story_run(flows, tell_delay);
}

static void
tell_signal_with_start(struct story *story)
{
    weft_start_options options = defaults();

    (void)story;
    options.start_delay_ms = 5000;
    // The one that makes it keeps its delay.
    CHECK_EQ(submit(WEFT_VERB_SIGNAL_WITH_START, "flow", "a", "wait", &options)
                 ->is_created,
             1);
    story_wait_ms(1000);
    CHECK_EQ(story_count("a runs"), 0);
    CHECK_RESULT("flow", "a", "signalled");
    // The next one lets it begin, even if nothing else would.
    options.start_delay_ms = WEFT_FOREVER;
    start("flow", "b", "wait", &options);
    story_wait_ms(100000);
    CHECK_EQ(story_count("b runs"), 0);
    CHECK_EQ(
        submit(WEFT_VERB_SIGNAL_WITH_START, "flow", "b", "", NULL)->is_created,
        0);
    CHECK_RESULT("flow", "b", "signalled");
}

TEST(start, delay_ends_with_a_signal_with_start)
{
    story_run(flows, tell_signal_with_start);
}

static void
tell_delayed_ends(struct story *story)
{
    weft_start_options options = defaults();

    (void)story;
    options.start_delay_ms = 5000;
    start("flow", "c", "wait", &options);
    start("flow", "t", "wait", &options);
    story_signal("flow", "c", "end", "dead");
    (void)story_do(WEFT_VERB_CANCEL, "flow", "c", NULL, NULL);
    CHECK_FAILS("flow", "c", WEFT_ECANCELLED, "cancelled");
    CHECK_STR(story_result("flow", "c")->message,
              "it was cancelled before it began");
    (void)story_do(WEFT_VERB_TERMINATE, "flow", "t", "enough", NULL);
    CHECK_FAILS("flow", "t", WEFT_ETERMINATED, "terminated");
    story_wait_ms(10000);
    CHECK_EQ(story_count("c "), 0);
    CHECK_EQ(story_count("t "), 0);
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 1);
    }
}

TEST(start, delay_ends_with_cancel_and_terminate)
{
    story_run(flows, tell_delayed_ends);
}

// Many of them, more than memory holds.
static void
tell_many_delayed(struct story *story)
{
    weft_start_options options = defaults();
    struct wf_partition_stats stats;
    char id[16];

    for (unsigned i = 0; i < 20; i++) {
        options.start_delay_ms = 1000 + 100000ULL * (i % 4);
        options.run_timeout_ms = 1000;
        (void)snprintf(id, sizeof(id), "w%u", i);
        start("flow", id, i % 2 == 0 ? "wait" : "attempts 1", &options);
    }
    story_wait_ms(150000);
    world_stats(story->world, &stats);
    CHECK_EQ(stats.evictions > 0, 1);
    story_crash();
    story_wait_ms(153000);
    CHECK_EQ(story_count("w19 runs"), 1);
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof(id), "w%u", i);
        CHECK_EQ(story_describe("flow", id)->item.status,
                 i % 2 == 0 ? WEFT_STATUS_TIMED_OUT : WEFT_STATUS_COMPLETED);
    }
}

TEST(start, delays_and_timeouts_outlive_crashes_and_eviction)
{
    story_run_crowded(flows, tell_many_delayed);
}

// Timeouts. -------------------------------------------------------------------

static void
tell_timeouts(struct story *story)
{
    weft_start_options options = defaults();
    const struct world_call *call;

    options.run_timeout_ms = 1000;
    start("flow", "r", "wait", &options);
    start("puppet", "p", "", &options);
    options.run_timeout_ms = 5000;
    options.execution_timeout_ms = 2000;
    start("flow", "e", "wait", &options);
    start("flow", "s", "sleep 1500", &options);
    options.run_timeout_ms = 1000; // the first of the two strikes
    start("flow", "both", "wait", &options);
    call = story_describe("flow", "both");
    CHECK_EQ(call->item.deadline_ms - call->item.created_at_ms, 1000);
    call = story_describe("flow", "e");
    CHECK_EQ(call->item.deadline_ms - call->item.created_at_ms, 2000);
    story_signal("flow", "e", "other", "nobody");
    call = story_result("flow", "r");
    CHECK_ERR(call->err, WEFT_EOVERDUE);
    CHECK_STR(call->failure, "timed_out");
    CHECK_STR(call->message, "the run took more than 1000 ms");
    CHECK_FAILS("puppet", "p", WEFT_EOVERDUE, "timed_out");
    CHECK_STR(story_result("flow", "both")->message,
              "the run took more than 1000 ms");
    CHECK_RESULT("flow", "s", "slept");
    call = story_result("flow", "e");
    CHECK_ERR(call->err, WEFT_EOVERDUE);
    CHECK_STR(call->message, "the instance took more than 2000 ms");
    call = story_describe("flow", "e");
    CHECK_EQ(call->item.status, WEFT_STATUS_TIMED_OUT);
    CHECK_STR(call->reason, "the instance took more than 2000 ms");
    CHECK_EQ(call->item.deadline_ms, 0);
    if (story->is_calm) {
        CHECK_EQ(call->item.finished_at_ms - call->item.created_at_ms, 2000);
        CHECK_EQ(story_dead_letters(), 1);
    }
    story_wait_ms(10000);
    CHECK_EQ(story_describe("flow", "s")->item.status, WEFT_STATUS_COMPLETED);
    // A new life has its own time.
    start("flow", "e", "sleep 3000", NULL);
    CHECK_RESULT("flow", "e", "slept");
}

TEST(start, timeouts_end_what_takes_too_long)
{
    story_run(flows, tell_timeouts);
}

static void
tell_restarts(struct story *story)
{
    weft_start_options options = defaults();
    const struct world_call *call;

    // Each run has a second; all together have 2.5.
    options.run_timeout_ms = 1000;
    options.execution_timeout_ms = 2500;
    start("flow", "w", "restart 900", &options);
    call = story_result("flow", "w");
    CHECK_ERR(call->err, WEFT_EOVERDUE);
    CHECK_STR(call->message, "the instance took more than 2500 ms");
    CHECK_EQ(story_describe("flow", "w")->item.run, 3);
    options.execution_timeout_ms = 0;
    options.run_timeout_ms = 500;
    start("flow", "v", "restart 900", &options);
    CHECK_FAILS("flow", "v", WEFT_EOVERDUE, "timed_out");
    CHECK_EQ(story_describe("flow", "v")->item.run, 1);
    (void)story;
}

TEST(start, execution_timeout_counts_over_restarts)
{
    story_run(flows, tell_restarts);
}

static void
tell_paused(struct story *story)
{
    weft_start_options options = defaults();

    (void)story;
    options.execution_timeout_ms = 1000;
    start("flow", "w", "wait", &options);
    (void)story_do(WEFT_VERB_PAUSE, "flow", "w", NULL, NULL);
    CHECK_FAILS("flow", "w", WEFT_EOVERDUE, "timed_out");
    // The delay comes before both.
    options.start_delay_ms = 5000;
    options.run_timeout_ms = 700;
    start("flow", "d", "sleep 600", &options);
    CHECK_RESULT("flow", "d", "slept");
}

TEST(start, pausing_stops_no_clock_and_a_delay_does)
{
    story_run(flows, tell_paused);
}

// It has a message that it cannot handle, and is out of memory for long.
static void
tell_paused_away(struct story *story)
{
    weft_start_options options = defaults();
    const struct world_call *call;
    char id[16];

    options.execution_timeout_ms = 1000000;
    start("flow", "w", "wait", &options);
    (void)story_do(WEFT_VERB_PAUSE, "flow", "w", NULL, NULL);
    story_signal("flow", "w", "other", "");
    for (unsigned i = 0; i < 24; i++) {
        (void)snprintf(id, sizeof(id), "p%u", i % 8);
        story_signal("puppet", id, "x", "");
    }
    story_wait_ms(1100000);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.status, WEFT_STATUS_TIMED_OUT);
    if (story->is_calm) {
        CHECK_EQ(call->item.finished_at_ms - call->item.created_at_ms, 1000000);
    }
}

TEST(start, one_that_is_paused_out_of_memory_times_out_too)
{
    story_run_crowded(flows, tell_paused_away);
}

// Retries. --------------------------------------------------------------------

static void
tell_retries(struct story *story)
{
    weft_start_options options = defaults();
    const struct world_call *call;

    story_note("start");
    options.retry.initial_interval_ms = 1000;
    options.retry.maximum_attempts = 3;
    start("flow", "a", "attempts 3", &options);
    call = story_result("flow", "a");
    CHECK_OK(call->err);
    CHECK_STR(call->data, "attempt 3");
    call = story_describe("flow", "a");
    CHECK_EQ(call->item.run, 3);
    CHECK_EQ(call->item.attempt, 3);
    if (story->is_calm) {
        CHECK_NOTES("[0] start\n"
                    "[0] a runs, attempt 1\n"
                    "[1000] a runs, attempt 2\n"
                    "[3000] a runs, attempt 3\n");
    }
    start("flow", "b", "attempts 4", &options);
    CHECK_FAILS("flow", "b", WEFT_EFAILED, "WEFT_EIO");
    CHECK_EQ(story_describe("flow", "b")->item.attempt, 3);
    // An instance starts from its input again, an actor too.
    start("puppet", "p", "in", &options);
    puppet_do("puppet", "p", "stop_failed Broken in words");
    story_wait_ms(100);
    call = story_describe("puppet", "p");
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK_STR(call->reason, "attempt 1 failed: Broken: in");
    story_wait_ms(1000);
    CHECK_STR(puppet_log("puppet", "p"), "start(in)");
    CHECK_EQ(story_describe("puppet", "p")->item.attempt, 2);
    // What the attempt before waited for is of no interest.
    start("puppet", "q", "in", &options);
    puppet_do("puppet", "q", "timer old 3000");
    puppet_do("puppet", "q", "stop_failed Broken in words");
    story_wait_ms(1100);
    CHECK_EQ(story_describe("puppet", "q")->item.timers_count, 0);
    story_wait_ms(5000);
    CHECK_STR(puppet_log("puppet", "q"), "start(in)");
}

TEST(start, retries_begin_again_after_a_pause)
{
    story_run(flows, tell_retries);
}

static void
tell_no_retries(struct story *story)
{
    static const char *const names[] = {"Fatal", "timed_out", NULL};
    weft_start_options options = defaults();
    const struct world_call *call;

    (void)story;
    options.retry.initial_interval_ms = 1000;
    options.retry.non_retryable = names;
    start("flow", "a", "fail Fatal", &options);
    CHECK_FAILS("flow", "a", WEFT_EFAILED, "Fatal");
    CHECK_EQ(story_describe("flow", "a")->item.run, 1);
    options.run_timeout_ms = 500;
    start("flow", "b", "wait", &options);
    CHECK_FAILS("flow", "b", WEFT_EOVERDUE, "timed_out");
    CHECK_EQ(story_describe("flow", "b")->item.run, 1);
    // No run is begun behind the end of all time.
    options.run_timeout_ms = 0;
    options.execution_timeout_ms = 6500;
    start("flow", "c", "fail Other", &options);
    call = story_result("flow", "c");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Other");
    CHECK_EQ(story_describe("flow", "c")->item.run, 3); // at 0, 1000, 3000
    options.execution_timeout_ms = 0;
    options.retry.total_ms = 900;
    start("flow", "d", "fail Other", &options);
    CHECK_FAILS("flow", "d", WEFT_EFAILED, "Other");
    CHECK_EQ(story_describe("flow", "d")->item.run, 1);
    options.retry.total_ms = 6500;
    start("flow", "h", "fail Other", &options);
    CHECK_FAILS("flow", "h", WEFT_EFAILED, "Other");
    CHECK_EQ(story_describe("flow", "h")->item.run, 3); // at 0, 1000, 3000
    // Cancelled and terminated is not failed.
    options.retry.total_ms = 0;
    start("flow", "e", "wait", &options);
    (void)story_do(WEFT_VERB_CANCEL, "flow", "e", NULL, NULL);
    CHECK_FAILS("flow", "e", WEFT_ECANCELLED, "cancelled");
    start("flow", "f", "wait", &options);
    (void)story_do(WEFT_VERB_TERMINATE, "flow", "f", NULL, NULL);
    CHECK_FAILS("flow", "f", WEFT_ETERMINATED, "terminated");
    // Between two runs, too.
    start("flow", "g", "fail Other", &options);
    story_wait_ms(100);
    (void)story_do(WEFT_VERB_CANCEL, "flow", "g", NULL, NULL);
    CHECK_FAILS("flow", "g", WEFT_ECANCELLED, "cancelled");
    // One that was asked to stop is not begun again, whatever it says to it.
    start("flow", "s", "stubborn", &options);
    story_wait_ms(100);
    (void)story_do(WEFT_VERB_CANCEL, "flow", "s", NULL, NULL);
    CHECK_FAILS("flow", "s", WEFT_EFAILED, "Stubborn");
    CHECK_EQ(story_describe("flow", "s")->item.run, 1);
}

TEST(start, retries_end_with_what_the_policy_says)
{
    story_run(flows, tell_no_retries);
}

// A signal with a start ends the delay of a start, and no pause.
static void
tell_pause_signalled(struct story *story)
{
    weft_start_options options = defaults();

    (void)story;
    options.retry.initial_interval_ms = 10000;
    start("flow", "a", "attempts 2", &options);
    story_wait_ms(1000);
    CHECK_EQ(
        submit(WEFT_VERB_SIGNAL_WITH_START, "flow", "a", "", NULL)->is_created,
        0);
    story_wait_ms(8000);
    CHECK_EQ(story_describe("flow", "a")->item.status, WEFT_STATUS_RUNNING);
    story_wait_ms(2000);
    CHECK_RESULT("flow", "a", "attempt 2");
}

TEST(start, a_pause_between_runs_does_not_end_with_a_signal_with_start)
{
    story_run_calm(flows, tell_pause_signalled);
}

static void
tell_run_timeout_retried(struct story *story)
{
    weft_start_options options = defaults();

    options.retry.maximum_attempts = 2;
    options.run_timeout_ms = 500;
    start("flow", "a", "wait", &options);
    CHECK_FAILS("flow", "a", WEFT_EOVERDUE, "timed_out");
    CHECK_EQ(story_describe("flow", "a")->item.run, 2);
    if (story->is_calm) {
        CHECK_EQ(story_describe("flow", "a")->item.finished_at_ms -
                     story_describe("flow", "a")->item.created_at_ms,
                 500 + 1000 + 500);
    }
    // A signal that the first run did not receive is the second one's.
    start("flow", "b", "receive", &options);
    story_signal("flow", "b", "end", "kept");
    CHECK_RESULT("flow", "b", "kept");
    start("flow", "c", "receive", &options);
    story_wait_ms(300);
    story_signal("flow", "c", "end", "between");
    CHECK_RESULT("flow", "c", "between");
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(start, retries_keep_signals_and_follow_run_timeouts)
{
    story_run(flows, tell_run_timeout_retried);
}

// Policies. -------------------------------------------------------------------

static void
tell_replace(struct story *story)
{
    weft_start_options options = defaults();
    struct world_call *waits;
    weft_request request = WEFT_REQUEST_INIT;
    const struct world_call *call;

    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    start("flow", "w", "wait", &options);
    request.verb = WEFT_VERB_RESULT;
    request.target = (weft_target){"flow", "w"};
    waits = world_submit(story->world, &request);
    story_signal("flow", "w", "other", "the first one's");
    call = submit(WEFT_VERB_START, "flow", "w", "wait", &options);
    CHECK_OK(call->err);
    CHECK_EQ(call->is_created, 1);
    if (story->is_calm) { // after a crash it waits for the second one
        (void)world_wait(story->world, waits);
        CHECK_ERR(waits->err, WEFT_ETERMINATED);
        CHECK_STR(waits->failure, "terminated");
        CHECK_STR(waits->message, "another start took its place");
        CHECK_EQ(story_dead_letters(), 1);
    }
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(call->item.run, 2);
    CHECK_EQ(submit(WEFT_VERB_SIGNAL_WITH_START, "flow", "w", "wait", &options)
                 ->is_created,
             1);
    CHECK_RESULT("flow", "w", "signalled");
    CHECK_EQ(story_describe("flow", "w")->item.run, 3);
    // Plain actors are replaced as well, unless nobody may start them.
    start("puppet", "p", "first", &options);
    start("puppet", "p", "second", &options);
    CHECK_STR(puppet_log("puppet", "p"), "start(second)");
    CHECK_ERR(submit(WEFT_VERB_START, "spawned", "s", "", &options)->err,
              WEFT_EINVAL);
}

TEST(start, terminate_existing_replaces_what_runs)
{
    story_run(flows, tell_replace);
}

static void
tell_replaced_child(struct story *story)
{
    weft_start_options options = defaults();

    (void)story;
    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    story_start("parent", "p", "wait");
    story_wait_ms(100);
    start("flow", "p/c", "sleep 100", &options);
    CHECK_RESULT("parent", "p", "terminated");
    CHECK_RESULT("flow", "p/c", "slept");
}

TEST(start, terminate_existing_tells_the_parent)
{
    story_run(flows, tell_replaced_child);
}
