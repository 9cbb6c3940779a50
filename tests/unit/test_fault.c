// SPDX-License-Identifier: Apache-2.0

#include "base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "support/test.h"

static const enum wf_fault POINT = WF_FAULT_BEFORE_COMMIT;

// Which of the next eight hits fail, as bits, first hit highest.
static unsigned
hit_eight(enum wf_fault fault)
{
    unsigned bits = 0;

    for (int i = 0; i < 8; i++) {
        bits = bits << 1 | wf_fault_hit(fault);
    }
    return bits;
}

TEST(fault, an_unarmed_point_only_counts)
{
    uint64_t hits = wf_fault_hits(POINT);

    CHECK_EQ(hit_eight(POINT), 0);
    CHECK_EQ(wf_fault_hits(POINT), hits + 8);
}

TEST(fault, skips_come_first_and_then_repeats)
{
    wf_fault_arm(POINT, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_EQ(hit_eight(POINT), 0x80);
    wf_fault_arm(POINT, WF_FAULT_ACTION_FAIL, 2, 3);
    CHECK(!wf_fault_hit(WF_FAULT_AFTER_COMMIT)); // another point
    CHECK_EQ(hit_eight(POINT), 0x38);
    wf_fault_arm(POINT, WF_FAULT_ACTION_FAIL, 0, UINT32_MAX);
    CHECK_EQ(hit_eight(POINT), 0xff);
    wf_fault_disarm_all();
    CHECK_EQ(hit_eight(POINT), 0);
}

static void
die_on_second_hit(void *ctx)
{
    (void)ctx;
    wf_fault_arm(POINT, WF_FAULT_ACTION_KILL, 1, 1);
    if (!wf_fault_hit(POINT)) {
        wf_fault_hit(POINT);
    }
}

TEST(fault, kill_kills)
{
    int status = test_fork(die_on_second_hit, NULL);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static bool
arm_from(const char *text)
{
    wf_fault_disarm_all();
    CHECK_EQ(setenv("WEFT_FAULT", text, 1), 0);
    return wf_fault_arm_from_environment();
}

TEST(fault, the_environment_arms)
{
    CHECK_EQ(unsetenv("WEFT_FAULT"), 0);
    CHECK(wf_fault_arm_from_environment());
    CHECK(arm_from(""));
    CHECK_EQ(hit_eight(WF_FAULT_COMMIT_EIO), 0);
    CHECK(arm_from("COMMIT_EIO:fail:3"));
    CHECK_EQ(hit_eight(WF_FAULT_COMMIT_EIO), 0x10);
    CHECK(arm_from("COMMIT_EIO:fail:1:2,AFTER_TRIM:fail:0"));
    CHECK_EQ(hit_eight(WF_FAULT_COMMIT_EIO), 0x60);
    CHECK_EQ(hit_eight(WF_FAULT_AFTER_TRIM), 0x80);
}

TEST(fault, a_malformed_environment_arms_nothing)
{
    static const char *const texts[] = {
        "COMMIT_EIO",
        "COMMIT_EIO:fail",
        "COMMIT_EIO:explode:0",
        "COMMIT_EI:fail:0",
        "COMMIT_EIO:fail:-1",
        "COMMIT_EIO:fail:0:",
        "COMMIT_EIO:fail:0,",
        "COMMIT_EIO:fail:0:1:",
        "COMMIT_EIO:fail:0x",
        ":",
        "COMMIT_EIO:fail:5000000000",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK(!arm_from(texts[i]));
        CHECK_EQ(hit_eight(WF_FAULT_COMMIT_EIO), 0);
    }
}

TEST(fault, points_have_names)
{
    CHECK_STR(wf_fault_name(WF_FAULT_AFTER_COMMIT), "AFTER_COMMIT");
}

enum { THREADS = 4, HITS = 5000 };

static void *
hit_often(void *ctx)
{
    unsigned *failed = ctx;

    for (int i = 0; i < HITS; i++) {
        *failed += wf_fault_hit(POINT);
    }
    return NULL;
}

TEST(fault, threads_use_up_each_repeat_once)
{
    pthread_t threads[THREADS];
    unsigned failed[THREADS] = {0};
    unsigned sum = 0;

    wf_fault_arm(POINT, WF_FAULT_ACTION_FAIL, 100, 777);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, hit_often, &failed[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        sum += failed[i];
    }
    CHECK_EQ(sum, 777);
}
