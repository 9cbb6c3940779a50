// SPDX-License-Identifier: Apache-2.0
//
// repeat.h - a run that fails says how to repeat it.
//
// However the process ends, by a check, a signal or a sanitizer, the last lines
// that it prints are the commands that repeat the run and that shrink it.

#ifndef WF_TESTS_SIM_REPEAT_H
#define WF_TESTS_SIM_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/choice.h"

// From now on this is the run: `how` is SIM_SEED=1, or SIM_BYTES=a file. The
// choice is borrowed until the next one begins.
void repeat_watch(const char *how, const struct choices *choice);
// Keep what a run that fails has used in this file, too; NULL: do not. Borrowed
// for good. So does SIM_KEEP in the environment.
void repeat_keep(const char *path);
// Say it now. Once: not again when the process ends.
void repeat_say(void);

#endif
