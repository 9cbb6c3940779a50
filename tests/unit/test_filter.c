// SPDX-License-Identifier: Apache-2.0

#include "runtime/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "runtime/attributes.h"
#include "support/test.h"

// One instance: an order of 2026-01-15T12:00:00Z that runs, with an attribute
// of each type.
static struct wf_buf set;
static weft_description head;

static struct wf_filter_subject
subject(void)
{
    const weft_attribute all[] = {
        weft_attribute_keyword("city", "Rome"),
        weft_attribute_text("note", "two doors down"),
        weft_attribute_int("n", -5),
        weft_attribute_int("big", INT64_MAX),
        weft_attribute_double("amount", 10.5),
        weft_attribute_bool("vip", 1),
        weft_attribute_time("due", 1768478400000),
        weft_attribute_keyword("kind", "an attribute"),
        weft_attribute_int("or", 1),
        weft_attribute_int("a b", 1),
    };
    struct wf_filter_subject seen;

    head = (weft_description){
        .status = WEFT_STATUS_RUNNING,
        .version = 2,
        .run = 3,
        .attempt = 4,
        .created_at_ms = 1768478400000,
        .begins_at_ms = 1768478400000,
        .mailbox_count = 7,
        .is_parked = 1,
        .reason = "",
    };
    wf_buf_reset(&set);
    CHECK_OK(wf_attributes_change(&set, all, sizeof(all) / sizeof(all[0])));
    seen = (struct wf_filter_subject){
        .head = &head,
        .kind = weft_text("order"),
        .id = weft_text("order-17/ship"),
        .attributes = wf_buf_bytes(&set),
    };
    wf_filter_parent(&seen, weft_text("trip"), weft_text("order-17/all"));
    return seen;
}

static bool
matches(const char *text)
{
    struct wf_filter_subject seen = subject();
    struct wf_filter *filter;
    bool does_match;
    weft_err err = wf_filter_parse(text, &filter);

    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s\n  %s\n", text, weft_err_detail());
    }
    CHECK_OK(err);
    does_match = wf_filter_matches(filter, &seen);
    wf_filter_destroy(filter);
    wf_buf_fini(&set);
    return does_match;
}

static void
check_all(const char *const *texts, bool expected)
{
    for (; *texts != NULL; texts++) {
        if (matches(*texts) != expected) {
            (void)fprintf(stderr, "%s\n", *texts);
        }
        CHECK_EQ(matches(*texts), expected);
    }
}

TEST(filter, what_holds_matches)
{
    static const char *const texts[] = {
        "",
        "  \n\t",
        "kind = \"order\"",
        "kind = 'order'",
        "kind = \"order\" and status in (running, failed) and amount >= 10.5 "
        "and created > \"2026-01-01T00:00:00Z\" and not city is null",
        "id starts_with \"order-17\"",
        "id contains '/' and parent = 'trip/order-17/all'",
        "id = \"order-17\\/ship\"",
        "status = running",
        "status = \"running\"",
        "STATUS IS NULL or status != failed", // "STATUS" is an attribute
        "run = 3",
        "run between 1 and 3",
        "version < 3 AND version <= 2 And version > 1 aNd version >= 2",
        "created = '2026-01-15T12:00:00Z'",
        "created = '2026-01-15T13:00:00+01:00'",
        "created >= '2026-01-15' and created < '2026-01-16'",
        "created = 1768478400000",
        "finished is null and deadline is null",
        "begins > '2026-01-15'",
        "attempt in (1, 4) and status != timed_out",
        "created is not null",
        "is_parked and is_parked = true and is_paused = false",
        "not is_paused",
        "mailbox_count > 5",
        "city = 'Rome'",
        "city != 'Paris'",
        "city < 'Z' and city > 'A'",
        "city in ('Paris', 'Rome')",
        "city not in ('Paris', 'Oslo')",
        "city between 'Ra' and 'Rz'",
        "city not between 'A' and 'B'",
        "city not starts_with 'P'",
        "note contains 'doors'",
        "note not contains 'windows'",
        "n = -5",
        "n < 0 and n > -5.5 and n < -4.5",
        "n = -5.0",
        "big = 9223372036854775807",
        "big < 9223372036854775808.0",
        "big > 9223372036854774784.0",
        "amount = 10.5",
        "amount = 105e-1",
        "amount = 1.05E1",
        "amount > 10 and amount < 11",
        "vip",
        "vip = true",
        "vip != false",
        "due > '2026-01-15T11:59:59.999Z'",
        "due <= '2026-01-15T12:00:00.000999Z'",
        "`kind` = 'an attribute'",
        "`or` = 1",
        "`a b` = 1",
        "missing is null",
        "not missing = 1",
        "not missing != 1",
        "not (city = 1 or city != 1 or city < 1 or city not in (1))",
        "kind = 'x' or kind = 'y' or kind = 'order'",
        "kind = 'x' and kind = 'y' or kind = 'order'",
        "(kind = 'order' or kind = 'x') and (run = 3)",
        "not not vip",
        "((((vip))))",
        NULL,
    };

    check_all(texts, true);
}

TEST(filter, numbers_are_compared_exactly_however_they_are_written)
{
    static const char *const texts[] = {
        "amount = 1.05e1",
        "amount = 105E-1",
        "amount = 1.05e+1",
        "amount = +10.5",
        "amount = 0.0000105e6",
        "amount < 1e99999 and amount > -1e99999",
        "amount > 1e-99999 and amount > 0.0 and amount > -0e5",
        "amount < 12345678901234567890123.5",
        "n > -9999999999999999999.5 and n < 9999999999999999999.5",
        "n = -5.0 and n < -4.5 and n > -5.5",
        "big > 9223372036854774784.0 and big < 9223372036854775808.0",
        "n > -9223372036854775808",
        "timers_count = 0 and activities_count = 0",
        "children_count = 0 and journal_count = 0",
        "is_paused = false and not is_cancel_requested",
        "deadline is null or deadline < 1",
        "city contains 'Rome' and city contains 'R' and city contains ''",
        "city starts_with '' and not city contains 'Romes'",
        "not city contains 'e ' and not city starts_with 'Romes'",
        NULL,
    };

    check_all(texts, true);
}

TEST(filter, what_does_not_hold_does_not_match)
{
    static const char *const texts[] = {
        "kind = 'x'",
        "kind != 'order'",
        "Kind = 'order'",
        "kind = 'order' and (kind = 'x' or kind = 'y')",
        "id starts_with 'ship'",
        "id contains 'order-17/ship/'",
        "status in (completed, failed)",
        "run > 3",
        "run not between 3 and 3",
        "created > '2026-01-15T12:00:00Z'",
        "created in (-1, 5)",
        "finished < '2030-01-01'",
        "finished >= 0",
        "finished is not null",
        "is_paused",
        "not is_parked",
        "city = 'rome'",
        "city = 5",
        "city != 5",
        "city not in (5, true)",
        "city between 'A' and 5",
        "city not between 'A' and 5",
        "city",
        "n starts_with '-'",
        "n = '-5'",
        "big > 9223372036854775806.5 and big < 9223372036854775807",
        "big = 9223372036854775806",
        "vip = 1",
        "due = '2026-01-15T12:00:01Z'",
        "due = 'soon'",
        "missing = 1",
        "missing != 1",
        "missing not in (1)",
        "missing",
        "missing is not null",
        "city is null",
        NULL,
    };

    check_all(texts, false);
}

static void
check_error(const char *text, weft_err expected, const char *detail)
{
    struct wf_filter *filter = NULL;

    CHECK_ERR(wf_filter_parse(text, &filter), expected);
    CHECK_STR(weft_err_detail(), detail);
}

TEST(filter, errors_have_the_column_and_what_was_found)
{
    static const struct {
        const char *text;
        const char *detail;
    } cases[] = {
        {"kind = 'a' and (n in ())",
         "filter: expected a value at column 23, found ')'"},
        {"n =", "filter: expected a value at column 4, found the end"},
        {"kind 'order'",
         "filter: expected a comparison at column 6, found ''order''"},
        {"kind = order", "filter: expected a text at column 8, found 'order'"},
        {"city = Rome", "filter: expected a value at column 8, found 'Rome'"},
        {"run = 'x'", "filter: expected a number at column 7, found ''x''"},
        {"status = done",
         "filter: expected a status at column 10, found 'done'"},
        {"created > 'soon'",
         "filter: expected a time at column 11, found ''soon''"},
        {"created > '2026-02-30'",
         "filter: expected a time at column 11, found ''2026-02-30''"},
        {"is_parked = 1",
         "filter: expected true or false at column 13, found '1'"},
        {"kind", "filter: a field that is neither true nor false at column 1"},
        {"and", "filter: expected the name of a field at column 1, found "
                "'and'"},
        {"n = 1 order by n",
         "filter: expected 'and', 'or' or the end at column 7, found 'order'"},
        {"(n = 1", "filter: expected 'and', 'or' or ')' at column 7, found "
                   "the end"},
        {"n = 1)", "filter: expected 'and', 'or' or the end at column 6, "
                   "found ')'"},
        {"n in 1", "filter: expected '(' at column 6, found '1'"},
        {"n in (1", "filter: expected ',' or ')' at column 8, found the end"},
        {"n between 1", "filter: expected 'and' at column 12, found the end"},
        {"n is 1", "filter: expected 'null' at column 6, found '1'"},
        {"n not = 1", "filter: expected 'in', 'between', 'starts_with' or "
                      "'contains' at column 7, found '='"},
        {"id starts_with 1", "filter: expected a text at column 16, found '1'"},
        {"kind = 'a", "filter: a quote is not closed at column 8"},
        {"n = 1 ; n = 2", "filter: unexpected character at column 7"},
        {"n = 12x", "filter: expected a number at column 5, found '12x'"},
        {"n = 1.", "filter: expected a number at column 5, found '1.'"},
        {"n = 1e", "filter: expected a number at column 5, found '1e'"},
        {"n = 1e+", "filter: expected a number at column 5, found '1e+'"},
        {"n = 1e-x", "filter: expected a number at column 5, found '1e-x'"},
        {"n = 99999999999999999999",
         "filter: an integer of more than 64 bits at column 5"},
        {"n = 9223372036854775808",
         "filter: an integer of more than 64 bits at column 5"},
        {"`` = 1", "filter: an attribute's name has 1 to 63 bytes at column 1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_error(cases[i].text, WEFT_EINVAL, cases[i].detail);
    }
}

TEST(filter, size_and_depth_have_a_bound)
{
    static char text[WF_FILTER_BYTES_MAX + 2];
    struct wf_filter *filter;

    memset(text, ' ', sizeof(text) - 1);
    check_error(text, WEFT_ETOOBIG, "filter: it has at most 4096 bytes");
    text[WF_FILTER_BYTES_MAX] = '\0';
    CHECK_OK(wf_filter_parse(text, &filter));
    wf_filter_destroy(filter);
    memset(text, '(', WF_FILTER_BYTES_MAX);
    check_error(text, WEFT_EINVAL,
                "filter: it is nested too deeply at column 33");
    memset(text, ' ', WF_FILTER_BYTES_MAX);
    for (int i = 0; i < WF_FILTER_BYTES_MAX - 4; i += 4) {
        memcpy(text + i, "not ", 4);
    }
    check_error(text, WEFT_EINVAL,
                "filter: it is nested too deeply at column 129");
}

TEST(filter, a_field_on_its_own)
{
    struct wf_filter_subject seen = subject();
    struct wf_filter_field field;

    CHECK_OK(wf_filter_parse_field("status", &field));
    CHECK_BYTES(wf_filter_read(&field, &seen).text, weft_text("running"));
    CHECK_OK(wf_filter_parse_field(" `a b` ", &field));
    CHECK_STR(field.name, "a b");
    CHECK_EQ(wf_filter_read(&field, &seen).integer, 1);
    CHECK_ERR(wf_filter_parse_field("a b", &field), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "filter: expected one field at column 3, found 'b'");
    CHECK_ERR(wf_filter_parse_field("", &field), WEFT_EINVAL);
    wf_buf_fini(&set);
}

TEST(filter, times)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"1970-01-01", 0},
        {"1969-12-31", 0},
        {"2000-02-29", 951782400000},
        {"2026-01-01T00:00:00Z", 1767225600000},
        {"2026-01-01T00:00", 1767225600000},
        {"2026-01-01 00:00:00.5", 1767225600500},
        {"2026-01-01t00:00:00.123456z", 1767225600123},
        {"2025-12-31T16:30:00-07:30", 1767225600000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-13-01",
        "2026-02-29",
        "2026-1-1",
        "26-01-01",
        "2026-01-01T",
        "2026-01-01T24:00",
        "2026-01-01Z",
        "2026-01-01T00:00:00+1",
        "2026-01-01T00:00:00.Z",
        "0000-01-01",
    };
    uint64_t ms;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(wf_filter_parse_time(weft_text(cases[i].text), &ms));
        CHECK_EQ(ms, cases[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!wf_filter_parse_time(weft_text(bad[i]), &ms));
    }
}

// Random bytes, and random rows of what filters are made of. ------------------

static void
try(const char *text)
{
    struct wf_filter_subject seen = subject();
    struct wf_filter *filter;

    if (wf_filter_parse(text, &filter) == WEFT_OK) {
        (void)wf_filter_matches(filter, &seen);
        wf_filter_destroy(filter);
    } else {
        CHECK(strncmp(weft_err_detail(), "filter: ", 8) == 0);
    }
    wf_buf_fini(&set);
}

TEST(filter, random_bytes_are_parsed_or_refused)
{
    struct wf_random random;
    char text[65];

    wf_random_init(&random, 7);
    for (int i = 0; i < 20000; i++) {
        size_t len = wf_random_below(&random, sizeof(text));

        for (size_t j = 0; j < len; j++) {
            text[j] = (char)(1 + wf_random_below(&random, 255));
        }
        text[len] = '\0';
        try(text);
    }
}

TEST(filter, random_tokens_are_parsed_or_refused)
{
    static const char *const tokens[] = {
        "and",
        "or",
        "not",
        "in",
        "between",
        "is",
        "null",
        "starts_with",
        "contains",
        "true",
        "false",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "kind",
        "id",
        "status",
        "created",
        "n",
        "city",
        "vip",
        "`a b`",
        "'x'",
        "\"\\\"\"",
        "5",
        "-5.5",
        "1e308",
        "1e999",
        "1e-999",
        "'2026-01-01'",
        "running",
        "'",
        "\\",
        "0.1",
        "123456789012345678901234.5",
    };
    struct wf_random random;
    char text[512];

    wf_random_init(&random, 11);
    for (int i = 0; i < 20000; i++) {
        size_t count = wf_random_below(&random, 12);
        size_t len = 0;

        for (size_t j = 0; j < count; j++) {
            size_t at =
                wf_random_below(&random, sizeof(tokens) / sizeof(tokens[0]));

            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ",
                                    tokens[at]);
        }
        text[len] = '\0';
        try(text);
    }
}
