// SPDX-License-Identifier: Apache-2.0
//
// membership.c - one node's part in its cluster.
//
// A lease of lease_ms is renewed each third of it. It counts from when the
// renewal was sent, on this node's clock, and a fifth less than the database
// counts, so that this node stops before another may begin. A node that could
// not renew in time gives everything away: to acquire it again costs little,
// and is right whatever happened meanwhile.
//
// Few partitions are given at a time, and each when whoever is to have it has
// prepared for it, so that a node that joins under load is not felt; what is
// free is taken at once. A node prepares one at a time, and says so in the map.
// Who waits in vain for that gives all the same.

#include "cluster/membership.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/trace.h"
#include "cluster/balance.h"
#include "cluster/standby.h"
#include "runtime/futex.h"

#define LOOK_MS 1000
#define GIVES_MAX 1       // partitions on their way to others at a time
#define PATIENCE_MS 10000 // with those who do not prepare
#define TAKE_AGAIN_MS 500 // one that was to be taken, and is not here
#define COMPLAIN_MS 5000
#define LEASE_OVER_MS 10  // after that it is, for sure
#define FORGET_MS 3600000 // between two times that old nodes are forgotten
#define SILENT_MS (30ULL * 24 * 3600000) // nodes that are; cluster.h says so
#define NOTHING (-1)

struct wf_membership {
    struct wf_membership_options options;
    struct wf_registry_map map;
    struct wf_standby *standby; // NULL: no copies are kept
    int32_t *targets;           // by partition
    uint64_t *taken_ns;         // by partition: when it was last to be taken
    bool *are_given;            // by partition: to be given, and still here
    bool *were_here;            // by partition: when the map was looked at
    uint64_t renew_ns;          // when that is due
    uint64_t look_ns;           // the same
    uint64_t lease_ns;          // when it ends
    uint64_t patience_ns;       // when it ends
    int32_t preparing;          // partition, or NOTHING
    uint64_t complain_ns;
    uint64_t copies_ns; // when they are looked after again
    uint64_t forget_ns; // when old nodes are forgotten again
    bool is_over;       // the lease was; everything was given away

    _Atomic uint64_t *epochs; // by partition, of those that run here; else 0
    _Atomic int32_t prepared; // partition that has been since; or NOTHING
    atomic_bool is_nudged;
    atomic_bool has_moved;
    atomic_bool is_draining;
    atomic_bool is_stopped;
    atomic_bool is_replaced;

    _Atomic uint32_t is_awake; // there may be something to do
};

static uint64_t
now_ns(const struct wf_membership *membership)
{
    const struct wf_clock *clock = &membership->options.clock;

    return clock->mono_ns(clock->self);
}

static uint64_t
ns_of(uint64_t ms)
{
    return ms * 1000000U;
}

static void
set_lease(struct wf_membership *membership, uint64_t sent_ns)
{
    uint32_t lease_ms = membership->options.lease_ms;

    membership->lease_ns = sent_ns + ns_of(lease_ms - lease_ms / 5);
    membership->renew_ns = sent_ns + ns_of(lease_ms / 3);
    membership->is_over = false;
    membership->options.lease(membership->options.ctx, membership->lease_ns);
}

struct wf_membership *
wf_membership_create(const struct wf_membership_options *options)
{
    struct wf_membership *membership = wf_calloc(sizeof(*membership));
    uint32_t count = options->partition_count;

    membership->options = *options;
    membership->preparing = NOTHING;
    atomic_init(&membership->prepared, NOTHING);
    membership->targets = wf_calloc(count * sizeof(*membership->targets));
    membership->taken_ns = wf_calloc(count * sizeof(*membership->taken_ns));
    membership->are_given = wf_calloc(count * sizeof(*membership->are_given));
    membership->were_here = wf_calloc(count * sizeof(*membership->were_here));
    membership->epochs = wf_calloc(count * sizeof(*membership->epochs));
    if (options->follow != NULL) {
        membership->standby = wf_standby_create(&(struct wf_standby_options){
            .partition_count = count,
            .follow = options->follow,
            .give = options->give,
            .ctx = options->ctx,
        });
    }
    set_lease(membership, options->joined_ns);
    return membership;
}

void
wf_membership_destroy(struct wf_membership *membership)
{
    if (membership == NULL) {
        return;
    }
    wf_registry_map_fini(&membership->map);
    wf_standby_destroy(membership->standby);
    wf_free(membership->targets);
    wf_free(membership->taken_ns);
    wf_free(membership->are_given);
    wf_free(membership->were_here);
    wf_free(membership->epochs);
    wf_free(membership);
}

static void
note(const struct wf_membership *membership, enum wf_trace_level level,
     const char *verb, const char *text)
{
    const struct wf_membership_options *options = &membership->options;

    if (options->trace != NULL) {
        wf_trace_emit(options->trace, level,
                      options->clock.wall_ms(options->clock.self),
                      options->self.id, verb, "%s", text);
    }
}

// Said once in a while, however often it happens.
static void
complain(struct wf_membership *membership, const char *verb, const char *text)
{
    uint64_t now = now_ns(membership);

    if (now >= membership->complain_ns) {
        membership->complain_ns = now + ns_of(COMPLAIN_MS);
        note(membership, WF_TRACE_WARNING, verb, text);
    }
}

// The lease. ------------------------------------------------------------------

static bool
is_here(const struct wf_membership *membership, uint32_t partition)
{
    return atomic_load(&membership->epochs[partition]) != 0;
}

static void
forget_copy(struct wf_membership *membership, uint32_t partition)
{
    if (membership->standby != NULL) {
        wf_standby_forget(membership->standby, partition);
    }
}

static void
give(struct wf_membership *membership, uint32_t partition)
{
    forget_copy(membership, partition);
    membership->are_given[partition] = true;
    membership->options.give(membership->options.ctx, partition);
}

static void
give_all(struct wf_membership *membership)
{
    for (uint32_t i = 0; i < membership->options.partition_count; i++) {
        // Also those that are only on their way to here.
        give(membership, i);
    }
}

static void
look_at_lease(struct wf_membership *membership)
{
    if (!membership->is_over && now_ns(membership) >= membership->lease_ns) {
        membership->is_over = true;
        note(membership, WF_TRACE_WARNING, "lease",
             "it is over and could not be renewed: all partitions are given "
             "away");
        give_all(membership);
    }
}

static void
be_replaced(struct wf_membership *membership)
{
    atomic_store(&membership->is_replaced, true);
    note(membership, WF_TRACE_WARNING, "replaced",
         "another process has registered under this node's id: this one has "
         "no part in the cluster any more");
    give_all(membership);
    membership->options.replaced(membership->options.ctx);
    wf_membership_stop(membership);
}

static void
renew(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    uint64_t sent_ns = now_ns(membership);
    weft_err err = registry->ops->renew(registry->self,
                                        atomic_load(&membership->is_draining));

    if (err == WEFT_OK) {
        set_lease(membership, sent_ns);
    } else if (err == WEFT_ECLOSED) {
        be_replaced(membership);
    } else {
        complain(membership, "renew", weft_err_detail());
        membership->renew_ns =
            now_ns(membership) + ns_of(membership->options.lease_ms / 20 + 1);
    }
}

// Who has what. ---------------------------------------------------------------

static bool
may_take(const struct wf_membership *membership, uint32_t partition, int32_t me)
{
    const struct wf_membership_options *options = &membership->options;
    int32_t owner = wf_balance_owner(&membership->map, partition);
    bool is_target = membership->targets[partition] == me;

    // Ours by the map, though it is not here and to be another's: it could not
    // be released when it was given. Nobody else can take it while our lease
    // runs, so it is taken, and given once more.
    return (is_target || owner == me) && !membership->is_over &&
           (owner == -1 || owner == me) && !is_here(membership, partition) &&
           !membership->are_given[partition] &&
           (options->may_take == NULL ||
            options->may_take(options->ctx, partition));
}

// It may be on its way; one that could not be had is taken again, and looked
// at when that is due.
static void
take(struct wf_membership *membership, uint32_t partition)
{
    const struct wf_membership_options *options = &membership->options;
    uint64_t now = now_ns(membership);
    uint64_t again_ns = membership->taken_ns[partition] + ns_of(TAKE_AGAIN_MS);

    if (now >= again_ns) {
        again_ns = now + ns_of(TAKE_AGAIN_MS);
        membership->taken_ns[partition] = now;
        forget_copy(membership, partition);
        options->take(options->ctx, partition);
    }
    if (again_ns < membership->look_ns) {
        membership->look_ns = again_ns;
    }
}

// By the map it is ours, or it runs here whatever the map says.
static bool
should_give(const struct wf_membership *membership, uint32_t partition,
            int32_t me)
{
    int32_t target = membership->targets[partition];

    return is_here(membership, partition) && target != me &&
           (target >= 0 || atomic_load(&membership->is_draining)) &&
           !membership->are_given[partition];
}

// Is whoever is to have it ready, or is there nobody?
static bool
may_give(const struct wf_membership *membership, uint32_t partition)
{
    const struct wf_membership_options *options = &membership->options;
    int32_t target = membership->targets[partition];

    if (options->may_give != NULL && target >= 0) {
        return options->may_give(options->ctx, partition,
                                 membership->map.nodes[target].id);
    }
    return membership->map.parts[partition].ready == target ||
           now_ns(membership) >= membership->patience_ns;
}

static void
be_patient(struct wf_membership *membership)
{
    membership->patience_ns = now_ns(membership) + ns_of(PATIENCE_MS);
}

// It is to come here, from somebody who has it.
static bool
is_coming(const struct wf_membership *membership, uint32_t partition,
          int32_t me)
{
    int32_t owner = wf_balance_owner(&membership->map, partition);

    return membership->targets[partition] == me && owner >= 0 && owner != me &&
           !is_here(membership, partition);
}

static void
prepare_next(struct wf_membership *membership, int32_t me)
{
    int32_t count = (int32_t)membership->options.partition_count;
    int32_t before = membership->preparing;
    int32_t next = 0;

    if (membership->options.prepare == NULL) {
        return;
    }
    if (before != NOTHING && is_coming(membership, (uint32_t)before, me)) {
        return;
    }
    if (before != NOTHING && membership->targets[before] != me) {
        membership->options.give(membership->options.ctx, (uint32_t)before);
    }
    membership->preparing = NOTHING;
    while (next < count && !is_coming(membership, (uint32_t)next, me)) {
        next++;
    }
    if (next < count && !membership->is_over) {
        membership->preparing = next;
        membership->options.prepare(membership->options.ctx, (uint32_t)next);
    }
}

// What has been prepared, to the others.
static void
be_ready(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    int32_t partition = atomic_exchange(&membership->prepared, NOTHING);

    if (partition == NOTHING || partition != membership->preparing) {
        return;
    }
    if (registry->ops->ready(registry->self, (uint32_t)partition) == WEFT_OK) {
        atomic_store(&membership->has_moved, true);
    } else {
        complain(membership, "ready", weft_err_detail());
        atomic_store(&membership->prepared, partition); // again, soon
    }
}

static void
decide(struct wf_membership *membership)
{
    const struct wf_membership_options *options = &membership->options;
    int32_t me = wf_registry_find(&membership->map, options->self.id);
    uint32_t gives = 0;
    bool is_waiting = false;

    wf_balance(&membership->map, membership->targets);
    for (uint32_t i = 0; i < options->partition_count; i++) {
        // One that has left since is still ours in this map.
        membership->are_given[i] =
            membership->are_given[i] && membership->were_here[i];
        gives += membership->are_given[i];
    }
    for (uint32_t i = 0; i < options->partition_count; i++) {
        if (may_take(membership, i, me)) {
            take(membership, i);
        } else if (should_give(membership, i, me)) {
            is_waiting = true;
            if (gives < GIVES_MAX && may_give(membership, i)) {
                give(membership, i);
                gives++;
                be_patient(membership);
            }
        }
    }
    if (!is_waiting) {
        be_patient(membership);
    }
    prepare_next(membership, me);
}

// A node that has stopped renewing is replaced when its lease is over, not at
// the next look after it.
static void
look_in_time(struct wf_membership *membership)
{
    uint64_t now = now_ns(membership);

    for (uint32_t i = 0; i < membership->map.nodes_count; i++) {
        const struct wf_registry_node *node = &membership->map.nodes[i];
        uint64_t over_ns =
            now + ns_of((uint64_t)node->lease_ms + LEASE_OVER_MS);

        if (node->is_live && node->lease_ms >= 0 &&
            over_ns < membership->look_ns) {
            membership->look_ns = over_ns;
        }
    }
}

// What all nodes read may be written.
static void
raise_records(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    uint32_t version = wf_registry_record_max(&membership->map);
    char text[64];

    if (version > membership->options.self.record_max) {
        version = membership->options.self.record_max;
    }
    if (version <= membership->map.record_version) {
        return;
    }
    if (registry->ops->raise(registry->self, version) != WEFT_OK) {
        complain(membership, "look", weft_err_detail());
        return;
    }
    (void)snprintf(text, sizeof(text), "all nodes read version %" PRIu32,
                   version);
    note(membership, WF_TRACE_NOTE, "records", text);
    atomic_store(&membership->is_nudged, true);
}

// When what is to be taken is on its way, and no more often than is needed.
static void
keep_copies(struct wf_membership *membership)
{
    int32_t me =
        wf_registry_find(&membership->map, membership->options.self.id);

    if (membership->standby == NULL || membership->is_over ||
        now_ns(membership) < membership->copies_ns) {
        return;
    }
    membership->copies_ns = now_ns(membership) + ns_of(LOOK_MS);
    wf_standby_decide(membership->standby, &membership->map,
                      membership->targets, me);
    if (wf_standby_tell(membership->standby, &membership->options.registry) !=
        WEFT_OK) {
        complain(membership, "copies", weft_err_detail());
    }
}

static void
look(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    weft_err err;

    atomic_store(&membership->is_nudged, false);
    membership->look_ns = now_ns(membership) + ns_of(LOOK_MS);
    for (uint32_t i = 0; i < membership->options.partition_count; i++) {
        membership->were_here[i] = is_here(membership, i);
    }
    err = registry->ops->look(registry->self, &membership->map);
    if (err != WEFT_OK) {
        complain(membership, "look", weft_err_detail());
        return;
    }
    if (membership->map.parts_count != membership->options.partition_count) {
        complain(membership, "look", "the map has another partition count");
        return;
    }
    look_in_time(membership);
    membership->options.map(membership->options.ctx, &membership->map);
    decide(membership);
    raise_records(membership);
    keep_copies(membership);
}

// Nothing waits for it: it is done when there is time after a look.
static void
forget_old(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;

    if (now_ns(membership) < membership->forget_ns) {
        return;
    }
    membership->forget_ns = now_ns(membership) + ns_of(FORGET_MS);
    if (registry->ops->forget_old(registry->self, SILENT_MS) != WEFT_OK) {
        complain(membership, "forget", weft_err_detail());
    }
}

// Steps. ----------------------------------------------------------------------

uint64_t
wf_membership_step(struct wf_membership *membership)
{
    uint64_t next;
    uint64_t now;

    if (atomic_load(&membership->is_stopped)) {
        return UINT64_MAX;
    }
    look_at_lease(membership);
    if (now_ns(membership) >= membership->renew_ns) {
        renew(membership);
        look_at_lease(membership);
    }
    be_ready(membership);
    if (atomic_exchange(&membership->has_moved, false)) {
        membership->options.nudge(membership->options.ctx);
        atomic_store(&membership->is_nudged, true);
    }
    if (!atomic_load(&membership->is_stopped) &&
        (atomic_load(&membership->is_nudged) ||
         now_ns(membership) >= membership->look_ns)) {
        look(membership);
        forget_old(membership);
    }
    now = now_ns(membership);
    next = membership->renew_ns < membership->look_ns ? membership->renew_ns
                                                      : membership->look_ns;
    if (!membership->is_over && membership->lease_ns < next) {
        next = membership->lease_ns;
    }
    return next <= now ? 0 : (next - now + 999999U) / 1000000U;
}

void
wf_membership_wait(struct wf_membership *membership, uint64_t ms)
{
    ms = ms > LOOK_MS ? LOOK_MS : ms;
    if (atomic_exchange(&membership->is_awake, 0) == 0) {
        wf_futex_wait(&membership->is_awake, 0, ns_of(ms));
    }
}

// Any thread. -----------------------------------------------------------------

static void
wake(struct wf_membership *membership)
{
    atomic_store(&membership->is_awake, 1);
    wf_futex_wake(&membership->is_awake);
}

void
wf_membership_moved(struct wf_membership *membership, uint32_t partition,
                    uint64_t epoch)
{
    WF_ASSERT(partition < membership->options.partition_count);
    atomic_store(&membership->epochs[partition], epoch);
    atomic_store(&membership->has_moved, true);
    wake(membership);
}

void
wf_membership_prepared(struct wf_membership *membership, uint32_t partition)
{
    WF_ASSERT(partition < membership->options.partition_count);
    atomic_store(&membership->prepared, (int32_t)partition);
    wake(membership);
}

void
wf_membership_copied(struct wf_membership *membership, uint32_t partition,
                     uint64_t commit)
{
    if (membership->standby != NULL) {
        wf_standby_copied(membership->standby, partition, commit);
    }
}

void
wf_membership_nudge(struct wf_membership *membership)
{
    atomic_store(&membership->is_nudged, true);
    wake(membership);
}

void
wf_membership_drain(struct wf_membership *membership, bool is_on)
{
    atomic_store(&membership->is_draining, is_on);
    wf_membership_nudge(membership);
}

void
wf_membership_stop(struct wf_membership *membership)
{
    atomic_store(&membership->is_stopped, true);
    wake(membership);
}

bool
wf_membership_is_stopped(const struct wf_membership *membership)
{
    return atomic_load(&membership->is_stopped);
}

bool
wf_membership_is_replaced(const struct wf_membership *membership)
{
    return atomic_load(&membership->is_replaced);
}

uint32_t
wf_membership_count(const struct wf_membership *membership)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < membership->options.partition_count; i++) {
        count += is_here(membership, i);
    }
    return count;
}

bool
wf_membership_count_copies(const struct wf_membership *membership,
                           struct wf_standby_counts *out_counts)
{
    if (membership->standby == NULL) {
        return false;
    }
    wf_standby_count(membership->standby, out_counts);
    return true;
}
