// SPDX-License-Identifier: Apache-2.0
//
// test_postgres.c - one server: what is refused and in which words, and appends
// whose connection breaks.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/trace.h"
#include "postgres/proxy.h"
#include "postgres/servers.h"
#include "storage/log_postgres.h"
#include "support/test.h"

enum { PARTITIONS = 4 };

static struct servers *servers; // of all tests

static void
stop_servers(void)
{
    servers_stop(servers);
}

// A server without a schema.
static struct wf_postgres_options
begin(void)
{
    if (servers == NULL) {
        servers = servers_start(1, NULL);
        atexit(stop_servers);
    }
    servers_sql(servers, 0, "DROP SCHEMA IF EXISTS weft CASCADE");
    return (struct wf_postgres_options){.conninfo = servers_conninfo(servers),
                                        .clock = wf_clock_system()};
}

static struct wf_cluster_facts
init(const struct wf_postgres_options *options)
{
    struct wf_cluster_facts facts;

    CHECK_OK(wf_postgres_init(options, PARTITIONS, &facts));
    return facts;
}

// What opening says, and that it names the thing.
static void
check_refused(const struct wf_postgres_options *options, weft_err err,
              const char *part)
{
    struct wf_shared_log log;
    struct wf_registry registry;

    CHECK_ERR(wf_registry_postgres_open(options, &registry), err);
    CHECK_ERR(wf_log_postgres_open(options, "a", 1, &log), err);
    if (strstr(weft_err_detail(), part) == NULL) {
        CHECK_STR(weft_err_detail(), part);
    }
}

TEST(postgres, a_conninfo_that_is_none_is_refused)
{
    struct wf_postgres_options options = begin();

    options.conninfo = "nonsense";
    check_refused(&options, WEFT_EINVAL, "nonsense");
    options.conninfo = "postgres://127.0.0.1:1/postgres";
    check_refused(&options, WEFT_EIO, "Connection refused");
    options.conninfo = "host=127.0.0.1,127.0.0.1 port=1,2 dbname=x";
    check_refused(&options, WEFT_EIO, "port 2");
    options.conninfo = servers_conninfo(servers);
    options.declared = "surely";
    check_refused(&options, WEFT_EINVAL, "surely");
}

TEST(postgres, the_words_of_the_server_are_passed_on)
{
    struct wf_postgres_options options = begin();
    char conninfo[128];

    snprintf(conninfo, sizeof(conninfo), "postgres://weft@127.0.0.1:%d/absent",
             servers_port(servers, 0));
    options.conninfo = conninfo;
    check_refused(&options, WEFT_EIO, "database \"absent\" does not exist");
}

TEST(postgres, a_database_without_a_cluster_is_told)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts;

    check_refused(&options, WEFT_ENOTFOUND, "weft cluster init");
    CHECK_ERR(wf_postgres_look(&options, &facts), WEFT_ENOTFOUND);
}

TEST(postgres, making_a_cluster_again_changes_nothing)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts first = init(&options);
    struct wf_cluster_facts second = init(&options);
    struct wf_cluster_facts seen;

    CHECK(memcmp(first.id, second.id, sizeof(first.id)) == 0);
    CHECK_OK(wf_postgres_look(&options, &seen));
    CHECK(memcmp(first.id, seen.id, sizeof(first.id)) == 0);
    CHECK_EQ(seen.partition_count, PARTITIONS);
    CHECK_EQ(seen.schema_version, WF_SCHEMA_VERSION);
    CHECK_ERR(wf_postgres_init(&options, PARTITIONS + 1, &seen), WEFT_EEXISTS);
}

struct making {
    const struct wf_postgres_options *options;
    struct wf_cluster_facts facts;
    weft_err err;
};

static void *
make_beside(void *ctx)
{
    struct making *making = ctx;

    making->err = wf_postgres_init(making->options, PARTITIONS, &making->facts);
    return NULL;
}

TEST(postgres, a_cluster_that_requires_a_quorum_is_not_made_without)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts;

    options.require_quorum = true;
    CHECK_ERR(wf_postgres_init(&options, PARTITIONS, &facts), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "quorum") != NULL);
    CHECK_STR(servers_sql(servers, 0, "SELECT to_regnamespace('weft') IS NULL"),
              "t\n");
}

TEST(postgres, several_who_make_a_cluster_at_once_make_one)
{
    enum { MAKERS = 6 };
    struct wf_postgres_options options = begin();
    struct making all[MAKERS];
    pthread_t threads[MAKERS];

    for (int i = 0; i < MAKERS; i++) {
        all[i] = (struct making){.options = &options};
        CHECK_EQ(pthread_create(&threads[i], NULL, make_beside, &all[i]), 0);
    }
    for (int i = 0; i < MAKERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(all[i].err, WEFT_OK);
        CHECK(memcmp(all[0].facts.id, all[i].facts.id, 16) == 0);
    }
    CHECK_STR(servers_sql(servers, 0, "SELECT count(*) FROM weft.part"), "4\n");
}

TEST(postgres, an_empty_schema_that_is_given_is_taken)
{
    struct wf_postgres_options options = begin();

    servers_sql(servers, 0, "CREATE SCHEMA weft");
    init(&options);
}

// Whose steps from ours added only what we need not know.
TEST(postgres, a_schema_of_the_next_version_is_worked_with)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts = init(&options);
    struct wf_registry registry;

    servers_sql(servers, 0,
                "UPDATE weft.cluster SET schema_version = 99;"
                "ALTER TABLE weft.node ADD COLUMN n int NOT NULL DEFAULT 1");
    CHECK_OK(wf_postgres_init(&options, PARTITIONS, &facts)); // and left alone
    CHECK_OK(wf_postgres_look(&options, &facts));
    CHECK_EQ(facts.schema_version, 99);
    CHECK_EQ(facts.schema_least, WF_SCHEMA_LEAST);
    CHECK_OK(wf_registry_postgres_open(&options, &registry));
    registry.ops->close(registry.self);
}

// What nodes were made for is not there: they do not begin.
TEST(postgres, a_schema_that_is_too_old_is_brought_up_to_date_first)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts = init(&options);

    servers_sql(servers, 0,
                "ALTER TABLE weft.cluster DROP COLUMN schema_least;"
                "DROP TABLE weft.copy;"
                "UPDATE weft.cluster SET schema_version = 2");
    check_refused(&options, WEFT_EFORMAT, "version 2");
    CHECK_OK(wf_postgres_look(&options, &facts));
    CHECK_EQ(facts.schema_version, 2);
    facts = init(&options);
    CHECK_EQ(facts.schema_version, WF_SCHEMA_VERSION);
    CHECK_EQ(facts.schema_least, WF_SCHEMA_LEAST);
}

TEST(postgres, a_schema_of_a_newer_version_is_refused)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts = init(&options);

    servers_sql(servers, 0,
                "UPDATE weft.cluster SET schema_version = 99,"
                " schema_least = 98");
    check_refused(&options, WEFT_EFORMAT, "version 99");
    CHECK_ERR(wf_postgres_init(&options, PARTITIONS, &facts), WEFT_EFORMAT);
    CHECK_ERR(wf_postgres_look(&options, &facts), WEFT_EFORMAT);
}

TEST(postgres, a_schema_of_another_program_is_left_alone)
{
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts;

    servers_sql(servers, 0,
                "CREATE SCHEMA weft; CREATE TABLE weft.cluster (thread int)");
    check_refused(&options, WEFT_EFORMAT, "not one of Weft's");
    CHECK_ERR(wf_postgres_init(&options, PARTITIONS, &facts), WEFT_EFORMAT);
    servers_sql(servers, 0, "DROP TABLE weft.cluster");
    servers_sql(servers, 0, "CREATE TABLE weft.part (thread int)");
    CHECK_ERR(wf_postgres_init(&options, PARTITIONS, &facts), WEFT_EIO);
    CHECK_STR(servers_sql(servers, 0,
                          "SELECT string_agg(tablename, ' ') FROM pg_tables"
                          " WHERE schemaname = 'weft'"),
              "part\n");
}

TEST(postgres, another_clusters_database_is_refused)
{
    static const uint8_t other[16] = "another cluster";
    struct wf_postgres_options options = begin();
    struct wf_cluster_facts facts = init(&options);
    struct wf_registry registry;

    options.cluster_id = other;
    check_refused(&options, WEFT_EFORMAT, "another cluster");
    options.cluster_id = facts.id;
    CHECK_OK(wf_registry_postgres_open(&options, &registry));
    registry.ops->close(registry.self);
    servers_sql(servers, 0, "UPDATE weft.cluster SET system_identifier = 7");
    check_refused(&options, WEFT_EFORMAT, "system identifier 7");
}

TEST(postgres, a_server_that_takes_no_writes_is_refused)
{
    struct wf_postgres_options options = begin();

    init(&options);
    servers_sql(servers, 0,
                "ALTER ROLE weft SET default_transaction_read_only = on");
    check_refused(&options, WEFT_EIO, "read-only");
    servers_sql(servers, 0,
                "BEGIN READ WRITE; ALTER ROLE weft RESET ALL; COMMIT");
}

TEST(postgres, what_the_role_sets_does_not_hide_warnings_or_cancel)
{
    struct wf_postgres_options options = begin();
    struct wf_shared_log log;

    init(&options);
    servers_sql(servers, 0,
                "ALTER ROLE weft SET client_min_messages = error;"
                "ALTER ROLE weft SET lock_timeout = '1ms';"
                "ALTER ROLE weft SET synchronous_commit = off");
    CHECK_OK(wf_log_postgres_open(&options, "a", 1, &log));
    CHECK_EQ(wf_log_postgres_durability(&log), WF_DURABILITY_LOCAL);
    CHECK_STR(
        servers_sql(
            servers, 0,
            "ALTER ROLE weft RESET ALL; SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'weft a'"),
        "1\n");
    log.ops->close(log.self);
}

TEST(postgres, a_pooler_is_refused)
{
    struct wf_postgres_options options = begin();
    struct proxy *proxy = proxy_start(servers_port(servers, 0));
    char conninfo[128];

    init(&options);
    proxy_pool(proxy);
    snprintf(conninfo, sizeof(conninfo),
             "postgres://weft@127.0.0.1:%d/postgres?sslmode=disable",
             proxy_port(proxy));
    options.conninfo = conninfo;
    check_refused(&options, WEFT_EFORMAT, "pooler");
    proxy_stop(proxy);
}

// A node through a proxy, with all partitions.
struct rig {
    struct wf_postgres_options options;
    struct proxy *proxy;
    char conninfo[128];
    struct wf_registry registry;
    struct wf_shared_log log;
};

// Connected to that port.
static void
open_rig(struct rig *rig, int port)
{
    struct wf_registry_node node = {.id = "a",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_shared_place place;

    snprintf(rig->conninfo, sizeof(rig->conninfo),
             "postgres://weft@127.0.0.1:%d/postgres?sslmode=disable", port);
    init(&rig->options);
    rig->options.conninfo = rig->conninfo;
    CHECK_OK(wf_registry_postgres_open(&rig->options, &rig->registry));
    CHECK_OK(rig->registry.ops->join(rig->registry.self, &node, 600000));
    CHECK_OK(
        wf_log_postgres_open(&rig->options, "a", node.incarnation, &rig->log));
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_OK(rig->log.ops->acquire(rig->log.self, i, &place));
    }
}

static void
create_rig(struct rig *rig, const struct wf_trace *trace)
{
    *rig = (struct rig){.options = begin()};
    rig->options.trace = trace;
    rig->proxy = proxy_start(servers_port(servers, 0));
    open_rig(rig, proxy_port(rig->proxy));
}

// Without a proxy, which would tell late that a connection is over.
static void
create_straight_rig(struct rig *rig)
{
    *rig = (struct rig){.options = begin()};
    open_rig(rig, servers_port(servers, 0));
}

static void
destroy_rig(struct rig *rig)
{
    rig->log.ops->close(rig->log.self);
    rig->registry.ops->close(rig->registry.self);
    if (rig->proxy != NULL) {
        proxy_stop(rig->proxy);
    }
}

static void
append(struct rig *rig, uint64_t value, enum wf_append_result *out_results)
{
    struct wf_shared_append all[PARTITIONS] = {{0}};
    struct wf_buf frames[PARTITIONS] = {{0}};

    for (uint32_t i = 0; i < PARTITIONS; i++) {
        struct wf_segment segment = {
            .partition = i, .epoch = 1, .first_record = value};

        wf_segment_encode(&segment, &frames[i]);
        all[i].partition = i;
        all[i].segment = wf_buf_bytes(&frames[i]);
    }
    rig->log.ops->append(rig->log.self, all, PARTITIONS);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        out_results[i] = all[i].result;
        wf_buf_fini(&frames[i]);
    }
}

static void
append_all(struct rig *rig, uint64_t value)
{
    enum wf_append_result results[PARTITIONS];

    append(rig, value, results);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_EQ(results[i], WF_APPEND_DURABLE);
    }
}

static weft_err
check_next(void *ctx, uint64_t number, const struct wf_segment *segments,
           uint32_t segments_count)
{
    uint64_t *next = ctx;

    CHECK_EQ(segments_count, 1);
    CHECK_EQ(number, *next);
    CHECK_EQ(segments->first_record, *next);
    ++*next;
    return WEFT_OK;
}

static void
check_logs(struct rig *rig, uint64_t count)
{
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        uint64_t next = 1;

        CHECK_OK(rig->log.ops->read(rig->log.self, i, 0, check_next, &next));
        CHECK_EQ(next, count + 1);
    }
}

TEST(postgres, an_append_whose_connection_breaks_happens_once)
{
    struct wf_postgres_counts counts;
    struct rig rig;
    uint64_t value = 0;

    create_rig(&rig, NULL);
    append_all(&rig, ++value);
    for (int i = 0; i < 3; i++) {
        proxy_cut(rig.proxy, PROXY_CUT_BEFORE);
        append_all(&rig, ++value);
        proxy_cut(rig.proxy, PROXY_CUT_AFTER);
        append_all(&rig, ++value);
    }
    wf_log_postgres_count(&rig.log, &counts);
    CHECK_EQ(counts.doubts, 6);
    CHECK(counts.doubt_ms > 0);
    CHECK_EQ(counts.fenced, 0);
    check_logs(&rig, value);
    destroy_rig(&rig);
}

// As a firewall does that forgets a connection. (It is found out after
// PROBE_MS.)
TEST(postgres, an_append_does_not_wait_for_a_connection_that_only_we_have)
{
    struct rig rig;
    uint64_t value = 0;

    create_rig(&rig, NULL);
    append_all(&rig, ++value);
    proxy_cut(rig.proxy, PROXY_CUT_HALF);
    append_all(&rig, ++value);
    append_all(&rig, ++value);
    check_logs(&rig, value);
    destroy_rig(&rig);
}

TEST(postgres, a_doubt_about_what_was_taken_meanwhile_is_fenced)
{
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        enum wf_append_result results[PARTITIONS];
        struct wf_postgres_counts counts;
        struct wf_registry_node node = {.id = "b",
                                        .record_max = WF_SEGMENT_VERSION_MAX};
        struct wf_registry registry;
        struct wf_shared_log late;
        struct wf_shared_place place;

        create_rig(&rig, NULL);
        append_all(&rig, 1);
        CHECK_OK(rig.registry.ops->leave(rig.registry.self));
        CHECK_OK(wf_registry_postgres_open(&rig.options, &registry));
        CHECK_OK(registry.ops->join(registry.self, &node, 600000));
        CHECK_OK(wf_log_postgres_open(&rig.options, "b", 1, &late));
        CHECK_OK(late.ops->acquire(late.self, 2, &place));
        proxy_cut(rig.proxy, i == 0 ? PROXY_CUT_BEFORE : PROXY_CUT_AFTER);
        append(&rig, 2, results);
        CHECK_EQ(results[0], WF_APPEND_DURABLE);
        CHECK_EQ(results[1], WF_APPEND_DURABLE);
        CHECK_EQ(results[2], WF_APPEND_FENCED);
        CHECK_EQ(results[3], WF_APPEND_DURABLE);
        wf_log_postgres_count(&rig.log, &counts);
        CHECK_EQ(counts.doubts, 1);
        CHECK_EQ(counts.fenced, 1);
        late.ops->close(late.self);
        registry.ops->close(registry.self);
        destroy_rig(&rig);
    }
}

// All of the cluster's, and they are gone when it returns.
static void
end_connections(void)
{
    (void)servers_sql(servers, 0,
                      "SELECT pg_terminate_backend(pid, 10000)"
                      " FROM pg_stat_activity WHERE application_name LIKE"
                      " 'weft %'");
}

// As when the server was replaced meanwhile. Nothing was asked over them, so
// nothing is in doubt; and who takes over from a lost node does not fail first.
TEST(postgres, connections_that_were_lost_in_a_pause_are_made_anew)
{
    struct rig rig;
    struct wf_shared_place place;
    struct wf_postgres_counts counts;
    struct wf_registry_map map = {0};
    uint64_t value = 0;

    create_straight_rig(&rig);
    append_all(&rig, ++value);
    end_connections();
    CHECK_OK(rig.registry.ops->renew(rig.registry.self, false));
    CHECK_OK(rig.log.ops->look(rig.log.self, 1, &place));
    append_all(&rig, ++value);
    wf_log_postgres_count(&rig.log, &counts);
    CHECK_EQ(counts.doubts, 0);
    end_connections();
    CHECK_OK(rig.registry.ops->look(rig.registry.self, &map));
    CHECK_OK(rig.log.ops->acquire(rig.log.self, 1, &place));
    CHECK_EQ(place.last, value);
    end_connections();
    CHECK_OK(rig.log.ops->release(rig.log.self, 1));
    wf_registry_map_fini(&map);
    destroy_rig(&rig);
}

// In another thread.
struct waiting {
    struct rig *rig;
    enum wf_append_result results[PARTITIONS];
    weft_err err;
    atomic_bool is_done;
};

static void *
wait_for_append(void *ctx)
{
    struct waiting *waiting = ctx;

    append(waiting->rig, 1, waiting->results);
    return NULL;
}

static void *
wait_for_acquire(void *ctx)
{
    struct waiting *waiting = ctx;
    struct wf_shared_place place;

    waiting->err =
        waiting->rig->log.ops->acquire(waiting->rig->log.self, 0, &place);
    return NULL;
}

TEST(postgres, stop_ends_all_waiting_for_a_server_that_hangs)
{
    struct rig rig;
    struct waiting waiting = {.rig = &rig};
    pthread_t appender;
    pthread_t acquirer;

    create_rig(&rig, NULL);
    servers_freeze(servers, 0);
    CHECK_EQ(pthread_create(&appender, NULL, wait_for_append, &waiting), 0);
    CHECK_EQ(pthread_create(&acquirer, NULL, wait_for_acquire, &waiting), 0);
    rig.log.ops->stop(rig.log.self);
    pthread_join(appender, NULL);
    pthread_join(acquirer, NULL);
    servers_thaw(servers, 0);
    CHECK_EQ(waiting.err, WEFT_EIO);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_EQ(waiting.results[i], WF_APPEND_IN_DOUBT);
    }
    destroy_rig(&rig);
}

// A node that is cut from its database is to know in time that its lease is
// over.
TEST(postgres, a_node_waits_for_its_registry_no_longer_than_for_its_lease)
{
    enum { LEASE_MS = 2000 };
    struct wf_postgres_options options = begin();
    struct wf_registry_node node = {.id = "a",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_registry_map map = {0};
    struct wf_registry registry;
    uint64_t took_ns;
    weft_err renewed;
    weft_err looked;

    init(&options);
    CHECK_OK(wf_registry_postgres_open(&options, &registry));
    CHECK_OK(registry.ops->join(registry.self, &node, LEASE_MS));
    servers_freeze(servers, 0);
    took_ns = 0 - options.clock.mono_ns(options.clock.self);
    renewed = registry.ops->renew(registry.self, false);
    looked = registry.ops->look(registry.self, &map);
    took_ns += options.clock.mono_ns(options.clock.self);
    servers_thaw(servers, 0);
    CHECK_ERR(renewed, WEFT_EIO);
    CHECK_ERR(looked, WEFT_EIO);
    CHECK(took_ns < 2 * LEASE_MS * 1000000ULL);
    CHECK_OK(registry.ops->renew(registry.self, false));
    registry.ops->close(registry.self);
}

static void
hear(void *ctx, enum wf_trace_level level, uint64_t at_ms, const char *who,
     const char *verb, const char *text)
{
    atomic_bool *has_gone_back = ctx;

    (void)level;
    (void)at_ms;
    (void)who;
    (void)verb;
    if (strstr(text, "gone back") != NULL) {
        atomic_store(has_gone_back, true);
    }
}

static void *
append_twice(void *arg)
{
    struct waiting *waiting = arg;

    wait_for_append(waiting);
    CHECK_EQ(waiting->results[0], WF_APPEND_IN_DOUBT);
    CHECK_EQ(waiting->results[1], WF_APPEND_DURABLE);
    wait_for_append(waiting); // it stays so, and the other goes on
    atomic_store(&waiting->is_done, true);
    return NULL;
}

// As after a failover to a server that was not waited for. It is one
// partition's: the others go on.
TEST(postgres, a_log_that_has_gone_back_is_not_appended_to)
{
    static const char *const ways[] = {
        "UPDATE weft.part SET epoch = 0 WHERE id = 0",
        "UPDATE weft.part SET next_lsn = 1 WHERE id = 0",
        "UPDATE weft.part SET next_lsn = 9 WHERE id = 0",
    };

    for (int i = 0; i < 3; i++) {
        atomic_bool has_gone_back = false;
        struct wf_trace trace = {.emit = hear, .ctx = &has_gone_back};
        struct rig rig;
        struct waiting waiting = {.rig = &rig};
        struct timespec pause = {.tv_nsec = 10000000};
        pthread_t appender;

        create_rig(&rig, &trace);
        append_all(&rig, 1);
        servers_sql(servers, 0, ways[i]);
        CHECK_EQ(pthread_create(&appender, NULL, append_twice, &waiting), 0);
        for (int j = 0; j < 12000 && !atomic_load(&waiting.is_done); j++) {
            nanosleep(&pause, NULL);
        }
        rig.log.ops->stop(rig.log.self);
        pthread_join(appender, NULL);
        CHECK(atomic_load(&has_gone_back));
        CHECK_EQ(waiting.results[0], WF_APPEND_IN_DOUBT);
        CHECK_EQ(waiting.results[1], WF_APPEND_DURABLE);
        CHECK_STR(servers_sql(servers, 0,
                              "SELECT count(*) FROM weft.clog"
                              " WHERE part = 0"),
                  "1\n");
        destroy_rig(&rig);
    }
}
