// SPDX-License-Identifier: Apache-2.0
//
// fifo.h - what one sender sends to one receiver takes effect in that order.
//
// Of actors always. Of clients what was refused or asked again has lost its
// place; it still comes after what it was asked after, and before what was
// asked after its answer.

#ifndef WF_TESTS_HISTORY_FIFO_H
#define WF_TESTS_HISTORY_FIFO_H

#include "history/history.h"

void fifo_check(const struct history *history, struct history_faults *faults);

#endif
