// SPDX-License-Identifier: Apache-2.0
//
// shown.h - runs (run.h) that somebody asks for in the environment:
//
//   SIM_SEED=N          that of this seed
//   SIM_BYTES=FILE      that of these choices
//   SIM_SHRINK=SECONDS  with one of them: shrink it, if it fails, to
//                       sim-shrunk.bytes, and show its trace

#ifndef WF_TESTS_SIM_SHOWN_H
#define WF_TESTS_SIM_SHOWN_H

#include <stdbool.h>
#include <stdint.h>

// False: none is asked for.
bool shown_run(void);
// A number of the environment.
uint64_t shown_number(const char *name, uint64_t otherwise);

#endif
