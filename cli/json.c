// SPDX-License-Identifier: Apache-2.0
//
// json.c - write JSON to stdout, piece by piece. See json.h.

#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "weft/payload.h"

// Does a comma come before what is written next?
static int needs_comma;

static void
put_string(const char *text)
{
    const char *at = text;

    putchar('"');
    while (*at != '\0') {
        size_t length = text_character(at, strnlen(at, 4));

        if (length == 0) {
            fputs("\\ufffd", stdout);
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            printf("\\%c", *at);
        } else if (*at == '\n') {
            fputs("\\n", stdout);
        } else if ((unsigned char)*at < 0x20) {
            printf("\\u%04x", (unsigned)*at);
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
cli_json_begin_object(const char *name)
{
    begin_value(name);
    putchar('{');
    needs_comma = 0;
}

void
cli_json_end_object(void)
{
    putchar('}');
    needs_comma = 1;
}

void
cli_json_begin_array(const char *name)
{
    begin_value(name);
    putchar('[');
    needs_comma = 0;
}

void
cli_json_end_array(void)
{
    putchar(']');
    needs_comma = 1;
}

void
cli_json_text(const char *name, const char *text)
{
    if (text == NULL) {
        cli_json_null(name);
        return;
    }
    begin_value(name);
    put_string(text);
}

void
cli_json_number(const char *name, uint64_t number)
{
    begin_value(name);
    printf("%" PRIu64, number);
}

void
cli_json_bool(const char *name, int value)
{
    begin_value(name);
    fputs(value ? "true" : "false", stdout);
}

void
cli_json_null(const char *name)
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
cli_json_payload(const char *name, weft_bytes bytes)
{
    char *text = NULL;

    if (bytes.len == 0) {
        cli_json_null(name);
        return;
    }
    if (weft_payload_to_json(bytes, 0, &text) != WEFT_OK &&
        !wrap_binary(bytes, &text)) {
        fprintf(stderr, "weft: a payload of %zu bytes: %s\n", bytes.len,
                weft_err_detail());
        exit(EXIT_FAILED);
    }
    begin_value(name);
    fputs(text, stdout);
    weft_payload_free_text(text);
}

void
cli_json_newline(void)
{
    putchar('\n');
    needs_comma = 0;
}
