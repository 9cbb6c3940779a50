// SPDX-License-Identifier: Apache-2.0
//
// membership_impl.h - what the files of membership share; nobody else's.
//
//   membership.c         life, the map, steps, and calls from other threads
//   membership_lease.c   the lease: until when what is here may run
//   membership_share.c   this node's share: what it takes, gives and prepares

#ifndef WF_CLUSTER_MEMBERSHIP_IMPL_H
#define WF_CLUSTER_MEMBERSHIP_IMPL_H

#include <stdatomic.h>

#include "base/trace.h"
#include "cluster/membership.h"

#define WF_MEMBERSHIP_NOTHING (-1) // instead of a partition

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

static inline uint64_t
wf_membership_now_ns(const struct wf_membership *membership)
{
    const struct wf_clock *clock = &membership->options.clock;

    return clock->mono_ns(clock->self);
}

static inline uint64_t
wf_membership_ns_of(uint64_t ms)
{
    return ms * 1000000U;
}

// The time when so many are over.
static inline uint64_t
wf_membership_in_ns(const struct wf_membership *membership, uint64_t ms)
{
    return wf_membership_now_ns(membership) + wf_membership_ns_of(ms);
}

// Does it run here?
static inline bool
wf_membership_has(const struct wf_membership *membership, uint32_t partition)
{
    return atomic_load(&membership->epochs[partition]) != 0;
}

// membership.c
void wf_membership_note(const struct wf_membership *membership,
                        enum wf_trace_level level, const char *verb,
                        const char *text);
// Said once in a while, however often it happens.
void wf_membership_complain(struct wf_membership *membership, const char *verb,
                            const char *text);

// membership_lease.c
// It was asked for at sent_ns, and is granted.
void wf_membership_set_lease(struct wf_membership *membership,
                             uint64_t sent_ns);
// Give everything away if it is over.
void wf_membership_look_at_lease(struct wf_membership *membership);
void wf_membership_renew(struct wf_membership *membership);

// membership_share.c
void wf_membership_give_all(struct wf_membership *membership);
// What has been prepared, to the others.
void wf_membership_be_ready(struct wf_membership *membership);
// Take, give and prepare by the newest map.
void wf_membership_decide(struct wf_membership *membership);

#endif
