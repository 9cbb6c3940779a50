// SPDX-License-Identifier: Apache-2.0
//
// json.c - write JSON to stdout, piece by piece. See json.h.

#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft/payload.h"

// Does a comma come before what is written next?
static int needs_comma;

// The length of the UTF-8 character at text; 0 if it is none.
static size_t
utf8_length(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = text[0];
    size_t length = code < 0x80             ? 1
                    : (code & 0xe0) == 0xc0 ? 2
                    : (code & 0xf0) == 0xe0 ? 3
                    : (code & 0xf8) == 0xf0 ? 4
                                            : 0;

    if (length < 2) {
        return length;
    }
    code &= 0x7fU >> length;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3f);
    }
    return code < least[length] || code > 0x10ffff ||
                   (code >= 0xd800 && code <= 0xdfff)
               ? 0
               : length;
}

static void
put_string(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    putchar('"');
    while (*at != '\0') {
        size_t length = utf8_length(at);

        if (length == 0) {
            fputs("\\ufffd", stdout);
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            printf("\\%c", *at);
        } else if (*at == '\n') {
            fputs("\\n", stdout);
        } else if (*at < 0x20) {
            printf("\\u%04x", *at);
        } else {
            (void)fwrite(at, 1, length, stdout);
        }
        at += length;
    }
    putchar('"');
}

static void
begin_value(const char *name)
{
    if (needs_comma) {
        putchar(',');
    }
    if (name != NULL) {
        put_string(name);
        putchar(':');
    }
    needs_comma = 1;
}

void
json_begin_object(const char *name)
{
    begin_value(name);
    putchar('{');
    needs_comma = 0;
}

void
json_end_object(void)
{
    putchar('}');
    needs_comma = 1;
}

void
json_begin_array(const char *name)
{
    begin_value(name);
    putchar('[');
    needs_comma = 0;
}

void
json_end_array(void)
{
    putchar(']');
    needs_comma = 1;
}

void
json_text(const char *name, const char *text)
{
    if (text == NULL) {
        json_null(name);
        return;
    }
    begin_value(name);
    put_string(text);
}

void
json_number(const char *name, uint64_t number)
{
    begin_value(name);
    printf("%" PRIu64, number);
}

void
json_bool(const char *name, int value)
{
    begin_value(name);
    fputs(value ? "true" : "false", stdout);
}

void
json_null(const char *name)
{
    begin_value(name);
    fputs("null", stdout);
}

// Anything at all, as weft writes binary in JSON. False: no memory.
static int
wrap_binary(weft_bytes bytes, char **out_text)
{
    weft_payload *payload = NULL;
    weft_err err = weft_payload_create(&payload);

    if (err == WEFT_OK) {
        weft_payload_bin(payload, bytes.data, bytes.len);
        err = weft_payload_error(payload);
    }
    if (err == WEFT_OK) {
        err = weft_payload_to_json(weft_payload_bytes(payload), 0, out_text);
    }
    weft_payload_destroy(payload);
    return err == WEFT_OK;
}

void
json_payload(const char *name, weft_bytes bytes)
{
    char *text = NULL;

    if (bytes.len == 0) {
        json_null(name);
        return;
    }
    if (weft_payload_to_json(bytes, 0, &text) != WEFT_OK &&
        !wrap_binary(bytes, &text)) {
        fprintf(stderr, "weft: a payload of %zu bytes: %s\n", bytes.len,
                weft_err_detail());
        exit(2);
    }
    begin_value(name);
    fputs(text, stdout);
    weft_payload_free_text(text);
}

void
json_newline(void)
{
    putchar('\n');
    needs_comma = 0;
}
