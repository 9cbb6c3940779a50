// SPDX-License-Identifier: Apache-2.0
//
// kinds_impl.h - what the kinds that are actors and those that are workflows
// share.

#ifndef WF_TESTS_HISTORY_KINDS_IMPL_H
#define WF_TESTS_HISTORY_KINDS_IMPL_H

#include <stdbool.h>

#include "history/kinds.h"
#include "history/linear.h"

struct kinds_cell {
    int64_t number;
    uint64_t length;
    uint64_t hash;
};

// Do it, and say what it gives.
int64_t kinds_do(struct kinds_cell *cell, const struct kinds_op *op);
// To whom a note goes next; it is then what is sent. False: nowhere.
bool kinds_next_hop(struct kinds_note *note, uint32_t *out_to);
weft_err kinds_define_flows(weft_definitions *definitions);

#endif
