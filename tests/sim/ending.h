// SPDX-License-Identifier: Apache-2.0
//
// ending.h - what came of a program in the simulator, and what is said if it
// is not what must.

#ifndef WF_TESTS_SIM_ENDING_H
#define WF_TESTS_SIM_ENDING_H

#include "program/expect.h"
#include "sim/world.h"

// How it ended, as expect.h says it: of the answer to WEFT_VERB_RESULT.
void ending_say(const struct world_call *call, char out[EXPECT_TEXT_SIZE]);
// What it published, and its attribute.
void ending_check_shown(const char *id, const struct program *program,
                        const struct expect *expect, struct world *world);

void ending_print(const char *id, const struct program *program);
// Say it, with the program, and end the process.
_Noreturn void ending_fail(const char *id, const struct program *program,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
