// SPDX-License-Identifier: Apache-2.0
//
// crew.h - the workers of a world's task queues, by hand (weft/worker.h, "The
// protocol"): they poll, lease, renew, give back, die, come back and say late
// what nobody wants to hear any more. What becomes of a call is drawn with its
// program (program.h, enum program_queue).

#ifndef WF_TESTS_SIM_CREW_H
#define WF_TESTS_SIM_CREW_H

#include "program/run.h"
#include "sim/world.h"

struct crew;

// Both are borrowed. An attempt that somebody began is told to hooks->called,
// one that is left to others to hooks->deferred.
struct crew *crew_create(const struct run_hooks *hooks);
void crew_destroy(struct crew *crew);
// Nobody dies or dawdles any more.
void crew_calm(struct crew *crew);
// Do what is to be done now.
void crew_tend(struct crew *crew, struct world *world);

#endif
