// SPDX-License-Identifier: Apache-2.0
//
// A reset that waits, and a life that begins in the place of the one that it
// was asked for.

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
