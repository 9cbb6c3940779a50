// SPDX-License-Identifier: Apache-2.0
//
// family.h - a workflow that does what its input says, for parents of it.
//
//     fail       fails with "Broken"
//     quick      returns at once
//     second     fails once, and returns its memo "note" when tried again
//     again      begins again, as quick
//     parked     is parked
//     slow       sleeps; returns "late" a second after it was cancelled
//     else       sleeps until it is cancelled

#ifndef WF_TESTS_STORY_FAMILY_H
#define WF_TESTS_STORY_FAMILY_H

#include "story/story.h"

weft_workflow_fn family_child;

// Definitions of it, as "child", and of a parent, unless that is NULL.
weft_definitions *family_definitions(const char *parent, weft_workflow_fn *run);

// What a parent is told: "CLOSE CANCELLATION ID INPUT WHAT": start the child
// and do one thing.
struct family_plan {
    weft_child_options options;
    char id[50];
    char input[20];
    char what[20];
};
struct family_plan family_plan_of(weft_bytes input);

// A parent's last line: return how its child ended, "WEFT_OK result" or
// "WEFT_EFAILED ".
weft_err family_end(weft_workflow *wf, weft_err err, weft_bytes result);

#endif
