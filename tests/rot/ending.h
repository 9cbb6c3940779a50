// SPDX-License-Identifier: Apache-2.0
//
// ending.h - open a directory as a program would, read every instance, let all
// work end, and look at what came of it.

#ifndef WF_TESTS_ROT_ENDING_H
#define WF_TESTS_ROT_ENDING_H

#include "base/bytes.h"
#include "rot/source.h"

struct ending {
    struct world world; // what it said
    weft_err open_err;
    char detail[1200];  // of open_err, or of the first call that failed
    weft_err first_err; // of those
    uint32_t failed;    // calls
    uint32_t timeouts;  // of those, without an answer
    weft_err look_err;  // of looking at it when all had ended
    struct wf_buf outcome;
};

// After so many lives. all: what the directory held undamaged, for whom there
// is to read.
void ending_run(const struct source *source, const char *dir, uint32_t lives,
                const char *all, struct ending *out);

#endif
