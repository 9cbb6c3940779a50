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
// A partition that is to be taken from another node is prepared while that has
// it: its store opened, or restored, and its log read. Then there is little to
// do once it is acquired. One that is followed, so that it can be taken if its
// node is lost, is read on now and then in the same way, within a budget: what
// does not fit is left for when it is taken, or until a newer snapshot makes
// the copy anew, which the log's beginning demands sooner or later.
//
// A node that is alone wants all its stores, always.
//
// Threads: one for each supervisor.

#include "runtime/supervisor.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/mpsc.h"
#include "runtime/committer.h"
#include "runtime/loader.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/shard.h"

#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 5000
#define USERS_COUNT 2      // committer and loader
#define WARM_AFTER_MS 5000 // of nothing to do

enum state {
    RUNNING,   // everybody uses it
    SHARDS,    // waits for shards to drop their partitions
    USERS,     // waits for committer and loader to leave it
    CLOSED,    // is the supervisor's alone
    ELSEWHERE, // another node's, or nobody's; shards know
};

struct charge {
    enum state state;
    atomic_bool is_running; // the state is RUNNING
    bool is_wanted;         // by this node
    bool is_owned;          // acquired, and not released since
    bool is_warm;           // its store was opened, or could not be
    bool is_to_prepare;     // ELSEWHERE, and to be taken some time
    bool is_to_follow;      // the same, and there is more to be read
    struct wf_node_ahead ahead;
    uint32_t fenced_count; // of those waited for
    uint64_t since_ns;     // when it was fenced, or was to be taken
    uint64_t retry_ms;
    uint64_t retry_at_ns;
};

struct wf_supervisor {
    weft_node *node;
    struct wf_mpsc inbox;
    uint32_t index;
    uint32_t count;         // of supervisors
    struct charge *charges; // of stores index, index + count ...
    uint32_t charges_count;
    uint64_t warm_at_ns;
    bool is_stopped;
};

static uint64_t
now_ns(const struct wf_supervisor *supervisor)
{
    const struct wf_clock *clock = &supervisor->node->clock;

    return clock->mono_ns(clock->self);
}

static void
put_warming_off(struct wf_supervisor *supervisor)
{
    supervisor->warm_at_ns = now_ns(supervisor) + WARM_AFTER_MS * 1000000ULL;
}

struct wf_supervisor *
wf_supervisor_create(weft_node *node, uint32_t index, uint32_t count)
{
    struct wf_supervisor *supervisor = wf_calloc(sizeof(*supervisor));
    bool is_shared = wf_node_is_shared(node);

    WF_ASSERT(index < count && count <= node->options.store_count);
    supervisor->node = node;
    supervisor->index = index;
    supervisor->count = count;
    wf_mpsc_init(&supervisor->inbox);
    put_warming_off(supervisor);
    supervisor->charges_count =
        (node->options.store_count - index + count - 1) / count;
    supervisor->charges =
        wf_calloc(supervisor->charges_count * sizeof(*supervisor->charges));
    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        supervisor->charges[i].state = is_shared ? ELSEWHERE : RUNNING;
        atomic_init(&supervisor->charges[i].is_running, !is_shared);
        supervisor->charges[i].is_wanted = !is_shared;
        supervisor->charges[i].retry_ms = RETRY_MS_MIN;
    }
    return supervisor;
}

void
wf_supervisor_destroy(struct wf_supervisor *supervisor)
{
    struct wf_post *post;

    if (supervisor == NULL) {
        return;
    }
    while ((post = wf_post_pop(&supervisor->inbox)) != NULL) {
        wf_post_destroy(post);
    }
    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        wf_node_forget_ahead(&supervisor->charges[i].ahead);
    }
    wf_mpsc_fini(&supervisor->inbox);
    wf_free(supervisor->charges);
    wf_free(supervisor);
}

struct wf_mpsc *
wf_supervisor_inbox(struct wf_supervisor *supervisor)
{
    return &supervisor->inbox;
}

bool
wf_supervisor_is_stopped(const struct wf_supervisor *supervisor)
{
    return supervisor->is_stopped;
}

static struct charge *
charge_of(const struct wf_supervisor *supervisor, uint32_t store)
{
    WF_ASSERT(store % supervisor->count == supervisor->index);
    WF_ASSERT(store / supervisor->count < supervisor->charges_count);
    return &supervisor->charges[store / supervisor->count];
}

static uint32_t
store_of(const struct wf_supervisor *supervisor, uint32_t charge)
{
    return supervisor->index + charge * supervisor->count;
}

static unsigned long long
ms_since(const struct wf_supervisor *supervisor, const struct charge *charge)
{
    return (now_ns(supervisor) - charge->since_ns) / 1000000U;
}

bool
wf_supervisor_is_running(const struct wf_supervisor *supervisor, uint32_t store)
{
    return atomic_load(&charge_of(supervisor, store)->is_running);
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
    struct charge *charge = charge_of(supervisor, store);

    charge->state = SHARDS;
    atomic_store(&charge->is_running, false);
    charge->since_ns = now_ns(supervisor);
    charge->fenced_count = 0;
    if (wf_node_is_shared(node)) {
        atomic_store(&node->are_here[store], false);
        atomic_fetch_add(&node->losses, 1);
    }
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_post_tell(wf_shard_inbox(node->shards[i]), WF_POST_FENCE, store);
    }
}

// Nothing if that has begun.
static void
begin(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct charge *charge = charge_of(supervisor, store);

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
    struct charge *charge = charge_of(supervisor, store);

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
    struct charge *charge = charge_of(supervisor, store);

    charge->is_wanted = true;
    charge->is_to_prepare = false;
    charge->is_to_follow = false;
    if (charge->state == ELSEWHERE) {
        charge->state = CLOSED;
        charge->since_ns = now_ns(supervisor);
        charge->retry_ms = RETRY_MS_MIN;
        charge->retry_at_ns = now_ns(supervisor);
    }
}

static void
give(struct wf_supervisor *supervisor, uint32_t store)
{
    struct charge *charge = charge_of(supervisor, store);

    charge->is_wanted = false;
    charge->is_to_prepare = false;
    charge->is_to_follow = false;
    wf_node_forget_ahead(&charge->ahead);
    if (charge->state == RUNNING) {
        wf_node_note(supervisor->node, WF_TRACE_NOTE,
                     supervisor->node->depots[store].name, "give",
                     "the partition is given away");
        fence(supervisor, store);
    } // else step sees that it is not wanted
}

static void
follow(struct wf_supervisor *supervisor, uint32_t store)
{
    struct charge *charge = charge_of(supervisor, store);

    charge->is_to_follow = charge->state == ELSEWHERE;
}

static void
handle(struct wf_supervisor *supervisor, const struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_IN_DOUBT:
        begin(supervisor, post->store);
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
    case WF_POST_PREPARE:
        charge_of(supervisor, post->store)->is_to_prepare = true;
        break;
    case WF_POST_FOLLOW:
        follow(supervisor, post->store);
        break;
    case WF_POST_STOP:
        supervisor->is_stopped = true;
        break;
    default:
        WF_ASSERT(false);
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
    struct charge *charge = charge_of(supervisor, store);
    struct wf_depot *depot = &node->depots[store];

    wf_node_note(
        node, wf_node_is_shared(node) ? WF_TRACE_NOTE : WF_TRACE_WARNING,
        depot->name, "reopen", "it goes on at commit %llu, after %llu ms",
        (unsigned long long)atomic_load(&depot->durable),
        ms_since(supervisor, charge));
    charge->state = RUNNING;
    atomic_store(&charge->is_running, true);
    resume(node, store, partitions);
    if (!wf_node_is_shared(node)) {
        return;
    }
    atomic_store(&node->are_here[store], true);
    atomic_fetch_add(&node->takes, 1);
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
    struct charge *charge = charge_of(supervisor, store);

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

// A lease that is over has released everything.
static void
release(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct wf_depot *depot = &node->depots[store];
    const struct charge *charge = charge_of(supervisor, store);

    if (!charge->is_owned || !has_lease(supervisor)) {
        return;
    }
    if (wf_depot_release(depot) == WEFT_OK) {
        wf_node_note(node, WF_TRACE_NOTE, depot->name, "release",
                     "any node may have it, after %llu ms",
                     ms_since(supervisor, charge));
    } else {
        wf_node_note(node, WF_TRACE_WARNING, depot->name, "release",
                     "%s; it ends with the lease", weft_err_detail());
    }
}

// Another node may have the partition, or has it.
static void
leave(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct charge *charge = charge_of(supervisor, store);

    release(supervisor, store); // first: others wait for it
    charge->is_owned = false;
    charge->is_wanted = false;
    charge->state = ELSEWHERE;
    tell_moved(node, store, 0);
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_post_tell(wf_shard_inbox(node->shards[i]), WF_POST_ELSEWHERE, store);
    }
    wf_node_forget_ahead(&charge->ahead);
    wf_depot_rest(&node->depots[store]); // last: it may have to wait
}

static void
try_to_open(struct wf_supervisor *supervisor, uint32_t store)
{
    weft_node *node = supervisor->node;
    struct wf_depot *depot = &node->depots[store];
    struct charge *charge = charge_of(supervisor, store);
    struct wf_partition **partitions = wf_calloc(node->options.partition_count *
                                                 sizeof(struct wf_partition *));
    weft_err err = wf_depot_reopen(depot);
    bool is_theirs;

    if (err == WEFT_OK) {
        err = wf_node_recover(node, depot, &charge->ahead, partitions);
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

// True: did so.
static bool
prepare_one(struct wf_supervisor *supervisor)
{
    weft_node *node = supervisor->node;
    const struct wf_node_cluster *cluster = &node->seams.cluster;

    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        struct charge *charge = &supervisor->charges[i];
        uint32_t store = store_of(supervisor, i);
        weft_err err;

        if (!charge->is_to_prepare || charge->state != ELSEWHERE) {
            continue;
        }
        charge->is_to_prepare = false;
        err = wf_node_ahead_prepare(node, &node->depots[store], &charge->ahead);
        if (err != WEFT_OK) {
            say_why(supervisor, store, err, "it is taken as it is");
        }
        cluster->prepared(cluster->ctx, store);
        return true;
    }
    return false;
}

// Bytes of log that what is followed may still hold.
static uint64_t
room(const struct wf_supervisor *supervisor)
{
    uint64_t bytes =
        supervisor->node->seams.cluster.copies_bytes / supervisor->count;
    uint64_t held = 0;

    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        held += supervisor->charges[i].ahead.log_bytes;
    }
    return held < bytes ? bytes - held : 0;
}

// True: did so.
static bool
follow_one(struct wf_supervisor *supervisor)
{
    weft_node *node = supervisor->node;
    const struct wf_node_cluster *cluster = &node->seams.cluster;

    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        struct charge *charge = &supervisor->charges[i];
        uint32_t store = store_of(supervisor, i);
        uint64_t commit = 0;
        weft_err err;

        if (!charge->is_to_follow || charge->state != ELSEWHERE ||
            now_ns(supervisor) < charge->retry_at_ns) {
            continue;
        }
        err = wf_node_ahead_follow(node, &node->depots[store], room(supervisor),
                                   &charge->ahead, &commit);
        charge->is_to_follow = err == WEFT_OK && charge->ahead.has_more;
        if (err == WEFT_OK) {
            charge->retry_ms = RETRY_MS_MIN;
        } else {
            put_off(supervisor, store, err);
        }
        cluster->copied(cluster->ctx, store, commit);
        return true;
    }
    return false;
}

// With nothing else to do, and not in a pause of what there is to do: open a
// store that may be taken. Returns as settle_one.
static uint64_t
warm_one(struct wf_supervisor *supervisor)
{
    uint64_t now = now_ns(supervisor);

    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        struct charge *charge = &supervisor->charges[i];

        if (charge->state != ELSEWHERE || charge->is_warm) {
            continue;
        }
        if (now < supervisor->warm_at_ns) {
            return (supervisor->warm_at_ns - now) / 1000000U + 1;
        }
        charge->is_warm = true;
        wf_depot_warm(&supervisor->node->depots[store_of(supervisor, i)]);
        return 0;
    }
    return UINT64_MAX;
}

static bool
drain(struct wf_supervisor *supervisor)
{
    struct wf_post *post;
    bool did_something = false;

    while ((post = wf_post_pop(&supervisor->inbox)) != NULL) {
        did_something = did_something || post->type != WF_POST_FOLLOW;
        handle(supervisor, post);
        wf_post_destroy(post);
    }
    return did_something;
}

// Let go of, or open, the first store that waits for it; 0: did so. Else in how
// many milliseconds there is one.
static uint64_t
settle_one(struct wf_supervisor *supervisor)
{
    uint64_t wait_ms = UINT64_MAX;

    for (uint32_t i = 0; i < supervisor->charges_count; i++) {
        struct charge *charge = &supervisor->charges[i];
        uint64_t now = now_ns(supervisor);
        uint64_t left_ms;

        if (charge->state != CLOSED) {
            continue;
        }
        if (!charge->is_wanted) {
            leave(supervisor, store_of(supervisor, i));
            return 0;
        }
        if (now >= charge->retry_at_ns) {
            try_to_open(supervisor, store_of(supervisor, i));
            return 0;
        }
        left_ms = (charge->retry_at_ns - now + 999999U) / 1000000U;
        wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
    }
    return wait_ms;
}

uint64_t
wf_supervisor_step(struct wf_supervisor *supervisor)
{
    bool did_something = drain(supervisor);
    uint64_t wait_ms;
    uint64_t warm_ms;

    if (supervisor->is_stopped || atomic_load(&supervisor->node->is_closing)) {
        return UINT64_MAX; // nobody waits for it any more
    }
    wait_ms = settle_one(supervisor);
    if (wait_ms == 0 || did_something || prepare_one(supervisor)) {
        put_warming_off(supervisor);
        return 0;
    }
    if (follow_one(supervisor)) {
        return 0;
    }
    warm_ms = warm_one(supervisor);
    return warm_ms < wait_ms ? warm_ms : wait_ms;
}
