// SPDX-License-Identifier: Apache-2.0
//
// node.c - the ways into a node: for clients, for a cluster, and for its parts.
//
// Threads: any, as weft/node.h says.

#include <inttypes.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/pressure.h"
#include "runtime/request.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"
#include "storage/log.h"

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
