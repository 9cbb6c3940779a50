// SPDX-License-Identifier: Apache-2.0
//
// What a start finds under its id: what is left of the life before, updates
// that wait for a life to begin, and more updates than are kept.

#include <stdio.h>

#include "story/puppet.h"
#include "weft/operate.h"

// Updates "hold" end once "go" was received, "quick" ones at once; each gives
// how many there were. The workflow ends with "end"; "go" may say that it is to
// restart or fail.
struct held {
    int count;
    int may_go;
};

static int
may_go(void *ctx)
{
    const struct held *held = ctx;

    return held->may_go;
}

static weft_err
count_one(weft_workflow *wf, struct held *held)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", ++held->count);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_err
hold(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)input;
    MUST(count_one(wf, ctx), WEFT_OK);
    return weft_workflow_await_condition(wf, may_go, ctx, WEFT_FOREVER);
}

static weft_err
quick(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)input;
    return count_one(wf, ctx);
}

static weft_err
holder_run(weft_workflow *wf, weft_bytes input)
{
    struct held *held = weft_workflow_alloc(wf, sizeof(*held));
    weft_bytes how;

    if (story_is(input, "parked")) {
        (void)weft_workflow_patched(wf, "");
    }
    MUST(weft_workflow_on_update(wf, "hold", NULL, hold, held), WEFT_OK);
    MUST(weft_workflow_on_update(wf, "quick", NULL, quick, held), WEFT_OK);
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, &how));
    if (story_is(how, "restart")) {
        return weft_workflow_restart(wf, weft_nothing());
    }
    if (story_is(how, "fail")) {
        return WEFT_EIO;
    }
    held->may_go = 1;
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

static weft_definitions *
holders(void)
{
    weft_definitions *definitions = puppet_definitions();

    story_add_workflow(definitions, "holder", holder_run);
    return definitions;
}

static struct world_call *
submit(weft_verb verb, const char *kind, const char *name, const char *data,
       const char *update_id, const weft_start_options *options)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, "h"};
    request.name = name;
    request.data = weft_text(data);
    request.update_id = update_id;
    request.start = options;
    return world_submit(story_now()->world, &request);
}

// What is left of the life before. -------------------------------------------

static void
tell_left(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct world_call *update;
    struct world_call *question;

    story_start("holder", "h", "");
    story_start("started", "h", "");
    story_do(WEFT_VERB_PAUSE, "holder", "h", "", NULL);
    story_do(WEFT_VERB_PAUSE, "started", "h", "", NULL);
    update = submit(WEFT_VERB_UPDATE, "holder", "quick", "", "", NULL);
    question = submit(WEFT_VERB_ASK, "started", "do", "reply x", "", NULL);
    story_signal("started", "h", "do", "note never");
    story_wait_ms(100);
    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    options.start_delay_ms = WEFT_FOREVER;
    CHECK_OK(world_wait(story->world,
                        submit(WEFT_VERB_START, "holder", "", "", "", &options))
                 ->err);
    CHECK_OK(world_wait(story->world, submit(WEFT_VERB_START, "started", "", "",
                                             "", &options))
                 ->err);
    story_signal("started", "h", "hello", "you");
    CHECK_ERR(world_wait(story->world, update)->err, WEFT_EFINISHED);
    CHECK_ERR(world_wait(story->world, question)->err, WEFT_EFINISHED);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("started", "h")->item.mailbox_count, 1);
    story_check_audit();
    story_crash();
    CHECK_EQ(story_describe("started", "h")->item.mailbox_count, 1);
    CHECK_OK(world_wait(story->world, submit(WEFT_VERB_SIGNAL_WITH_START,
                                             "started", "bye", "", "", NULL))
                 ->err);
    CHECK_STR(puppet_log("started", "h"),
              "start() signal(hello,you) signal(bye,)");
}

TEST(start, a_delay_holds_up_nothing_that_was_sent_to_the_life_before)
{
    story_run(holders, tell_left);
}

// Updates that wait for a life to begin. --------------------------------------

static void
tell_joined(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct world_call *first;
    struct world_call *second;

    options.start_delay_ms = WEFT_FOREVER;
    CHECK_OK(world_wait(story->world,
                        submit(WEFT_VERB_START, "holder", "", "", "", &options))
                 ->err);
    first = submit(WEFT_VERB_UPDATE, "holder", "quick", "", "u", NULL);
    story_wait_ms(1000);
    CHECK(!first->is_answered);
    second =
        submit(WEFT_VERB_UPDATE_WITH_START, "holder", "quick", "", "u", NULL);
    CHECK_STR(world_wait(story->world, second)->data, "1");
    CHECK_STR(world_wait(story->world, first)->data, "1");
}

TEST(start, an_update_with_start_ends_the_delay_though_it_joins_another)
{
    story_run(holders, tell_joined);
}

// More updates than are kept. -------------------------------------------------

static void
tell_many(struct story *story)
{
    struct world_call *first;
    struct world_call *joined;
    struct world_call *last;
    char id[16];

    story_start("holder", "h", "");
    first = submit(WEFT_VERB_UPDATE, "holder", "hold", "", "first", NULL);
    joined = submit(WEFT_VERB_UPDATE, "holder", "hold", "", "first", NULL);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(id, sizeof(id), "quick %d", i);
        CHECK_OK(world_wait(story->world, submit(WEFT_VERB_UPDATE, "holder",
                                                 "quick", "", id, NULL))
                     ->err);
    }
    last = submit(WEFT_VERB_UPDATE, "holder", "hold", "", "last", NULL);
    story_wait_ms(100);
    CHECK(!joined->is_answered);
    story_signal("holder", "h", "go", "");
    CHECK_STR(world_wait(story->world, first)->data, "1");
    CHECK_STR(world_wait(story->world, last)->data, "1002");
    CHECK_STR(world_wait(story->world, joined)->data, "1");
}

TEST(update, who_joined_one_is_told_though_more_are_done_than_are_kept)
{
    story_run_once(holders, tell_many);
}

// Ended with their run. -------------------------------------------------------

static void
reset_to_beginning(void)
{
    const weft_operator by = {.who = "she", .why = "why"};
    const weft_point point = {.type = WEFT_POINT_BEGINNING};
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RESET;
    request.target = (weft_target){"holder", "h"};
    request.point = &point;
    request.by = &by;
    CHECK_OK(story_call(&request)->err);
}

static void
tell_asked_again(struct story *story)
{
    static const char *const hows[] = {"restart", "fail", "reset"};
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    options.retry.initial_interval_ms = 1000;
    CHECK_OK(world_wait(story->world,
                        submit(WEFT_VERB_START, "holder", "", "", "", &options))
                 ->err);
    for (int i = 0; i < 3; i++) {
        struct world_call *call =
            submit(WEFT_VERB_UPDATE, "holder", "hold", "", "u", NULL);

        story_wait_ms(2000);
        if (i == 2) {
            reset_to_beginning();
        } else {
            story_signal("holder", "h", "go", hows[i]);
        }
        CHECK_ERR(world_wait(story->world, call)->err, WEFT_EFINISHED);
    }
    story_wait_ms(2000);
    story_signal("holder", "h", "go", "");
    CHECK_STR(world_wait(story->world, submit(WEFT_VERB_UPDATE, "holder",
                                              "hold", "", "u", NULL))
                  ->data,
              "1");
    CHECK_STR(world_wait(story->world, submit(WEFT_VERB_UPDATE, "holder",
                                              "hold", "", "u", NULL))
                  ->data,
              "1");
}

TEST(update, one_that_ended_with_its_run_may_be_asked_again)
{
    story_run(holders, tell_asked_again);
}

static void
tell_parked(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *update;

    story_start("holder", "h", "");
    story_do(WEFT_VERB_PAUSE, "holder", "h", "", NULL);
    update = submit(WEFT_VERB_UPDATE, "holder", "quick", "", "", NULL);
    story_wait_ms(100);
    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"holder", "h"};
    request.input = weft_text("parked");
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("holder", "h")->item.is_parked, 1);
    CHECK_ERR(world_wait(story->world, update)->err, WEFT_EFINISHED);
}

TEST(start, one_that_is_parked_holds_up_nothing_of_the_life_before)
{
    story_run(holders, tell_parked);
}
