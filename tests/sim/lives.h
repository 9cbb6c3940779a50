// SPDX-License-Identifier: Apache-2.0
//
// lives.h - instances that look at whose answers they get.
//
// A few ids are used again and again: each start begins a life of its own,
// whose number is the start's input. Whatever a life asks has that number in
// it, and the answer follows from the question alone. So a life that gets what
// another one asked for, before it or beside it, sees that, and ends the run.
//
//   life    workflow: activities, also ones completed by token, children under
//           an id that all lives of its id share, timers, signals, updates,
//           restarts, failures
//   late    the same, for which signals wait until it begins
//   asker   actor: asks `oracle`, which answers later and in another order
//   book    actor: counts what signals were received

#ifndef WF_TESTS_SIM_LIVES_H
#define WF_TESTS_SIM_LIVES_H

#include <stdint.h>

#include "weft/definitions.h"

struct tokens;

enum { LIVES_SIGNALS_MAX = 2000 };

// What an update answers.
struct lives_answer {
    uint64_t life; // that took it
    uint64_t value;
};

// The state of the book.
struct lives_book {
    uint8_t times[LIVES_SIGNALS_MAX];
};

uint64_t lives_answer(uint64_t question);
uint64_t lives_update(uint64_t life, uint64_t value);

// Tokens of activities that are to be completed go to `tokens`, borrowed for as
// long as the definitions.
weft_err lives_define(weft_definitions *definitions, struct tokens *tokens);

#endif
