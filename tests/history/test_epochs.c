// SPDX-License-Identifier: Apache-2.0
//
// test_epochs.c - the checker of owners sees two in one epoch, and an epoch
// that comes back.

#include "history/epochs.h"

#include "support/test.h"

#define FAULTS(has_gaps, ...)                                                  \
    faults_of((const struct epochs_segment[]){__VA_ARGS__},                    \
              sizeof((const struct epochs_segment[]){__VA_ARGS__}) /           \
                  sizeof(struct epochs_segment),                               \
              has_gaps)

static size_t
faults_of(const struct epochs_segment *segments, size_t count, bool has_gaps)
{
    struct history_faults faults = {0};

    epochs_check(segments, count, has_gaps, &faults);
    return faults.count;
}

TEST(epochs, one_owner_in_each_is_no_fault)
{
    // partition, epoch, owner, first, count
    CHECK_EQ(FAULTS(false, {0, 1, 7, 1, 3}, {0, 1, 7, 4, 1}, {1, 5, 8, 1, 1},
                    {0, 2, 9, 5, 1}, {0, 4, 11, 6, 2}, {1, 5, 8, 2, 4}),
             0);
    CHECK_EQ(FAULTS(false, {0, 1, 7, 1, 3}, {0, 1, 0, 4, 1}, {0, 2, 8, 5, 1}),
             0);
    CHECK_EQ(FAULTS(true, {0, 1, 7, 5, 3}, {0, 2, 9, 9, 1}), 0);
}

TEST(epochs, an_epoch_that_comes_back_is_seen)
{
    CHECK_EQ(FAULTS(false, {0, 2, 0, 1, 1}, {0, 1, 0, 2, 1}), 1);
    CHECK_EQ(FAULTS(false, {0, 1, 0, 1, 1}, {0, 2, 0, 2, 1}, {0, 1, 0, 3, 1}),
             1);
}

TEST(epochs, two_owners_in_one_epoch_are_seen)
{
    CHECK_EQ(FAULTS(false, {0, 1, 7, 1, 1}, {0, 1, 8, 2, 1}), 1);
    CHECK_EQ(FAULTS(false, {0, 1, 7, 1, 1}, {0, 1, 0, 2, 1}, {0, 1, 8, 3, 1}),
             1);
}

TEST(epochs, one_owner_with_two_epochs_is_seen)
{
    CHECK(FAULTS(false, {0, 1, 7, 1, 1}, {0, 2, 7, 2, 1}) > 0);
    CHECK(FAULTS(false, {0, 1, 7, 1, 1}, {0, 2, 8, 2, 1}, {0, 3, 7, 3, 1}) > 0);
}

TEST(epochs, records_that_are_missing_or_double_are_seen)
{
    CHECK_EQ(FAULTS(false, {0, 1, 7, 1, 2}, {0, 1, 7, 4, 1}), 1);
    CHECK_EQ(FAULTS(false, {0, 1, 7, 1, 2}, {0, 1, 7, 2, 1}), 1);
    CHECK_EQ(FAULTS(true, {0, 1, 7, 1, 2}, {0, 1, 7, 2, 1}), 1);
}
