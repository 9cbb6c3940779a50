// SPDX-License-Identifier: Apache-2.0
//
// shrink.h - leave statements out of a program that fails, while it does.

#ifndef WF_TESTS_PROGRAM_SHRINK_H
#define WF_TESTS_PROGRAM_SHRINK_H

#include "program/program.h"

typedef bool shrink_fails_fn(void *ctx, const struct program_source *source);

// *source fails. It is tried so many times at most; returns how many.
uint32_t shrink_program(struct program_source *source, shrink_fails_fn *fails,
                        void *ctx, uint32_t tries);

#endif
