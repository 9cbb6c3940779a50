// SPDX-License-Identifier: Apache-2.0
//
// supervisor.h - opens stores anew after a write whose outcome is not known;
// in a cluster, takes partitions and gives them away. post.h has the protocol.
//
// A node that is alone has one. A node of a cluster has several, each with its
// own stores, so that what one waits for - the database, a log that is long -
// keeps only its own waiting.
//
// Threads: each its own; is_running any.

#ifndef WF_RUNTIME_SUPERVISOR_H
#define WF_RUNTIME_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/node.h"

struct wf_mpsc;
struct wf_supervisor;

// Of a cluster's node; as many as may be opened at a time.
#define WF_SUPERVISORS_SHARED 4

// Of the stores that are `index` modulo `count`.
struct wf_supervisor *wf_supervisor_create(weft_node *node, uint32_t index,
                                           uint32_t count);
void wf_supervisor_destroy(struct wf_supervisor *supervisor); // NULL is fine
struct wf_mpsc *wf_supervisor_inbox(struct wf_supervisor *supervisor);

// Is the store there for everybody? While its open_lock is held for reading, it
// stays open.
bool wf_supervisor_is_running(const struct wf_supervisor *supervisor,
                              uint32_t store);
// Do what was posted, and open one store that is to be opened; blocks for that.
// Returns as wf_shard_step.
uint64_t wf_supervisor_step(struct wf_supervisor *supervisor);
bool wf_supervisor_is_stopped(const struct wf_supervisor *supervisor);

#endif
