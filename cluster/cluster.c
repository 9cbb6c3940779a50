// SPDX-License-Identifier: Apache-2.0
//
// cluster.c - a node of a cluster: its parts, from open to close.
//
//     membership --take, give--> node --moved--> membership
//         |  ^                    |  ^
//         |  +--nudge--+          |  | frames, requests
//        map           |          v  |
//         +---------> peers <-----+--+----> other nodes
//
// The end, in this order: membership stops, so that nothing is taken any more;
// the node ends (node.c), which needs the log; peers end, while the node that
// its requests belong to is still there; the lease is given back, and others
// take what was here. A database that is away must not keep a node from ending:
// after STOP_MS whoever waits for it gives up.
//
// Threads: open and close the caller's; membership has one of its own, and so
// have snapshots.

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/thread.h"
#include "base/trace.h"
#include "cluster/cluster_impl.h"
#include "cluster/cluster_metrics.h"
#include "cluster/cluster_shared.h"
#include "cluster/cluster_snapshots.h"
#include "cluster/local.h"
#include "cluster/membership.h"
#include "cluster/peers.h"
#include "cluster/standby.h"
#include "runtime/futex.h"
#include "runtime/node.h"
#include "runtime/request.h"
#include "storage/log_postgres.h"
#include "weft/cluster.h"

#define STOP_MS 10000
#define DRAIN_LOOK_MS 10

struct wf_cluster {
    struct wf_cluster_settings settings;
    struct wf_clock clock;
    struct wf_trace trace;
    weft_log_fn *log_line;
    void *log_ctx;

    struct wf_cluster_shared shared;
    struct wf_cluster_snapshots snapshots;
    struct wf_peers *peers;
    struct wf_membership *membership;
    pthread_t thread; // of membership
    bool has_thread;
    pthread_t stopper; // gives up on the database
    bool has_stopper;
    _Atomic uint32_t has_ended; // the node's threads have
    weft_node *node;
    bool has_node;       // it was opened: its end is the cluster's
    atomic_bool is_open; // node and membership are there
};

// The lines of the node's log, and ours. --------------------------------------

static void
emit(void *ctx, enum wf_trace_level level, uint64_t now_ms, const char *who,
     const char *verb, const char *text)
{
    const struct wf_cluster *cluster = ctx;
    char line[1200];

    (void)snprintf(line, sizeof(line), "[%" PRIu64 "] %-12s %-8s %s", now_ms,
                   who, verb, text);
    if (cluster->log_line != NULL) {
        cluster->log_line(cluster->log_ctx, line);
    } else if (level >= WF_TRACE_WARNING) {
        (void)fprintf(stderr, "weft: %s\n", line);
    }
}

// What peers bring. -----------------------------------------------------------

static void
deliver(void *ctx, uint32_t partition, weft_bytes frame)
{
    struct wf_cluster *cluster = ctx;

    if (atomic_load(&cluster->is_open)) {
        wf_node_deliver(cluster->node, partition, frame);
    }
}

static void
met(void *ctx, uint32_t partition)
{
    struct wf_cluster *cluster = ctx;

    if (atomic_load(&cluster->is_open)) {
        wf_node_meet(cluster->node, partition);
    }
}

static bool
serve(void *ctx, struct wf_request *request)
{
    struct wf_cluster *cluster = ctx;

    if (!atomic_load(&cluster->is_open) ||
        !wf_node_is_here(cluster->node, request->partition)) {
        return false;
    }
    wf_node_post_request(cluster->node, request);
    return true;
}

static void
withdraw_served(void *ctx, struct wf_request *request)
{
    wf_node_withdraw(((struct wf_cluster *)ctx)->node, request);
}

static void
map_changed(void *ctx)
{
    struct wf_cluster *cluster = ctx;

    if (atomic_load(&cluster->is_open)) {
        wf_membership_nudge(cluster->membership);
    }
}

// What the node wants. --------------------------------------------------------

static void
send_frame(void *ctx, uint32_t partition, struct wf_buf *frame)
{
    wf_peers_send(((struct wf_cluster *)ctx)->peers, partition, frame);
}

static void
send_elsewhere(void *ctx, struct wf_request *request)
{
    wf_peers_forward(((struct wf_cluster *)ctx)->peers, request);
}

static void
withdraw(void *ctx, struct wf_request *request)
{
    wf_peers_withdraw(((struct wf_cluster *)ctx)->peers, request);
}

static void
moved(void *ctx, uint32_t partition, uint64_t epoch)
{
    wf_membership_moved(((struct wf_cluster *)ctx)->membership, partition,
                        epoch);
}

static void
prepared(void *ctx, uint32_t partition)
{
    wf_membership_prepared(((struct wf_cluster *)ctx)->membership, partition);
}

static void
copied(void *ctx, uint32_t partition, uint64_t commit)
{
    wf_membership_copied(((struct wf_cluster *)ctx)->membership, partition,
                         commit);
}

// Any thread; peers and snapshotter are there as long as the node is.
static void
put_metrics(void *ctx, weft_metrics *metrics)
{
    const struct wf_cluster *cluster = ctx;
    bool has_database = cluster->shared.local == NULL;
    struct wf_postgres_counts appends = {0};
    struct wf_peers_counts links;
    struct wf_snapshotter_counts snapshots;
    struct wf_standby_counts copies;
    bool has_snapshots =
        wf_cluster_snapshots_count(&cluster->snapshots, &snapshots);
    bool has_copies = atomic_load(&cluster->is_open) &&
                      wf_membership_count_copies(cluster->membership, &copies);

    wf_peers_count(cluster->peers, &links);
    if (has_database) {
        wf_log_postgres_count(&cluster->shared.log, &appends);
    }
    wf_cluster_metrics_put(
        metrics, &(struct wf_cluster_numbers){
                     .durability = wf_cluster_durability_name(
                         wf_cluster_shared_durability(&cluster->shared)),
                     .appends = has_database ? &appends : NULL,
                     .links = &links,
                     .snapshots = has_snapshots ? &snapshots : NULL,
                     .copies = has_copies ? &copies : NULL,
                 });
}

// The store is closed: nobody else is in its directory.
static weft_err
restore(void *ctx, uint32_t partition, const char *dir)
{
    return wf_cluster_snapshots_restore(&((struct wf_cluster *)ctx)->snapshots,
                                        partition, dir);
}

// What membership decides. ----------------------------------------------------

static void
prepare(void *ctx, uint32_t partition)
{
    wf_node_prepare(((struct wf_cluster *)ctx)->node, partition);
}

static void
follow(void *ctx, uint32_t partition)
{
    wf_node_follow(((struct wf_cluster *)ctx)->node, partition);
}

static void
take(void *ctx, uint32_t partition)
{
    wf_node_take(((struct wf_cluster *)ctx)->node, partition);
}

static void
give(void *ctx, uint32_t partition)
{
    wf_node_give(((struct wf_cluster *)ctx)->node, partition);
}

static void
set_lease(void *ctx, uint64_t until_ns)
{
    wf_node_set_lease(((struct wf_cluster *)ctx)->node, until_ns);
}

static void
show_map(void *ctx, const struct wf_registry_map *map)
{
    struct wf_cluster *cluster = ctx;

    wf_node_set_record_version(cluster->node, map->record_version);
    wf_peers_map(cluster->peers, map);
    wf_cluster_routes_tell(cluster->node, map);
    if (cluster->shared.local != NULL) {
        wf_local_map(cluster->shared.local, map);
    }
}

static bool
may_take(void *ctx, uint32_t partition)
{
    return wf_local_may_take(((struct wf_cluster *)ctx)->shared.local,
                             partition);
}

static bool
may_give(void *ctx, uint32_t partition, const char *node_id)
{
    return wf_local_may_give(((struct wf_cluster *)ctx)->shared.local,
                             partition, node_id);
}

static void
be_replaced(void *ctx)
{
    wf_peers_leave(((struct wf_cluster *)ctx)->peers);
}

static void
nudge(void *ctx)
{
    struct wf_cluster *cluster = ctx;

    wf_peers_nudge(cluster->peers);
    if (cluster->shared.local != NULL) {
        wf_exchange_nudge(cluster->shared.local->exchange);
    }
}

static void *
run_membership(void *arg)
{
    struct wf_cluster *cluster = arg;

    wf_thread_name("weft-cluster");
    while (!wf_membership_is_stopped(cluster->membership)) {
        uint64_t ms = wf_membership_step(cluster->membership);

        if (ms > 0) {
            wf_membership_wait(cluster->membership, ms);
        }
    }
    return NULL;
}

// The end. --------------------------------------------------------------------

// What is given and not yet taken would wait for this node.
static bool
is_drained(const struct wf_cluster *cluster)
{
    return wf_membership_count(cluster->membership) == 0 &&
           (cluster->shared.local == NULL ||
            wf_local_is_empty(cluster->shared.local));
}

static bool
drain(void *ctx, uint32_t timeout_ms)
{
    struct wf_cluster *cluster = ctx;
    const struct timespec moment = {.tv_nsec = DRAIN_LOOK_MS * 1000000L};

    if (cluster->shared.local != NULL) {
        wf_ledger_drain(cluster->shared.local->ledger, true);
    }
    wf_membership_drain(cluster->membership, true);
    for (uint32_t i = 0; !is_drained(cluster); i++) {
        if (i >= timeout_ms / DRAIN_LOOK_MS) {
            return false;
        }
        (void)nanosleep(&moment, NULL);
    }
    return true;
}

static void *
run_stopper(void *arg)
{
    struct wf_cluster *cluster = arg;

    wf_futex_wait(&cluster->has_ended, 0, (uint64_t)STOP_MS * 1000000U);
    if (atomic_load(&cluster->has_ended) == 0) {
        wf_cluster_shared_stop(&cluster->shared);
    }
    return NULL;
}

static void
closing(void *ctx)
{
    struct wf_cluster *cluster = ctx;

    cluster->has_stopper =
        pthread_create(&cluster->stopper, NULL, run_stopper, cluster) == 0;
    if (cluster->has_thread) {
        wf_membership_stop(cluster->membership);
        pthread_join(cluster->thread, NULL);
        cluster->has_thread = false;
    }
    wf_cluster_snapshots_end(&cluster->snapshots);
}

static void
ended(void *ctx)
{
    struct wf_cluster *cluster = ctx;

    atomic_store(&cluster->has_ended, 1);
    wf_futex_wake(&cluster->has_ended);
    if (cluster->has_stopper) {
        pthread_join(cluster->stopper, NULL);
        cluster->has_stopper = false;
    }
    wf_peers_destroy(cluster->peers);
    cluster->peers = NULL;
    wf_cluster_shared_end(&cluster->shared);
    atomic_store(&cluster->is_open, false);
}

static void
destroy(struct wf_cluster *cluster)
{
    wf_peers_destroy(cluster->peers);
    wf_cluster_shared_end(&cluster->shared);
    wf_membership_destroy(cluster->membership);
    wf_cluster_snapshots_close(&cluster->snapshots);
    wf_cluster_shared_close(&cluster->shared);
    wf_cluster_settings_fini(&cluster->settings);
    wf_free(cluster);
}

static void
leave(struct wf_cluster *cluster)
{
    wf_cluster_shared_leave(&cluster->shared);
    destroy(cluster);
}

// A node that could not be opened whole is closed too; then the cluster is
// still its opener's.
static void
closed(void *ctx)
{
    struct wf_cluster *cluster = ctx;

    if (cluster->has_node) {
        leave(cluster);
    }
}

// Opening. --------------------------------------------------------------------

static weft_err
open_shared(struct wf_cluster *cluster, const char *data_dir)
{
    struct wf_cluster_shared_options options = {
        .settings = &cluster->settings,
        .data_dir = data_dir,
        .clock = cluster->clock,
        .trace = &cluster->trace,
        .changed = map_changed,
        .ctx = cluster,
    };

    return wf_cluster_shared_open(&options, &cluster->shared);
}

static weft_err
begin_snapshots(struct wf_cluster *cluster, const char *data_dir)
{
    struct wf_cluster_snapshots_options options = {
        .shared = &cluster->shared,
        .settings = &cluster->settings,
        .node = cluster->node,
        .data_dir = data_dir,
        .clock = cluster->clock,
        .trace = &cluster->trace,
    };

    return wf_cluster_snapshots_begin(&cluster->snapshots, &options);
}

static weft_err
open_peers(struct wf_cluster *cluster)
{
    const struct wf_cluster_settings *settings = &cluster->settings;
    bool has_keys = settings->keys.secret_key[0] != '\0';
    struct wf_peers_options options = {
        .cluster_id = cluster->shared.facts.id,
        .node_id = settings->node_id,
        .endpoint = settings->endpoint,
        .secret_key = has_keys ? settings->keys.secret_key : NULL,
        .public_key = has_keys ? settings->keys.public_key : NULL,
        .partition_count = cluster->shared.facts.partition_count,
        .record_max = WF_SEGMENT_VERSION_MAX,
        .clock = cluster->clock,
        .trace = &cluster->trace,
        .deliver = deliver,
        .met = met,
        .serve = serve,
        .withdraw = withdraw_served,
        .changed = map_changed,
        .ctx = cluster,
    };

    return wf_peers_create(&options, cluster->shared.self.incarnation,
                           &cluster->peers);
}

static weft_err
open_node(struct wf_cluster *cluster, const weft_node_options *given)
{
    weft_node_options options = *given;
    struct wf_node_seams seams = {
        .cluster =
            {
                .log = &cluster->shared.log,
                .id = cluster->shared.facts.id,
                .name = cluster->settings.node_id,
                .restore = restore,
                .send = send_frame,
                .elsewhere = send_elsewhere,
                .withdraw = withdraw,
                .moved = moved,
                .prepared = prepared,
                .copied = copied,
                .metrics = put_metrics,
                .drain = drain,
                .closing = closing,
                .ended = ended,
                .closed = closed,
                .ctx = cluster,
                .copies_bytes = cluster->settings.standby_bytes,
            },
    };

    options.partition_count = cluster->shared.facts.partition_count;
    options.store_count = 0;
    return wf_node_open_with(&options, &seams, &cluster->node);
}

static weft_err
begin_membership(struct wf_cluster *cluster)
{
    struct wf_membership_options options = {
        .registry = cluster->shared.registry,
        .self = cluster->shared.self,
        .partition_count = cluster->shared.facts.partition_count,
        .lease_ms = cluster->settings.lease_ms,
        .joined_ns = cluster->shared.joined_ns,
        .clock = cluster->clock,
        .trace = &cluster->trace,
        .prepare = cluster->shared.local == NULL ? prepare : NULL,
        .follow = cluster->settings.standby_bytes > 0 ? follow : NULL,
        .take = take,
        .give = give,
        .lease = set_lease,
        .map = show_map,
        .replaced = be_replaced,
        .nudge = nudge,
        .may_take = cluster->shared.local == NULL ? NULL : may_take,
        .may_give = cluster->shared.local == NULL ? NULL : may_give,
        .ctx = cluster,
    };

    cluster->membership = wf_membership_create(&options);
    atomic_store(&cluster->is_open, true);
    cluster->has_thread =
        pthread_create(&cluster->thread, NULL, run_membership, cluster) == 0;
    return cluster->has_thread
               ? WEFT_OK
               : wf_error(WEFT_EBUSY, "the system gives no more threads");
}

weft_err
weft_cluster_open(const weft_cluster_options *given,
                  const weft_node_options *node_options, weft_node **out_node)
{
    struct wf_cluster *cluster;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(given != NULL);
    WF_REQUIRE(node_options != NULL);
    WF_REQUIRE(out_node != NULL);
    err = wf_cluster_check_node_options(node_options);
    if (err != WEFT_OK) {
        return err;
    }
    cluster = wf_calloc(sizeof(*cluster));
    cluster->clock = wf_clock_system();
    cluster->log_line = node_options->log;
    cluster->log_ctx = node_options->log_ctx;
    cluster->trace = (struct wf_trace){
        .emit = emit,
        .ctx = cluster,
        .level = cluster->log_line != NULL ? WF_TRACE_NOTE : WF_TRACE_WARNING,
    };
    err = wf_cluster_settings_read(given, &cluster->settings);
    if (err == WEFT_OK) {
        err = open_shared(cluster, node_options->data_dir);
    }
    if (err == WEFT_OK) {
        err = wf_cluster_snapshots_open(&cluster->snapshots, &cluster->shared,
                                        cluster->settings.snapshots);
    }
    if (err == WEFT_OK) {
        err = open_peers(cluster);
    }
    if (err == WEFT_OK) {
        err = open_node(cluster, node_options);
    }
    if (err != WEFT_OK) {
        leave(cluster);
        return err;
    }
    cluster->has_node = true;
    err = begin_snapshots(cluster, node_options->data_dir);
    if (err == WEFT_OK) {
        err = begin_membership(cluster);
    }
    if (err != WEFT_OK) {
        weft_node_close(cluster->node);
        return err;
    }
    *out_node = cluster->node;
    return WEFT_OK;
}
