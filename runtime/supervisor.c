// SPDX-License-Identifier: Apache-2.0
//
// supervisor.c - opens stores anew after a write whose outcome is not known; in
// a cluster, takes partitions and gives them away.
//
//   RUNNING --begin--> SHARDS --all fenced--> USERS --both fenced--> CLOSED
//      ^                                                             |    |
//      +-------- wanted: acquired, opened and recovered -------------+    |
//                                                                    ^    |
//   ELSEWHERE --take-------------------------------------------------+    |
//      ^                                                                  |
//      +-------- not wanted, or another node's: released -----------------+
//
// In CLOSED nobody but the supervisor uses the store, so opening may fail and
// be tried again for as long as it takes: shards keep the requests, and nothing
// is answered. The reason is said every few seconds.
//
// A node that is alone wants all its stores, always.
//
// Threads: housekeeping's.

#include "runtime/supervisor.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/committer.h"
#include "runtime/loader.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/shard.h"

#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 5000
#define USERS_COUNT 2 // committer and loader

enum state {
    RUNNING,   // everybody uses it
    SHARDS,    // waits for shards to drop their partitions
    USERS,     // waits for committer and loader to leave it
    CLOSED,    // is the supervisor's alone
    ELSEWHERE, // another node's, or nobody's; shards know
};

struct charge {
    enum state state;
    bool is_wanted; // by this node
    bool is_owned;  // acquired, and not released since
    bool was_blamed;
    bool is_warm;          // its store was opened, or could not be
    uint32_t fenced_count; // of those waited for
    uint64_t retry_ms;
    uint64_t retry_at_ns;
};

struct wf_supervisor {
    weft_node *node;
    struct charge *charges; // by store
    uint32_t charges_count;
};

struct wf_supervisor *
wf_supervisor_create(weft_node *node)
{
    struct wf_supervisor *supervisor = wf_calloc(sizeof(*supervisor));

    supervisor->node = node;
    supervisor->charges_count = node->options.store_count;
    supervisor->charges =
        wf_calloc(supervisor->charges_count * sizeof(*supervisor->charges));
    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        bool is_shared = wf_node_is_shared(node);

        supervisor->charges[i].state = is_shared ? ELSEWHERE : RUNNING;
        supervisor->charges[i].is_wanted = !is_shared;
    }
    return supervisor;
}

void
wf_supervisor_destroy(struct wf_supervisor *supervisor)
{
    if (supervisor != NULL) {
        wf_free(supervisor->charges);
        wf_free(supervisor);
    }
}

static uint64_t
now_ns(const struct wf_supervisor *supervisor)
{
    const struct wf_clock *clock = &supervisor->node->clock;

    return clock->mono_ns(clock->self);
}

bool
wf_supervisor_is_running(const struct wf_supervisor *supervisor, uint32_t store)
{
    return supervisor->charges[store].state == RUNNING;
}

static void
tell_moved(weft_node *node, uint32_t store, uint64_t epoch)
{
    const struct wf_node_cluster *cluster = &node->seams.cluster;

    cluster->moved(cluster->ctx, store, epoch);
}

static void
fence(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct charge *charge = &supervisor->charges[store];

    charge->state = SHARDS;
    charge->fenced_count = 0;
    if (wf_node_is_shared(node)) {
        atomic_store(&node->are_here[store], false);
        wf_counter_add(&node->losses, 1);
    }
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_post_tell(wf_shard_inbox(node->shards[i]), WF_POST_FENCE, store);
    }
}

void
wf_supervisor_begin(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct charge *charge = &supervisor->charges[store];

    if (charge->state == RUNNING) {
        wf_node_note(node, WF_TRACE_WARNING, node->depots[store].name, "fence",
                     "a write's outcome is not known; opening it anew");
        fence(supervisor, store);
    }
}

static void
count_fenced(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct charge *charge = &supervisor->charges[store];

    charge->fenced_count++;
    if (charge->state == SHARDS &&
        charge->fenced_count == node->options.shard_count) {
        charge->state = USERS;
        charge->fenced_count = 0;
        wf_post_tell(wf_committer_inbox(wf_node_committer_of(node, store)),
                     WF_POST_FENCE, store);
        wf_post_tell(wf_loader_inbox(node->loader), WF_POST_FENCE, store);
    } else if (charge->state == USERS && charge->fenced_count == USERS_COUNT) {
        charge->state = CLOSED;
        charge->retry_ms = RETRY_MS_MIN;
        charge->retry_at_ns = now_ns(supervisor);
    }
}

static void
take(struct wf_supervisor *supervisor, uint32_t store)
{
    struct charge *charge = &supervisor->charges[store];

    charge->is_wanted = true;
    if (charge->state == ELSEWHERE) {
        charge->state = CLOSED;
        charge->retry_ms = RETRY_MS_MIN;
        charge->retry_at_ns = now_ns(supervisor);
    }
}

static void
give(struct wf_supervisor *supervisor, uint32_t store)
{
    struct charge *charge = &supervisor->charges[store];

    charge->is_wanted = false;
    if (charge->state == RUNNING) {
        wf_node_note(supervisor->node, WF_TRACE_NOTE,
                     supervisor->node->depots[store].name, "give",
                     "the partition is given away");
        fence(supervisor, store);
    } // else step sees that it is not wanted
}

void
wf_supervisor_handle(struct wf_supervisor *supervisor,
                     const struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_IN_DOUBT:
        wf_supervisor_begin(supervisor, post->store);
        break;
    case WF_POST_FENCED:
        count_fenced(supervisor, post->store);
        break;
    case WF_POST_TAKE:
        take(supervisor, post->store);
        break;
    case WF_POST_GIVE:
        give(supervisor, post->store);
        break;
    default:
        WF_ASSERT(false);
    }
}

// Whom the black box blames for the end of an earlier process.
static void
blame(weft_node *node, uint32_t partition)
{
    struct wf_mpsc *inbox =
        wf_shard_inbox(node->shards[wf_node_shard_of(node, partition)]);
    const struct wf_list_node *item = wf_list_first(&node->blames);

    for (; item != NULL; item = wf_list_next(&node->blames, item)) {
        const struct wf_node_blame *blame =
            WF_CONTAINER(item, struct wf_node_blame, node);
        struct wf_post *post;

        if (wf_key_partition(&blame->key, node->options.partition_count) !=
            partition) {
            continue;
        }
        post = wf_post_create(WF_POST_BLAME);
        post->partition = partition;
        post->u.blame.key = wf_key_copy(&blame->key);
        post->u.blame.how = wf_strdup(blame->how);
        wf_post_push(inbox, post);
    }
}

static void
resume(weft_node *node, uint32_t store, struct wf_partition **partitions)
{
    wf_post_tell(wf_committer_inbox(wf_node_committer_of(node, store)),
                 WF_POST_RESUME, store);
    wf_post_tell(wf_loader_inbox(node->loader), WF_POST_RESUME, store);
    for (uint32_t i = 0; i < node->options.partition_count; i++) {
        if (partitions[i] != NULL) {
            struct wf_post *post = wf_post_create(WF_POST_RECOVER);

            post->partition = i;
            post->u.recovered = partitions[i];
            wf_post_push(
                wf_shard_inbox(node->shards[wf_node_shard_of(node, i)]), post);
        }
    }
}

static void
run(struct wf_supervisor *supervisor, uint32_t store,
    struct wf_partition **partitions)
{
    weft_node *node = supervisor->node;
    struct charge *charge = &supervisor->charges[store];
    struct wf_depot *depot = &node->depots[store];

    wf_node_note(node,
                 wf_node_is_shared(node) ? WF_TRACE_NOTE : WF_TRACE_WARNING,
                 depot->name, "reopen", "it goes on at commit %llu",
                 (unsigned long long)atomic_load(&depot->durable));
    charge->state = RUNNING;
    resume(node, store, partitions);
    if (!wf_node_is_shared(node)) {
        return;
    }
    if (!charge->was_blamed) {
        charge->was_blamed = true;
        blame(node, store);
    }
    atomic_store(&node->are_here[store], true);
    wf_counter_add(&node->takes, 1);
    tell_moved(node, store, depot->epoch);
}

static void
say_why(const struct wf_supervisor *supervisor, uint32_t store, weft_err err,
        const char *what)
{
    const weft_node *node = supervisor->node;

    wf_node_note(node, WF_TRACE_WARNING, node->depots[store].name, "reopen",
                 "%s: %s; %s", weft_err_name(err), weft_err_detail(), what);
}

static void
put_off(struct wf_supervisor *supervisor, uint32_t store, weft_err err)
{
    struct charge *charge = &supervisor->charges[store];

    say_why(supervisor, store, err, "trying again");
    charge->retry_at_ns = now_ns(supervisor) + charge->retry_ms * 1000000U;
    charge->retry_ms = charge->retry_ms * 2 > RETRY_MS_MAX
                           ? RETRY_MS_MAX
                           : charge->retry_ms * 2;
}

static bool
has_lease(const struct wf_supervisor *supervisor)
{
    return now_ns(supervisor) < atomic_load(&supervisor->node->lease_until_ns);
}

// Another node may have the partition, or has it.
static void
leave(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct charge *charge = &supervisor->charges[store];

    // First, for others wait for that; the store is only a copy. A lease that
    // is over has released everything.
    if (charge->is_owned && has_lease(supervisor) &&
        wf_depot_release(&node->depots[store]) != WEFT_OK) {
        wf_node_note(node, WF_TRACE_WARNING, node->depots[store].name,
                     "release", "%s; it ends with the lease",
                     weft_err_detail());
    }
    wf_depot_close_log(&node->depots[store]);
    charge->is_owned = false;
    charge->is_wanted = false;
    charge->state = ELSEWHERE;
    tell_moved(node, store, 0);
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_post_tell(wf_shard_inbox(node->shards[i]), WF_POST_ELSEWHERE, store);
    }
}

static void
try_to_open(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct wf_depot *depot = &node->depots[store];
    struct charge *charge = &supervisor->charges[store];
    struct wf_partition **partitions = wf_calloc(node->options.partition_count *
                                                 sizeof(struct wf_partition *));
    weft_err err = wf_depot_reopen(depot);
    bool is_theirs;

    if (err == WEFT_OK) {
        err = wf_node_recover(node, depot, partitions);
    }
    is_theirs =
        wf_node_is_shared(node) && (err == WEFT_EBUSY || err == WEFT_ECLOSED);
    charge->is_owned = depot->epoch != 0 && !is_theirs;
    if (err == WEFT_OK) {
        run(supervisor, store, partitions);
    } else if (is_theirs) {
        leave(supervisor, store);
    } else if (wf_node_is_shared(node) && err != WEFT_ELOST) {
        say_why(supervisor, store, err, "another node may do better");
        leave(supervisor, store);
        wf_depot_close(depot);
    } else {
        // A log that has gone back is nobody's to go on with.
        put_off(supervisor, store, err);
        wf_depot_close(depot);
    }
    wf_free(partitions);
}

// With nothing else to do: open a store that may be taken. True: did so.
static bool
warm_one(struct wf_supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        struct charge *charge = &supervisor->charges[i];

        if (charge->state == ELSEWHERE && !charge->is_warm) {
            charge->is_warm = true;
            wf_depot_warm(&supervisor->node->depots[i]);
            return true;
        }
    }
    return false;
}

uint64_t
wf_supervisor_step(struct wf_supervisor *supervisor)
{
    uint64_t wait_ms = UINT64_MAX;

    if (atomic_load(&supervisor->node->is_closing)) {
        return UINT64_MAX; // nobody waits for it any more
    }
    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        struct charge *charge = &supervisor->charges[i];
        uint64_t now = now_ns(supervisor);
        uint64_t left_ms;

        if (charge->state != CLOSED) {
            continue;
        }
        if (!charge->is_wanted) {
            leave(supervisor, i);
            return 0;
        }
        if (now >= charge->retry_at_ns) {
            try_to_open(supervisor, i);
            return 0;
        }
        left_ms = (charge->retry_at_ns - now + 999999U) / 1000000U;
        wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
    }
    return warm_one(supervisor) ? 0 : wait_ms;
}
