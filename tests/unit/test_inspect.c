// SPDX-License-Identifier: Apache-2.0
//
// test_inspect.c - what a node left is seen as it would go on from it, and what
// is broken in it is found.

#include "weft/inspect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/key.h"
#include "runtime/record.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/store.h"
#include "support/test.h"
#include "weft/weft.h"

#define PARTITIONS 8
#define WEEK_MS (7ULL * 24 * 3600 * 1000)

// The node. -----------------------------------------------------------------

static weft_err
sleeper(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_publish(wf, "input", input);

    return err == WEFT_OK ? weft_workflow_sleep(wf, WEEK_MS) : err;
}

static weft_err
echo(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_return(wf, input);
}

static weft_err
keeper(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    return weft_actor_state_set(actor, message->data);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "sleeper";
    workflow.run = sleeper;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "echo";
    workflow.run = echo;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    actor.name = "keeper";
    actor.receive = keeper;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    return definitions;
}

static const char *
data_dir(struct test *t)
{
    static char dir[600];

    snprintf(dir, sizeof(dir), "%s/data", test_dir(t));
    return dir;
}

static weft_node_options
options_for(struct test *t, const weft_definitions *definitions)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    options.data_dir = data_dir(t);
    options.definitions = definitions;
    options.partition_count = PARTITIONS;
    options.shard_count = 1;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    return options;
}

static void
wait_until_it_sleeps(weft_client *client, const char *id)
{
    uint32_t timers_count = 0;

    for (int i = 0; i < 2000 && timers_count == 0; i++) {
        weft_reply *reply = NULL;

        CHECK_OK(
            weft_client_describe(client, (weft_target){"sleeper", id}, &reply));
        timers_count = reply->items[0].timers_count;
        weft_reply_free(reply);
        usleep(1000);
    }
    CHECK_EQ(timers_count, 1);
}

// sleeper/a and sleeper/b sleep for a week, echo/c has finished, keeper/d has a
// state of 5,000 bytes. The process does not close the node.
static void
play_and_crash(void *ctx)
{
    static const char large[5000];
    const weft_node_options *options = ctx;
    weft_node *node = NULL;
    weft_client *client = NULL;

    CHECK_OK(weft_node_open(options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(weft_client_start(client, (weft_target){"sleeper", "b"},
                               weft_text("two")));
    CHECK_OK(weft_client_start(client, (weft_target){"sleeper", "a"},
                               weft_text("one")));
    CHECK_OK(weft_client_start(client, (weft_target){"echo", "c"},
                               weft_text("three")));
    CHECK_OK(
        weft_client_result(client, (weft_target){"echo", "c"}, 10000, NULL));
    CHECK_OK(weft_client_signal(client, (weft_target){"keeper", "d"}, "keep",
                                weft_bytes_of(large, sizeof(large))));
    wait_until_it_sleeps(client, "a");
    wait_until_it_sleeps(client, "b");
    _exit(0);
}

// Play; then, if it is to be in rows, open and close it once more.
static void
make_data(struct test *t, bool is_in_rows)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;

    CHECK_EQ(test_fork(play_and_crash, &options), 0);
    if (is_in_rows) {
        CHECK_OK(weft_node_open(&options, &node));
        weft_node_close(node);
    }
    weft_definitions_destroy(definitions);
}

static weft_inspect *
open_inspect(struct test *t)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;

    options.data_dir = data_dir(t);
    CHECK_OK(weft_inspect_open(&options, &inspect));
    return inspect;
}

// What is seen. -------------------------------------------------------------

// One line for each actor.
static int
add_line(void *ctx, const weft_inspect_actor *actor)
{
    struct wf_buf *lines = ctx;
    char line[256];
    int len = snprintf(
        line, sizeof(line),
        "%s %s/%s %s timers %zu journal %zu input %zu state %zu result %.*s\n",
        actor->name_space, actor->head.kind, actor->head.id,
        weft_status_name(actor->head.status), actor->timers_count,
        actor->journal_count, actor->input.len, actor->state.len,
        (int)actor->result.len, (const char *)actor->result.data);

    wf_buf_put(lines, line, (size_t)len);
    CHECK_EQ(actor->head.timers_count, actor->timers_count);
    CHECK_EQ(actor->head.journal_count, actor->journal_count);
    return 0;
}

static const char all_lines[] =
    "default echo/c completed timers 0 journal 1 input 5 state 0 result three\n"
    "default keeper/d running timers 0 journal 0 input 0 state 5000 result \n"
    "default sleeper/a running timers 1 journal 2 input 3 state 0 result \n"
    "default sleeper/b running timers 1 journal 2 input 3 state 0 result \n";

static void
check_lines(struct test *t, const weft_inspect_filter *filter,
            const char *expected)
{
    struct wf_buf lines = {0};
    weft_inspect *inspect = open_inspect(t);

    // It may be looked at again and again.
    for (int i = 0; i < 2; i++) {
        wf_buf_reset(&lines);
        CHECK_OK(weft_inspect_each(inspect, filter, add_line, &lines));
        CHECK_BYTES(wf_buf_bytes(&lines), weft_text(expected));
    }
    wf_buf_fini(&lines);
    weft_inspect_close(inspect);
}

TEST(inspect, actors_that_are_only_in_the_log_are_seen_in_order)
{
    make_data(t, false);
    check_lines(t, NULL, all_lines);
}

TEST(inspect, actors_in_rows_are_seen_in_order)
{
    make_data(t, true);
    check_lines(t, NULL, all_lines);
}

TEST(inspect, a_filter_chooses)
{
    weft_inspect_filter filter = WEFT_INSPECT_FILTER_INIT;

    make_data(t, false);
    filter.kind = "keeper";
    check_lines(t, &filter,
                "default keeper/d running timers 0 journal 0 input 0 state "
                "5000 result \n");
    filter.kind = NULL;
    filter.status = WEFT_STATUS_COMPLETED;
    check_lines(t, &filter,
                "default echo/c completed timers 0 journal 1 input 5 state 0 "
                "result three\n");
    filter.status = WEFT_STATUS_NONE;
    filter.name_space = "other";
    check_lines(t, &filter, "");
}

static int
stop_at_once(void *ctx, const weft_inspect_actor *actor)
{
    (void)actor;
    (*(int *)ctx)++;
    return 1;
}

TEST(inspect, each_ends_when_it_is_told_to)
{
    weft_inspect *inspect;
    int calls = 0;

    make_data(t, true);
    inspect = open_inspect(t);
    CHECK_OK(weft_inspect_each(inspect, NULL, stop_at_once, &calls));
    CHECK_EQ(calls, 1);
    weft_inspect_close(inspect);
}

static int
check_sleeper(void *ctx, const weft_inspect_actor *actor)
{
    (*(int *)ctx)++;
    CHECK_STR(actor->problem, "");
    CHECK_STR(actor->head.id, "a");
    CHECK_BYTES(actor->input, weft_text("one"));
    CHECK_EQ(actor->published_count, 1);
    CHECK_STR(actor->published[0].name, "input");
    CHECK_BYTES(actor->published[0].value, weft_text("one"));
    CHECK_EQ(actor->journal_count, 2);
    CHECK_EQ(actor->journal[0].type, WEFT_INSPECT_STARTED);
    CHECK_EQ(actor->journal[0].at_ms, actor->head.created_at_ms);
    CHECK_EQ(actor->journal[1].type, WEFT_INSPECT_COMMAND);
    CHECK_STR(actor->journal[1].command, "timer");
    CHECK_EQ(actor->journal[1].ordinal, 1);
    CHECK_EQ(actor->timers[0].id, 1);
    CHECK_EQ(actor->timers[0].due_at_ms, actor->head.created_at_ms + WEEK_MS);
    CHECK_EQ(actor->mailbox_count, 0);
    CHECK_STR(actor->parent_kind, "");
    CHECK_STR(actor->failure.name, "");
    return 0;
}

TEST(inspect, one_is_shown_with_all_that_is_known)
{
    weft_inspect *inspect;
    int calls = 0;

    make_data(t, false);
    inspect = open_inspect(t);
    CHECK_OK(weft_inspect_find(inspect, NULL, (weft_target){"sleeper", "a"},
                               check_sleeper, &calls));
    CHECK_EQ(calls, 1);
    CHECK_ERR(weft_inspect_find(inspect, NULL, (weft_target){"sleeper", "z"},
                                check_sleeper, &calls),
              WEFT_ENOTFOUND);
    CHECK_ERR(weft_inspect_find(inspect, "other", (weft_target){"sleeper", "a"},
                                check_sleeper, &calls),
              WEFT_ENOTFOUND);
    CHECK_ERR(weft_inspect_find(inspect, NULL, (weft_target){"sleeper", ""},
                                check_sleeper, &calls),
              WEFT_EINVAL);
    CHECK_EQ(calls, 1);
    weft_inspect_close(inspect);
}

TEST(inspect, the_summary_says_what_the_directory_is)
{
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_inspect *inspect;

    make_data(t, false);
    inspect = open_inspect(t);
    CHECK_OK(weft_inspect_get_summary(inspect, &summary));
    CHECK_EQ(summary.format, 1);
    CHECK_EQ(summary.partition_count, PARTITIONS);
    CHECK_EQ(summary.store_count, 1);
    CHECK_EQ(summary.restored_at_ms, 0);
    CHECK_EQ(summary.dead_letter_count, 0);
    CHECK(summary.created_at_ms > 0);
    CHECK(summary.newest_ms >= summary.created_at_ms);
    CHECK(summary.commits_count > 0);
    summary.struct_size = 0;
    CHECK_ERR(weft_inspect_get_summary(inspect, &summary), WEFT_EINVAL);
    weft_inspect_close(inspect);
}

// Who may. ------------------------------------------------------------------

TEST(inspect, nobody_looks_while_a_node_runs_and_no_node_opens_meanwhile)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_inspect_options looking = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;
    weft_node *node = NULL;

    looking.data_dir = options.data_dir;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_ERR(weft_inspect_open(&looking, &inspect), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), "held by a running node") != NULL);
    CHECK_ERR(weft_inspect_verify(looking.data_dir, NULL, NULL, NULL),
              WEFT_EBUSY);
    weft_node_close(node);
    CHECK_OK(weft_inspect_open(&looking, &inspect));
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EBUSY);
    weft_inspect_close(inspect);
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(inspect, options_are_checked)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;

    CHECK_ERR(weft_inspect_open(NULL, &inspect), WEFT_EINVAL);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_EINVAL);
    options.data_dir = data_dir(t);
    CHECK_ERR(weft_inspect_open(&options, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ENOTFOUND);
    options.data_dir = test_dir(t);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "no node ever used it") != NULL);
    CHECK(inspect == NULL);
    weft_inspect_close(NULL);
}

// What is broken. -----------------------------------------------------------

// Problems, a line each.
static void
add_problem(void *ctx, const char *where, const char *what)
{
    struct wf_buf *problems = ctx;

    wf_buf_put(problems, where, strlen(where));
    wf_buf_put(problems, ": ", 2);
    wf_buf_put(problems, what, strlen(what));
    wf_buf_put_u8(problems, '\n');
}

// Exactly so many problems, one of which is this.
static void
check_problems(struct test *t, uint64_t count, const char *expected)
{
    weft_inspect_counts counts = {.struct_size = sizeof(counts)};
    struct wf_buf problems = {0};
    weft_err err =
        weft_inspect_verify(data_dir(t), add_problem, &problems, &counts);

    wf_buf_put_u8(&problems, '\0');
    if (counts.problems != count ||
        strstr((const char *)problems.data, expected) == NULL) {
        fprintf(stderr, "problems:\n%sexpected: %s\n",
                (const char *)problems.data, expected);
    }
    CHECK_EQ(counts.problems, count);
    CHECK(strstr((const char *)problems.data, expected) != NULL);
    CHECK_ERR(err, count == 0 ? WEFT_OK : WEFT_ECORRUPT);
    wf_buf_fini(&problems);
}

// Change the store behind everybody's back.
struct tamper {
    struct wf_store store;
    struct wf_batch batch;
    struct wf_buf key;
    struct wf_key actor;
    uint32_t partition;
};

static struct tamper
begin_tamper(struct test *t, const char *kind, const char *id)
{
    struct tamper tamper = {0};
    char dir[700];

    snprintf(dir, sizeof(dir), "%s/store-0", data_dir(t));
    CHECK_OK(wf_store_rocks_open(dir, false, &tamper.store));
    CHECK_OK(wf_key_make("default", kind, id, &tamper.actor));
    tamper.partition = wf_key_partition(&tamper.actor, PARTITIONS);
    return tamper;
}

static void
end_tamper(struct tamper *tamper)
{
    if (tamper->batch.count > 0) {
        CHECK_OK(
            tamper->store.ops->write(tamper->store.self, &tamper->batch, true));
    }
    tamper->store.ops->close(tamper->store.self);
    wf_batch_fini(&tamper->batch);
    wf_buf_fini(&tamper->key);
    wf_key_fini(&tamper->actor);
}

static void
put(struct tamper *tamper, const char *value)
{
    wf_batch_put(&tamper->batch, WF_CF_DATA, wf_buf_bytes(&tamper->key),
                 weft_text(value));
}

static bool
delete_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct tamper *tamper = ctx;

    (void)value;
    if (memmem(key.data, key.len, tamper->actor.text, tamper->actor.len) !=
        NULL) {
        wf_batch_delete(&tamper->batch, WF_CF_DATA, key);
    }
    return true;
}

// Delete the actor's rows of a kind.
static void
delete_kind(struct tamper *tamper, char kind)
{
    struct wf_buf to = {0};

    wf_keys_range(&tamper->key, kind, tamper->partition);
    wf_keys_after(&to, wf_buf_bytes(&tamper->key));
    CHECK_OK(tamper->store.ops->scan(tamper->store.self, WF_CF_DATA,
                                     wf_buf_bytes(&tamper->key),
                                     wf_buf_bytes(&to), delete_row, tamper));
    CHECK(tamper->batch.count > 0);
    wf_buf_fini(&to);
}

TEST(inspect, what_a_node_left_has_no_problems)
{
    make_data(t, false);
    check_problems(t, 0, "");
}

TEST(inspect, a_missing_wake_row_is_found)
{
    struct tamper tamper;

    make_data(t, true);
    check_problems(t, 0, "");
    tamper = begin_tamper(t, "sleeper", "a");
    delete_kind(&tamper, WF_KEY_SLEEP);
    end_tamper(&tamper);
    check_problems(t, 1,
                   " sleeper/a: its image says \"sleeps\", but the wake index "
                   "has no such row");
}

TEST(inspect, a_wake_row_that_no_image_has_is_found)
{
    struct tamper tamper;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_ready(&tamper.key, tamper.partition, wf_key_bytes(&tamper.actor));
    put(&tamper, "");
    end_tamper(&tamper);
    check_problems(t, 1,
                   " echo/c: the wake index says \"ready\", and no image does");
}

TEST(inspect, a_missing_item_is_found)
{
    struct tamper tamper;

    make_data(t, true);
    tamper = begin_tamper(t, "keeper", "d");
    delete_kind(&tamper, WF_KEY_ITEM);
    end_tamper(&tamper);
    check_problems(t, 1, " keeper/d: its image has items, but there are none");
}

TEST(inspect, an_item_and_a_letter_that_no_image_has_are_found)
{
    struct tamper tamper;

    make_data(t, true);
    tamper = begin_tamper(t, "sleeper", "a");
    wf_keys_item(&tamper.key, tamper.partition, wf_key_bytes(&tamper.actor), 2,
                 7);
    put(&tamper, "what");
    wf_keys_mailbox(&tamper.key, tamper.partition, wf_key_bytes(&tamper.actor),
                    9);
    put(&tamper, "what");
    end_tamper(&tamper);
    check_problems(
        t, 2, " sleeper/a: an item of class 2, number 7, that no image has");
    check_problems(t, 2,
                   " sleeper/a: letter 9 of a mailbox, that no image has");
}

TEST(inspect, an_image_that_does_not_decode_is_found_and_shown)
{
    struct tamper tamper;
    struct wf_buf lines = {0};
    weft_inspect *inspect;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_image(&tamper.key, tamper.partition, wf_key_bytes(&tamper.actor));
    put(&tamper, "what");
    end_tamper(&tamper);
    check_problems(t, 1, " echo/c: its image or its items do not decode");

    // The others are seen all the same.
    inspect = open_inspect(t);
    CHECK_ERR(weft_inspect_each(inspect, NULL, add_line, &lines),
              WEFT_ECORRUPT);
    wf_buf_put_u8(&lines, '\0');
    CHECK(strstr((const char *)lines.data, "sleeper/b running") != NULL);
    wf_buf_fini(&lines);
    weft_inspect_close(inspect);
}

TEST(inspect, rows_in_the_wrong_place_are_found)
{
    struct tamper tamper;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_image(&tamper.key, (tamper.partition + 1) % PARTITIONS,
                  wf_key_bytes(&tamper.actor));
    put(&tamper, "what");
    wf_keys_link(&tamper.key, PARTITIONS + 3, 1);
    put(&tamper, "what");
    wf_keys_range(&tamper.key, 'q', 1);
    put(&tamper, "what");
    wf_keys_range(&tamper.key, WF_KEY_IMAGE, 1);
    put(&tamper, "what");
    end_tamper(&tamper);
    check_problems(t, 4, " echo/c: a row of kind 'a' that belongs to p");
    check_problems(t, 4,
                   "p11: a row of kind 'l', of a partition that is not here");
    check_problems(t, 4, "a row of unknown kind");
    check_problems(t, 4, "p1: the key of a row of kind 'a' does not decode");
}

TEST(inspect, messages_that_do_not_decode_are_found)
{
    struct tamper tamper;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_letter(&tamper.key, 2, 5);
    put(&tamper, "what");
    wf_keys_outbox(&tamper.key, 3, 4, 6);
    put(&tamper, "what");
    end_tamper(&tamper);
    check_problems(t, 2, "p2: dead letter 5 does not decode");
    check_problems(t, 2, "p3: message 6 to p4 does not decode");
}

TEST(inspect, a_partition_that_cannot_be_recovered_is_named)
{
    struct tamper tamper;
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_link(&tamper.key, 2, 5);
    put(&tamper, "");
    end_tamper(&tamper);
    check_problems(t, 1, "store-0 p2: p2: a row of kind 'l'");
    options.data_dir = data_dir(t);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "p2") != NULL);
}

// The log. ------------------------------------------------------------------

TEST(inspect, a_gap_in_the_log_is_found)
{
    struct tamper tamper;

    make_data(t, false);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_log(&tamper.key, 3);
    wf_batch_delete(&tamper.batch, WF_CF_LOG, wf_buf_bytes(&tamper.key));
    end_tamper(&tamper);
    check_problems(t, 1, "store-0: log: commits 3 to 3 are missing");
}

TEST(inspect, a_log_that_begins_too_late_is_found)
{
    struct tamper tamper;
    struct wf_buf to = {0};

    make_data(t, false);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_log(&tamper.key, 1);
    wf_keys_log(&to, 2);
    wf_batch_delete_range(&tamper.batch, WF_CF_LOG, wf_buf_bytes(&tamper.key),
                          wf_buf_bytes(&to));
    end_tamper(&tamper);
    wf_buf_fini(&to);
    // The first commit has the first record of each partition. Those that had
    // no other have no log at all, and nothing that would say so.
    CHECK_ERR(weft_inspect_verify(data_dir(t), NULL, NULL, NULL),
              WEFT_ECORRUPT);
}

// The end of one partition's log.
struct end {
    uint32_t partition;
    struct wf_segment last;
};

static weft_err
find_end(void *ctx, uint64_t number, const struct wf_segment *segments,
         uint32_t segments_count)
{
    struct end *end = ctx;

    (void)number;
    for (uint32_t i = 0; i < segments_count; i++) {
        if (segments[i].partition == end->partition) {
            end->last = segments[i];
        }
    }
    return WEFT_OK;
}

// Append a record with this section to the log of the actor's partition.
static void
append_record(struct tamper *tamper, char object, weft_bytes ops)
{
    struct end end = {.partition = tamper->partition};
    struct wf_segment segment;
    struct wf_buf sections = {0};
    struct wf_buf records = {0};
    struct wf_buf frames = {0};
    struct wf_commit commit = {.segments_count = 1};
    struct wf_log log;

    CHECK_OK(wf_log_local_open(tamper->store, true, &log));
    CHECK_OK(log.ops->read(log.self, 0, find_end, &end));
    wf_section_put(&sections, object, wf_key_bytes(&tamper->actor), ops);
    wf_record_put(&records, 1, wf_buf_bytes(&sections));
    segment = (struct wf_segment){
        .partition = tamper->partition,
        .epoch = end.last.epoch,
        .first_record = end.last.first_record + end.last.record_count,
        .record_count = 1,
        .chain = end.last.crc,
        .records = wf_buf_bytes(&records),
    };
    wf_segment_encode(&segment, &frames);
    commit.frames = wf_buf_bytes(&frames);
    CHECK_EQ(log.ops->append(log.self, &commit), WF_APPEND_DURABLE);
    log.ops->close(log.self);
    wf_buf_fini(&sections);
    wf_buf_fini(&records);
    wf_buf_fini(&frames);
}

TEST(inspect, a_record_that_does_not_decode_is_found)
{
    struct tamper tamper;
    struct wf_buf ops = {0};

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_buf_put_text(&ops, "no letter");
    append_record(&tamper, WF_SECTION_ACTOR, wf_buf_bytes(&ops));
    end_tamper(&tamper);
    wf_buf_fini(&ops);
    check_problems(t, 1, " does not decode");
}

TEST(inspect, a_record_that_does_not_apply_is_found)
{
    struct tamper tamper;
    uint8_t pop = WF_OP_POP;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    append_record(&tamper, WF_SECTION_ACTOR, weft_bytes_of(&pop, 1));
    end_tamper(&tamper);
    check_problems(t, 1, " echo/c: a record of the log does not apply");
}

TEST(inspect, an_unknown_operation_is_found)
{
    struct tamper tamper;
    uint8_t unknown = 250;

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    append_record(&tamper, WF_SECTION_PARTITION, weft_bytes_of(&unknown, 1));
    end_tamper(&tamper);
    check_problems(t, 2, " does not decode");
    check_problems(t, 2, " does not apply");
}

// Copies. -------------------------------------------------------------------

TEST(inspect, a_backup_is_restored_as_it_was)
{
    char backup[700];
    char data[700];
    struct wf_buf lines = {0};
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_inspect *inspect = NULL;

    make_data(t, false);
    snprintf(backup, sizeof(backup), "%s/backup", test_dir(t));
    snprintf(data, sizeof(data), "%s/restored", test_dir(t));
    CHECK_OK(weft_inspect_backup(data_dir(t), backup));
    CHECK_ERR(weft_inspect_backup(data_dir(t), backup), WEFT_EEXISTS);
    CHECK_OK(weft_inspect_restore(backup, data, NULL, NULL));
    CHECK_ERR(weft_inspect_restore(backup, data, NULL, NULL), WEFT_EEXISTS);

    options.data_dir = data;
    CHECK_OK(weft_inspect_open(&options, &inspect));
    CHECK_OK(weft_inspect_each(inspect, NULL, add_line, &lines));
    CHECK_BYTES(wf_buf_bytes(&lines), weft_text(all_lines));
    CHECK_OK(weft_inspect_get_summary(inspect, &summary));
    CHECK(summary.restored_at_ms >= summary.created_at_ms);
    weft_inspect_close(inspect);
    wf_buf_fini(&lines);
}

TEST(inspect, a_broken_backup_is_not_restored)
{
    struct tamper tamper;
    char data[700];
    struct wf_buf problems = {0};

    make_data(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_range(&tamper.key, 'q', 1);
    put(&tamper, "what");
    end_tamper(&tamper);
    snprintf(data, sizeof(data), "%s/restored", test_dir(t));
    CHECK_ERR(weft_inspect_restore(data_dir(t), data, add_problem, &problems),
              WEFT_ECORRUPT);
    CHECK(problems.len > 0);
    CHECK(access(data, F_OK) != 0);
    wf_buf_fini(&problems);
}
