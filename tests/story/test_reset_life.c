// SPDX-License-Identifier: Apache-2.0
//
// A reset that waits, and a life that begins in the place of the one that it
// was asked for; and what is left in the mailbox of the run before the last.

#include "story/caller.h"
#include "story/resets.h"

// While a message of the life that it was asked for is still in the way.
static void
tell_next_life(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *calls[3];

    story_start("echo", "i", "wait");
    story_wait_ms(100);
    story_do(WEFT_VERB_PAUSE, "echo", "i", "", NULL);
    story_signal("echo", "i", "other", "");
    calls[0] = world_call(story->world, WEFT_VERB_TERMINATE, "echo", "i", "",
                          weft_nothing());
    request.verb = WEFT_VERB_RESET;
    request.target = (weft_target){"echo", "i"};
    request.by = &reset_ada;
    calls[1] = world_submit(story->world, &request);
    calls[2] = world_call(story->world, WEFT_VERB_START, "echo", "i", "",
                          weft_text("wait"));
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_OK(world_wait(story->world, calls[2])->err);
    CHECK_ERR(world_wait(story->world, calls[1])->err, WEFT_EFINISHED);
    CHECK_EQ(story_describe("echo", "i")->item.run, 2);
}

// The same, and the next life ends at once, before that message is gone.
static void
tell_short_life(struct story *story)
{
    struct world_call *calls[3];
    weft_request request = WEFT_REQUEST_INIT;

    story_start("echo", "i", "wait");
    story_do(WEFT_VERB_PAUSE, "echo", "i", "", NULL);
    story_signal("echo", "i", "other", "");
    calls[0] = world_call(story->world, WEFT_VERB_TERMINATE, "echo", "i", "",
                          weft_nothing());
    request.verb = WEFT_VERB_RESET;
    request.target = (weft_target){"echo", "i"};
    request.by = &reset_ada;
    calls[1] = world_submit(story->world, &request);
    calls[2] = world_call(story->world, WEFT_VERB_START, "echo", "i", "",
                          weft_text("in"));
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_OK(world_wait(story->world, calls[2])->err);
    CHECK_ERR(world_wait(story->world, calls[1])->err, WEFT_EFINISHED);
    CHECK_RESULT("echo", "i", "in");
}

static weft_definitions *
define_echo(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_activity(definitions, "act", reset_act);
    story_add_workflow(definitions, "echo", reset_echo_run);
    return definitions;
}

TEST(reset_life, one_that_begins_meanwhile_is_not_reset)
{
    story_run_calm(define_echo, tell_next_life);
    story_run_calm(define_echo, tell_short_life);
}

// What it calls is completed by its token, or is a child that may fail. It
// cannot take "stop" before it is mended.
static weft_err
late_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[2];
    weft_bytes result;
    size_t first;

    if (story_is(input, "child")) {
        TRY(weft_workflow_child_async(wf, (weft_target){"word", "c"}, input,
                                      NULL, &futures[0]));
    } else {
        TRY(weft_workflow_call_async(wf, "hand_on", input, NULL, &futures[0]));
    }
    TRY(weft_workflow_receive_async(wf, "stop", &futures[1]));
    TRY(weft_workflow_await_any(wf, futures, 2, WEFT_FOREVER, &first));
    if (first == 1 && !reset_is_mended) {
        (void)weft_workflow_patched(wf, "");
    }
    TRY(weft_workflow_await(wf, futures[0], &result));
    return weft_workflow_return(wf, result);
}

static weft_err
word_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    (void)input;
    TRY(weft_workflow_receive(wf, "word", WEFT_FOREVER, &word));
    return story_is(word, "fail")
               ? weft_workflow_fail(wf, "Bad", "told to", weft_nothing())
               : weft_workflow_return(wf, word);
}

static weft_definitions *
define_late(void)
{
    weft_definitions *definitions = caller_hands_on();

    story_add_workflow(definitions, "late", late_run);
    story_add_workflow(definitions, "word", word_run);
    return definitions;
}

static void
complete(const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COMPLETE;
    request.token = caller_token;
    request.data = weft_text(data);
    CHECK_OK(story_call(&request)->err);
}

static void
operate(weft_verb verb)
{
    story_do(verb, "late", "i", "", NULL);
}

// How it came out waits in the mailbox behind what the code cannot take, when
// the run is reset; and when the next one is, which has called it anew.
// Entries: 0 started, 1 what is called, 2 receive, 3 another signal.
static void
leave_late(const char *input, const char *said)
{
    reset_is_mended = false;
    story_start("late", "i", input);
    story_wait_ms(1000);
    operate(WEFT_VERB_PAUSE);
    story_signal("late", "i", "other", "");
    story_signal("late", "i", "stop", "");
    if (story_is(weft_text(input), "child")) {
        story_signal("word", "c", "word", said);
        story_wait_ms(1000);
    } else {
        complete(said);
    }
    CHECK_OK(reset_to_type("late", WEFT_POINT_BEGINNING)->err);
    operate(WEFT_VERB_RESUME);
    story_wait_ms(1000);
    CHECK(story_describe("late", "i")->item.is_parked);
    CHECK_EQ(story_describe("late", "i")->item.mailbox_count, 2);
    reset_is_mended = true;
    CHECK_OK(reset_to("late", 3)->err);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("late", "i")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("late", "i")->item.run, 3);
}

static void
tell_late_result(struct story *story)
{
    (void)story;
    leave_late("", "old");
    complete("new");
    CHECK_RESULT("late", "i", "new");
}

static void
tell_late_child(struct story *story)
{
    (void)story;
    leave_late("child", "fail");
    CHECK_EQ(story_describe("word", "c")->item.run, 2);
    story_signal("word", "c", "word", "new");
    CHECK_RESULT("late", "i", "new");
}

TEST(reset_life, what_waits_of_the_run_before_the_last_is_not_used_again)
{
    story_run_calm(define_late, tell_late_result);
    story_run_calm(define_late, tell_late_child);
}

static weft_err
rest(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static bool is_stuck;

// It is parked if it returns while a branch runs.
static weft_err
stuck_run(weft_workflow *wf, weft_bytes input)
{
    weft_future future;
    weft_bytes word;

    (void)input;
    if (is_stuck) {
        return weft_workflow_branch(wf, "rest", rest, NULL, NULL, &future);
    }
    TRY(weft_workflow_receive(wf, "word", WEFT_FOREVER, &word));
    return weft_workflow_return(wf, word);
}

// What waits for a life to have no messages comes one after the other: first it
// is reset, and is busy; then it is deleted, and whoever waits for its result
// is told.
static void
tell_reset_and_deleted(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *calls[4];

    is_stuck = false;
    story_start("stuck", "i", "");
    story_wait_ms(100);
    story_do(WEFT_VERB_PAUSE, "stuck", "i", "", NULL);
    story_signal("stuck", "i", "other", "");
    is_stuck = true;
    calls[0] = world_call(story->world, WEFT_VERB_TERMINATE, "stuck", "i", "",
                          weft_nothing());
    request.verb = WEFT_VERB_RESET;
    request.target = (weft_target){"stuck", "i"};
    request.by = &reset_ada;
    calls[1] = world_submit(story->world, &request);
    request.verb = WEFT_VERB_DELETE;
    request.terminate_first = 1;
    calls[2] = world_submit(story->world, &request);
    CHECK_OK(world_wait(story->world, calls[1])->err);
    CHECK_EQ(story_describe("stuck", "i")->item.is_parked, 1);
    calls[3] = world_call(story->world, WEFT_VERB_RESULT, "stuck", "i", "",
                          weft_nothing());
    story_wait_ms(100);
    is_stuck = false;
    story_do(WEFT_VERB_RESUME, "stuck", "i", "", NULL);
    CHECK_OK(world_wait(story->world, calls[2])->err);
    CHECK_ERR(world_wait(story->world, calls[3])->err, WEFT_ETERMINATED);
    CHECK_OK(world_wait(story->world, calls[0])->err);
}

static weft_definitions *
define_stuck(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "stuck", stuck_run);
    return definitions;
}

TEST(reset_life, one_that_was_reset_is_deleted_behind_that)
{
    story_run_calm(define_stuck, tell_reset_and_deleted);
}
