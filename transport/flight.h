// SPDX-License-Identifier: Apache-2.0
//
// flight.h - how much was given to ZeroMQ for one peer and is not yet in the
// kernel: the only way to know how slow a reader is, and what it costs.
//
// Threads: owned and asked on one; ZeroMQ's thread counts down.

#ifndef WF_TRANSPORT_FLIGHT_H
#define WF_TRANSPORT_FLIGHT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct wf_flight {
    _Atomic uint64_t bytes;
    _Atomic uint64_t messages;
    _Atomic uint32_t users; // its owner, and messages under way
    struct wf_flight *all;  // that it is counted in as well; may be NULL
};

// all: outlives it by being held by it.
struct wf_flight *wf_flight_create(struct wf_flight *all);
// What is under way still counts; NULL is fine.
void wf_flight_release(struct wf_flight *flight);

void wf_flight_begin(struct wf_flight *flight, size_t bytes);
void wf_flight_end(struct wf_flight *flight, size_t bytes); // and releases

#endif
