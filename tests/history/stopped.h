// SPDX-License-Identifier: Apache-2.0
//
// stopped.h - what lies in the directory of a node that was killed, given to
// the checkers.

#ifndef WF_TESTS_HISTORY_STOPPED_H
#define WF_TESTS_HISTORY_STOPPED_H

#include <stddef.h>

#include "history/history.h"

struct stopped_counts {
    uint64_t looks;
    uint64_t actors;
    uint64_t segments;
};

// Every live actor will be woken, no money is gone, and each epoch has one
// owner. is_young: nothing was acknowledged yet, and there may be no store.
void stopped_check(const char *data_dir, bool is_young,
                   struct stopped_counts *counts,
                   struct history_faults *faults);

#endif
