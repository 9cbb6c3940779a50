// SPDX-License-Identifier: Apache-2.0
//
// scene_kinds.h - what scenes are played with: cells, flows and activities.

#ifndef WF_TESTS_SHIM_SCENE_KINDS_H
#define WF_TESTS_SHIM_SCENE_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

// The state of a cell.
struct cell {
    uint64_t count; // signals of "add"
    int64_t sum;
    uint64_t order; // of what clients sent: scene_mix over it
    uint64_t ticks;
};

// Opens the files of effects and tokens in dir, once. is_newer: with a second
// version of flows, and of the state of cells. The definitions are the
// caller's.
weft_definitions *scene_kinds_define(const char *dir, bool is_newer);

#endif
