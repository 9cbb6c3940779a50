// SPDX-License-Identifier: Apache-2.0
//
// housekeeping.c - what must be done now and then.
//
// Beacon. Each round, if there were commits since the last. Only with what is
// durable; so it is behind by a round at most, and by nothing a round after
// traffic stops.
//
// Trim. First `durable` is noted, then what each shard's partitions need, then
// all rows are flushed, then the log is cut. The order matters: what a shard
// says covers every commit that was durable before it was asked, and the rows
// that make a commit dispensable were in a commit before that, which the flush
// covers. Worth it after half a window of log, or when a minute has passed and
// anything can go.
//
// Sweep. What a trim has left on the disk is given back in small pieces, one
// every SWEEP_MS, for commits wait while it is done.
//
// Disk space. Below the reserve all intake stops; above it by an eighth it goes
// on, so that it does not flap.
//
// Memory. Above memory_bytes intake stops, in the same way: pressure.h.
//
// Backup. Somebody may ask for one from outside: node_control.c.
//
// Watchdog. A turn is seen in its shard's slot by its generation. One that is
// still the same after turn_ms_max is reported, once; after turn_ms_abort, if
// that is set, the process ends, with the blame on it.
//
// Threads: one.

#include "runtime/housekeeping.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/key.h"
#include "base/limits.h"
#include "base/mpsc.h"
#include "runtime/blackbox.h"
#include "runtime/depot.h"
#include "runtime/node_control.h"
#include "runtime/node_impl.h"
#include "runtime/pressure.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"

#define TRIM_MS 60000
#define TRIM_BYTES_MIN (4ULL << 20)
#define SPACE_MS 1000
#define SWEEP_MS 10
#define BEACON_WARNING_MS 5000

// What is remembered of one store.
struct chore {
    uint64_t trimmed_at_ms;
    uint64_t trimmed_bytes;  // log_bytes then
    uint64_t trimmed_commit; // durable then
    uint64_t told_bytes;     // log_bytes as shards were last told
    uint64_t warned_at_ms;   // of the beacon
};

// What is remembered of one shard's slot.
struct watched {
    uint64_t generation;
    uint64_t seen_at_ms;
    bool is_reported;
};

struct wf_housekeeping {
    weft_node *node;
    struct wf_mpsc inbox;
    struct wf_node_control *control;
    struct chore *chores;    // by store
    struct watched *watched; // by shard
    uint64_t next_ms;        // when the next round begins
    uint64_t sweep_at_ms;    // when a piece of disk is given back next
    uint64_t space_at_ms;    // when the disk is looked at next
    bool is_full;
    bool is_pressed;
    bool is_stopped;
};

// All times here are of the monotonic clock.
static uint64_t
now_ms(const struct wf_housekeeping *keeping)
{
    const struct wf_clock *clock = &keeping->node->clock;

    return clock->mono_ns(clock->self) / 1000000U;
}

struct wf_housekeeping *
wf_housekeeping_create(weft_node *node)
{
    struct wf_housekeeping *keeping = wf_calloc(sizeof(*keeping));
    uint32_t stores = node->options.store_count;

    keeping->node = node;
    wf_mpsc_init(&keeping->inbox);
    keeping->control = wf_node_control_create(node);
    keeping->chores = wf_calloc(stores * sizeof(*keeping->chores));
    keeping->watched =
        wf_calloc(node->options.shard_count * sizeof(*keeping->watched));
    for (uint32_t i = 0; i < stores; i++) {
        keeping->chores[i].trimmed_at_ms = now_ms(keeping);
    }
    return keeping;
}

void
wf_housekeeping_destroy(struct wf_housekeeping *keeping)
{
    struct wf_post *post;

    if (keeping == NULL) {
        return;
    }
    while ((post = wf_post_pop(&keeping->inbox)) != NULL) {
        wf_post_destroy(post);
    }
    wf_mpsc_fini(&keeping->inbox);
    wf_node_control_destroy(keeping->control);
    wf_free(keeping->chores);
    wf_free(keeping->watched);
    wf_free(keeping);
}

struct wf_mpsc *
wf_housekeeping_inbox(struct wf_housekeeping *keeping)
{
    return &keeping->inbox;
}

bool
wf_housekeeping_is_stopped(const struct wf_housekeeping *keeping)
{
    return keeping->is_stopped;
}

// Stores. -------------------------------------------------------------------

static void
beacon(struct wf_housekeeping *keeping, uint32_t store, uint64_t now)
{
    struct wf_depot *depot = &keeping->node->depots[store];
    struct chore *chore = &keeping->chores[store];
    weft_err err = wf_depot_write_beacon(depot);

    if (err != WEFT_OK && (chore->warned_at_ms == 0 ||
                           now - chore->warned_at_ms >= BEACON_WARNING_MS)) {
        chore->warned_at_ms = now;
        wf_node_note(keeping->node, WF_TRACE_WARNING, depot->name, "beacon",
                     "%s: %s", weft_err_name(err), weft_err_detail());
    }
}

static uint64_t
half_window(const weft_node *node)
{
    int64_t window = wf_node_window_bytes(node);

    return window <= 0 ? TRIM_BYTES_MIN : (uint64_t)window / 2;
}

// Partitions at rest save their rows when the log has grown much.
static void
tell_growth(struct wf_housekeeping *keeping, uint32_t store)
{
    weft_node *node = keeping->node;
    struct chore *chore = &keeping->chores[store];
    uint64_t log_bytes = atomic_load(&node->depots[store].log_bytes);

    if (log_bytes - chore->told_bytes < half_window(node) / 4) {
        return;
    }
    chore->told_bytes = log_bytes;
    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        struct wf_post *post = wf_post_create(WF_POST_GROWN);

        post->store = store;
        post->u.log_bytes = log_bytes;
        wf_post_push(wf_shard_inbox(node->shards[i]), post);
    }
}

static bool
is_trim_worth_it(const struct wf_housekeeping *keeping, uint32_t store,
                 uint64_t now)
{
    const struct chore *chore = &keeping->chores[store];
    const struct wf_depot *depot = &keeping->node->depots[store];

    if (atomic_load(&depot->log_bytes) - chore->trimmed_bytes >=
        half_window(keeping->node)) {
        return true;
    }
    return now - chore->trimmed_at_ms >= TRIM_MS &&
           atomic_load(&depot->durable) != chore->trimmed_commit;
}

// The first commit of the store that is still needed.
static uint64_t
find_redo(weft_node *node, uint32_t store)
{
    uint64_t durable = atomic_load(&node->depots[store].durable);
    uint64_t redo = durable + 1;

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        uint64_t needed = wf_shard_redo_commit(node->shards[i], store);

        redo = needed < redo ? needed : redo;
    }
    return redo;
}

static void
trim(struct wf_housekeeping *keeping, uint32_t store, uint64_t now)
{
    weft_node *node = keeping->node;
    struct wf_depot *depot = &node->depots[store];
    struct chore *chore = &keeping->chores[store];
    uint64_t log_bytes = atomic_load(&depot->log_bytes);
    uint64_t durable = atomic_load(&depot->durable);
    uint64_t redo = find_redo(node, store);
    weft_err err = WEFT_OK;

    if (redo > wf_depot_first(depot)) {
        err = wf_depot_trim(depot, redo);
    }
    chore->trimmed_at_ms = now;
    chore->trimmed_bytes = log_bytes;
    chore->trimmed_commit = durable;
    if (err == WEFT_OK || err == WEFT_EBUSY) {
        return;
    }
    wf_node_note(node, WF_TRACE_WARNING, depot->name, "trim", "%s: %s",
                 weft_err_name(err), weft_err_detail());
    // A store that could not be flushed takes no writes either.
    wf_post_tell(wf_supervisor_inbox(wf_node_supervisor_of(node, store)),
                 WF_POST_IN_DOUBT, store);
}

// It is there, and stays open until it is let go.
static bool
hold(weft_node *node, uint32_t store)
{
    pthread_rwlock_t *lock = &node->depots[store].open_lock;

    if (pthread_rwlock_tryrdlock(lock) != 0) {
        return false; // the supervisor opens it
    }
    if (!wf_supervisor_is_running(wf_node_supervisor_of(node, store), store)) {
        pthread_rwlock_unlock(lock);
        return false;
    }
    return true;
}

static void
let_go(weft_node *node, uint32_t store)
{
    pthread_rwlock_unlock(&node->depots[store].open_lock);
}

static void
keep_stores(struct wf_housekeeping *keeping, uint64_t now)
{
    weft_node *node = keeping->node;

    for (uint32_t i = 0; i < node->options.store_count; i++) {
        if (!hold(node, i)) {
            continue;
        }
        beacon(keeping, i, now);
        tell_growth(keeping, i);
        if (is_trim_worth_it(keeping, i, now)) {
            trim(keeping, i, now);
        }
        let_go(node, i);
    }
}

static void
sweep(struct wf_housekeeping *keeping, uint64_t now)
{
    weft_node *node = keeping->node;
    bool has_more = false;

    for (uint32_t i = 0; i < node->options.store_count; i++) {
        if (hold(node, i)) {
            has_more = wf_depot_sweep(&node->depots[i]) || has_more;
            let_go(node, i);
        }
    }
    keeping->sweep_at_ms = now + (has_more ? SWEEP_MS : WF_BEACON_MS);
}

// Space. --------------------------------------------------------------------

static void
watch_space(struct wf_housekeeping *keeping, uint64_t now)
{
    weft_node *node = keeping->node;
    uint64_t reserve = node->options.reserve_bytes;
    uint64_t enough = keeping->is_full ? reserve + reserve / 8 : reserve;
    uint64_t free_bytes;
    bool is_full;

    if (now < keeping->space_at_ms) {
        return;
    }
    keeping->space_at_ms = now + SPACE_MS;
    free_bytes = wf_node_free_bytes(node);
    is_full = free_bytes < enough;
    if (is_full == keeping->is_full) {
        return;
    }
    keeping->is_full = is_full;
    wf_node_refuse(node, WF_POST_ALL_STORES, WF_REFUSAL_FULL, is_full);
    wf_node_note(node, WF_TRACE_WARNING, "node", "disk",
                 is_full ? "intake stops: %llu bytes are free, the reserve is "
                           "%llu"
                         : "intake goes on: %llu bytes are free, the reserve "
                           "is %llu",
                 (unsigned long long)free_bytes, (unsigned long long)reserve);
}

// Shards and clients see for themselves; this says it.
static void
watch_memory(struct wf_housekeeping *keeping)
{
    weft_node *node = keeping->node;
    uint64_t limit = node->options.memory_bytes;
    bool is_high = wf_pressure_is_high(limit, keeping->is_pressed);

    if (is_high != keeping->is_pressed) {
        keeping->is_pressed = is_high;
        wf_node_note(node, WF_TRACE_WARNING, "node", "memory",
                     is_high ? "intake stops: %llu MiB are in memory, and "
                               "memory_bytes is %llu MiB"
                             : "intake goes on: %llu MiB are in memory, and "
                               "memory_bytes is %llu MiB",
                     (unsigned long long)(wf_alloc_bytes() >> 20),
                     (unsigned long long)(limit >> 20));
    }
}

// Turns. --------------------------------------------------------------------

static void
report(struct wf_housekeeping *keeping, const struct wf_blackbox_slot *slot,
       uint64_t ms)
{
    struct wf_blackbox_entry entry;
    char who[128];

    if (!wf_blackbox_read(slot, &entry)) {
        return;
    }
    wf_node_note(keeping->node, WF_TRACE_WARNING,
                 wf_key_show(&entry.key, who, sizeof(who)), "slow",
                 "a turn (%s) has run for %llu ms or more", entry.what,
                 (unsigned long long)ms);
    wf_blackbox_entry_fini(&entry);
}

// Nothing else ends a turn that does not end: it holds its shard's thread, and
// whatever it was doing there. What was not durable is done again.
static void
end_process(const struct wf_housekeeping *keeping,
            struct wf_blackbox_slot *slot, uint64_t generation)
{
    if (wf_blackbox_stamp(slot, generation)) {
        wf_node_note(keeping->node, WF_TRACE_WARNING, "node", "abort",
                     "a turn has run for longer than turn_ms_abort, %u ms",
                     keeping->node->options.turn_ms_abort);
        abort();
    }
}

static void
watch_turns(struct wf_housekeeping *keeping, uint64_t now)
{
    weft_node *node = keeping->node;

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        struct wf_blackbox_slot *slot = wf_blackbox_slot(node->box, i);
        struct watched *watched = &keeping->watched[i];
        uint64_t generation;
        uint64_t started_ms;

        if (!wf_blackbox_is_running(slot, &generation, &started_ms)) {
            continue;
        }
        if (generation != watched->generation) {
            *watched = (struct watched){
                .generation = generation,
                .seen_at_ms = now,
            };
            continue;
        }
        if (!watched->is_reported &&
            now - watched->seen_at_ms >= node->options.turn_ms_max) {
            watched->is_reported = true;
            report(keeping, slot, now - watched->seen_at_ms);
        }
        if (node->options.turn_ms_abort > 0 &&
            now - watched->seen_at_ms >= node->options.turn_ms_abort) {
            end_process(keeping, slot, generation);
        }
    }
}

// Steps. --------------------------------------------------------------------

static bool
drain(struct wf_housekeeping *keeping)
{
    struct wf_post *post;
    bool did_something = false;

    while ((post = wf_post_pop(&keeping->inbox)) != NULL) {
        did_something = true;
        WF_ASSERT(post->type == WF_POST_STOP);
        keeping->is_stopped = true;
        wf_post_destroy(post);
    }
    return did_something;
}

uint64_t
wf_housekeeping_step(struct wf_housekeeping *keeping)
{
    uint64_t now = now_ms(keeping);
    bool did_something = drain(keeping);
    uint64_t wait_ms;

    if (keeping->is_stopped) {
        wf_node_control_finish(keeping->control);
        return UINT64_MAX;
    }
    if (now >= keeping->next_ms) {
        keeping->next_ms = now + WF_BEACON_MS;
        keep_stores(keeping, now);
        watch_space(keeping, now);
        watch_memory(keeping);
        watch_turns(keeping, now);
        wf_node_control_step(keeping->control);
        did_something = true;
    }
    if (now >= keeping->sweep_at_ms) {
        sweep(keeping, now);
        did_something = true;
    }
    if (did_something) {
        return 0;
    }
    wait_ms = keeping->next_ms - now;
    return keeping->sweep_at_ms - now < wait_ms ? keeping->sweep_at_ms - now
                                                : wait_ms;
}
