// SPDX-License-Identifier: Apache-2.0

#include "runtime/client_numbers.h"

#include "base/random.h"
#include "support/test.h"

static struct wf_client_numbers numbers;

TEST(client_numbers, confirmed_is_the_oldest_open_number)
{
    wf_client_numbers_init(&numbers, 1);
    CHECK_EQ(wf_client_numbers_take(&numbers), 1);
    CHECK_EQ(wf_client_numbers_take(&numbers), 2);
    CHECK_EQ(wf_client_numbers_take(&numbers), 3);
    wf_client_numbers_close(&numbers, 2);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 3), 1);
    wf_client_numbers_close(&numbers, 1);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 3), 3);
    wf_client_numbers_close(&numbers, 3);
    CHECK_EQ(wf_client_numbers_take(&numbers), 4);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 4), 4);
}

TEST(client_numbers, a_number_that_stays_open_is_closed_by_its_age)
{
    wf_client_numbers_init(&numbers, 1);
    CHECK_EQ(wf_client_numbers_take(&numbers), 1);
    for (uint64_t number = 2; number <= WF_CLIENT_WINDOW_MAX; number++) {
        CHECK_EQ(wf_client_numbers_take(&numbers), number);
        wf_client_numbers_close(&numbers, number);
    }
    CHECK_EQ(numbers.low, 1);
    CHECK_EQ(wf_client_numbers_take(&numbers), WF_CLIENT_WINDOW_MAX + 1);
    CHECK_EQ(numbers.low, WF_CLIENT_WINDOW_MAX + 1);
    wf_client_numbers_close(&numbers, 1); // too late, and harmless
    CHECK_EQ(numbers.low, WF_CLIENT_WINDOW_MAX + 1);
}

TEST(client_numbers, a_repeated_number_is_open_again)
{
    wf_client_numbers_init(&numbers, 10);
    for (int i = 0; i < 5; i++) {
        (void)wf_client_numbers_take(&numbers);
    }
    wf_client_numbers_close(&numbers, 12);
    wf_client_numbers_reopen(&numbers, 12);
    wf_client_numbers_close(&numbers, 10);
    wf_client_numbers_close(&numbers, 11);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 14), 12);
}

TEST(client_numbers, a_number_from_before_confirms_nothing_near_it)
{
    wf_client_numbers_init(&numbers, 1000000);
    wf_client_numbers_reopen(&numbers, 7);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 7), 0);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 900000),
             900000 - WF_CLIENT_WINDOW_MAX);
    CHECK_EQ(wf_client_numbers_take(&numbers), 1000000);
}

TEST(client_numbers, new_numbers_come_after_one_that_was_chosen)
{
    wf_client_numbers_init(&numbers, 1);
    (void)wf_client_numbers_take(&numbers);
    wf_client_numbers_reopen(&numbers, 100);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 100), 1);
    CHECK_EQ(wf_client_numbers_take(&numbers), 101);
    wf_client_numbers_close(&numbers, 1);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 101), 100);
    wf_client_numbers_reopen(&numbers, 1ULL << 40);
    CHECK_EQ(wf_client_numbers_confirmed(&numbers, 1ULL << 40), 1ULL << 40);
    CHECK_EQ(wf_client_numbers_take(&numbers), (1ULL << 40) + 1);
}

// The ring against the plainest model: a bool for each number.
TEST(client_numbers, random_use_agrees_with_a_model)
{
    static bool is_open[300000];
    struct wf_random random;
    uint64_t next = 1;
    uint64_t low = 1;

    wf_random_init(&random, 11);
    wf_client_numbers_init(&numbers, 1);
    memset(is_open, 0, sizeof(is_open));
    while (next < 290000) {
        uint64_t number;

        if (wf_random_below(&random, 100) < 52) {
            number = wf_client_numbers_take(&numbers);
            CHECK_EQ(number, next);
            is_open[next++] = true;
        } else if (next > 1) {
            uint64_t span = next - low < 400 ? next - low + 1 : 400;

            number = next - 1 - wf_random_below(&random, span);
            if (number > 0) {
                wf_client_numbers_close(&numbers, number);
                is_open[number] = false;
            }
        }
        if (next > WF_CLIENT_WINDOW_MAX && low < next - WF_CLIENT_WINDOW_MAX) {
            low = next - WF_CLIENT_WINDOW_MAX;
        }
        while (low < next && !is_open[low]) {
            low++;
        }
        CHECK_EQ(numbers.low, low);
    }
}
