// SPDX-License-Identifier: Apache-2.0
//
// test_payload.c - write msgpack, read it by path, refuse what is not msgpack.

#include <math.h>
#include <msgpack.h>
#include <string.h>

#include "base/msgpack.h"
#include "base/random.h"
#include "support/test.h"
#include "weft/payload.h"

// The bytes of a literal, NULs inside included.
#define BYTES(literal) weft_bytes_of((literal), sizeof(literal) - 1)

static weft_payload *
make(void)
{
    weft_payload *p = NULL;

    CHECK_OK(weft_payload_create(&p));
    return p;
}

// What the tests of reading look into.
static weft_payload *
make_order(void)
{
    weft_payload *p = make();

    CHECK_OK(weft_payload_pack(
        p,
        "{'order': {'id': s, 'items': [{'cents': d}, {'cents': i}, {'cents': "
        "u}]}, 'paid': b, 'rate': f, 'a.b[c': d, 'raw': B, 'none': n}",
        "o-17", 5, (int64_t)-6, UINT64_MAX, 1, 0.25, 9, "\0\1", (size_t)2));
    return p;
}

TEST(payload, a_built_value_has_these_bytes)
{
    weft_payload *p = make();

    weft_payload_map(p, 2);
    weft_payload_text(p, "card");
    weft_payload_str(p, "4242xx", 4);
    weft_payload_text(p, "list");
    weft_payload_array(p, 9);
    weft_payload_int(p, -1);
    weft_payload_int(p, 300);
    weft_payload_uint(p, 70000);
    weft_payload_double(p, 1.5);
    weft_payload_bool(p, 1);
    weft_payload_bool(p, 0);
    weft_payload_nil(p);
    weft_payload_bin(p, "\x01\x02", 2);
    CHECK_ERR(weft_payload_error(p), WEFT_EINVAL); // one is due
    CHECK_EQ(weft_payload_bytes(p).len, 0);
    weft_payload_ext(p, -3, "z", 1);
    CHECK_OK(weft_payload_error(p));
    CHECK_BYTES(weft_payload_bytes(p),
                BYTES("\x82\xa4"
                      "card\xa4"
                      "4242\xa4"
                      "list\x99\xff\xcd\x01\x2c\xce\x00\x01\x11\x70"
                      "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xc3\xc2\xc0"
                      "\xc4\x02\x01\x02\xd4\xfdz"));
    weft_payload_destroy(p);
}

TEST(payload, pack_writes_what_the_calls_write)
{
    weft_payload *p = make();
    int64_t cents = 1999;

    CHECK_OK(weft_payload_pack(p, "{s:s,s:i}", "card", "4242", "cents", cents));
    CHECK_BYTES(weft_payload_bytes(p), BYTES("\x82\xa4"
                                             "card\xa4"
                                             "4242\xa5"
                                             "cents\xcd\x07\xcf"));
    weft_payload_reset(p);
    CHECK_OK(weft_payload_pack(p, " [ 'a,]}' , {} , [ ] , {S : v}, s ] ", "kkk",
                               (size_t)2, BYTES("\x91\x07"), NULL));
    CHECK_BYTES(weft_payload_bytes(p), BYTES("\x95\xa4"
                                             "a,]}\x80\x90\x81\xa2"
                                             "kk\x91\x07\xc0"));
    weft_payload_destroy(p);
}

TEST(payload, pack_is_an_entry_of_what_is_open)
{
    weft_payload *p = make();

    weft_payload_array(p, 2);
    CHECK_OK(weft_payload_pack(p, "{'n':d}", 1));
    CHECK_OK(weft_payload_pack(p, "d", -2));
    CHECK_BYTES(weft_payload_bytes(p), BYTES("\x92\x81\xa1n\x01\xfe"));
    weft_payload_destroy(p);
}

TEST(payload, pack_refuses_malformed_formats)
{
    static const char *const malformed[] = {
        "",      "{",       "}",     "[",     "]",       "{s}",    "{s:",
        "{s:s",  "{s:s,}",  "{d:s}", "[s,]",  "[s",      "[s}",    "{s:s]",
        "q",     "s s",     "s,s",   "'text", "{'a:s}",  "[[s]",   "[,s]",
        "{s s}", "{s:[s}]", "[s:s]", "{,}",   "{s:s s}", "{{}:s}", "[s]]",
    };
    weft_payload *p = make();

    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        weft_payload_reset(p);
        CHECK_ERR(weft_payload_pack(p, malformed[i], "a", "b", "c", "d"),
                  WEFT_EINVAL);
        CHECK(strstr(weft_err_detail(), "format \"") != NULL);
        CHECK_EQ(weft_payload_bytes(p).len, 0);
    }
    weft_payload_reset(p);
    CHECK_ERR(weft_payload_pack(p, "{s:q}", "a"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "format \"{s:q}\", character 3: one of "
                                 "{['sSBiudfbnv is wanted");
    weft_payload_destroy(p);
}

TEST(payload, the_first_failure_stays_until_reset)
{
    weft_payload *p = make();

    weft_payload_int(p, 1);
    weft_payload_int(p, 2); // no room
    weft_payload_map(p, SIZE_MAX);
    CHECK_ERR(weft_payload_error(p), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "one value") != NULL);
    CHECK_EQ(weft_payload_bytes(p).len, 0);
    CHECK_ERR(weft_payload_pack(p, "n"), WEFT_EINVAL);
    weft_payload_reset(p);
    CHECK_OK(weft_payload_error(p));
    CHECK_OK(weft_payload_pack(p, "d", 3));
    CHECK_BYTES(weft_payload_bytes(p), BYTES("\x03"));
    weft_payload_destroy(p);
}

TEST(payload, limits_are_two_mebibytes_and_32_levels)
{
    static char big[2 << 20];
    weft_payload *p = make();

    weft_payload_bin(p, big, sizeof(big) - 5);
    CHECK_OK(weft_payload_error(p));
    CHECK_EQ(weft_payload_bytes(p).len, sizeof(big));
    weft_payload_reset(p);
    weft_payload_bin(p, big, sizeof(big) - 4);
    CHECK_ERR(weft_payload_error(p), WEFT_ETOOBIG);
    weft_payload_reset(p);
    weft_payload_bin(p, big, SIZE_MAX);
    CHECK_ERR(weft_payload_error(p), WEFT_ETOOBIG);
    weft_payload_reset(p);
    weft_payload_map(p, UINT32_MAX);
    CHECK_ERR(weft_payload_error(p), WEFT_ETOOBIG);

    for (int levels = 31; levels <= 33; levels++) {
        weft_payload_reset(p);
        for (int i = 0; i < levels; i++) {
            weft_payload_array(p, 1);
        }
        weft_payload_nil(p);
        CHECK_ERR(weft_payload_error(p), levels > 32 ? WEFT_ETOOBIG : WEFT_OK);
    }

    // An embedded value counts with its own depth.
    weft_payload_reset(p);
    for (int i = 0; i < 31; i++) {
        weft_payload_array(p, 1);
    }
    weft_payload_value(p, BYTES("\x91\x91\x01"));
    CHECK_ERR(weft_payload_error(p), WEFT_ETOOBIG);
    weft_payload_reset(p);
    weft_payload_value(p, BYTES("\x91"));
    CHECK_ERR(weft_payload_error(p), WEFT_ECORRUPT);
    weft_payload_destroy(p);
    weft_payload_destroy(NULL);
}

TEST(payload, paths_lead_to_values)
{
    weft_payload *p = make_order();
    weft_bytes bytes = weft_payload_bytes(p);
    weft_bytes part;
    int64_t number = 0;
    uint64_t natural = 0;
    double real = 0;
    int is = 0;
    size_t count = 0;
    char text[5];

    CHECK_OK(weft_payload_get_int(bytes, "order.items[0].cents", &number));
    CHECK_EQ(number, 5);
    CHECK_OK(weft_payload_get_int(bytes, "order.items[1].cents", &number));
    CHECK_EQ(number, -6);
    CHECK_OK(weft_payload_get_uint(bytes, "order.items[2].cents", &natural));
    CHECK_EQ(natural, UINT64_MAX);
    CHECK_OK(weft_payload_get_int(bytes, "['a.b[c']", &number));
    CHECK_EQ(number, 9);
    CHECK_OK(
        weft_payload_get_int(bytes, "['order']['items'][0].cents", &number));
    CHECK_EQ(number, 5);
    CHECK_OK(weft_payload_get_text(bytes, "order.id", text, sizeof(text)));
    CHECK_STR(text, "o-17");
    CHECK_OK(weft_payload_get_bool(bytes, "paid", &is));
    CHECK_EQ(is, 1);
    CHECK_OK(weft_payload_get_double(bytes, "rate", &real));
    CHECK(real >= 0.25 && real <= 0.25);
    CHECK_OK(weft_payload_get_double(bytes, "order.items[1].cents", &real));
    CHECK(real >= -6 && real <= -6);
    CHECK_OK(weft_payload_get_bytes(bytes, "raw", &part));
    CHECK_BYTES(part, BYTES("\0\1"));
    CHECK_OK(weft_payload_get_count(bytes, "", &count));
    CHECK_EQ(count, 6);
    CHECK_OK(weft_payload_get_count(bytes, "order.items", &count));
    CHECK_EQ(count, 3);
    CHECK_OK(weft_payload_get_value(bytes, "order.items[1]", &part));
    CHECK_BYTES(part, BYTES("\x81\xa5"
                            "cents\xfa"));
    CHECK(weft_payload_has(bytes, "none"));
    CHECK(weft_payload_has(bytes, NULL));
    CHECK(!weft_payload_has(bytes, "order.items[3]"));
    CHECK(!weft_payload_has(bytes, "order..id"));
    weft_payload_destroy(p);
}

TEST(payload, what_is_not_there_is_named)
{
    weft_payload *p = make_order();
    weft_bytes bytes = weft_payload_bytes(p);
    int64_t number = 77;

    CHECK_ERR(weft_payload_get_int(bytes, "order.total", &number),
              WEFT_ENOTFOUND);
    CHECK_STR(weft_err_detail(), "no \"order.total\" in the payload");
    CHECK_ERR(weft_payload_get_int(bytes, "order.items[3].cents", &number),
              WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_int(bytes, "order[0]", &number), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_int(bytes, "paid.x", &number), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_int(weft_nothing(), "x", &number),
              WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_int(weft_nothing(), NULL, &number),
              WEFT_ENOTFOUND);
    CHECK(!weft_payload_has(weft_nothing(), ""));
    CHECK_EQ(number, 77);
    weft_payload_destroy(p);
}

TEST(payload, another_type_is_refused)
{
    weft_payload *p = make_order();
    weft_bytes bytes = weft_payload_bytes(p);
    weft_bytes part;
    int64_t number;
    uint64_t natural;
    double real;
    int is;
    size_t count;
    char text[4] = "abc";

    CHECK_ERR(weft_payload_get_int(bytes, "order.id", &number), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "\"order.id\" is a text, not an integer");
    CHECK_ERR(weft_payload_get_int(bytes, "order.items[2].cents", &number),
              WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_uint(bytes, "order.items[1].cents", &natural),
              WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_double(bytes, "paid", &real), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_bool(bytes, "none", &is), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_bytes(bytes, "rate", &part), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_count(bytes, "paid", &count), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_text(bytes, "raw", text, 4), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_text(bytes, "order.id", text, 4), WEFT_ETOOBIG);
    CHECK_ERR(weft_payload_get_text(bytes, "order.id", NULL, 0), WEFT_ETOOBIG);
    CHECK_ERR(weft_payload_get_text(BYTES("\xa2\0x"), "", text, 4),
              WEFT_EINVAL);
    CHECK_STR(text, "abc");
    weft_payload_destroy(p);
}

// The path NULL means the whole, also in what is said of it.
TEST(payload, of_the_whole_it_is_said_the_same)
{
    const weft_bytes text = BYTES("\xa1x");
    const weft_bytes empty = BYTES("\xa0");
    const weft_bytes nul = BYTES("\xa1\0");
    const weft_bytes below = BYTES("\xff");
    const weft_bytes beyond = BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    const weft_bytes none = weft_nothing();
    char room[4] = "abc";
    int64_t number;
    uint64_t natural;
    double real;
    weft_bytes part;
    int is;

    CHECK_ERR(weft_payload_get_int(text, NULL, &number), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "\"\" is a text, not an integer");
    CHECK_ERR(weft_payload_get_uint(text, NULL, &natural), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_int(beyond, NULL, &number), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "\"\" is 18446744073709551615") != NULL);
    CHECK_ERR(weft_payload_get_uint(below, NULL, &natural), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "\"\" is -1, below 0");
    CHECK_ERR(weft_payload_get_text(text, NULL, room, 1), WEFT_ETOOBIG);
    CHECK_STR(weft_err_detail(),
              "\"\" takes 2 bytes with its NUL, there are 1");
    CHECK_ERR(weft_payload_get_text(nul, NULL, room, 4), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "\"\" has a NUL inside");
    CHECK_STR(room, "abc");
    CHECK_OK(weft_payload_get_text(empty, NULL, room, 4));
    CHECK_STR(room, "");
    CHECK_OK(weft_payload_get_double(below, NULL, &real));
    CHECK(real < 0);
    CHECK_ERR(weft_payload_get_uint(none, NULL, &natural), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_double(none, NULL, &real), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_bool(none, NULL, &is), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_bytes(none, NULL, &part), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_value(none, NULL, &part), WEFT_ENOTFOUND);
}

TEST(payload, malformed_paths_are_refused)
{
    static const char *const malformed[] = {
        ".",
        ".a",
        "a.",
        "a..b",
        "[",
        "[x]",
        "[-1]",
        "[1",
        "[]",
        "['a]",
        "[99999999999999999999999]",
        "[0]a",
        "a[0",
        "['a'",
    };
    weft_bytes part;

    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        CHECK_ERR(weft_payload_get_value(weft_nothing(), malformed[i], &part),
                  WEFT_EINVAL);
    }
}

TEST(payload, a_walk_gives_each_entry_once)
{
    weft_payload *p = make_order();
    weft_payload_entries entries;
    weft_bytes bytes = weft_payload_bytes(p);
    weft_bytes key;
    weft_bytes value;
    int64_t sum = 0;
    int64_t cents;
    char keys[64] = "";
    char name[16];

    CHECK_OK(weft_payload_walk(bytes, "order.items", &entries));
    for (int i = 0; i < 2; i++) {
        CHECK(weft_payload_next(&entries, &key, &value));
        CHECK_EQ(key.len, 0);
        CHECK_OK(weft_payload_get_int(value, "cents", &cents));
        sum += cents;
    }
    CHECK_EQ(sum, -1);
    CHECK(weft_payload_next(&entries, NULL, NULL));
    CHECK(!weft_payload_next(&entries, NULL, NULL));

    CHECK_OK(weft_payload_walk(bytes, NULL, &entries));
    while (weft_payload_next(&entries, &key, &value)) {
        CHECK_OK(weft_payload_get_text(key, "", name, sizeof(name)));
        strcat(strcat(keys, name), " ");
    }
    CHECK_STR(keys, "order paid rate a.b[c raw none ");
    CHECK_ERR(weft_payload_walk(bytes, "paid", &entries), WEFT_EINVAL);
    CHECK_ERR(weft_payload_walk(BYTES("\x92\x01"), "", &entries),
              WEFT_ECORRUPT);
    weft_payload_destroy(p);
}

TEST(payload, the_guard_refuses_hostile_bytes)
{
    static char deep[34];
    static const weft_bytes hostile[] = {
        {"", 0},
        {"\xdd\x08\x00\x00\x00", 5},     // 134 million values
        {"\xdf\xff\xff\xff\xff", 5},     // as many pairs
        {"\xdd\x00\x00\x00\x02\x01", 6}, // one value short
        {"\x92\xdc\x00\x02\x01\x01", 6}, // enough bytes, but not for both
        {"\x81\x01", 2},                 // a key without a value
        {"\xc1", 1},                     // never used
        {"\xdb\xff\xff\xff\xff", 5},     // a text of 4 GiB
        {"\xc9\xff\xff\xff\xff\x01", 6}, // an ext of 4 GiB
        {"\xcb\x00", 2},                 // half a float
        {"\x01\x02", 2},                 // two values
        {deep, sizeof(deep)},            // 33 levels
    };
    size_t count = 0;

    memset(deep, '\x91', 33);
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        CHECK_ERR(weft_payload_check(hostile[i]), WEFT_ECORRUPT);
    }
    CHECK_OK(weft_payload_check(weft_bytes_of(deep + 1, 33)));
    CHECK_ERR(weft_payload_get_count(hostile[1], "", &count), WEFT_ECORRUPT);
    CHECK_ERR(weft_payload_check(hostile[1]), WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(),
              "payload, byte 0 of 5: a count is larger than the bytes left");
}

// Bytes that are likely to be msgpack for a while.
static size_t
make_noise(struct wf_random *random, uint8_t *out_bytes, size_t len_max)
{
    static const uint8_t heads[] = {0x81, 0x82, 0x91, 0x93, 0xa1, 0xc4, 0xc7,
                                    0xca, 0xcb, 0xcc, 0xcd, 0xd0, 0xd1, 0xd4,
                                    0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0xc0, 0xe0};
    size_t len = 1 + (size_t)wf_random_below(random, len_max);

    len = 1 + (size_t)wf_random_below(random, len); // short ones are likelier
    for (size_t i = 0; i < len; i++) {
        uint64_t kind = wf_random_below(random, 8);

        if (kind < 3) {
            out_bytes[i] = heads[wf_random_below(random, sizeof(heads))];
        } else if (kind < 7) {
            out_bytes[i] = (uint8_t)wf_random_below(random, 4);
        } else {
            out_bytes[i] = (uint8_t)wf_random_u64(random);
        }
    }
    return len;
}

// The guard's promise to msgpack-c, and the readers' to anyone: whatever the
// bytes, they come back.
TEST(payload, what_the_guard_accepts_decodes_to_the_last_byte)
{
    struct wf_random random;
    uint8_t bytes[48];
    unsigned accepted = 0;

    wf_random_init(&random, 20240817);
    for (int i = 0; i < 400000; i++) {
        size_t len = make_noise(&random, bytes, sizeof(bytes));
        weft_bytes noise = weft_bytes_of(bytes, len);
        weft_payload_entries entries;
        int64_t number;
        bool is_accepted = wf_msgpack_shape(noise).wrong == NULL;

        (void)weft_payload_has(noise, "a[1].b");
        (void)weft_payload_has(noise, "[0][0]");
        if (weft_payload_walk(noise, "", &entries) == WEFT_OK) {
            while (weft_payload_next(&entries, NULL, NULL)) {
            }
            CHECK_EQ(entries.left, 0);
        }
        (void)weft_payload_get_int(noise, "[1]", &number);
        if (is_accepted) {
            msgpack_unpacked unpacked;
            size_t at = 0;

            msgpack_unpacked_init(&unpacked);
            CHECK_EQ(
                msgpack_unpack_next(&unpacked, (const char *)bytes, len, &at),
                MSGPACK_UNPACK_SUCCESS);
            CHECK_EQ(at, len);
            msgpack_unpacked_destroy(&unpacked);
            accepted++;
        }
    }
    CHECK(accepted > 10000); // else the noise tests nothing
}

TEST(payload, every_cut_of_a_payload_is_refused)
{
    weft_payload *p = make_order();
    weft_bytes bytes = weft_payload_bytes(p);
    weft_bytes part;

    CHECK_OK(weft_payload_check(bytes));
    for (size_t len = 0; len < bytes.len; len++) {
        weft_bytes cut = weft_bytes_of(bytes.data, len);

        CHECK_ERR(weft_payload_check(cut), WEFT_ECORRUPT);
        CHECK(!weft_payload_has(cut, ""));
        CHECK(weft_payload_get_value(cut, "none", &part) != WEFT_OK);
    }
    weft_payload_destroy(p);
}

TEST(payload, numbers_of_every_size_come_back)
{
    weft_payload *p = make();
    int64_t back;
    uint64_t natural;

    for (int shift = 0; shift < 64; shift++) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t bits = ((uint64_t)1 << shift) + (uint64_t)(int64_t)delta;
            int64_t value = (int64_t)bits;

            weft_payload_reset(p);
            weft_payload_int(p, value);
            CHECK_OK(weft_payload_get_int(weft_payload_bytes(p), "", &back));
            CHECK_EQ(back, value);
            weft_payload_reset(p);
            weft_payload_uint(p, bits);
            CHECK_OK(
                weft_payload_get_uint(weft_payload_bytes(p), "", &natural));
            CHECK_EQ(natural, bits);
        }
    }
    // Written by others with more bytes than it takes.
    CHECK_OK(
        weft_payload_get_uint(BYTES("\xd3\0\0\0\0\0\0\0\5"), "", &natural));
    CHECK_EQ(natural, 5);
    CHECK_OK(weft_payload_get_int(BYTES("\xd2\xff\xff\xff\xfe"), "", &back));
    CHECK_EQ(back, -2);
    weft_payload_destroy(p);
}
