// SPDX-License-Identifier: Apache-2.0
//
// housekeeping.h - what must be done now and then: beacons, trimming the logs,
// watching the disk and the turns; and stores in doubt (supervisor.h).

#ifndef WF_RUNTIME_HOUSEKEEPING_H
#define WF_RUNTIME_HOUSEKEEPING_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/node.h"

struct wf_housekeeping;
struct wf_mpsc;

struct wf_housekeeping *wf_housekeeping_create(weft_node *node);
void wf_housekeeping_destroy(struct wf_housekeeping *keeping); // NULL is fine

struct wf_mpsc *wf_housekeeping_inbox(struct wf_housekeeping *keeping);

// A round each WF_BEACON_MS. Blocks while it writes. Returns as wf_shard_step.
uint64_t wf_housekeeping_step(struct wf_housekeeping *keeping);
bool wf_housekeeping_is_stopped(const struct wf_housekeeping *keeping);

#endif
