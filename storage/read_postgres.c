// SPDX-License-Identifier: Apache-2.0
//
// read_postgres.c - read the commits of a log in PostgreSQL, a page at a time.
// When the connection breaks, it goes on after the last commit that came.

#include <inttypes.h>

#include "base/error.h"
#include "storage/log_postgres_impl.h"

enum {
    READ_COMMITS = 256,    // at once
    READ_FAILURES_MAX = 3, // without a commit between
};

// A walk over a partition's commits.
struct walk {
    struct wf_pool_loan *loan;
    uint32_t partition;
    uint64_t epoch; // ours; 0: another's
    uint64_t next;
    uint64_t last;
    wf_log_read_fn *fn;
    void *ctx;
    bool is_broken; // by what was read, or by fn: not to be tried again
};

static weft_err
visit_row(void *ctx, const struct wf_postgres_rows *rows)
{
    struct walk *walk = ctx;
    uint64_t number = wf_postgres_number(rows, 0, 0);
    weft_err err;

    walk->is_broken = true;
    if (number != walk->next) {
        return wf_shared_log_missing(walk->partition, walk->next, number - 1);
    }
    err =
        wf_shared_log_visit(walk->partition, number,
                            wf_postgres_bytes(rows, 0, 1), walk->fn, walk->ctx);
    if (err == WEFT_OK) {
        walk->is_broken = false;
        walk->next++;
    }
    return err;
}

// How far the log goes. What is ours is read from a server that knows it.
static weft_err
find_end(struct walk *walk)
{
    static const char sql[] =
        "SELECT epoch, first_lsn, next_lsn FROM weft.part WHERE id = $1";
    struct wf_postgres_params *params = &walk->loan->params;
    struct wf_postgres_rows *rows = NULL;
    uint64_t epoch;
    uint64_t first;
    weft_err err;

    wf_postgres_params_reset(params);
    wf_postgres_put_number(params, walk->partition);
    err = wf_postgres_run(walk->loan->session.postgres, sql, params,
                          WF_SESSION_LIMIT_MS, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    epoch = wf_postgres_number(rows, 0, 0);
    first = wf_postgres_number(rows, 0, 1);
    walk->last = wf_postgres_number(rows, 0, 2) - 1;
    wf_postgres_rows_destroy(rows);
    if (walk->epoch != 0 && epoch < walk->epoch) {
        wf_postgres_refuse(walk->loan->session.postgres);
        return wf_error(WEFT_EIO,
                        "partition %" PRIu32 ": the log has epoch %" PRIu64
                        ", ours is %" PRIu64 ": it has gone back",
                        walk->partition, epoch, walk->epoch);
    }
    walk->is_broken = true;
    if (walk->next == 0) {
        walk->next = first;
    }
    if (walk->next < first) {
        return wf_shared_log_missing(walk->partition, walk->next, first - 1);
    }
    if (walk->next > walk->last + 1) {
        return wf_shared_log_ends(walk->partition, walk->last, walk->next);
    }
    walk->is_broken = false;
    return WEFT_OK;
}

static weft_err
read_page(struct walk *walk)
{
    static const char sql[] =
        "SELECT lsn, data FROM weft.clog"
        " WHERE part = $1 AND lsn >= $2 AND lsn < $3 ORDER BY lsn";
    struct wf_postgres_params *params = &walk->loan->params;
    uint64_t to = walk->next + READ_COMMITS;
    weft_err err;

    if (to > walk->last + 1) {
        to = walk->last + 1;
    }
    wf_postgres_params_reset(params);
    wf_postgres_put_number(params, walk->partition);
    wf_postgres_put_number(params, walk->next);
    wf_postgres_put_number(params, to);
    err = wf_postgres_stream(walk->loan->session.postgres, sql, params,
                             WF_SESSION_LIMIT_MS, visit_row, walk);
    if (err == WEFT_OK && walk->next < to) {
        walk->is_broken = true;
        err = wf_shared_log_missing(walk->partition, walk->next, to - 1);
    }
    return err;
}

static weft_err
walk_to_end(struct walk *walk)
{
    uint32_t failures = 0;
    bool has_end = false;
    weft_err err;

    do {
        uint64_t before = walk->next;

        err = wf_session_ready(&walk->loan->session, WF_SESSION_CHECK_MS);
        if (err == WEFT_OK) {
            err = has_end ? read_page(walk) : find_end(walk);
            has_end = err == WEFT_OK; // a new connection looks again
        }
        failures = err == WEFT_OK || walk->next > before ? 0 : failures + 1;
        if (walk->is_broken || failures >= READ_FAILURES_MAX) {
            return err;
        }
    } while (err != WEFT_OK || !has_end || walk->next <= walk->last);
    return WEFT_OK;
}

weft_err
wf_postgres_read(void *self, uint32_t partition, uint64_t from,
                 wf_log_read_fn *fn, void *ctx)
{
    struct wf_log_postgres *log = self;
    struct walk walk = {
        .loan = wf_pool_postgres_borrow(log->pool),
        .partition = partition,
        .epoch = wf_log_postgres_place(log, partition).epoch,
        .next = from,
        .fn = fn,
        .ctx = ctx,
    };
    weft_err err = walk_to_end(&walk);

    wf_pool_postgres_give_back(log->pool, walk.loan);
    return err;
}
