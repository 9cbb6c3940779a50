// SPDX-License-Identifier: Apache-2.0
//
// look.h - all that a stopped directory holds, as text: a line for each
// instance, for each dead letter, and one for the whole.

#ifndef WF_TESTS_ROT_LOOK_H
#define WF_TESTS_ROT_LOOK_H

#include <stdint.h>

#include "base/bytes.h"
#include "weft/weft.h"

enum look_how {
    LOOK_ALL,    // with every time, journal entry, message and timer
    LOOK_OUTCOME // what is left when all work has ended: no times
};

// Appends to out. Lines are in order, so equal texts are equal directories.
weft_err look_at(const char *dir, enum look_how how, struct wf_buf *out);

// Calls back for "kind", "id" of each instance in a text of LOOK_ALL.
typedef void look_target_fn(void *ctx, weft_target target);
void look_each_target(const char *text, look_target_fn *fn, void *ctx);

// The first line in which two texts differ, from each, cut to `size`.
void look_differ(const char *before, const char *after, char *out, size_t size);

#endif
