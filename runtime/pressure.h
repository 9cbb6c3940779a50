// SPDX-License-Identifier: Apache-2.0
//
// pressure.h - does weft hold more memory than it should?
//
// While it does, new work is refused, what changed is saved without waiting
// for the window, and actors at rest are let go. It ends an eighth below, so
// that it does not flap.
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

#endif
