// SPDX-License-Identifier: Apache-2.0
//
// postgres.c - one connection to a PostgreSQL server that takes writes.
//
// libpq is used without blocking: each wait is a poll of its socket and of
// stop_fd, with a deadline. The hosts of the list are tried one at a time, each
// with a deadline of its own, which libpq gives only to those who block; the
// one that was good last comes first. (Names are looked up by the system's
// resolver, which blocks.)
//
// A notice receiver keeps the first warning of a statement. That is not for
// people: a wait for the standbys that was cancelled ends as success with a
// warning.
//
// Whoever pools connections answers in place of the server, so the process id
// that a session is told at its start is not the one of its backend. Then
// settings of a session hold for nothing, and it is refused.
//
// Threads: as postgres.h.

#include "storage/postgres.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"

enum {
    HOSTS_MAX = 16,
    OPTIONS_MAX = 64,
    STATEMENTS_MAX = 24,
    TEXT_BYTES = 400,
    PREPARE_MS = 10000,
};

struct wf_postgres {
    PGconn *conn; // NULL: not connected
    PQconninfoOption *options;
    char name[80];
    struct wf_clock clock;
    int stop_fd;
    int hosts_count;
    int host;          // that was good last
    uint64_t until_ms; // nothing takes longer; 0: as long as it may
    // Statements prepared on this connection.
    const char *statements[STATEMENTS_MAX];
    uint32_t statements_count;
    PGresult *result; // that has come of a statement that still runs
    char sqlstate[6];
    char warning[TEXT_BYTES];
};

static uint64_t
now_ms(const struct wf_postgres *postgres)
{
    return postgres->clock.mono_ns(postgres->clock.self) / 1000000;
}

static const char *
option_of(const struct wf_postgres *postgres, const char *keyword)
{
    for (PQconninfoOption *at = postgres->options; at->keyword != NULL; at++) {
        if (strcmp(at->keyword, keyword) == 0) {
            return at->val;
        }
    }
    return NULL;
}

static int
count_items(const char *list)
{
    int count = 1;

    for (; list != NULL && *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

// Copy one item of a list of several; of a list of one, that.
static const char *
copy_item(const char *list, int index, char *buf, size_t cap)
{
    const char *end;

    if (list == NULL) {
        return NULL;
    }
    for (int i = count_items(list) == 1 ? 0 : index; i > 0; i--) {
        list = strchr(list, ',');
        if (list == NULL) {
            return NULL;
        }
        list++;
    }
    end = list + strcspn(list, ",");
    snprintf(buf, cap, "%.*s", (int)(end - list), list);
    return buf;
}

weft_err
wf_postgres_create(const char *conninfo, const char *name,
                   struct wf_clock clock, int stop_fd,
                   struct wf_postgres **out_postgres)
{
    struct wf_postgres *postgres = wf_calloc(sizeof(*postgres));
    char *message = NULL;
    int addresses;

    postgres->options = PQconninfoParse(conninfo, &message);
    if (postgres->options == NULL) {
        weft_err err = wf_error(WEFT_EINVAL, "postgres: %s",
                                message != NULL ? message : "no memory");

        PQfreemem(message);
        wf_free(postgres);
        return err;
    }
    snprintf(postgres->name, sizeof(postgres->name), "weft %s", name);
    postgres->clock = clock;
    postgres->stop_fd = stop_fd;
    postgres->hosts_count = count_items(option_of(postgres, "host"));
    addresses = count_items(option_of(postgres, "hostaddr"));
    if (addresses > postgres->hosts_count) {
        postgres->hosts_count = addresses;
    }
    if (postgres->hosts_count > HOSTS_MAX) {
        wf_postgres_destroy(postgres);
        return wf_error(WEFT_EINVAL, "postgres: more than %d hosts", HOSTS_MAX);
    }
    *out_postgres = postgres;
    return WEFT_OK;
}

void
wf_postgres_destroy(struct wf_postgres *postgres)
{
    if (postgres == NULL) {
        return;
    }
    wf_postgres_disconnect(postgres);
    PQconninfoFree(postgres->options);
    wf_free(postgres);
}

bool
wf_postgres_is_connected(const struct wf_postgres *postgres)
{
    return postgres->conn != NULL;
}

void
wf_postgres_notice_loss(struct wf_postgres *postgres)
{
    struct pollfd fd = {.events = POLLIN};

    // A server's last words come before the end.
    while (postgres->conn != NULL) {
        fd.fd = PQsocket(postgres->conn);
        if (poll(&fd, 1, 0) <= 0) {
            return;
        }
        if (!PQconsumeInput(postgres->conn)) {
            wf_postgres_disconnect(postgres);
        }
    }
}

void
wf_postgres_disconnect(struct wf_postgres *postgres)
{
    PQclear(postgres->result);
    postgres->result = NULL;
    PQfinish(postgres->conn);
    postgres->conn = NULL;
    postgres->statements_count = 0;
}

void
wf_postgres_refuse(struct wf_postgres *postgres)
{
    wf_postgres_disconnect(postgres);
    postgres->host = (postgres->host + 1) % postgres->hosts_count;
}

uint64_t
wf_postgres_backend(const struct wf_postgres *postgres)
{
    return postgres->conn == NULL ? 0 : (uint64_t)PQbackendPID(postgres->conn);
}

const char *
wf_postgres_sqlstate(const struct wf_postgres *postgres)
{
    return postgres->sqlstate;
}

const char *
wf_postgres_warning(const struct wf_postgres *postgres)
{
    return postgres->warning;
}

// WEFT_ETIMEDOUT, or WEFT_EIO when stopped.
static weft_err
poll_for(struct wf_postgres *postgres, short events, uint64_t deadline_ms)
{
    struct pollfd fds[2] = {
        {.fd = postgres->stop_fd, .events = POLLIN},
        {.fd = postgres->conn != NULL ? PQsocket(postgres->conn) : -1,
         .events = events},
    };
    uint64_t now = now_ms(postgres);
    uint64_t left_ms;
    int ready;

    if (postgres->until_ms != 0 && deadline_ms > postgres->until_ms) {
        deadline_ms = postgres->until_ms;
    }
    left_ms = deadline_ms > now ? deadline_ms - now : 0;
    // At most a minute at a time: longer is waited for again.
    ready = poll(fds, 2, left_ms > 60000 ? 60000 : (int)left_ms);
    if (fds[0].revents != 0) {
        return wf_error(WEFT_EIO, "postgres: stopped");
    }
    if (ready == 0 && now_ms(postgres) >= deadline_ms) {
        return wf_error(WEFT_ETIMEDOUT, "postgres: no answer in time");
    }
    return WEFT_OK;
}

void
wf_postgres_hurry(struct wf_postgres *postgres, uint32_t ms)
{
    postgres->until_ms = ms == 0 ? 0 : now_ms(postgres) + ms;
}

bool
wf_postgres_pause(struct wf_postgres *postgres, uint32_t timeout_ms)
{
    struct pollfd fd = {.fd = postgres->stop_fd, .events = POLLIN};

    (void)poll(&fd, 1, (int)timeout_ms);
    return fd.revents == 0;
}

static void
take_notice(void *ctx, const PGresult *result)
{
    struct wf_postgres *postgres = ctx;
    const char *severity =
        PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (severity != NULL && strcmp(severity, "WARNING") == 0 &&
        postgres->warning[0] == '\0') {
        snprintf(postgres->warning, sizeof(postgres->warning), "%s [%s]",
                 message != NULL ? message : "a warning",
                 state != NULL ? state : "?");
    }
}

// One line of what libpq said, which may be several.
static const char *
first_line(const char *message, char *buf, size_t cap)
{
    size_t len = 0;

    while (message[len] != '\0' && len + 1 < cap) {
        buf[len] = message[len];
        if (buf[len] == '\n') {
            buf[len] = ' ';
        }
        len++;
    }
    while (len > 0 && buf[len - 1] == ' ') {
        len--;
    }
    buf[len] = '\0';
    return buf;
}

static void
put_option(const char **keywords, const char **values, int *count,
           const char *keyword, const char *value)
{
    WF_ASSERT(*count < OPTIONS_MAX);
    keywords[*count] = keyword;
    values[*count] = value;
    ++*count;
}

// Begin to connect to one host of the list.
static PGconn *
start_host(const struct wf_postgres *postgres, int host)
{
    // Short enough to notice within seconds that the network is gone; what the
    // conninfo says comes later, and so counts.
    static const char *const defaults[][2] = {
        {"keepalives_idle", "5"},    {"keepalives_interval", "2"},
        {"keepalives_count", "3"},   {"tcp_user_timeout", "10000"},
        {"client_encoding", "UTF8"},
    };
    const char *keywords[OPTIONS_MAX + 1];
    const char *values[OPTIONS_MAX + 1];
    char items[3][256];
    int count = 0;

    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        put_option(keywords, values, &count, defaults[i][0], defaults[i][1]);
    }
    for (PQconninfoOption *at = postgres->options; at->keyword != NULL; at++) {
        if (at->val != NULL && at->val[0] != '\0') {
            put_option(keywords, values, &count, at->keyword, at->val);
        }
    }
    put_option(keywords, values, &count, "host",
               copy_item(option_of(postgres, "host"), host, items[0],
                         sizeof(items[0])));
    put_option(keywords, values, &count, "hostaddr",
               copy_item(option_of(postgres, "hostaddr"), host, items[1],
                         sizeof(items[1])));
    put_option(keywords, values, &count, "port",
               copy_item(option_of(postgres, "port"), host, items[2],
                         sizeof(items[2])));
    put_option(keywords, values, &count, "target_session_attrs", "read-write");
    put_option(keywords, values, &count, "application_name", postgres->name);
    keywords[count] = NULL;
    values[count] = NULL;
    return PQconnectStartParams(keywords, values, 0);
}

static weft_err
finish_connecting(struct wf_postgres *postgres)
{
    uint64_t deadline_ms = now_ms(postgres) + WF_POSTGRES_CONNECT_MS;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    char text[TEXT_BYTES];

    if (postgres->conn == NULL || PQstatus(postgres->conn) == CONNECTION_BAD) {
        status = PGRES_POLLING_FAILED;
    }
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        weft_err err = poll_for(postgres, events, deadline_ms);

        if (err != WEFT_OK) {
            return wf_error(WEFT_EIO, "%s", weft_err_detail());
        }
        status = PQconnectPoll(postgres->conn);
    }
    if (status == PGRES_POLLING_OK) {
        return WEFT_OK;
    }
    return wf_error(WEFT_EIO, "%s",
                    first_line(postgres->conn != NULL
                                   ? PQerrorMessage(postgres->conn)
                                   : "no memory",
                               text, sizeof(text)));
}

// A session of the server's own, with nothing set that would hide or cancel.
static weft_err
set_session(struct wf_postgres *postgres)
{
    static const char pid_sql[] = "SELECT pg_backend_pid()::bigint";
    struct wf_postgres_rows *rows = NULL;
    uint64_t pid = 0;
    weft_err err;

    err = wf_postgres_script(
        postgres,
        "SET client_min_messages = warning; SET statement_timeout = 0;"
        "SET lock_timeout = 0; SET idle_session_timeout = 0;"
        "SET idle_in_transaction_session_timeout = 0;"
        "SET default_transaction_isolation = 'read committed';"
        "SET client_connection_check_interval = '5s';"
        "SELECT set_config('synchronous_commit', 'on', false)"
        "    WHERE current_setting('synchronous_commit') <> 'remote_apply'",
        PREPARE_MS);
    if (err == WEFT_OK) {
        err = wf_postgres_run(postgres, pid_sql, NULL, PREPARE_MS, &rows);
    }
    if (err != WEFT_OK) {
        return err;
    }
    pid = wf_postgres_number(rows, 0, 0);
    wf_postgres_rows_destroy(rows);
    if (pid != (uint64_t)PQbackendPID(postgres->conn)) {
        return wf_error(WEFT_EFORMAT,
                        "postgres: a pooler stands before the server (its "
                        "session is of process %d, the server's of %u): "
                        "connect to the server itself",
                        PQbackendPID(postgres->conn), (unsigned)pid);
    }
    return WEFT_OK;
}

static weft_err
connect_host(struct wf_postgres *postgres, int host)
{
    weft_err err;

    postgres->conn = start_host(postgres, host);
    err = finish_connecting(postgres);
    if (err == WEFT_OK) {
        PQsetNoticeReceiver(postgres->conn, take_notice, postgres);
        (void)PQsetnonblocking(postgres->conn, 1);
        err = set_session(postgres);
    }
    if (err != WEFT_OK) {
        wf_postgres_disconnect(postgres);
    }
    return err;
}

weft_err
wf_postgres_connect(struct wf_postgres *postgres)
{
    char said[TEXT_BYTES] = "";
    size_t len = 0;
    weft_err err = WEFT_OK;

    if (postgres->conn != NULL) {
        return WEFT_OK;
    }
    for (int i = 0; i < postgres->hosts_count; i++) {
        int host = (postgres->host + i) % postgres->hosts_count;

        err = connect_host(postgres, host);
        if (err == WEFT_OK) {
            postgres->host = host;
            return WEFT_OK;
        }
        if (err == WEFT_EFORMAT) {
            return err;
        }
        if (len < sizeof(said)) {
            len += (size_t)snprintf(said + len, sizeof(said) - len, "%s%s",
                                    len > 0 ? "; " : "", weft_err_detail());
        }
    }
    return wf_error(WEFT_EIO, "postgres: %s", said);
}

// The connection is of no use any more.
static weft_err
lose(struct wf_postgres *postgres)
{
    char text[TEXT_BYTES];
    weft_err err = wf_error(
        WEFT_EIO, "postgres: %s",
        first_line(PQerrorMessage(postgres->conn), text, sizeof(text)));

    wf_postgres_disconnect(postgres);
    return err;
}

static weft_err
flush_and_read(struct wf_postgres *postgres, uint64_t deadline_ms)
{
    int left = PQflush(postgres->conn);
    weft_err err;

    if (left < 0) {
        return lose(postgres);
    }
    err = poll_for(postgres, (short)(left > 0 ? POLLIN | POLLOUT : POLLIN),
                   deadline_ms);
    if (err == WEFT_EIO) { // stopped
        wf_postgres_disconnect(postgres);
    }
    if (err == WEFT_OK && !PQconsumeInput(postgres->conn)) {
        return lose(postgres);
    }
    return err;
}

// The next result of what was sent; NULL: there is no more.
static weft_err
next_result(struct wf_postgres *postgres, uint64_t deadline_ms,
            PGresult **out_result)
{
    while (PQisBusy(postgres->conn)) {
        weft_err err = flush_and_read(postgres, deadline_ms);

        if (err != WEFT_OK) {
            return err;
        }
    }
    *out_result = PQgetResult(postgres->conn);
    return WEFT_OK;
}

static weft_err
judge(struct wf_postgres *postgres, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    const char *state;
    const char *message;
    const char *detail;

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
        status == PGRES_SINGLE_TUPLE) {
        return WEFT_OK;
    }
    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    snprintf(postgres->sqlstate, sizeof(postgres->sqlstate), "%s",
             state != NULL ? state : "");
    if (message == NULL) {
        return wf_error(WEFT_EIO, "postgres: the connection was lost");
    }
    return wf_error(WEFT_EIO, "postgres: %s%s%s [%s]", message,
                    detail != NULL ? ": " : "", detail != NULL ? detail : "",
                    postgres->sqlstate);
}

weft_err
wf_postgres_wait(struct wf_postgres *postgres, uint32_t timeout_ms,
                 struct wf_postgres_rows **out_rows)
{
    uint64_t deadline_ms = now_ms(postgres) + timeout_ms;
    PGresult *next = NULL;
    weft_err err;

    WF_ASSERT(postgres->conn != NULL);
    do {
        err = next_result(postgres, deadline_ms, &next);
        if (err != WEFT_OK) {
            return err;
        }
        // The last one counts, or the first that failed.
        if (next != NULL && (postgres->result == NULL ||
                             judge(postgres, postgres->result) == WEFT_OK)) {
            PQclear(postgres->result);
            postgres->result = next;
        } else {
            PQclear(next);
        }
    } while (next != NULL);

    if (postgres->result == NULL) {
        return lose(postgres);
    }
    err = judge(postgres, postgres->result);
    if (err == WEFT_OK && out_rows != NULL) {
        *out_rows = (struct wf_postgres_rows *)postgres->result;
    } else {
        PQclear(postgres->result);
    }
    postgres->result = NULL;
    if (PQstatus(postgres->conn) == CONNECTION_BAD) {
        wf_postgres_disconnect(postgres);
    }
    return err;
}

// Wait, and lose the connection if it takes too long.
static weft_err
wait_bounded(struct wf_postgres *postgres, uint32_t limit_ms,
             struct wf_postgres_rows **out_rows)
{
    weft_err err = wf_postgres_wait(postgres, limit_ms, out_rows);

    if (err == WEFT_ETIMEDOUT) {
        wf_postgres_disconnect(postgres);
        err = wf_error(WEFT_EIO, "postgres: no answer in time");
    }
    return err;
}

static void
forget_last(struct wf_postgres *postgres)
{
    postgres->sqlstate[0] = '\0';
    postgres->warning[0] = '\0';
}

// Prepare the statement if it is not; gives its name.
static weft_err
prepare(struct wf_postgres *postgres, const char *sql,
        const struct wf_postgres_params *params, char name[8])
{
    Oid types[WF_POSTGRES_PARAMS_MAX];
    uint32_t index = 0;
    int count = params != NULL ? (int)params->count : 0;
    weft_err err;

    while (index < postgres->statements_count &&
           postgres->statements[index] != sql) {
        index++;
    }
    snprintf(name, 8, "w%u", (unsigned)index % 1000);
    if (index < postgres->statements_count) {
        return WEFT_OK;
    }
    WF_ASSERT(index < STATEMENTS_MAX);
    for (int i = 0; i < count; i++) {
        types[i] = params->items[i].type;
    }
    if (!PQsendPrepare(postgres->conn, name, sql, count, types)) {
        return lose(postgres);
    }
    err = wait_bounded(postgres, PREPARE_MS, NULL);
    if (err == WEFT_OK) {
        postgres->statements[postgres->statements_count++] = sql;
    }
    return err;
}

weft_err
wf_postgres_send(struct wf_postgres *postgres, const char *sql,
                 const struct wf_postgres_params *params)
{
    const char *values[WF_POSTGRES_PARAMS_MAX];
    int lens[WF_POSTGRES_PARAMS_MAX];
    int formats[WF_POSTGRES_PARAMS_MAX];
    int count = params != NULL ? (int)params->count : 0;
    char name[8];
    weft_err err;

    WF_ASSERT(postgres->conn != NULL);
    forget_last(postgres);
    err = prepare(postgres, sql, params, name);
    if (err != WEFT_OK) {
        return err;
    }
    for (int i = 0; i < count; i++) {
        const char *bytes =
            params->bytes.data != NULL ? (const char *)params->bytes.data : "";

        values[i] =
            params->items[i].is_null ? NULL : bytes + params->items[i].at;
        lens[i] = (int)params->items[i].len;
        formats[i] = 1;
    }
    if (!PQsendQueryPrepared(postgres->conn, name, count, values, lens, formats,
                             1)) {
        return lose(postgres);
    }
    return WEFT_OK;
}

weft_err
wf_postgres_run(struct wf_postgres *postgres, const char *sql,
                const struct wf_postgres_params *params, uint32_t limit_ms,
                struct wf_postgres_rows **out_rows)
{
    weft_err err = wf_postgres_send(postgres, sql, params);

    return err != WEFT_OK ? err : wait_bounded(postgres, limit_ms, out_rows);
}

weft_err
wf_postgres_script(struct wf_postgres *postgres, const char *sql,
                   uint32_t limit_ms)
{
    WF_ASSERT(postgres->conn != NULL);
    forget_last(postgres);
    if (!PQsendQuery(postgres->conn, sql)) {
        return lose(postgres);
    }
    return wait_bounded(postgres, limit_ms, NULL);
}

weft_err
wf_postgres_stream(struct wf_postgres *postgres, const char *sql,
                   const struct wf_postgres_params *params, uint32_t limit_ms,
                   wf_postgres_row_fn *fn, void *ctx)
{
    PGresult *result = NULL;
    weft_err fn_err = WEFT_OK;
    weft_err err = wf_postgres_send(postgres, sql, params);

    if (err != WEFT_OK) {
        return err;
    }
    (void)PQsetSingleRowMode(postgres->conn);
    do {
        err = next_result(postgres, now_ms(postgres) + limit_ms, &result);
        if (err == WEFT_ETIMEDOUT) {
            wf_postgres_disconnect(postgres);
        }
        if (err != WEFT_OK) {
            return wf_error(WEFT_EIO, "%s", weft_err_detail());
        }
        if (result != NULL && fn_err == WEFT_OK) {
            fn_err = judge(postgres, result);
            if (fn_err == WEFT_OK && PQntuples(result) > 0) {
                fn_err = fn(ctx, (const struct wf_postgres_rows *)result);
            }
        }
        PQclear(result);
    } while (result != NULL);

    if (PQstatus(postgres->conn) == CONNECTION_BAD) {
        wf_postgres_disconnect(postgres);
    }
    return fn_err;
}

static const PGresult *
result_of(const struct wf_postgres_rows *rows)
{
    return (const PGresult *)rows;
}

uint32_t
wf_postgres_rows_count(const struct wf_postgres_rows *rows)
{
    return (uint32_t)PQntuples(result_of(rows));
}

weft_bytes
wf_postgres_bytes(const struct wf_postgres_rows *rows, uint32_t row, int column)
{
    const PGresult *result = result_of(rows);
    int index = (int)row;

    WF_ASSERT(index < PQntuples(result) && column < PQnfields(result));
    return weft_bytes_of(PQgetvalue(result, index, column),
                         (size_t)PQgetlength(result, index, column));
}

uint64_t
wf_postgres_number(const struct wf_postgres_rows *rows, uint32_t row,
                   int column)
{
    struct wf_reader reader =
        wf_reader_of(wf_postgres_bytes(rows, row, column));
    size_t len = wf_reader_left(&reader);

    WF_ASSERT(len == 0 || len == 8);
    return len == 0 ? 0 : wf_reader_u64(&reader);
}

bool
wf_postgres_flag(const struct wf_postgres_rows *rows, uint32_t row, int column)
{
    weft_bytes bytes = wf_postgres_bytes(rows, row, column);

    return bytes.len == 1 && *(const uint8_t *)bytes.data != 0;
}

const char *
wf_postgres_text(const struct wf_postgres_rows *rows, uint32_t row, int column)
{
    // libpq ends every value with a NUL.
    return wf_postgres_bytes(rows, row, column).data;
}

void
wf_postgres_rows_destroy(struct wf_postgres_rows *rows)
{
    PQclear((PGresult *)rows);
}
