// SPDX-License-Identifier: Apache-2.0
//
// play.h - programs (tests/program) in the simulator: their roots begin, their
// client signals and updates them, completes what they defer, and some are
// cancelled early or late; in the end all came to what they must.

#ifndef WF_TESTS_SIM_PLAY_H
#define WF_TESTS_SIM_PLAY_H

#include <stdbool.h>

#include "sim/choice.h"
#include "sim/copies.h"
#include "sim/world.h"
#include "weft/definitions.h"

struct play;

struct play *play_create(void);
void play_destroy(struct play *play);
// Borrowed until the definitions are destroyed.
weft_err play_define(struct play *play, weft_definitions *definitions);

// Some of them go on twice from now on; borrowed.
void play_copy(struct play *play, struct copies *copies);

// One more begins. One that is to be stopped is cancelled at some time.
void play_begin(struct play *play, struct world *world, struct choice *choice,
                bool is_stopped);
// The id of the one that began so late.
const char *play_root(const struct play *play, size_t index);
// Was its start refused for a while? Others may have overtaken it.
bool play_was_refused(const struct play *play, size_t index);
// Let so much time pass, and do meanwhile what the programs want of a client.
void play_run_ms(struct play *play, struct world *world, struct choice *choice,
                 uint64_t ms);
// Nothing goes wrong any more, and who was held up goes on.
void play_calm(struct play *play, struct world *world);
// All must have ended. Ends the process, and says why, if
// one did not come to what it must.
void play_check(struct play *play, struct world *world);

#endif
