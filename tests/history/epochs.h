// SPDX-License-Identifier: Apache-2.0
//
// epochs.h - a partition has one owner in each epoch.
//
// Reads what a partition's log holds, in its order: epochs never go back, none
// is of two owners, none of an owner's is another owner's before, and records
// are numbered without gaps and none twice.

#ifndef WF_TESTS_HISTORY_EPOCHS_H
#define WF_TESTS_HISTORY_EPOCHS_H

#include "history/history.h"

struct epochs_segment {
    uint32_t partition;
    uint64_t epoch;
    uint64_t owner; // one life of one process; 0: not known
    uint64_t first; // number of its first record
    uint64_t count;
};

// segments are in the order of their log; only that of one partition counts.
// has_gaps: some are missing, what was trimmed before somebody looked.
void epochs_check(const struct epochs_segment *segments, size_t count,
                  bool has_gaps, struct history_faults *faults);

#endif
