// SPDX-License-Identifier: Apache-2.0
//
// test_bank.c - the checker of money sees what is made and what is gone.

#include "history/bank.h"

#include <string.h>

#include "support/test.h"

// Two accounts that began with 100; 0 has sent 30 and then 5, and 30 came.
static int64_t balances[2];
static struct bank_pair pairs[4];
static struct bank bank;

static void
begin(void)
{
    balances[0] = 65;
    balances[1] = 130;
    memset(pairs, 0, sizeof(pairs));
    pairs[1] = (struct bank_pair){2, 1, 35, 30};
    bank = (struct bank){.count = 2,
                         .begin = 100,
                         .balances = balances,
                         .pairs = pairs,
                         .has_letters = true,
                         .in_mailboxes = 0,
                         .elsewhere = 1};
}

static size_t
faults(bool is_end)
{
    struct history_faults faults = {0};

    if (is_end) {
        bank_check_end(&bank, &faults);
    } else {
        bank_check(&bank, &faults);
    }
    return faults.count;
}

TEST(bank, money_on_its_way_is_no_fault_before_the_end)
{
    begin();
    CHECK_EQ(faults(false), 0);
    CHECK_EQ(faults(true), 1);
    pairs[1] = (struct bank_pair){2, 2, 35, 35};
    balances[1] = 135;
    bank.elsewhere = 0;
    CHECK_EQ(faults(true), 0);
}

TEST(bank, a_balance_that_is_not_what_was_moved_is_seen)
{
    begin();
    balances[0]++;
    CHECK_EQ(faults(false), 2); // of the account, and of all
    begin();
    balances[0]++, balances[1]--;
    CHECK_EQ(faults(false), 2); // of each, though the sum is right
}

TEST(bank, what_came_and_was_not_sent_is_seen)
{
    begin();
    pairs[1] = (struct bank_pair){2, 3, 35, 40};
    balances[1] = 140;
    CHECK(faults(false) > 0);
    begin();
    pairs[1] = (struct bank_pair){2, 2, 35, 40}; // as many, but more
    balances[1] = 140;
    bank.elsewhere = 0;
    CHECK_EQ(faults(false), 1);
    begin();
    pairs[1] = (struct bank_pair){2, 1, 35, 35}; // less, and all of it
    balances[1] = 135;
    CHECK_EQ(faults(false), 1);
}

TEST(bank, what_is_under_way_and_nowhere_is_seen)
{
    begin();
    bank.elsewhere = 0;
    CHECK_EQ(faults(false), 1);
    begin();
    bank.in_mailboxes = 2; // more than there are
    CHECK_EQ(faults(false), 1);
}
