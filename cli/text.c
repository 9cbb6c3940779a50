// SPDX-License-Identifier: Apache-2.0
//
// text.c - times, payloads and tables for people.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "weft/payload.h"

#define SHORT_CHARS 100     // of a payload that is shortened
#define TABLE_ROWS_KEPT 500 // then the widths are settled

static void *
need(void *memory)
{
    if (memory == NULL) {
        fputs("weft: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return memory;
}

// Times. --------------------------------------------------------------------

uint64_t
text_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *
text_time(uint64_t ms, char out_text[TIME_CHARS])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    size_t len;

    if (ms == 0) {
        return "-";
    }
    if (gmtime_r(&seconds, &tm) == NULL) {
        snprintf(out_text, TIME_CHARS, "%" PRIu64 " ms", ms);
        return out_text;
    }
    len = strftime(out_text, TIME_CHARS, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out_text + len, TIME_CHARS - len, ".%03uZ", (unsigned)(ms % 1000));
    return out_text;
}

const char *
text_relative(uint64_t ms, char out_text[TIME_CHARS])
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    uint64_t now = (uint64_t)time(NULL);
    uint64_t then = ms / 1000;
    uint64_t seconds = then > now ? then - now : now - then;
    size_t i = 0;

    while (i < 3 && seconds < 2 * units[i].seconds) {
        i++;
    }
    snprintf(out_text, TIME_CHARS, "%s%" PRIu64 " %s%s",
             then > now ? "in " : "", seconds / units[i].seconds, units[i].name,
             then > now ? "" : " ago");
    return out_text;
}

// Payloads. -----------------------------------------------------------------

size_t
text_character(const char *text, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = (unsigned char)text[0];
    size_t length = code < 0x80             ? 1
                    : (code & 0xe0) == 0xc0 ? 2
                    : (code & 0xf0) == 0xe0 ? 3
                    : (code & 0xf8) == 0xf0 ? 4
                                            : 0;

    if (length < 2 || length > left) {
        return length > left ? 0 : length;
    }
    code &= 0x7fU >> length;
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (byte & 0x3f);
    }
    return code < least[length] || code > 0x10ffff ||
                   (code >= 0xd800 && code <= 0xdfff)
               ? 0
               : length;
}

int
text_is_readable(weft_bytes bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.len;

    while (left > 0) {
        size_t length = text_character(at, left);

        if (length == 0 || (unsigned char)*at < 0x20 || *at == 0x7f) {
            return 0;
        }
        at += length;
        left -= length;
    }
    return 1;
}

static char *
to_hex(weft_bytes bytes, int is_full)
{
    const unsigned char *at = bytes.data;
    size_t shown =
        is_full || bytes.len < SHORT_CHARS / 2 ? bytes.len : SHORT_CHARS / 2;
    char *text = need(malloc(2 * shown + 3));

    memcpy(text, "0x", 3);
    for (size_t i = 0; i < shown; i++) {
        snprintf(text + 2 + 2 * i, 3, "%02x", at[i]);
    }
    return text;
}

// Cut it, between characters, and say how long it was. Takes text.
static char *
shorten(char *text, size_t bytes_len, int is_full, int is_cut)
{
    size_t len = strlen(text);
    char *cut;

    if (is_full || (len <= SHORT_CHARS && !is_cut)) {
        return text;
    }
    if (len > SHORT_CHARS) {
        len = SHORT_CHARS;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    cut = need(malloc(len + 40));
    snprintf(cut, len + 40, "%.*s... (%zu bytes)", (int)len, text, bytes_len);
    free(text);
    return cut;
}

char *
text_payload(weft_bytes bytes, int is_full)
{
    char *json = NULL;
    char *text;

    if (bytes.len == 0) {
        return need(strdup("-"));
    }
    if (weft_payload_to_json(bytes, 0, &json) == WEFT_OK) {
        text = need(strdup(json));
        weft_payload_free_text(json);
    } else if (text_is_readable(bytes)) {
        text = need(malloc(bytes.len + 3));
        snprintf(text, bytes.len + 3, "\"%.*s\"", (int)bytes.len,
                 (const char *)bytes.data);
    } else {
        text = to_hex(bytes, is_full);
        return shorten(text, bytes.len, is_full, bytes.len > SHORT_CHARS / 2);
    }
    return shorten(text, bytes.len, is_full, 0);
}

char *
text_line(const char *text)
{
    char *line = need(strdup(text));

    for (char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
    return line;
}

// Tables. -------------------------------------------------------------------

// Characters, not bytes.
static size_t
width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void
print_row(const struct table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->columns; i++) {
        int is_last = i + 1 == table->columns;
        size_t width = width_of(cells[i]);
        int pad =
            width < table->widths[i] ? (int)(table->widths[i] - width) : 0;

        if (table->aligns[i] == 'r') {
            printf("%*s%s", pad, "", cells[i]);
        } else {
            printf("%s%*s", cells[i], is_last ? 0 : pad, "");
        }
        fputs(is_last ? "\n" : "  ", stdout);
    }
}

void
table_begin(struct table *table, const char *const *titles, const char *aligns,
            size_t columns)
{
    *table = (struct table){
        .titles = titles,
        .aligns = aligns,
        .columns = columns,
    };
    for (size_t i = 0; i < columns; i++) {
        table->widths[i] = width_of(titles[i]);
    }
}

static void
print_kept(struct table *table)
{
    print_row(table, table->titles);
    for (size_t i = 0; i < table->rows; i++) {
        print_row(table,
                  (const char *const *)table->cells + i * table->columns);
    }
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    table->cells = NULL;
    table->is_printing = 1;
}

void
table_add(struct table *table, const char *const *cells)
{
    if (table->is_printing) {
        print_row(table, cells);
        return;
    }
    table->cells = need(realloc(
        table->cells, (table->rows + 1) * table->columns * sizeof(char *)));
    for (size_t i = 0; i < table->columns; i++) {
        size_t width = width_of(cells[i]);

        table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        table->cells[table->rows * table->columns + i] = need(strdup(cells[i]));
    }
    if (++table->rows == TABLE_ROWS_KEPT) {
        print_kept(table);
    }
}

void
table_end(struct table *table)
{
    if (!table->is_printing) {
        print_kept(table);
    }
}

void
text_attribute(const weft_attribute *value, char *out, size_t size)
{
    char time[TIME_CHARS];

    switch (value->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        snprintf(out, size, "%s", value->value.text);
        break;
    case WEFT_ATTRIBUTE_INT:
        snprintf(out, size, "%" PRId64, value->value.integer);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        snprintf(out, size, "%.17g", value->value.real);
        break;
    case WEFT_ATTRIBUTE_BOOL:
        snprintf(out, size, "%s", value->value.boolean ? "true" : "false");
        break;
    case WEFT_ATTRIBUTE_TIME:
        snprintf(out, size, "%s", text_time(value->value.time_ms, time));
        break;
    default:
        snprintf(out, size, "-");
        break;
    }
}

const char *
text_status(const weft_description *head)
{
    if (head->is_parked) {
        return "parked";
    }
    return head->is_paused ? "paused" : weft_status_name(head->status);
}

const char *
text_parent_close(weft_parent_close close)
{
    switch (close) {
    case WEFT_PARENT_CLOSE_TERMINATE:
        return "terminate";
    case WEFT_PARENT_CLOSE_ABANDON:
        return "abandon";
    default:
        return "cancel";
    }
}

const char *
text_cancellation(weft_cancellation cancellation)
{
    switch (cancellation) {
    case WEFT_CANCELLATION_WAIT:
        return "wait";
    case WEFT_CANCELLATION_ABANDON:
        return "abandon";
    case WEFT_CANCELLATION_WAIT_REQUESTED:
        return "wait_requested";
    default:
        return "try";
    }
}
