// SPDX-License-Identifier: Apache-2.0
//
// world.c - a whole node on a real directory, in one thread. See world.h.

#include "rot/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/trace.h"
#include "runtime/node.h"

#define PAUSE_MS 500
#define PATIENCE_MS 5000
#define REOPENS_MAX 12

// RocksDB reserves a whole memtable's size for each write-ahead log; in a file
// system in memory that takes longer than all the rest. These are found before
// the C library's.
__attribute__((visibility("default"))) int fallocate(int fd, int mode,
                                                     off_t offset, off_t len);
__attribute__((visibility("default"))) int
fallocate64(int fd, int mode, off64_t offset, off64_t len);

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
    return fallocate64(fd, mode, offset, len);
}

int
fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    (void)fd;
    (void)mode;
    (void)offset;
    (void)len;
    errno = EOPNOTSUPP;
    return -1;
}

static uint64_t
wall_ms(void *self)
{
    return ((const struct world *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((const struct world *)self)->now_ms * 1000000U;
}

static void
listen(void *ctx, enum wf_trace_level level, uint64_t now_ms, const char *who,
       const char *verb, const char *text)
{
    struct world *world = ctx;
    char line[600];
    int len;

    (void)level;
    (void)now_ms;
    world->reopens += strcmp(verb, "reopen") == 0 ? 1 : 0;
    len = snprintf(line, sizeof(line), "%s %s %s\n", who, verb, text);
    world->said_count++;
    if (len > 0 && (size_t)len < sizeof(line) &&
        world->said_len + (size_t)len < sizeof(world->said)) {
        memcpy(world->said + world->said_len, line, (size_t)len + 1);
        world->said_len += (size_t)len;
    }
}

static bool
step_all(struct world *world)
{
    static const enum wf_node_component order[] = {
        WF_NODE_SHARD, WF_NODE_COMMITTER, WF_NODE_READER, WF_NODE_WORKER};
    bool did_something = false;

    if (world->is_kept) {
        (void)wf_node_step(world->node, WF_NODE_SUPERVISOR, 0);
        (void)wf_node_step(world->node, WF_NODE_HOUSEKEEPING, 0);
    }
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        for (uint32_t k = 0; k < wf_node_count(world->node, order[i]); k++) {
            did_something =
                wf_node_step(world->node, order[i], k) == 0 || did_something;
        }
    }
    return did_something;
}

// False: nothing falls due before limit_ms.
static bool
step(struct world *world, uint64_t limit_ms)
{
    uint64_t next;

    if (world->reopens > REOPENS_MAX) {
        return false; // it would go on like that
    }
    if (step_all(world)) {
        return true;
    }
    next = wf_node_next_due_ms(world->node);
    if (next > limit_ms || world->now_ms >= limit_ms) {
        return false;
    }
    // What was due already waits for something else, a store perhaps that
    // cannot be opened.
    world->now_ms = next > world->now_ms ? next : world->now_ms + PAUSE_MS;
    return true;
}

static void
wait_for(void *ctx, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    struct world *world = ctx;
    uint64_t limit_ms = world->now_ms + timeout_ms;

    while (!is_over(arg) && step(world, limit_ms)) {
    }
    if (!is_over(arg) && world->now_ms < limit_ms) {
        world->now_ms = limit_ms;
    }
}

void
world_advance(struct world *world, uint64_t ms)
{
    uint64_t limit_ms = world->now_ms + ms;

    while (step(world, limit_ms)) {
    }
    world->now_ms = limit_ms;
    while (step_all(world)) {
    }
}

weft_err
world_open(struct world *world, const struct world_options *options)
{
    weft_node_options node = WEFT_NODE_OPTIONS_INIT;
    weft_client_options client = WEFT_CLIENT_OPTIONS_INIT;
    struct wf_trace trace = {listen, world, WF_TRACE_WARNING};
    static struct wf_trace kept;
    struct wf_node_seams seams = {
        .clock = {wall_ms, mono_ns, world},
        .seed = 7,
        .trace = &kept,
        .wait = wait_for,
        .ctx = world,
        .is_manual = true,
    };
    weft_err err;

    kept = trace;
    *world = (struct world){.now_ms = options->now_ms, .is_kept = true};
    node.data_dir = options->dir;
    node.definitions = options->definitions;
    node.partition_count = WORLD_PARTITIONS;
    node.shard_count = 1;
    node.store_count = options->store_count;
    node.window_bytes = options->window_bytes;
    node.strict = options->is_strict;
    node.reserve_bytes = 1;
    node.no_fatal_handler = 1;
    err = wf_node_open_with(&node, &seams, &world->node);
    if (err != WEFT_OK) {
        return err;
    }
    client.timeout_ms = PATIENCE_MS;
    memset(client.client_id, 'c', sizeof(client.client_id));
    return weft_client_open(world->node, &client, &world->client);
}

void
world_close(struct world *world)
{
    weft_client_close(world->client);
    weft_node_close(world->node);
    world->client = NULL;
    world->node = NULL;
}
