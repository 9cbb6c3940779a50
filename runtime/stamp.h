// SPDX-License-Identifier: Apache-2.0
//
// stamp.h - which run of which life: what letters about calls and tokens of
// attempts say, so that nothing of one is taken for that of another.

#ifndef WF_RUNTIME_STAMP_H
#define WF_RUNTIME_STAMP_H

#include <stdint.h>

#include "runtime/actor.h"

// With the type, in a record: letters about it have the stamp of its run, not
// its number as they once had.
#define WF_CALL_STAMPED 0x40U

// A run, among those of all lives of its id: its number alone comes again when
// one was deleted and nothing tells of it any more.
static inline uint64_t
wf_run_stamp(uint64_t seed, uint64_t run)
{
    return seed ^ run;
}

static inline uint64_t
wf_actor_stamp(const struct wf_actor *actor)
{
    return wf_run_stamp(actor->seed, actor->run);
}

// Where the random numbers of a workflow's run begin; no other run of that life
// begins there. All bits of the run count: a loop may restart for years.
static inline uint64_t
wf_run_chance(uint64_t seed, uint64_t run)
{
    return seed ^ (run << 48 | run >> 16);
}

#endif
