// SPDX-License-Identifier: Apache-2.0
//
// inspect_rig.h - a directory that a node left, to be looked into.

#ifndef WF_TESTS_UNIT_INSPECT_RIG_H
#define WF_TESTS_UNIT_INSPECT_RIG_H

#include <stdbool.h>

#include "support/test.h"
#include "weft/inspect.h"
#include "weft/weft.h"

#define INSPECT_RIG_PARTITIONS 8
#define INSPECT_RIG_WEEK_MS (7ULL * 24 * 3600 * 1000)

weft_definitions *inspect_rig_define(void);
const char *inspect_rig_dir(struct test *t);
weft_node_options inspect_rig_options(struct test *t,
                                      const weft_definitions *definitions);

// Leave a directory in which sleeper/a and sleeper/b sleep for a week, echo/c
// has finished and keeper/d has a state of 5,000 bytes. Its process does not
// close the node, so all of that is in the log; with is_in_rows it is opened
// and closed once more.
void inspect_rig_make(struct test *t, bool is_in_rows);
weft_inspect *inspect_rig_open(struct test *t);

// One line for each actor, into a struct wf_buf; and what they must be.
int inspect_rig_add_line(void *lines, const weft_inspect_actor *actor);
extern const char inspect_rig_lines[];

#endif
