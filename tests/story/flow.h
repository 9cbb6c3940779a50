// SPDX-License-Identifier: Apache-2.0
//
// flow.h - one workflow, "flow", and what it may need: an activity "act" and
// puppets (puppet.h).

#ifndef WF_TESTS_STORY_FLOW_H
#define WF_TESTS_STORY_FLOW_H

#include "story/puppet.h"

// "fail NAME" fails for good, as "Broken" without a name; "sleep MS" takes
// time; all else comes back.
weft_activity_fn flow_act;

weft_definitions *flow_with(weft_workflow_fn *run);

#endif
