// SPDX-License-Identifier: Apache-2.0
//
// append_postgres.c - append commits to logs in PostgreSQL, and find out what
// became of them.
//
// All partitions go in one statement, and each row is fenced for itself: it is
// written if the partition's epoch and next number are still those we know.
// What the statement returns is durable, if it came without a warning and soon.
// Everything else is a doubt, and all doubts are settled in one way:
//
//           +------------------- paused, connected anew ---------------+
//           v                                                          |
//     FROZEN --look--> the epoch is another's  -> FENCED               |
//       |              our bytes are there     -> LANDED --barrier--> DURABLE
//       |              the number is still free -> sent again ---------+
//       |              none of these: it has gone back -> IN_DOUBT
//       v
//     stop -> IN_DOUBT
//
// A log that has gone back is one partition's: the others go on. It is looked
// for on other servers first, for the one that was asked may be the wrong one.
// Whoever opens the partition again finds the same (depot_shared.c).
//
// "Our bytes are there" compares them. The bytes that are sent again are those
// of the caller, who waits meanwhile, so they cannot have changed.
//
// Why a barrier: what landed may be on this server alone. What is visible was
// written to the WAL before; so when any later transaction of ours is
// acknowledged by the standbys, they have all that was visible to it. The
// barrier is an update that changes nothing, since a transaction that writes
// nothing waits for nobody.
//
// Why "soon": if all standbys go away and whoever manages the server empties
// synchronous_standby_names, those who wait are woken as if all were well. So
// what took long is believed only after the server's promise was looked at
// again; and the statement writes nothing if the names are empty, where a
// quorum is required.
//
// Landed is said of one server. On a new connection it is looked for anew: that
// may be to another server, which took over without it.
//
// Nothing here cancels a statement: a wait for the standbys that is cancelled
// has committed. What takes long is probed on another connection. If the same
// server answers, and says that it runs our statement, it is waited for; else
// the connection is given up, so that at most one statement of ours is left
// behind on a server.
//
// Threads: append's.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/trace.h"
#include "storage/log_postgres_impl.h"

enum {
    PROBE_MS = 5000, // after which it is asked why it takes so long
    SOON_MS = 500,
    PAUSE_MS_MIN = 20,
    PAUSE_MS_MAX = 1000,
    BACK_LOOKS = 3, // until a log is believed to have gone back
};

enum state {
    STATE_FROZEN, // to be sent; or it was, and it is not known what came of it
    STATE_LANDED, // it is in the log; not known whether on more than one server
    STATE_SETTLED
};

struct wf_postgres_item {
    struct wf_shared_append *append;
    struct wf_postgres_place place;
    enum state state;
    uint32_t times_back; // that it was seen to have gone back
};

struct batch {
    struct wf_log_postgres *log;
    struct wf_postgres_appender *appender;
    struct wf_postgres_item *items;
    uint32_t count;
    bool is_doubtful;     // look before anything is sent
    uint64_t doubted_ns;  // until when its doubt was counted; 0: there was none
    uint64_t connections; // of the session, when it was looked
    uint32_t pause_ms;
};

static const char append_sql[] =
    "WITH b AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])"
    " WITH ORDINALITY AS t(id, epoch, lsn, i)),"
    " o AS (UPDATE weft.part p SET next_lsn = b.lsn + 1 FROM b"
    " WHERE p.id = b.id AND p.epoch = b.epoch AND p.next_lsn = b.lsn"
    " AND (NOT $5 OR current_setting('synchronous_standby_names') <> '')"
    " RETURNING b.id, b.epoch, b.lsn, b.i)"
    " INSERT INTO weft.clog (part, lsn, epoch, data)"
    " SELECT id, lsn, epoch, ($4::bytea[])[i] FROM o RETURNING part::bigint";

static const char look_sql[] =
    "SELECT p.id::bigint, p.epoch, p.next_lsn,"
    " c.data IS NOT NULL AND c.epoch = b.epoch AND c.data = ($4::bytea[])[b.i]"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])"
    " WITH ORDINALITY AS b(id, epoch, lsn, i)"
    " JOIN weft.part p ON p.id = b.id"
    " LEFT JOIN weft.clog c ON c.part = b.id AND c.lsn = b.lsn";

static const char barrier_sql[] =
    "UPDATE weft.part SET epoch = epoch WHERE id = $1";

static struct wf_postgres_item *
find_item(struct batch *batch, uint64_t partition)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->items[i].append->partition == partition) {
            return &batch->items[i];
        }
    }
    return NULL;
}

static uint32_t
count_in(const struct batch *batch, enum state state)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        count += batch->items[i].state == state;
    }
    return count;
}

static void
settle(struct wf_postgres_item *item, enum wf_append_result result)
{
    item->append->result = result;
    item->state = STATE_SETTLED;
}

// Parameters 1 to 4: the frozen ones.
static void
put_frozen(struct batch *batch)
{
    struct wf_postgres_params *params = &batch->appender->params;
    uint32_t count = count_in(batch, STATE_FROZEN);

    wf_postgres_params_reset(params);
    for (int column = 0; column < 4; column++) {
        if (column < 3) {
            wf_postgres_open_numbers(params, count);
        } else {
            wf_postgres_open_byteas(params, count);
        }
        for (uint32_t i = 0; i < batch->count; i++) {
            const struct wf_postgres_item *item = &batch->items[i];

            if (item->state != STATE_FROZEN) {
                continue;
            }
            if (column == 3) {
                wf_postgres_add_bytes(params, item->append->segment);
            } else {
                wf_postgres_add_number(params,
                                       column == 0   ? item->append->partition
                                       : column == 1 ? item->place.epoch
                                                     : item->place.next);
            }
        }
    }
}

// What became of one, by what the database has.
static weft_err
judge(struct wf_postgres_item *item, uint64_t epoch, uint64_t next,
      bool is_there)
{
    const struct wf_postgres_place *place = &item->place;

    if (epoch > place->epoch) {
        settle(item, WF_APPEND_FENCED);
        return WEFT_OK;
    }
    if (epoch == place->epoch && next > place->next && is_there) {
        item->state = STATE_LANDED;
        return WEFT_OK;
    }
    if (epoch == place->epoch && next == place->next) {
        return WEFT_OK; // it is still to be done
    }
    // What no one but a log that went back can show. To go on would be to lose
    // what was acknowledged; so the partition stays where it is.
    if (++item->times_back >= BACK_LOOKS) {
        settle(item, WF_APPEND_IN_DOUBT);
    }
    return wf_error(WEFT_EIO,
                    "partition %" PRIu32 ": the log has epoch %" PRIu64
                    " and ends before commit %" PRIu64 ", where epoch %" PRIu64
                    " and commit %" PRIu64 " were: it has gone back",
                    item->append->partition, epoch, next, place->epoch,
                    place->next);
}

// Find out which of the frozen ones are in the log.
static weft_err
look(struct batch *batch)
{
    struct wf_postgres_rows *rows = NULL;
    weft_err err;

    put_frozen(batch);
    err = wf_postgres_run(batch->appender->session.postgres, look_sql,
                          &batch->appender->params, WF_SESSION_LIMIT_MS, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    for (uint32_t i = 0; i < wf_postgres_rows_count(rows); i++) {
        struct wf_postgres_item *item =
            find_item(batch, wf_postgres_number(rows, i, 0));
        weft_err judged = WEFT_OK;

        if (item != NULL) {
            judged = judge(item, wf_postgres_number(rows, i, 1),
                           wf_postgres_number(rows, i, 2),
                           wf_postgres_flag(rows, i, 3));
        }
        if (judged != WEFT_OK) {
            err = judged;
        }
    }
    wf_postgres_rows_destroy(rows);
    if (err != WEFT_OK) {
        wf_postgres_refuse(batch->appender->session.postgres);
    }
    return err;
}

// Whether our statement runs there. If something between us and the server has
// dropped the connection and told the server alone, the answer never comes.
static weft_err
look_for_statement(struct batch *batch, bool *out_runs)
{
    static const char sql[] = "SELECT 1 FROM pg_stat_activity"
                              " WHERE pid = $1 AND state <> 'idle'";
    struct wf_postgres_params params = {0};
    struct wf_postgres_rows *rows = NULL;
    weft_err err;

    wf_postgres_put_number(
        &params, wf_postgres_backend(batch->appender->session.postgres));
    err = wf_postgres_run(batch->appender->probe.postgres, sql, &params,
                          PROBE_MS, &rows);
    *out_runs = err == WEFT_OK && wf_postgres_rows_count(rows) > 0;
    wf_postgres_rows_destroy(rows);
    wf_postgres_params_fini(&params);
    return err;
}

// Whether the server that our statement runs on still answers; says why it
// takes so long.
static bool
probe(struct batch *batch)
{
    struct wf_session *session = &batch->appender->session;
    struct wf_session *asked = &batch->appender->probe;
    weft_err err = wf_session_ready(asked, 0);
    char why[400];
    bool is_same;
    bool runs = false;

    if (err == WEFT_OK) {
        err = look_for_statement(batch, &runs);
    }
    if (err != WEFT_OK) {
        wf_session_say(session, weft_err_detail());
        return false;
    }
    is_same = asked->promise.timeline == session->promise.timeline &&
              asked->promise.started_at == session->promise.started_at;
    snprintf(why, sizeof(why),
             "an append to %" PRIu32 " partitions: %s (standbys that a commit "
             "waits for and are there: %" PRIu64 ")",
             batch->count,
             !is_same ? "the database was replaced by another server"
             : runs   ? "the database has not answered yet"
                      : "the database knows nothing of it any more",
             asked->promise.standbys);
    wf_session_say(session, why);
    wf_postgres_disconnect(asked->postgres);
    return is_same && runs;
}

// Wait for a statement that commits, as long as its server is there.
static weft_err
wait_long(struct batch *batch, struct wf_postgres_rows **out_rows)
{
    struct wf_session *session = &batch->appender->session;
    struct wf_clock clock = session->shared->clock;
    uint64_t begun_ns = clock.mono_ns(clock.self);
    weft_err err;

    for (;;) {
        err = wf_postgres_wait(session->postgres, PROBE_MS, out_rows);
        if (err != WEFT_ETIMEDOUT) {
            break;
        }
        if (!probe(batch)) {
            wf_postgres_disconnect(session->postgres);
            return wf_error(WEFT_EIO, "postgres: the server answers no more");
        }
    }
    if (err == WEFT_OK && wf_postgres_warning(session->postgres)[0] != '\0') {
        err = wf_error(WEFT_EIO, "postgres: %s",
                       wf_postgres_warning(session->postgres));
    } else if (err == WEFT_OK && clock.mono_ns(clock.self) - begun_ns >
                                     (uint64_t)SOON_MS * 1000000) {
        err = wf_session_ready(session, 0);
        if (err == WEFT_OK) {
            err = wf_session_permits(session);
        }
    }
    if (err != WEFT_OK && out_rows != NULL) {
        wf_postgres_rows_destroy(*out_rows);
        *out_rows = NULL;
    }
    return err;
}

static weft_err
send_frozen(struct batch *batch)
{
    struct wf_postgres_appender *appender = batch->appender;
    const struct wf_session_shared *shared = appender->session.shared;
    struct wf_postgres_rows *rows = NULL;
    weft_err err;

    put_frozen(batch);
    wf_postgres_put_flag(&appender->params,
                         shared->require_quorum &&
                             shared->declared == WF_DURABILITY_UNKNOWN);
    batch->is_doubtful = true; // until it is known not to be
    err = wf_postgres_send(appender->session.postgres, append_sql,
                           &appender->params);
    if (err == WEFT_OK) {
        err = wait_long(batch, &rows);
    }
    if (err != WEFT_OK) {
        return err;
    }
    for (uint32_t i = 0; i < wf_postgres_rows_count(rows); i++) {
        struct wf_postgres_item *item =
            find_item(batch, wf_postgres_number(rows, i, 0));

        WF_ASSERT(item != NULL);
        settle(item, WF_APPEND_DURABLE);
    }
    wf_postgres_rows_destroy(rows);
    if (count_in(batch, STATE_FROZEN) > 0) {
        // It may be the promise that has changed since.
        appender->session.checked_at_ms = 0;
    }
    return WEFT_OK;
}

// What landed is on the standbys too.
static weft_err
pass_barrier(struct batch *batch)
{
    struct wf_postgres_appender *appender = batch->appender;
    uint32_t first = 0;
    weft_err err;

    while (batch->items[first].state != STATE_LANDED) {
        first++;
    }
    wf_postgres_params_reset(&appender->params);
    wf_postgres_put_number(&appender->params,
                           batch->items[first].append->partition);
    err = wf_postgres_send(appender->session.postgres, barrier_sql,
                           &appender->params);
    if (err == WEFT_OK) {
        err = wait_long(batch, NULL);
    }
    for (uint32_t i = 0; i < batch->count && err == WEFT_OK; i++) {
        if (batch->items[i].state == STATE_LANDED) {
            settle(&batch->items[i], WF_APPEND_DURABLE);
        }
    }
    return err;
}

// What landed on one server, which may have been replaced, is on another only
// if it is seen there.
static void
doubt_again(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->items[i].state == STATE_LANDED) {
            batch->items[i].state = STATE_FROZEN;
        }
    }
    batch->is_doubtful = true;
}

// One step towards having none left.
static weft_err
advance(struct batch *batch)
{
    struct wf_session *session = &batch->appender->session;
    weft_err err = wf_session_ready(session, WF_SESSION_CHECK_MS);

    if (err != WEFT_OK) {
        return err;
    }
    if (batch->connections != session->connections) {
        if (batch->connections != 0) {
            doubt_again(batch);
        }
        batch->connections = session->connections;
    }
    if (batch->is_doubtful && count_in(batch, STATE_FROZEN) > 0) {
        err = look(batch);
        if (err != WEFT_OK) {
            return err;
        }
        batch->is_doubtful = false;
    }
    err = wf_session_permits(session);
    if (err != WEFT_OK) {
        session->checked_at_ms = 0; // to look again with the next step
        return err;
    }
    if (count_in(batch, STATE_LANDED) > 0) {
        return pass_barrier(batch);
    }
    return count_in(batch, STATE_FROZEN) > 0 ? send_frozen(batch) : WEFT_OK;
}

// Take each partition's place; who has none is fenced.
static void
begin(struct batch *batch, struct wf_shared_append *appends)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wf_postgres_item *item = &batch->items[i];

        *item = (struct wf_postgres_item){
            .append = &appends[i],
            .place = wf_log_postgres_place(batch->log, appends[i].partition),
        };
        appends[i].number = item->place.next;
        if (item->place.is_doubtful) {
            settle(item, WF_APPEND_IN_DOUBT);
        } else if (item->place.epoch == 0) {
            settle(item, WF_APPEND_FENCED);
        }
    }
}

// Give each partition its new place, unless it was acquired anew meanwhile.
static void
finish(struct batch *batch)
{
    struct wf_log_postgres *log = batch->log;

    pthread_mutex_lock(&log->lock);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wf_postgres_item *item = &batch->items[i];
        struct wf_postgres_place *place = &log->places[item->append->partition];

        if (item->state != STATE_SETTLED) {
            settle(item, WF_APPEND_IN_DOUBT);
        }
        if (place->epoch != item->place.epoch) {
            continue;
        }
        if (item->append->result == WF_APPEND_DURABLE) {
            place->next++;
        } else if (item->append->result == WF_APPEND_FENCED) {
            *place = (struct wf_postgres_place){0};
            wf_counter_add(&batch->appender->fenced, 1);
        } else {
            place->is_doubtful = true;
        }
    }
    pthread_mutex_unlock(&log->lock);
}

// For wf_log_postgres_count. As it goes on, for it may take long.
static void
count_doubt(struct batch *batch)
{
    struct wf_postgres_appender *appender = batch->appender;
    struct wf_clock clock = appender->session.shared->clock;
    uint64_t now_ns = clock.mono_ns(clock.self);
    uint64_t ms = (now_ns - batch->doubted_ns) / 1000000;

    if (batch->doubted_ns != 0) {
        wf_counter_add(&appender->doubt_ms, ms);
        batch->doubted_ns += ms * 1000000;
    } else if (batch->is_doubtful) {
        wf_counter_add(&appender->doubts, 1);
        batch->doubted_ns = now_ns;
    }
}

void
wf_postgres_append(void *self, struct wf_shared_append *appends, uint32_t count)
{
    struct wf_log_postgres *log = self;
    struct wf_postgres_appender *appender = &log->appender;
    struct batch batch = {.log = log,
                          .appender = appender,
                          .count = count,
                          .pause_ms = PAUSE_MS_MIN};

    if (count > appender->items_cap) {
        appender->items =
            wf_realloc(appender->items, count * sizeof(*appender->items));
        appender->items_cap = count;
    }
    batch.items = appender->items;
    begin(&batch, appends);
    while (count_in(&batch, STATE_SETTLED) < count) {
        weft_err err = advance(&batch);

        if (err == WEFT_OK) {
            continue;
        }
        wf_session_say(&appender->session, weft_err_detail());
        count_doubt(&batch);
        if (!wf_postgres_pause(appender->session.postgres, batch.pause_ms)) {
            break;
        }
        batch.pause_ms = batch.pause_ms * 2 > PAUSE_MS_MAX ? PAUSE_MS_MAX
                                                           : batch.pause_ms * 2;
    }
    if (batch.doubted_ns != 0) {
        count_doubt(&batch);
    }
    finish(&batch);
}
