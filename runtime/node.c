// SPDX-License-Identifier: Apache-2.0
//
// node.c - the ways into a node, and its end.
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
// Threads: any, as weft/node.h says.

#include <inttypes.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
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
#include "runtime/partition.h"
#include "runtime/pressure.h"
#include "runtime/request.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"
#include "runtime/workers.h"
#include "storage/log.h"

// A manual node that has not come to its end after so many rounds of steps
// waits for something that will not come, and is ended as it is.
#define MANUAL_ROUNDS_MAX 100000

// For clients. ----------------------------------------------------------------

// What would add to it is refused on the spot: behind all that is in the inbox
// it would wait for long, and take memory meanwhile.
static bool
refuses_for_memory(const weft_node *node, struct wf_request *request)
{
    char detail[160];

    if (wf_request_is_read(request) || wf_request_may_have_happened(request) ||
        !wf_pressure_is_high(node->options.memory_bytes, false)) {
        return false;
    }
    (void)snprintf(detail, sizeof(detail),
                   "%" PRIu64 " MiB are in memory, and memory_bytes is %" PRIu64
                   " MiB: intake is stopped for now",
                   wf_alloc_bytes() >> 20, node->options.memory_bytes >> 20);
    wf_request_answer(request, WEFT_EBUSY, detail);
    return true;
}

void
wf_node_post_request(weft_node *node, struct wf_request *request)
{
    struct wf_post *post;

    WF_ASSERT(request->partition < node->options.partition_count);
    // A shard that ends may be asked the next page of a list; so the flag is
    // up before the inboxes are emptied for the last time.
    if (atomic_load(&node->is_refusing)) {
        wf_request_is_back(request);
        wf_request_answer(request, WEFT_ECLOSED, "the node is closed");
        request->done(request);
        return;
    }
    if (refuses_for_memory(node, request)) {
        wf_request_is_back(request);
        request->done(request);
        return;
    }
    post = wf_post_create(WF_POST_REQUEST);
    post->partition = request->partition;
    post->u.request = request;
    wf_post_push(wf_shard_inbox(
                     node->shards[wf_node_shard_of(node, request->partition)]),
                 post);
}

void
wf_node_withdraw(weft_node *node, struct wf_request *request)
{
    struct wf_post *post;
    uint32_t shard = wf_node_shard_of(node, request->partition);

    atomic_store(&request->is_withdrawn, true);
    if (wf_node_is_shared(node)) {
        node->seams.cluster.withdraw(node->seams.cluster.ctx, request);
    }
    if ((!wf_request_is_wait(request) && !wf_request_is_of_turn(request)) ||
        atomic_load(&node->is_refusing)) {
        return; // it does not wait for long
    }
    post = wf_post_create(WF_POST_WITHDRAW);
    post->partition = request->partition;
    post->u.withdrawn.key = wf_key_copy(&request->key);
    memcpy(post->u.withdrawn.client, request->client, sizeof(request->client));
    post->u.withdrawn.number = request->number;
    wf_post_push(wf_shard_inbox(node->shards[shard]), post);
}

const char *
wf_node_name(const weft_node *node)
{
    const char *name = node->seams.cluster.name;

    return name == NULL ? "" : name;
}

uint64_t
wf_node_routes_version(const weft_node *node)
{
    return atomic_load(&node->routes_version);
}

void
wf_node_copy_routes(weft_node *node, struct wf_routes *out_routes)
{
    pthread_mutex_lock(&node->routes_lock);
    wf_routes_copy(&node->routes, out_routes);
    pthread_mutex_unlock(&node->routes_lock);
}

void
wf_node_set_routes(weft_node *node, struct wf_routes *routes)
{
    pthread_mutex_lock(&node->routes_lock);
    wf_routes_fini(&node->routes);
    node->routes = *routes;
    *routes = (struct wf_routes){0};
    atomic_store(&node->routes_version, node->routes.version);
    pthread_mutex_unlock(&node->routes_lock);
}

bool
wf_node_wait(weft_node *node, bool (*is_over)(void *arg), void *arg,
             uint32_t timeout_ms)
{
    if (node->seams.wait == NULL) {
        return false;
    }
    node->seams.wait(node->seams.ctx, is_over, arg, timeout_ms);
    return true;
}

bool
wf_node_asks_again(weft_node *node, struct wf_request *request)
{
    if (node->is_restarting) {
        wf_request_reset(request);
        wf_list_push_back(&node->lost, &request->wait);
    }
    return node->is_restarting;
}

uint32_t
wf_node_partition_count(const weft_node *node)
{
    return node->options.partition_count;
}

const weft_definitions *
wf_node_definitions(const weft_node *node)
{
    return node->options.definitions;
}

struct wf_clock
wf_node_clock(const weft_node *node)
{
    return node->clock;
}

uint64_t
wf_node_random(weft_node *node)
{
    uint64_t bits;

    pthread_mutex_lock(&node->random_lock);
    bits = wf_random_u64(&node->random);
    pthread_mutex_unlock(&node->random_lock);
    return bits;
}

// For a cluster. --------------------------------------------------------------

static void
tell_supervisor(weft_node *node, enum wf_post_type type, uint32_t partition)
{
    WF_ASSERT(wf_node_is_shared(node));
    WF_ASSERT(partition < node->options.partition_count);
    wf_post_tell(wf_supervisor_inbox(wf_node_supervisor_of(node, partition)),
                 type, partition);
}

void
wf_node_take(weft_node *node, uint32_t partition)
{
    tell_supervisor(node, WF_POST_TAKE, partition);
}

void
wf_node_prepare(weft_node *node, uint32_t partition)
{
    tell_supervisor(node, WF_POST_PREPARE, partition);
}

void
wf_node_follow(weft_node *node, uint32_t partition)
{
    tell_supervisor(node, WF_POST_FOLLOW, partition);
}

uint64_t
wf_node_warm_takes(const weft_node *node)
{
    return atomic_load(&node->warm_takes);
}

void
wf_node_set_lease(weft_node *node, uint64_t until_ns)
{
    atomic_store(&node->lease_until_ns, until_ns);
}

void
wf_node_set_record_version(weft_node *node, uint32_t version)
{
    atomic_store(&node->record_version, version < WF_SEGMENT_VERSION_MAX
                                            ? version
                                            : WF_SEGMENT_VERSION_MAX);
}

void
wf_node_give(weft_node *node, uint32_t partition)
{
    tell_supervisor(node, WF_POST_GIVE, partition);
}

// For the parts. --------------------------------------------------------------

void
wf_node_note(const weft_node *node, enum wf_trace_level level, const char *who,
             const char *verb, const char *format, ...)
{
    char text[1001];
    va_list args;

    if (node->trace->emit == NULL || level < node->trace->level) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wf_trace_emit(node->trace, level, node->clock.wall_ms(node->clock.self),
                  who, verb, "%s", text);
}

uint64_t
wf_node_free_bytes(weft_node *node)
{
    struct statvfs status;

    if (node->seams.free_bytes != NULL) {
        return node->seams.free_bytes(node->seams.ctx);
    }
    if (node->options.data_dir == NULL ||
        statvfs(node->options.data_dir, &status) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)status.f_bavail * status.f_frsize;
}

void
wf_node_refuse(weft_node *node, uint32_t store, enum wf_refusal why, bool is_on)
{
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        struct wf_post *post = wf_post_create(WF_POST_REFUSE);

        post->store = store;
        post->u.refuse.why = why;
        post->u.refuse.is_on = is_on;
        wf_post_push(wf_shard_inbox(node->shards[i]), post);
    }
}

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
    pthread_mutex_destroy(&node->routes_lock);
    wf_routes_fini(&node->routes);
    wf_free(node);
}

// Stats. ----------------------------------------------------------------------

void
wf_node_ask_shards(weft_node *node, struct wf_partition_stats *stats)
{
    sem_t answered;

    WF_ASSERT(sem_init(&answered, 0, 0) == 0);
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        struct wf_post *post;

        if (node->seams.is_manual) {
            wf_shard_add_stats(node->shards[i], stats);
            continue;
        }
        post = wf_post_create(WF_POST_STATS);
        post->u.stats.stats = stats;
        post->u.stats.answered = &answered;
        wf_post_push(wf_shard_inbox(node->shards[i]), post);
        // One after another: they add to the same numbers.
        while (sem_wait(&answered) != 0) {
        }
    }
    sem_destroy(&answered);
}

weft_err
weft_node_get_stats(weft_node *node, weft_node_stats *stats)
{
    struct wf_partition_stats sum = {0};
    weft_node_stats made = {0};
    size_t size;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    WF_REQUIRE(stats != NULL);
    WF_REQUIRE(stats->struct_size >= sizeof(stats->struct_size));
    wf_node_ask_shards(node, &sum);
    made.struct_size = stats->struct_size;
    made.turns = sum.turns;
    made.records = sum.records;
    made.rows_saved = sum.rows_saved;
    made.actors_resident = sum.actors_resident;
    made.stacks_resident = sum.stacks_resident;
    made.actors_parked = sum.actors_parked;
    made.activities_started = sum.activities_started;
    made.activities_running = sum.activities_running;
    made.dead_letters = sum.dead_letters;
    made.loads = sum.loads;
    made.evictions = sum.evictions;
    made.replays = sum.replays;
    made.audit_failures = sum.audit_failures;
    for (uint32_t i = 0; i < node->options.store_count; i++) {
        made.commits += atomic_load(&node->depots[i].commits);
        made.log_bytes += atomic_load(&node->depots[i].log_bytes);
    }
    // A program that knows a longer struct finds zeros in the rest.
    size = stats->struct_size;
    memset(stats, 0, size);
    memcpy(stats, &made, size < sizeof(made) ? size : sizeof(made));
    return WEFT_OK;
}
