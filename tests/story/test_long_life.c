// SPDX-License-Identifier: Apache-2.0
//
// Workflows that go on for ever, run after run, and how long they are kept when
// they have ended after all.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "story/story.h"

#define DAY_MS (24ULL * 3600 * 1000)

// Loops. ----------------------------------------------------------------------

static weft_err
show_count(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    const uint64_t *count = ctx;

    (void)wf;
    *out_value = weft_bytes_of(count, sizeof(*count));
    return WEFT_OK;
}

// Adds up what it is sent, and begins anew when its journal is long. What it
// counts must be what it counted then.
static weft_err
adder_run(weft_workflow *wf, weft_bytes input)
{
    char text[64];
    long sum = strtol(story_text(input, text, sizeof(text)), NULL, 10);

    for (;;) {
        uint64_t count = weft_workflow_journal_count(wf);
        weft_bytes recorded;
        weft_bytes data;

        MUST(weft_workflow_value(wf, "count", show_count, &count, &recorded),
             WEFT_OK);
        CHECK_BYTES(recorded, weft_bytes_of(&count, sizeof(count)));
        CHECK_EQ(weft_workflow_restart_suggested(wf), 0);
        if (count > 12) {
            (void)snprintf(text, sizeof(text), "%ld", sum);
            return weft_workflow_restart(wf, weft_text(text));
        }
        MUST(weft_workflow_receive(wf, "add", 5000, &data), WEFT_OK);
        if (data.len == 0) {
            (void)snprintf(text, sizeof(text), "%ld", sum);
            return weft_workflow_return(wf, weft_text(text));
        }
        sum += strtol(story_text(data, text, sizeof(text)), NULL, 10);
    }
}

static weft_definitions *
adders(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "flow", adder_run);
    return defs;
}

static void
tell_loop(struct story *story)
{
    (void)story;
    story_start("flow", "w", "0");
    for (int i = 1; i <= 10; i++) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%d", i);
        story_signal("flow", "w", "add", number);
    }
    story_signal("flow", "w", "add", "");
    CHECK_RESULT("flow", "w", "55");
    CHECK(story_describe("flow", "w")->item.run > 2);
    CHECK(story_describe("flow", "w")->item.journal_count < 30);
}

TEST(long_life, a_loop_forgets_its_journal_and_loses_nothing)
{
    story_run(adders, tell_loop);
}

static char large[WF_PAYLOAD_BYTES_MAX];

static weft_err
suggested_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(weft_workflow_restart_suggested(wf), 0);
        MUST(weft_workflow_receive(wf, "large", WEFT_FOREVER, NULL), WEFT_OK);
    }
    CHECK_EQ(weft_workflow_restart_suggested(wf), 1);
    return WEFT_OK;
}

static weft_definitions *
suggested(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "flow", suggested_run);
    return defs;
}

static void
tell_suggested(struct story *story)
{
    story_start("flow", "w", "");
    for (int i = 0; i < 2; i++) {
        const struct world_call *call = world_wait(
            story->world,
            world_call(story->world, WEFT_VERB_SIGNAL, "flow", "w", "large",
                       weft_bytes_of(large, sizeof(large))));

        CHECK_OK(call->err);
    }
    CHECK_RESULT("flow", "w", "");
}

TEST(long_life, a_restart_is_suggested_when_there_is_much_to_replay)
{
    story_run_once(suggested, tell_suggested);
}

static void
start_with(const char *kind, const char *id, const char *input,
           const weft_start_options *options)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, id};
    request.input = weft_text(input);
    request.start = options;
    CHECK_OK(story_call(&request)->err);
}

// Retries. --------------------------------------------------------------------

static weft_err
later_run(weft_workflow *wf, weft_bytes input)
{
    uint32_t attempt = weft_workflow_attempt(wf);

    (void)input;
    if (!weft_workflow_is_replaying(wf)) {
        story_note("attempt %u", attempt);
    }
    switch (attempt) {
    case 1:
        return weft_workflow_fail_after(wf, "busy", "", weft_nothing(), 60000);
    case 2:
        return weft_workflow_fail(wf, "busy", "", weft_nothing());
    default:
        return weft_workflow_return(wf, weft_text("done"));
    }
}

static weft_definitions *
laters(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "flow", later_run);
    return defs;
}

static void
tell_later(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    options.retry.initial_interval_ms = 1000;
    start_with("flow", "w", "", &options);
    CHECK_RESULT("flow", "w", "done");
    CHECK_EQ(story_describe("flow", "w")->item.attempt, 3);
    if (story->is_calm) {
        // The second pause is the policy's.
        CHECK_NOTES("[0] attempt 1\n[60000] attempt 2\n[62000] attempt 3\n");
    }
}

TEST(long_life, a_failure_may_say_when_the_next_run_begins)
{
    story_run(laters, tell_later);
}

static void
tell_too_late(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    (void)story;
    options.retry.initial_interval_ms = 1000;
    options.retry.total_ms = 60000; // when it would begin
    start_with("flow", "w", "", &options);
    CHECK_FAILS("flow", "w", WEFT_EFAILED, "busy");
    CHECK_EQ(story_describe("flow", "w")->item.attempt, 1);
}

TEST(long_life, a_run_that_would_begin_too_late_does_not)
{
    story_run(laters, tell_too_late);
}

// Retention. ------------------------------------------------------------------

static weft_err
end_run(weft_workflow *wf, weft_bytes input)
{
    if (story_is(input, "fail")) {
        return WEFT_EIO;
    }
    return story_is(input, "wait") ? weft_workflow_sleep(wf, WEFT_FOREVER)
                                   : WEFT_OK;
}

static weft_definitions *
kept(void)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    def.name = "flow";
    def.run = end_run;
    def.retention_ms = DAY_MS;
    def.retention_failed_ms = 30 * DAY_MS;
    def.retention_stopped_ms = 3 * DAY_MS;
    CHECK_OK(weft_definitions_add_workflow(defs, &def));
    def.name = "forever";
    def.retention_failed_ms = WEFT_FOREVER;
    def.retention_stopped_ms = 0; // as those that completed
    CHECK_OK(weft_definitions_add_workflow(defs, &def));
    return defs;
}

// Everything stands still for longer than it sleeps, and it was not in memory.
static weft_err
sleep_run(weft_workflow *wf, weft_bytes input)
{
    MUST(weft_workflow_sleep(wf, 2 * DAY_MS), WEFT_OK);
    story_note("awake");
    return weft_workflow_return(wf, input);
}

static weft_definitions *
sleepers(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "flow", sleep_run);
    return defs;
}

static void
tell_overdue(struct story *story)
{
    (void)story;
    story_start("flow", "a", "in");
    story_wait_ms(1000);
    story_crash();
    story_wait_ms(1000);
    story_crash_jump((int64_t)(3 * DAY_MS));
    story_wait_ms(10000); // nobody asks for it
    CHECK_EQ(story_count("awake"), 1);
    CHECK_RESULT("flow", "a", "in");
}

TEST(long_life, who_has_slept_for_too_long_is_woken_at_once)
{
    story_run_calm(sleepers, tell_overdue);
}

static bool
is_there(const char *kind, const char *id)
{
    return story_ask(WEFT_VERB_DESCRIBE, kind, id, "", NULL)->err == WEFT_OK;
}

static void
tell_kept(struct story *story)
{
    static const char *const kinds[] = {"flow", "forever"};

    (void)story;
    for (size_t i = 0; i < 2; i++) {
        story_start(kinds[i], "good", "");
        story_start(kinds[i], "bad", "fail");
        story_start(kinds[i], "gone", "wait");
        (void)story_do(WEFT_VERB_CANCEL, kinds[i], "gone", NULL, NULL);
        story_start(kinds[i], "ended", "wait");
        (void)story_do(WEFT_VERB_TERMINATE, kinds[i], "ended", NULL, NULL);
    }
    story_wait_ms(DAY_MS - 100000);
    CHECK(is_there("flow", "good") && is_there("forever", "gone"));
    story_wait_ms(300000);
    CHECK(!is_there("flow", "good") && !is_there("forever", "good"));
    CHECK(is_there("flow", "gone") && !is_there("forever", "gone"));
    CHECK(is_there("flow", "ended") && !is_there("forever", "ended"));
    story_wait_ms(2 * DAY_MS);
    CHECK(!is_there("flow", "gone") && !is_there("flow", "ended"));
    CHECK(is_there("flow", "bad"));
    story_wait_ms(27 * DAY_MS);
    CHECK(!is_there("flow", "bad"));
    CHECK(is_there("forever", "bad"));
}

TEST(long_life, retention_is_by_kind_and_by_how_it_ended)
{
    story_run_once(kept, tell_kept);
}

// Rows are looked at by pages: what is kept in the first does not keep what is
// in the next.
static void
tell_behind_many(struct story *story)
{
    struct world_call *last = NULL;
    char id[16];

    for (int i = 0; i < 1200; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        last = world_call(story->world, WEFT_VERB_START, "flow", id, "",
                          weft_text("wait"));
    }
    CHECK_OK(world_wait(story->world, last)->err);
    story_start("forever", "good", "");
    story_crash(); // nothing is in memory
    story_wait_ms(DAY_MS - 100000);
    CHECK(is_there("forever", "good"));
    story_crash();
    story_wait_ms(300000);
    CHECK(!is_there("forever", "good"));
    CHECK(is_there("flow", "1199"));
}

TEST(long_life, what_is_over_is_removed_behind_whatever_many_that_are_kept)
{
    story_run_once(kept, tell_behind_many);
}

// Its row goes some time after it, once; the next of its id has one of its own.
static void
tell_removed(struct story *story)
{
    story_start("flow", "good", "");
    story_wait_ms(DAY_MS + 200000);
    CHECK(!is_there("flow", "good"));
    story_start("flow", "a", "wait");
    story_start("flow", "b", "wait");
    story_wait_ms(200000);
    story_start("flow", "c", "wait"); // its commit takes the row
    story_wait_ms(1000);
    CHECK_EQ(world_left_over(story->world), 0);
    story_start("flow", "good", "wait");
    story_start("flow", "d", "wait");
    story_wait_ms(200000);
    story_start("flow", "e", "wait");
    story_crash();
    CHECK(is_there("flow", "good"));
}

TEST(long_life, what_was_removed_may_be_there_again)
{
    story_run_once(kept, tell_removed);
}

// Nobody has it in memory when its row is found.
static void
tell_removed_before(struct story *story)
{
    story_start("flow", "good", "");
    story_wait_ms(DAY_MS + 200000);
    CHECK(!is_there("flow", "good"));
    story_crash();
    CHECK_EQ(world_left_over(story->world), 1);
    for (int i = 0; i < 6; i++) {
        char id[16];

        story_wait_ms(60000); // a sweep finds it, the next one lets go of it
        (void)snprintf(id, sizeof(id), "a/%d", i);
        story_start("flow", id, "wait");
        story_wait_ms(1000);
        CHECK(i < 4 || world_left_over(story->world) == 0);
    }
}

TEST(long_life, the_row_of_what_was_removed_goes_over_restarts)
{
    story_run_once(kept, tell_removed_before);
}
