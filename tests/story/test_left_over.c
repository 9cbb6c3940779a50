// SPDX-License-Identifier: Apache-2.0
//
// What is left over when a life ends: signals that its code never received,
// and letters that it never handled. They are refused, one by one and in order,
// and the next life of the same id sees nothing of them.

#include <stdio.h>
#include <string.h>

#include "story/caller.h"
#include "story/puppet.h"
#include "weft/operate.h"

// Receives what its input names, a letter at a time; '.' stops there for good,
// 'A' waits for "a" in vain and gives up, 'r' restarts with the rest.
static weft_err
reader_run(weft_workflow *wf, weft_bytes input)
{
    char plan[64];
    char text[200] = "";

    (void)story_text(input, plan, sizeof(plan));
    for (size_t i = 0; plan[i] != '\0'; i++) {
        char name[2] = {plan[i], 0};
        size_t len = strlen(text);
        weft_bytes data = weft_nothing();

        if (plan[i] == 'r') {
            return weft_workflow_restart(wf, weft_text(plan + i + 1));
        } else if (plan[i] == '.') {
            MUST(weft_workflow_publish(wf, "got", weft_text(text)), WEFT_OK);
            return weft_workflow_sleep(wf, WEFT_FOREVER);
        } else if (plan[i] == 'A') {
            MUST(weft_workflow_receive(wf, "a", 10, &data), WEFT_ETIMEDOUT);
        } else {
            weft_err err = weft_workflow_receive(wf, name, WEFT_FOREVER, &data);

            if (err != WEFT_OK) {
                return err;
            }
        }
        (void)snprintf(text + len, sizeof(text) - len, "%.*s ", (int)data.len,
                       data.len == 0 ? "" : (const char *)data.data);
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_target child = {"flow", "w"};

    MUST(weft_workflow_child(wf, child, input, NULL, &result), WEFT_OK);
    return weft_workflow_return(wf, result);
}

// The first run leaves a call and a timer open; the second makes both again,
// and gives what it got.
static weft_err
again_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t began_ms = weft_workflow_now_ms(wf);
    weft_future call;
    weft_future timer;
    weft_bytes result;

    MUST(weft_workflow_call_async(wf, "hand_on", input, NULL, &call), WEFT_OK);
    MUST(weft_workflow_timer(wf, 300, &timer), WEFT_OK);
    if (weft_workflow_run(wf) == 1) {
        MUST(weft_workflow_receive(wf, "on", WEFT_FOREVER, NULL), WEFT_OK);
        return weft_workflow_restart(wf, weft_nothing());
    }
    MUST(weft_workflow_await(wf, timer, NULL), WEFT_OK);
    CHECK(weft_workflow_now_ms(wf) >= began_ms + 300);
    MUST(weft_workflow_await(wf, call, &result), WEFT_OK);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
readers(void)
{
    weft_definitions *defs = puppet_definitions();

    story_add_workflow(defs, "flow", reader_run);
    story_add_workflow(defs, "parent", parent_run);
    story_add_workflow(defs, "again", again_run);
    story_add_activity(defs, "hand_on", caller_hand_on);
    return defs;
}

// The names of the signals that became dead letters, in order: "a b b ".
static const char *
dead_signals(const struct story *story)
{
    static const char mark[] = " dead      signal ";
    static char names[200];
    const char *line = world_trace(story->world);

    names[0] = '\0';
    while ((line = strstr(line, mark)) != NULL) {
        size_t len = strlen(names);

        line += strlen(mark);
        (void)snprintf(names + len, sizeof(names) - len, "%.*s ",
                       (int)strcspn(line, ":"), line);
    }
    return names;
}

static void
terminate(const char *kind)
{
    story_do(WEFT_VERB_TERMINATE, kind, "w", "enough", NULL);
}

static void
tell_terminated(struct story *story)
{
    story_start("flow", "w", "Abcca.");
    story_wait_ms(100); // nobody waits for the first a any more
    story_signal("flow", "w", "a", "1");
    story_signal("flow", "w", "x", "2");
    story_signal("flow", "w", "b", "3");
    story_signal("flow", "w", "a", "4");
    story_signal("flow", "w", "c", "5");
    story_signal("flow", "w", "c", "6");
    story_signal("flow", "w", "c", "7");
    CHECK_STR(story_query("flow", "w", "got"), " 3 5 6 1 ");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "d", "8");
    terminate("flow");
    CHECK_FAILS("flow", "w", WEFT_ETERMINATED, "terminated");
    story_wait_ms(100);
    CHECK_EQ(story_describe("flow", "w")->item.mailbox_count, 0);
    if (story->is_calm) {
        CHECK_STR(dead_signals(story), "x a c d ");
        CHECK_EQ(story_dead_letters(), 4);
    }
}

TEST(left_over, signals_that_a_terminated_workflow_never_received_are_kept)
{
    story_run(readers, tell_terminated);
}

static void
tell_completed(struct story *story)
{
    story_start("flow", "w", "brb");
    story_signal("flow", "w", "x", "1");
    story_signal("flow", "w", "y", "2");
    story_signal("flow", "w", "b", "3");
    story_signal("flow", "w", "y", "4");
    story_signal("flow", "w", "b", "5");
    CHECK_RESULT("flow", "w", "5 ");
    story_wait_ms(100);
    if (story->is_calm) {
        CHECK_STR(dead_signals(story), "x y y ");
    }
}

TEST(left_over, what_a_restart_carried_over_is_kept_in_order_at_the_end)
{
    story_run(readers, tell_completed);
}

// The record of a restart says nothing of the signals that stay.
static void
tell_many(struct story *story)
{
    char large[1001];
    struct wf_partition_stats stats;
    struct world_call *last = NULL;
    uint64_t log_bytes;

    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    story_start("flow", "w", "brcrd");
    // Many in a commit: after each, what a crash would leave is compared.
    for (int i = 0; i < 1200; i++) {
        last = world_call(story->world, WEFT_VERB_SIGNAL, "flow", "w",
                          i == 1100 ? "d" : "x",
                          weft_text(i == 1100 ? "3" : large));
    }
    CHECK_OK(world_wait(story->world, last)->err);
    world_stats(story->world, &stats);
    log_bytes = stats.log_bytes;
    story_signal("flow", "w", "b", "1");
    CHECK_EQ(story_describe("flow", "w")->item.run, 2);
    world_stats(story->world, &stats);
    CHECK(log_bytes > 1200000);
    CHECK(stats.log_bytes - log_bytes < 100000);
    story_signal("flow", "w", "c", "2");
    CHECK_RESULT("flow", "w", "3 ");
    story_wait_ms(1000);
    CHECK_EQ(story_dead_letters(), 1199);
}

TEST(left_over, a_restart_with_many_signals_is_a_small_record)
{
    story_run_once(readers, tell_many);
}

// A question is answered when it is handled, and only then: not again when a
// restart or the end finds that its signal was never received.
static void
tell_question(struct story *story)
{
    story_start("flow", "w", "brb");
    CHECK_OK(story_ask(WEFT_VERB_ASK, "flow", "w", "x", "1")->err);
    puppet_do("puppet", "p", "ask flow w y 2");
    story_wait_ms(1000);
    story_signal("flow", "w", "b", "3");
    story_signal("flow", "w", "b", "4");
    CHECK_RESULT("flow", "w", "4 ");
    story_wait_ms(1000);
    CHECK_STR(puppet_log("puppet", "p"), "reply(1,)");
    if (story->is_calm) {
        CHECK_STR(dead_signals(story), "x y ");
    }
}

TEST(left_over, a_question_that_was_answered_is_not_answered_again)
{
    story_run(readers, tell_question);
}

static void
tell_unhandled(struct story *story)
{
    story_start("puppet", "w", "");
    story_do(WEFT_VERB_PAUSE, "puppet", "w", "", NULL);
    story_signal("puppet", "w", "a", "1");
    story_signal("puppet", "w", "b", "2");
    terminate("puppet");
    story_wait_ms(100);
    CHECK_EQ(story_describe("puppet", "w")->item.mailbox_count, 0);
    if (story->is_calm) {
        CHECK_STR(dead_signals(story), "a b ");
    }
}

TEST(left_over, letters_that_were_not_handled_are_refused_one_by_one)
{
    story_run(readers, tell_unhandled);
}

// What the life before has left is still there when the process ends.
static void
tell_next_paused(struct story *story)
{
    struct world *world = story->world;
    struct world_call *calls[3];

    story_start("flow", "w", "ab");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "a", "old");
    story_signal("flow", "w", "b", "old");
    calls[0] = world_call(world, WEFT_VERB_TERMINATE, "flow", "w", "x",
                          weft_nothing());
    calls[1] =
        world_call(world, WEFT_VERB_START, "flow", "w", "", weft_text("ab"));
    calls[2] =
        world_call(world, WEFT_VERB_PAUSE, "flow", "w", "", weft_nothing());
    for (int i = 0; i < 3; i++) {
        CHECK_OK(world_wait(world, calls[i])->err);
    }
    story_wait_ms(10000);
    if (story->is_calm) {
        CHECK_EQ(story_describe("flow", "w")->item.mailbox_count, 2);
    }
    story_crash();
    story_wait_ms(1000);
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    story_signal("flow", "w", "a", "new");
    story_signal("flow", "w", "b", "newer");
    CHECK_RESULT("flow", "w", "new newer ");
}

TEST(left_over, nor_when_that_is_read_back)
{
    story_run_calm(readers, tell_next_paused);
}

// Terminated and started again before anything is refused.
static void
tell_next_life(struct story *story)
{
    struct world_call *ended;
    struct world_call *started;

    story_start("flow", "w", "a.");
    story_signal("flow", "w", "b", "old");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "a", "old");
    story_do(WEFT_VERB_CANCEL, "flow", "w", "", NULL);
    ended = world_call(story->world, WEFT_VERB_TERMINATE, "flow", "w", "x",
                       weft_nothing());
    started = world_call(story->world, WEFT_VERB_START, "flow", "w", "",
                         weft_text("ab"));
    CHECK_OK(world_wait(story->world, ended)->err);
    CHECK_OK(world_wait(story->world, started)->err);
    story_signal("flow", "w", "a", "new");
    story_signal("flow", "w", "b", "newer");
    CHECK_RESULT("flow", "w", "new newer ");
    if (story->is_calm) {
        CHECK_STR(dead_signals(story), "b a ");
    }
}

TEST(left_over, the_next_life_gets_nothing_that_was_sent_to_the_one_before)
{
    story_run(readers, tell_next_life);
}

// Terminated, and what is asked for comes before anything is refused: it waits,
// and then nothing is left for it to take.
static struct world_call *
terminate_and(struct story *story, weft_request *request)
{
    static const weft_point beginning = {.type = WEFT_POINT_BEGINNING};
    struct world_call *ended;
    struct world_call *asked;

    story_start("flow", "w", "ab");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "a", "old");
    story_signal("flow", "w", "c", "old");
    ended = world_call(story->world, WEFT_VERB_TERMINATE, "flow", "w", "x",
                       weft_nothing());
    request->target = (weft_target){"flow", "w"};
    request->point = &beginning;
    asked = world_submit(story->world, request);
    CHECK_OK(world_wait(story->world, ended)->err);
    CHECK_OK(world_wait(story->world, asked)->err);
    if (story->is_calm) {
        CHECK_STR(dead_signals(story), "a c ");
    }
    return asked;
}

static void
tell_reset(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RESET;
    (void)terminate_and(story, &request);
    CHECK_EQ(story_describe("flow", "w")->item.run, 2);
    story_signal("flow", "w", "a", "new");
    story_signal("flow", "w", "b", "newer");
    CHECK_RESULT("flow", "w", "new newer ");
}

TEST(left_over, a_run_that_a_reset_begins_gets_nothing_of_the_one_before)
{
    story_run(readers, tell_reset);
}

static void
tell_delete(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_DELETE;
    (void)terminate_and(story, &request);
    CHECK_EQ(story_dead_letters(), 2);
}

TEST(left_over, an_instance_that_is_deleted_loses_no_signals)
{
    story_run_calm(readers, tell_delete);
}

// A parent's start waits in the mailbox, and behind it a cancellation of the
// life that the client saw.
static void
tell_cancel(struct story *story)
{
    (void)story;
    story_start("flow", "w", "a.");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_start("parent", "p", "ab");
    story_wait_ms(1000);
    story_do(WEFT_VERB_CANCEL, "flow", "w", "", NULL);
    terminate("flow");
    story_wait_ms(100);
    story_signal("flow", "w", "a", "1");
    story_signal("flow", "w", "b", "2");
    CHECK_RESULT("parent", "p", "1 2 ");
}

TEST(left_over, a_cancellation_stops_the_life_that_was_meant)
{
    story_run(readers, tell_cancel);
}

// It is the life that is meant, not one of its runs.
static void
tell_cancel_chain(struct story *story)
{
    (void)story;
    story_start("flow", "w", "ara");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "a", "1");
    story_do(WEFT_VERB_CANCEL, "flow", "w", "", NULL);
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_FAILS("flow", "w", WEFT_ECANCELLED, "cancelled");
    CHECK_EQ(story_describe("flow", "w")->item.run, 2);
}

TEST(left_over, a_cancellation_reaches_the_run_that_a_restart_began)
{
    story_run(readers, tell_cancel_chain);
}

static void
complete(const char *result)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COMPLETE;
    request.token = caller_token;
    request.data = weft_text(result);
    CHECK_OK(story_call(&request)->err);
}

// A result and a timer of the first run wait behind what makes it restart.
static void
tell_run_before(struct story *story)
{
    (void)story;
    story_start("again", "w", "");
    story_wait_ms(100);
    story_do(WEFT_VERB_PAUSE, "again", "w", "", NULL);
    story_signal("again", "w", "on", "");
    complete("old");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("again", "w")->item.mailbox_count, 3);
    story_do(WEFT_VERB_RESUME, "again", "w", "", NULL);
    story_wait_ms(1000);
    CHECK_EQ(story_count("attempt 1"), 2);
    complete("new");
    CHECK_RESULT("again", "w", "new");
}

TEST(left_over, what_came_for_the_run_before_is_not_taken_by_the_next)
{
    story_run_calm(readers, tell_run_before);
}

static weft_err
hand_back(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)ctx;
    return weft_workflow_return(wf, input);
}

static weft_err
updated_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    MUST(weft_workflow_on_update(wf, "update", NULL, hand_back, NULL), WEFT_OK);
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

// Its child takes the place of what runs under that id.
static weft_err
replacing_run(weft_workflow *wf, weft_bytes input)
{
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_target child = {"updated", "w"};
    weft_bytes result;

    start.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    options.start = &start;
    return weft_workflow_child(wf, child, input, &options, &result);
}

static weft_definitions *
replacing(void)
{
    weft_definitions *defs = puppet_definitions();

    story_add_workflow(defs, "updated", updated_run);
    story_add_workflow(defs, "replacing", replacing_run);
    return defs;
}

static struct world_call *
update(const struct story *story, const char *data)
{
    return world_call(story->world, WEFT_VERB_UPDATE, "updated", "w", "update",
                      weft_text(data));
}

// Updates that come behind the start of the next life, and before its turn, are
// of the life that was there.
static void
tell_update(struct story *story)
{
    struct world_call *old;

    story_start("updated", "w", "");
    story_do(WEFT_VERB_PAUSE, "updated", "w", "", NULL);
    story_start("replacing", "p", "");
    story_wait_ms(1000);
    old = update(story, "old");
    story_wait_ms(100);
    story_do(WEFT_VERB_RESUME, "updated", "w", "", NULL);
    CHECK_STR(world_wait(story->world, update(story, "new"))->data, "new");
    CHECK_ERR(world_wait(story->world, old)->err, WEFT_EFINISHED);
}

TEST(left_over, an_update_that_came_behind_the_next_start_is_answered)
{
    story_run(replacing, tell_update);
}

// Sends to an instance, and starts one in its place; gives how that failed.
static weft_err
visitor_run(weft_workflow *wf, weft_bytes input)
{
    weft_target flow = {"flow", "w"};

    MUST(weft_workflow_signal(wf, flow, "a", input), WEFT_OK);
    MUST(weft_workflow_child(wf, flow, weft_nothing(), NULL, NULL),
         WEFT_EFAILED);
    return weft_workflow_return(wf, weft_text(weft_workflow_failure(wf)->name));
}

static weft_definitions *
define_visitors(bool has_flow)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "visitor", visitor_run);
    if (has_flow) {
        story_add_workflow(defs, "flow", reader_run);
    }
    return defs;
}

static weft_definitions *
visitors(void)
{
    return define_visitors(false);
}

static weft_definitions *
visitors_and_flows(void)
{
    return define_visitors(true);
}

// As if there had never been one.
static void
tell_unknown(struct story *story)
{
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "");
    story_define(visitors);
    story_start("visitor", "v", "");
    CHECK_RESULT("visitor", "v", "WEFT_ENOTFOUND");
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 1);
    }
    story_check_audit();
}

TEST(left_over, one_that_ended_and_whose_kind_nobody_has_takes_nothing)
{
    story_run(visitors_and_flows, tell_unknown);
}
