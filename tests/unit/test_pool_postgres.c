// SPDX-License-Identifier: Apache-2.0
//
// test_pool_postgres.c - connections that are lent, none of which is made.

#include "storage/pool_postgres.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "base/clock.h"
#include "storage/log_postgres.h"
#include "support/test.h"

enum { LOANS = 4, WAIT_S = 60, ROUNDS = 100 };

static struct rig {
    struct wf_session_shared shared;
    struct wf_pool_postgres *pool;
    struct wf_pool_loan *loans[LOANS];
    sem_t has_borrowed;
} rig;

static void
begin(void)
{
    struct wf_postgres_options options = {.conninfo = "host=/nowhere",
                                          .clock = wf_clock_system()};

    CHECK_OK(wf_session_shared_init(&rig.shared, &options));
    CHECK_OK(wf_pool_postgres_create(&rig.shared, "test", &rig.pool));
    CHECK_EQ(sem_init(&rig.has_borrowed, 0, 0), 0);
    for (int i = 0; i < LOANS; i++) {
        rig.loans[i] = wf_pool_postgres_borrow(rig.pool);
        for (int j = 0; j < i; j++) {
            CHECK(rig.loans[j] != rig.loans[i]);
        }
    }
}

static void
end(void)
{
    for (int i = 0; i < LOANS; i++) {
        wf_pool_postgres_give_back(rig.pool, rig.loans[i]);
    }
    wf_pool_postgres_destroy(rig.pool);
    wf_session_shared_fini(&rig.shared);
    CHECK_EQ(sem_destroy(&rig.has_borrowed), 0);
}

static void *
borrow_one_more(void *arg)
{
    struct wf_pool_loan *loan = wf_pool_postgres_borrow(rig.pool);

    (void)arg;
    (void)sem_post(&rig.has_borrowed);
    wf_pool_postgres_give_back(rig.pool, loan);
    return NULL;
}

// In one of so many rounds it waits by the time that one is given back.
TEST(pool_postgres, who_waits_for_a_connection_gets_the_next)
{
    begin();
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec until;
        pthread_t thread;

        CHECK_EQ(pthread_create(&thread, NULL, borrow_one_more, NULL), 0);
        for (int i = 0; i < ROUNDS; i++) {
            CHECK_EQ(sem_trywait(&rig.has_borrowed), -1);
            (void)sched_yield();
        }
        wf_pool_postgres_give_back(rig.pool, rig.loans[0]);
        CHECK_EQ(clock_gettime(CLOCK_REALTIME, &until), 0);
        until.tv_sec += WAIT_S;
        CHECK_EQ(sem_timedwait(&rig.has_borrowed, &until), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        rig.loans[0] = wf_pool_postgres_borrow(rig.pool);
    }
    end();
}

TEST(pool_postgres, what_is_borrowed_has_nothing_of_who_had_it_before)
{
    begin();
    wf_postgres_put_number(&rig.loans[0]->params, 1);
    wf_pool_postgres_give_back(rig.pool, rig.loans[0]);
    rig.loans[0] = wf_pool_postgres_borrow(rig.pool);
    CHECK_EQ(rig.loans[0]->params.count, 0);
    end();
}
