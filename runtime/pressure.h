// SPDX-License-Identifier: Apache-2.0
//
// pressure.h - does weft hold more memory than it should?
//
// From three quarters on, what changed is saved without waiting for the window,
// and actors at rest are let go; above all of it new work is refused too. Each
// ends an eighth below, so that it does not flap. What can be let go must not
// be a reason to refuse.
//
// Threads: any.

#ifndef WF_RUNTIME_PRESSURE_H
#define WF_RUNTIME_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

static inline bool
wf_pressure_is_high(uint64_t memory_bytes, bool was_high)
{
    return wf_alloc_bytes() >
           (was_high ? memory_bytes - memory_bytes / 8 : memory_bytes);
}

// When it begins to let go.
static inline bool
wf_pressure_is_shedding(uint64_t memory_bytes, bool was_shedding)
{
    return wf_pressure_is_high(memory_bytes - memory_bytes / 4, was_shedding);
}

#endif
