// SPDX-License-Identifier: Apache-2.0
//
// shard.c - a thread's worth of partitions: feeds them, runs them, seals them.
//
// A step never visits all partitions. After every call into a partition,
// settle carries away what it put out and notes what it wants next:
//
//   turns to run    in the lists `ready` and `again` (shard_run.c)
//   a commit        in the list `sealing` or `patient` of its lane
//                   (shard_seal.c)
//   a tick          in the heap `due`
//
// so that a step costs what there is to do.
//
// Turns run ahead of the commit, without bound as long as commits go on. If a
// commit takes longer than AHEAD_MS, the disk is in trouble and the lane's
// partitions wait for it: otherwise memory would fill with what cannot be made
// durable.
//
// No wake-up is lost: whatever another thread wants of a shard is a post, and
// the inbox keeps its own promise. Time is the only other reason to run, and
// step returns how long that takes; at most WAIT_MS_MAX, so that a wall clock
// that jumps forward is noticed soon.
//
// Threads: one for everything, but for what shard.h names.

#include "runtime/shard.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/list.h"
#include "runtime/blackbox.h"
#include "runtime/pressure.h"
#include "runtime/shard_impl.h"
#include "runtime/stack.h"

#define STACKS_FREE_MAX 64 // kept for reuse
#define WAIT_MS_MAX 1000
#define AUDIT_MS 1000 // one partition each
#define BEHIND_MS 1   // until it is looked again whether those before are over

// Life. ---------------------------------------------------------------------

static void
init_place(struct wf_shard *shard, uint32_t i)
{
    const struct wf_shard_options *options = &shard->options;
    struct wf_shard_place *place = &shard->places[i];

    place->index = options->index + i * options->shards_count;
    place->lane = &shard->lanes[place->index % options->stores_count];
    wf_list_init(&place->requests);
    wf_list_init(&place->behind);
    wf_list_init(&place->tasks);
    wf_list_init(&place->loads);
}

static void
init_lane(struct wf_shard *shard, uint32_t store)
{
    struct wf_shard_lane *lane = &shard->lanes[store];

    wf_job_init(&lane->job, shard->options.index, store);
    wf_list_init(&lane->sealing);
    wf_list_init(&lane->patient);
    lane->sealed = wf_calloc(shard->places_count * sizeof(*lane->sealed));
    lane->is_fenced = shard->options.is_shared;
    lane->is_elsewhere = shard->options.is_shared;
}

struct wf_shard *
wf_shard_create(const struct wf_shard_options *options)
{
    struct wf_shard *shard = wf_calloc(sizeof(*shard));
    uint32_t count = options->partitions_count;

    WF_ASSERT(options->index < options->shards_count);
    WF_ASSERT(options->shards_count <= count);
    shard->options = *options;
    wf_mpsc_init(&shard->inbox);
    wf_intake_init(&shard->intake);
    wf_list_init(&shard->frames);
    wf_list_init(&shard->ready);
    wf_list_init(&shard->again);
    wf_list_init(&shard->orphans);
    wf_heap_init(&shard->due);
    wf_steady_init(&shard->steady, options->clock, 0);
    shard->stacks = wf_stack_pool_create(STACKS_FREE_MAX);
    shard->tally = wf_tally_create(options->definitions);
    shard->places_count = (count - options->index + options->shards_count - 1) /
                          options->shards_count;
    shard->places = wf_calloc(shard->places_count * sizeof(*shard->places));
    shard->lanes = wf_calloc(options->stores_count * sizeof(*shard->lanes));
    for (uint32_t i = 0; i < options->stores_count; i++) {
        init_lane(shard, i);
    }
    for (uint32_t i = 0; i < shard->places_count; i++) {
        init_place(shard, i);
    }
    return shard;
}

void
wf_shard_destroy(struct wf_shard *shard, weft_err err)
{
    if (shard == NULL) {
        return;
    }
    for (uint32_t i = 0; i < shard->places_count; i++) {
        wf_shard_drop(shard, &shard->places[i]);
    }
    wf_shard_abandon(shard, err);
    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        wf_job_fini(&shard->lanes[i].job);
        wf_free(shard->lanes[i].sealed);
    }
    wf_stack_pool_destroy(shard->stacks);
    wf_tally_destroy(shard->tally);
    wf_heap_fini(&shard->due);
    wf_mpsc_fini(&shard->inbox);
    wf_free(shard->lanes);
    wf_free(shard->places);
    wf_free(shard);
}

struct wf_mpsc *
wf_shard_inbox(struct wf_shard *shard)
{
    return &shard->inbox;
}

bool
wf_shard_is_finished(const struct wf_shard *shard)
{
    return shard->mode == WF_SHARD_FINISHED;
}

// Partitions. ---------------------------------------------------------------

static void
watch(void *ctx, const struct wf_key *key, const char *what)
{
    struct wf_shard *shard = ctx;

    if (key == NULL) {
        wf_blackbox_end(shard->options.slot);
    } else {
        wf_blackbox_begin(shard->options.slot, WF_BLACKBOX_TURN, key, what,
                          shard->now_ms);
    }
}

uint64_t
wf_shard_now_ns(const struct wf_shard *shard)
{
    const struct wf_clock *clock = &shard->options.clock;

    return clock->mono_ns(clock->self);
}

// One look at the clock for each turn: it began when the one before ended.
static void
turned(void *ctx, const struct wf_kind *kind)
{
    struct wf_shard *shard = ctx;
    uint64_t now = wf_shard_now_ns(shard);

    if (kind != NULL) {
        wf_histogram_add(&shard->tally->kinds[kind->index].turn_ns, WF_TALLY_NS,
                         now - shard->turned_ns);
    }
    shard->turned_ns = now;
}

void
wf_shard_fill_options(struct wf_shard *shard,
                      struct wf_partition_options *options)
{
    options->stacks = shard->stacks;
    options->tally = shard->tally;
    options->turned = turned;
    options->watch_ctx = shard;
    if (shard->options.slot != NULL) {
        options->watch = watch;
    }
}

struct wf_shard_place *
wf_shard_place_of(struct wf_shard *shard, uint32_t partition_index)
{
    uint32_t shards_count = shard->options.shards_count;

    WF_ASSERT(partition_index % shards_count == shard->options.index);
    WF_ASSERT(partition_index / shards_count < shard->places_count);
    return &shard->places[partition_index / shards_count];
}

void
wf_shard_adopt(struct wf_shard *shard, uint32_t partition_index,
               struct wf_partition *partition)
{
    struct wf_shard_place *place = wf_shard_place_of(shard, partition_index);

    WF_ASSERT(place->partition == NULL);
    place->partition = partition;
}

void
wf_shard_open_place(struct wf_shard *shard, struct wf_shard_place *place)
{
    wf_shard_apply_refusals(shard, place->index % shard->options.stores_count);
    wf_partition_open(place->partition, wf_shard_time(shard, place));
    atomic_store(&place->redo, wf_partition_redo_commit(place->partition));
    wf_shard_settle(shard, place);
}

void
wf_shard_start(struct wf_shard *shard)
{
    uint64_t not_before_ms = 0;

    WF_ASSERT(shard->mode == WF_SHARD_OPENING);
    for (uint32_t i = 0; i < shard->places_count; i++) {
        const struct wf_partition *partition = shard->places[i].partition;
        uint64_t seen_ms =
            partition == NULL ? 0 : wf_partition_recovered_ms(partition);

        not_before_ms = seen_ms > not_before_ms ? seen_ms : not_before_ms;
    }
    wf_steady_init(&shard->steady, shard->options.clock, not_before_ms);
    shard->now_ms = wf_steady_now_ms(&shard->steady);
    for (uint32_t i = 0; i < shard->places_count; i++) {
        if (shard->places[i].partition != NULL) {
            wf_shard_open_place(shard, &shard->places[i]);
        }
    }
}

void
wf_shard_blame(struct wf_shard *shard, const struct wf_key *key,
               const char *how)
{
    struct wf_shard_place *place = wf_shard_place_of(
        shard, wf_key_partition(key, shard->options.partitions_count));

    wf_partition_blame(place->partition, key, how);
    wf_shard_settle(shard, place);
}

const struct wf_stack_pool *
wf_shard_stacks(const struct wf_shard *shard)
{
    return shard->stacks;
}

void
wf_shard_serve(struct wf_shard *shard)
{
    WF_ASSERT(shard->mode == WF_SHARD_OPENING);
    shard->mode = WF_SHARD_SERVING;
}

static void
note_spent(struct wf_shard *shard, struct wf_shard_place *place, bool is_spent)
{
    shard->spent += (uint32_t)is_spent - (uint32_t)place->is_spent;
    place->is_spent = is_spent;
}

void
wf_shard_drop(struct wf_shard *shard, struct wf_shard_place *place)
{
    if (place->partition == NULL) {
        return;
    }
    wf_shard_forget_ready(place);
    wf_shard_forget_sealing(place);
    note_spent(shard, place, false);
    if (wf_heap_has(&place->due)) {
        wf_heap_remove(&shard->due, &place->due);
    }
    wf_partition_destroy(place->partition, &place->requests);
    place->partition = NULL;
    atomic_store(&place->redo, 0);
}

// In the shard's time.
static uint64_t
due_of(const struct wf_shard_place *place)
{
    uint64_t due = wf_partition_next_due(place->partition);

    if (due == UINT64_MAX) {
        return due;
    }
    return due < place->ahead_ms ? 0 : due - place->ahead_ms;
}

static void
note_due(struct wf_shard *shard, struct wf_shard_place *place)
{
    uint64_t due = due_of(place);
    bool is_noted = wf_heap_has(&place->due);

    if (is_noted && place->due.due == due) {
        return;
    }
    if (is_noted) {
        wf_heap_remove(&shard->due, &place->due);
    }
    if (due != UINT64_MAX) {
        wf_heap_add(&shard->due, &place->due, due);
    }
}

void
wf_shard_settle(struct wf_shard *shard, struct wf_shard_place *place)
{
    wf_shard_carry(shard, place);
    if (wf_partition_wants_commit(place->partition,
                                  wf_shard_time(shard, place))) {
        wf_shard_note_sealing(shard, place);
    }
    wf_shard_note_ready(shard, place);
    note_spent(shard, place, wf_partition_is_spent(place->partition));
    note_due(shard, place);
}

// Steps. --------------------------------------------------------------------

// Still due after its tick: overdue timers are fired in portions, and what
// waits for a commit that cannot begin yet waits for the job, not for time.
static void
put_off(struct wf_shard *shard, struct wf_shard_place *place)
{
    bool is_waiting = place->lane->is_away || place->lane->is_fenced;

    if (wf_heap_has(&place->due) && place->due.due <= shard->now_ms) {
        wf_heap_remove(&shard->due, &place->due);
        wf_heap_add(&shard->due, &place->due,
                    shard->now_ms + (is_waiting ? 10 : 1));
    }
}

static bool
tick(struct wf_shard *shard)
{
    struct wf_heap_node *first = wf_heap_first(&shard->due);
    uint32_t count = 0;

    for (; first != NULL && first->due <= shard->now_ms;
         first = wf_heap_first(&shard->due)) {
        struct wf_shard_place *place =
            WF_CONTAINER(first, struct wf_shard_place, due);

        wf_heap_remove(&shard->due, first);
        wf_partition_tick(place->partition, wf_shard_time(shard, place));
        wf_shard_settle(shard, place);
        put_off(shard, place);
        count++;
    }
    return count > 0;
}

// Too little memory: first save and let go, then refuse. True if something was
// let go.
static bool
look_at_memory(struct wf_shard *shard)
{
    uint64_t limit = shard->options.memory_bytes;
    bool is_high = wf_pressure_is_high(limit, shard->is_pressed);
    bool was_shedding = shard->is_shedding;
    bool did_something = false;

    shard->is_shedding = wf_pressure_is_shedding(limit, was_shedding);
    if (is_high != shard->is_pressed) {
        shard->is_pressed = is_high;
        wf_shard_refuse(shard, WF_POST_ALL_STORES, WF_REFUSAL_MEMORY, is_high);
    }
    if (!shard->is_shedding && !was_shedding) {
        return false;
    }
    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->partition != NULL) {
            did_something =
                wf_partition_press(place->partition, shard->is_shedding) ||
                did_something;
            wf_shard_settle(shard, place);
        }
    }
    return did_something;
}

static void
audit(struct wf_shard *shard)
{
    struct wf_shard_place *place =
        &shard->places[shard->audit_next % shard->places_count];

    if (shard->now_ms >= shard->audit_at_ms) {
        shard->audit_at_ms = shard->now_ms + AUDIT_MS;
        shard->audit_next++;
        if (place->partition != NULL) {
            (void)wf_partition_audit(place->partition);
        }
    }
}

bool
wf_shard_is_settled(const struct wf_shard *shard)
{
    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        const struct wf_shard_lane *lane = &shard->lanes[i];

        if (lane->is_elsewhere) {
            continue;
        }
        if (lane->is_away || lane->is_fenced || lane->sealing.count > 0 ||
            lane->patient.count > 0) {
            return false;
        }
    }
    return shard->intake.count == 0 && shard->frames.count == 0 &&
           (shard->ready.count + shard->again.count == 0 ||
            shard->mode == WF_SHARD_OPENING);
}

static void
finish(struct wf_shard *shard)
{
    for (uint32_t i = 0; i < shard->places_count; i++) {
        wf_shard_drop(shard, &shard->places[i]);
    }
    shard->mode = WF_SHARD_FINISHED;
}

uint64_t
wf_shard_next_due_ms(const struct wf_shard *shard)
{
    const struct wf_heap_node *first = wf_heap_first(&shard->due);
    uint64_t due = first == NULL ? UINT64_MAX : first->due;
    uint64_t patience = wf_shard_patience_ms(shard);
    uint64_t heavy = wf_shard_heavy_due_ms(shard);

    due = heavy < due ? heavy : due;
    if (shard->behind > 0 && due > shard->now_ms + BEHIND_MS) {
        due = shard->now_ms + BEHIND_MS;
    }
    return patience < due ? patience : due;
}

static uint64_t
wait_ms(const struct wf_shard *shard)
{
    uint64_t due = wf_shard_next_due_ms(shard);

    if (due == UINT64_MAX || shard->mode == WF_SHARD_FINISHING) {
        return UINT64_MAX;
    }
    if (due <= shard->now_ms) {
        return 1; // nothing is fired in this mode
    }
    return due - shard->now_ms < WAIT_MS_MAX ? due - shard->now_ms
                                             : WAIT_MS_MAX;
}

uint64_t
wf_shard_step(struct wf_shard *shard)
{
    bool did_something;

    if (shard->mode == WF_SHARD_FINISHED) {
        return UINT64_MAX;
    }
    shard->now_ms = wf_steady_now_ms(&shard->steady);
    wf_intake_tick(&shard->intake, shard->now_ms);
    did_something = wf_shard_drain(shard);
    did_something = wf_shard_admit(shard) || did_something;
    did_something = wf_shard_give_behind(shard) || did_something;
    if (shard->mode == WF_SHARD_SERVING || shard->mode == WF_SHARD_CLOSING) {
        did_something = look_at_memory(shard) || did_something;
        did_something = tick(shard) || did_something;
        did_something = wf_shard_run(shard) || did_something;
        audit(shard);
    }
    if (shard->mode != WF_SHARD_FINISHING) {
        did_something = wf_shard_seal(shard) || did_something;
    } else if (!wf_shard_seal_all(shard)) {
        finish(shard);
        did_something = true;
    }
    if (did_something) {
        return 0;
    }
    if (wf_shard_is_settled(shard)) {
        atomic_store(&shard->settled_mark, shard->mark);
    }
    return wait_ms(shard);
}

// Any thread. ----------------------------------------------------------------

const struct wf_tally *
wf_shard_tally(const struct wf_shard *shard)
{
    return shard->tally;
}

uint64_t
wf_shard_redo_commit(struct wf_shard *shard, uint32_t store)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];
        uint64_t redo = atomic_load(&place->redo);

        if (place->index % shard->options.stores_count == store &&
            redo < least) {
            least = redo;
        }
    }
    return least;
}

uint64_t
wf_shard_settled_mark(const struct wf_shard *shard)
{
    return atomic_load(&shard->settled_mark);
}
