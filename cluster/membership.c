// SPDX-License-Identifier: Apache-2.0
//
// membership.c - one node's part in its cluster: see membership.h, and
// membership_impl.h for its files.
//
// A step renews the lease when that is due, looks at the map when that is due
// or somebody has said that it may have changed, and does what follows. A look
// is early when a node that has stopped renewing is about to be replaced.
//
// Other threads leave word in atomics and wake whoever waits between steps.

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "cluster/membership_impl.h"
#include "cluster/standby.h"
#include "runtime/futex.h"

#define LOOK_MS 1000
#define COMPLAIN_MS 5000
#define LEASE_OVER_MS 10  // after that it is, for sure
#define FORGET_MS 3600000 // between two times that old nodes are forgotten
#define SILENT_MS (30ULL * 24 * 3600000) // nodes that are; cluster.h says so

struct wf_membership *
wf_membership_create(const struct wf_membership_options *options)
{
    struct wf_membership *membership = wf_calloc(sizeof(*membership));
    uint32_t count = options->partition_count;

    membership->options = *options;
    membership->preparing = WF_MEMBERSHIP_NOTHING;
    atomic_init(&membership->prepared, WF_MEMBERSHIP_NOTHING);
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
    wf_membership_set_lease(membership, options->joined_ns);
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

void
wf_membership_note(const struct wf_membership *membership,
                   enum wf_trace_level level, const char *verb,
                   const char *text)
{
    const struct wf_membership_options *options = &membership->options;

    if (options->trace != NULL) {
        wf_trace_emit(options->trace, level,
                      options->clock.wall_ms(options->clock.self),
                      options->self.id, verb, "%s", text);
    }
}

void
wf_membership_complain(struct wf_membership *membership, const char *verb,
                       const char *text)
{
    uint64_t now = wf_membership_now_ns(membership);

    if (now >= membership->complain_ns) {
        membership->complain_ns = now + wf_membership_ns_of(COMPLAIN_MS);
        wf_membership_note(membership, WF_TRACE_WARNING, verb, text);
    }
}

// The map. --------------------------------------------------------------------

// A node that has stopped renewing is replaced when its lease is over, not at
// the next look after it.
static void
look_in_time(struct wf_membership *membership)
{
    uint64_t now = wf_membership_now_ns(membership);

    for (uint32_t i = 0; i < membership->map.nodes_count; i++) {
        const struct wf_registry_node *node = &membership->map.nodes[i];
        uint64_t over_ns =
            now + wf_membership_ns_of((uint64_t)node->lease_ms + LEASE_OVER_MS);

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
        wf_membership_complain(membership, "look", weft_err_detail());
        return;
    }
    (void)snprintf(text, sizeof(text), "all nodes read version %" PRIu32,
                   version);
    wf_membership_note(membership, WF_TRACE_NOTE, "records", text);
    atomic_store(&membership->is_nudged, true);
}

// When what is to be taken is on its way, and no more often than is needed.
static void
keep_copies(struct wf_membership *membership)
{
    int32_t me =
        wf_registry_find(&membership->map, membership->options.self.id);

    if (membership->standby == NULL || membership->is_over ||
        wf_membership_now_ns(membership) < membership->copies_ns) {
        return;
    }
    membership->copies_ns = wf_membership_in_ns(membership, LOOK_MS);
    wf_standby_decide(membership->standby, &membership->map,
                      membership->targets, me);
    if (wf_standby_tell(membership->standby, &membership->options.registry) !=
        WEFT_OK) {
        wf_membership_complain(membership, "copies", weft_err_detail());
    }
}

static void
look(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    weft_err err;

    atomic_store(&membership->is_nudged, false);
    membership->look_ns = wf_membership_in_ns(membership, LOOK_MS);
    for (uint32_t i = 0; i < membership->options.partition_count; i++) {
        membership->were_here[i] = wf_membership_has(membership, i);
    }
    err = registry->ops->look(registry->self, &membership->map);
    if (err != WEFT_OK) {
        wf_membership_complain(membership, "look", weft_err_detail());
        return;
    }
    if (membership->map.parts_count != membership->options.partition_count) {
        wf_membership_complain(membership, "look",
                               "the map has another partition count");
        return;
    }
    look_in_time(membership);
    membership->options.map(membership->options.ctx, &membership->map);
    wf_membership_decide(membership);
    raise_records(membership);
    keep_copies(membership);
}

// Nothing waits for it: it is done when there is time after a look.
static void
forget_old(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;

    if (wf_membership_now_ns(membership) < membership->forget_ns) {
        return;
    }
    membership->forget_ns = wf_membership_in_ns(membership, FORGET_MS);
    if (registry->ops->forget_old(registry->self, SILENT_MS) != WEFT_OK) {
        wf_membership_complain(membership, "forget", weft_err_detail());
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
    wf_membership_look_at_lease(membership);
    if (wf_membership_now_ns(membership) >= membership->renew_ns) {
        wf_membership_renew(membership);
        wf_membership_look_at_lease(membership);
    }
    wf_membership_be_ready(membership);
    if (atomic_exchange(&membership->has_moved, false)) {
        membership->options.nudge(membership->options.ctx);
        atomic_store(&membership->is_nudged, true);
    }
    if (!atomic_load(&membership->is_stopped) &&
        (atomic_load(&membership->is_nudged) ||
         wf_membership_now_ns(membership) >= membership->look_ns)) {
        look(membership);
        forget_old(membership);
    }
    now = wf_membership_now_ns(membership);
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
        wf_futex_wait(&membership->is_awake, 0, wf_membership_ns_of(ms));
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
        count += wf_membership_has(membership, i);
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
