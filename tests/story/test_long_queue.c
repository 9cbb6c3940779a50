// SPDX-License-Identifier: Apache-2.0
//
// What is left of a queue that was too long for memory: it is held up close to
// its end, with letters in memory that have rows, and goes on from there.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/forks.h"

#define LETTERS (WF_MAILBOX_MEMORY_MAX + 300)

static bool is_mended;

// Counts what it is sent, to the last. It cannot take "stop" before that is
// mended.
static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t *count = state;
    char text[16];

    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    if (strcmp(message->name, "stop") == 0 && !is_mended) {
        return WEFT_EFAILED;
    }
    *count += 1;
    (void)snprintf(text, sizeof(text), "%u", *count);
    return *count == LETTERS ? weft_actor_stop(actor, weft_text(text))
                             : WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_definitions *definitions;

    is_mended = false;
    CHECK_OK(weft_definitions_create(&definitions));
    def.name = "counter";
    def.state_bytes = sizeof(uint32_t);
    def.receive = receive;
    def.turn_attempts_max = 1;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

// Parked, with so many behind the one that it cannot take.
static void
hold_up(struct story *story, const char *id, int behind)
{
    struct world_call *last = NULL;

    story_start("counter", id, "");
    story_do(WEFT_VERB_PAUSE, "counter", id, "", NULL);
    for (int i = 1; i <= LETTERS; i++) {
        last =
            world_call(story->world, WEFT_VERB_SIGNAL, "counter", id,
                       i == LETTERS - behind ? "stop" : "add", weft_nothing());
    }
    CHECK_OK(world_wait(story->world, last)->err);
    story_wait_ms(1000);
    story_do(WEFT_VERB_RESUME, "counter", id, "", NULL);
    story_wait_ms(1000);
    CHECK(story_describe("counter", id)->item.is_parked);
    CHECK_EQ(story_describe("counter", id)->item.mailbox_count, behind + 1);
}

static void
go_on(const char *id)
{
    char all[16];

    (void)snprintf(all, sizeof(all), "%d", LETTERS);
    is_mended = true;
    story_do(WEFT_VERB_RESUME, "counter", id, "", NULL);
    CHECK_RESULT("counter", id, all);
    is_mended = false;
}

// Rows of those that were handled are gone, and of no others.
static void
tell_left(struct story *story)
{
    char id[8];

    for (int behind = 0; behind < 3; behind++) {
        (void)snprintf(id, sizeof(id), "%d", behind);
        hold_up(story, id, behind);
        story_crash();
        story_wait_ms(1000);
        CHECK_EQ(story_describe("counter", id)->item.mailbox_count, behind + 1);
        go_on(id);
    }
}

TEST(long_queue, its_last_letters_outlive_their_process)
{
    story_run_calm(define, tell_left);
}

// Wherever they are kept.
static void
tell_brought(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;

    hold_up(story, "a", 10);
    request.verb = WEFT_VERB_IMPORT;
    request.target = (weft_target){"counter", "b"};
    request.data = fork_export("counter", "a");
    CHECK_OK(
        world_wait(story->world, world_submit(story->world, &request))->err);
    go_on("b");
    CHECK_EQ(story_describe("counter", "a")->item.mailbox_count, 11);
    go_on("a");
}

TEST(long_queue, its_last_letters_go_with_its_capsule)
{
    story_run_calm(define, tell_brought);
}
