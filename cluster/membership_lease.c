// SPDX-License-Identifier: Apache-2.0
//
// membership_lease.c - a node's lease: until when what is here may run.
//
// A lease of lease_ms is renewed each third of it. It counts from when the
// renewal was sent, on this node's clock, and a fifth less than the database
// counts, so that this node stops before another may begin. A node that could
// not renew in time gives everything away: to acquire it again costs little,
// and is right whatever happened meanwhile.
//
// A renewal that fails is tried again soon, a twentieth of the lease later. One
// that is refused, because another process has this node's id, is not.

#include "base/error.h"
#include "cluster/membership_impl.h"

void
wf_membership_set_lease(struct wf_membership *membership, uint64_t sent_ns)
{
    uint32_t lease_ms = membership->options.lease_ms;

    membership->lease_ns =
        sent_ns + wf_membership_ns_of(lease_ms - lease_ms / 5);
    membership->renew_ns = sent_ns + wf_membership_ns_of(lease_ms / 3);
    membership->is_over = false;
    membership->options.lease(membership->options.ctx, membership->lease_ns);
}

void
wf_membership_look_at_lease(struct wf_membership *membership)
{
    if (!membership->is_over &&
        wf_membership_now_ns(membership) >= membership->lease_ns) {
        membership->is_over = true;
        wf_membership_note(
            membership, WF_TRACE_WARNING, "lease",
            "it is over and could not be renewed: all partitions are given "
            "away");
        wf_membership_give_all(membership);
    }
}

static void
be_replaced(struct wf_membership *membership)
{
    atomic_store(&membership->is_replaced, true);
    wf_membership_note(
        membership, WF_TRACE_WARNING, "replaced",
        "another process has registered under this node's id: this one has "
        "no part in the cluster any more");
    wf_membership_give_all(membership);
    membership->options.replaced(membership->options.ctx);
    wf_membership_stop(membership);
}

void
wf_membership_renew(struct wf_membership *membership)
{
    const struct wf_registry *registry = &membership->options.registry;
    uint64_t sent_ns = wf_membership_now_ns(membership);
    weft_err err = registry->ops->renew(registry->self,
                                        atomic_load(&membership->is_draining));

    if (err == WEFT_OK) {
        wf_membership_set_lease(membership, sent_ns);
    } else if (err == WEFT_ECLOSED) {
        be_replaced(membership);
    } else {
        wf_membership_complain(membership, "renew", weft_err_detail());
        membership->renew_ns = wf_membership_in_ns(
            membership, membership->options.lease_ms / 20 + 1);
    }
}
