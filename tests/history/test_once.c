// SPDX-License-Identifier: Apache-2.0
//
// test_once.c - the checker of effects sees what is lost, doubled and made up.

#include "history/once.h"
#include "history/told.h"
#include "support/test.h"

static size_t
faults_of(const char *text)
{
    return told_faults(text, once_check);
}

TEST(once, what_is_as_it_should_be_is_no_fault)
{
    CHECK_EQ(faults_of(""), 0);
    CHECK_EQ(faults_of("a1 +1 e1 s2 e2 A3 E3 +3"), 0);
    CHECK_EQ(faults_of("a1 l1 a2 l2 e2"), 0); // nobody knows of either
    CHECK_EQ(faults_of("a1 ?1 ?1 +1 e1"), 0); // asked again, done once
    CHECK_EQ(faults_of("a1 -1 a1 +1 e1"), 0); // refused, then not
    CHECK_EQ(faults_of("a1 -1 a1 l1 e1 a2 -2"), 0);
    CHECK_EQ(faults_of("a1 e1"), 0); // the end came before the answer
}

TEST(once, a_message_that_was_lost_is_seen)
{
    CHECK_EQ(faults_of("a1 +1"), 1);
    CHECK_EQ(faults_of("s1"), 1);
    CHECK_EQ(faults_of("a1 -1 a1 +1"), 1);
    CHECK_EQ(faults_of("a1 +1 e1 a2 +2 s3"), 2);
}

TEST(once, a_message_that_came_twice_is_seen)
{
    CHECK_EQ(faults_of("a1 +1 e1 e1"), 1);
    CHECK_EQ(faults_of("s1 e1 e1 e1"), 1);
    CHECK_EQ(faults_of("a1 l1 e1 e1"), 1);
    CHECK_EQ(faults_of("s1 s1 e1"), 1);
}

TEST(once, what_nobody_asked_or_was_refused_is_seen)
{
    CHECK_EQ(faults_of("e1"), 1);
    CHECK_EQ(faults_of("a1 -1 e1"), 1);
    CHECK_EQ(faults_of("a1 -1 a1 -1 e1"), 1);
}

TEST(once, an_effect_at_another_object_is_seen)
{
    CHECK_EQ(faults_of("a1 +1 E1"), 1);
    CHECK_EQ(faults_of("S1 e1"), 1);
}
