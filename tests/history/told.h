// SPDX-License-Identifier: Apache-2.0
//
// told.h - short histories of messages, told in a line: "a1 +1 e1".
//
// A letter is an event ("a?+-lse", in the order of enum history_type), upper
// case of object 2; the digit is the op. Ops up to 4 are of one sender, others
// of another.

#ifndef WF_TESTS_HISTORY_TOLD_H
#define WF_TESTS_HISTORY_TOLD_H

#include <stddef.h>

#include "history/history.h"

typedef void told_check_fn(const struct history *history,
                           struct history_faults *faults);

// How many faults the checker finds in it.
size_t told_faults(const char *text, told_check_fn *check);

#endif
