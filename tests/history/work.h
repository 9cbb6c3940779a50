// SPDX-License-Identifier: Apache-2.0
//
// work.h - clients that ask the objects of kinds.h at random, and write down
// what they asked and what they were told; and what the checkers say of it.
//
// It knows requests and replies, not who carries them: a driver does, the
// simulator or a real node in another process. The driver calls work_step, and
// work_answered for each call that it was given.

#ifndef WF_TESTS_HISTORY_WORK_H
#define WF_TESTS_HISTORY_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "history/history.h"
#include "history/kinds.h"

struct work;

// One request that is under way. The driver's until it is answered.
struct work_call {
    struct work *work;
    struct work_call *next; // all that are under way
    void *driver;           // the driver's own
    uint64_t op;            // 0: nothing that is checked by its op
    uint64_t number;
    uint32_t who;
    uint32_t object;
    uint32_t verb; // linear_verb, of cells and ledgers
    int64_t a;
    int64_t b;
    int type; // work_impl.h
    struct kinds_note note;
    bool is_lost;     // nobody waits for it
    bool is_again;    // it was lost or refused before
    bool is_answered; // of calls that are waited for
    weft_err err;
    weft_bytes data; // owned
};

// Who carries requests.
struct work_driver {
    // number 0: a new one; returns it. Answers may come before it returns.
    uint64_t (*submit)(void *ctx, const weft_request *request,
                       struct work_call *call);
    void (*turn)(void *ctx);       // let something happen
    uint64_t (*now_ms)(void *ctx); // as the objects see it
    void *ctx;
};

struct work_options {
    uint64_t seed;
    struct work_driver driver;
    uint32_t ops;    // on each cell and ledger
    uint32_t notes;  // to keepers and loops
    uint32_t timers; // to clocks
    uint32_t pays;
    uint32_t burst;     // notes to one keeper that is paused meanwhile; 0: none
    uint32_t lose;      // in a thousand: calls that nobody waits for
    uint32_t parked_ms; // at most so long keepers refuse a note; default 6000
    bool has_resets;    // loops are reset
};

struct work *work_create(const struct work_options *options);
void work_destroy(struct work *work);

// Ask what is to be asked now.
void work_step(struct work *work);
// All that was to be asked was asked.
bool work_is_done(const struct work *work);
// data is what the reply has, of a describe the number in decimal digits.
void work_answered(struct work_call *call, weft_err err, weft_bytes data);
// It was asked again by the driver, or all that is under way may have been.
void work_call_again(struct work_call *call);
void work_disturbed(struct work *work);
// The client was closed and is there again: what it may repeat, it does now.
void work_repeat(struct work *work, uint32_t who);
// From now on nothing disturbs timers; or something may again.
void work_quiet(struct work *work, bool is_quiet);

// Nothing disturbs any more: bring all to its end, read what they kept, and
// check all of it. Faults are in work_faults.
void work_finish(struct work *work, uint64_t timer_bound_ms);

struct work_counts {
    uint64_t histories; // of single objects
    uint64_t undecided; // ... of which nobody knows
    uint64_t operations;
    uint64_t lost; // calls whose outcome stayed unknown for a while
    uint64_t repeated;
    uint64_t effects;
    uint64_t sends;
    uint64_t timers;
    uint64_t coins;
    uint64_t wakes; // actors that were looked at
};

void work_counts_add(struct work_counts *sum, const struct work_counts *counts);
struct history_faults *work_faults(struct work *work);
const struct work_counts *work_counts(const struct work *work);
// For people, after a fault.
void work_write(const struct work *work, FILE *file);

#endif
