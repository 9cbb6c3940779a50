// SPDX-License-Identifier: Apache-2.0
//
// exchange.h - what nodes of a cluster without a database ask each other: what
// each knows (storage/ledger_view.h), and the partitions that are to move here
// (storage/ledger.h). Operators ask the same way.
//
// One ROUTER answers; to each node that is known one DEALER asks. Nothing is
// kept of a question but by who asked it: what is not answered is asked again.
// A node asks for the partitions that the balance gives it, a few at a time,
// while their owners still run them; those give one away when who asks is close
// behind. So only the last commits are left to be fetched while nobody runs it.
//
// Without keys (exchange_list.h) whoever reaches the endpoint may ask, and say,
// anything: that is for one machine, or a network of one's own.
//
// Threads: one of its own. The calls here may come from any.

#ifndef WF_CLUSTER_EXCHANGE_H
#define WF_CLUSTER_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "cluster/exchange_list.h"
#include "storage/ledger.h"
#include "storage/snapshots.h"

struct wf_trace;

// A node's. -------------------------------------------------------------------

struct wf_exchange;

struct wf_exchange_options {
    struct wf_ledger *ledger;            // borrowed; has joined
    const struct wf_exchange_list *list; // copied; this node's is bound
    const char *node_id;                 // copied
    struct wf_snapshots files;           // borrowed; ops NULL: none are moved
    bool has_own_files;                  // it removes what is not needed
    const char *dir;                     // copied; for files on their way
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed
    // Something has changed that others said, or that was taken: look.
    void (*changed)(void *ctx);
    void *ctx;
};

// WEFT_EBUSY    the endpoint is in use
// WEFT_EINVAL   this node is not in the list, or that is no address of it
weft_err wf_exchange_create(const struct wf_exchange_options *options,
                            struct wf_exchange **out_exchange);
void wf_exchange_destroy(struct wf_exchange *exchange); // NULL is fine

// Tell the others, soon.
void wf_exchange_nudge(struct wf_exchange *exchange);
// What this node is to have: ask for it. By partition; copied.
void wf_exchange_want(struct wf_exchange *exchange, const bool *are_wanted);
// That node asks for this partition, and has all but little of it.
bool wf_exchange_is_close(struct wf_exchange *exchange, uint32_t partition,
                          const char *node_id);
// All that is known, with who is_live: who answered within the last seconds.
void wf_exchange_view(struct wf_exchange *exchange,
                      struct wf_ledger_view *out_view);
// Has another node answered? WEFT_ELOST: and it knows more of what is this
// node's. WEFT_EBUSY: none has, within so long.
weft_err wf_exchange_await(struct wf_exchange *exchange, uint32_t ms);

// An operator's. Each waits for at most so long. ------------------------------

// What all of the list that answer know together; is_live: they did.
//
// WEFT_EIO       none does
// WEFT_EFORMAT   they are of several clusters
weft_err wf_exchange_look(const struct wf_exchange_list *list, uint32_t ms,
                          struct wf_ledger_view *out_view);
// As wf_ledger_want and wf_ledger_drain, of the node that answers there; of
// the list only the keys.
weft_err wf_exchange_ask_want(const struct wf_exchange_list *list,
                              const char *endpoint, uint32_t partition,
                              const char *node_id, uint32_t ms);
weft_err wf_exchange_ask_drain(const struct wf_exchange_list *list,
                               const char *endpoint, bool is_on, uint32_t ms);

#endif
