// SPDX-License-Identifier: Apache-2.0
//
// Workflows that call, wait and end: activities, timers, futures, and what
// becomes of what they return.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/flow.h"

static void
note(weft_workflow *wf, const char *what, weft_err err)
{
    if (!weft_workflow_is_replaying(wf)) {
        story_note("%s %s", what, weft_err_name(err));
    }
}

// Calls. ----------------------------------------------------------------------

static weft_err
sequence_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes results[3];
    char text[100];

    for (int i = 0; i < 3; i++) {
        char in[32];
        weft_err err;

        (void)snprintf(in, sizeof(in), "%d%.*s", i, (int)input.len,
                       (const char *)input.data);
        err = weft_workflow_call(wf, "act", weft_text(in), NULL, &results[i]);
        if (err != WEFT_OK) {
            return err;
        }
    }
    // All results are valid until the function returns.
    (void)snprintf(text, sizeof(text), "%.*s %.*s %.*s", (int)results[0].len,
                   (const char *)results[0].data, (int)results[1].len,
                   (const char *)results[1].data, (int)results[2].len,
                   (const char *)results[2].data);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
sequences(void)
{
    return flow_with(sequence_run);
}

static void
tell_sequence(struct story *story)
{
    const struct world_call *call;

    story_start("flow", "a", "x");
    CHECK_RESULT("flow", "a", "0x 1x 2x");
    call = story_describe("flow", "a");
    CHECK_EQ(call->item.status, WEFT_STATUS_COMPLETED);
    CHECK_EQ(call->item.run, 1);
    CHECK_EQ(call->item.activities_count, 0);
    // A start, three calls and their results.
    CHECK_EQ(story->is_calm ? call->item.journal_count : 7, 7);
}

TEST(workflow, calls_one_after_the_other)
{
    story_run(sequences, tell_sequence);
}

// How it ends. ----------------------------------------------------------------

static weft_err
ending_run(weft_workflow *wf, weft_bytes input)
{
    if (story_is(input, "nothing")) {
        return WEFT_OK;
    }
    if (story_is(input, "twice")) {
        CHECK_OK(weft_workflow_return(wf, weft_text("first")));
        MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
        return weft_workflow_return(wf, weft_text("second"));
    }
    if (story_is(input, "EIO")) {
        return WEFT_EIO;
    }
    if (story_is(input, "EFAILED")) {
        return WEFT_EFAILED;
    }
    if (story_is(input, "fail")) {
        return weft_workflow_fail(wf, "Broken", "in words", weft_text("d"));
    }
    if (story_is(input, "fail, then EIO")) {
        (void)weft_workflow_fail(wf, "Broken", "in words", weft_text("d"));
        return WEFT_EIO;
    }
    if (story_is(input, "fail, then OK")) {
        (void)weft_workflow_fail(wf, "Broken", "in words", weft_text("d"));
        return weft_workflow_return(wf, weft_text("well"));
    }
    MUST(weft_workflow_call(wf, "act", weft_text("fail Busy"), NULL, NULL),
         WEFT_EFAILED);
    CHECK_STR(weft_workflow_failure(wf)->name, "Busy");
    CHECK_STR(weft_workflow_failure(wf)->message, "as told");
    CHECK_BYTES(weft_workflow_failure(wf)->details, weft_text("details"));
    if (story_is(input, "call, handled")) {
        return weft_workflow_return(wf, weft_text("well"));
    }
    if (story_is(input, "call, then fail")) {
        return weft_workflow_fail(wf, "Mine", NULL, weft_nothing());
    }
    return WEFT_EFAILED;
}

static weft_definitions *
endings(void)
{
    return flow_with(ending_run);
}

static void
tell_endings(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("flow", "a", "nothing");
    CHECK_RESULT("flow", "a", "");
    story_start("flow", "b", "twice");
    CHECK_RESULT("flow", "b", "second");
    story_start("flow", "c", "EIO");
    CHECK_FAILS("flow", "c", WEFT_EFAILED, "WEFT_EIO");
    story_start("flow", "d", "EFAILED");
    CHECK_FAILS("flow", "d", WEFT_EFAILED, "WEFT_EFAILED");
    story_start("flow", "e", "fail");
    call = story_result("flow", "e");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Broken");
    CHECK_STR(call->message, "in words");
    CHECK_STR(call->details, "d");
    CHECK_EQ(story_describe("flow", "e")->item.status, WEFT_STATUS_FAILED);
}

TEST(workflow, ends_as_its_function_returns)
{
    story_run(endings, tell_endings);
}

static void
tell_failures(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("flow", "a", "fail, then EIO");
    CHECK_FAILS("flow", "a", WEFT_EFAILED, "Broken");
    story_start("flow", "b", "fail, then OK");
    CHECK_RESULT("flow", "b", "well");
    story_start("flow", "c", "call");
    call = story_result("flow", "c");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Busy");
    CHECK_STR(call->message, "as told");
    CHECK_STR(call->details, "details");
    story_start("flow", "d", "call, handled");
    CHECK_RESULT("flow", "d", "well");
    story_start("flow", "e", "call, then fail");
    CHECK_FAILS("flow", "e", WEFT_EFAILED, "Mine");
}

TEST(workflow, a_failure_is_its_own_or_that_of_the_last_await)
{
    story_run(endings, tell_failures);
}

// Futures. --------------------------------------------------------------------

static weft_err
mixed_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[4];
    weft_bytes data = weft_nothing();
    size_t index = 99;

    (void)input;
    CHECK_OK(weft_workflow_timer(wf, 5000, &futures[0]));
    CHECK_OK(weft_workflow_call_async(wf, "act", weft_text("fail Busy"), NULL,
                                      &futures[1]));
    CHECK_OK(weft_workflow_call_async(wf, "act", weft_text("good"), NULL,
                                      &futures[2]));
    CHECK_OK(weft_workflow_receive_async(wf, "news", &futures[3]));
    if (weft_workflow_await_any(wf, futures, 1, 100, &index) !=
        WEFT_ETIMEDOUT) {
        return WEFT_EINVAL;
    }
    note(wf, "any timer", WEFT_ETIMEDOUT);
    CHECK_EQ(index, 99);
    CHECK_ERR(weft_workflow_await_any(wf, futures, 1, 0, &index),
              WEFT_ETIMEDOUT);
    // Both calls are known by now: the first in the array counts.
    MUST(weft_workflow_await_any(wf, futures, 4, WEFT_FOREVER, &index),
         WEFT_OK);
    CHECK_EQ(index, 1);
    MUST(weft_workflow_await_any(wf, &futures[2], 2, WEFT_FOREVER, &index),
         WEFT_OK);
    CHECK_EQ(index, 0);
    CHECK_EQ(weft_workflow_is_known(wf, futures[0]), 0);
    CHECK_EQ(weft_workflow_is_known(wf, futures[1]), 1);
    CHECK_EQ(weft_workflow_is_known(wf, futures[2]), 1);
    CHECK_EQ(weft_workflow_is_known(wf, futures[3]), 0);
    CHECK_EQ(weft_workflow_is_known(wf, 0), 0);
    CHECK_EQ(weft_workflow_is_known(wf, 1000), 0);
    return weft_workflow_await_settled(wf, futures, 4) == WEFT_OK &&
                   weft_workflow_await(wf, futures[0], NULL) == WEFT_OK &&
                   weft_workflow_await(wf, futures[1], NULL) == WEFT_EFAILED &&
                   weft_workflow_await(wf, futures[2], &data) == WEFT_OK &&
                   story_is(data, "good") &&
                   weft_workflow_await(wf, futures[3], &data) == WEFT_OK
               ? weft_workflow_return(wf, data)
               : WEFT_EFAILED;
}

static weft_err
mixed_entry(weft_workflow *wf, weft_bytes input)
{
    weft_err err = mixed_run(wf, input);

    note(wf, "end", err);
    return err;
}

static weft_definitions *
mixes(void)
{
    return flow_with(mixed_entry);
}

static void
tell_mixed(struct story *story)
{
    story_start("flow", "a", "");
    story_wait_ms(1000);
    story_signal("flow", "a", "news", "fresh");
    CHECK_RESULT("flow", "a", "fresh");
    if (story->is_calm) {
        CHECK_EQ(story_count("end WEFT_OK"), 1);
    }
}

TEST(workflow, awaits_any_and_all_of_several_futures)
{
    story_run(mixes, tell_mixed);
}

static weft_err
race_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[2];
    size_t index;
    weft_err err;

    (void)input;
    CHECK_OK(weft_workflow_timer(wf, 3000, &futures[0]));
    CHECK_OK(weft_workflow_timer(wf, 2000, &futures[1]));
    err = weft_workflow_await_any(wf, futures, 2, 1000, &index);
    note(wf, "1000", err);
    err = weft_workflow_await_any(wf, futures, 2, 10000, &index);
    note(wf, index == 1 ? "2000" : "?", err);
    if (err == WEFT_OK) {
        err = weft_workflow_await_any(wf, futures, 1, 500, &index);
        note(wf, "2500", err);
        err = weft_workflow_await(wf, futures[0], NULL);
        note(wf, "3000", err);
    }
    return err;
}

static weft_definitions *
races(void)
{
    return flow_with(race_run);
}

static void
tell_race(struct story *story)
{
    (void)story;
    story_start("flow", "a", "");
    CHECK_RESULT("flow", "a", "");
    if (!story->is_paranoid) {
        CHECK_NOTES("[0] 1000 WEFT_ETIMEDOUT\n"
                    "[1000] 2000 WEFT_OK\n"
                    "[1500] 2500 WEFT_ETIMEDOUT\n"
                    "[2000] 3000 WEFT_OK\n");
    }
    CHECK_EQ(story_describe("flow", "a")->item.timers_count, 0);
}

TEST(workflow, a_timeout_ends_the_wait_and_not_what_was_waited_for)
{
    story_run_calm(races, tell_race);
}

// Time and chance. ------------------------------------------------------------

static weft_err
sleepy_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t begin = weft_workflow_now_ms(wf);
    uint64_t last = begin;
    char text[200];
    size_t len = 0;

    (void)input;
    for (int i = 0; i < 4; i++) {
        uint64_t bits = weft_workflow_random(wf);
        char name[2] = {(char)('a' + i), 0};
        weft_err err;

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%llx ",
                                (unsigned long long)bits);
        CHECK(weft_workflow_publish(wf, name, weft_text(text)) == WEFT_OK);
        err = weft_workflow_sleep(wf, 1000);
        if (err != WEFT_OK) {
            return err;
        }
        CHECK(weft_workflow_now_ms(wf) >= last + 1000);
        last = weft_workflow_now_ms(wf);
        CHECK_EQ(weft_workflow_now_ms(wf), last);
    }
    (void)snprintf(text + len, sizeof(text) - len, "%llu",
                   (unsigned long long)(last - begin) / 4000);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
sleepers(void)
{
    return flow_with(sleepy_run);
}

static void
tell_sleep(struct story *story)
{
    const char *result;

    (void)story;
    story_start("flow", "a", "");
    result = story_result("flow", "a")->data;
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), 0};
        const char *seen = story_query("flow", "a", name);

        // What was published at the time is what a replay sees again.
        CHECK_EQ(strncmp(seen, result, strlen(seen)), 0);
    }
    CHECK_STR(result + strlen(result) - 2, " 1");
}

TEST(workflow, time_and_random_bits_are_the_same_in_a_replay)
{
    story_run(sleepers, tell_sleep);
}

static weft_err
forever_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static weft_definitions *
forevers(void)
{
    return flow_with(forever_run);
}

static void
tell_forever(struct story *story)
{
    (void)story;
    story_start("flow", "a", "");
    story_wait_ms(100ULL * 24 * 3600 * 1000);
    CHECK_EQ(story_describe("flow", "a")->item.status, WEFT_STATUS_RUNNING);
    story_do(WEFT_VERB_TERMINATE, "flow", "a", "enough", NULL);
}

TEST(workflow, may_sleep_forever)
{
    story_run_once(forevers, tell_forever);
}

// Facts. ----------------------------------------------------------------------

static weft_err
facts_run(weft_workflow *wf, weft_bytes input)
{
    char text[200];
    weft_err err;

    (void)input;
    err = weft_workflow_sleep(wf, 10);
    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%s %s %s %llu %s %d",
                   weft_workflow_namespace(wf), weft_workflow_kind(wf),
                   weft_workflow_id(wf),
                   (unsigned long long)weft_workflow_run(wf),
                   (const char *)weft_workflow_context(wf),
                   weft_workflow_is_cancelled(wf));
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
facts(void)
{
    static char context[] = "context";
    weft_definitions *defs;
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    CHECK_OK(weft_definitions_create(&defs));
    def.name = "flow";
    def.run = facts_run;
    def.context = context;
    def.stack_bytes = 1 << 20;
    CHECK_OK(weft_definitions_add_workflow(defs, &def));
    return defs;
}

static void
tell_facts(struct story *story)
{
    (void)story;
    story_start("flow", "a", "");
    CHECK_RESULT("flow", "a", "default flow a 1 context 0");
    story_start("flow", "a", "");
    CHECK_RESULT("flow", "a", "default flow a 2 context 0");
}

TEST(workflow, knows_itself)
{
    story_run(facts, tell_facts);
}

// Queries. --------------------------------------------------------------------

static weft_err
publisher_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes next;

    (void)input;
    (void)weft_workflow_publish(wf, "state", weft_text("waiting"));
    while (weft_workflow_receive(wf, "next", WEFT_FOREVER, &next) == WEFT_OK) {
        (void)weft_workflow_publish(wf, "state", next);
        if (story_is(next, "end")) {
            return WEFT_OK;
        }
    }
    return WEFT_EUNWIND;
}

static weft_definitions *
publishers(void)
{
    return flow_with(publisher_run);
}

static void
tell_published(struct story *story)
{
    (void)story;
    story_start("flow", "a", "");
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "flow", "a", "other", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_STR(story_query("flow", "a", "state"), "waiting");
    story_signal("flow", "a", "next", "busy");
    CHECK_STR(story_query("flow", "a", "state"), "busy");
    story_crash();
    CHECK_STR(story_query("flow", "a", "state"), "busy");
    story_signal("flow", "a", "next", "end");
    CHECK_RESULT("flow", "a", "");
    story_crash();
    CHECK_STR(story_query("flow", "a", "state"), "end");
}

TEST(workflow, a_published_value_can_be_read_while_it_runs_and_afterwards)
{
    story_run(publishers, tell_published);
}
