// SPDX-License-Identifier: Apache-2.0
//
// postgres.h - one connection to a PostgreSQL server that takes writes.
//
// A connection is made when it is asked for, to the first host of the list that
// takes writes, and lost at the first error of the network. Nothing here waits
// for ever, but wf_postgres_wait where it was told so, and whoever makes
// stop_fd readable ends every waiting, now and from now on.
//
// Statements are constants: each is prepared once on a connection, known by its
// address. Parameters and results are binary. Integers are bigint throughout.
//
// Threads: a connection is one thread's at a time.

#ifndef WF_STORAGE_POSTGRES_H
#define WF_STORAGE_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "weft/error.h"

struct wf_postgres;
struct wf_postgres_rows;

#define WF_POSTGRES_PARAMS_MAX 12
#define WF_POSTGRES_CONNECT_MS 5000 // of one host

// Parameters of a statement, in their order.
struct wf_postgres_params {
    struct wf_buf bytes;
    uint32_t count;
    struct {
        uint32_t type; // its OID
        bool is_null;
        size_t at, len;
    } items[WF_POSTGRES_PARAMS_MAX];
};

void wf_postgres_params_reset(struct wf_postgres_params *params);
void wf_postgres_params_fini(struct wf_postgres_params *params);
void wf_postgres_put_number(struct wf_postgres_params *params, uint64_t value);
void wf_postgres_put_flag(struct wf_postgres_params *params, bool value);
void wf_postgres_put_text(struct wf_postgres_params *params,
                          const char *text); // NULL: null
void wf_postgres_put_bytes(struct wf_postgres_params *params, weft_bytes bytes);
// An array: opened with how many come, then each.
void wf_postgres_open_numbers(struct wf_postgres_params *params,
                              uint32_t count);
void wf_postgres_add_number(struct wf_postgres_params *params, uint64_t value);
void wf_postgres_open_byteas(struct wf_postgres_params *params, uint32_t count);
void wf_postgres_add_bytes(struct wf_postgres_params *params, weft_bytes bytes);

// Does not connect. conninfo is copied; `name` is shown among the server's
// sessions. stop_fd is borrowed.
//
// WEFT_EINVAL   the conninfo cannot be understood
weft_err wf_postgres_create(const char *conninfo, const char *name,
                            struct wf_clock clock, int stop_fd,
                            struct wf_postgres **out_postgres);
void wf_postgres_destroy(struct wf_postgres *postgres); // NULL is fine

// Whatever is asked from now on, connecting too, is over in so much time from
// now: what was not done by then failed. 0: each takes as long as it may.
void wf_postgres_hurry(struct wf_postgres *postgres, uint32_t ms);

// Nothing if it is connected.
//
// WEFT_EIO       no host takes writes; the detail has what each said
// WEFT_EFORMAT   something stands between us and the server, and says it is it
weft_err wf_postgres_connect(struct wf_postgres *postgres);
void wf_postgres_disconnect(struct wf_postgres *postgres);
// And the next time, begin with the next host.
void wf_postgres_refuse(struct wf_postgres *postgres);
bool wf_postgres_is_connected(const struct wf_postgres *postgres);
// Give up a connection that is over, as far as this side has been told. Nothing
// is asked over it now.
void wf_postgres_notice_loss(struct wf_postgres *postgres);

// Send a statement, and wait for its rows. WEFT_ETIMEDOUT: it still runs; wait
// again, or disconnect. out_rows may be NULL.
//
// WEFT_EIO   it failed; the detail has the server's words. If it is connected
//            no more, the outcome is not known.
weft_err wf_postgres_send(struct wf_postgres *postgres, const char *sql,
                          const struct wf_postgres_params *params);
weft_err wf_postgres_wait(struct wf_postgres *postgres, uint32_t timeout_ms,
                          struct wf_postgres_rows **out_rows);
// Both. What takes longer than limit_ms loses the connection, WEFT_EIO.
weft_err wf_postgres_run(struct wf_postgres *postgres, const char *sql,
                         const struct wf_postgres_params *params,
                         uint32_t limit_ms, struct wf_postgres_rows **out_rows);
// Row by row, as they come; limit_ms for each.
//
// else   what fn returned
typedef weft_err wf_postgres_row_fn(void *ctx,
                                    const struct wf_postgres_rows *rows);
weft_err wf_postgres_stream(struct wf_postgres *postgres, const char *sql,
                            const struct wf_postgres_params *params,
                            uint32_t limit_ms, wf_postgres_row_fn *fn,
                            void *ctx);
// Several statements without parameters, as one transaction.
weft_err wf_postgres_script(struct wf_postgres *postgres, const char *sql,
                            uint32_t limit_ms);

// Of the last statement: the error's SQLSTATE, or ""; and the first warning the
// server gave, or "".
const char *wf_postgres_sqlstate(const struct wf_postgres *postgres);
const char *wf_postgres_warning(const struct wf_postgres *postgres);
// The server's process that this connection talks to; 0: it is connected no
// more.
uint64_t wf_postgres_backend(const struct wf_postgres *postgres);
// Wait; false: stopped.
bool wf_postgres_pause(struct wf_postgres *postgres, uint32_t timeout_ms);

uint32_t wf_postgres_rows_count(const struct wf_postgres_rows *rows);
// Columns count from 0. Borrowed from the rows; null is 0, false, "" or empty.
uint64_t wf_postgres_number(const struct wf_postgres_rows *rows, uint32_t row,
                            int column);
bool wf_postgres_flag(const struct wf_postgres_rows *rows, uint32_t row,
                      int column);
const char *wf_postgres_text(const struct wf_postgres_rows *rows, uint32_t row,
                             int column);
weft_bytes wf_postgres_bytes(const struct wf_postgres_rows *rows, uint32_t row,
                             int column);
void wf_postgres_rows_destroy(struct wf_postgres_rows *rows); // NULL is fine

#endif
