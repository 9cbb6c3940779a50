// SPDX-License-Identifier: Apache-2.0
//
// flight.c - see flight.h.

#include "transport/flight.h"

#include "base/alloc.h"
#include "base/assert.h"

struct wf_flight *
wf_flight_create(struct wf_flight *all)
{
    struct wf_flight *flight = wf_calloc(sizeof(*flight));

    atomic_init(&flight->users, 1);
    flight->all = all;
    if (all != NULL) {
        atomic_fetch_add(&all->users, 1);
    }
    return flight;
}

void
wf_flight_release(struct wf_flight *flight)
{
    while (flight != NULL && atomic_fetch_sub(&flight->users, 1) == 1) {
        struct wf_flight *all = flight->all;

        wf_free(flight);
        flight = all;
    }
}

void
wf_flight_begin(struct wf_flight *flight, size_t bytes)
{
    atomic_fetch_add(&flight->users, 1);
    for (; flight != NULL; flight = flight->all) {
        atomic_fetch_add(&flight->bytes, bytes);
        atomic_fetch_add(&flight->messages, 1);
    }
}

void
wf_flight_end(struct wf_flight *flight, size_t bytes)
{
    for (struct wf_flight *each = flight; each != NULL; each = each->all) {
        WF_ASSERT(atomic_load(&each->bytes) >= bytes);
        atomic_fetch_sub(&each->bytes, bytes);
        atomic_fetch_sub(&each->messages, 1);
    }
    wf_flight_release(flight);
}
