// SPDX-License-Identifier: Apache-2.0
//
// Forks that are asked for twice, and forks that cannot be.

#include <string.h>

#include "story/forks.h"
#include "story/story.h"

static weft_err
act(weft_activity *activity, weft_bytes input)
{
    char text[100];

    story_note("act %s", story_text(input, text, sizeof(text)));
    return weft_activity_return(activity, input);
}

// Two calls, then the signal that it returns.
static weft_err
two_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    TRY(weft_workflow_call(wf, "act", weft_text("one"), NULL, NULL));
    TRY(weft_workflow_call(wf, "act", input, NULL, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, &word));
    return weft_workflow_return(wf, word);
}

// Its own id is in what it gives to the activity.
static weft_err
named_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    TRY(weft_workflow_call(wf, "act", weft_text(weft_workflow_id(wf)), NULL,
                           NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return weft_workflow_return(wf, weft_text(weft_workflow_id(wf)));
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_workflow_def early = WEFT_WORKFLOW_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_activity(definitions, "act", act);
    story_add_workflow(definitions, "two", two_run);
    story_add_workflow(definitions, "named", named_run);
    early.name = "early";
    early.run = two_run;
    early.early_signals = WEFT_EARLY_KEEP;
    CHECK_OK(weft_definitions_add_workflow(definitions, &early));
    return definitions;
}

// In another partition than "i", where there are more.
static const char *
other(void)
{
    return story_id_elsewhere("i");
}

// The same request. -----------------------------------------------------------

static void
tell_repeat(struct story *story)
{
    struct world *world = story->world;
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *call;

    story_start("two", "i", "in");
    story_wait_ms(100);
    story_forget_notes();
    request.verb = WEFT_VERB_FORK;
    request.target = (weft_target){"two", other()};
    request.data = fork_export("two", "i");
    request.by = &fork_ada;
    request.number = world_next_number(world) + 100;
    call = world_wait(world, world_submit(world, &request));
    CHECK_OK(call->err);
    CHECK(call->is_created);
    story_wait_ms(100);
    story_crash();
    story_signal("two", "i", "go", "end"); // what it has now does not matter
    request.data = fork_export("two", "i");
    call = world_wait(world, world_submit(world, &request));
    CHECK_OK(call->err);
    CHECK(call->is_created);
    story_wait_ms(100);
    CHECK_EQ(story_describe("two", other())->item.run, 2);
    if (story->is_calm) {
        CHECK_EQ(story_count("act one"), 1);
    }
    request.number = 0;
    call = world_wait(world, world_submit(world, &request));
    CHECK_ERR(call->err, WEFT_EEXISTS);
}

TEST(fork_request, a_request_that_is_repeated_makes_one)
{
    story_run(define, tell_repeat);
}

// Refusals. -------------------------------------------------------------------

static void
refused(const struct world_call *call, weft_err err, const char *detail)
{
    CHECK_ERR(call->err, err);
    CHECK_STR(call->detail, detail);
}

static void
tell_exists(struct story *story)
{
    (void)story;
    story_start("two", "i", "in");
    story_start("two", "x", "in");
    story_wait_ms(100);
    refused(fork_at("two", "i", 2, "x"), WEFT_EEXISTS,
            "x: an instance of this id is running");
    refused(fork_at("two", "i", 2, "i"), WEFT_EEXISTS,
            "i: an instance of this id is running");
    story_signal("two", "x", "go", "end");
    CHECK_RESULT("two", "x", "end");
    refused(fork_at("two", "i", 2, "x"), WEFT_EEXISTS,
            "x: an instance of this id has finished; delete it first");
    (void)story_do(WEFT_VERB_DELETE, "two", "x", "", "");
    CHECK_OK(fork_at("two", "i", 2, "x")->err);
    story_signal("two", "x", "go", "fork");
    CHECK_RESULT("two", "x", "fork");
}

TEST(fork_request, an_id_that_is_in_use_is_refused)
{
    story_run(define, tell_exists);
}

// A fork that comes right behind a signal waits until that is kept.
static void
check_signal_on_its_way(void)
{
    struct world *world = story_now()->world;
    weft_request fork = WEFT_REQUEST_INIT;
    struct world_call *call;

    fork.verb = WEFT_VERB_FORK;
    fork.target = (weft_target){"early", "y"};
    fork.data = fork_export("early", "i");
    fork.by = &fork_ada;
    (void)world_call(world, WEFT_VERB_SIGNAL, "early", "y", "go",
                     weft_text("early"));
    call = world_wait(world, world_submit(world, &fork));
    refused(call, WEFT_EEXISTS, "y: signals to this id wait for its start");
}

static void
tell_early(struct story *story)
{
    (void)story;
    story_start("early", "i", "two");
    story_signal("early", "x", "go", "early");
    story_wait_ms(100);
    refused(fork_at("early", "i", 2, "x"), WEFT_EEXISTS,
            "x: signals to this id wait for its start");
    story_start("early", "x", "two");
    CHECK_RESULT("early", "x", "early");
    check_signal_on_its_way();
}

TEST(fork_request, signals_that_wait_for_a_start_are_not_taken)
{
    story_run(define, tell_early);
}

static void
tell_refused(struct story *story)
{
    (void)story;
    story_start("two", "i", "in");
    story_wait_ms(100);
    refused(fork_at("two", "i", 1, "x"), WEFT_EINVAL,
            "x: entry 1 is inside of a turn that begins at entry 0");
    refused(fork_at("two", "i", 7, "x"), WEFT_EINVAL,
            "x: its journal has 6 entries, there is no entry 7");
    refused(fork_to("two", "i", WEFT_POINT_FIRST_FAILED, "x"), WEFT_EINVAL,
            "x: its journal has no such point");
    CHECK_EQ(story_describe("two", "i")->item.run, 1);
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "two", "x", "", "")->err,
              WEFT_ENOTFOUND);
}

// Nothing comes behind the last entry of what has ended.
static void
tell_behind_end(struct story *story)
{
    (void)story;
    story_start("two", "i", "in");
    story_signal("two", "i", "go", "end");
    CHECK_RESULT("two", "i", "end");
    CHECK_EQ(story_describe("two", "i")->item.journal_count, 7);
    refused(fork_at("two", "i", 7, "x"), WEFT_EINVAL,
            "x: its code ends with entry 6");
    CHECK_OK(fork_at("two", "i", 5, "x")->err);
}

TEST(fork_request, so_are_points_behind_the_end)
{
    story_run(define, tell_behind_end);
}

TEST(fork_request, points_that_are_none_are_refused_in_words)
{
    story_run(define, tell_refused);
}

static void
tell_named(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("named", "i", "");
    story_wait_ms(100);
    call = fork_at("named", "i", 2, other());
    CHECK_ERR(call->err, WEFT_EDIVERGED);
    CHECK(strstr(call->detail, "the code does not fit its journal") != NULL);
    CHECK(strstr(call->detail, "activity \"act\"") != NULL);
    CHECK_OK(fork_to("named", "i", WEFT_POINT_BEGINNING, other())->err);
    story_signal("named", other(), "go", "");
    CHECK_RESULT("named", other(), other());
}

TEST(fork_request, code_that_gave_its_own_id_before_the_point_does_not_fit)
{
    story_run(define, tell_named);
}
