// SPDX-License-Identifier: Apache-2.0
//
// intake.h - requests that a shard has not looked at yet, by client.
//
// One client's requests keep their order. Between clients there is none, and
// one that asks for little does not wait behind one that asks for much: whoever
// has had WF_INTAKE_SHARE requests taken in this period, or in the one before,
// is heavy. Clients are told apart by a hash of their id, so a few may share a
// fate.

#ifndef WF_RUNTIME_INTAKE_H
#define WF_RUNTIME_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct wf_request;

#define WF_INTAKE_QUEUES 256 // a power of two
#define WF_INTAKE_SHARE 64
#define WF_INTAKE_PERIOD_MS 5

struct wf_intake_queue {
    struct wf_list requests;   // through wait
    struct wf_list_node place; // among the light or the heavy ones
    uint64_t period;           // that `taken` is of
    uint32_t taken;
    uint32_t taken_before; // in the period before it
};

struct wf_intake {
    struct wf_intake_queue queues[WF_INTAKE_QUEUES];
    struct wf_list light; // queues with requests
    struct wf_list heavy;
    size_t count;    // of requests
    uint64_t period; // that it is now
};

void wf_intake_init(struct wf_intake *intake);

// What time it is; never goes back.
void wf_intake_tick(struct wf_intake *intake, uint64_t now_ms);

// Takes it.
void wf_intake_put(struct wf_intake *intake, struct wf_request *request);

// The next of the light clients, each in turn; of the heavy ones; NULL: none.
struct wf_request *wf_intake_take_light(struct wf_intake *intake);
struct wf_request *wf_intake_take_heavy(struct wf_intake *intake);

#endif
