// SPDX-License-Identifier: Apache-2.0
//
// payload_pack.c - write a value as a format describes it.
//
// The format is read once from left to right, and each letter takes its
// arguments when it is reached. Only the counts of maps and arrays need a look
// ahead: msgpack writes them first.
//
// Threads: one payload, one thread.

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "runtime/payload.h"

struct format {
    weft_payload *payload;
    const char *start;
    const char *at;
    va_list args;
};

static void pack_value(struct format *format);

static void
refuse(struct format *format, const char *wanted)
{
    wf_payload_fail(format->payload, WEFT_EINVAL,
                    "format \"%.60s\", character %td: "
                    "%s is wanted",
                    format->start, format->at - format->start, wanted);
}

static char
next_char(struct format *format)
{
    while (*format->at == ' ') {
        format->at++;
    }
    return *format->at;
}

static bool
expect(struct format *format, char wanted, const char *name)
{
    if (wf_payload_failure(format->payload) != WEFT_OK) {
        return false;
    }
    if (next_char(format) != wanted) {
        refuse(format, name);
        return false;
    }
    format->at++;
    return true;
}

// The commas up to the bracket that closes here, plus one. What else is wrong
// with the text is found when it is read. Brackets within are counted, not
// matched, for the same reason.
static size_t
count_entries(struct format *format)
{
    size_t count = 1;
    unsigned depth = 0;

    if (next_char(format) == '}' || *format->at == ']') {
        return 0;
    }
    for (const char *at = format->at; *at != '\0'; at++) {
        if (*at == '\'') {
            at = strchr(at + 1, '\'');
            if (at == NULL) {
                break;
            }
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) {
                break;
            }
            depth--;
        } else if (*at == ',' && depth == 0) {
            count++;
        }
    }
    return count;
}

static void
pack_map(struct format *format)
{
    size_t count = count_entries(format);

    weft_payload_map(format->payload, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !expect(format, ',', "a ,")) {
            return;
        }

        char key = next_char(format);

        if (key != 's' && key != 'S' && key != '\'') {
            refuse(format, "a key (s, S or 'text')");
            return;
        }
        pack_value(format);
        if (!expect(format, ':', "a :")) {
            return;
        }
        pack_value(format);
    }
    (void)expect(format, '}', "a }");
}

static void
pack_array(struct format *format)
{
    size_t count = count_entries(format);

    weft_payload_array(format->payload, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !expect(format, ',', "a ,")) {
            return;
        }
        pack_value(format);
    }
    (void)expect(format, ']', "a ]");
}

static void
pack_literal(struct format *format)
{
    const char *end = strchr(format->at, '\'');

    if (end == NULL) {
        refuse(format, "the closing '");
        return;
    }
    weft_payload_str(format->payload, format->at, (size_t)(end - format->at));
    format->at = end + 1;
}

static void
pack_bytes(struct format *format, bool is_text)
{
    const void *bytes = va_arg(format->args, const void *);
    size_t len = va_arg(format->args, size_t);

    if (is_text) {
        weft_payload_str(format->payload, bytes, len);
    } else {
        weft_payload_bin(format->payload, bytes, len);
    }
}

// Recursion ends at the depth that weft_payload_map and _array refuse.
static void
pack_value(struct format *format)
{
    weft_payload *payload = format->payload;
    char letter = next_char(format);

    if (wf_payload_failure(payload) != WEFT_OK) {
        return;
    }
    format->at++;
    switch (letter) {
    case '{':
        pack_map(format);
        break;
    case '[':
        pack_array(format);
        break;
    case '\'':
        pack_literal(format);
        break;
    case 's':
        weft_payload_text(payload, va_arg(format->args, const char *));
        break;
    case 'S':
        pack_bytes(format, true);
        break;
    case 'B':
        pack_bytes(format, false);
        break;
    case 'i':
        weft_payload_int(payload, va_arg(format->args, int64_t));
        break;
    case 'u':
        weft_payload_uint(payload, va_arg(format->args, uint64_t));
        break;
    case 'd':
        weft_payload_int(payload, va_arg(format->args, int));
        break;
    case 'f':
        weft_payload_double(payload, va_arg(format->args, double));
        break;
    case 'b':
        weft_payload_bool(payload, va_arg(format->args, int));
        break;
    case 'n':
        weft_payload_nil(payload);
        break;
    case 'v':
        weft_payload_value(payload, va_arg(format->args, weft_bytes));
        break;
    default:
        format->at--; // may be the NUL
        refuse(format, "one of {['sSBiudfbnv");
        break;
    }
}

weft_err
weft_payload_pack(weft_payload *payload, const char *format, ...)
{
    wf_error_clear();
    WF_REQUIRE(payload != NULL);
    WF_REQUIRE(format != NULL);

    struct format reading = {.payload = payload, .start = format, .at = format};

    va_start(reading.args, format);
    pack_value(&reading);
    if (wf_payload_failure(payload) == WEFT_OK && next_char(&reading) != '\0') {
        refuse(&reading, "the end");
    }
    va_end(reading.args);
    return wf_payload_failure(payload);
}
