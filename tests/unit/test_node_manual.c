// SPDX-License-Identifier: Apache-2.0
//
// test_node_manual.c - whole nodes stepped by hand: what they answer, keep
// over a crash, refuse without room, and drain. Their stores fail in
// test_node_store.c.

#include "runtime/node.h"

#include <stdio.h>

#include "base/fault.h"
#include "base/key.h"
#include "manual_world.h"
#include "runtime/client_as.h"

TEST(node_manual, a_manual_node_runs_in_one_thread)
{
    struct world world;
    struct answer answer;
    struct answer result;

    world_begin(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_submit(&world, WEFT_VERB_START, "chain", "w", &result);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    CHECK_OK(result.err);
    world_submit(&world, WEFT_VERB_RESULT, "chain", "w", &result);
    world_run(&world, 100);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(result.err);
    world_end(&world);
}

// An update may wait for as long as its workflow is paused, and its client be
// gone for good.
TEST(node_manual, an_update_that_waits_can_be_withdrawn)
{
    struct world world;
    struct answer answer;
    struct wf_request *made;
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_client_as as = {.name_space = "default", .number = 77};

    world_begin(&world);
    world_submit(&world, WEFT_VERB_START, "chain", "w", &answer);
    world_run(&world, 2);
    world_submit(&world, WEFT_VERB_PAUSE, "chain", "w", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"chain", "w"};
    request.name = "any";
    CHECK_OK(wf_client_submit_as(world.client, &as, &request, world_note,
                                 &answer, &made));
    world_run(&world, 100);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    wf_node_withdraw(world.node, made);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(answer.err, WEFT_ECANCELLED);
    world_end(&world);
}

// Who chooses ids cannot know which of them collide; unit.hash_seed.
TEST(node_manual, each_open_has_another_seed_for_its_tables)
{
    struct world world;
    uint64_t seeds[3];

    world_begin(&world);
    for (int i = 0; i < 3; i++) {
        seeds[i] = world.node->hash_seed;
        world.seed = 0; // from now on, the system's
        weft_client_close(world.client);
        weft_node_close(world.node);
        world_open(&world);
    }
    CHECK_EQ(seeds[0], 7);
    CHECK(seeds[1] != 0 && seeds[2] != 0 && seeds[1] != seeds[2]);
    world_end(&world);
}

TEST(node_manual, a_crash_keeps_what_was_synced)
{
    struct world world;
    struct answer answer;
    struct answer late;

    world_begin(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    (void)wf_node_step(world.node, WF_NODE_SHARD, 0);
    (void)wf_node_step(world.node, WF_NODE_SHARD, 1);
    wf_memory_disk_crash(world.disk);
    wf_node_crash(world.node);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    CHECK_ERR(late.err, WEFT_EIO);
    CHECK_EQ(late.count, 1);
    weft_client_close(world.client);

    world_open(&world);
    world_check_count(&world, 1);
    world_end(&world);
}

// An id that lives with that shard.
static void
find_id(const struct world *world, uint32_t shard, uint32_t from, char id[16])
{
    struct wf_key key;
    bool is_found = false;

    for (uint32_t i = 0; !is_found; i++) {
        (void)snprintf(id, 16, "%u", from + i);
        CHECK_OK(wf_key_make("default", "counter", id, &key));
        is_found =
            wf_node_shard_of(world->node, wf_key_partition(&key, 4)) == shard;
        wf_key_fini(&key);
    }
}

static void
check_trims(struct world *world, uint32_t shard)
{
    uint64_t trims = wf_fault_hits(WF_FAULT_AFTER_TRIM);
    struct answer answer;
    char busy[16];
    char quiet[16];

    find_id(world, shard, 0, quiet);
    find_id(world, shard, 1000, busy);
    world_submit(world, WEFT_VERB_SIGNAL, "counter", quiet, &answer);
    for (uint64_t i = 1; wf_fault_hits(WF_FAULT_AFTER_TRIM) < trims + 3; i++) {
        CHECK(i < 10000);
        world_submit(world, WEFT_VERB_SIGNAL, "counter", busy, &answer);
        world_run(world, 110);
        CHECK_OK(answer.err);
    }
    world_crash(world);
    world_submit(world, WEFT_VERB_QUERY, "counter", quiet, &answer);
    world_run(world, 5);
    CHECK_EQ(weft_client_dispatch(world->client, 10), 1);
    CHECK_EQ(answer.number, 1);
}

// What one shard still needs of the log stays, although the others need
// nothing.
TEST(node_manual, a_trim_leaves_what_any_shard_needs)
{
    for (uint32_t shard = 0; shard < 2; shard++) {
        struct world world;

        world_begin(&world);
        world.window_bytes = 16384;
        world_crash(&world);
        check_trims(&world, shard);
        world_end(&world);
    }
}

TEST(node_manual, a_full_disk_stops_intake_until_there_is_room)
{
    struct world world;
    struct answer answer;

    world_begin(&world);
    world.free_bytes = 1000;
    world_run(&world, 1200);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(answer.err, WEFT_EFULL);
    world.free_bytes = UINT64_MAX;
    world_run(&world, 1200);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(answer.err);
    world_end(&world);
}

// A refusal says that nothing happened: whoever asks anew after it, under
// another number, would do it twice.
TEST(node_manual, what_was_done_is_not_refused_when_intake_has_stopped)
{
    struct world world;
    weft_request request = WEFT_REQUEST_INIT;
    struct answer answer = {0};

    world_begin(&world);
    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"counter", "a"};
    request.name = "add";
    CHECK_OK(weft_client_submit(world.client, &request, world_note, &answer,
                                &request.number));
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(answer.err);
    world.free_bytes = 1000;
    world_run(&world, 1200);
    CHECK_OK(
        weft_client_submit(world.client, &request, world_note, &answer, NULL));
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(answer.err);
    world_check_count(&world, 1);
    world_end(&world);
}

// What was asked before may have happened: it waits until that is known. What
// comes while the store is closed for want of space has not.
TEST(node_manual, a_full_disk_refuses_calls_while_the_store_is_closed_too)
{
    struct world world;
    weft_request repeat = WEFT_REQUEST_INIT;
    struct answer before;
    struct answer early;
    struct answer late;
    struct answer read;
    struct answer repeated = {0};

    world_begin(&world);
    wf_fault_arm(WF_FAULT_AFTER_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    wf_fault_arm(WF_FAULT_RECOVERY_SCAN, WF_FAULT_ACTION_FAIL, 0, 1000000);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &before);
    world_run(&world, 50);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &early);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    world.free_bytes = 1000;
    world_run(&world, 1200);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(early.err, WEFT_EFULL);
    CHECK(early.retry_after_ms > 0);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    world_submit(&world, WEFT_VERB_QUERY, "counter", "a", &read);
    repeat.verb = WEFT_VERB_SIGNAL;
    repeat.target = (weft_target){"counter", "a"};
    repeat.name = "add";
    repeat.number = early.request;
    CHECK_OK(
        weft_client_submit(world.client, &repeat, world_note, &repeated, NULL));
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(late.err, WEFT_EFULL);
    world.free_bytes = UINT64_MAX;
    world_run(&world, 1200);
    wf_fault_disarm_all();
    world_run(&world, 6000);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 3);
    CHECK_OK(before.err);
    CHECK_OK(repeated.err);
    world_check_count(&world, 2);
    world_end(&world);
}

// What would add to it waits for memory; what is read, or may have been done,
// does not.
TEST(node_manual, a_node_without_memory_takes_only_what_adds_nothing)
{
    struct world world;
    struct answer answer;
    weft_request repeat = WEFT_REQUEST_INIT;

    world_begin(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    weft_client_close(world.client);
    weft_node_close(world.node);
    world.memory_bytes = 1;
    world_open(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(answer.err, WEFT_EBUSY);
    CHECK(answer.retry_after_ms > 0);
    repeat.verb = WEFT_VERB_SIGNAL;
    repeat.target = (weft_target){"counter", "a"};
    repeat.name = "add";
    repeat.number = answer.request;
    world_check_count(&world, 1);
    CHECK_OK(
        weft_client_submit(world.client, &repeat, world_note, &answer, NULL));
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0); // it is asked
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    world_end(&world);
}

TEST(node_manual, a_manual_node_drains_what_it_was_asked)
{
    struct world world;
    struct answer answer;
    struct answer late;

    world_begin(&world);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_submit(&world, WEFT_VERB_START, "chain", "w", &late);
    CHECK_ERR(weft_node_drain(world.node, 0), WEFT_ETIMEDOUT);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    CHECK_OK(weft_node_drain(world.node, 1000));
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    world_submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(late.err, WEFT_ECLOSED);
    world_end(&world);
}
