// SPDX-License-Identifier: Apache-2.0
//
// wire.c - messages of the wire protocol, read field by field.
//
// Once wf_wire_read has let a frame through, all of it is msgpack, every count
// is true and every key a text, so a walk over its entries cannot fail, and
// asserts that.
//
// Threads: none; everything is the caller's.

#include "transport/wire.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/utf8.h"

enum {
    NAME_CHARS_SHOWN = 40, // of one name in a detail
    PATH_CHARS_MAX = 160,
};

// Reading. --------------------------------------------------------------------

bool
wf_wire_is(const struct wf_wire_message *message, const char *verb)
{
    return wf_bytes_are(message->verb, verb);
}

bool
wf_wire_field_is(const struct wf_wire_field *field, const char *name)
{
    return wf_bytes_are(field->name, name);
}

// No field twice, so that nobody has to ask which of them counts.
static weft_err
check_fields(const struct wf_wire_message *message)
{
    weft_bytes names[WF_WIRE_FIELDS_MAX];
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_field field;

    if (walk.count > WF_WIRE_FIELDS_MAX) {
        return wf_error(WEFT_EINVAL, "a message has %u fields, %d are allowed",
                        (unsigned)walk.count, WF_WIRE_FIELDS_MAX);
    }
    while (wf_wire_next(&walk, &field)) {
        if (field.name.len > WF_WIRE_NAME_BYTES_MAX) {
            return wf_wire_error(WEFT_EINVAL, &field,
                                 "its name has over %d bytes",
                                 WF_WIRE_NAME_BYTES_MAX);
        }
        for (uint32_t i = 0; i < field.index; i++) {
            if (wf_bytes_equal(names[i], field.name)) {
                return wf_wire_error(WEFT_EINVAL, &field, "is there twice");
            }
        }
        names[field.index] = field.name;
    }
    return WEFT_OK;
}

// The three items of a message. All of the frame is known to be one value.
static weft_err
read_message(weft_bytes frame, struct wf_wire_message *out_message)
{
    struct wf_reader reader = wf_reader_of(frame);
    struct wf_msgpack_item item = {.type = WF_MSGPACK_NIL};
    size_t at;

    if (!wf_msgpack_read(&reader, &item) || item.type != WF_MSGPACK_ARRAY ||
        item.as.count != 3) {
        return wf_error(WEFT_EINVAL,
                        "byte 0: not a message: want an array of 3");
    }
    at = frame.len - wf_reader_left(&reader);
    if (!wf_msgpack_read(&reader, &item) || item.type != WF_MSGPACK_STR) {
        return wf_error(WEFT_EINVAL, "byte %zu: the verb is %s, want a text",
                        at, wf_msgpack_name(item.type));
    }
    out_message->verb = item.as.bytes;
    at = frame.len - wf_reader_left(&reader);
    if (!wf_msgpack_read(&reader, &item) || item.type != WF_MSGPACK_UINT) {
        return wf_error(WEFT_EINVAL,
                        "byte %zu: the number is %s, want an integer from 0",
                        at, wf_msgpack_name(item.type));
    }
    out_message->number = item.as.number;
    at = frame.len - wf_reader_left(&reader);
    out_message->fields = wf_reader_rest(&reader);
    reader = wf_reader_of(out_message->fields);
    if (!wf_msgpack_read(&reader, &item) || item.type != WF_MSGPACK_MAP) {
        return wf_error(WEFT_EINVAL, "byte %zu: the fields are %s, want a map",
                        at, wf_msgpack_name(item.type));
    }
    return WEFT_OK;
}

// The first message of the frame, and how many bytes it has.
static weft_err
read_within(weft_bytes frame, const struct wf_msgpack_limits *limits,
            struct wf_wire_message *out_message, size_t *out_bytes)
{
    struct wf_wire_message message;
    struct wf_msgpack_shape shape;
    weft_err err;

    if (frame.len > WF_WIRE_MESSAGE_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "a message has %zu bytes, %u are allowed",
                        frame.len, WF_WIRE_MESSAGE_BYTES_MAX);
    }
    shape = wf_msgpack_shape_within(frame, limits);
    if (shape.wrong != NULL) {
        return wf_error(WEFT_EINVAL, "byte %zu: %s", shape.at, shape.wrong);
    }
    err = read_message(weft_bytes_of(frame.data, shape.at), &message);
    if (err == WEFT_OK) {
        err = check_fields(&message);
    }
    if (err == WEFT_OK) {
        *out_message = message;
        *out_bytes = shape.at;
    }
    return err;
}

static struct wf_msgpack_limits
limits_of(bool is_request, bool has_rest)
{
    return (struct wf_msgpack_limits){
        .depth_max = WF_WIRE_DEPTH_MAX,
        .entries_max = WF_WIRE_ENTRIES_MAX,
        .items_max = is_request ? WF_WIRE_ITEMS_MAX : UINT32_MAX,
        .has_text_keys = true,
        .has_rest = has_rest,
    };
}

weft_err
wf_wire_read(weft_bytes frame, struct wf_wire_message *out_message)
{
    struct wf_msgpack_limits limits = limits_of(false, false);
    size_t bytes;

    return read_within(frame, &limits, out_message, &bytes);
}

weft_err
wf_wire_read_request(weft_bytes frame, struct wf_wire_message *out_message)
{
    struct wf_msgpack_limits limits = limits_of(true, false);
    size_t bytes;

    return read_within(frame, &limits, out_message, &bytes);
}

weft_err
wf_wire_read_first(weft_bytes frame, bool is_request,
                   struct wf_wire_message *out_message, size_t *out_bytes)
{
    struct wf_msgpack_limits limits = limits_of(is_request, true);

    return read_within(frame, &limits, out_message, out_bytes);
}

// A walk into a value that is known to be an array or a map.
static struct wf_wire_walk
walk_into(weft_bytes value, const struct wf_wire_field *of)
{
    struct wf_wire_walk walk = {.reader = wf_reader_of(value), .of = of};
    struct wf_msgpack_item item;
    bool is_read = wf_msgpack_read(&walk.reader, &item);

    WF_ASSERT(is_read && item.type >= WF_MSGPACK_ARRAY);
    walk.count = item.as.count;
    walk.is_map = item.type == WF_MSGPACK_MAP;
    return walk;
}

struct wf_wire_walk
wf_wire_fields(const struct wf_wire_message *message)
{
    return walk_into(message->fields, NULL);
}

bool
wf_wire_next(struct wf_wire_walk *walk, struct wf_wire_field *out_field)
{
    struct wf_wire_field field = {.of = walk->of, .index = walk->next};
    const uint8_t *from;
    bool is_read = true;

    if (walk->next == walk->count) {
        return false;
    }
    walk->next++;
    if (walk->is_map) {
        is_read = wf_msgpack_read(&walk->reader, &field.item);
        field.name = field.item.as.bytes;
    }
    from = walk->reader.at;
    is_read = is_read && wf_msgpack_read(&walk->reader, &field.item) &&
              wf_msgpack_skip_entries(&walk->reader, &field.item);
    WF_ASSERT(is_read);
    field.value = weft_bytes_of(from, (size_t)(walk->reader.at - from));
    *out_field = field;
    return true;
}

// Errors. ---------------------------------------------------------------------

struct path {
    char text[PATH_CHARS_MAX];
    size_t len;
};

static void
add_char(struct path *path, char c)
{
    if (path->len + 1 < sizeof(path->text)) {
        path->text[path->len++] = c;
    }
}

// The whole name of a field, from the message's. What a peer wrote is shown
// without what a terminal, or UTF-8, would not take.
static void
add_field(struct path *path, const struct wf_wire_field *field)
{
    const char *name = field->name.data;
    char index[16];

    if (field->of != NULL) {
        add_field(path, field->of);
    }
    if (name == NULL) {
        snprintf(index, sizeof(index), "[%u]", (unsigned)field->index);
        for (size_t i = 0; index[i] != '\0'; i++) {
            add_char(path, index[i]);
        }
        return;
    }
    if (field->of != NULL) {
        add_char(path, '.');
    }
    for (size_t i = 0; i < field->name.len && i < NAME_CHARS_SHOWN; i++) {
        add_char(path, name[i] > ' ' && name[i] < 0x7f ? name[i] : '?');
    }
}

weft_err
wf_wire_error(weft_err err, const struct wf_wire_field *field,
              const char *format, ...)
{
    struct path path = {.len = 0};
    char why[256];
    va_list args;

    add_field(&path, field);
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    return wf_error(err, "%s: %s", path.text, why);
}

static weft_err
wrong_type(const struct wf_wire_field *field, const char *wanted)
{
    return wf_wire_error(WEFT_EINVAL, field, "is %s, want %s",
                         wf_msgpack_name(field->item.type), wanted);
}

// Typed values. ---------------------------------------------------------------

weft_err
wf_wire_uint(const struct wf_wire_field *field, uint64_t max,
             uint64_t *out_number)
{
    if (field->item.type != WF_MSGPACK_UINT) {
        return wrong_type(field, "an integer from 0");
    }
    if (field->item.as.number > max) {
        return wf_wire_error(
            WEFT_EINVAL, field, "is %llu, at most %llu is allowed",
            (unsigned long long)field->item.as.number, (unsigned long long)max);
    }
    *out_number = field->item.as.number;
    return WEFT_OK;
}

weft_err
wf_wire_int(const struct wf_wire_field *field, int64_t *out_number)
{
    if (field->item.type == WF_MSGPACK_INT) {
        *out_number = field->item.as.negative;
        return WEFT_OK;
    }
    if (field->item.type != WF_MSGPACK_UINT ||
        field->item.as.number > INT64_MAX) {
        return wrong_type(field, "an integer of 64 bits with its sign");
    }
    *out_number = (int64_t)field->item.as.number;
    return WEFT_OK;
}

weft_err
wf_wire_bool(const struct wf_wire_field *field, bool *out_is)
{
    if (field->item.type != WF_MSGPACK_BOOL) {
        return wrong_type(field, "a bool");
    }
    *out_is = field->item.as.boolean;
    return WEFT_OK;
}

weft_err
wf_wire_real(const struct wf_wire_field *field, double *out_real)
{
    switch (field->item.type) {
    case WF_MSGPACK_UINT:
        *out_real = (double)field->item.as.number;
        return WEFT_OK;
    case WF_MSGPACK_INT:
        *out_real = (double)field->item.as.negative;
        return WEFT_OK;
    case WF_MSGPACK_DOUBLE:
        if (isnan(field->item.as.real)) {
            return wf_wire_error(WEFT_EINVAL, field, "is no number");
        }
        *out_real = field->item.as.real;
        return WEFT_OK;
    default:
        return wrong_type(field, "a number");
    }
}

static bool
is_utf8(weft_bytes text)
{
    const uint8_t *bytes = text.data;
    size_t len;

    for (size_t i = 0; i < text.len; i += len) {
        len = wf_utf8_len(bytes + i, text.len - i);
        if (len == 0) {
            return false;
        }
    }
    return true;
}

static weft_err
check_text(const struct wf_wire_field *field, weft_bytes text,
           const char *whose)
{
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        return wf_wire_error(WEFT_EINVAL, field, "%shas a NUL in it", whose);
    }
    return is_utf8(text)
               ? WEFT_OK
               : wf_wire_error(WEFT_EINVAL, field, "%sis not UTF-8", whose);
}

weft_err
wf_wire_name(const struct wf_wire_field *field, weft_bytes *out_name)
{
    *out_name = field->name;
    return check_text(field, field->name, "its name ");
}

weft_err
wf_wire_text(const struct wf_wire_field *field, size_t bytes_max,
             weft_bytes *out_text)
{
    weft_bytes text = field->item.as.bytes;

    if (field->item.type != WF_MSGPACK_STR) {
        return wrong_type(field, "a text");
    }
    if (text.len > bytes_max) {
        return wf_wire_error(WEFT_ETOOBIG, field,
                             "has %zu bytes, %zu are allowed", text.len,
                             bytes_max);
    }
    *out_text = text;
    return check_text(field, text, "");
}

weft_err
wf_wire_bytes(const struct wf_wire_field *field, size_t bytes_max,
              weft_bytes *out_bytes)
{
    if (field->item.type != WF_MSGPACK_BIN) {
        return wrong_type(field, "a binary");
    }
    if (field->item.as.bytes.len > bytes_max) {
        return wf_wire_error(WEFT_ETOOBIG, field,
                             "has %zu bytes, %zu are allowed",
                             field->item.as.bytes.len, bytes_max);
    }
    *out_bytes = field->item.as.bytes;
    return WEFT_OK;
}

weft_err
wf_wire_map(const struct wf_wire_field *field, struct wf_wire_walk *out_walk)
{
    if (field->item.type != WF_MSGPACK_MAP) {
        return wrong_type(field, "a map");
    }
    *out_walk = walk_into(field->value, field);
    return WEFT_OK;
}

weft_err
wf_wire_array(const struct wf_wire_field *field, struct wf_wire_walk *out_walk)
{
    if (field->item.type != WF_MSGPACK_ARRAY) {
        return wrong_type(field, "an array");
    }
    *out_walk = walk_into(field->value, field);
    return WEFT_OK;
}
