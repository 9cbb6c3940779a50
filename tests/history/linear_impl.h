// SPDX-License-Identifier: Apache-2.0
//
// linear_impl.h - the operations of one object, for the two that check them.

#ifndef WF_TESTS_HISTORY_LINEAR_IMPL_H
#define WF_TESTS_HISTORY_LINEAR_IMPL_H

#include "history/linear.h"

struct linear_op {
    uint64_t op;
    enum linear_verb verb;
    int64_t a;
    int64_t b;
    int64_t gave;
    size_t begin; // index of its event in the history
    size_t end;   // SIZE_MAX: unknown
    bool is_known;
    bool is_refused;
};

// Returns how many; those that never happened are left out. Freed by the
// caller.
size_t linear_ops(const struct history *history, uint32_t object,
                  struct linear_op **out_ops);
// Can it be next, from this state? Then the state is the one after it.
bool linear_fits(const struct linear_op *op, struct linear_state *state);

#endif
