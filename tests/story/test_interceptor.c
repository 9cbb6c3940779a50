// SPDX-License-Identifier: Apache-2.0
//
// test_interceptor.c - turns and commands, watched: in order, and each replay
// says that it is one.

#include <stdio.h>
#include <string.h>

#include "story/story.h"

static weft_err
wait_for_go(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_err err = weft_workflow_sleep(wf, 1000);

    (void)input;
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &data);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

static weft_err
take(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    return strcmp(message->name, "bad") == 0 ? WEFT_EINVAL : WEFT_OK;
}

static void
see_turn(void *ctx, const weft_intercepted_turn *turn)
{
    story_note("%s %s %s/%s %s%s%s", (const char *)ctx,
               turn->is_end ? "end" : "begin", turn->kind, turn->id,
               turn->message, turn->is_replaying ? "replay" : "",
               turn->has_failed ? " failed" : "");
}

static void
see_command(void *ctx, const weft_intercepted_command *command)
{
    story_note("%s %s %s#%u %s%s", (const char *)ctx, command->id,
               command->type, command->ordinal, command->name,
               command->is_replaying ? "replay" : "");
}

static weft_definitions *
define_watched(void)
{
    static char names[2][2] = {"a", "b"};
    weft_definitions *definitions = NULL;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "order", wait_for_go);
    story_add_actor(definitions, "box", 0, take);
    for (int i = 0; i < 2; i++) {
        weft_interceptor interceptor = WEFT_INTERCEPTOR_INIT;

        interceptor.turn = see_turn;
        interceptor.command = see_command;
        interceptor.ctx = names[i];
        CHECK_OK(weft_definitions_add_interceptor(definitions, &interceptor));
    }
    return definitions;
}

static void
watch_a_workflow(struct story *story)
{
    story_zero();
    story_start("order", "o", "");
    story_wait_ms(2000);
    if (story->is_calm && !story->is_paranoid) {
        CHECK_NOTES("[0] a begin order/o start\n"
                    "[0] b begin order/o start\n"
                    "[0] a o timer#1 \n"
                    "[0] b o timer#1 \n"
                    "[0] b end order/o start\n"
                    "[0] a end order/o start\n"
                    "[1000] a begin order/o timer\n"
                    "[1000] b begin order/o timer\n"
                    "[1000] a o receive#2 go\n"
                    "[1000] b o receive#2 go\n"
                    "[1000] b end order/o timer\n"
                    "[1000] a end order/o timer\n");
    }
    story_signal("order", "o", "go", "done");
    CHECK_RESULT("order", "o", "done");
    CHECK(story_count("b order") == story_count("a order"));
    if (story->is_calm) {
        CHECK_EQ(story_count("a begin order/o signal"), 1);
        CHECK_EQ(story_count("b end order/o signal"), 1);
    }
    if (story->is_calm && story->is_paranoid) {
        // Each command is new once, and then said to be replayed.
        CHECK_EQ(story_count("a o timer#1 replay"), 2);
        CHECK_EQ(story_count("a o timer#1"), 3);
        CHECK_EQ(story_count("a o receive#2 goreplay"), 1);
        CHECK_EQ(story_count("a o receive#2"), 2);
        CHECK_EQ(story_count("a begin order/o replay"), 2);
        CHECK_EQ(story_count("a end order/o replay"), 2);
    }
}

TEST(interceptor, a_workflow_is_watched_and_its_replays_say_so)
{
    story_run(define_watched, watch_a_workflow);
}

static void
watch_an_actor(struct story *story)
{
    (void)story;
    story_zero();
    story_signal("box", "b", "good", "");
    story_signal("box", "b", "bad", "");
    story_wait_ms(150); // and a second try
    CHECK_EQ(story_count("a begin box/b signal"), 3);
    CHECK_EQ(story_count("b end box/b signal failed"), 2);
}

TEST(interceptor, a_turn_that_failed_is_seen_again)
{
    story_run_once(define_watched, watch_an_actor);
}
