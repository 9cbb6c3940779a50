// SPDX-License-Identifier: Apache-2.0
//
// resets.h - what the stories about resets share: code that fails until it is
// mended, and an operator, whose instances are all called "i".

#ifndef WF_TESTS_STORY_RESETS_H
#define WF_TESTS_STORY_RESETS_H

#include "story/story.h"
#include "weft/operate.h"

extern const weft_operator reset_ada;

extern bool reset_is_mended; // what fails does so no more

// Returns its input, and notes it; fails for good if that begins with "bad".
weft_err reset_act(weft_activity *activity, weft_bytes input);
// The same, failing at "bad"; at "wait" it returns the next signal "word".
weft_err reset_echo_run(weft_workflow *wf, weft_bytes input);

struct world_call *reset_submit(weft_verb verb, const char *kind,
                                const weft_point *point);
struct world_call *reset_to(const char *kind, uint64_t entry);
struct world_call *reset_to_type(const char *kind, weft_point_type type);
// Mend the code, and try what has failed again.
void reset_retry(const char *kind);

#endif
