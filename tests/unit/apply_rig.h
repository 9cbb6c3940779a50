// SPDX-License-Identifier: Apache-2.0
//
// apply_rig.h - operations on an actor, as tests put them together.

#ifndef WF_TESTS_APPLY_RIG_H
#define WF_TESTS_APPLY_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "runtime/letter.h"
#include "runtime/record.h"
#include "weft/definitions.h"

// A partition with one actor, which is live.
struct rig {
    weft_definitions *definitions;
    struct wf_partition *partition;
    struct wf_actor *actor;
    struct wf_buf ops; // to be applied
    uint64_t record;
};

struct rig rig_begin(void);
void rig_end(struct rig *rig);
void rig_put_op(struct rig *rig, enum wf_op op);
void rig_put_number(struct rig *rig, uint64_t number);
void rig_put_text(struct rig *rig, const char *text);
void rig_put_letter(struct rig *rig, enum wf_letter_type type);
// All of an operation: a child of that key is called.
void rig_put_call(struct rig *rig, uint64_t id, const char *target, size_t len);
// Apply what was put into ops, and empty it. False: it does not apply.
bool rig_apply(struct rig *rig);
// A signal comes.
void rig_push(struct rig *rig);

#endif
