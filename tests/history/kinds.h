// SPDX-License-Identifier: Apache-2.0
//
// kinds.h - actors and workflows that keep what happened to them, in their own
// order and as durable as they are, for the checkers to read.
//
//   cell     a number and a list: linear.h's operations, by signal or question
//   ledger   the same as a workflow, by updates
//   keeper   writes down each note that it gets, and sends some on
//   loop     the same as a workflow that begins anew again and again
//   clock    sets, clears and replaces timers as it is told
//   sleeper  a workflow that sleeps and gives timers up
//   purse    pays others
//
// Every object has a number, which says what it is. Threads: none of its own.

#ifndef WF_TESTS_HISTORY_KINDS_H
#define WF_TESTS_HISTORY_KINDS_H

#include <stdint.h>

#include "weft/weft.h"

// Numbers of objects begin here.
enum {
    KINDS_CELL = 0,
    KINDS_LEDGER = 100,
    KINDS_KEEPER = 200,
    KINDS_LOOP = 300,
    KINDS_CLOCK = 400,
    KINDS_SLEEPER = 500,
    KINDS_PURSE = 600,
    KINDS_END = 700,
    KINDS_ID_SIZE = 24,
    KINDS_PURSES = 6,
    KINDS_HOPS = 3,
    KINDS_TIMER_NAMES = 4,
    KINDS_PURSE_BEGIN = 1000,
    KINDS_LOG_PAGE = 100, // entries in an answer
};

// Of a cell or ledger: linear.h.
struct kinds_op {
    uint32_t verb;
    uint32_t unused;
    int64_t a;
    int64_t b;
};

// A note. The next hops are sent on, each as an op of its own.
struct kinds_note {
    uint64_t op;
    uint64_t until_ms; // keepers refuse it before: they are parked with it
    uint32_t hops_count;
    uint32_t hops[KINDS_HOPS];
};

// The op that a note has after one more hop.
#define KINDS_HOP ((uint64_t)1 << 40)

// To a clock: set the timer of that name, or clear it.
struct kinds_timer {
    uint64_t op;
    uint64_t after_ms;
    uint32_t name;
    uint32_t is_clear;
};

// To a purse.
struct kinds_pay {
    uint32_t to; // its place among the purses
    uint32_t unused;
    int64_t amount;
};

// What they keep: a history_event of themselves.
struct kinds_entry {
    uint32_t type;   // enum history_type
    uint32_t object; // of SEND: to whom
    uint64_t op;
    uint64_t at;
    int64_t a;
};

// What a purse is.
struct kinds_purse {
    int64_t spent; // what it has is KINDS_PURSE_BEGIN less this
    struct {
        uint64_t sent_count;
        uint64_t got_count;
        int64_t sent;
        int64_t got;
    } others[KINDS_PURSES];
};

// Objects of each two numbers share a partition.
weft_target kinds_target(uint32_t object, char id[KINDS_ID_SIZE]);
weft_err kinds_define(weft_definitions *definitions);

#endif
