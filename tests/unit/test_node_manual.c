// SPDX-License-Identifier: Apache-2.0
//
// test_node_manual.c - whole nodes stepped by hand, on a store in memory.

#include "runtime/node.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/key.h"
#include "base/trace.h"
#include "runtime/client_as.h"
#include "runtime/node_impl.h"
#include "storage/store.h"
#include "unit/node_rig.h"

struct world {
    weft_definitions *definitions;
    struct wf_memory_disk *disk;
    uint64_t now_ms;
    uint64_t seed; // of all chance
    uint64_t free_bytes;
    uint64_t memory_bytes; // 0: the default
    int64_t window_bytes;  // 0: the default
    struct wf_store store; // below the one that fails
    uint64_t calls;        // of the store
    uint64_t fails_at;     // from that call on they fail; 0: none
    weft_err fails_with;
    uint32_t opens; // of the store
    weft_node *node;
    weft_client *client;
};

static uint64_t
world_wall_ms(void *self)
{
    return ((struct world *)self)->now_ms;
}

static uint64_t
world_mono_ns(void *self)
{
    return ((struct world *)self)->now_ms * 1000000U;
}

// Its store; what asks it has no other way to the test.
static struct world *failing;

static bool
store_fails(void)
{
    failing->calls++;
    return failing->fails_at > 0 && failing->calls >= failing->fails_at;
}

static weft_err
failing_write(void *self, const struct wf_batch *batch, bool sync)
{
    return store_fails() ? failing->fails_with
                         : failing->store.ops->write(self, batch, sync);
}

static weft_err
failing_get(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    return store_fails() ? WEFT_EIO
                         : failing->store.ops->get(self, cf, key, out_value);
}

static weft_err
failing_scan(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
             wf_scan_fn *fn, void *ctx)
{
    return store_fails()
               ? WEFT_EIO
               : failing->store.ops->scan(self, cf, from, to, fn, ctx);
}

static weft_err
world_open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    static struct wf_store_ops ops;
    struct world *world = ctx;
    weft_err err;

    (void)store;
    world->opens++;
    failing = world;
    if (store_fails()) {
        return WEFT_EIO;
    }
    err = wf_store_memory_open(world->disk, &world->store);
    if (err == WEFT_OK) {
        ops = *world->store.ops;
        ops.write = failing_write;
        ops.get = failing_get;
        ops.scan = failing_scan;
        *out_store = (struct wf_store){&ops, world->store.self};
    }
    return err;
}

static uint64_t
world_free_bytes(void *ctx)
{
    return ((struct world *)ctx)->free_bytes;
}

static weft_err
world_try_open(struct world *world)
{
    static const struct wf_trace silent;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct wf_node_seams seams = {
        .clock = {world_wall_ms, world_mono_ns, world},
        .seed = world->seed,
        .open_store = world_open_store,
        .free_bytes = world_free_bytes,
        .trace = &silent,
        .ctx = world,
        .is_manual = true,
    };

    options.definitions = world->definitions;
    options.partition_count = 4;
    options.shard_count = 2;
    options.memory_bytes = world->memory_bytes;
    options.window_bytes = world->window_bytes;
    options.stacks_max = 10;
    options.turn_ms_max = 50;
    return wf_node_open_with(&options, &seams, &world->node);
}

static void
world_open(struct world *world)
{
    CHECK_OK(world_try_open(world));
    CHECK_OK(weft_client_open(world->node, NULL, &world->client));
}

static void
world_begin(struct world *world)
{
    *world = (struct world){
        .definitions = node_rig_define(),
        .disk = wf_memory_disk_create(),
        .now_ms = 1000,
        .seed = 7,
        .free_bytes = UINT64_MAX,
    };
    world_open(world);
}

static void
world_end(struct world *world)
{
    weft_client_close(world->client);
    weft_node_close(world->node);
    wf_memory_disk_destroy(world->disk);
    weft_definitions_destroy(world->definitions);
}

static bool
world_step(struct world *world)
{
    bool did_something = false;

    for (int i = 0; i < WF_NODE_COMPONENT_COUNT; i++) {
        enum wf_node_component component = (enum wf_node_component)i;

        for (uint32_t j = 0; j < wf_node_count(world->node, component); j++) {
            did_something =
                wf_node_step(world->node, component, j) == 0 || did_something;
        }
    }
    return did_something;
}

static void
world_run(struct world *world, uint64_t ms)
{
    uint64_t end = world->now_ms + ms;

    for (; world->now_ms < end; world->now_ms++) {
        while (world_step(world)) {
        }
    }
}

struct answer {
    uint32_t count;
    weft_err err;
    uint32_t retry_after_ms;
    uint64_t request; // its number
    uint64_t number;  // what the counter came to
};

static void
note_answer(void *ctx, const weft_reply *reply)
{
    struct answer *answer = ctx;

    answer->count++;
    answer->err = reply->err;
    answer->retry_after_ms = reply->retry_after_ms;
    answer->request = reply->number;
    if (reply->data.len == sizeof(answer->number)) {
        memcpy(&answer->number, reply->data.data, sizeof(answer->number));
    }
}

static void
submit(const struct world *world, weft_verb verb, const char *kind,
       const char *id, struct answer *answer)
{
    weft_request request = WEFT_REQUEST_INIT;

    *answer = (struct answer){0};
    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.name = "add";
    CHECK_OK(
        weft_client_submit(world->client, &request, note_answer, answer, NULL));
}

TEST(node_manual, a_manual_node_runs_in_one_thread)
{
    struct world world;
    struct answer answer;
    struct answer result;

    world_begin(&world);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    submit(&world, WEFT_VERB_START, "chain", "w", &result);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    CHECK_OK(result.err);
    submit(&world, WEFT_VERB_RESULT, "chain", "w", &result);
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
    submit(&world, WEFT_VERB_START, "chain", "w", &answer);
    world_run(&world, 2);
    submit(&world, WEFT_VERB_PAUSE, "chain", "w", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"chain", "w"};
    request.name = "any";
    CHECK_OK(wf_client_submit_as(world.client, &as, &request, note_answer,
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
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
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
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_EQ(answer.number, 1);
    world_end(&world);
}

// What one shard still needs of the log stays, although the others need
// nothing.
static void
crash(struct world *world)
{
    wf_memory_disk_crash(world->disk);
    wf_node_crash(world->node);
    (void)weft_client_dispatch(world->client, 1000);
    weft_client_close(world->client);
    world_open(world);
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
    submit(world, WEFT_VERB_SIGNAL, "counter", quiet, &answer);
    for (uint64_t i = 1; wf_fault_hits(WF_FAULT_AFTER_TRIM) < trims + 3; i++) {
        CHECK(i < 10000);
        submit(world, WEFT_VERB_SIGNAL, "counter", busy, &answer);
        world_run(world, 110);
        CHECK_OK(answer.err);
    }
    crash(world);
    submit(world, WEFT_VERB_QUERY, "counter", quiet, &answer);
    world_run(world, 5);
    CHECK_EQ(weft_client_dispatch(world->client, 10), 1);
    CHECK_EQ(answer.number, 1);
}

TEST(node_manual, a_trim_leaves_what_any_shard_needs)
{
    for (uint32_t shard = 0; shard < 2; shard++) {
        struct world world;

        world_begin(&world);
        world.window_bytes = 16384;
        crash(&world);
        check_trims(&world, shard);
        world_end(&world);
    }
}

static void
keep_house(struct world *world)
{
    while (wf_node_step(world->node, WF_NODE_HOUSEKEEPING, 0) == 0) {
    }
}

// A store that was opened anew is not trimmed before the shards have told what
// they need of it.
TEST(node_manual, nothing_is_trimmed_while_a_store_comes_back)
{
    struct world world;
    struct answer answer;
    struct answer late;

    world_begin(&world);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    wf_memory_disk_fail_write(world.disk, 0, WEFT_EIO, false);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
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
    crash(&world);
    CHECK_OK(answer.err);
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_EQ(answer.number, 1);
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
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
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
TEST(node_manual, a_store_is_opened_anew_when_all_have_left_it)
{
    check_waits_for(WF_NODE_SHARD, 0);
    check_waits_for(WF_NODE_SHARD, 1);
    check_waits_for(WF_NODE_COMMITTER, 0);
    check_waits_for(WF_NODE_READER, 0);
}

enum { OLD_CALLS = 1000, NEW_CALLS = 200 };

// A call at each moment of a store's coming back: what it counts of its log
// then must not look like a window that saving cannot keep up with.
TEST(node_manual, what_was_logged_before_a_store_came_back_stops_no_intake)
{
    static struct answer answers[NEW_CALLS];
    struct world world;
    struct answer answer;
    uint32_t opens;

    world_begin(&world);
    world.window_bytes = 4096;
    crash(&world);
    for (int i = 0; i < OLD_CALLS; i++) {
        submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
        world_run(&world, 1);
    }
    wf_memory_disk_fail_write(world.disk, 0, WEFT_EIO, false);
    opens = world.opens;
    for (int i = 0; i < NEW_CALLS; i++) {
        char id[16];

        snprintf(id, sizeof(id), "n%d", i % 20);
        submit(&world, WEFT_VERB_SIGNAL, "counter", id, &answers[i]);
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

TEST(node_manual, a_full_disk_stops_intake_until_there_is_room)
{
    struct world world;
    struct answer answer;

    world_begin(&world);
    world.free_bytes = 1000;
    world_run(&world, 1200);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(answer.err, WEFT_EFULL);
    world.free_bytes = UINT64_MAX;
    world_run(&world, 1200);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
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
    CHECK_OK(weft_client_submit(world.client, &request, note_answer, &answer,
                                &request.number));
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(answer.err);
    world.free_bytes = 1000;
    world_run(&world, 1200);
    CHECK_OK(
        weft_client_submit(world.client, &request, note_answer, &answer, NULL));
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(answer.err);
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_EQ(answer.number, 1);
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
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &before);
    world_run(&world, 50);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &early);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    world.free_bytes = 1000;
    world_run(&world, 1200);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(early.err, WEFT_EFULL);
    CHECK(early.retry_after_ms > 0);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &read);
    repeat.verb = WEFT_VERB_SIGNAL;
    repeat.target = (weft_target){"counter", "a"};
    repeat.name = "add";
    repeat.number = early.request;
    CHECK_OK(weft_client_submit(world.client, &repeat, note_answer, &repeated,
                                NULL));
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
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &read);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_EQ(read.number, 2);
    world_end(&world);
}

// The commit that is tried when the store is opened anew tells that what was
// read back is durable. What was done by then is answered, even if no commit
// goes well any more.
TEST(node_manual, what_was_done_is_answered_once_the_store_takes_a_commit)
{
    struct world world;
    struct answer done;
    struct answer late;

    world_begin(&world);
    world_run(&world, 200);
    // Its commit, the one that is tried, and then no other.
    wf_fault_arm(WF_FAULT_AFTER_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    wf_fault_arm(WF_FAULT_BEFORE_COMMIT, WF_FAULT_ACTION_FAIL, 2, 1000000);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &done);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(done.err);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    world_run(&world, 5000);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    wf_fault_disarm_all();
    world_run(&world, 6000);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_OK(late.err);
    world_end(&world);
}

// Each call of the store fails once, and all after it: the node does not open,
// and what was there is there when it does.
TEST(node_manual, a_node_whose_store_fails_opens_when_it_does_not)
{
    static const weft_err errors[] = {WEFT_EIO, WEFT_EBUSY};
    struct world world;
    struct answer answer;

    for (int is_new = 0; is_new < 2; is_new++) {
        for (uint64_t at = 1;; at++) {
            weft_err err;

            world = (struct world){.definitions = node_rig_define(),
                                   .disk = wf_memory_disk_create(),
                                   .now_ms = 1000,
                                   .seed = 7,
                                   .free_bytes = UINT64_MAX};
            if (!is_new) {
                world_open(&world);
                submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
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
            submit(&world, WEFT_VERB_QUERY, "counter", "a", &answer);
            world_run(&world, 50);
            CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
            CHECK_EQ(answer.number, is_new ? 0 : 1);
            world_end(&world);
        }
    }
}

// What would add to it waits for memory; what is read, or may have been done,
// does not.
TEST(node_manual, a_node_without_memory_takes_only_what_adds_nothing)
{
    struct world world;
    struct answer answer;
    weft_request repeat = WEFT_REQUEST_INIT;

    world_begin(&world);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    weft_client_close(world.client);
    weft_node_close(world.node);
    world.memory_bytes = 1;
    world_open(&world);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(answer.err, WEFT_EBUSY);
    CHECK(answer.retry_after_ms > 0);
    repeat.verb = WEFT_VERB_SIGNAL;
    repeat.target = (weft_target){"counter", "a"};
    repeat.name = "add";
    repeat.number = answer.request;
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_EQ(answer.number, 1);
    CHECK_OK(
        weft_client_submit(world.client, &repeat, note_answer, &answer, NULL));
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
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    submit(&world, WEFT_VERB_START, "chain", "w", &late);
    CHECK_ERR(weft_node_drain(world.node, 0), WEFT_ETIMEDOUT);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 0);
    CHECK_OK(weft_node_drain(world.node, 1000));
    CHECK_EQ(weft_client_dispatch(world.client, 10), 2);
    CHECK_OK(answer.err);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &late);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_ERR(late.err, WEFT_ECLOSED);
    world_end(&world);
}

// The node stays, and so do its clients; until its store is there again they
// wait.
TEST(node_manual, a_restart_that_fails_can_be_repeated)
{
    struct world world;
    struct answer answer;

    world_begin(&world);
    submit(&world, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    world.calls = 0;
    world.fails_at = 1;
    world.fails_with = WEFT_EIO;
    CHECK_ERR(wf_node_restart(world.node), WEFT_EIO);
    world.fails_at = 0;
    CHECK_OK(wf_node_restart(world.node));
    submit(&world, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(&world, 50);
    CHECK_EQ(weft_client_dispatch(world.client, 10), 1);
    CHECK_EQ(answer.number, 1);
    world_end(&world);
}
