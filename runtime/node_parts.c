// SPDX-License-Identifier: Apache-2.0
//
// node_parts.c - the parts of a node, and the ports between them.
//
//     clients --> shards --seal--> committers --> depots (store, log, beacon)
//                  |  ^ ^               |
//        tasks,    |  | +---committed---+        housekeeping, with the
//        loads     v  |                          supervisor, watches all
//              workers, loader
//
// Every part has one thread (workers have several) and one inbox. The parts
// know nothing of each other: each is given ports, which are here, and which
// push posts. The parts of a manual node are the same and have no threads.
//
// Threads: ports run on the thread of the part that uses them.

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/blackbox.h"
#include "runtime/committer.h"
#include "runtime/definitions.h"
#include "runtime/housekeeping.h"
#include "runtime/load.h"
#include "runtime/loader.h"
#include "runtime/node_impl.h"
#include "runtime/request.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "transport/link.h"

#define WINDOW_SHARE_MIN ((int64_t)1 << 20)

// Of a cluster each partition has a store, and a window, of its own.
int64_t
wf_node_window_bytes(const weft_node *node)
{
    int64_t bytes = node->options.window_bytes;
    int64_t share = bytes / node->options.partition_count;

    if (!wf_node_is_shared(node) || bytes <= WINDOW_SHARE_MIN) {
        return bytes;
    }
    return share < WINDOW_SHARE_MIN ? WINDOW_SHARE_MIN : share;
}

bool
wf_node_is_here(const weft_node *node, uint32_t partition)
{
    return atomic_load(&node->are_here[partition]);
}

uint32_t
wf_node_shard_of(const weft_node *node, uint32_t partition)
{
    return partition % node->options.shard_count;
}

struct wf_committer *
wf_node_committer_of(const weft_node *node, uint32_t store)
{
    return node->committers[store % node->committers_count];
}

struct wf_supervisor *
wf_node_supervisor_of(const weft_node *node, uint32_t store)
{
    return node->supervisors[store % node->supervisors_count];
}

static void
post_to_partition(weft_node *node, struct wf_post *post)
{
    WF_ASSERT(post->partition < node->options.partition_count);
    wf_post_push(
        wf_shard_inbox(node->shards[wf_node_shard_of(node, post->partition)]),
        post);
}

// Ports of shards. ------------------------------------------------------------

static void
port_seal(void *ctx, struct wf_job *job)
{
    weft_node *node = ctx;

    wf_post_push(wf_committer_inbox(wf_node_committer_of(node, job->store)),
                 &job->post);
}

static void
port_frame(void *ctx, uint32_t destination, struct wf_buf *bytes)
{
    weft_node *node = ctx;
    const struct wf_node_cluster *cluster = &node->seams.cluster;

    if (wf_node_is_shared(node) && !wf_node_is_here(node, destination)) {
        cluster->send(cluster->ctx, destination, bytes);
    } else {
        node->link->ops->send(node->link->self, destination, bytes);
    }
}

static void
port_task(void *ctx, struct wf_task *task)
{
    weft_node *node = ctx;

    if (node->seams.take_task == NULL ||
        !node->seams.take_task(node->seams.ctx, task)) {
        wf_workers_give(node->workers, task);
    }
}

void
wf_node_give_task(weft_node *node, struct wf_task *task)
{
    wf_workers_give(node->workers, task);
}

static void
port_load(void *ctx, struct wf_load *load)
{
    weft_node *node = ctx;
    struct wf_post *post = wf_post_create(WF_POST_LOAD);

    post->partition = load->partition;
    post->u.load = load;
    wf_post_push(wf_loader_inbox(node->loader), post);
}

// Of shards, committers and the loader.
static void
port_fenced(void *ctx, uint32_t store)
{
    weft_node *node = ctx;

    wf_post_tell(wf_supervisor_inbox(wf_node_supervisor_of(node, store)),
                 WF_POST_FENCED, store);
}

// Ports of committers. -------------------------------------------------------

static void
port_committed(void *ctx, struct wf_job *job)
{
    weft_node *node = ctx;

    wf_post_push(wf_shard_inbox(node->shards[job->shard]), &job->post);
}

static void
port_stall(void *ctx, uint32_t store, bool is_stalled)
{
    weft_node *node = ctx;

    wf_node_refuse(node, store, WF_REFUSAL_STALLED, is_stalled);
    wf_node_note(node, WF_TRACE_NOTE, node->depots[store].name, "stall",
                 is_stalled ? "it takes no writes; intake stops"
                            : "it takes writes again; intake goes on");
}

static void
port_in_doubt(void *ctx, uint32_t store)
{
    weft_node *node = ctx;

    atomic_store(&node->was_in_doubt, true);
    wf_post_tell(wf_supervisor_inbox(wf_node_supervisor_of(node, store)),
                 WF_POST_IN_DOUBT, store);
}

// Ports of the loader, the workers and the link. -----------------------------

static void
port_loaded(void *ctx, struct wf_post *post)
{
    post_to_partition(ctx, post);
}

static void
port_task_done(void *ctx, struct wf_task *task)
{
    struct wf_post *post = wf_post_create(WF_POST_TASK);

    post->partition = task->partition;
    post->u.task = task;
    post_to_partition(ctx, post);
}

static void
port_beat(void *ctx, struct wf_beat *beat)
{
    struct wf_post *post = wf_post_create(WF_POST_BEAT);

    post->partition = beat->partition;
    post->u.beat = beat;
    post_to_partition(ctx, post);
}

void
wf_node_deliver(weft_node *node, uint32_t partition, weft_bytes frame)
{
    struct wf_post *post = wf_post_create(WF_POST_FRAME);

    post->partition = partition;
    wf_buf_put(&post->u.frame, frame.data, frame.len);
    post_to_partition(node, post);
}

void
wf_node_meet(weft_node *node, uint32_t partition)
{
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        struct wf_post *post = wf_post_create(WF_POST_MEET);

        post->partition = partition;
        wf_post_push(wf_shard_inbox(node->shards[i]), post);
    }
}

static void
port_deliver(void *ctx, uint32_t destination, weft_bytes frame)
{
    wf_node_deliver(ctx, destination, frame);
}

// Somebody else has the partition of what waits here.
static void
port_elsewhere(void *ctx, struct wf_request *request)
{
    const struct wf_node_cluster *cluster = &((weft_node *)ctx)->seams.cluster;

    cluster->elsewhere(cluster->ctx, request);
}

static struct wf_blackbox_slot *
worker_slot(weft_node *node, uint32_t worker)
{
    return wf_blackbox_slot(node->box, node->options.shard_count + worker);
}

static void
watch_thread_begin(void *ctx, uint32_t worker)
{
    weft_node *node = ctx;

    // Activities are the host's code, and may start processes of the host.
    (void)pthread_sigmask(SIG_SETMASK, &node->host_signals, NULL);
    wf_blackbox_enter(worker_slot(node, worker), NULL);
}

static void
watch_thread_end(void *ctx, uint32_t worker)
{
    (void)ctx;
    (void)worker;
    wf_blackbox_leave();
}

static void
watch_begin(void *ctx, uint32_t worker, const struct wf_task *task)
{
    weft_node *node = ctx;

    wf_blackbox_begin(worker_slot(node, worker), WF_BLACKBOX_ACTIVITY,
                      &task->caller, task->kind->name,
                      node->clock.wall_ms(node->clock.self));
}

static void
watch_end(void *ctx, uint32_t worker)
{
    wf_blackbox_end(worker_slot(ctx, worker));
}

// Making. --------------------------------------------------------------------

static weft_err
open_given_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    const struct wf_node_seams *seams = &((weft_node *)ctx)->seams;

    return seams->open_store(seams->ctx, store, out_store);
}

static weft_err
restore_store(void *ctx, uint32_t store, const char *dir)
{
    const struct wf_node_cluster *cluster = &((weft_node *)ctx)->seams.cluster;

    return cluster->restore(cluster->ctx, store, dir);
}

static void
make_depots(weft_node *node)
{
    struct wf_depot_options options = {
        .count = node->options.store_count,
        .partition_count = node->options.partition_count,
        .data_dir = node->options.data_dir,
        .open_store = node->seams.open_store == NULL ? NULL : open_given_store,
        .shared = node->seams.cluster.log,
        .cluster_id = node->seams.cluster.id,
        .restore = node->seams.cluster.restore == NULL ? NULL : restore_store,
        .ctx = node,
        .is_strict = node->options.strict != 0,
        .clock = node->clock,
        .trace = node->trace,
    };

    node->depots = wf_calloc(options.count * sizeof(*node->depots));
    for (uint32_t i = 0; i < options.count; i++) {
        options.index = i;
        options.next = options.count == 1 || options.shared != NULL
                           ? NULL
                           : &node->depots[(i + 1) % options.count];
        wf_depot_init(&node->depots[i], &options);
    }
}

static void
make_shards(weft_node *node)
{
    struct wf_shard_options options = {
        .shards_count = node->options.shard_count,
        .stores_count = node->options.store_count,
        .partitions_count = node->options.partition_count,
        .window_bytes = wf_node_window_bytes(node),
        .memory_bytes = node->options.memory_bytes,
        .definitions = node->options.definitions,
        .clock = node->clock,
        .is_shared = wf_node_is_shared(node),
        .lease_until_ns = &node->lease_until_ns,
        .record_version = &node->record_version,
        .is_patient = !node->seams.is_manual,
        .ports =
            {
                .seal = port_seal,
                .frame = port_frame,
                .task = port_task,
                .load = port_load,
                .elsewhere = port_elsewhere,
                .fenced = port_fenced,
                .ctx = node,
            },
    };

    node->shards = wf_calloc(options.shards_count * sizeof(struct wf_shard *));
    for (uint32_t i = 0; i < options.shards_count; i++) {
        options.index = i;
        options.slot = wf_blackbox_slot(node->box, i);
        node->shards[i] = wf_shard_create(&options);
    }
}

static void
make_committers(weft_node *node)
{
    struct wf_committer_options options = {
        .depots = node->depots,
        .stores_count = node->options.store_count,
        .is_shared = wf_node_is_shared(node),
        .clock = node->clock,
        .done = port_committed,
        .stall = port_stall,
        .in_doubt = port_in_doubt,
        .fenced = port_fenced,
        .ctx = node,
    };
    uint32_t count = wf_node_is_shared(node) ? 1 : node->options.store_count;

    node->committers = wf_calloc(count * sizeof(struct wf_committer *));
    node->committers_count = count;
    for (uint32_t i = 0; i < count; i++) {
        node->committers[i] = wf_committer_create(&options);
    }
}

static void
make_supervisors(weft_node *node)
{
    uint32_t count = wf_node_is_shared(node) ? WF_SUPERVISORS_SHARED : 1;

    count =
        count > node->options.store_count ? node->options.store_count : count;
    node->supervisors = wf_calloc(count * sizeof(struct wf_supervisor *));
    node->supervisors_count = count;
    for (uint32_t i = 0; i < count; i++) {
        node->supervisors[i] = wf_supervisor_create(node, i, count);
    }
}

static void
make_link(weft_node *node)
{
    struct wf_link link = wf_link_local_open(port_deliver, node);

    if (node->seams.wrap_link != NULL) {
        node->seams.wrap_link(node->seams.ctx, &link);
    }
    node->link = wf_memdup(&link, sizeof(link));
}

static weft_err
make_workers(weft_node *node)
{
    struct wf_workers_options options = {
        .count = node->options.worker_count,
        .local_count = node->options.local_worker_count,
        .is_manual = node->seams.is_manual,
        .definitions = node->options.definitions,
        .clock = node->clock,
        .done = port_task_done,
        .beat = port_beat,
        .ctx = node,
        .choose_code = node->seams.choose_code,
        .choose_ctx = node->seams.ctx,
        .watch =
            {
                .thread_begin = watch_thread_begin,
                .thread_end = watch_thread_end,
                .begin = watch_begin,
                .end = watch_end,
                .ctx = node,
            },
    };

    return wf_workers_create(&options, &node->workers);
}

weft_err
wf_node_make_parts(weft_node *node)
{
    struct wf_loader_options loader = {
        .depots_count = node->options.store_count,
        .done = port_loaded,
        .fenced = port_fenced,
        .ctx = node,
    };

    node->are_here =
        wf_calloc(node->options.partition_count * sizeof(*node->are_here));
    make_depots(node);
    loader.depots = node->depots;
    node->loader = wf_loader_create(&loader);
    make_committers(node);
    make_shards(node);
    make_link(node);
    make_supervisors(node);
    node->housekeeping = wf_housekeeping_create(node);
    return make_workers(node);
}

// Freeing. -------------------------------------------------------------------

static void
destroy_workers(weft_node *node)
{
    if (node->workers == NULL) {
        return;
    }
    if (!node->are_workers_stopped) {
        wf_workers_stop(node->workers);
    }
    wf_workers_destroy(node->workers);
    node->workers = NULL;
}

// What it was given and has not answered goes back to the shards.
static void
destroy_loader(weft_node *node)
{
    if (node->loader == NULL) {
        return;
    }
    if (!wf_loader_is_stopped(node->loader)) {
        wf_post_tell(wf_loader_inbox(node->loader), WF_POST_STOP, 0);
    }
    while (wf_loader_step(node->loader) == 0) {
    }
    wf_loader_destroy(node->loader);
    node->loader = NULL;
}

static void
destroy_shards(weft_node *node, weft_err err)
{
    for (uint32_t i = 0; node->shards != NULL && i < node->options.shard_count;
         i++) {
        wf_shard_destroy(node->shards[i], err);
    }
    wf_free(node->shards);
    node->shards = NULL;
}

void
wf_node_destroy_parts(weft_node *node, weft_err err)
{
    uint32_t stores = node->options.store_count;

    destroy_workers(node);
    destroy_loader(node);
    // Before the shards: what it may still have are their jobs.
    for (uint32_t i = 0; i < node->committers_count; i++) {
        wf_committer_destroy(node->committers[i]);
    }
    destroy_shards(node, err);
    wf_housekeeping_destroy(node->housekeeping);
    node->housekeeping = NULL;
    for (uint32_t i = 0; i < node->supervisors_count; i++) {
        wf_supervisor_destroy(node->supervisors[i]);
    }
    if (node->link != NULL) {
        node->link->ops->close(node->link->self);
        wf_free(node->link);
        node->link = NULL;
    }
    for (uint32_t i = 0; node->depots != NULL && i < stores; i++) {
        wf_depot_close(&node->depots[i]);
        wf_depot_fini(&node->depots[i]);
    }
    wf_free(node->supervisors);
    wf_free(node->committers);
    wf_free(node->are_here);
    wf_free(node->depots);
    wf_free(node->threads);
    node->committers = NULL; // a restart makes them again
    node->committers_count = 0;
    node->supervisors = NULL;
    node->supervisors_count = 0;
    node->are_here = NULL;
    node->depots = NULL;
    node->threads = NULL;
}
