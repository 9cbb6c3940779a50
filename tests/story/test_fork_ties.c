// SPDX-License-Identifier: Apache-2.0
//
// What ties a fork to others is its own: its children, whoever updates it, who
// made it. Its source keeps all of its own.

#include <stdio.h>
#include <string.h>

#include "story/forks.h"
#include "story/story.h"
#include "weft/child.h"
#include "weft/update.h"

static bool is_mended; // what fails does so no more

static weft_err
echo_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    if (story_is(input, "wait")) {
        TRY(weft_workflow_receive(wf, "word", WEFT_FOREVER, &word));
        return weft_workflow_return(wf, word);
    }
    if (story_is(input, "bad") && !is_mended) {
        return weft_workflow_fail(wf, "Bad", "told to", weft_nothing());
    }
    return weft_workflow_return(wf, input);
}

// In another partition than "i", where there are five.
#define WAITS "waits"

// A child that goes on, one that ends as the input says, then a signal.
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_future waits;
    weft_future started;
    weft_bytes word;

    options.tell_started = 1;
    TRY(weft_workflow_child_async(wf, (weft_target){"echo", WAITS},
                                  weft_text("wait"), &options, &waits));
    TRY(weft_workflow_child_started(wf, waits, &started));
    TRY(weft_workflow_child(wf, (weft_target){"echo", "ends"}, input, NULL,
                            NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    TRY(weft_workflow_await(wf, started, &word)); // its id
    TRY(weft_workflow_publish(wf, "started", word));
    TRY(weft_workflow_await(wf, waits, &word));
    return weft_workflow_return(wf, word);
}

// A child that ends the one that runs, if one does.
static weft_err
usurper_run(weft_workflow *wf, weft_bytes input)
{
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_future waits;
    weft_bytes word;

    (void)input;
    start.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    options.start = &start;
    TRY(weft_workflow_receive(wf, "one", WEFT_FOREVER, NULL));
    TRY(weft_workflow_child_async(wf, (weft_target){"echo", WAITS},
                                  weft_text("wait"), &options, &waits));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    TRY(weft_workflow_await(wf, waits, &word));
    return weft_workflow_return(wf, word);
}

static weft_err
slow_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)ctx;
    TRY(weft_workflow_sleep(wf, 20000));
    TRY(weft_workflow_sleep(wf, 10000));
    return weft_workflow_return(wf, input);
}

static weft_err
asked_run(weft_workflow *wf, weft_bytes input)
{
    TRY(weft_workflow_on_update(wf, "slow", NULL, slow_update, NULL));
    TRY(weft_workflow_receive(wf, "one", WEFT_FOREVER, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return weft_workflow_return(wf, input);
}

static weft_err
cancelled_run(weft_workflow *wf, weft_bytes input)
{
    TRY(weft_workflow_receive(wf, "one", WEFT_FOREVER, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return weft_workflow_return(wf, input);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    is_mended = false;
    story_add_workflow(definitions, "echo", echo_run);
    story_add_workflow(definitions, "parent", parent_run);
    story_add_workflow(definitions, "usurper", usurper_run);
    story_add_workflow(definitions, "asked", asked_run);
    story_add_workflow(definitions, "plain", cancelled_run);
    return definitions;
}

static const char *
other(void)
{
    return story_id_elsewhere("i");
}

// Children. -------------------------------------------------------------------

// Entries: 0 started, 1 to 3 the children, 4 and 5 that "waits" has started and
// the result of "ends", in either order, then receive.
static void
tell_open_child(struct story *story)
{
    (void)story;
    story_start("parent", "i", "fine");
    story_wait_ms(10000);
    CHECK_OK(fork_at("parent", "i", 4, other())->err);
    story_wait_ms(10000);
    story_signal("parent", other(), "go", "");
    CHECK_FAILS("parent", other(), WEFT_EFAILED, "WEFT_EEXISTS");
    // Nor was it told that its child had started.
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "parent", other(), "started", "")->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(story_describe("echo", WAITS)->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("echo", WAITS)->item.is_cancel_requested, 0);
    story_signal("parent", "i", "go", "");
    story_signal("echo", WAITS, "word", "said");
    CHECK_RESULT("parent", "i", "said");
    CHECK_EQ(story_describe("echo", WAITS)->item.run, 1);
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(fork_ties, a_child_of_the_source_that_runs_stays_its_own)
{
    story_run(define, tell_open_child);
}

static void
tell_done_child(struct story *story)
{
    (void)story;
    story_start("parent", "i", "fine");
    story_wait_ms(10000);
    story_signal("parent", "i", "go", "");
    story_signal("echo", WAITS, "word", "said");
    CHECK_RESULT("parent", "i", "said");
    CHECK_OK(fork_at("parent", "i", 4, other())->err);
    CHECK_RESULT("parent", other(), "said");
    CHECK_EQ(story_describe("echo", WAITS)->item.run, 1);
    CHECK_EQ(story_describe("echo", "ends")->item.run, 1);
}

TEST(fork_ties, results_of_children_that_ended_well_are_used_again)
{
    story_run(define, tell_done_child);
}

// Over partitions the children are called when it is paused, and all that is
// known of them is in the mailbox.
static void
tell_waiting_child(struct story *story)
{
    uint64_t count;

    (void)story;
    story_start("parent", "i", "fine");
    (void)story_do(WEFT_VERB_PAUSE, "parent", "i", "", "");
    story_wait_ms(10000);
    count = story_describe("parent", "i")->item.journal_count;
    story_signal("echo", WAITS, "word", "said");
    CHECK_RESULT("echo", WAITS, "said");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("parent", "i")->item.journal_count, count);
    CHECK_OK(fork_at("parent", "i", count, other())->err);
    story_signal("parent", other(), "go", "");
    CHECK_RESULT("parent", other(), "said");
    CHECK_STR(story_query("parent", other(), "started"), WAITS);
    CHECK_EQ(story_describe("echo", WAITS)->item.run, 1);
    CHECK_EQ(story_describe("echo", "ends")->item.run, 1);
    (void)story_do(WEFT_VERB_RESUME, "parent", "i", "", "");
    story_signal("parent", "i", "go", "");
    CHECK_RESULT("parent", "i", "said");
}

TEST(fork_ties, what_waits_for_the_source_of_its_children_is_used_too)
{
    story_run_calm(define, tell_waiting_child);
}

static void
tell_failed_child(struct story *story)
{
    (void)story;
    story_start("parent", "i", "bad");
    CHECK_FAILS("parent", "i", WEFT_EFAILED, "Bad");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("echo", WAITS)->item.status, WEFT_STATUS_CANCELLED);
    is_mended = true;
    CHECK_OK(fork_to("parent", "i", WEFT_POINT_FIRST_FAILED, other())->err);
    story_signal("parent", other(), "go", "");
    story_wait_ms(10000);
    CHECK_STR(story_query("parent", other(), "started"), WAITS);
    CHECK_EQ(story_describe("echo", "ends")->item.run, 2);
    story_signal("echo", WAITS, "word", "said");
    CHECK_RESULT("parent", other(), "said");
    CHECK_EQ(story_describe("echo", WAITS)->item.run, 2);
    CHECK_FAILS("parent", "i", WEFT_EFAILED, "Bad");
}

TEST(fork_ties, children_that_ended_badly_are_started_for_the_fork)
{
    story_run(define, tell_failed_child);
}

// Entries: 0 started, 1 receive, 2 the signal "one", 3 the child, 4 receive,
// 5 the signal "go".
static void
tell_usurper(struct story *story)
{
    struct world_call *call;

    (void)story;
    story_start("usurper", "i", "");
    story_signal("usurper", "i", "one", "");
    story_wait_ms(1000);
    call = fork_at("usurper", "i", 5, other());
    CHECK_ERR(call->err, WEFT_EINVAL);
    CHECK(strstr(call->detail, "call 2, a child, would end the one of its id "
                               "that runs") != NULL);
    CHECK_EQ(story_describe("echo", WAITS)->item.run, 1);
    story_signal("usurper", "i", "go", "");
    story_signal("echo", WAITS, "word", "said");
    CHECK_RESULT("usurper", "i", "said");
    CHECK_OK(fork_at("usurper", "i", 5, other())->err); // its result is known
    CHECK_RESULT("usurper", other(), "said");
}

TEST(fork_ties, a_child_that_would_end_the_sources_is_refused)
{
    story_run(define, tell_usurper);
}

static void
tell_of_child(struct story *story)
{
    (void)story;
    story_start("parent", "i", "fine");
    story_wait_ms(10000);
    CHECK_OK(fork_to("echo", WAITS, WEFT_POINT_BEGINNING, "a")->err);
    story_signal("echo", "a", "word", "fork");
    CHECK_RESULT("echo", "a", "fork");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("parent", "i")->item.children_count, 1);
    CHECK_OK(fork_to("echo", WAITS, WEFT_POINT_BEGINNING, "b")->err);
    story_signal("parent", "i", "go", "");
    story_signal("echo", WAITS, "word", "said");
    CHECK_RESULT("parent", "i", "said");
}

TEST(fork_ties, a_fork_of_a_child_has_no_parent)
{
    story_run(define, tell_of_child);
}

// Those who ask. --------------------------------------------------------------

static struct world_call *
begin_update(const char *id, const char *update_id, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"asked", id};
    request.name = "slow";
    request.data = weft_text(data);
    request.update_id = update_id;
    return world_submit(story_now()->world, &request);
}

static void
check_answer(struct world_call *call, const char *expected)
{
    CHECK_OK(world_wait(story_now()->world, call)->err);
    CHECK_STR(call->data, expected);
}

// Entries: 0 started, 1 receive, 2 the update, 3 its timer, 4 the signal "one".
static void
tell_update(struct story *story)
{
    struct world_call *first;
    struct world_call *again;

    (void)story;
    story_start("asked", "i", "in");
    first = begin_update("i", "u", "one");
    story_wait_ms(5000);
    story_signal("asked", "i", "one", "");
    story_wait_ms(5000);
    CHECK_OK(fork_at("asked", "i", 4, other())->err);
    // The handler of the first one runs on in the fork, for nobody.
    again = begin_update(other(), "u", "two");
    check_answer(first, "one");
    check_answer(again, "two");
    story_signal("asked", "i", "go", "");
    story_signal("asked", other(), "go", "");
    CHECK_RESULT("asked", "i", "in");
    CHECK_RESULT("asked", other(), "in");
}

TEST(fork_ties, updates_are_answered_by_the_one_that_was_asked)
{
    story_run(define, tell_update);
}

// A sender who gave it no id is forgotten when it is answered. Its handler runs
// on in the fork, and may not answer another one.
static void
tell_number(struct story *story)
{
    struct world_call *call;

    (void)story;
    story_start("asked", "i", "in");
    call = begin_update("i", NULL, "one");
    story_wait_ms(5000);
    story_signal("asked", "i", "one", "");
    check_answer(call, "one");
    CHECK_OK(fork_at("asked", "i", 4, other())->err);
    story_crash();
    check_answer(begin_update(other(), "u", "fork"), "fork");
}

TEST(fork_ties, a_handler_that_runs_on_does_not_answer_for_another)
{
    story_run(define, tell_number);
}

static void
tell_cancelled(struct story *story)
{
    (void)story;
    story_start("plain", "i", "in");
    story_signal("plain", "i", "one", "");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_CANCEL, "plain", "i", "", "");
    CHECK_FAILS("plain", "i", WEFT_ECANCELLED, "cancelled");
    CHECK_OK(fork_at("plain", "i", 2, other())->err);
    CHECK_EQ(story_describe("plain", other())->item.is_cancel_requested, 0);
    story_signal("plain", other(), "go", "");
    CHECK_RESULT("plain", other(), "in");
    CHECK_OK(fork_at("plain", "i", 2, "b")->err);
    (void)story_do(WEFT_VERB_CANCEL, "plain", "b", "", "");
    CHECK_FAILS("plain", "b", WEFT_ECANCELLED, "cancelled");
}

TEST(fork_ties, cancellation_is_of_the_one_that_it_was_asked_of)
{
    story_run(define, tell_cancelled);
}

// Timeouts, and what describes it. --------------------------------------------

static void
tell_described(struct story *story)
{
    weft_attribute city = {.name = "city", .type = WEFT_ATTRIBUTE_KEYWORD};
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    const weft_description *item;
    uint64_t before;

    city.value.text = "Rome";
    start.run_timeout_ms = 60000;
    start.attributes = &city;
    start.attributes_count = 1;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"plain", "i"};
    request.input = weft_text("in");
    request.start = &start;
    CHECK_OK(
        world_wait(story->world, world_submit(story->world, &request))->err);
    story_wait_ms(50000);
    before = world_now_ms(story->world);
    CHECK_OK(fork_to("plain", "i", WEFT_POINT_BEGINNING, other())->err);
    item = &story_describe("plain", other())->item;
    CHECK(item->created_at_ms >= before);
    CHECK_EQ(item->deadline_ms, item->created_at_ms + 60000);
    CHECK_STR(story_describe("plain", other())->attributes, "city=Rome");
    CHECK_FAILS("plain", "i", WEFT_EOVERDUE, "timed_out");
    CHECK_EQ(story_describe("plain", other())->item.status,
             WEFT_STATUS_RUNNING);
    CHECK_FAILS("plain", other(), WEFT_EOVERDUE, "timed_out");
}

TEST(fork_ties, its_timeouts_count_from_the_fork)
{
    story_run(define, tell_described);
}
