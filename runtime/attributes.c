// SPDX-License-Identifier: Apache-2.0
//
// attributes.c - sets of attributes. See attributes.h.

#include "runtime/attributes.h"

#include <string.h>

#include "base/error.h"
#include "base/key.h"
#include "runtime/record.h"

const char *
weft_attribute_type_name(weft_attribute_type type)
{
    static const char *const names[] = {
        [WEFT_ATTRIBUTE_NONE] = "none",
        [WEFT_ATTRIBUTE_KEYWORD] = "keyword",
        [WEFT_ATTRIBUTE_TEXT] = "text",
        [WEFT_ATTRIBUTE_INT] = "int",
        [WEFT_ATTRIBUTE_DOUBLE] = "double",
        [WEFT_ATTRIBUTE_BOOL] = "bool",
        [WEFT_ATTRIBUTE_TIME] = "time",
    };

    return (unsigned)type < WEFT_ATTRIBUTE_TYPE_COUNT ? names[type] : "unknown";
}

// Bytes. --------------------------------------------------------------------

static void
put_text(struct wf_buf *out, const char *text)
{
    wf_buf_put_bytes(out, weft_bytes_of(text, strlen(text) + 1));
}

static uint64_t
bits_of(double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof(bits));
    return bits;
}

void
wf_attributes_put(struct wf_buf *out, const weft_attribute *attribute)
{
    put_text(out, attribute->name);
    wf_buf_put_u8(out, (uint8_t)attribute->type);
    switch (attribute->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        put_text(out, attribute->value.text);
        break;
    case WEFT_ATTRIBUTE_INT:
        wf_buf_put_u64(out, (uint64_t)attribute->value.integer);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        wf_buf_put_u64(out, bits_of(attribute->value.real));
        break;
    case WEFT_ATTRIBUTE_BOOL:
        wf_buf_put_u8(out, attribute->value.boolean != 0);
        break;
    case WEFT_ATTRIBUTE_TIME:
        wf_buf_put_varint(out, attribute->value.time_ms);
        break;
    default:
        break;
    }
}

void
wf_attributes_put_op(struct wf_buf *ops, const weft_attribute *change)
{
    size_t opened;

    wf_buf_put_u8(ops, WF_OP_ATTRIBUTE);
    opened = wf_buf_open(ops);
    wf_attributes_put(ops, change);
    wf_buf_close(ops, opened);
}

// A text with its NUL, and no other.
static const char *
read_text(struct wf_reader *reader)
{
    weft_bytes text = wf_reader_bytes(reader);

    if (text.len == 0 || memchr(text.data, 0, text.len) !=
                             (const char *)text.data + text.len - 1) {
        reader->failed = true;
        return "";
    }
    return text.data;
}

static double
read_double(struct wf_reader *reader)
{
    uint64_t bits = wf_reader_u64(reader);
    double real;

    memcpy(&real, &bits, sizeof(real));
    return real;
}

static void
read_value(struct wf_reader *reader, weft_attribute *attribute)
{
    switch (attribute->type) {
    case WEFT_ATTRIBUTE_NONE:
        break;
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        attribute->value.text = read_text(reader);
        break;
    case WEFT_ATTRIBUTE_INT:
        attribute->value.integer = (int64_t)wf_reader_u64(reader);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        attribute->value.real = read_double(reader);
        break;
    case WEFT_ATTRIBUTE_BOOL:
        attribute->value.boolean = wf_reader_u8(reader) != 0;
        break;
    case WEFT_ATTRIBUTE_TIME:
        attribute->value.time_ms = wf_reader_varint(reader);
        break;
    default:
        reader->failed = true;
        break;
    }
}

bool
wf_attributes_next(struct wf_reader *reader, weft_attribute *out_attribute)
{
    weft_attribute attribute = {.name = ""};

    if (reader->failed || wf_reader_left(reader) == 0) {
        return false;
    }
    attribute.name = read_text(reader);
    attribute.type = (weft_attribute_type)wf_reader_u8(reader);
    read_value(reader, &attribute);
    if (reader->failed) {
        return false;
    }
    *out_attribute = attribute;
    return true;
}

bool
wf_attributes_is_set(weft_bytes set)
{
    struct wf_reader reader = wf_reader_of(set);
    weft_attribute attribute;
    const char *last = "";
    size_t count = 0;

    while (wf_attributes_next(&reader, &attribute)) {
        if (attribute.type == WEFT_ATTRIBUTE_NONE ||
            strcmp(last, attribute.name) >= 0) {
            return false;
        }
        last = attribute.name;
        count++;
    }
    return !reader.failed && count <= WF_ATTRIBUTES_MAX;
}

bool
wf_attributes_find(weft_bytes set, const char *name,
                   weft_attribute *out_attribute)
{
    struct wf_reader reader = wf_reader_of(set);

    while (wf_attributes_next(&reader, out_attribute)) {
        if (strcmp(out_attribute->name, name) == 0) {
            return true;
        }
    }
    return false;
}

size_t
wf_attributes_list(weft_bytes set, weft_attribute out_list[WF_ATTRIBUTES_MAX])
{
    struct wf_reader reader = wf_reader_of(set);
    size_t count = 0;

    while (count < WF_ATTRIBUTES_MAX &&
           wf_attributes_next(&reader, &out_list[count])) {
        count++;
    }
    return count;
}

// Changes. ------------------------------------------------------------------

static void
put_change(struct wf_buf *out, const weft_attribute *change)
{
    if (change->type != WEFT_ATTRIBUTE_NONE) {
        wf_attributes_put(out, change);
    }
}

void
wf_attributes_merge(weft_bytes set, const weft_attribute *change,
                    struct wf_buf *out_set)
{
    struct wf_reader reader = wf_reader_of(set);
    weft_attribute attribute;
    bool is_put = false;

    while (wf_attributes_next(&reader, &attribute)) {
        int order = strcmp(attribute.name, change->name);

        if (order >= 0 && !is_put) {
            put_change(out_set, change);
            is_put = true;
        }
        if (order != 0) {
            wf_attributes_put(out_set, &attribute);
        }
    }
    if (!is_put) {
        put_change(out_set, change);
    }
}

static weft_err
check_text(const weft_attribute *attribute, size_t len_max)
{
    const char *text = attribute->value.text;

    if (text == NULL) {
        return wf_error(WEFT_EINVAL, "attribute %s: its text is NULL",
                        attribute->name);
    }
    if (strnlen(text, len_max + 1) > len_max) {
        return wf_error(WEFT_ETOOBIG,
                        "attribute %s: a %s has at most %zu bytes",
                        attribute->name,
                        weft_attribute_type_name(attribute->type), len_max);
    }
    return WEFT_OK;
}

static weft_err
check(const weft_attribute *attribute)
{
    weft_err err = wf_name_check("an attribute's name", attribute->name,
                                 WF_ATTRIBUTE_NAME_BYTES_MAX);

    if (err != WEFT_OK) {
        return err;
    }
    if ((unsigned)attribute->type >= WEFT_ATTRIBUTE_TYPE_COUNT) {
        return wf_error(WEFT_EINVAL, "attribute %s: type %d is none",
                        attribute->name, (int)attribute->type);
    }
    if (attribute->type == WEFT_ATTRIBUTE_DOUBLE &&
        attribute->value.real != attribute->value.real) {
        return wf_error(WEFT_EINVAL, "attribute %s: it is not a number",
                        attribute->name);
    }
    if (attribute->type == WEFT_ATTRIBUTE_KEYWORD) {
        return check_text(attribute, WF_ATTRIBUTE_KEYWORD_BYTES_MAX);
    }
    if (attribute->type == WEFT_ATTRIBUTE_TEXT) {
        return check_text(attribute, WF_ATTRIBUTE_TEXT_BYTES_MAX);
    }
    return WEFT_OK;
}

static size_t
count_of(weft_bytes set)
{
    struct wf_reader reader = wf_reader_of(set);
    weft_attribute attribute;
    size_t count = 0;

    while (wf_attributes_next(&reader, &attribute)) {
        count++;
    }
    return count;
}

bool
wf_attributes_fit(weft_bytes left, weft_bytes right)
{
    return count_of(left) + count_of(right) <= WF_ATTRIBUTES_MAX &&
           left.len + right.len <= WF_ATTRIBUTES_BYTES_MAX;
}

// One change of a set that is within its limits: *set becomes what it makes.
static weft_err
change_one(struct wf_buf *set, const weft_attribute *change)
{
    struct wf_buf merged = {0};
    weft_err err = check(change);

    if (err != WEFT_OK) {
        return err;
    }
    wf_attributes_merge(wf_buf_bytes(set), change, &merged);
    if (count_of(wf_buf_bytes(&merged)) > WF_ATTRIBUTES_MAX) {
        err = wf_error(WEFT_ETOOBIG,
                       "attribute %s: an instance has at most %d attributes",
                       change->name, WF_ATTRIBUTES_MAX);
    } else if (merged.len > WF_ATTRIBUTES_BYTES_MAX) {
        err = wf_error(WEFT_ETOOBIG,
                       "attribute %s: all attributes of an instance have at "
                       "most %d bytes",
                       change->name, WF_ATTRIBUTES_BYTES_MAX);
    }
    if (err != WEFT_OK) {
        wf_buf_fini(&merged);
        return err;
    }
    wf_buf_fini(set);
    *set = merged;
    return WEFT_OK;
}

weft_err
wf_attributes_change(struct wf_buf *set, const weft_attribute *changes,
                     size_t count)
{
    struct wf_buf changed = {0};
    weft_err err = WEFT_OK;

    wf_buf_put(&changed, set->data, set->len);
    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        err = change_one(&changed, &changes[i]);
    }
    if (err != WEFT_OK) {
        wf_buf_fini(&changed);
        return err;
    }
    wf_buf_fini(set);
    *set = changed;
    return WEFT_OK;
}

int
wf_attributes_compare(const weft_attribute *a, const weft_attribute *b)
{
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    switch (a->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        return strcmp(a->value.text, b->value.text);
    case WEFT_ATTRIBUTE_INT:
        return (a->value.integer > b->value.integer) -
               (a->value.integer < b->value.integer);
    case WEFT_ATTRIBUTE_DOUBLE:
        return (a->value.real > b->value.real) -
               (a->value.real < b->value.real);
    case WEFT_ATTRIBUTE_BOOL:
        return (a->value.boolean != 0) - (b->value.boolean != 0);
    case WEFT_ATTRIBUTE_TIME:
        return (a->value.time_ms > b->value.time_ms) -
               (a->value.time_ms < b->value.time_ms);
    default:
        return 0;
    }
}
