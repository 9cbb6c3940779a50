// SPDX-License-Identifier: Apache-2.0

#include "transport/wire.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "support/test.h"

// The bytes of docs/formats/wire.md, section 1, as they are written there.
static const uint8_t hello_frame[] = {
    0x93, 0xa5, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x82, 0xa7, 0x76,
    0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x01, 0xa6, 0x63, 0x6c, 0x69,
    0x65, 0x6e, 0x74, 0xc4, 0x10, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
    0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
};
static const uint8_t ok_frame[] = {
    0x93, 0xa2, 0x6f, 0x6b, 0x01, 0x81, 0xaa, 0x69, 0x73,
    0x5f, 0x63, 0x72, 0x65, 0x61, 0x74, 0x65, 0x64, 0xc3,
};

static const uint8_t client[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                   8, 9, 10, 11, 12, 13, 14, 15};

// A frame in the making.
struct made {
    struct wf_wire_writer writer;
    struct wf_buf frame;
    struct wf_wire_message message;
};

static void
begin(struct made *made)
{
    *made = (struct made){0};
    wf_wire_begin(&made->writer, &made->frame, "v", 7);
}

// End it and read it back; the caller frees the frame.
static struct wf_wire_walk
end(struct made *made)
{
    wf_wire_end(&made->writer);
    CHECK_OK(wf_wire_read(wf_buf_bytes(&made->frame), &made->message));
    return wf_wire_fields(&made->message);
}

static struct wf_wire_field
next(struct wf_wire_walk *walk)
{
    struct wf_wire_field field;

    CHECK(wf_wire_next(walk, &field));
    return field;
}

static weft_err
read(const char *bytes, size_t len)
{
    struct wf_wire_message message;

    return wf_wire_read(weft_bytes_of(bytes, len), &message);
}

#define READ(bytes) read("" bytes, sizeof("" bytes) - 1)

TEST(wire, what_a_client_sends_is_not_all_crumbs)
{
    struct made made;

    begin(&made);
    wf_wire_open_array(&made.writer, "rows");
    for (int i = 0; i < 4; i++) {
        wf_wire_open_array(&made.writer, NULL);
        for (int j = 0; j < WF_WIRE_ENTRIES_MAX; j++) {
            wf_wire_put_uint(&made.writer, NULL, 1);
        }
        wf_wire_close(&made.writer);
    }
    wf_wire_close(&made.writer);
    wf_wire_end(&made.writer);
    CHECK_OK(wf_wire_read(wf_buf_bytes(&made.frame), &made.message));
    CHECK_ERR(wf_wire_read_request(wf_buf_bytes(&made.frame), &made.message),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "more items than are allowed") != NULL);
    wf_buf_fini(&made.frame);
}

TEST(wire, names_of_fields_are_short)
{
    char name[WF_WIRE_NAME_BYTES_MAX + 2] = "";
    struct made made;

    memset(name, 'n', WF_WIRE_NAME_BYTES_MAX + 1);
    begin(&made);
    wf_wire_put_uint(&made.writer, name, 1);
    wf_wire_end(&made.writer);
    CHECK_ERR(wf_wire_read(wf_buf_bytes(&made.frame), &made.message),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "its name has over 64 bytes") != NULL);
    wf_buf_fini(&made.frame);
}

TEST(wire, the_documents_hello_is_written_byte_for_byte)
{
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    wf_wire_begin(&writer, &frame, "hello", 0);
    wf_wire_put_uint(&writer, "version", WF_WIRE_VERSION);
    wf_wire_put_bytes(&writer, "client", weft_bytes_of(client, 16));
    wf_wire_end(&writer);
    CHECK_BYTES(wf_buf_bytes(&frame),
                weft_bytes_of(hello_frame, sizeof(hello_frame)));
    wf_buf_fini(&frame);
}

TEST(wire, the_documents_hello_is_read)
{
    struct wf_wire_message message;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    weft_bytes bytes;
    uint64_t number;

    CHECK_OK(wf_wire_read(weft_bytes_of(hello_frame, sizeof(hello_frame)),
                          &message));
    CHECK(wf_wire_is(&message, "hello"));
    CHECK(!wf_wire_is(&message, "hell"));
    CHECK_EQ(message.number, 0);
    walk = wf_wire_fields(&message);
    field = next(&walk);
    CHECK(wf_wire_field_is(&field, "version"));
    CHECK_OK(wf_wire_uint(&field, 1, &number));
    CHECK_EQ(number, 1);
    field = next(&walk);
    CHECK(wf_wire_field_is(&field, "client"));
    CHECK_OK(wf_wire_bytes(&field, 16, &bytes));
    CHECK_BYTES(bytes, weft_bytes_of(client, 16));
    CHECK(!wf_wire_next(&walk, &field));
}

TEST(wire, the_documents_ok_is_read)
{
    struct wf_wire_message message;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    bool is = false;

    CHECK_OK(wf_wire_read(weft_bytes_of(ok_frame, sizeof(ok_frame)), &message));
    CHECK(wf_wire_is(&message, "ok"));
    CHECK_EQ(message.number, 1);
    walk = wf_wire_fields(&message);
    field = next(&walk);
    CHECK(wf_wire_field_is(&field, "is_created"));
    CHECK_OK(wf_wire_bool(&field, &is));
    CHECK(is);
}

TEST(wire, a_frame_cut_short_anywhere_is_refused)
{
    struct wf_wire_message message;

    for (size_t len = 0; len < sizeof(hello_frame); len++) {
        CHECK_ERR(wf_wire_read(weft_bytes_of(hello_frame, len), &message),
                  WEFT_EINVAL);
        CHECK(strncmp(weft_err_detail(), "byte ", 5) == 0);
    }
}

TEST(wire, what_is_no_message_is_refused_at_its_byte)
{
    CHECK_ERR(READ(""), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 0: an item is cut short or has an unknown type");
    CHECK_ERR(READ("\x93\xa1v\x01\x80\xc0"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 5: bytes follow the value");
    CHECK_ERR(READ("\x92\xa1v\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 0: not a message: want an array of 3");
    CHECK_ERR(READ("\x83\xa1v\x01\xa1w\x80\xa1x\x80"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 0: not a message: want an array of 3");
    CHECK_ERR(READ("\x93\x01\x01\x80"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 1: the verb is an integer, want a text");
    CHECK_ERR(READ("\x93\xa1v\xff\x80"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 3: the number is an integer, want an integer from 0");
    CHECK_ERR(READ("\x93\xa1v\x01\x90"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 4: the fields are an array, want a map");
    CHECK_ERR(READ("\x93\xa1v\x01\xc1"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 4: an item is cut short or has an unknown type");
}

TEST(wire, counts_that_lie_are_refused)
{
    CHECK_ERR(READ("\xdd\xff\xff\xff\xff"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 0: a count is larger than the bytes left");
    CHECK_ERR(READ("\x93\xa1v\x01\xdf\xff\xff\xff\xff"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 4: a count is larger than the bytes left");
    CHECK_ERR(READ("\x93\xa1v\x01\x81\xa1k\xdd\xff\xff\xff\xff"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 7: a count is larger than the bytes left");
    CHECK_ERR(READ("\x93\xa1v\x01\x81\xa1k\xc6\xff\xff\xff\xff"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "byte 7: an item is cut short or has an unknown type");
}

TEST(wire, keys_are_texts_at_every_level)
{
    CHECK_ERR(READ("\x93\xa1v\x01\x81\x01\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 5: a key is no text");
    CHECK_ERR(READ("\x93\xa1v\x01\x81\xa1k\x82\xa1k\x01\x80\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 11: a key is no text");
    CHECK_OK(READ("\x93\xa1v\x01\x81\xa1k\x82\xa1k\x80\xa1l\x01"));
}

TEST(wire, a_field_is_not_there_twice)
{
    CHECK_ERR(READ("\x93\xa1v\x01\x83\xa1k\x01\xa1l\x01\xa1k\x01"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "k: is there twice");
    CHECK_ERR(READ("\x93\xa1v\x01\x82\xa1k\x01\xa1k\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "k: is there twice");
}

TEST(wire, nesting_is_limited)
{
    CHECK_OK(READ("\x93\xa1v\x01\x81\xa1k\x91\x91\x91\x91\x91\x90"));
    CHECK_ERR(READ("\x93\xa1v\x01\x81\xa1k\x91\x91\x91\x91\x91\x91\x90"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 13: nested too deep");
}

TEST(wire, entries_and_fields_are_limited)
{
    struct made made;

    begin(&made);
    wf_wire_open_array(&made.writer, "k");
    for (int i = 0; i < WF_WIRE_ENTRIES_MAX; i++) {
        wf_wire_put_uint(&made.writer, NULL, 0);
    }
    wf_wire_close(&made.writer);
    (void)end(&made);
    // One more, written by hand: head at byte 7, de 10 00 of two bytes.
    made.frame.data[9]++;
    wf_buf_put_u8(&made.frame, 0);
    CHECK_ERR(wf_wire_read(wf_buf_bytes(&made.frame), &made.message),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "byte 7: more entries than are allowed");
    wf_buf_fini(&made.frame);

    for (int more = 0; more <= 1; more++) {
        begin(&made);
        for (int i = 0; i < WF_WIRE_FIELDS_MAX + more; i++) {
            char name[2] = {(char)('0' + i), '\0'};

            wf_wire_put_uint(&made.writer, name, 0);
        }
        wf_wire_end(&made.writer);
        CHECK_ERR(wf_wire_read(wf_buf_bytes(&made.frame), &made.message),
                  more == 0 ? WEFT_OK : WEFT_EINVAL);
        wf_buf_fini(&made.frame);
    }
    CHECK_STR(weft_err_detail(), "a message has 65 fields, 64 are allowed");
}

TEST(wire, a_message_has_a_largest_size)
{
    struct made made;
    struct wf_buf large = {0};

    wf_buf_reserve(&large, WF_WIRE_MESSAGE_BYTES_MAX);
    memset(large.data, 0, WF_WIRE_MESSAGE_BYTES_MAX);
    large.len = WF_WIRE_MESSAGE_BYTES_MAX - 12; // heads and names are 12
    begin(&made);
    wf_wire_put_bytes(&made.writer, "k", wf_buf_bytes(&large));
    (void)end(&made);
    CHECK_EQ(made.frame.len, WF_WIRE_MESSAGE_BYTES_MAX);
    wf_buf_put_u8(&made.frame, 0);
    CHECK_ERR(wf_wire_read(wf_buf_bytes(&made.frame), &made.message),
              WEFT_ETOOBIG);
    wf_buf_fini(&made.frame);
    wf_buf_fini(&large);
}

// Every type round the limits of its forms.
TEST(wire, values_come_back)
{
    static const uint64_t uints[] = {
        0,     127,        128,         255,        256,      65535,
        65536, UINT32_MAX, 0x100000000, UINT64_MAX, INT64_MAX};
    static const int64_t ints[] = {0,    -1,        -32,       -33,
                                   -129, INT32_MIN, INT64_MIN, INT64_MAX};
    static const double reals[] = {0.0, -1.5, 1e300, INFINITY};
    struct made made;
    struct wf_wire_walk walk, inner;
    struct wf_wire_field field, entry;

    begin(&made);
    wf_wire_open_array(&made.writer, "uints");
    for (size_t i = 0; i < sizeof(uints) / sizeof(uints[0]); i++) {
        wf_wire_put_uint(&made.writer, NULL, uints[i]);
    }
    wf_wire_close(&made.writer);
    wf_wire_open_array(&made.writer, "ints");
    for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
        wf_wire_put_int(&made.writer, NULL, ints[i]);
    }
    wf_wire_close(&made.writer);
    wf_wire_open_array(&made.writer, "reals");
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        wf_wire_put_real(&made.writer, NULL, reals[i]);
    }
    wf_wire_close(&made.writer);
    walk = end(&made);

    field = next(&walk);
    CHECK_OK(wf_wire_array(&field, &inner));
    CHECK_EQ(inner.count, sizeof(uints) / sizeof(uints[0]));
    for (size_t i = 0; wf_wire_next(&inner, &entry); i++) {
        uint64_t value;

        CHECK_OK(wf_wire_uint(&entry, UINT64_MAX, &value));
        CHECK_EQ(value, uints[i]);
    }
    field = next(&walk);
    CHECK_OK(wf_wire_array(&field, &inner));
    CHECK_EQ(inner.count, sizeof(ints) / sizeof(ints[0]));
    for (size_t i = 0; wf_wire_next(&inner, &entry); i++) {
        int64_t value;

        CHECK_OK(wf_wire_int(&entry, &value));
        CHECK_EQ(value, ints[i]);
    }
    field = next(&walk);
    CHECK_OK(wf_wire_array(&field, &inner));
    CHECK_EQ(inner.count, sizeof(reals) / sizeof(reals[0]));
    for (size_t i = 0; wf_wire_next(&inner, &entry); i++) {
        double value;

        CHECK_OK(wf_wire_real(&entry, &value));
        CHECK(value == reals[i]);
    }
    wf_buf_fini(&made.frame);
}

// Heads of one, three and five bytes; a map in an array in a map.
TEST(wire, maps_and_arrays_of_all_sizes_come_back)
{
    static const uint32_t counts[] = {0, 1, 15, 16, 255, WF_WIRE_ENTRIES_MAX};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct made made;
        struct wf_wire_walk walk, array, map;
        struct wf_wire_field field, entry, inner;
        uint32_t seen = 0;
        weft_bytes text;

        begin(&made);
        wf_wire_open_array(&made.writer, "array");
        for (uint32_t k = 0; k < counts[i]; k++) {
            wf_wire_open_map(&made.writer, NULL);
            wf_wire_put_text(&made.writer, "a", "b");
            wf_wire_close(&made.writer);
        }
        wf_wire_close(&made.writer);
        wf_wire_put_bool(&made.writer, "after", true);
        walk = end(&made);
        field = next(&walk);
        CHECK_OK(wf_wire_array(&field, &array));
        CHECK_EQ(array.count, counts[i]);
        while (wf_wire_next(&array, &entry)) {
            CHECK_EQ(entry.index, seen++);
            CHECK_OK(wf_wire_map(&entry, &map));
            inner = next(&map);
            CHECK_OK(wf_wire_text(&inner, 1, &text));
            CHECK_BYTES(text, weft_text("b"));
            CHECK(!wf_wire_next(&map, &inner));
        }
        CHECK_EQ(seen, counts[i]);
        field = next(&walk);
        CHECK(wf_wire_field_is(&field, "after"));
        CHECK(!wf_wire_next(&walk, &field));
        wf_buf_fini(&made.frame);
    }
}

TEST(wire, what_stayed_empty_is_taken_back)
{
    struct made made;
    struct wf_wire_walk walk;
    struct wf_wire_field field;

    begin(&made);
    wf_wire_open_map(&made.writer, "empty");
    wf_wire_close_or_drop(&made.writer);
    wf_wire_open_map(&made.writer, "full");
    wf_wire_put_bool(&made.writer, "is", true);
    wf_wire_close_or_drop(&made.writer);
    walk = end(&made);
    CHECK_EQ(walk.count, 1);
    field = next(&walk);
    CHECK(wf_wire_field_is(&field, "full"));
    CHECK_EQ(made.frame.len, 5 + 5 + 5);
    wf_buf_fini(&made.frame);
}

TEST(wire, names_of_entries_are_texts)
{
    static const char bytes[] = "\x93\xa1v\x01\x82\xa3"
                                "a\0b\x01\xa1\xff\x01";
    struct wf_wire_message message;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    weft_bytes name;

    CHECK_OK(wf_wire_read(weft_bytes_of(bytes, sizeof(bytes) - 1), &message));
    walk = wf_wire_fields(&message);
    field = next(&walk);
    CHECK_ERR(wf_wire_name(&field, &name), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "a?b: its name has a NUL in it");
    field = next(&walk);
    CHECK_ERR(wf_wire_name(&field, &name), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "?: its name is not UTF-8");
}

TEST(wire, a_wrong_type_names_the_field_and_both_types)
{
    struct made made;
    struct wf_wire_walk walk, inner;
    struct wf_wire_field field;
    weft_bytes bytes;
    uint64_t number;
    int64_t integer;
    double real;
    bool is;

    begin(&made);
    wf_wire_open_map(&made.writer, "retry");
    wf_wire_open_array(&made.writer, "names");
    wf_wire_put_uint(&made.writer, NULL, UINT64_MAX);
    walk = (struct wf_wire_walk){0};
    CHECK(!wf_wire_next(&walk, &field));
    wf_wire_close(&made.writer);
    wf_wire_close(&made.writer);
    walk = end(&made);

    struct wf_wire_field retry = next(&walk);
    CHECK_OK(wf_wire_map(&retry, &inner));
    struct wf_wire_field names = next(&inner);
    CHECK_OK(wf_wire_array(&names, &walk));
    field = next(&walk);
    CHECK_ERR(wf_wire_text(&field, 9, &bytes), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.names[0]: is an integer, want a text");
    CHECK_ERR(wf_wire_bytes(&field, 9, &bytes), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "retry.names[0]: is an integer, want a binary");
    CHECK_ERR(wf_wire_uint(&field, 5, &number), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.names[0]: is 18446744073709551615, at "
                                 "most 5 is allowed");
    CHECK_ERR(wf_wire_int(&field, &integer), WEFT_EINVAL);
    CHECK_ERR(wf_wire_bool(&field, &is), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.names[0]: is an integer, want a bool");
    CHECK_ERR(wf_wire_map(&field, &walk), WEFT_EINVAL);
    CHECK_ERR(wf_wire_array(&field, &walk), WEFT_EINVAL);
    CHECK_ERR(wf_wire_uint(&names, 5, &number), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "retry.names: is an array, want an integer from 0");
    CHECK_ERR(wf_wire_real(&retry, &real), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry: is a map, want a number");
    wf_buf_fini(&made.frame);
}

// What "k" is as a text.
static weft_err
text_of(weft_bytes text)
{
    struct wf_buf frame = {0};
    struct wf_wire_message message;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    weft_bytes out;
    weft_err err;

    wf_buf_put(&frame, "\x93\xa1v\x01\x81\xa1k\xd9", 8);
    wf_buf_put_u8(&frame, (uint8_t)text.len);
    wf_buf_put(&frame, text.data, text.len);
    CHECK_OK(wf_wire_read(wf_buf_bytes(&frame), &message));
    walk = wf_wire_fields(&message);
    field = next(&walk);
    err = wf_wire_text(&field, 20, &out);
    wf_buf_fini(&frame);
    return err;
}

TEST(wire, text_is_utf8_without_a_nul)
{
    static const char *const good[] = {
        "",       "a",          "\x7f",       "\xc2\x80",
        "\u07ff", "\u0800",     "\ud7ff",     "\ue000",
        "\uffff", "\U00010000", "\U0010ffff", "na\u00efve \u2713"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc3",
                                      "\xc3z",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe2\x9c",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80",
                                      "a\xff",
                                      "\xfe"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK_OK(text_of(weft_text(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_ERR(text_of(weft_text(bad[i])), WEFT_EINVAL);
        CHECK_STR(weft_err_detail(), "k: is not UTF-8");
    }
    CHECK_ERR(text_of(weft_bytes_of("a\0b", 3)), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "k: has a NUL in it");
    CHECK_ERR(text_of(weft_bytes_of("ab", 3)), WEFT_EINVAL);
    CHECK_ERR(text_of(weft_bytes_of("", 1)), WEFT_EINVAL);
    CHECK_OK(text_of(weft_text("12345678901234567890")));
    CHECK_ERR(text_of(weft_text("123456789012345678901")), WEFT_ETOOBIG);
    CHECK_STR(weft_err_detail(), "k: has 21 bytes, 20 are allowed");
}

TEST(wire, texts_of_an_answer_are_made_utf8)
{
    struct made made;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    weft_bytes text;

    begin(&made);
    made.writer.is_answer = true;
    wf_wire_put_text(&made.writer, "k\xff", "na\u00efve \xc3(\xe2\x9c");
    walk = end(&made);
    field = next(&walk);
    CHECK_OK(wf_wire_text(&field, 99, &text));
    CHECK_BYTES(text, weft_text("na\u00efve ?(??"));
    CHECK_OK(wf_wire_name(&field, &text));
    CHECK_BYTES(text, weft_text("k?"));
    wf_buf_fini(&made.frame);
}

// A name in a detail is a peer's: short, and of printable characters.
TEST(wire, a_strange_name_is_shown_harmlessly)
{
    struct made made;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    uint64_t number;
    char name[WF_WIRE_NAME_BYTES_MAX + 1];

    memset(name, 'x', sizeof(name));
    name[0] = '\n';
    name[1] = '\x1b';
    name[2] = '\xff';
    name[WF_WIRE_NAME_BYTES_MAX] = '\0';
    begin(&made);
    wf_wire_put_bool(&made.writer, name, true);
    walk = end(&made);
    field = next(&walk);
    CHECK_ERR(wf_wire_uint(&field, 1, &number), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "???xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: is "
                                 "a bool, want an integer from 0");
    wf_buf_fini(&made.frame);
}
