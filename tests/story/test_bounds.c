// SPDX-License-Identifier: Apache-2.0
//
// What has a bound keeps to it, and what is over it waits or is refused.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/puppet.h"

// Branches, by updates. -------------------------------------------------------

static weft_err
rest(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    return weft_workflow_sleep(wf, 60000);
}

static weft_err
slow(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)input;
    (void)ctx;
    return weft_workflow_sleep(wf, 1000);
}

static weft_err
any(weft_bytes input, void *ctx, weft_failure *out_why)
{
    (void)input;
    (void)ctx;
    (void)out_why;
    return WEFT_OK;
}

// One branch is left for an update. That there is none is no word of its check.
static weft_err
wide_run(weft_workflow *wf, weft_bytes input)
{
    static weft_future futures[WF_BRANCHES_MAX - 1];
    weft_branch_options options = WEFT_BRANCH_OPTIONS_INIT;

    (void)input;
    options.stack_bytes = WF_STACK_BYTES_MIN;
    MUST(weft_workflow_on_update(wf, "slow", any, slow, NULL), WEFT_OK);
    for (int i = 0; i < WF_BRANCHES_MAX - 1; i++) {
        MUST(weft_workflow_branch(wf, "b", rest, NULL, &options, &futures[i]),
             WEFT_OK);
    }
    return weft_workflow_await_all(wf, futures, WF_BRANCHES_MAX - 1);
}

static weft_definitions *
wides(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "wide", wide_run);
    return defs;
}

static struct world_call *
begin_update(const struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"wide", "w"};
    request.name = "slow";
    return world_submit(story->world, &request);
}

static void
tell_wide(struct story *story)
{
    struct world_call *calls[2];

    story_start("wide", "w", "");
    story_wait_ms(100);
    calls[0] = begin_update(story);
    calls[1] = begin_update(story);
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK(!calls[0]->was_refused);
    CHECK(calls[1]->was_refused); // with WEFT_EBUSY, and is told so again
}

TEST(bounds, an_update_is_refused_when_there_are_too_many_branches)
{
    story_run_once(wides, tell_wide);
}

// What watchers are shown. ----------------------------------------------------

// "COUNT BYTES": so many values of so many bytes.
static weft_err
show_receive(weft_actor *actor, const weft_message *message, void *state)
{
    static uint8_t bytes[WF_WATCH_VALUES_BYTES_MAX];
    char text[40];
    int count = 0;
    int len = 0;

    (void)state;
    (void)sscanf(story_text(message->data, text, sizeof(text)), "%d %d", &count,
                 &len);
    for (int i = 0; i < count; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "v%05d", i);
        CHECK_OK(
            weft_actor_publish(actor, name, weft_bytes_of(bytes, (size_t)len)));
    }
    return WEFT_OK;
}

static weft_definitions *
shows(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_actor(defs, "show", 0, show_receive);
    return defs;
}

static size_t
shown_bytes(struct story *story, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;
    const struct world_call *call;

    request.verb = WEFT_VERB_WATCH;
    request.target = (weft_target){"show", id};
    call = world_wait(story->world, world_submit(story->world, &request));
    CHECK_OK(call->err);
    return call->data_len;
}

static void
tell_shown(struct story *story)
{
    // A name of 6 bytes and a NUL, and a value, each behind its length.
    enum {
        SMALL = 1 + 7 + 1 + 1,
        LARGE = 400000,
        LARGE_ONE = 1 + 7 + 3 + LARGE
    };
    char text[40];

    (void)snprintf(text, sizeof(text), "%d 1", WF_WATCH_VALUES_MAX);
    story_signal("show", "many", "values", text);
    story_wait_ms(100);
    CHECK_EQ(shown_bytes(story, "many"), WF_WATCH_VALUES_MAX * SMALL);
    (void)snprintf(text, sizeof(text), "%d 1", WF_WATCH_VALUES_MAX + 1);
    story_signal("show", "many", "values", text);
    story_wait_ms(100);
    CHECK_EQ(shown_bytes(story, "many"), WF_WATCH_VALUES_MAX * SMALL);
    (void)snprintf(text, sizeof(text), "3 %d", LARGE);
    story_signal("show", "large", "values", text);
    story_wait_ms(100);
    CHECK_EQ(shown_bytes(story, "large"), 2 * LARGE_ONE);
}

TEST(bounds, who_watches_is_shown_so_many_values_and_bytes)
{
    story_run_once(shows, tell_shown);
}

// Memory. ---------------------------------------------------------------------

// Whoever has nothing to do leaves it, though the window does not want its row
// yet.
static void
tell_crowd(struct story *story)
{
    struct wf_partition_stats stats;
    char id[16];

    for (int i = 0; i < 40; i++) {
        (void)snprintf(id, sizeof(id), "x%d", i);
        puppet_do("puppet", id, "publish a %d", i);
    }
    for (int i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof(id), "y%d", i % 10);
        puppet_do("puppet", id, "publish a %d", i);
    }
    story_wait_ms(1000);
    world_stats(story->world, &stats);
    CHECK(stats.actors_resident <= 3 * story->sites + 10);
}

TEST(bounds, as_many_are_in_memory_as_there_is_room_for)
{
    story_run_crowded(puppet_definitions, tell_crowd);
}

// Turns that fail. ------------------------------------------------------------

static weft_err
stubborn_receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_EFAILED;
}

static weft_definitions *
stubborns(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    def.name = "stubborn";
    def.receive = stubborn_receive;
    def.turn_attempts_max = 14;
    CHECK_OK(weft_definitions_add_actor(defs, &def));
    return defs;
}

// After 0.1, 0.2, 0.4 seconds and so on, and from the eleventh on each minute.
static void
tell_stubborn(struct story *story)
{
    uint64_t began_ms = world_now_ms(story->world);
    uint64_t doubled_ms = 102300; // of the first ten
    uint64_t last_ms = doubled_ms + 3 * WF_TURN_RETRY_MAX_MS;

    story_signal("stubborn", "a", "x", "");
    story_wait_ms(began_ms + last_ms - 1000 - world_now_ms(story->world));
    CHECK(!story_describe("stubborn", "a")->item.is_parked);
    story_wait_ms(2000);
    CHECK(story_describe("stubborn", "a")->item.is_parked);
}

TEST(bounds, a_turn_is_tried_again_each_minute_at_least)
{
    story_run_once(stubborns, tell_stubborn);
}
