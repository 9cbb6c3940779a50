// SPDX-License-Identifier: Apache-2.0
//
// snapshots_postgres.c - files of snapshots in the cluster's own database: the
// way that needs nothing else, for stores of some GB.
//
//     weft.snap_file   hash, chunk, data
//
// Chunk 0 says what the others are: the file's length, or -1 while it is being
// put, and when it was put last, in the database's milliseconds, both int8.
// From 1 on they are the bytes, CHUNK_BYTES each. So a put that was cut short
// is garbage like any other, once it is old.
//
// Threads: as snapshots.h says; get borrows a connection.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/file.h"
#include "storage/pool_postgres.h"
#include "storage/snapshots.h"

#define CHUNK_BYTES ((size_t)1 << 20)

struct wf_snapshots_postgres {
    struct wf_session_shared shared;
    struct wf_session session; // of all but get
    struct wf_postgres_params params;
    struct wf_pool_postgres *getters;
    uint8_t *chunk;
};

static weft_err put(void *self, const struct wf_snapshots_file *file,
                    const char *path, bool *out_is_new);
static weft_err has(void *self, const struct wf_snapshots_file *file,
                    bool *out_has);
static weft_err get(void *self, const struct wf_snapshots_file *file,
                    const char *path);
static weft_err list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn,
                     void *ctx);
static weft_err remove_file(void *self, const uint8_t *hash, uint64_t age_ms);
static void stop(void *self);
static void close_all(void *self);

static const struct wf_snapshots_ops postgres_ops = {
    .put = put,
    .has = has,
    .get = get,
    .list = list,
    .remove = remove_file,
    .stop = stop,
    .close = close_all,
};

weft_err
wf_snapshots_postgres_open(const struct wf_postgres_options *options,
                           struct wf_snapshots *out_snapshots)
{
    struct wf_snapshots_postgres *snapshots = wf_calloc(sizeof(*snapshots));
    weft_err err = wf_session_shared_init(&snapshots->shared, options);

    snapshots->chunk = wf_alloc(CHUNK_BYTES);
    if (err == WEFT_OK) {
        err = wf_session_init(&snapshots->session, &snapshots->shared,
                              "snapshots");
    }
    if (err == WEFT_OK) {
        err = wf_pool_postgres_create(&snapshots->shared, "restore",
                                      &snapshots->getters);
    }
    if (err == WEFT_OK) {
        err = wf_session_ready(&snapshots->session, 0);
    }
    if (err != WEFT_OK) {
        close_all(snapshots);
        return err;
    }
    out_snapshots->ops = &postgres_ops;
    out_snapshots->self = snapshots;
    return WEFT_OK;
}

static void
close_all(void *self)
{
    struct wf_snapshots_postgres *snapshots = self;

    wf_session_fini(&snapshots->session);
    wf_pool_postgres_destroy(snapshots->getters);
    wf_postgres_params_fini(&snapshots->params);
    wf_session_shared_fini(&snapshots->shared);
    wf_free(snapshots->chunk);
    wf_free(snapshots);
}

static void
stop(void *self)
{
    wf_session_shared_stop(&((struct wf_snapshots_postgres *)self)->shared);
}

// Connected, with the hash as first parameter.
static weft_err
begin(struct wf_session *session, struct wf_postgres_params *params,
      const uint8_t *hash)
{
    weft_err err = wf_session_ready(session, WF_SESSION_CHECK_MS);

    wf_postgres_params_reset(params);
    wf_postgres_put_bytes(params, weft_bytes_of(hash, WF_SNAPSHOTS_HASH_BYTES));
    return err;
}

// Putting. --------------------------------------------------------------------

// Say that a file of so many bytes is there now; or, -1, that it comes.
static weft_err
say_length(struct wf_snapshots_postgres *snapshots, const uint8_t *hash,
           uint64_t length)
{
    static const char sql[] =
        "INSERT INTO weft.snap_file (hash, chunk, data) VALUES ($1, 0,"
        " int8send($2) || int8send((extract(epoch FROM clock_timestamp())"
        " * 1000)::int8))"
        " ON CONFLICT (hash, chunk) DO UPDATE SET data = excluded.data";
    weft_err err = begin(&snapshots->session, &snapshots->params, hash);

    if (err == WEFT_OK) {
        wf_postgres_put_number(&snapshots->params, length);
        err = wf_session_commit(&snapshots->session, sql, &snapshots->params,
                                NULL);
    }
    return err;
}

static weft_err
put_chunk(struct wf_snapshots_postgres *snapshots, const uint8_t *hash,
          uint64_t number, weft_bytes bytes)
{
    static const char sql[] =
        "INSERT INTO weft.snap_file (hash, chunk, data) VALUES ($1, $2::int, "
        "$3)"
        " ON CONFLICT (hash, chunk) DO UPDATE SET data = excluded.data";
    weft_err err = begin(&snapshots->session, &snapshots->params, hash);

    if (err == WEFT_OK) {
        wf_postgres_put_number(&snapshots->params, number);
        wf_postgres_put_bytes(&snapshots->params, bytes);
        err = wf_session_commit(&snapshots->session, sql, &snapshots->params,
                                NULL);
    }
    return err;
}

static weft_err
put_chunks(struct wf_snapshots_postgres *snapshots,
           const struct wf_snapshots_file *file, int fd, const char *path)
{
    size_t len = CHUNK_BYTES;
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; err == WEFT_OK && len == CHUNK_BYTES; i++) {
        err = wf_file_read_at(fd, path, snapshots->chunk, CHUNK_BYTES,
                              (off_t)(i * CHUNK_BYTES), &len);
        if (err == WEFT_OK && len > 0) {
            err = put_chunk(snapshots, file->hash, i + 1,
                            weft_bytes_of(snapshots->chunk, len));
        }
    }
    return err;
}

static weft_err
put_new(struct wf_snapshots_postgres *snapshots,
        const struct wf_snapshots_file *file, const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    weft_err err;

    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    err = wf_snapshots_check(file, path);
    if (err == WEFT_OK) {
        err = say_length(snapshots, file->hash, UINT64_MAX);
    }
    if (err == WEFT_OK) {
        err = put_chunks(snapshots, file, fd, path);
    }
    if (err == WEFT_OK) {
        err = say_length(snapshots, file->hash, file->bytes);
    }
    close(fd);
    return err;
}

static weft_err
put(void *self, const struct wf_snapshots_file *file, const char *path,
    bool *out_is_new)
{
    struct wf_snapshots_postgres *snapshots = self;
    bool is_there = false;
    weft_err err = has(snapshots, file, &is_there);

    *out_is_new = false;
    if (err == WEFT_OK && is_there) {
        return say_length(snapshots, file->hash, file->bytes); // put anew
    }
    if (err == WEFT_OK) {
        err = put_new(snapshots, file, path);
        *out_is_new = err == WEFT_OK;
    }
    return err;
}

static weft_err
has(void *self, const struct wf_snapshots_file *file, bool *out_has)
{
    static const char sql[] = "SELECT 1 FROM weft.snap_file WHERE hash = $1"
                              " AND chunk = 0 AND substr(data, 1, 8) ="
                              " int8send($2)";
    struct wf_snapshots_postgres *snapshots = self;
    struct wf_postgres_rows *rows = NULL;
    weft_err err = begin(&snapshots->session, &snapshots->params, file->hash);

    *out_has = false;
    if (err == WEFT_OK) {
        wf_postgres_put_number(&snapshots->params, file->bytes);
        err = wf_postgres_run(snapshots->session.postgres, sql,
                              &snapshots->params, WF_SESSION_LIMIT_MS, &rows);
    }
    *out_has = err == WEFT_OK && wf_postgres_rows_count(rows) > 0;
    wf_postgres_rows_destroy(rows);
    return err;
}

// Getting. --------------------------------------------------------------------

static weft_err
get_chunk(struct wf_pool_loan *loan, const struct wf_snapshots_file *file,
          uint64_t number, struct wf_postgres_rows **out_rows)
{
    static const char sql[] =
        "SELECT data FROM weft.snap_file WHERE hash = $1 AND chunk = $2::int";
    weft_err err = begin(&loan->session, &loan->params, file->hash);

    if (err == WEFT_OK) {
        wf_postgres_put_number(&loan->params, number);
        err = wf_postgres_run(loan->session.postgres, sql, &loan->params,
                              WF_SESSION_LIMIT_MS, out_rows);
    }
    if (err == WEFT_OK && wf_postgres_rows_count(*out_rows) == 0) {
        err = wf_error(WEFT_ENOTFOUND, "%s: chunk %" PRIu64 " is not there",
                       file->name, number);
    }
    return err;
}

static weft_err
write_chunks(struct wf_pool_loan *loan, const struct wf_snapshots_file *file,
             int fd, const char *path)
{
    weft_err err = WEFT_OK;

    for (uint64_t at = 0; err == WEFT_OK && at < file->bytes;
         at += CHUNK_BYTES) {
        struct wf_postgres_rows *rows = NULL;

        err = get_chunk(loan, file, at / CHUNK_BYTES + 1, &rows);
        if (err == WEFT_OK) {
            err = wf_file_write(fd, path, wf_postgres_bytes(rows, 0, 0),
                                (off_t)at);
        }
        wf_postgres_rows_destroy(rows);
    }
    return err;
}

static weft_err
get(void *self, const struct wf_snapshots_file *file, const char *path)
{
    struct wf_snapshots_postgres *snapshots = self;
    struct wf_pool_loan *loan;
    size_t size = strlen(path) + sizeof(".got");
    char *got = wf_alloc(size);
    weft_err err;
    int fd;

    (void)snprintf(got, size, "%s.got", path);
    fd = open(got, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", got, strerror(errno));
    } else {
        loan = wf_pool_postgres_borrow(snapshots->getters);
        err = write_chunks(loan, file, fd, got);
        wf_pool_postgres_give_back(snapshots->getters, loan);
        close(fd);
    }
    if (err == WEFT_OK) {
        err = wf_snapshots_copy(file, got, path); // its bytes are looked at
    }
    (void)unlink(got);
    wf_free(got);
    return err;
}

// Garbage. --------------------------------------------------------------------

#define IS_OLD(age)                                                            \
    " chunk = 0 AND substr(data, 9, 8) <= int8send((extract(epoch FROM"        \
    " clock_timestamp()) * 1000)::int8 - " age ")"

static weft_err
list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn, void *ctx)
{
    static const char sql[] =
        "SELECT hash FROM weft.snap_file WHERE" IS_OLD("$1");
    struct wf_snapshots_postgres *snapshots = self;
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_session_ready(&snapshots->session, WF_SESSION_CHECK_MS);

    if (err == WEFT_OK) {
        wf_postgres_params_reset(&snapshots->params);
        wf_postgres_put_number(&snapshots->params, age_ms);
        err = wf_postgres_run(snapshots->session.postgres, sql,
                              &snapshots->params, WF_SESSION_LIMIT_MS, &rows);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < wf_postgres_rows_count(rows);
         i++) {
        weft_bytes hash = wf_postgres_bytes(rows, i, 0);

        if (hash.len == WF_SNAPSHOTS_HASH_BYTES) {
            fn(ctx, hash.data);
        }
    }
    wf_postgres_rows_destroy(rows);
    return err;
}

static weft_err
remove_file(void *self, const uint8_t *hash, uint64_t age_ms)
{
    static const char sql[] =
        "WITH gone AS (DELETE FROM weft.snap_file WHERE hash = $1 AND" IS_OLD(
            "$2") " RETURNING hash)"
                  " DELETE FROM weft.snap_file f USING gone"
                  " WHERE f.hash = gone.hash AND f.chunk > 0";
    struct wf_snapshots_postgres *snapshots = self;
    weft_err err = begin(&snapshots->session, &snapshots->params, hash);

    if (err == WEFT_OK) {
        wf_postgres_put_number(&snapshots->params, age_ms);
        err = wf_session_commit(&snapshots->session, sql, &snapshots->params,
                                NULL);
    }
    return err;
}
