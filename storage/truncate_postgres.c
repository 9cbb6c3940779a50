// SPDX-License-Identifier: Apache-2.0
//
// truncate_postgres.c - snapshots of logs in PostgreSQL, and what is forgotten
// for them.
//
// What was truncated is said in the partition's row (first_lsn), in one
// transaction with the snapshot and fenced as it. Deleting is done afterwards,
// and again with the next snapshot if it was not.

#include <inttypes.h>

#include "base/error.h"
#include "storage/log_postgres_impl.h"

enum { DELETE_COMMITS = 4096 }; // at once

// Delete what is before `first`, a part at a time.
static weft_err
delete_front(struct wf_log_postgres *log, uint32_t partition, uint64_t first)
{
    static const char sql[] =
        "WITH f AS (SELECT min(lsn) AS lsn FROM weft.clog WHERE part = $1)"
        " DELETE FROM weft.clog c USING f"
        " WHERE c.part = $1 AND c.lsn < $2 AND c.lsn < f.lsn + $3"
        " RETURNING c.lsn";
    struct wf_postgres_rows *rows = NULL;
    weft_err err;
    uint32_t count;

    do {
        wf_postgres_params_reset(&log->snapshot_params);
        wf_postgres_put_number(&log->snapshot_params, partition);
        wf_postgres_put_number(&log->snapshot_params, first);
        wf_postgres_put_number(&log->snapshot_params, DELETE_COMMITS);
        err = wf_session_commit(&log->snapshots, sql, &log->snapshot_params,
                                &rows);
        count = err == WEFT_OK ? wf_postgres_rows_count(rows) : 0;
        if (err == WEFT_OK) {
            wf_postgres_rows_destroy(rows);
        }
    } while (count == DELETE_COMMITS);
    return err;
}

static weft_err
refuse_snapshot(struct wf_log_postgres *log, uint32_t partition,
                uint64_t redo_from, uint64_t epoch)
{
    static const char sql[] = "SELECT epoch FROM weft.part WHERE id = $1";
    struct wf_postgres_rows *rows = NULL;
    weft_err err;

    wf_postgres_params_reset(&log->snapshot_params);
    wf_postgres_put_number(&log->snapshot_params, partition);
    err = wf_postgres_run(log->snapshots.postgres, sql, &log->snapshot_params,
                          WF_SESSION_LIMIT_MS, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_postgres_number(rows, 0, 0) == epoch
              ? wf_error(WEFT_EINVAL,
                         "partition %" PRIu32 ": the log has no commit %" PRIu64
                         " for a snapshot to go on from",
                         partition, redo_from)
              : wf_error(WEFT_ECLOSED, "partition %" PRIu32 " is another's",
                         partition);
    wf_postgres_rows_destroy(rows);
    return err;
}

weft_err
wf_postgres_snapshot_commit(void *self, uint32_t partition, uint64_t redo_from,
                            weft_bytes manifest)
{
    static const char sql[] =
        "WITH o AS (UPDATE weft.part SET snap_number = snap_number + 1,"
        " snap_lsn = $3, first_lsn = CASE WHEN snap_number = 0 THEN first_lsn"
        " ELSE greatest(first_lsn, least(snap_lsn, $3)) END"
        " WHERE id = $1 AND epoch = $2 AND $3 BETWEEN first_lsn AND next_lsn"
        " RETURNING id, snap_number, first_lsn),"
        " d AS (DELETE FROM weft.snap s USING o"
        " WHERE s.part = o.id AND s.number < o.snap_number - 1),"
        " i AS (INSERT INTO weft.snap (part, number, lsn, epoch, manifest)"
        " SELECT id, snap_number, $3, $2, $4 FROM o)"
        " SELECT first_lsn FROM o";
    struct wf_log_postgres *log = self;
    struct wf_postgres_place place = wf_log_postgres_place(log, partition);
    struct wf_postgres_rows *rows = NULL;
    uint64_t first = 0;
    weft_err err;

    if (place.epoch == 0) {
        return wf_error(WEFT_ECLOSED, "partition %" PRIu32 " is not ours",
                        partition);
    }
    err = wf_postgres_be_ready(&log->snapshots, &log->snapshots_limited, 0);
    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_params_reset(&log->snapshot_params);
    wf_postgres_put_number(&log->snapshot_params, partition);
    wf_postgres_put_number(&log->snapshot_params, place.epoch);
    wf_postgres_put_number(&log->snapshot_params, redo_from);
    wf_postgres_put_bytes(&log->snapshot_params, manifest);
    err = wf_session_commit(&log->snapshots, sql, &log->snapshot_params, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_postgres_rows_count(rows) > 0) {
        first = wf_postgres_number(rows, 0, 0);
    }
    wf_postgres_rows_destroy(rows);
    if (first == 0) {
        return refuse_snapshot(log, partition, redo_from, place.epoch);
    }
    // The snapshot counts already. What is not deleted now is the next time.
    err = delete_front(log, partition, first);
    if (err != WEFT_OK) {
        wf_session_say(&log->snapshots, weft_err_detail());
    }
    return WEFT_OK;
}

weft_err
wf_postgres_snapshot_read(void *self, uint32_t partition, uint32_t age,
                          uint64_t *out_redo_from, struct wf_buf *out_manifest)
{
    static const char sql[] =
        "SELECT lsn, manifest FROM weft.snap WHERE part = $1"
        " ORDER BY number DESC OFFSET $2 LIMIT 1";
    struct wf_log_postgres *log = self;
    struct wf_postgres_rows *rows = NULL;
    weft_bytes manifest;
    weft_err err = wf_session_ready(&log->snapshots, WF_SESSION_CHECK_MS);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_params_reset(&log->snapshot_params);
    wf_postgres_put_number(&log->snapshot_params, partition);
    wf_postgres_put_number(&log->snapshot_params, age);
    err = wf_postgres_run(log->snapshots.postgres, sql, &log->snapshot_params,
                          WF_SESSION_LIMIT_MS, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_postgres_rows_count(rows) == 0) {
        err = wf_error(WEFT_ENOTFOUND,
                       "partition %" PRIu32 " has no snapshot number %" PRIu32
                       " from the newest",
                       partition, age);
    } else {
        *out_redo_from = wf_postgres_number(rows, 0, 0);
        manifest = wf_postgres_bytes(rows, 0, 1);
        wf_buf_reset(out_manifest);
        wf_buf_put(out_manifest, manifest.data, manifest.len);
    }
    wf_postgres_rows_destroy(rows);
    return err;
}
