// SPDX-License-Identifier: Apache-2.0
//
// pool_postgres.c - connections for what several threads do at a time.

#include "storage/pool_postgres.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"

#define SESSIONS 4

struct wf_pool_postgres {
    pthread_mutex_t lock; // guards is_lent
    pthread_cond_t given_back;
    struct wf_pool_loan loans[SESSIONS];
};

weft_err
wf_pool_postgres_create(struct wf_session_shared *shared, const char *name,
                        struct wf_pool_postgres **out_pool)
{
    struct wf_pool_postgres *pool = wf_calloc(sizeof(*pool));
    weft_err err = WEFT_OK;

    WF_ASSERT(pthread_mutex_init(&pool->lock, NULL) == 0);
    WF_ASSERT(pthread_cond_init(&pool->given_back, NULL) == 0);
    for (uint32_t i = 0; err == WEFT_OK && i < SESSIONS; i++) {
        err = wf_session_init(&pool->loans[i].session, shared, name);
    }
    if (err != WEFT_OK) {
        wf_pool_postgres_destroy(pool);
        return err;
    }
    *out_pool = pool;
    return WEFT_OK;
}

void
wf_pool_postgres_destroy(struct wf_pool_postgres *pool)
{
    if (pool == NULL) {
        return;
    }
    for (uint32_t i = 0; i < SESSIONS; i++) {
        WF_ASSERT(!pool->loans[i].is_lent);
        wf_session_fini(&pool->loans[i].session);
        wf_postgres_params_fini(&pool->loans[i].params);
    }
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
    wf_free(pool);
}

static struct wf_pool_loan *
find_free(struct wf_pool_postgres *pool)
{
    for (uint32_t i = 0; i < SESSIONS; i++) {
        if (!pool->loans[i].is_lent) {
            return &pool->loans[i];
        }
    }
    return NULL;
}

struct wf_pool_loan *
wf_pool_postgres_borrow(struct wf_pool_postgres *pool)
{
    struct wf_pool_loan *loan;

    pthread_mutex_lock(&pool->lock);
    while ((loan = find_free(pool)) == NULL) {
        pthread_cond_wait(&pool->given_back, &pool->lock);
    }
    loan->is_lent = true;
    pthread_mutex_unlock(&pool->lock);
    wf_postgres_params_reset(&loan->params);
    return loan;
}

void
wf_pool_postgres_give_back(struct wf_pool_postgres *pool,
                           struct wf_pool_loan *loan)
{
    pthread_mutex_lock(&pool->lock);
    WF_ASSERT(loan->is_lent);
    loan->is_lent = false;
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
}
