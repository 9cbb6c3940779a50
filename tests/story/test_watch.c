// SPDX-License-Identifier: Apache-2.0
//
// Instances that somebody watches change.

#include <stdio.h>
#include <string.h>

#include "puppet.h"
#include "story.h"

static struct world_call *
watch(struct story *story, const char *id, uint64_t after)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_WATCH;
    request.target = (weft_target){"puppet", id};
    request.after = after;
    return world_submit(story->world, &request);
}

// What it is now, and what to say next.
static uint64_t
look(struct story *story, const char *id)
{
    struct world_call *call = world_wait(story->world, watch(story, id, 0));

    CHECK_OK(call->err);
    CHECK(call->after > 0);
    return call->after;
}

// It goes on changing for as long as its code runs.
static uint64_t
look_at_rest(struct story *story, const char *id)
{
    story_wait_ms(500);
    return look(story, id);
}

static void
check_value(const struct world_call *call, const char *name, const char *value)
{
    CHECK_BYTES(weft_pairs_get(weft_bytes_of(call->data, call->data_len), name),
                weft_text(value));
}

static void
tell_changes(struct story *story)
{
    struct world_call *call;
    uint64_t after;

    story_start("puppet", "a", "");
    after = look_at_rest(story, "a");
    call = watch(story, "a", after);
    story_wait_ms(100);
    CHECK(!call->is_answered);
    puppet_do("puppet", "a", "publish p 1");
    CHECK_OK(world_wait(story->world, call)->err);
    CHECK(call->after > after);
    after = look_at_rest(story, "a");
    call = watch(story, "a", after);
    CHECK_OK(story_do(WEFT_VERB_PAUSE, "puppet", "a", "", NULL)->err);
    CHECK_OK(world_wait(story->world, call)->err);
    CHECK_EQ(call->item.is_paused, 1);
    check_value(call, "p", "1");
    CHECK_OK(story_do(WEFT_VERB_RESUME, "puppet", "a", "", NULL)->err);
    call = watch(story, "a", call->after); // which has changed already
    CHECK_OK(world_wait(story->world, call)->err);
    CHECK_EQ(call->item.is_paused, 0);
}

TEST(watch, who_watches_sees_what_has_changed)
{
    story_run(puppet_definitions, tell_changes);
}

static void
tell_end(struct story *story)
{
    struct world_call *call;
    uint64_t after;

    // Of nobody there is nothing to wait for.
    CHECK_ERR(world_wait(story->world, watch(story, "nobody", 0))->err,
              WEFT_ENOTFOUND);
    story_start("puppet", "a", "");
    after = look_at_rest(story, "a");
    call = watch(story, "a", after);
    puppet_do("puppet", "a", "publish p 1;stop done");
    CHECK_OK(world_wait(story->world, call)->err);
    after = look_at_rest(story, "a");
    call = watch(story, "a", after);
    story_wait_ms(100);
    CHECK(!call->is_answered);
    CHECK_OK(story_do(WEFT_VERB_DELETE, "puppet", "a", "", NULL)->err);
    CHECK_ERR(world_wait(story->world, call)->err, WEFT_ENOTFOUND);
    CHECK_ERR(world_wait(story->world, watch(story, "a", 0))->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(world_wait(story->world, watch(story, "a", after))->err,
              WEFT_ENOTFOUND);
    story_start("puppet", "a", "");
    call = world_wait(story->world, watch(story, "a", after));
    CHECK_OK(call->err); // another life
    CHECK(call->after > after);
}

TEST(watch, it_is_seen_to_end_and_to_be_removed)
{
    story_run(puppet_definitions, tell_end);
}

static void
tell_withdraw(struct story *story)
{
    struct world_call *calls[3];
    uint64_t after;

    story_start("puppet", "a", "");
    after = look_at_rest(story, "a");
    for (int i = 0; i < 3; i++) {
        calls[i] = watch(story, "a", after);
    }
    story_wait_ms(10);
    world_withdraw(story->world, calls[0]);
    world_withdraw(story->world, calls[2]);
    CHECK_ERR(world_wait(story->world, calls[0])->err, WEFT_ECANCELLED);
    CHECK_ERR(world_wait(story->world, calls[2])->err, WEFT_ECANCELLED);
    CHECK(!calls[1]->is_answered);
    puppet_do("puppet", "a", "publish p 1");
    CHECK_OK(world_wait(story->world, calls[1])->err);
}

TEST(watch, who_watches_may_withdraw)
{
    story_run(puppet_definitions, tell_withdraw);
}

// What was seen holds when the instance has left memory and come back.
static void
tell_eviction(struct story *story)
{
    struct world_call *call;
    char id[8] = "x0";
    uint64_t after;

    story_start("puppet", "a", "");
    after = look_at_rest(story, "a");
    for (int i = 0; i < 3; i++) {
        id[1] = (char)('0' + i);
        story_start("puppet", id, "");
    }
    story_wait_ms(500);
    call = watch(story, "a", after);
    story_wait_ms(100);
    CHECK(!call->is_answered);
    puppet_do("puppet", "a", "publish p 1");
    CHECK_OK(world_wait(story->world, call)->err);
}

TEST(watch, what_was_seen_holds_over_leaving_memory)
{
    story_run(puppet_definitions, tell_eviction);
}

// Who is watched stays in memory, or is watched on when it is there again.
static void
tell_crowd(struct story *story)
{
    struct world_call *call;
    char id[16];

    story_start("puppet", "a", "");
    call = watch(story, "a", look_at_rest(story, "a"));
    for (int i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof(id), "a/%d", i);
        story_start("puppet", id, "");
    }
    story_wait_ms(500);
    CHECK(!call->is_answered);
    puppet_do("puppet", "a", "publish p 1");
    CHECK_OK(world_wait(story->world, call)->err);
}

TEST(watch, one_in_a_crowd_is_watched_on)
{
    story_run_crowded(puppet_definitions, tell_crowd);
}

// Its retention is over while somebody watches.
static void
tell_retention(struct story *story)
{
    struct world_call *call;

    story_start("puppet", "a", "");
    puppet_do("puppet", "a", "stop done");
    call = watch(story, "a", look_at_rest(story, "a"));
    story_wait_ms(8ULL * 24 * 3600 * 1000);
    CHECK(call->is_answered);
    CHECK_ERR(call->err, WEFT_ENOTFOUND);
}

TEST(watch, it_is_seen_to_be_removed_when_its_retention_is_over)
{
    story_run_once(puppet_definitions, tell_retention);
}
