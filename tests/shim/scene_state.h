// SPDX-License-Identifier: Apache-2.0
//
// scene_state.h - what there is on a stage when its scene has ended.

#ifndef WF_TESTS_SHIM_SCENE_STATE_H
#define WF_TESTS_SHIM_SCENE_STATE_H

#include "shim/scene.h"
#include "shim/stage.h"

// Wait until what is under way has come (or for three seconds), and write it
// to ROOT/state:
//
//   cell NAME count sum order ticks
//   flow NAME status text
//   backup STATEMENT err
//   stats audit_failures parked dead_letters
void scene_state_write(struct stage *stage,
                       const struct scene_program *program);

#endif
