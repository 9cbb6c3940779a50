// SPDX-License-Identifier: Apache-2.0
//
// bank.h - money moves between accounts, and there is never more or less of it.
//
// What all accounts say at one moment, and what lies between them then: each
// account counts what it has sent to each other one, and what it got from it.

#ifndef WF_TESTS_HISTORY_BANK_H
#define WF_TESTS_HISTORY_BANK_H

#include "history/history.h"

// From one account to another, as its sender and its receiver have it.
struct bank_pair {
    uint64_t sent_count;
    uint64_t got_count;
    int64_t sent;
    int64_t got;
};

struct bank {
    uint32_t count;          // accounts
    int64_t begin;           // what each began with
    int64_t *balances;       // count
    struct bank_pair *pairs; // count * count, by sender
    // What is under way, as somebody saw it who does not know of accounts:
    // transfers in mailboxes; and at most so many elsewhere.
    bool has_letters;
    uint64_t in_mailboxes;
    uint64_t elsewhere;
};

// Amounts are positive.
void bank_check(const struct bank *bank, struct history_faults *faults);
// The same, and nothing is under way any more.
void bank_check_end(const struct bank *bank, struct history_faults *faults);

#endif
