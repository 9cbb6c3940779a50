// SPDX-License-Identifier: Apache-2.0
//
// shrink.h - from a run that fails to a short one that fails in the same way.
//
// The bytes of its choices (choice.h) are cut and zeroed, chunk by chunk, ever
// smaller, as long as the run still fails so. Each try is a process of its own.
// Two failures are the same if their first lines are, but for numbers.

#ifndef WF_TESTS_SIM_SHRINK_H
#define WF_TESTS_SIM_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/choice.h"

// It ends the process if it fails, and says why first. It watches its choices
// (repeat.h).
typedef void shrink_run_fn(void *ctx, struct choices *choices);

struct shrunk {
    struct wf_buf work; // the two parts
    struct wf_buf world;
    char failure[300]; // the first line it says
    size_t first_len;  // of the bytes it began with
    uint32_t tries;
};

// For at most so many seconds. False: it does not fail. `choices` say where to
// begin and are not used up.
bool shrink(const struct choices *choices, shrink_run_fn *run, void *ctx,
            uint32_t seconds, struct shrunk *out_shrunk);
void shrink_fini(struct shrunk *shrunk);
// To a file of choices, and from one. False: errno says why.
bool shrink_save(const struct shrunk *shrunk, const char *path);
bool shrink_read(const char *path, struct wf_buf *out);

#endif
