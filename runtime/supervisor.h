// SPDX-License-Identifier: Apache-2.0
//
// supervisor.h - opens stores anew after a write whose outcome is not known;
// in a cluster, takes partitions and gives them away. post.h has the protocol.
//
// Threads: housekeeping's.

#ifndef WF_RUNTIME_SUPERVISOR_H
#define WF_RUNTIME_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/node.h"

struct wf_post;
struct wf_supervisor;

struct wf_supervisor *wf_supervisor_create(weft_node *node);
void wf_supervisor_destroy(struct wf_supervisor *supervisor); // NULL is fine

// The store must be opened anew; nothing if that has begun.
void wf_supervisor_begin(struct wf_supervisor *supervisor, uint32_t store);
// IN_DOUBT, FENCED, TAKE or GIVE; borrowed.
void wf_supervisor_handle(struct wf_supervisor *supervisor,
                          const struct wf_post *post);
// Is the store there for everybody? Else only the supervisor may use it.
bool wf_supervisor_is_running(const struct wf_supervisor *supervisor,
                              uint32_t store);
// Try to open what is to be opened. Returns as wf_shard_step.
uint64_t wf_supervisor_step(struct wf_supervisor *supervisor);

#endif
