// SPDX-License-Identifier: Apache-2.0
//
// bank.c - money moves between accounts, and there is never more or less of it.

#include "history/bank.h"

#include <inttypes.h>

static void
check_pair(const struct bank_pair *pair, uint32_t from, uint32_t to,
           struct history_faults *faults)
{
    bool is_all_here = pair->sent_count == pair->got_count;

    // Amounts are positive: more messages are more money.
    if (pair->got_count > pair->sent_count ||
        (is_all_here ? pair->got != pair->sent : pair->got >= pair->sent)) {
        history_fault(faults,
                      "%" PRIu32 " to %" PRIu32 ": %" PRIu64 " (%" PRId64
                      ") were sent, %" PRIu64 " (%" PRId64 ") came",
                      from, to, pair->sent_count, pair->sent, pair->got_count,
                      pair->got);
    }
}

// What it has is what it began with, less what it sent, and what it got.
static void
check_account(const struct bank *bank, uint32_t account,
              struct history_faults *faults)
{
    int64_t balance = bank->begin;

    for (uint32_t i = 0; i < bank->count; i++) {
        balance -= bank->pairs[account * bank->count + i].sent;
        balance += bank->pairs[i * bank->count + account].got;
    }
    if (bank->balances[account] != balance) {
        history_fault(faults,
                      "account %" PRIu32 " has %" PRId64
                      ", and must have %" PRId64,
                      account, bank->balances[account], balance);
    }
}

static uint64_t
under_way(const struct bank *bank, int64_t *out_amount)
{
    uint64_t count = 0;

    *out_amount = 0;
    for (uint32_t i = 0; i < bank->count * bank->count; i++) {
        count += bank->pairs[i].sent_count - bank->pairs[i].got_count;
        *out_amount += bank->pairs[i].sent - bank->pairs[i].got;
    }
    return count;
}

static void
check_total(const struct bank *bank, int64_t amount,
            struct history_faults *faults)
{
    int64_t total = amount;

    for (uint32_t i = 0; i < bank->count; i++) {
        total += bank->balances[i];
    }
    if (total != bank->begin * (int64_t)bank->count) {
        history_fault(faults, "there is %" PRId64 ", and must be %" PRId64,
                      total, bank->begin * (int64_t)bank->count);
    }
}

void
bank_check(const struct bank *bank, struct history_faults *faults)
{
    int64_t amount;
    uint64_t count = under_way(bank, &amount);

    for (uint32_t i = 0; i < bank->count; i++) {
        check_account(bank, i, faults);
        for (uint32_t k = 0; k < bank->count; k++) {
            check_pair(&bank->pairs[i * bank->count + k], i, k, faults);
        }
    }
    check_total(bank, amount, faults);
    if (bank->has_letters && (bank->in_mailboxes > count ||
                              bank->in_mailboxes + bank->elsewhere < count)) {
        history_fault(faults,
                      "%" PRIu64 " are under way, %" PRIu64
                      " in mailboxes, at most %" PRIu64 " elsewhere",
                      count, bank->in_mailboxes, bank->elsewhere);
    }
}

void
bank_check_end(const struct bank *bank, struct history_faults *faults)
{
    int64_t amount;
    uint64_t count = under_way(bank, &amount);

    bank_check(bank, faults);
    if (count != 0 || amount != 0) {
        history_fault(faults,
                      "%" PRIu64 " (%" PRId64 ") are under way for ever", count,
                      amount);
    }
}
