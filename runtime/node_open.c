// SPDX-License-Identifier: Apache-2.0
//
// node_open.c - from a directory to a running node.
//
//     DATA_DIR/store-N       and store-N.beacon: depot.h
//     DATA_DIR/...           node_host.c
//
// Store 0 is opened first, because it knows how many there are: nothing else
// is touched if that is not what was asked for. When a new system is founded,
// its rows are written last; a crash in the middle leaves a system that is
// still to be founded.
//
// Everything up to the commit of the new epoch happens on the caller's thread,
// so that whatever goes wrong is the caller's answer. Shards are stepped here
// too, in a mode in which they run no user code. Then the threads begin.
//
// Threads: the caller's.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/mpsc.h"
#include "runtime/blackbox.h"
#include "runtime/committer.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/request.h"
#include "runtime/restored.h"
#include "runtime/shard.h"
#include "storage/log.h"
#include "storage/log_shared.h"

#define EPOCH_WAITS_MAX 300 // at most 100 ms each

// Stores. ---------------------------------------------------------------------

static weft_err
found_stores(weft_node *node)
{
    for (uint32_t i = node->options.store_count; i > 0; i--) {
        uint8_t id[16];
        weft_err err;

        if (node->seams.seed == 0) {
            wf_random_os_bytes(id, sizeof(id));
        } else {
            uint64_t bits[2] = {wf_node_random(node), wf_node_random(node)};

            memcpy(id, bits, sizeof(id));
        }
        node->depots[i - 1].is_new = true; // or founded half
        err = wf_depot_found(&node->depots[i - 1], id);
        if (err != WEFT_OK) {
            return err;
        }
    }
    return WEFT_OK;
}

// An empty store in a system that has others is a lost one; one that is not
// empty, in a system that is to be founded, is a stranger.
static weft_err
check_together(const weft_node *node)
{
    bool is_new = node->depots[0].is_new;

    for (uint32_t i = 1; i < node->options.store_count; i++) {
        const struct wf_depot *depot = &node->depots[i];

        if (!is_new && depot->is_new) {
            return wf_error(WEFT_ELOST, "%s: the store is missing",
                            depot->name);
        }
        if (is_new && atomic_load(&depot->durable) > 0) {
            return wf_error(WEFT_ELOST, "%s: the store is missing",
                            node->depots[0].name);
        }
    }
    return WEFT_OK;
}

// A store that has a commit and no beacon counts as cut, so the beacon is there
// before the first commit: a crash between the two must not look like a loss.
static weft_err
begin_beacons(weft_node *node)
{
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < node->options.store_count; i++) {
        if (atomic_load(&node->depots[i].durable) == 0) {
            err = wf_depot_write_beacon(&node->depots[i]);
        }
    }
    return err;
}

static weft_err
open_stores(weft_node *node)
{
    bool accept_loss = node->options.accept_loss != 0;
    weft_err err;

    for (uint32_t i = 0; i < node->options.store_count; i++) {
        err = wf_depot_open(&node->depots[i], accept_loss);
        if (err != WEFT_OK) {
            return err;
        }
    }
    err = check_together(node);
    for (uint32_t i = 0; err == WEFT_OK && i < node->options.store_count; i++) {
        err = wf_depot_check_next(
            &node->depots[i],
            &node->depots[(i + 1) % node->options.store_count], accept_loss);
    }
    if (err == WEFT_OK && node->depots[0].is_new) {
        err = found_stores(node);
    }
    if (err == WEFT_OK) {
        err = wf_restored_find(node->depots[0].store, &node->is_restored);
    }
    for (uint32_t i = 0; i < node->options.store_count; i++) {
        node->is_restored = node->is_restored || node->depots[i].has_lost;
    }
    return err == WEFT_OK ? begin_beacons(node) : err;
}

// Partitions. -----------------------------------------------------------------

static weft_err
recover_partitions(weft_node *node)
{
    uint32_t count = node->options.partition_count;
    struct wf_partition **partitions =
        wf_calloc(count * sizeof(struct wf_partition *));
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < node->options.store_count; i++) {
        err = wf_node_recover(node, &node->depots[i], NULL, partitions);
    }
    // Also on failure: a shard destroys what it has.
    for (uint32_t i = 0; i < count; i++) {
        if (partitions[i] != NULL) {
            wf_shard_adopt(node->shards[wf_node_shard_of(node, i)], i,
                           partitions[i]);
        }
    }
    wf_free(partitions);
    return err;
}

static void
start_shards(weft_node *node)
{
    const struct wf_list_node *item = wf_list_first(&node->blames);

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_shard_start(node->shards[i]);
    }
    // In a cluster their partitions come later, or never: see tell_blames.
    for (; item != NULL && !wf_node_is_shared(node);
         item = wf_list_next(&node->blames, item)) {
        const struct wf_node_blame *blame =
            WF_CONTAINER(item, struct wf_node_blame, node);
        uint32_t partition =
            wf_key_partition(&blame->key, node->options.partition_count);

        wf_shard_blame(node->shards[wf_node_shard_of(node, partition)],
                       &blame->key, blame->how);
    }
}

// Step shards and committers until nothing moves. *out_wait_ms: when a stalled
// committer wants to try again. True: everything is durable.
static bool
step_to_rest(weft_node *node, uint64_t *out_wait_ms)
{
    bool did_something = true;
    bool are_settled = true;

    while (did_something) {
        did_something = false;
        are_settled = true;
        *out_wait_ms = UINT64_MAX;
        for (uint32_t i = 0; i < node->options.shard_count; i++) {
            while (wf_shard_step(node->shards[i]) == 0) {
                did_something = true;
            }
            are_settled = are_settled && wf_shard_is_settled(node->shards[i]);
        }
        for (uint32_t i = 0; i < node->committers_count; i++) {
            uint64_t wait_ms = wf_committer_step(node->committers[i]);

            did_something = did_something || wait_ms == 0;
            *out_wait_ms = wait_ms < *out_wait_ms ? wait_ms : *out_wait_ms;
        }
    }
    return are_settled;
}

static weft_err
commit_epochs(weft_node *node)
{
    uint64_t wait_ms;

    for (uint32_t i = 0; i < EPOCH_WAITS_MAX; i++) {
        if (step_to_rest(node, &wait_ms)) {
            return wf_fault_hit(WF_FAULT_RECOVERY_EPOCH)
                       ? wf_error(WEFT_EIO, "recovery: a fault was injected")
                       : WEFT_OK;
        }
        if (atomic_load(&node->was_in_doubt)) {
            return wf_error(WEFT_EIO, "the first commit failed");
        }
        if (!node->seams.is_manual) { // else time stands still
            wf_mpsc_wait(wf_node_inbox(node, WF_NODE_COMMITTER, 0),
                         wait_ms < 100 ? (int)wait_ms : 100);
        }
    }
    return wf_error(WEFT_EIO, "the store takes no writes");
}

static weft_err
write_beacons(weft_node *node)
{
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < node->options.store_count; i++) {
        err = wf_depot_write_beacon(&node->depots[i]);
    }
    return err;
}

// All of it. ------------------------------------------------------------------

static void
emit_line(void *ctx, enum wf_trace_level level, uint64_t now_ms,
          const char *who, const char *verb, const char *text)
{
    const weft_node *node = ctx;
    char line[1200];

    (void)level;
    (void)snprintf(line, sizeof(line), "[%" PRIu64 "] %-12s %-8s %s", now_ms,
                   who, verb, text);
    if (node->options.log != NULL) {
        node->options.log(node->options.log_ctx, line);
    } else {
        (void)fprintf(stderr, "weft: %s\n", line);
    }
}

static weft_node *
create_node(const struct wf_node_seams *seams)
{
    weft_node *node = wf_calloc(sizeof(*node));

    if (seams != NULL) {
        node->seams = *seams;
    }
    node->clock = node->seams.clock.wall_ms == NULL ? wf_clock_system()
                                                    : node->seams.clock;
    node->lock_fd = -1;
    wf_list_init(&node->blames);
    wf_list_init(&node->lost);
    WF_ASSERT(pthread_mutex_init(&node->random_lock, NULL) == 0);
    WF_ASSERT(pthread_mutex_init(&node->backup_lock, NULL) == 0);
    WF_ASSERT(pthread_mutex_init(&node->routes_lock, NULL) == 0);
    // A cluster says when more may be written.
    atomic_store(&node->record_version, wf_node_is_shared(node)
                                            ? WF_SEGMENT_VERSION_MIN
                                            : WF_SEGMENT_VERSION_MAX);
    wf_random_init(&node->random, node->seams.seed == 0 ? wf_random_os_seed()
                                                        : node->seams.seed);
    // Apart from the random numbers, of which others see some.
    node->hash_seed =
        node->seams.seed == 0 ? wf_random_os_seed() : node->seams.seed;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &node->host_signals);
    return node;
}

static void
choose_trace(weft_node *node)
{
    bool has_log = node->options.log != NULL;

    node->own_trace = (struct wf_trace){
        .emit = emit_line,
        .ctx = node,
        .level = has_log ? WF_TRACE_NOTE : WF_TRACE_WARNING,
    };
    node->trace =
        node->seams.trace != NULL ? node->seams.trace : &node->own_trace;
}

static weft_err
prepare(weft_node *node, const weft_node_options *options)
{
    weft_err err = wf_node_read_options(options, &node->seams, &node->options);

    if (err != WEFT_OK) {
        return err;
    }
    choose_trace(node);
    if (!wf_fault_arm_from_environment()) {
        return wf_error(WEFT_EINVAL, "WEFT_FAULT is malformed");
    }
    err = wf_node_lock_directory(node);
    if (err == WEFT_OK) {
        err = wf_node_check_space(node);
    }
    if (err == WEFT_OK) {
        err = wf_node_check_descriptors(node);
    }
    if (err == WEFT_OK) {
        err = wf_node_open_box(node);
    }
    return err == WEFT_OK ? wf_node_make_parts(node) : err;
}

// Whoever has their partitions next is to know whom the box blames.
static weft_err
tell_blames(weft_node *node)
{
    const struct wf_shared_log *log = node->seams.cluster.log;
    const struct wf_list_node *item = wf_list_first(&node->blames);
    weft_err err = WEFT_OK;

    for (; item != NULL && err == WEFT_OK;
         item = wf_list_next(&node->blames, item)) {
        const struct wf_node_blame *blame =
            WF_CONTAINER(item, struct wf_node_blame, node);
        struct wf_shared_blame told = {
            .partition =
                wf_key_partition(&blame->key, node->options.partition_count),
            .key = wf_key_bytes(&blame->key),
            .how = blame->how,
            .at_ms = blame->at_ms,
        };

        err = log->ops->blame(log->self, &told);
    }
    return err;
}

static weft_err
recover(weft_node *node)
{
    weft_err err;

    if (wf_node_is_shared(node)) {
        start_shards(node); // nothing is here yet
        err = tell_blames(node);
        if (err == WEFT_OK) {
            wf_blackbox_clear(node->box);
        }
        return err;
    }
    err = open_stores(node);
    if (err == WEFT_OK) {
        err = recover_partitions(node);
    }
    if (err == WEFT_OK) {
        start_shards(node);
        err = commit_epochs(node);
    }
    if (err == WEFT_OK) {
        // Whom the box blames is durable now.
        wf_blackbox_clear(node->box);
        err = write_beacons(node);
    }
    if (err == WEFT_OK && node->is_restored) {
        node->is_restored = false; // the new generation is durable
        err = wf_restored_settle(node->depots[0].store);
    }
    return err;
}

static void
serve(weft_node *node)
{
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_shard_serve(node->shards[i]);
    }
}

weft_err
wf_node_restart(weft_node *node)
{
    struct wf_list_node *item;
    weft_err err;

    WF_ASSERT(node->seams.is_manual);
    node->is_restarting = true;
    wf_node_destroy_parts(node, WEFT_EIO);
    node->is_restarting = false;
    node->are_workers_stopped = false;
    atomic_store(&node->was_in_doubt, false);
    err = wf_node_make_parts(node);
    if (err == WEFT_OK) {
        err = recover(node);
    }
    if (err == WEFT_OK) {
        serve(node);
    }
    while ((item = wf_list_pop_front(&node->lost)) != NULL) {
        wf_node_post_request(node, WF_CONTAINER(item, struct wf_request, wait));
    }
    return err;
}

weft_err
wf_node_open_with(const weft_node_options *options,
                  const struct wf_node_seams *seams, weft_node **out_node)
{
    weft_node *node = create_node(seams);
    weft_err err = prepare(node, options);

    if (err == WEFT_OK) {
        err = recover(node);
    }
    if (err != WEFT_OK) {
        wf_node_destroy(node, WEFT_ECLOSED);
        return err;
    }
    serve(node);
    if (!node->seams.is_manual) {
        err = wf_node_start_threads(node);
        if (err != WEFT_OK) {
            wf_node_shut_down(node);
            return err;
        }
    }
    wf_node_note(node, WF_TRACE_NOTE, "node", "open",
                 "%s, %" PRIu32 " partitions, %" PRIu32 " stores",
                 node->options.data_dir == NULL ? "" : node->options.data_dir,
                 node->options.partition_count, node->options.store_count);
    *out_node = node;
    return WEFT_OK;
}

weft_err
weft_node_open(const weft_node_options *options, weft_node **out_node)
{
    wf_error_clear();
    WF_REQUIRE(options != NULL);
    WF_REQUIRE(out_node != NULL);
    return wf_node_open_with(options, NULL, out_node);
}
