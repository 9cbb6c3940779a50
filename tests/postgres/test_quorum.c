// SPDX-License-Identifier: Apache-2.0
//
// test_quorum.c - a primary and two standbys, which freeze, die, are promoted
// and are no longer waited for, beneath appends.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/trace.h"
#include "postgres/servers.h"
#include "storage/log_postgres.h"
#include "support/test.h"

enum { PARTITIONS = 4, WAIT_S = 120 };

struct rig {
    struct servers *servers;
    struct wf_trace trace;
    struct wf_postgres_options options;
    struct wf_registry registry;
    struct wf_shared_log log;
    struct wf_registry_node node;
    pthread_mutex_t lock;
    char said[2048]; // what was said last
};

static void
hear(void *ctx, enum wf_trace_level level, uint64_t at_ms, const char *who,
     const char *verb, const char *text)
{
    struct rig *rig = ctx;

    (void)level;
    (void)at_ms;
    pthread_mutex_lock(&rig->lock);
    snprintf(rig->said, sizeof(rig->said), "%s %s %s", who, verb, text);
    pthread_mutex_unlock(&rig->lock);
}

static void
nap(void)
{
    struct timespec time = {.tv_nsec = 10000000};

    nanosleep(&time, NULL);
}

static void
await_said(struct rig *rig, const char *part)
{
    for (int i = 0; i < WAIT_S * 100; i++) {
        bool is_said;

        pthread_mutex_lock(&rig->lock);
        is_said = strstr(rig->said, part) != NULL;
        pthread_mutex_unlock(&rig->lock);
        if (is_said) {
            return;
        }
        nap();
    }
    CHECK_STR(rig->said, part);
}

static void
await_sql(struct rig *rig, int server, const char *sql)
{
    for (int i = 0; i < WAIT_S * 20; i++) {
        if (servers_sql(rig->servers, server, sql)[0] == 't') {
            return;
        }
        nap();
    }
    CHECK_STR("never", sql);
}

// A backend waits for the standbys in a statement like that.
static void
await_waiting(struct rig *rig, const char *like)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) > 0 FROM pg_stat_activity"
             " WHERE wait_event = 'SyncRep' AND query LIKE '%s'",
             like);
    await_sql(rig, 0, sql);
}

static void
acquire_all(struct rig *rig)
{
    struct wf_shared_place place;

    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_OK(rig->log.ops->acquire(rig->log.self, i, &place));
    }
}

// A cluster whose node "a" has all partitions.
static void
create_rig(struct rig *rig)
{
    struct wf_cluster_facts facts;

    *rig =
        (struct rig){.node = {.id = "a", .record_max = WF_SEGMENT_VERSION_MAX}};
    pthread_mutex_init(&rig->lock, NULL);
    rig->trace = (struct wf_trace){.emit = hear, .ctx = rig};
    rig->servers = servers_start(3, NULL);
    rig->options.conninfo = servers_conninfo(rig->servers);
    rig->options.require_quorum = true;
    rig->options.clock = wf_clock_system();
    rig->options.trace = &rig->trace;
    CHECK_OK(wf_postgres_init(&rig->options, PARTITIONS, &facts));
    CHECK_OK(wf_registry_postgres_open(&rig->options, &rig->registry));
    CHECK_OK(rig->registry.ops->join(rig->registry.self, &rig->node, 600000));
    CHECK_OK(wf_log_postgres_open(&rig->options, "a", rig->node.incarnation,
                                  &rig->log));
    CHECK_EQ(wf_log_postgres_durability(&rig->log), WF_DURABILITY_QUORUM);
    acquire_all(rig);
}

static void
destroy_rig(struct rig *rig)
{
    rig->log.ops->close(rig->log.self);
    rig->registry.ops->close(rig->registry.self);
    servers_stop(rig->servers);
    pthread_mutex_destroy(&rig->lock);
}

static enum wf_append_result
append(struct rig *rig, uint32_t partition, uint64_t value)
{
    struct wf_buf frame = {0};
    struct wf_segment segment = {.partition = partition,
                                 .epoch = 1,
                                 .first_record = value,
                                 .records = weft_text("records")};
    struct wf_shared_append one = {.partition = partition};

    wf_segment_encode(&segment, &frame);
    one.segment = wf_buf_bytes(&frame);
    rig->log.ops->append(rig->log.self, &one, 1);
    wf_buf_fini(&frame);
    return one.result;
}

// An append of value 77 to partition 0, beside.
struct beside {
    struct rig *rig;
    pthread_t thread;
    atomic_bool has_ended;
    enum wf_append_result result;
};

static void *
run_beside(void *ctx)
{
    struct beside *beside = ctx;

    beside->result = append(beside->rig, 0, 77);
    atomic_store(&beside->has_ended, true);
    return NULL;
}

static void
begin_append(struct beside *beside, struct rig *rig)
{
    beside->rig = rig;
    atomic_init(&beside->has_ended, false);
    CHECK_EQ(pthread_create(&beside->thread, NULL, run_beside, beside), 0);
}

static void
end_append(struct beside *beside)
{
    pthread_join(beside->thread, NULL);
    CHECK_EQ(beside->result, WF_APPEND_DURABLE);
}

// The values of a partition, in order.
struct values {
    uint64_t all[20000];
    uint32_t count;
};

static weft_err
collect(void *ctx, uint64_t number, const struct wf_segment *segments,
        uint32_t segments_count)
{
    struct values *values = ctx;

    CHECK_EQ(segments_count, 1);
    CHECK_EQ(number, values->count + 1);
    CHECK(values->count < 20000);
    values->all[values->count++] = segments->first_record;
    return WEFT_OK;
}

static void
read_values(struct rig *rig, uint32_t partition, struct values *values)
{
    values->count = 0;
    CHECK_OK(rig->log.ops->read(rig->log.self, partition, 0, collect, values));
}

static void
check_only_77(struct rig *rig)
{
    static struct values values;

    read_values(rig, 0, &values);
    CHECK_EQ(values.count, 1);
    CHECK_EQ(values.all[0], 77);
}

static void
freeze_standbys(struct rig *rig)
{
    servers_freeze(rig->servers, 1);
    servers_freeze(rig->servers, 2);
}

static void
set_names(struct rig *rig, const char *names)
{
    char sql[128];

    snprintf(sql, sizeof(sql),
             "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
    servers_sql(rig->servers, 0, sql);
    servers_sql(rig->servers, 0, "SELECT pg_reload_conf()");
}

// Its success comes with a warning, and is worth nothing yet.
TEST(quorum, a_wait_that_was_cancelled_is_a_doubt)
{
    struct rig rig;
    struct beside beside;

    create_rig(&rig);
    freeze_standbys(&rig);
    begin_append(&beside, &rig);
    await_waiting(&rig, "WITH b%");
    servers_sql(rig.servers, 0,
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event = 'SyncRep'");
    await_waiting(&rig, "UPDATE weft.part SET epoch = epoch%"); // the barrier
    CHECK(!atomic_load(&beside.has_ended));
    // The barrier's wait may be cancelled as well.
    servers_sql(rig.servers, 0,
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event = 'SyncRep'");
    await_said(&rig, "standby");
    CHECK(!atomic_load(&beside.has_ended));
    servers_thaw(rig.servers, 1);
    end_append(&beside);
    servers_thaw(rig.servers, 2);
    check_only_77(&rig);
    destroy_rig(&rig);
}

TEST(quorum, a_backend_that_is_terminated_in_its_wait_leaves_a_doubt)
{
    struct rig rig;
    struct beside beside;

    create_rig(&rig);
    freeze_standbys(&rig);
    begin_append(&beside, &rig);
    await_waiting(&rig, "WITH b%");
    servers_sql(rig.servers, 0,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event = 'SyncRep'");
    await_said(&rig, "waits");
    CHECK(!atomic_load(&beside.has_ended));
    servers_thaw(rig.servers, 1);
    servers_thaw(rig.servers, 2);
    end_append(&beside);
    check_only_77(&rig);
    destroy_rig(&rig);
}

// Whoever waits is woken then, as if all were well.
TEST(quorum, standbys_that_are_waited_for_no_more_are_missed)
{
    struct rig rig;
    struct beside beside;
    struct wf_shared_place place;
    static struct values values;

    create_rig(&rig);
    freeze_standbys(&rig);
    begin_append(&beside, &rig);
    await_waiting(&rig, "WITH b%");
    servers_sql(rig.servers, 0, "SELECT pg_sleep(0.6)");
    set_names(&rig, "");
    await_said(&rig, "no quorum");
    CHECK(!atomic_load(&beside.has_ended));
    CHECK_EQ(wf_log_postgres_durability(&rig.log), WF_DURABILITY_LOCAL);
    CHECK_ERR(rig.log.ops->acquire(rig.log.self, 1, &place), WEFT_EIO);
    set_names(&rig, "ANY 1 (s0, s1, s2)");
    servers_thaw(rig.servers, 1);
    servers_thaw(rig.servers, 2);
    end_append(&beside);
    check_only_77(&rig);

    // The next one is not even written.
    set_names(&rig, "");
    begin_append(&beside, &rig);
    await_said(&rig, "synchronous_standby_names is empty");
    read_values(&rig, 0, &values);
    CHECK_EQ(values.count, 1);
    set_names(&rig, "ANY 1 (s0, s1, s2)");
    end_append(&beside);
    CHECK_EQ(wf_log_postgres_durability(&rig.log), WF_DURABILITY_QUORUM);
    destroy_rig(&rig);
}

static void
fail_over(struct rig *rig)
{
    int next = servers_newest(rig->servers, 1, 2);

    servers_promote(rig->servers, next);
    servers_follow(rig->servers, 3 - next, next);
}

// It was in the old primary's log, seen there, and nowhere else.
TEST(quorum, what_landed_only_on_a_server_that_was_replaced_is_sent_again)
{
    struct rig rig;
    struct beside beside;

    create_rig(&rig);
    freeze_standbys(&rig);
    begin_append(&beside, &rig);
    await_waiting(&rig, "WITH b%");
    servers_kill(rig.servers, 0);
    servers_restart(rig.servers, 0);
    CHECK_STR(servers_sql(rig.servers, 0, "SELECT count(*) FROM weft.clog"),
              "1\n");
    await_said(&rig, "none of synchronous_standby_names");
    CHECK(!atomic_load(&beside.has_ended));
    servers_kill(rig.servers, 0);
    servers_thaw(rig.servers, 1);
    servers_thaw(rig.servers, 2);
    await_sql(&rig, 1, "SELECT count(*) = 0 FROM weft.clog");
    fail_over(&rig);
    end_append(&beside);
    check_only_77(&rig);
    destroy_rig(&rig);
}

// Appends to all partitions, each value one more than the last.
struct load {
    struct rig *rig;
    pthread_t thread;
    atomic_bool is_over;
    atomic_uint acknowledged;
    uint64_t failed;
};

static void *
append_on(void *ctx)
{
    struct load *load = ctx;
    uint64_t value = 0;

    while (!atomic_load(&load->is_over)) {
        struct wf_shared_append all[PARTITIONS] = {{0}};
        struct wf_buf frames[PARTITIONS] = {{0}};

        value++;
        for (uint32_t i = 0; i < PARTITIONS; i++) {
            struct wf_segment segment = {
                .partition = i, .epoch = 1, .first_record = value};

            wf_segment_encode(&segment, &frames[i]);
            all[i].partition = i;
            all[i].segment = wf_buf_bytes(&frames[i]);
        }
        load->rig->log.ops->append(load->rig->log.self, all, PARTITIONS);
        for (uint32_t i = 0; i < PARTITIONS; i++) {
            load->failed += all[i].result != WF_APPEND_DURABLE;
            wf_buf_fini(&frames[i]);
        }
        atomic_store(&load->acknowledged, (unsigned)value);
    }
    return NULL;
}

static void
await_more(struct load *load, unsigned more)
{
    unsigned from = atomic_load(&load->acknowledged);

    for (int i = 0; i < WAIT_S * 100; i++) {
        if (atomic_load(&load->acknowledged) >= from + more) {
            return;
        }
        nap();
    }
    CHECK(false);
}

TEST(quorum, a_standby_is_promoted_beneath_appends_and_nothing_is_lost)
{
    struct rig rig;
    struct load load = {.rig = &rig};
    struct wf_shared_log late;
    struct wf_shared_place place;
    static struct values values;
    unsigned acknowledged;

    create_rig(&rig);
    CHECK_EQ(pthread_create(&load.thread, NULL, append_on, &load), 0);
    await_more(&load, 50);
    servers_kill(rig.servers, 0);
    fail_over(&rig);
    await_more(&load, 50);
    // The old primary comes back and does not know that it was replaced.
    servers_restart(rig.servers, 0);
    await_more(&load, 20);
    atomic_store(&load.is_over, true);
    pthread_join(load.thread, NULL);
    CHECK_EQ(load.failed, 0);
    acknowledged = atomic_load(&load.acknowledged);

    // Nor does who begins now, with the first host of the list.
    CHECK_OK(
        wf_log_postgres_open(&rig.options, "a", rig.node.incarnation, &late));
    for (int i = 0; i < WAIT_S * 100; i++) {
        if (late.ops->acquire(late.self, 0, &place) == WEFT_OK) {
            break;
        }
        nap();
    }
    CHECK_EQ(place.epoch, 2);
    CHECK_EQ(place.last, acknowledged);
    late.ops->close(late.self);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        read_values(&rig, p, &values);
        CHECK_EQ(values.count, acknowledged);
        for (uint32_t i = 0; i < values.count; i++) {
            CHECK_EQ(values.all[i], i + 1);
        }
    }
    destroy_rig(&rig);
}
