// SPDX-License-Identifier: Apache-2.0
//
// scene_check.h - is what there is what was asked, once each?

#ifndef WF_TESTS_SHIM_SCENE_CHECK_H
#define WF_TESTS_SHIM_SCENE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/scene.h"

// Of a scene that has come to its end in root: its ledger, its effects and its
// state. Prints each fault, unless it is quiet; returns how many.
uint32_t scene_check(const char *root, const struct scene *scene,
                     bool is_quiet);

#endif
