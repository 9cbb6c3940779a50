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

// Asks "act" for "a", "bad" and "c" all at once, beside a timer; ends with the
// first that fails.
weft_workflow_fn flow_fan_run;
// A branch that sleeps a second, and a moment more with a shield up, whatever
// came of the first.
weft_branch_fn flow_sleeper;

#endif
