// SPDX-License-Identifier: Apache-2.0
//
// account.h - a kind "account" that loses, doubles and overtakes nothing
// without it being seen: money moves between accounts, and each counts what it
// got from whom.
//
// A client sends "transfer" to the account that pays, by signal or as a
// question, which is answered with the seq. That account sends "deposit" to the
// other. A deposit sets the timer "tick". Any query gives the struct account.

#ifndef WF_TESTS_SUPPORT_ACCOUNT_H
#define WF_TESTS_SUPPORT_ACCOUNT_H

#include <stdint.h>

#include "weft/weft.h"

enum { ACCOUNTS_MAX = 16, ACCOUNT_CLIENTS_MAX = 4, ACCOUNT_ID_SIZE = 16 };

// What came from one sender, so that a lost, doubled or overtaken message
// shows. Of n messages once each: count n, sum n(n+1)/2, and so on.
struct account_tally {
    uint32_t last;
    uint32_t count;
    uint32_t out_of_order;
    uint32_t unused;
    uint64_t sum;
    uint64_t squares;
};

struct account {
    int64_t balance;
    uint32_t ticks;
    uint32_t unused;
    uint32_t sent[ACCOUNTS_MAX];
    struct account_tally from_accounts[ACCOUNTS_MAX];
    struct account_tally from_clients[ACCOUNT_CLIENTS_MAX];
};

// Of a client to an account, and of that to another.
struct account_transfer {
    uint32_t client;
    uint32_t seq; // of this sender to this account
    uint32_t from;
    uint32_t to;
    int64_t amount;
};

// Did each of the messages 1 to n come once, in whatever order?
int account_tally_is_whole(const struct account_tally *tally, uint64_t n);

void account_id(uint32_t index, char id[ACCOUNT_ID_SIZE]);
weft_err account_define(weft_definitions *definitions);

#endif
