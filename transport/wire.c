// SPDX-License-Identifier: Apache-2.0
//
// wire.c - messages of the wire protocol, read and written field by field.
//
// Reading: once wf_wire_read has let a frame through, all of it is msgpack,
// every count is true and every key a text, so a walk over its entries cannot
// fail, and asserts that.
//
// Writing: the head of a map or array is one byte until it is closed; only then
// is its count known, and a longer head moves what is behind it.
//
// Threads: none; everything is the caller's.

#include "transport/wire.h"

#include <math.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"

enum {
    NAME_CHARS_SHOWN = 40, // of one name in a detail
    PATH_CHARS_MAX = 160,
};

// Reading. --------------------------------------------------------------------

static bool
is_same(weft_bytes text, const char *other)
{
    return wf_bytes_equal(text, weft_text(other));
}

bool
wf_wire_is(const struct wf_wire_message *message, const char *verb)
{
    return is_same(message->verb, verb);
}

bool
wf_wire_field_is(const struct wf_wire_field *field, const char *name)
{
    return is_same(field->name, name);
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

static weft_err
read_within(weft_bytes frame, uint32_t items_max,
            struct wf_wire_message *out_message)
{
    struct wf_msgpack_limits limits = {
        .depth_max = WF_WIRE_DEPTH_MAX,
        .entries_max = WF_WIRE_ENTRIES_MAX,
        .items_max = items_max,
        .has_text_keys = true,
    };
    struct wf_wire_message message;
    struct wf_msgpack_shape shape;
    weft_err err;

    if (frame.len > WF_WIRE_MESSAGE_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "a message has %zu bytes, %u are allowed",
                        frame.len, WF_WIRE_MESSAGE_BYTES_MAX);
    }
    shape = wf_msgpack_shape_within(frame, &limits);
    if (shape.wrong != NULL) {
        return wf_error(WEFT_EINVAL, "byte %zu: %s", shape.at, shape.wrong);
    }
    err = read_message(frame, &message);
    if (err == WEFT_OK) {
        err = check_fields(&message);
    }
    if (err == WEFT_OK) {
        *out_message = message;
    }
    return err;
}

weft_err
wf_wire_read(weft_bytes frame, struct wf_wire_message *out_message)
{
    return read_within(frame, UINT32_MAX, out_message);
}

weft_err
wf_wire_read_request(weft_bytes frame, struct wf_wire_message *out_message)
{
    return read_within(frame, WF_WIRE_ITEMS_MAX, out_message);
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

// How many bytes the character at the front has; 0: it is none.
static size_t
utf8_len(const uint8_t *at, size_t left)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80   ? 1
                 : at[0] < 0xc0 ? 0
                 : at[0] < 0xe0 ? 2
                 : at[0] < 0xf0 ? 3
                 : at[0] < 0xf8 ? 4
                                : 0;
    uint32_t code;

    if (len < 2 || len > left) {
        return len > left ? 0 : len;
    }
    code = at[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fU);
    }
    return code < least[len] || code > 0x10ffff ||
                   (code >= 0xd800 && code < 0xe000)
               ? 0
               : len;
}

static bool
is_utf8(weft_bytes text)
{
    const uint8_t *bytes = text.data;
    size_t len;

    for (size_t i = 0; i < text.len; i += len) {
        len = utf8_len(bytes + i, text.len - i);
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

// Writing. --------------------------------------------------------------------

// msgpack-c's callback.
static int
append(void *data, const char *bytes, size_t len)
{
    wf_buf_put(data, bytes, len);
    return 0;
}

static msgpack_packer
packer_of(struct wf_buf *out)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, append);
    return packer;
}

// What is not UTF-8 is shown with "?".
static void
mend_text(uint8_t *text, size_t left)
{
    while (left > 0) {
        size_t len = utf8_len(text, left);

        if (len == 0) {
            *text = '?';
            len = 1;
        }
        text += len;
        left -= len;
    }
}

static void
put_text(struct wf_wire_writer *writer, const char *text)
{
    msgpack_packer packer = packer_of(writer->out);
    size_t len = strlen(text);

    (void)msgpack_pack_str_with_body(&packer, text, len);
    if (writer->is_answer) {
        mend_text(writer->out->data + writer->out->len - len, len);
    }
}

// Count an entry of what is open, and write its name. Its value comes next.
static msgpack_packer
begin_entry(struct wf_wire_writer *writer, const char *name)
{
    WF_ASSERT(writer->depth > 0);
    WF_ASSERT(writer->open[writer->depth - 1].is_map == (name != NULL));

    writer->open[writer->depth - 1].count++;
    if (name != NULL) {
        put_text(writer, name);
    }
    return packer_of(writer->out);
}

// Begin a map or array where the writer is.
static void
open_here(struct wf_wire_writer *writer, size_t entry_at, bool is_map)
{
    WF_ASSERT(writer->depth < WF_WIRE_DEPTH_MAX);

    writer->open[writer->depth].entry_at = entry_at;
    writer->open[writer->depth].at = writer->out->len;
    writer->open[writer->depth].count = 0;
    writer->open[writer->depth].is_map = is_map;
    writer->depth++;
    wf_buf_put_u8(writer->out, 0);
}

void
wf_wire_begin(struct wf_wire_writer *writer, struct wf_buf *out_frame,
              const char *verb, uint64_t number)
{
    *writer = (struct wf_wire_writer){.out = out_frame};
    open_here(writer, out_frame->len, false);
    wf_wire_put_text(writer, NULL, verb);
    wf_wire_put_uint(writer, NULL, number);
    wf_wire_open_map(writer, NULL);
}

void
wf_wire_end(struct wf_wire_writer *writer)
{
    WF_ASSERT(writer->depth == 2);
    wf_wire_close(writer); // the fields
    wf_wire_close(writer); // the message
}

void
wf_wire_put_uint(struct wf_wire_writer *writer, const char *name,
                 uint64_t number)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_uint64(&packer, number);
}

void
wf_wire_put_int(struct wf_wire_writer *writer, const char *name, int64_t number)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_int64(&packer, number);
}

void
wf_wire_put_bool(struct wf_wire_writer *writer, const char *name, bool is)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)(is ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void
wf_wire_put_real(struct wf_wire_writer *writer, const char *name, double real)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_double(&packer, real);
}

void
wf_wire_put_text(struct wf_wire_writer *writer, const char *name,
                 const char *text)
{
    (void)begin_entry(writer, name);
    put_text(writer, text);
}

void
wf_wire_put_bytes(struct wf_wire_writer *writer, const char *name,
                  weft_bytes bytes)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_bin_with_body(&packer, bytes.data, bytes.len);
}

void
wf_wire_put_entries(struct wf_wire_writer *writer, weft_bytes map)
{
    struct wf_reader reader = wf_reader_of(map);
    struct wf_msgpack_item head;

    WF_ASSERT(wf_msgpack_read(&reader, &head) && head.type == WF_MSGPACK_MAP);
    WF_ASSERT(writer->depth > 0 && writer->open[writer->depth - 1].is_map);
    writer->open[writer->depth - 1].count += head.as.count;
    wf_buf_put(writer->out, reader.at, wf_reader_left(&reader));
}

void
wf_wire_open_map(struct wf_wire_writer *writer, const char *name)
{
    size_t entry_at = writer->out->len;

    (void)begin_entry(writer, name);
    open_here(writer, entry_at, true);
}

void
wf_wire_open_array(struct wf_wire_writer *writer, const char *name)
{
    size_t entry_at = writer->out->len;

    (void)begin_entry(writer, name);
    open_here(writer, entry_at, false);
}

void
wf_wire_close(struct wf_wire_writer *writer)
{
    struct wf_buf *out = writer->out;
    struct wf_buf head = {0};
    msgpack_packer packer = packer_of(&head);
    size_t at, count;

    WF_ASSERT(writer->depth > 0);
    writer->depth--;
    at = writer->open[writer->depth].at;
    count = writer->open[writer->depth].count;
    (void)(writer->open[writer->depth].is_map
               ? msgpack_pack_map(&packer, count)
               : msgpack_pack_array(&packer, count));
    if (head.len > 1) {
        size_t len = out->len - at - 1; // behind the head

        wf_buf_reserve(out, head.len - 1);
        memmove(out->data + at + head.len, out->data + at + 1, len);
        out->len += head.len - 1;
    }
    memcpy(out->data + at, head.data, head.len);
    wf_buf_fini(&head);
}

void
wf_wire_close_or_drop(struct wf_wire_writer *writer)
{
    if (writer->open[writer->depth - 1].count > 0) {
        wf_wire_close(writer);
        return;
    }
    WF_ASSERT(writer->depth > 1);
    writer->depth--;
    writer->open[writer->depth - 1].count--;
    wf_buf_truncate(writer->out, writer->open[writer->depth].entry_at);
}
