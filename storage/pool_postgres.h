// SPDX-License-Identifier: Apache-2.0
//
// pool_postgres.h - connections for what several threads do at a time.
//
// Each call borrows one, and gives it back; it waits if all are lent. The first
// that is free is lent, so that no more are made than were ever in use at once.
//
// Threads: any; what is lent is the borrower's.

#ifndef WF_STORAGE_POOL_POSTGRES_H
#define WF_STORAGE_POOL_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/session_postgres.h"

struct wf_pool_postgres;

// What is lent.
struct wf_pool_loan {
    struct wf_session session;
    struct wf_postgres_params params;
    uint64_t limited; // the borrowers'; of the session's connections
    bool is_lent;
};

// Connects nowhere yet. shared is borrowed.
weft_err wf_pool_postgres_create(struct wf_session_shared *shared,
                                 const char *name,
                                 struct wf_pool_postgres **out_pool);
void wf_pool_postgres_destroy(struct wf_pool_postgres *pool); // NULL is fine

// Waits until one is free. Its parameters are empty.
struct wf_pool_loan *wf_pool_postgres_borrow(struct wf_pool_postgres *pool);
void wf_pool_postgres_give_back(struct wf_pool_postgres *pool,
                                struct wf_pool_loan *loan);

#endif
