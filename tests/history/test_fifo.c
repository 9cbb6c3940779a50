// SPDX-License-Identifier: Apache-2.0
//
// test_fifo.c - the checker of order sees what overtook.

#include "history/fifo.h"
#include "history/told.h"
#include "support/test.h"

static size_t
faults_of(const char *text)
{
    return told_faults(text, fifo_check);
}

TEST(fifo, what_is_in_order_is_no_fault)
{
    CHECK_EQ(faults_of("a1 a2 a3 +2 +1 e1 e2 e3"), 0);
    CHECK_EQ(faults_of("s1 s2 s3 e1 e2 e3"), 0);
    CHECK_EQ(faults_of("s1 s2 s3 e1 e3"), 0); // lost is for others to see
}

TEST(fifo, senders_and_receivers_have_orders_of_their_own)
{
    CHECK_EQ(faults_of("a1 a5 a2 a6 e5 e1 e6 e2"), 0);
    CHECK_EQ(faults_of("a1 A2 a3 E2 e1 e3"), 0);
    CHECK_EQ(faults_of("s1 a2 e2 e1"), 0); // an actor 1 is no client 1
}

TEST(fifo, what_overtook_is_seen)
{
    CHECK_EQ(faults_of("a1 a2 e2 e1"), 1);
    CHECK_EQ(faults_of("s1 s2 e2 e1"), 1);
    CHECK_EQ(faults_of("s1 s2 s3 e1 e3 e2"), 1);
    CHECK_EQ(faults_of("s1 s2 s3 e3 e1 e2"), 2);
    CHECK_EQ(faults_of("a1 +1 a2 +2 e2 e1"), 1);
}

TEST(fifo, what_was_asked_again_may_come_later_but_not_after_its_answer)
{
    CHECK_EQ(faults_of("a1 a2 -1 a1 e2 e1 +1 +2"), 0);
    CHECK_EQ(faults_of("a1 a2 ?1 ?2 e2 e1 +1 +2"), 0);
    CHECK_EQ(faults_of("a1 ?1 +1 a2 +2 e2 e1"), 1);
    CHECK_EQ(faults_of("a1 -1 a1 +1 a2 e2 e1"), 1);
    CHECK_EQ(faults_of("a1 -1 a2 +2 a1 e1 e2"), 1); // refused: it was not there
    CHECK_EQ(faults_of("a1 a2 a3 ?2 e1 e3 e2"), 0);
}
