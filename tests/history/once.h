// SPDX-License-Identifier: Apache-2.0
//
// once.h - every message has its effect exactly once, where it was meant.
//
// Reads asks, answers, refusals, losses, sends and effects, which must be all
// that there ever were. What was answered or sent by an actor has one effect;
// what was refused, and not asked again since, has none; what nobody knows of
// has one or none; what was never asked has none.

#ifndef WF_TESTS_HISTORY_ONCE_H
#define WF_TESTS_HISTORY_ONCE_H

#include "history/history.h"

void once_check(const struct history *history, struct history_faults *faults);

#endif
