// SPDX-License-Identifier: Apache-2.0
//
// timers.h - every timer fires once, not early, and in quiet times not late.
//
// Reads what objects say of their timers. One that is set and not cleared fires
// once, at its due time or later. While nothing disturbs it fires at most
// bound_ms late, and what came due before that, at most bound_ms after the
// quiet began. end_ms is when the driver has stopped looking.

#ifndef WF_TESTS_HISTORY_TIMERS_H
#define WF_TESTS_HISTORY_TIMERS_H

#include "history/history.h"

void timers_check(const struct history *history, uint64_t bound_ms,
                  uint64_t end_ms, struct history_faults *faults);

#endif
