// SPDX-License-Identifier: Apache-2.0
//
// membership_share.c - a node's share of the partitions: what it takes, gives
// and prepares to have as many as balance.h says.
//
// Few partitions are given at a time, and each when whoever is to have it has
// prepared for it, so that a node that joins under load is not felt; what is
// free is taken at once. A node prepares one at a time, and says so in the map.
// Who waits in vain for that gives all the same.
//
// What is taken or given is asked of the node, and may take its time: epochs
// say what runs here, whatever was asked.

#include "base/error.h"
#include "cluster/balance.h"
#include "cluster/membership_impl.h"
#include "cluster/standby.h"

#define GIVES_MAX 1       // partitions on their way to others at a time
#define PATIENCE_MS 10000 // with those who do not prepare
#define TAKE_AGAIN_MS 500 // one that was to be taken, and is not here

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

void
wf_membership_give_all(struct wf_membership *membership)
{
    for (uint32_t i = 0; i < membership->options.partition_count; i++) {
        // Also those that are only on their way to here.
        give(membership, i);
    }
}

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
           (owner == -1 || owner == me) &&
           !wf_membership_has(membership, partition) &&
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
    uint64_t now = wf_membership_now_ns(membership);
    uint64_t again_ns =
        membership->taken_ns[partition] + wf_membership_ns_of(TAKE_AGAIN_MS);

    if (now >= again_ns) {
        again_ns = now + wf_membership_ns_of(TAKE_AGAIN_MS);
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

    return wf_membership_has(membership, partition) && target != me &&
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
           wf_membership_now_ns(membership) >= membership->patience_ns;
}

static void
be_patient(struct wf_membership *membership)
{
    membership->patience_ns = wf_membership_in_ns(membership, PATIENCE_MS);
}

// It is to come here, from somebody who has it.
static bool
is_coming(const struct wf_membership *membership, uint32_t partition,
          int32_t me)
{
    int32_t owner = wf_balance_owner(&membership->map, partition);

    return membership->targets[partition] == me && owner >= 0 && owner != me &&
           !wf_membership_has(membership, partition);
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
    if (before != WF_MEMBERSHIP_NOTHING &&
        is_coming(membership, (uint32_t)before, me)) {
        return;
    }
    if (before != WF_MEMBERSHIP_NOTHING && membership->targets[before] != me) {
        membership->options.give(membership->options.ctx, (uint32_t)before);
    }
    membership->preparing = WF_MEMBERSHIP_NOTHING;
    while (next < count && !is_coming(membership, (uint32_t)next, me)) {
        next++;
    }
    if (next < count && !membership->is_over) {
        membership->preparing = next;
        membership->options.prepare(membership->options.ctx, (uint32_t)next);
    }
}

void
wf_membership_be_ready(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    int32_t partition =
        atomic_exchange(&membership->prepared, WF_MEMBERSHIP_NOTHING);

    if (partition == WF_MEMBERSHIP_NOTHING ||
        partition != membership->preparing) {
        return;
    }
    if (registry->ops->ready(registry->self, (uint32_t)partition) == WEFT_OK) {
        atomic_store(&membership->has_moved, true);
    } else {
        wf_membership_complain(membership, "ready", weft_err_detail());
        atomic_store(&membership->prepared, partition); // again, soon
    }
}

void
wf_membership_decide(struct wf_membership *membership)
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
