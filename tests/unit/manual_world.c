// SPDX-License-Identifier: Apache-2.0
//
// manual_world.c - a node that is stepped by hand, and all that it sees of the
// world.

#include "manual_world.h"

#include <string.h>

#include "base/trace.h"
#include "runtime/node.h"
#include "unit/node_rig.h"

// Seams. ----------------------------------------------------------------------

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

weft_err
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

void
world_open(struct world *world)
{
    CHECK_OK(world_try_open(world));
    CHECK_OK(weft_client_open(world->node, NULL, &world->client));
}

void
world_make(struct world *world)
{
    *world = (struct world){
        .definitions = node_rig_define(),
        .disk = wf_memory_disk_create(),
        .now_ms = 1000,
        .seed = 7,
        .free_bytes = UINT64_MAX,
    };
}

void
world_begin(struct world *world)
{
    world_make(world);
    world_open(world);
}

void
world_end(struct world *world)
{
    weft_client_close(world->client);
    weft_node_close(world->node);
    wf_memory_disk_destroy(world->disk);
    weft_definitions_destroy(world->definitions);
}

bool
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

void
world_run(struct world *world, uint64_t ms)
{
    uint64_t end = world->now_ms + ms;

    for (; world->now_ms < end; world->now_ms++) {
        while (world_step(world)) {
        }
    }
}

void
world_crash(struct world *world)
{
    wf_memory_disk_crash(world->disk);
    wf_node_crash(world->node);
    (void)weft_client_dispatch(world->client, 1000);
    weft_client_close(world->client);
    world_open(world);
}

// Answers. --------------------------------------------------------------------

void
world_note(void *ctx, const weft_reply *reply)
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

void
world_submit(const struct world *world, weft_verb verb, const char *kind,
             const char *id, struct answer *answer)
{
    weft_request request = WEFT_REQUEST_INIT;

    *answer = (struct answer){0};
    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.name = "add";
    CHECK_OK(
        weft_client_submit(world->client, &request, world_note, answer, NULL));
}

void
world_check_count(struct world *world, uint64_t count)
{
    struct answer answer;

    world_submit(world, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(world, 50);
    CHECK_EQ(weft_client_dispatch(world->client, 10), 1);
    CHECK_EQ(answer.number, count);
}
