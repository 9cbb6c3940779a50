// SPDX-License-Identifier: Apache-2.0
//
// test_recover.c - rows and records of a partition that are cut, strange or out
// of order are refused by name; those that its rows reflect are not applied
// again.

#include "runtime/partition.h"

#include <string.h>

#include "base/bytes.h"
#include "partition_rig.h"
#include "runtime/attributes.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "runtime/journal.h"
#include "runtime/letter.h"
#include "runtime/partition_impl.h"
#include "runtime/record.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/store.h"
#include "support/test.h"

enum { INDEX = 1, COUNT = 4 };

static struct partition_rig rig;

static struct wf_partition *
open_partition(void)
{
    partition_rig_create(
        &rig, (struct wf_partition_options){.index = INDEX, .count = COUNT});
    return rig.partition;
}

static void
close_partition(void)
{
    CHECK_EQ(partition_rig_destroy(&rig), 0);
}

static bool
is_said(const char *text)
{
    return strstr(weft_err_detail(), text) != NULL;
}

// Rows. -----------------------------------------------------------------------

static void
put_meta(struct wf_buf *row, uint8_t format)
{
    wf_buf_reset(row);
    wf_buf_put_u8(row, format);
    wf_buf_put_varint(row, 3);  // epoch
    wf_buf_put_varint(row, 1);  // generation
    wf_buf_put_varint(row, 20); // last record
    wf_buf_put_varint(row, 10); // the first that may be needed
    wf_buf_put_u32(row, 77);    // chain
    wf_buf_put_varint(row, 1000);
    wf_buf_put_varint(row, 5);
    wf_buf_put_varint(row, 900);
}

TEST(recover, a_meta_row_that_is_cut_or_of_another_format_is_refused)
{
    struct wf_partition *partition;
    struct wf_buf row = {0};

    put_meta(&row, 1);
    for (size_t len = 0; len <= row.len; len++) {
        weft_err expected = len == 0         ? WEFT_EFORMAT
                            : len == row.len ? WEFT_OK
                                             : WEFT_ECORRUPT;

        partition = open_partition();
        CHECK_ERR(
            wf_partition_recover_meta(partition, weft_bytes_of(row.data, len)),
            expected);
        CHECK(expected == WEFT_OK || is_said("p1: meta row of "));
        close_partition();
    }
    put_meta(&row, 2);
    partition = open_partition();
    CHECK_ERR(wf_partition_recover_meta(partition, wf_buf_bytes(&row)),
              WEFT_EFORMAT);
    CHECK(is_said("p1: meta row of format 2, this build reads 1"));
    close_partition();
    wf_buf_fini(&row);
}

// The log must reach as far as the rows do.
TEST(recover, a_log_that_ends_before_the_rows_is_refused)
{
    struct wf_partition *partition = open_partition();
    struct wf_buf row = {0};

    put_meta(&row, 1);
    CHECK_OK(wf_partition_recover_meta(partition, wf_buf_bytes(&row)));
    CHECK_ERR(wf_partition_recover_check(partition), WEFT_ECORRUPT);
    CHECK(is_said("p1: the log ends with record 0, the rows with 20"));
    partition->redo_record = 20; // only the last one is needed
    CHECK_ERR(wf_partition_recover_check(partition), WEFT_ECORRUPT);
    partition->redo_record = 21; // none is
    CHECK_OK(wf_partition_recover_check(partition));
    wf_partition_recover_as(partition, 3); // which somebody had before
    CHECK_ERR(wf_partition_recover_check(partition), WEFT_EBUSY);
    wf_partition_recover_as(partition, 4);
    CHECK_OK(wf_partition_recover_check(partition));
    wf_buf_fini(&row);
    close_partition();
}

static weft_err
recover_row(const struct wf_buf *key, weft_bytes value)
{
    struct wf_partition *partition = open_partition();
    weft_err err =
        wf_partition_recover_row(partition, wf_buf_bytes(key), value);

    close_partition();
    return err;
}

// A row of these numbers.
static void
put_numbers(struct wf_buf *row, size_t count)
{
    wf_buf_reset(row);
    for (size_t i = 0; i < count; i++) {
        wf_buf_put_varint(row, i == 4 ? 3 : 1);
    }
}

static void
check_row(const struct wf_buf *key, const struct wf_buf *value, size_t least)
{
    struct wf_buf other = {0};

    CHECK_OK(recover_row(key, wf_buf_bytes(value)));
    for (size_t len = 0; len < value->len; len++) { // of what it says
        CHECK_ERR(recover_row(key, weft_bytes_of(value->data, len)),
                  len < least ? WEFT_ECORRUPT : WEFT_OK);
    }
    wf_buf_put(&other, key->data, key->len);
    for (other.len = 1; other.len < key->len; other.len++) { // of its key
        CHECK_ERR(recover_row(&other, wf_buf_bytes(value)), WEFT_ECORRUPT);
        CHECK(is_said("p1: a row of kind '"));
    }
    other.data[2] = INDEX + 1; // of another partition
    CHECK_ERR(recover_row(&other, wf_buf_bytes(value)), WEFT_ECORRUPT);
    wf_buf_fini(&other);
}

TEST(recover, rows_that_are_cut_or_of_others_are_refused)
{
    static const uint8_t client[16] = "a client";
    struct wf_buf key = {0};
    struct wf_buf row = {0};

    put_numbers(&row, 8); // one base
    wf_keys_link(&key, INDEX, 3);
    check_row(&key, &row, row.len);
    wf_keys_link(&key, INDEX, COUNT);
    CHECK_ERR(recover_row(&key, wf_buf_bytes(&row)), WEFT_ECORRUPT);
    CHECK(is_said("a row of kind 'l'"));
    wf_keys_outbox(&key, INDEX, 2, 7);
    check_row(&key, &row, 0); // an envelope is looked at when it is sent
    wf_keys_outbox(&key, INDEX, COUNT, 7);
    CHECK_ERR(recover_row(&key, wf_buf_bytes(&row)), WEFT_ECORRUPT);
    CHECK(is_said("a row of kind 'o'"));
    // Position, confirmed, heard; and one answer: number, is it one, error.
    put_numbers(&row, 6);
    wf_buf_put_text(&row, "data");
    wf_keys_window(&key, INDEX, client);
    CHECK_OK(recover_row(&key, wf_buf_bytes(&row)));
    for (size_t len = 0; len < row.len; len++) {
        CHECK_ERR(recover_row(&key, weft_bytes_of(row.data, len)),
                  len == 3 ? WEFT_OK : WEFT_ECORRUPT); // none at all
    }
    key.len--;
    CHECK_ERR(recover_row(&key, wf_buf_bytes(&row)), WEFT_ECORRUPT);
    wf_keys_range(&key, WF_KEY_IMAGE, INDEX);
    CHECK_ERR(recover_row(&key, wf_buf_bytes(&row)), WEFT_ECORRUPT);
    CHECK(is_said("a row of kind 'a'"));
    wf_buf_fini(&key);
    wf_buf_fini(&row);
}

// Records. --------------------------------------------------------------------

// Records with one section each, as a segment of the log.
static weft_err
recover_ops(struct wf_partition *partition, uint64_t first, char object,
            weft_bytes key, weft_bytes ops, uint32_t count)
{
    struct wf_buf sections = {0};
    struct wf_buf records = {0};
    struct wf_segment segment = {.partition = INDEX,
                                 .epoch = 1,
                                 .first_record = first,
                                 .record_count = count,
                                 .chain = 7,
                                 .crc = 7};
    weft_err err;

    wf_section_put(&sections, object, key, ops);
    wf_record_put(&records, 1000, wf_buf_bytes(&sections), NULL);
    segment.records = wf_buf_bytes(&records);
    err = wf_partition_recover_segment(partition, 1, &segment);
    wf_buf_fini(&sections);
    wf_buf_fini(&records);
    return err;
}

static weft_err
recover_one(weft_bytes ops)
{
    struct wf_partition *partition = open_partition();
    weft_err err =
        recover_ops(partition, 1, WF_SECTION_PARTITION, weft_nothing(), ops, 1);

    close_partition();
    return err;
}

static const char client[] = "0123456789abcdef";

// One operation of a partition: V a number, E bytes, C a client.
static void
put_op(struct wf_buf *ops, enum wf_op op, const char *fields, uint64_t number)
{
    wf_buf_put_u8(ops, (uint8_t)op);
    for (; *fields != '\0'; fields++) {
        if (*fields == 'V') {
            wf_buf_put_varint(ops, number);
        } else if (*fields == 'E') {
            wf_buf_put_text(ops, "bytes");
        } else {
            wf_buf_put(ops, client, 16);
        }
    }
}

// Not even the last record may be missing.
TEST(recover, a_log_that_ends_just_before_the_rows_is_refused)
{
    struct wf_partition *partition = open_partition();
    struct wf_buf row = {0};
    struct wf_buf ops = {0};

    put_meta(&row, 1);
    put_op(&ops, WF_OP_EPOCH, "V", 3);
    CHECK_OK(wf_partition_recover_meta(partition, wf_buf_bytes(&row)));
    for (uint64_t record = 10; record <= 20; record++) {
        CHECK_ERR(wf_partition_recover_check(partition), WEFT_ECORRUPT);
        CHECK_OK(recover_ops(partition, record, WF_SECTION_PARTITION,
                             weft_nothing(), wf_buf_bytes(&ops), 1));
    }
    CHECK_OK(wf_partition_recover_check(partition));
    wf_buf_fini(&row);
    wf_buf_fini(&ops);
    close_partition();
}

static const struct {
    enum wf_op op;
    const char *fields;
    bool has_route; // its first number is a partition
} partition_ops[] = {
    {WF_OP_EPOCH, "V", false},        {WF_OP_GENERATION, "V", false},
    {WF_OP_SEND, "VE", true},         {WF_OP_ACKED, "VV", true},
    {WF_OP_SEEN, "VVV", true},        {WF_OP_ACCEPTED, "CVV", false},
    {WF_OP_ANSWERED, "CVVVE", false}, {WF_OP_FORGET, "C", false},
    {WF_OP_LETTER, "E", false},
};
enum { OPS = sizeof(partition_ops) / sizeof(partition_ops[0]) };

TEST(recover, every_cut_of_an_operation_of_a_partition_is_refused)
{
    for (size_t i = 0; i < OPS; i++) {
        struct wf_buf ops = {0};

        put_op(&ops, partition_ops[i].op, partition_ops[i].fields, 2);
        CHECK_OK(recover_one(wf_buf_bytes(&ops)));
        for (size_t len = 1; len < ops.len; len++) {
            CHECK_ERR(recover_one(weft_bytes_of(ops.data, len)), WEFT_ECORRUPT);
            CHECK(is_said("p1: record 1 does not apply"));
        }
        wf_buf_reset(&ops);
        put_op(&ops, partition_ops[i].op, partition_ops[i].fields, COUNT);
        CHECK_ERR(recover_one(wf_buf_bytes(&ops)),
                  partition_ops[i].has_route ? WEFT_ECORRUPT : WEFT_OK);
        wf_buf_fini(&ops);
    }
}

TEST(recover, operations_of_actors_and_of_nobody_are_refused)
{
    const uint8_t unknown[] = {250};
    const uint8_t of_actors[] = {WF_OP_POP};
    struct wf_partition *partition;

    CHECK_ERR(recover_one(weft_bytes_of(unknown, 1)), WEFT_ECORRUPT);
    CHECK_ERR(recover_one(weft_bytes_of(of_actors, 1)), WEFT_ECORRUPT);
    partition = open_partition();
    CHECK_ERR(recover_ops(partition, 1, WF_SECTION_ACTOR, weft_text("no key"),
                          weft_bytes_of(of_actors, 1), 1),
              WEFT_ECORRUPT);
    CHECK(is_said("p1: record 1 does not apply"));
    close_partition();
}

// Rows of a record that comes later: what it says is there already.
TEST(recover, a_record_that_the_rows_reflect_is_not_applied_again)
{
    struct wf_partition *partition = open_partition();
    struct wf_buf key = {0};
    struct wf_buf row = {0};
    struct wf_buf ops = {0};

    wf_keys_link(&key, INDEX, 2);
    wf_buf_put_varint(&row, 10); // of record 10
    wf_buf_put_varint(&row, 5);  // the next number
    for (int i = 0; i < 3; i++) {
        wf_buf_put_varint(&row, 3);
    }
    wf_buf_put_varint(&row, 0); // no bases
    CHECK_OK(wf_partition_recover_row(partition, wf_buf_bytes(&key),
                                      wf_buf_bytes(&row)));
    wf_keys_window(&key, INDEX, (const uint8_t *)client);
    wf_buf_reset(&row);
    wf_buf_put_varint(&row, 10);
    wf_buf_put_varint(&row, 9);
    wf_buf_put_varint(&row, 1000);
    CHECK_OK(wf_partition_recover_row(partition, wf_buf_bytes(&key),
                                      wf_buf_bytes(&row)));
    for (size_t i = 0; i < OPS; i++) {
        put_op(&ops, partition_ops[i].op, partition_ops[i].fields, 2);
    }
    CHECK_OK(recover_ops(partition, 1, WF_SECTION_PARTITION, weft_nothing(),
                         wf_buf_bytes(&ops), 1));
    CHECK_EQ(wf_inspect_core_next_seq(partition, 2), 5);
    CHECK_EQ(wf_inspect_core_get_facts(partition).outgoing_count, 0);
    CHECK_EQ(wf_inspect_core_get_facts(partition).newest_record, 10);
    CHECK_EQ(wf_inspect_core_next_seq(partition, 3), 1); // told of a loss
    CHECK_EQ(wf_inspect_core_next_seq(partition, COUNT), 0);
    wf_buf_fini(&key);
    wf_buf_fini(&row);
    wf_buf_fini(&ops);
    close_partition();
}

// A process died in its code, elsewhere; it is said with the first commit here.
TEST(recover, who_is_blamed_before_it_is_open_is_blamed)
{
    struct wf_partition *partition = open_partition();
    const struct wf_pending *pending;
    const struct wf_actor *actor;
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "kind", "a", &key));
    wf_partition_blame(partition, &key, "a signal");
    CHECK(wf_residents_find(partition, wf_key_bytes(&key)) == NULL);
    wf_partition_open(partition, 1000);
    actor = wf_residents_find(partition, wf_key_bytes(&key));
    CHECK(actor != NULL);
    CHECK_EQ(actor->pending.count, 1);
    pending = WF_CONTAINER(wf_list_first(&actor->pending),
                           const struct wf_pending, node);
    CHECK_EQ(pending->ops[0], WF_OP_CRASHED);
    wf_key_fini(&key);
    close_partition();
}

// The log may have nothing that tells: all of it is saved, and was cut.
TEST(recover, the_rows_know_what_time_it_was)
{
    struct wf_partition *partition = open_partition();
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};
    struct wf_buf meta = {0};
    struct wf_buf wanted = {0};
    enum wf_batch_op op;
    enum wf_cf cf;
    weft_bytes key;
    weft_bytes value;
    size_t at = 0;

    wf_partition_open(partition, 5000);
    CHECK(wf_partition_seal(partition, 7000, true, &frames, &rows));
    wf_keys_partition(&wanted, INDEX);
    while (wf_batch_next(&rows, &at, &op, &cf, &key, &value)) {
        if (cf == WF_CF_META && wf_bytes_equal(key, wf_buf_bytes(&wanted))) {
            wf_buf_put(&meta, value.data, value.len);
        }
    }
    wf_batch_fini(&rows);
    close_partition();
    partition = open_partition();
    CHECK_OK(wf_partition_recover_meta(partition, wf_buf_bytes(&meta)));
    CHECK_EQ(wf_partition_recovered_ms(partition), 7000);
    close_partition();
    wf_buf_fini(&frames);
    wf_buf_fini(&meta);
    wf_buf_fini(&wanted);
}

// Letters of records that the meta row knows of are rows already.
TEST(recover, a_dead_letter_that_is_a_row_is_not_made_again)
{
    struct wf_partition *partition = open_partition();
    struct wf_buf row = {0};
    struct wf_buf ops = {0};
    struct wf_buf records = {0};
    struct wf_buf section = {0};

    put_meta(&row, 1);
    CHECK_OK(wf_partition_recover_meta(partition, wf_buf_bytes(&row)));
    wf_buf_put_u8(&ops, WF_OP_LETTER);
    wf_buf_put_text(&ops, "letter");
    wf_section_put(&section, WF_SECTION_PARTITION, weft_nothing(),
                   wf_buf_bytes(&ops));
    for (uint64_t i = 10; i <= 21; i++) { // the rows are of the twentieth
        wf_record_put(&records, 1000, wf_buf_bytes(&section), NULL);
    }
    CHECK_OK(wf_partition_recover_segment(
        partition, 1,
        &(struct wf_segment){.first_record = 10,
                             .record_count = 12,
                             .records = wf_buf_bytes(&records)}));
    CHECK_EQ(partition->letters.count, 1);
    wf_buf_fini(&row);
    wf_buf_fini(&ops);
    wf_buf_fini(&records);
    wf_buf_fini(&section);
    close_partition();
}

TEST(recover, the_log_goes_on_where_it_ended_or_is_refused)
{
    struct wf_partition *partition = open_partition();
    const weft_bytes nothing = weft_nothing();
    struct wf_segment segment = {
        .partition = INDEX, .first_record = 2, .record_count = 1, .chain = 8};
    struct wf_buf ops = {0};

    put_op(&ops, WF_OP_EPOCH, "V", 5);
    CHECK_ERR(recover_ops(partition, 2, WF_SECTION_PARTITION, nothing,
                          wf_buf_bytes(&ops), 1),
              WEFT_ECORRUPT);
    CHECK(is_said("goes on with record 2, record 1 was to be next"));
    CHECK_OK(recover_ops(partition, 1, WF_SECTION_PARTITION, nothing,
                         wf_buf_bytes(&ops), 1));
    CHECK_ERR(recover_ops(partition, 3, WF_SECTION_PARTITION, nothing,
                          wf_buf_bytes(&ops), 1),
              WEFT_ECORRUPT);
    CHECK(is_said("goes on with record 3, record 2 was to be next"));
    CHECK_ERR(wf_partition_recover_segment(partition, 2, &segment),
              WEFT_ECORRUPT);
    CHECK(is_said("; the chain is broken"));
    CHECK_ERR(recover_ops(partition, 2, WF_SECTION_PARTITION, nothing,
                          wf_buf_bytes(&ops), 2), // there is one
              WEFT_ECORRUPT);
    CHECK(is_said("p1: record 3 does not decode"));
    wf_buf_fini(&ops);
    close_partition();
}

// What verify makes of records, also of those that nobody applies. ------------

static bool
is_known(char object, weft_bytes key, weft_bytes ops)
{
    struct wf_buf sections = {0};
    struct wf_buf records = {0};
    struct wf_segment segment = {.first_record = 5, .record_count = 1};
    uint64_t record = 0;
    bool is_whole;

    wf_section_put(&sections, object, key, ops);
    wf_record_put(&records, 1000, wf_buf_bytes(&sections), NULL);
    segment.records = wf_buf_bytes(&records);
    is_whole = wf_inspect_records(&segment, &record);
    CHECK_EQ(record, is_whole ? 6 : 5); // which one it is
    segment.records.len--;
    CHECK(!wf_inspect_records(&segment, &record));
    segment.records.len++;
    segment.record_count = 0; // and more than it says
    CHECK(!wf_inspect_records(&segment, &record));
    wf_buf_fini(&sections);
    wf_buf_fini(&records);
    return is_whole;
}

// An operation with these numbers in front and then these bytes.
static bool
is_op_known(enum wf_op op, size_t numbers, weft_bytes bytes)
{
    struct wf_buf ops = {0};
    bool is_whole;

    wf_buf_put_u8(&ops, (uint8_t)op);
    for (size_t i = 0; i < numbers; i++) {
        wf_buf_put_varint(&ops, 1);
    }
    wf_buf_put_bytes(&ops, bytes);
    if (op == WF_OP_CALL_OPEN) {
        wf_buf_put_varint(&ops, 1);
        wf_buf_put_varint(&ops, 1);
    }
    is_whole = is_known(WF_SECTION_ACTOR, weft_bytes_of("d\0k\0i", 5),
                        wf_buf_bytes(&ops));
    wf_buf_fini(&ops);
    return is_whole;
}

TEST(recover, verify_knows_what_is_in_each_operation)
{
    const weft_bytes key = weft_bytes_of("d\0k\0i", 5);
    const weft_bytes what = weft_text("what");
    const struct wf_letter letter = {.type = WF_LETTER_SIGNAL,
                                     .name = weft_text("x")};
    const weft_attribute vip = weft_attribute_bool("vip", 1);
    const uint8_t pop[] = {WF_OP_POP};
    const uint8_t epoch[] = {WF_OP_EPOCH, 1};
    const uint8_t none[] = {0};
    const uint8_t unknown[] = {250};
    struct wf_buf bytes = {0};
    struct wf_entry entry = {.type = WF_ENTRY_LETTER, .letter = what};

    wf_letter_encode(&letter, &bytes);
    CHECK(is_op_known(WF_OP_PUSH, 0, wf_buf_bytes(&bytes)));
    CHECK(!is_op_known(WF_OP_PUSH, 0, what));
    CHECK(is_op_known(WF_OP_QUESTION_KEEP, 1, wf_buf_bytes(&bytes)));
    wf_buf_reset(&bytes);
    wf_entry_encode(&entry, &bytes);
    CHECK(!is_op_known(WF_OP_JOURNAL, 0, wf_buf_bytes(&bytes)));
    CHECK(!is_op_known(WF_OP_JOURNAL, 0, what));
    {
        struct wf_buf signal = {0};

        wf_letter_encode(&letter, &signal);
        entry.letter = wf_buf_bytes(&signal);
        wf_buf_reset(&bytes);
        wf_entry_encode(&entry, &bytes);
        CHECK(is_op_known(WF_OP_JOURNAL, 0, wf_buf_bytes(&bytes)));
        wf_buf_fini(&signal);
    }
    wf_buf_reset(&bytes);
    entry = (struct wf_entry){.type = WF_ENTRY_BREAK};
    wf_entry_encode(&entry, &bytes);
    CHECK(is_op_known(WF_OP_JOURNAL, 0, wf_buf_bytes(&bytes)));
    wf_buf_reset(&bytes);
    wf_attributes_put(&bytes, &vip);
    CHECK(is_op_known(WF_OP_ATTRIBUTE, 0, wf_buf_bytes(&bytes)));
    wf_buf_put_u8(&bytes, 0);
    CHECK(!is_op_known(WF_OP_ATTRIBUTE, 0, wf_buf_bytes(&bytes)));
    CHECK(!is_op_known(WF_OP_ATTRIBUTE, 0, what));
    CHECK(is_op_known(WF_OP_CALL_OPEN, 2, key));
    CHECK(!is_op_known(WF_OP_CALL_OPEN, 2, what));

    CHECK(is_known(WF_SECTION_ACTOR, key, weft_bytes_of(pop, 1)));
    CHECK(!is_known(WF_SECTION_ACTOR, what, weft_bytes_of(pop, 1)));
    CHECK(!is_known(WF_SECTION_ACTOR, key, weft_bytes_of(epoch, 2)));
    CHECK(!is_known(WF_SECTION_ACTOR, key, weft_bytes_of(none, 1)));
    CHECK(!is_known(WF_SECTION_ACTOR, key, weft_bytes_of(unknown, 1)));
    CHECK(is_known(WF_SECTION_PARTITION, weft_nothing(),
                   weft_bytes_of(epoch, 2)));
    CHECK(!is_known(WF_SECTION_PARTITION, weft_nothing(),
                    weft_bytes_of(epoch, 1)));
    CHECK(
        !is_known(WF_SECTION_PARTITION, weft_nothing(), weft_bytes_of(pop, 1)));
    wf_buf_fini(&bytes);
}

// Operations of these bytes alone, of an actor or of the partition.
static bool
is_whole_op(bool is_partition, const struct wf_buf *ops)
{
    return is_partition
               ? is_known(WF_SECTION_PARTITION, weft_nothing(),
                          wf_buf_bytes(ops))
               : is_known(WF_SECTION_ACTOR, weft_bytes_of("d\0k\0i", 5),
                          wf_buf_bytes(ops));
}

TEST(recover, verify_knows_what_may_be_left_out_of_an_operation)
{
    static const struct {
        const char *parent;
        size_t len;
        bool is_whole;
    } parents[] = {{"", 0, true}, {"d\0k\0i", 5, true}, {"nobody", 6, false}};
    static const char *const firsts[] = {"", "none"};
    struct wf_buf letter = {0};
    struct wf_buf ops = {0};

    for (size_t i = 0; i < 3; i++) {
        wf_buf_reset(&ops);
        wf_buf_put(&ops, "\x01\1\1\1", 4); // CREATE
        wf_buf_put_bytes(&ops,
                         weft_bytes_of(parents[i].parent, parents[i].len));
        wf_buf_put(&ops, "\1\1", 2);
        wf_buf_put_text(&ops, "input");
        wf_buf_put_text(&ops, "");
        CHECK_EQ(is_whole_op(false, &ops), parents[i].is_whole);
    }
    wf_letter_encode(&(struct wf_letter){.type = WF_LETTER_SIGNAL}, &letter);
    for (size_t i = 0; i < 3; i++) {
        wf_buf_reset(&ops);
        wf_buf_put_u8(&ops, WF_OP_RESTART);
        wf_buf_put_text(&ops, "input");
        wf_buf_put_bytes(&ops,
                         i < 2 ? weft_text(firsts[i]) : wf_buf_bytes(&letter));
        CHECK_EQ(is_whole_op(false, &ops), i != 1);
    }
    wf_buf_fini(&letter);
    wf_buf_fini(&ops);
}

// An envelope has a target and a letter, a dead letter also a reason.
TEST(recover, verify_knows_what_is_in_messages)
{
    const weft_bytes key = weft_bytes_of("d\0k\0i", 5);
    struct wf_buf letter = {0};
    struct wf_buf body = {0};
    struct wf_buf ops = {0};

    wf_letter_encode(&(struct wf_letter){.type = WF_LETTER_SIGNAL}, &letter);
    for (int is_dead = 0; is_dead < 2; is_dead++) {
        for (int change = 0; change < 5; change++) {
            wf_buf_reset(&body);
            wf_buf_reset(&ops);
            wf_buf_put_bytes(&body, change == 1 ? weft_text("nobody") : key);
            wf_buf_put_bytes(&body, change == 2 ? weft_text("none")
                                                : wf_buf_bytes(&letter));
            if (is_dead) {
                wf_buf_put_text(&body, "finished");
            }
            if (change == 3) {
                wf_buf_put_u8(&body, 0);
            }
            body.len = change == 4 ? body.len - 1 : body.len;
            wf_buf_put_u8(&ops, is_dead ? WF_OP_LETTER : WF_OP_SEND);
            if (!is_dead) {
                wf_buf_put_varint(&ops, 2);
            }
            wf_buf_put_bytes(&ops, wf_buf_bytes(&body));
            CHECK_EQ(is_whole_op(true, &ops), change == 0);
        }
    }
    wf_buf_fini(&letter);
    wf_buf_fini(&body);
    wf_buf_fini(&ops);
}

// A new life begins with an epoch of its own, and no earlier than anything that
// its log has seen, whatever the clock says.
TEST(recover, a_new_life_has_a_new_epoch_and_a_time_that_does_not_go_back)
{
    struct wf_buf frames[2] = {{0}, {0}};
    struct wf_segment segments[2];

    for (size_t life = 0; life < 2; life++) {
        struct wf_partition *partition = open_partition();
        struct wf_batch rows = {0};
        struct wf_reader reader;
        struct wf_records records;
        struct wf_sections sections;
        uint64_t now_ms;

        if (life == 1) {
            CHECK_OK(wf_partition_recover_segment(partition, 1, &segments[0]));
            CHECK_EQ(wf_partition_recovered_ms(partition), 5000);
        }
        wf_partition_open(partition, life == 0 ? 5000 : 1000);
        CHECK(wf_partition_seal(partition, life == 0 ? 5000 : 1000, false,
                                &frames[life], &rows));
        reader = wf_reader_of(wf_buf_bytes(&frames[life]));
        CHECK_OK(wf_segment_decode(&reader, &segments[life]));
        records = wf_records_of(segments[life].records);
        CHECK(wf_record_next(&records, &now_ms, &sections));
        CHECK_EQ(now_ms, 5000);
        wf_batch_fini(&rows);
        close_partition();
    }
    CHECK_EQ(segments[0].epoch + 1, segments[1].epoch);
    wf_buf_fini(&frames[0]);
    wf_buf_fini(&frames[1]);
}
