// SPDX-License-Identifier: Apache-2.0
//
// test_inspect_verify.c - what is broken in a directory is found, and named.

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/key.h"
#include "runtime/record.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/store.h"
#include "unit/inspect_rig.h"
#include "weft/inspect.h"

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
    weft_err err = weft_inspect_verify(inspect_rig_dir(t), add_problem,
                                       &problems, &counts);

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

    snprintf(dir, sizeof(dir), "%s/store-0", inspect_rig_dir(t));
    CHECK_OK(wf_store_rocks_open(dir, false, &tamper.store));
    CHECK_OK(wf_key_make("default", kind, id, &tamper.actor));
    tamper.partition = wf_key_partition(&tamper.actor, INSPECT_RIG_PARTITIONS);
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

TEST(inspect_verify, what_a_node_left_has_no_problems)
{
    inspect_rig_make(t, false);
    check_problems(t, 0, "");
}

TEST(inspect_verify, a_missing_wake_row_is_found)
{
    struct tamper tamper;

    inspect_rig_make(t, true);
    check_problems(t, 0, "");
    tamper = begin_tamper(t, "sleeper", "a");
    delete_kind(&tamper, WF_KEY_SLEEP);
    end_tamper(&tamper);
    check_problems(t, 1,
                   " sleeper/a: its image says \"sleeps\", but the wake index "
                   "has no such row");
}

TEST(inspect_verify, a_wake_row_that_no_image_has_is_found)
{
    struct tamper tamper;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_ready(&tamper.key, tamper.partition, wf_key_bytes(&tamper.actor));
    put(&tamper, "");
    end_tamper(&tamper);
    check_problems(t, 1,
                   " echo/c: the wake index says \"ready\", and no image does");
}

TEST(inspect_verify, a_missing_item_is_found)
{
    struct tamper tamper;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "keeper", "d");
    delete_kind(&tamper, WF_KEY_ITEM);
    end_tamper(&tamper);
    check_problems(t, 1, " keeper/d: its image has items, but there are none");
}

TEST(inspect_verify, an_item_and_a_letter_that_no_image_has_are_found)
{
    struct tamper tamper;

    inspect_rig_make(t, true);
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

TEST(inspect_verify, an_image_that_does_not_decode_is_found_and_shown)
{
    struct tamper tamper;
    struct wf_buf lines = {0};
    weft_inspect *inspect;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_image(&tamper.key, tamper.partition, wf_key_bytes(&tamper.actor));
    put(&tamper, "what");
    end_tamper(&tamper);
    check_problems(t, 1, " echo/c: its image or its items do not decode");

    // The others are seen all the same.
    inspect = inspect_rig_open(t);
    CHECK_ERR(weft_inspect_each(inspect, NULL, inspect_rig_add_line, &lines),
              WEFT_ECORRUPT);
    wf_buf_put_u8(&lines, '\0');
    CHECK(strstr((const char *)lines.data, "sleeper/b running") != NULL);
    wf_buf_fini(&lines);
    weft_inspect_close(inspect);
}

TEST(inspect_verify, rows_in_the_wrong_place_are_found)
{
    struct tamper tamper;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_image(&tamper.key, (tamper.partition + 1) % INSPECT_RIG_PARTITIONS,
                  wf_key_bytes(&tamper.actor));
    put(&tamper, "what");
    wf_keys_link(&tamper.key, INSPECT_RIG_PARTITIONS + 3, 1);
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

TEST(inspect_verify, messages_that_do_not_decode_are_found)
{
    struct tamper tamper;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_letter(&tamper.key, 2, 5);
    put(&tamper, "what");
    wf_keys_outbox(&tamper.key, 3, 4, 6);
    put(&tamper, "what");
    end_tamper(&tamper);
    check_problems(t, 2, "p2: dead letter 5 does not decode");
    check_problems(t, 2, "p3: message 6 to p4 does not decode");
}

TEST(inspect_verify, a_partition_that_cannot_be_recovered_is_named)
{
    struct tamper tamper;
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_link(&tamper.key, 2, 5);
    put(&tamper, "");
    end_tamper(&tamper);
    check_problems(t, 1, "store-0 p2: p2: a row of kind 'l'");
    options.data_dir = inspect_rig_dir(t);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "p2") != NULL);
}

// The log. ------------------------------------------------------------------

// What the store says of how many there are.
static void
put_count(struct test *t, const char *name, uint64_t count)
{
    struct tamper tamper = begin_tamper(t, "echo", "c");
    struct wf_buf value = {0};

    wf_keys_store(&tamper.key, name);
    wf_buf_put_u64(&value, count);
    wf_batch_put(&tamper.batch, WF_CF_META, wf_buf_bytes(&tamper.key),
                 wf_buf_bytes(&value));
    end_tamper(&tamper);
    wf_buf_fini(&value);
}

TEST(inspect_verify, counts_that_cannot_be_are_refused)
{
    static const struct {
        uint64_t partitions;
        uint64_t stores;
        const char *said; // NULL: the store's own check refuses it
    } counts[] = {
        {100000, 1, "one of 1 stores with 100000 partitions"},
        {8, 1000, "one of 1000 stores with 8 partitions"},
        {2, 3, "one of 3 stores with 2 partitions"},
        {0, 1, NULL},
        {8, 0, NULL},
    };

    inspect_rig_make(t, true);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
        weft_inspect *inspect = NULL;
        weft_err err;

        put_count(t, "partitions", counts[i].partitions);
        put_count(t, "stores", counts[i].stores);
        options.data_dir = inspect_rig_dir(t);
        err = weft_inspect_open(&options, &inspect);
        CHECK(err != WEFT_OK);
        if (counts[i].said != NULL) {
            CHECK_ERR(err, WEFT_ECORRUPT);
            CHECK(strstr(weft_err_detail(), counts[i].said) != NULL);
        }
    }
    put_count(t, "partitions", INSPECT_RIG_PARTITIONS);
    put_count(t, "stores", 1);
    check_problems(t, 0, "");
}

TEST(inspect_verify, a_gap_in_the_log_is_found)
{
    struct tamper tamper;

    inspect_rig_make(t, false);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_log(&tamper.key, 3);
    wf_batch_delete(&tamper.batch, WF_CF_LOG, wf_buf_bytes(&tamper.key));
    end_tamper(&tamper);
    check_problems(t, 1, "store-0: log: commits 3 to 3 are missing");
}

TEST(inspect_verify, a_log_that_begins_too_late_is_found)
{
    struct tamper tamper;
    struct wf_buf to = {0};

    inspect_rig_make(t, false);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_log(&tamper.key, 1);
    wf_keys_log(&to, 2);
    wf_batch_delete_range(&tamper.batch, WF_CF_LOG, wf_buf_bytes(&tamper.key),
                          wf_buf_bytes(&to));
    end_tamper(&tamper);
    wf_buf_fini(&to);
    // The first commit has the first record of each partition. Those that had
    // no other have no log at all, and nothing that would say so.
    CHECK_ERR(weft_inspect_verify(inspect_rig_dir(t), NULL, NULL, NULL),
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
    wf_record_put(&records, 1, wf_buf_bytes(&sections), NULL);
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

TEST(inspect_verify, a_record_that_does_not_decode_is_found)
{
    struct tamper tamper;
    struct wf_buf ops = {0};

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_buf_put_text(&ops, "no letter");
    append_record(&tamper, WF_SECTION_ACTOR, wf_buf_bytes(&ops));
    end_tamper(&tamper);
    wf_buf_fini(&ops);
    check_problems(t, 1, " does not decode");
}

TEST(inspect_verify, a_record_that_does_not_apply_is_found)
{
    struct tamper tamper;
    uint8_t pop = WF_OP_POP;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    append_record(&tamper, WF_SECTION_ACTOR, weft_bytes_of(&pop, 1));
    end_tamper(&tamper);
    check_problems(t, 1, " echo/c: a record of the log does not apply");
}

TEST(inspect_verify, a_segment_of_a_partition_that_is_not_here_is_refused)
{
    static const uint8_t epoch[] = {WF_OP_EPOCH, 9};
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_definitions *definitions = inspect_rig_define();
    weft_node_options node_options;
    weft_inspect *inspect = NULL;
    weft_node *node = NULL;
    struct tamper tamper;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    tamper.partition = 99;
    append_record(&tamper, WF_SECTION_PARTITION,
                  weft_bytes_of(epoch, sizeof(epoch)));
    end_tamper(&tamper);
    options.data_dir = inspect_rig_dir(t);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "partition 99") != NULL);
    node_options = inspect_rig_options(t, definitions);
    CHECK_ERR(weft_node_open(&node_options, &node), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "partition 99") != NULL);
    weft_definitions_destroy(definitions);
}

TEST(inspect_verify, an_unknown_operation_is_found)
{
    struct tamper tamper;
    uint8_t unknown = 250;

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    append_record(&tamper, WF_SECTION_PARTITION, weft_bytes_of(&unknown, 1));
    end_tamper(&tamper);
    check_problems(t, 2, " does not decode");
    check_problems(t, 2, " does not apply");
}

// Copies. -------------------------------------------------------------------

TEST(inspect_verify, a_backup_is_restored_as_it_was)
{
    char backup[700];
    char data[700];
    struct wf_buf lines = {0};
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect_backup_options copy = WEFT_INSPECT_BACKUP_OPTIONS_INIT;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_inspect *inspect = NULL;

    inspect_rig_make(t, false);
    snprintf(backup, sizeof(backup), "%s/backup", test_dir(t));
    snprintf(data, sizeof(data), "%s/restored", test_dir(t));
    copy.data_dir = inspect_rig_dir(t);
    copy.to = backup;
    CHECK_OK(weft_inspect_backup(&copy));
    CHECK_ERR(weft_inspect_backup(&copy), WEFT_EEXISTS);
    CHECK_OK(weft_inspect_restore(backup, data, NULL, NULL));
    CHECK_ERR(weft_inspect_restore(backup, data, NULL, NULL), WEFT_EEXISTS);

    options.data_dir = data;
    CHECK_OK(weft_inspect_open(&options, &inspect));
    CHECK_OK(weft_inspect_each(inspect, NULL, inspect_rig_add_line, &lines));
    CHECK_BYTES(wf_buf_bytes(&lines), weft_text(inspect_rig_lines));
    CHECK_OK(weft_inspect_get_summary(inspect, &summary));
    CHECK(summary.restored_at_ms >= summary.created_at_ms);
    weft_inspect_close(inspect);
    wf_buf_fini(&lines);
}

// What the message numbers of the first partition belong to.
static uint64_t
generation_in(const char *data)
{
    struct wf_store store;
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    struct wf_reader reader;
    uint64_t generation;
    char dir[800];

    snprintf(dir, sizeof(dir), "%s/store-0", data);
    CHECK_OK(wf_store_rocks_open(dir, true, &store));
    wf_keys_partition(&key, 0);
    CHECK_OK(
        store.ops->get(store.self, WF_CF_META, wf_buf_bytes(&key), &value));
    reader = wf_reader_of(wf_buf_bytes(&value));
    CHECK_EQ(wf_reader_u8(&reader), 1);
    (void)wf_reader_varint(&reader); // epoch
    generation = wf_reader_varint(&reader);
    store.ops->close(store.self);
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    return generation;
}

// Others may have heard more than is in it.
TEST(inspect_verify, what_is_restored_begins_a_new_generation_once)
{
    char backup[700];
    char data[700];
    weft_inspect_backup_options copy = WEFT_INSPECT_BACKUP_OPTIONS_INIT;
    weft_definitions *definitions = inspect_rig_define();
    weft_node_options options;
    uint64_t generation = 0;

    inspect_rig_make(t, true);
    snprintf(backup, sizeof(backup), "%s/backup", test_dir(t));
    snprintf(data, sizeof(data), "%s/restored", test_dir(t));
    copy.data_dir = inspect_rig_dir(t);
    copy.to = backup;
    CHECK_OK(weft_inspect_backup(&copy));
    CHECK_OK(weft_inspect_restore(backup, data, NULL, NULL));
    CHECK_EQ(generation_in(data), 1);
    options = inspect_rig_options(t, definitions);
    options.data_dir = data;
    for (int i = 0; i < 2; i++) {
        weft_node *node = NULL;

        CHECK_OK(weft_node_open(&options, &node));
        weft_node_close(node);
        CHECK(generation_in(data) > 1);
        CHECK(i == 0 || generation_in(data) == generation);
        generation = generation_in(data);
    }
    CHECK_EQ(generation_in(inspect_rig_dir(t)), 1);
    weft_definitions_destroy(definitions);
}

TEST(inspect_verify, a_broken_backup_is_not_restored)
{
    struct tamper tamper;
    char data[700];
    struct wf_buf problems = {0};

    inspect_rig_make(t, true);
    tamper = begin_tamper(t, "echo", "c");
    wf_keys_range(&tamper.key, 'q', 1);
    put(&tamper, "what");
    end_tamper(&tamper);
    snprintf(data, sizeof(data), "%s/restored", test_dir(t));
    CHECK_ERR(
        weft_inspect_restore(inspect_rig_dir(t), data, add_problem, &problems),
        WEFT_ECORRUPT);
    CHECK(problems.len > 0);
    CHECK(access(data, F_OK) != 0);
    wf_buf_fini(&problems);
}
