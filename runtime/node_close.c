// SPDX-License-Identifier: Apache-2.0
//
// node_close.c - how a node drains, and how it ends.
//
// The end, in this order. Each step relies on those before it:
//
//   1  requests are refused: those that come now are answered on the spot
//   2  workers end what runs and give back the rest; results go to the shards
//   3  shards make everything durable, save all rows, destroy their
//      partitions (on their own threads: stacks may not move) and end
//   4  housekeeping ends, then nothing is opened anew; committers, which have
//      nothing left; the loader, which gives back what it still has
//   5  stores are flushed and beacons written, on the closing thread
//   6  what is left in inboxes is answered or freed
//
// So a request is answered once: by its partition, or in step 6 by whoever
// finds it, in an inbox or among those its partition gave back.
//
// Threads: any, as weft/node.h says; of a crash the one that steps.

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/blackbox.h"
#include "runtime/committer.h"
#include "runtime/housekeeping.h"
#include "runtime/inside.h"
#include "runtime/loader.h"
#include "runtime/node_impl.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"
#include "runtime/workers.h"

// A manual node that has not come to its end after so many rounds of steps
// waits for something that will not come, and is ended as it is.
#define MANUAL_ROUNDS_MAX 100000

// Drain. ----------------------------------------------------------------------

// Manual nodes: step every part once. False: none had anything to do.
static bool
step_all(weft_node *node)
{
    static const enum wf_node_component order[] = {
        WF_NODE_SHARD,      WF_NODE_COMMITTER,    WF_NODE_READER,
        WF_NODE_SUPERVISOR, WF_NODE_HOUSEKEEPING,
    };
    bool did_something = false;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        for (uint32_t j = 0; j < wf_node_count(node, order[i]); j++) {
            did_something = (!wf_node_has_ended(node, order[i], j) &&
                             wf_node_step(node, order[i], j) == 0) ||
                            did_something;
        }
    }
    return did_something;
}

// Let the parts go on for a moment. False: a manual node has nothing to do.
static bool
give_time(weft_node *node)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    if (node->seams.is_manual) {
        bool did_something = wf_workers_step(node->workers);

        return step_all(node) || did_something;
    }
    (void)nanosleep(&moment, NULL);
    return true;
}

static uint64_t
mono_ms(const weft_node *node)
{
    return node->clock.mono_ns(node->clock.self) / 1000000U;
}

static bool
are_settled(const weft_node *node, uint64_t mark)
{
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        if (wf_shard_settled_mark(node->shards[i]) < mark) {
            return false;
        }
    }
    return true;
}

// Wait until every shard has handled what it was posted so far, and what it
// has is durable. False: not before the deadline.
static bool
wait_settled(weft_node *node, uint64_t deadline_ms)
{
    uint64_t mark = atomic_fetch_add(&node->marks, 1) + 1;

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        struct wf_post *post = wf_post_create(WF_POST_MARK);

        post->u.mark = mark;
        wf_post_push(wf_shard_inbox(node->shards[i]), post);
    }
    while (!are_settled(node, mark)) {
        if (mono_ms(node) >= deadline_ms || !give_time(node)) {
            return are_settled(node, mark);
        }
    }
    return true;
}

static bool
wait_activities(weft_node *node, uint64_t deadline_ms)
{
    while (wf_workers_open(node->workers) > 0) {
        if (mono_ms(node) >= deadline_ms || !give_time(node)) {
            return wf_workers_open(node->workers) == 0;
        }
    }
    return true;
}

weft_err
weft_node_drain(weft_node *node, uint32_t timeout_ms)
{
    const struct wf_node_cluster *cluster;
    uint64_t deadline_ms;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    err = wf_inside_check("weft_node_drain");
    if (err != WEFT_OK) {
        return err;
    }
    cluster = &node->seams.cluster;
    deadline_ms = mono_ms(node) + timeout_ms;
    if (cluster->drain != NULL && !cluster->drain(cluster->ctx, timeout_ms)) {
        return wf_error(WEFT_ETIMEDOUT, "some partitions are still here");
    }
    wf_node_refuse(node, WF_POST_ALL_STORES, WF_REFUSAL_CLOSED, true);
    // First, so that no activity is begun; then what the last ones ended with.
    if (wait_settled(node, deadline_ms) && wait_activities(node, deadline_ms) &&
        wait_settled(node, deadline_ms)) {
        return WEFT_OK;
    }
    return wf_error(WEFT_ETIMEDOUT,
                    "%llu activities still run, or work goes on",
                    (unsigned long long)wf_workers_open(node->workers));
}

// Close. ----------------------------------------------------------------------

static void
finish_manually(weft_node *node)
{
    uint32_t rounds = 0;
    bool is_finished = false;

    while (!is_finished && rounds < MANUAL_ROUNDS_MAX) {
        (void)step_all(node);
        is_finished = true;
        for (uint32_t i = 0; i < node->options.shard_count; i++) {
            is_finished = is_finished && wf_shard_is_finished(node->shards[i]);
        }
        rounds++;
    }
}

static void
stop_threads(weft_node *node)
{
    wf_node_join_threads(node, WF_NODE_SHARD);
    wf_post_tell(wf_housekeeping_inbox(node->housekeeping), WF_POST_STOP, 0);
    wf_node_join_threads(node, WF_NODE_HOUSEKEEPING);
    for (uint32_t i = 0; i < node->supervisors_count; i++) {
        wf_post_tell(wf_supervisor_inbox(node->supervisors[i]), WF_POST_STOP,
                     0);
    }
    wf_node_join_threads(node, WF_NODE_SUPERVISOR);
    for (uint32_t i = 0; i < node->committers_count; i++) {
        wf_post_tell(wf_committer_inbox(node->committers[i]), WF_POST_STOP, i);
    }
    wf_node_join_threads(node, WF_NODE_COMMITTER);
    wf_post_tell(wf_loader_inbox(node->loader), WF_POST_STOP, 0);
    wf_node_join_threads(node, WF_NODE_READER);
}

static void
finish_stores(weft_node *node)
{
    for (uint32_t i = 0; i < node->options.store_count; i++) {
        weft_err err = wf_depot_finish(&node->depots[i]);

        if (err != WEFT_OK) {
            wf_node_note(node, WF_TRACE_WARNING, node->depots[i].name, "close",
                         "%s: %s", weft_err_name(err), weft_err_detail());
        }
    }
}

void
wf_node_shut_down(weft_node *node)
{
    const struct wf_node_cluster cluster = node->seams.cluster;

    if (cluster.closing != NULL) {
        cluster.closing(cluster.ctx);
    }
    atomic_store(&node->is_closing, true);
    atomic_store(&node->is_refusing, true);
    wf_node_refuse(node, WF_POST_ALL_STORES, WF_REFUSAL_CLOSED, true);
    wf_workers_stop(node->workers);
    node->are_workers_stopped = true;
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_post_tell(wf_shard_inbox(node->shards[i]), WF_POST_FINISH, 0);
    }
    if (node->seams.is_manual) {
        finish_manually(node);
    } else {
        stop_threads(node);
    }
    finish_stores(node);
    wf_node_note(node, WF_TRACE_NOTE, "node", "close", "%s",
                 node->options.data_dir == NULL ? "" : node->options.data_dir);
    if (cluster.ended != NULL) {
        cluster.ended(cluster.ctx);
    }
    wf_node_destroy(node, WEFT_ECLOSED);
    if (cluster.closed != NULL) {
        cluster.closed(cluster.ctx);
    }
}

void
weft_node_close(weft_node *node)
{
    wf_error_clear();
    if (node != NULL && wf_inside_check("weft_node_close") == WEFT_OK) {
        wf_node_shut_down(node);
    }
}

void
wf_node_crash(weft_node *node)
{
    WF_ASSERT(node->seams.is_manual);
    atomic_store(&node->is_closing, true);
    atomic_store(&node->is_refusing, true);
    wf_node_destroy(node, WEFT_EIO);
}

void
wf_node_destroy(weft_node *node, weft_err err)
{
    struct wf_list_node *item;

    wf_node_destroy_parts(node, err);
    if (node->handles_signals) {
        wf_blackbox_release_signals();
    }
    wf_blackbox_close(node->box);
    while ((item = wf_list_pop_front(&node->blames)) != NULL) {
        struct wf_node_blame *blame =
            WF_CONTAINER(item, struct wf_node_blame, node);

        wf_key_fini(&blame->key);
        wf_free(blame);
    }
    if (node->lock_fd >= 0) {
        close(node->lock_fd); // and the lock is gone
    }
    wf_free((void *)(uintptr_t)node->options.data_dir);
    pthread_mutex_destroy(&node->random_lock);
    pthread_mutex_destroy(&node->backup_lock);
    pthread_mutex_destroy(&node->routes_lock);
    wf_routes_fini(&node->routes);
    wf_free(node);
}
