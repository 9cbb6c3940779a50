// SPDX-License-Identifier: Apache-2.0
//
// look.h - what an instance shows of itself, turned into what checkers read.

#ifndef WF_TESTS_HISTORY_LOOK_H
#define WF_TESTS_HISTORY_LOOK_H

#include "history/bank.h"
#include "history/history.h"
#include "history/kinds.h"
#include "weft/inspect.h"

// What was seen of all instances at one moment.
struct look {
    struct history_faults *faults;
    struct wakes_actor *actors;
    size_t count;
    size_t cap;
    int64_t balances[KINDS_PURSES];
    struct bank_pair pairs[KINDS_PURSES * KINDS_PURSES];
    uint64_t coins_waiting; // in mailboxes
    bool has_purse[KINDS_PURSES];
    bool is_cut;     // this mailbox is longer than what is shown of it
    bool is_any_cut; // one was
};

// A weft_inspect_fn; ctx is the look. Timers that a clock has set, and that did
// not fire, must be there.
int look_at(void *ctx, const weft_inspect_actor *actor);
// Every one that was looked at will be woken, and if all of them were, no money
// is gone. under_way: messages that are in no mailbox.
void look_check_wakes(struct look *look, uint64_t under_way);
void look_check_bank(struct look *look, uint64_t under_way);
void look_fini(struct look *look);

// What a purse holds, as its owner's place among the purses.
void look_purse(struct bank_pair *pairs, int64_t *balances, uint32_t place,
                const struct kinds_purse *purse);

#endif
