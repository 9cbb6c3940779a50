// SPDX-License-Identifier: Apache-2.0
//
// test_image.c - what an actor says of itself outlives its memory.

#include "runtime/image.h"

#include "base/key.h"
#include "runtime/actor.h"
#include "support/test.h"

static struct wf_actor *
make(void)
{
    struct wf_key key;
    struct wf_actor *actor;

    CHECK_OK(wf_key_make("d", "flow", "i", &key));
    actor = wf_actor_create(&key, 1);
    wf_key_fini(&key);
    return actor;
}

static struct wf_actor *
read_back(struct wf_actor *actor)
{
    struct wf_actor *read = make();
    struct wf_buf image = {0};

    wf_image_pack(actor, &image);
    CHECK(wf_image_unpack(read, wf_buf_bytes(&image)));
    wf_buf_fini(&image);
    wf_actor_destroy(actor);
    return read;
}

TEST(image, what_a_life_was_told_is_kept)
{
    struct wf_actor *actor = make();

    actor->status = WEFT_STATUS_RUNNING;
    actor->is_end_asked = true;
    actor = read_back(actor);
    CHECK(actor->is_end_asked);
    CHECK(!actor->is_left && !actor->is_cancel_asked);
    actor->is_end_asked = false;
    actor->is_left = true;
    actor = read_back(actor);
    CHECK(actor->is_left);
    CHECK(!actor->is_end_asked && !actor->is_cancel_asked);
    actor->is_left = false;
    actor->is_cancel_asked = true;
    actor = read_back(actor);
    CHECK(actor->is_cancel_asked);
    CHECK(!actor->is_end_asked && !actor->is_left);
    wf_actor_destroy(actor);
}

TEST(image, what_is_counted_is_kept)
{
    struct wf_actor *actor = make();

    actor->status = WEFT_STATUS_RUNNING;
    actor->version = 3;
    actor->run = 7;
    actor->origin_run = 5;
    actor->seed = 0x1234567890;
    actor->origin_seed = 0x987;
    actor->attempt = 4;
    actor->failed_attempts = 2;
    actor->crashes = 1;
    actor->next_id = 44;
    actor->updates.made = 6;
    CHECK_OK(wf_key_make("d", "mother", "m", &actor->parent));
    actor->parent_run = 9;
    actor->parent_call = 8;
    actor = read_back(actor);
    CHECK_EQ(actor->version, 3);
    CHECK_EQ(actor->run, 7);
    CHECK_EQ(actor->origin_run, 5);
    CHECK_EQ(actor->seed, 0x1234567890);
    CHECK_EQ(actor->origin_seed, 0x987);
    CHECK_EQ(actor->attempt, 4);
    CHECK_EQ(actor->failed_attempts, 2);
    CHECK_EQ(actor->crashes, 1);
    CHECK_EQ(actor->next_id, 44);
    CHECK_EQ(actor->updates.made, 6);
    CHECK_STR(wf_key_id(&actor->parent), "m");
    CHECK_EQ(actor->parent_run, 9);
    CHECK_EQ(actor->parent_call, 8);
    wf_actor_destroy(actor);
}

TEST(image, instants_are_kept)
{
    struct wf_actor *actor = make();

    actor->status = WEFT_STATUS_RUNNING;
    actor->created_at_ms = 11;
    actor->begins_at_ms = 12;
    actor->run_begins_at_ms = 13;
    actor->retry_due = 14;
    actor = read_back(actor);
    CHECK_EQ(actor->created_at_ms, 11);
    CHECK_EQ(actor->begins_at_ms, 12);
    CHECK_EQ(actor->run_begins_at_ms, 13);
    CHECK_EQ(actor->retry_due, 14);
    wf_actor_destroy(actor);
}
