// SPDX-License-Identifier: Apache-2.0

#include "runtime/record.h"
#include "support/test.h"

// Append a record with one section of an actor.
static void
put_actor(struct wf_buf *records, uint64_t elapsed_ms, const char *key,
          const char *ops, uint32_t *named_at)
{
    struct wf_buf sections = {0};

    wf_section_put(&sections, WF_SECTION_ACTOR, weft_text(key), weft_text(ops));
    wf_record_put(records, elapsed_ms, wf_buf_bytes(&sections), named_at);
    wf_buf_fini(&sections);
}

// The next record is at that time, and has one section: of the key, with ops.
static void
check_actor(struct wf_records *records, uint64_t at_ms, const char *key,
            const char *ops)
{
    struct wf_sections sections;
    struct wf_section section;
    uint64_t now_ms = 0;

    CHECK(wf_record_next(records, &now_ms, &sections));
    CHECK_EQ(now_ms, at_ms);
    CHECK(wf_section_next(&sections, &section));
    CHECK_EQ(section.object, WF_SECTION_ACTOR);
    CHECK_BYTES(section.key, weft_text(key));
    CHECK_BYTES(section.ops, weft_text(ops));
    CHECK(!wf_section_next(&sections, &section));
    CHECK(!sections.reader.failed);
}

TEST(record, what_was_named_is_not_named_again)
{
    static const uint8_t golden[] = {
        0x09, 0x64, 'A', 0x03, 'o',  'n', 'e', 0x02, 'x', 'y', //
        0x07, 0x00, 'A', 0x03, 't',  'w', 'o', 0x00,           //
        0x05, 0x02, 'a', 0x03, 0x01, 'z',                      //
        0x04, 0x00, 'a', 0x0d, 0x00,                           //
    };
    struct wf_buf buf = {0};
    struct wf_records records;
    uint32_t one_at = 0;
    uint32_t two_at = 0;

    put_actor(&buf, 100, "one", "xy", &one_at);
    put_actor(&buf, 0, "two", "", &two_at);
    put_actor(&buf, 2, "one", "z", &one_at);
    put_actor(&buf, 0, "two", "", &two_at);
    CHECK_EQ(one_at, 3);
    CHECK_EQ(two_at, 13);
    CHECK_BYTES(wf_buf_bytes(&buf), weft_bytes_of(golden, sizeof(golden)));

    records = wf_records_of(wf_buf_bytes(&buf));
    check_actor(&records, 100, "one", "xy");
    check_actor(&records, 100, "two", "");
    check_actor(&records, 102, "one", "z");
    check_actor(&records, 102, "two", "");
    CHECK_EQ(wf_reader_left(&records.reader), 0);
    wf_buf_fini(&buf);
}

// Its length takes more bytes than are left for it at first.
TEST(record, a_long_one_is_named_where_it_is)
{
    char ops[70000];
    struct wf_buf buf = {0};
    struct wf_records records;
    uint32_t named_at = 0;

    memset(ops, 'o', sizeof(ops) - 1);
    ops[sizeof(ops) - 1] = '\0';
    put_actor(&buf, 1, "other", "", NULL);
    put_actor(&buf, 1, "key", ops, &named_at);
    put_actor(&buf, 1, "key", "again", &named_at);
    records = wf_records_of(wf_buf_bytes(&buf));
    check_actor(&records, 1, "other", "");
    check_actor(&records, 2, "key", ops);
    check_actor(&records, 3, "key", "again");
    wf_buf_fini(&buf);
}

// The sections behind the first one stay as they are.
TEST(record, only_the_first_actor_is_left_out)
{
    struct wf_buf buf = {0};
    struct wf_buf sections = {0};
    struct wf_records records;
    struct wf_sections found;
    struct wf_section section;
    uint32_t named_at = 0;
    uint64_t now_ms;

    put_actor(&buf, 1, "a", "", &named_at);
    wf_section_put(&sections, WF_SECTION_ACTOR, weft_text("a"), weft_text("1"));
    wf_section_put(&sections, WF_SECTION_PARTITION, weft_nothing(),
                   weft_text("2"));
    wf_section_put(&sections, WF_SECTION_ACTOR, weft_text("b"), weft_text("3"));
    wf_record_put(&buf, 1, wf_buf_bytes(&sections), &named_at);

    records = wf_records_of(wf_buf_bytes(&buf));
    check_actor(&records, 1, "a", "");
    CHECK(wf_record_next(&records, &now_ms, &found));
    CHECK(wf_section_next(&found, &section));
    CHECK_BYTES(section.key, weft_text("a"));
    CHECK_BYTES(section.ops, weft_text("1"));
    CHECK(wf_section_next(&found, &section));
    CHECK_EQ(section.object, WF_SECTION_PARTITION);
    CHECK_BYTES(section.ops, weft_text("2"));
    CHECK(wf_section_next(&found, &section));
    CHECK_BYTES(section.key, weft_text("b"));
    CHECK_BYTES(section.ops, weft_text("3"));
    CHECK(!wf_section_next(&found, &section));
    CHECK(!found.reader.failed);
    wf_buf_fini(&sections);
    wf_buf_fini(&buf);
}

// Behind a record that names "one" in byte 3, one that says it is at `at`.
static bool
is_found(uint8_t at)
{
    uint8_t again[] = {0x04, 0x00, WF_SECTION_AGAIN, at, 0x00};
    struct wf_buf buf = {0};
    struct wf_records records;
    struct wf_sections sections;
    struct wf_section section;
    uint64_t now_ms;
    bool is_there;

    put_actor(&buf, 1, "one", "A", NULL);
    wf_buf_put(&buf, again, sizeof(again));
    records = wf_records_of(wf_buf_bytes(&buf));
    check_actor(&records, 1, "one", "A");
    CHECK(wf_record_next(&records, &now_ms, &sections));
    is_there = wf_section_next(&sections, &section);
    CHECK_EQ(is_there, !sections.reader.failed);
    wf_buf_fini(&buf);
    return is_there;
}

TEST(record, a_name_that_is_not_there_does_not_decode)
{
    for (uint8_t at = 0; at < 0x7f; at++) {
        CHECK_EQ(is_found(at), at == 3);
    }
}

TEST(record, the_first_has_nothing_before_it)
{
    uint8_t first[] = {0x04, 0x00, WF_SECTION_AGAIN, 0x03, 0x00};
    struct wf_records records =
        wf_records_of(weft_bytes_of(first, sizeof(first)));
    struct wf_sections sections = wf_sections_of(weft_bytes_of(first + 2, 3));
    struct wf_section section;
    uint64_t now_ms;

    CHECK(!wf_section_next(&sections, &section));
    CHECK(sections.reader.failed);
    CHECK(wf_record_next(&records, &now_ms, &sections));
    CHECK(!wf_section_next(&sections, &section));
    CHECK(sections.reader.failed);
}

TEST(record, time_does_not_go_round)
{
    struct wf_buf buf = {0};
    struct wf_records records;
    struct wf_sections sections;
    uint64_t now_ms = 0;

    put_actor(&buf, UINT64_MAX, "one", "", NULL);
    put_actor(&buf, 0, "one", "", NULL);
    put_actor(&buf, 1, "one", "", NULL);
    records = wf_records_of(wf_buf_bytes(&buf));
    check_actor(&records, UINT64_MAX, "one", "");
    check_actor(&records, UINT64_MAX, "one", "");
    CHECK(!wf_record_next(&records, &now_ms, &sections));
    CHECK(records.reader.failed);
    CHECK_EQ(now_ms, 0);
    wf_buf_fini(&buf);
}
