// SPDX-License-Identifier: Apache-2.0
//
// shrink.c - leave statements out of a program that fails, while it does.

#include "program/shrink.h"

// A block with all that is in it, then smaller things: from the front, since
// what comes first holds the others.
uint32_t
shrink_program(struct program_source *source, shrink_fails_fn *fails, void *ctx,
               uint32_t tries)
{
    struct program program;
    bool has_shrunk = true;
    uint32_t tried = 0;

    program_make(source, &program);
    while (has_shrunk && tried < tries) {
        has_shrunk = false;
        for (uint32_t i = 1; i <= program.count && tried < tries; i++) {
            struct program_source less = *source;

            if ((source->dropped[i / 8] >> (i % 8) & 1) != 0) {
                continue;
            }
            program_drop(&less, i);
            tried++;
            if (fails(ctx, &less)) {
                *source = less;
                has_shrunk = true;
            }
        }
    }
    return tried;
}
