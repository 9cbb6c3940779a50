// SPDX-License-Identifier: Apache-2.0
//
// test_payload_json.c - msgpack to JSON and back without loss.

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/random.h"
#include "support/test.h"
#include "weft/payload.h"

#define BYTES(literal) weft_bytes_of((literal), sizeof(literal) - 1)

static weft_payload *
make(void)
{
    weft_payload *p = NULL;

    CHECK_OK(weft_payload_create(&p));
    return p;
}

static void
check_text(weft_bytes bytes, const char *expected)
{
    char *text = NULL;

    CHECK_OK(weft_payload_to_json(bytes, 0, &text));
    CHECK_STR(text, expected);
    weft_payload_free_text(text);
}

// These bytes are this text, both ways.
static void
check_both(weft_bytes bytes, const char *text)
{
    weft_payload *p = make();

    check_text(bytes, text);
    CHECK_OK(weft_payload_from_json(p, text, strlen(text)));
    CHECK_BYTES(weft_payload_bytes(p), bytes);
    weft_payload_destroy(p);
}

TEST(payload_json, plain_values_are_plain)
{
    check_both(BYTES("\xc0"), "null");
    check_both(BYTES("\xc3"), "true");
    check_both(BYTES("\xc2"), "false");
    check_both(BYTES("\x07"), "7");
    check_both(BYTES("\xd3\x80\0\0\0\0\0\0\0"), "-9223372036854775808");
    check_both(BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
               "9223372036854775807");
    check_both(BYTES("\xa3"
                     "a\0b"),
               "\"a\\u0000b\"");
    check_both(BYTES("\xa2\xc3\xa4"), "\"\xc3\xa4\"");
    check_both(BYTES("\x90"), "[]");
    check_both(BYTES("\x80"), "{}");
    check_both(BYTES("\xa0"), "\"\"");
    check_both(BYTES("\x82\xa1z\x92\x01\x02\xa1"
                     "a\xc0"),
               "{\"z\":[1,2],\"a\":null}");
}

TEST(payload_json, floats_are_short_and_exact)
{
    check_both(BYTES("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1");
    check_both(BYTES("\xcb\x40\x08\0\0\0\0\0\0"), "3.0");
    check_both(BYTES("\xcb\x80\0\0\0\0\0\0\0"), "-0.0");
    check_both(BYTES("\xcb\0\0\0\0\0\0\0\1"), "4.94065645841247e-324");
    check_both(BYTES("\xcb\x3f\xd3\x33\x33\x33\x33\x33\x34"),
               "0.30000000000000004");
    check_text(BYTES("\xca\x3f\0\0\0"), "0.5"); // comes back with 8 bytes
}

TEST(payload_json, what_json_lacks_has_a_word)
{
    check_both(BYTES("\xc4\0"), "{\"$bin\":\"\"}");
    check_both(BYTES("\xc4\1\0"), "{\"$bin\":\"AA==\"}");
    check_both(BYTES("\xc4\2\xff\xfe"), "{\"$bin\":\"//4=\"}");
    check_both(BYTES("\xc4\3\xfb\xf0\x01"), "{\"$bin\":\"+/AB\"}");
    check_both(BYTES("\xa1\xff"), "{\"$str\":\"/w==\"}");
    check_both(BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
               "{\"$uint\":\"18446744073709551615\"}");
    check_both(BYTES("\xcb\x7f\xf8\0\0\0\0\0\0"), "{\"$float\":\"nan\"}");
    check_both(BYTES("\xcb\x7f\xf0\0\0\0\0\0\0"), "{\"$float\":\"inf\"}");
    check_both(BYTES("\xcb\xff\xf0\0\0\0\0\0\0"), "{\"$float\":\"-inf\"}");
    check_both(BYTES("\xd5\xff\1\2"), "{\"$ext\":[-1,\"AQI=\"]}");
}

TEST(payload_json, maps_that_json_lacks_are_pairs)
{
    check_both(BYTES("\x81\x01\x02"), "{\"$map\":[[1,2]]}");
    check_both(BYTES("\x82\xa1"
                     "a\1\xa1"
                     "a\2"),
               "{\"$map\":[[\"a\",1],[\"a\",2]]}");
    check_both(BYTES("\x81\xa1\0\1"), "{\"$map\":[[\"\\u0000\",1]]}");
    check_both(BYTES("\x81\xa1\xff\1"), "{\"$map\":[[{\"$str\":\"/w==\"},1]]}");
    // A map that looks like a word is no word ...
    check_both(BYTES("\x81\xa4$bin\xa4"
                     "AA=="),
               "{\"$map\":[[\"$bin\",\"AA==\"]]}");
    // ... unless it has more in it, or is none of ours.
    check_both(BYTES("\x82\xa4$bin\1\xa1"
                     "a\2"),
               "{\"$bin\":1,\"a\":2}");
    check_both(BYTES("\x81\xa4$foo\1"), "{\"$foo\":1}");
}

TEST(payload_json, flags_change_the_look_only)
{
    weft_bytes bytes = BYTES("\x82\xa1z\x01\xa1"
                             "a\x91\x02");
    char *text = NULL;

    CHECK_OK(weft_payload_to_json(bytes, WEFT_JSON_INDENT | WEFT_JSON_SORT_KEYS,
                                  &text));
    CHECK_STR(text, "{\n  \"a\": [\n    2\n  ],\n  \"z\": 1\n}");
    weft_payload_free_text(text);
    weft_payload_free_text(NULL);
    CHECK_ERR(weft_payload_to_json(bytes, 4, &text), WEFT_EINVAL);
    CHECK_ERR(weft_payload_to_json(weft_nothing(), 0, &text), WEFT_ECORRUPT);
    CHECK_ERR(weft_payload_to_json(BYTES("\xdd\x08\0\0\0"), 0, &text),
              WEFT_ECORRUPT);
}

TEST(payload_json, what_is_not_json_is_refused)
{
    static const char *const refused[] = {
        "",
        "{",
        "nul",
        "1 2",
        "[1,]",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "'a'",
        "\"\\ud800\"",
        "\"\xff\"",
        "18446744073709551615",
        "1e999",
        "NaN",
        "{\"$bin\":1}",
        "{\"$bin\":\"A\"}",
        "{\"$bin\":\"AA=A\"}",
        "{\"$bin\":\"AB==\"}",
        "{\"$bin\":\"A===\"}",
        "{\"$bin\":\"AA==AA==\"}",
        "{\"$str\":\"\\u0000AAA\"}",
        "{\"$uint\":1}",
        "{\"$uint\":\"\"}",
        "{\"$uint\":\"-1\"}",
        "{\"$uint\":\" 1\"}",
        "{\"$uint\":\"1x\"}",
        "{\"$uint\":\"1\\u0000\"}",
        "{\"$uint\":\"18446744073709551616\"}",
        "{\"$uint\":\"x\"}",
        "]",
        "}",
        "{\"$bin\":\"A-==\"}",
        "{\"$bin\":\"A_==\"}",
        "{\"$float\":1}",
        "{\"$float\":\"1\"}",
        "{\"$ext\":1}",
        "{\"$ext\":[-129,\"\"]}",
        "{\"$map\":1}",
        "{\"$ext\":[1]}",
        "{\"$ext\":[128,\"\"]}",
        "{\"$ext\":[\"1\",\"\"]}",
        "{\"$map\":{}}",
        "{\"$map\":[[1]]}",
        "{\"$map\":[1]}",
        "[[{\"$bin\":1}],2]",
    };
    const size_t large_len = 4U * WF_PAYLOAD_BYTES_MAX + 1;
    weft_payload *p = make();
    char *large;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        weft_payload_reset(p);
        CHECK_ERR(weft_payload_from_json(p, refused[i], strlen(refused[i])),
                  WEFT_EINVAL);
        CHECK(weft_err_detail()[0] != '\0');
        CHECK_EQ(weft_payload_bytes(p).len, 0);
        CHECK_ERR(weft_payload_error(p), WEFT_EINVAL);
    }
    weft_payload_reset(p);
    large = calloc(1, large_len);
    CHECK_ERR(weft_payload_from_json(p, large, large_len), WEFT_ETOOBIG);
    free(large);
    weft_payload_reset(p);
    CHECK_ERR(weft_payload_from_json(p, "[1,\n  x]", 8), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "JSON, line 2, column 3: invalid token near 'x'");
    weft_payload_destroy(p);
}

TEST(payload_json, json_is_an_entry_of_what_is_open)
{
    weft_payload *p = make();

    weft_payload_array(p, 2);
    CHECK_OK(weft_payload_from_json(p, "{\"a\":1}", 7));
    CHECK_OK(weft_payload_from_json(p, "2", 1));
    check_text(weft_payload_bytes(p), "[{\"a\":1},2]");
    CHECK_ERR(weft_payload_from_json(p, "3", 1), WEFT_EINVAL);
    weft_payload_destroy(p);
}

TEST(payload_json, depth_is_limited_before_the_parser)
{
    size_t len = 1 << 20;
    char *bomb = malloc(len);
    weft_payload *p = make();

    memset(bomb, '[', len);
    CHECK_ERR(weft_payload_from_json(p, bomb, len), WEFT_ETOOBIG);
    weft_payload_reset(p);
    memset(bomb + 33, ']', 33);
    CHECK_ERR(weft_payload_from_json(p, bomb, 66), WEFT_ETOOBIG);
    weft_payload_reset(p);
    CHECK_OK(weft_payload_from_json(p, bomb + 1, 64));
    // Brackets in a text are no depth.
    memset(bomb, '[', len);
    memcpy(bomb, "\"\\\"", 3);
    bomb[999] = '"';
    weft_payload_reset(p);
    CHECK_OK(weft_payload_from_json(p, bomb, 1000));
    weft_payload_destroy(p);
    free(bomb);
}

// The deepest map there is takes three levels of JSON for each of its own, and
// both ways still fit.
TEST(payload_json, the_deepest_payload_comes_back)
{
    weft_payload *p = make();
    weft_payload *back = make();
    char *text = NULL;

    for (int i = 0; i < 32; i++) {
        weft_payload_map(p, 1);
        weft_payload_int(p, i);
    }
    weft_payload_ext(p, 1, "x", 1);
    CHECK_OK(weft_payload_to_json(weft_payload_bytes(p), 0, &text));
    CHECK_OK(weft_payload_from_json(back, text, strlen(text)));
    CHECK_BYTES(weft_payload_bytes(back), weft_payload_bytes(p));
    weft_payload_free_text(text);
    weft_payload_destroy(back);
    weft_payload_destroy(p);
}

// A value of any shape, as the payload functions write it.
static void
write_random(struct wf_random *random, weft_payload *p, int depth)
{
    static const char *const names[] = {"$bin", "$map", "a", "b", "", "\xff"};
    uint64_t count = wf_random_below(random, 4);
    uint64_t bits = wf_random_u64(random) >> wf_random_below(random, 64);
    double real;

    memcpy(&real, &bits, sizeof(real));
    switch (wf_random_below(random, depth > 4 ? 7 : 10)) {
    case 0:
        weft_payload_nil(p);
        break;
    case 1:
        weft_payload_bool(p, (int)(bits & 1));
        break;
    case 2:
        weft_payload_int(p, (int64_t)(0 - bits));
        break;
    case 3:
        weft_payload_uint(p, bits);
        break;
    case 4: // all NaNs are one
        weft_payload_double(p, real != real ? 0.1 : real);
        break;
    case 5:
        weft_payload_bin(p, &bits, (size_t)count);
        break;
    case 6:
        weft_payload_str(p, (const char *)&bits, (size_t)count);
        break;
    case 7:
        weft_payload_ext(p, (int8_t)bits, &bits, (size_t)count);
        break;
    case 8:
        weft_payload_array(p, (size_t)count);
        for (uint64_t i = 0; i < count; i++) {
            write_random(random, p, depth + 1);
        }
        break;
    default:
        weft_payload_map(p, (size_t)count);
        for (uint64_t i = 0; i < count; i++) {
            if (wf_random_below(random, 8) == 0) {
                write_random(random, p, depth + 1);
            } else {
                weft_payload_text(p, names[wf_random_below(random, 6)]);
            }
            write_random(random, p, depth + 1);
        }
        break;
    }
}

TEST(payload_json, any_payload_comes_back_the_same)
{
    struct wf_random random;
    weft_payload *p = make();
    weft_payload *back = make();

    wf_random_init(&random, 4711);
    for (int i = 0; i < 20000; i++) {
        char *text = NULL;

        weft_payload_reset(p);
        weft_payload_reset(back);
        write_random(&random, p, 0);
        CHECK_OK(weft_payload_error(p));
        CHECK_OK(weft_payload_to_json(weft_payload_bytes(p), 0, &text));
        CHECK_OK(weft_payload_from_json(back, text, strlen(text)));
        CHECK_BYTES(weft_payload_bytes(back), weft_payload_bytes(p));
        weft_payload_free_text(text);
    }
    weft_payload_destroy(back);
    weft_payload_destroy(p);
}

// Jansson's allocator, when the program has given it this one.
static uint32_t allocations_left;

static void *
few(size_t size)
{
    return allocations_left == 0 ? NULL : (allocations_left--, malloc(size));
}

// One allocation fails, then another: what comes is the value, or that there
// was no memory, and never another value.
TEST(payload_json, memory_that_is_missing_is_said_and_changes_no_text)
{
    static const char text[] = "{\"a\":\"a text that is longer than what "
                               "Jansson begins with\",\"$bin\":[1,2.5]}";
    weft_payload *whole = make();
    weft_payload *p = make();
    json_malloc_t alloc;
    json_free_t release;
    weft_err err = WEFT_ENOMEM;
    uint32_t refused = 0;

    CHECK_OK(weft_payload_from_json(whole, text, strlen(text)));
    json_get_alloc_funcs(&alloc, &release);
    json_set_alloc_funcs(few, free);
    for (uint32_t count = 0; err != WEFT_OK && count < 1000; count++) {
        weft_payload_reset(p);
        allocations_left = count;
        err = weft_payload_from_json(p, text, strlen(text));
        refused += err == WEFT_ENOMEM;
        CHECK(err == WEFT_OK || err == WEFT_ENOMEM);
    }
    json_set_alloc_funcs(alloc, release);
    CHECK_OK(err);
    CHECK(refused > 5);
    CHECK_BYTES(weft_payload_bytes(p), weft_payload_bytes(whole));
    weft_payload_destroy(p);
    weft_payload_destroy(whole);
}
