// SPDX-License-Identifier: Apache-2.0
//
// test_node_store.c - a node whose store fails: it is opened anew when all have
// left it, and then nothing is lost, refused or trimmed that should not be.

#include <stdio.h>

#include "base/fault.h"
#include "manual_world.h"
#include "runtime/node.h"

// While it runs. --------------------------------------------------------------

static void
keep_house(struct world *world)
{
    while (wf_node_step(world->node, WF_NODE_HOUSEKEEPING, 0) == 0) {
    }
}

// A store that was opened anew is not trimmed before the shards have told what
// they need of it.
TEST(node_store, nothing_is_trimmed_while_a_store_comes_back)
{
    struct world world;
    struct answer answer;
    struct answer late;

    world_begin(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    wf_memory_disk_fail_write(world.disk, 0, WEFT_EIO, false);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    for (uint32_t opens = world.opens; world.opens == opens;) {
        (void)wf_node_step(world.node, WF_NODE_SHARD, 0);
        (void)wf_node_step(world.node, WF_NODE_SHARD, 1);
        (void)wf_node_step(world.node, WF_NODE_COMMITTER, 0);
        (void)wf_node_step(world.node, WF_NODE_READER, 0);
        (void)wf_node_step(world.node, WF_NODE_SUPERVISOR, 0);
        (void)wf_node_step(world.node, WF_NODE_HOUSEKEEPING, 0);
        world.now_ms++;
    }
    // No shard knows of it.
    world.now_ms += 61000;
    keep_house(&world);
    world_crash(&world);
    CHECK_OK(answer.err);
    world_check_count(&world, 1);
    world_end(&world);
}

// Everybody but one, as often as there is something to do.
static void
step_all_but(struct world *world, enum wf_node_component left_out,
             uint32_t index)
{
    for (int round = 0; round < 1000; round++, world->now_ms++) {
        for (int i = 0; i < WF_NODE_COMPONENT_COUNT; i++) {
            enum wf_node_component component = (enum wf_node_component)i;
            uint32_t count = wf_node_count(world->node, component);

            for (uint32_t j = 0; j < count; j++) {
                if (component != left_out || j != index) {
                    (void)wf_node_step(world->node, component, j);
                }
            }
        }
    }
}

static void
check_waits_for(enum wf_node_component component, uint32_t index)
{
    struct world world;
    struct answer answer;
    uint32_t opens;

    world_begin(&world);
    world_run(&world, 200);
    wf_memory_disk_fail_write(world.disk, 0, WEFT_EIO, false);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    opens = world.opens;
    for (int i = 0; i < 5; i++) { // until the write has failed
        (void)wf_node_step(world.node, WF_NODE_SHARD, 0);
        (void)wf_node_step(world.node, WF_NODE_SHARD, 1);
        (void)wf_node_step(world.node, WF_NODE_READER, 0);
        (void)wf_node_step(world.node, WF_NODE_COMMITTER, 0);
    }
    step_all_but(&world, component, index);
    CHECK_EQ(world.opens, opens);
    world_run(&world, 1000);
    CHECK_EQ(world.opens, opens + 1);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(answer.err);
    world_end(&world);
}

// Whoever has not said that it has left it may be in the middle of a call.
TEST(node_store, a_store_is_opened_anew_when_all_have_left_it)
{
    check_waits_for(WF_NODE_SHARD, 0);
    check_waits_for(WF_NODE_SHARD, 1);
    check_waits_for(WF_NODE_COMMITTER, 0);
    check_waits_for(WF_NODE_READER, 0);
}

enum { OLD_CALLS = 1000, NEW_CALLS = 200 };

// A call at each moment of a store's coming back: what it counts of its log
// then must not look like a window that saving cannot keep up with.
TEST(node_store, what_was_logged_before_a_store_came_back_stops_no_intake)
{
    static struct answer answers[NEW_CALLS];
    struct world world;
    struct answer answer;
    uint32_t opens;

    world_begin(&world);
    world.window_bytes = 4096;
    world_crash(&world);
    for (int i = 0; i < OLD_CALLS; i++) {
        world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
        world_run(&world, 1);
    }
    wf_memory_disk_fail_write(world.disk, 0, WEFT_EIO, false);
    opens = world.opens;
    for (int i = 0; i < NEW_CALLS; i++) {
        char id[16];

        snprintf(id, sizeof(id), "n%d", i % 20);
        world_submit(&world, WEFT_VERB_SIGNAL, "counter", id, &answers[i]);
        (void)world_step(&world);
        world.now_ms++;
    }
    world_run(&world, 100);
    CHECK(world.opens > opens);
    (void)weft_client_dispatch(world.client, OLD_CALLS + NEW_CALLS);
    for (int i = 0; i < NEW_CALLS; i++) {
        CHECK_EQ(answers[i].count, 1);
        CHECK_OK(answers[i].err);
    }
    world_end(&world);
}

// The commit that is tried when the store is opened anew tells that what was
// read back is durable. What was done by then is answered, even if no commit
// goes well any more.
TEST(node_store, what_was_done_is_answered_once_the_store_takes_a_commit)
{
    struct world world;
    struct answer done;
    struct answer late;

    world_begin(&world);
    world_run(&world, 200);
    // Its commit, the one that is tried, and then no other.
    wf_fault_arm(WF_FAULT_AFTER_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    wf_fault_arm(WF_FAULT_BEFORE_COMMIT, WF_FAULT_ACTION_FAIL, 2, 1000000);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &done);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(done.err);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    world_run(&world, 5000);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    wf_fault_disarm_all();
    world_run(&world, 6000);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(late.err);
    world_end(&world);
}

// Opening. --------------------------------------------------------------------

// Each call of the store fails once, and all after it: the node does not open,
// and what was there is there when it does.
TEST(node_store, a_node_whose_store_fails_opens_when_it_does_not)
{
    static const weft_err errors[] = {WEFT_EIO, WEFT_EBUSY};
    struct world world;
    struct answer answer;

    for (int is_new = 0; is_new < 2; is_new++) {
        for (uint64_t at = 1;; at++) {
            weft_err err;

            world_make(&world);
            if (!is_new) {
                world_open(&world);
                world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
                world_run(&world, 5);
                weft_client_close(world.client);
                weft_node_close(world.node);
            }
            world.calls = 0;
            world.fails_at = at;
            world.fails_with = errors[at % 2];
            err = world_try_open(&world);
            world.fails_at = 0;
            if (err == WEFT_OK) {
                CHECK(at > 20);
                CHECK_OK(weft_client_open(world.node, NULL, &world.client));
                world_end(&world);
                break;
            }
            CHECK(err == WEFT_EIO || err == WEFT_EBUSY);
            world_open(&world);
            world_check_count(&world, is_new ? 0 : 1);
            world_end(&world);
        }
    }
}

// The node stays, and so do its clients; until its store is there again they
// wait.
TEST(node_store, a_restart_that_fails_can_be_repeated)
{
    struct world world;
    struct answer answer;

    world_begin(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    world.calls = 0;
    world.fails_at = 1;
    world.fails_with = WEFT_EIO;
    CHECK_ERR(wf_node_restart(world.node), WEFT_EIO);
    world.fails_at = 0;
    CHECK_OK(wf_node_restart(world.node));
    world_check_count(&world, 1);
    world_end(&world);
}
