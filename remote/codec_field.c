// SPDX-License-Identifier: Apache-2.0
//
// codec_field.c - structs as maps of a message, by tables.
//
// What a field points to is in an arena. Arrays are allocated by the counts of
// their heads: wf_wire_read has seen that many entries.
//
// Threads: none; everything is the caller's.

#include "remote/codec_field.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "weft/actor.h"
#include "weft/start.h"

typedef const struct wf_codec_field table_field;
typedef const struct wf_codec_reading reading;
typedef const struct wf_wire_field wire_field;

enum { FIELDS_MAX = 64 }; // of one table

// The member of a struct that a field means.
#define AT(type, base, offset) ((type *)((uint8_t *)(base) + (offset)))

static const char *const attribute_types[] = {
    "none", "keyword", "text", "int", "double", "bool", "time", NULL};

// Reading. --------------------------------------------------------------------

static weft_err
no_memory(wire_field *from)
{
    return wf_wire_error(WEFT_ENOMEM, from, "there is no memory for it");
}

static size_t
max_of(table_field *field)
{
    return field->max == 0 ? WF_WIRE_MESSAGE_BYTES_MAX : (size_t)field->max;
}

static weft_err
read_text(reading *how, wire_field *from, size_t bytes_max,
          const char **out_text)
{
    weft_bytes text = {NULL, 0};
    weft_err err = wf_wire_text(from, bytes_max, &text);

    if (err == WEFT_OK) {
        *out_text = wf_arena_text(how->memory, text);
        err = *out_text == NULL ? no_memory(from) : WEFT_OK;
    }
    return err;
}

// The name of an entry, as text.
static weft_err
read_name(reading *how, wire_field *from, const char **out_text)
{
    weft_bytes name = {NULL, 0};
    weft_err err = wf_wire_name(from, &name);

    if (err == WEFT_OK) {
        *out_text = wf_arena_text(how->memory, name);
        err = *out_text == NULL ? no_memory(from) : WEFT_OK;
    }
    return err;
}

static weft_err
read_texts(reading *how, wire_field *from, size_t bytes_max,
           const char *const **out_texts)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    const char **texts;
    weft_err err = wf_wire_array(from, &walk);

    if (err != WEFT_OK) {
        return err;
    }
    texts = wf_arena_alloc(how->memory, (walk.count + 1) * sizeof(*texts));
    if (texts == NULL) {
        return no_memory(from);
    }
    while (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = read_text(how, &entry, bytes_max, &texts[entry.index]);
    }
    *out_texts = texts;
    return err;
}

// What the names are, for people.
static weft_err
no_such_name(wire_field *from, weft_bytes text, const char *const *names)
{
    char all[200] = "";
    size_t len = 0;

    for (size_t i = 0; names[i] != NULL; i++) {
        if (names[i][0] != '\0' && len < sizeof(all)) {
            len += (size_t)snprintf(all + len, sizeof(all) - len, "%s\"%s\"",
                                    len == 0 ? "" : ", ", names[i]);
        }
    }
    return wf_wire_error(WEFT_EINVAL, from, "\"%.*s\" is none of %s",
                         text.len > 40 ? 40 : (int)text.len,
                         (const char *)text.data, all);
}

// A name that is empty in the table has no text.
static weft_err
read_named(reading *how, wire_field *from, const char *const *names,
           int *out_value)
{
    weft_bytes text = {NULL, 0};
    weft_err err = wf_wire_text(from, WF_WIRE_MESSAGE_BYTES_MAX, &text);

    if (err != WEFT_OK) {
        return err;
    }
    for (int i = 0; names[i] != NULL; i++) {
        if (text.len > 0 && wf_bytes_equal(text, weft_text(names[i]))) {
            *out_value = i;
            return WEFT_OK;
        }
    }
    return how->kind == WF_CODEC_ANSWER ? WEFT_OK
                                        : no_such_name(from, text, names);
}

static weft_err
read_u32(wire_field *from, uint64_t max, bool has_no_limit, uint32_t *out)
{
    uint64_t number = 0;
    weft_err err;

    if (has_no_limit && from->item.type == WF_MSGPACK_UINT &&
        from->item.as.number == UINT64_MAX) {
        *out = UINT32_MAX;
        return WEFT_OK;
    }
    err = wf_wire_uint(from, max == 0 ? UINT32_MAX : max, &number);
    *out = (uint32_t)number;
    return err;
}

static weft_err
read_u32s(reading *how, wire_field *from, const uint32_t **out_list,
          size_t *out_count)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    uint32_t *list;
    weft_err err = wf_wire_array(from, &walk);

    if (err != WEFT_OK || walk.count == 0) {
        return err;
    }
    list = wf_arena_alloc(how->memory, walk.count * sizeof(*list));
    if (list == NULL) {
        return no_memory(from);
    }
    while (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = read_u32(&entry, 0, false, &list[entry.index]);
    }
    *out_list = list;
    *out_count = walk.count;
    return err;
}

static weft_err
read_flag(wire_field *from, int *out)
{
    bool is = false;
    weft_err err = wf_wire_bool(from, &is);

    *out = is;
    return err;
}

static weft_err
read_pairs(reading *how, wire_field *from, const weft_pair **out_pairs,
           size_t *out_count)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    weft_pair *pairs;
    weft_err err = wf_wire_map(from, &walk);

    if (err != WEFT_OK || walk.count == 0) {
        return err;
    }
    pairs = wf_arena_alloc(how->memory, walk.count * sizeof(*pairs));
    if (pairs == NULL) {
        return no_memory(from);
    }
    while (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = read_name(how, &entry, &pairs[entry.index].name);
        if (err == WEFT_OK) {
            err = wf_wire_bytes(&entry, WF_PAYLOAD_BYTES_MAX,
                                &pairs[entry.index].value);
        }
    }
    *out_pairs = pairs;
    *out_count = walk.count;
    return err;
}

// Pairs in the form of runtime/pairs.h: B name and its NUL, B value.
static weft_err
read_packed(reading *how, wire_field *from, weft_bytes *out_packed)
{
    struct wf_buf packed = {0};
    const weft_pair *pairs = NULL;
    size_t count = 0;
    weft_err err = read_pairs(how, from, &pairs, &count);

    for (size_t i = 0; err == WEFT_OK && i < count; i++) {
        wf_buf_put_bytes(
            &packed, weft_bytes_of(pairs[i].name, strlen(pairs[i].name) + 1));
        wf_buf_put_bytes(&packed, pairs[i].value);
    }
    if (err == WEFT_OK && packed.len > 0) {
        out_packed->data = wf_arena_text(how->memory, wf_buf_bytes(&packed));
        out_packed->len = out_packed->data == NULL ? 0 : packed.len;
        err = out_packed->data == NULL ? no_memory(from) : WEFT_OK;
    }
    wf_buf_fini(&packed);
    return err;
}

static weft_err
read_scalar(reading *how, wire_field *from, weft_attribute *out)
{
    bool is = false;
    weft_err err;

    switch (out->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        return read_text(how, from, WF_WIRE_MESSAGE_BYTES_MAX,
                         &out->value.text);
    case WEFT_ATTRIBUTE_INT:
        return wf_wire_int(from, &out->value.integer);
    case WEFT_ATTRIBUTE_DOUBLE:
        return wf_wire_real(from, &out->value.real);
    case WEFT_ATTRIBUTE_BOOL:
        err = wf_wire_bool(from, &is);
        out->value.boolean = is;
        return err;
    default:
        return wf_wire_uint(from, UINT64_MAX, &out->value.time_ms);
    }
}

weft_err
wf_codec_field_read_value(const struct wf_codec_reading *how,
                          const struct wf_wire_field *field,
                          weft_attribute *out_value)
{
    weft_attribute value = {.name = "", .type = WEFT_ATTRIBUTE_NONE};
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    int type = -1;
    weft_err err = wf_wire_array(field, &walk);

    if (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = read_named(how, &entry, attribute_types, &type);
    }
    if (err != WEFT_OK) {
        return err;
    }
    // A type of a newer node's is shown as none.
    if (type < 0 && walk.count == 2 && how->kind == WF_CODEC_ANSWER) {
        *out_value = value;
        return WEFT_OK;
    }
    if (type < 0 || walk.count != (type == WEFT_ATTRIBUTE_NONE ? 1 : 2)) {
        return wf_wire_error(WEFT_EINVAL, field, "want [type, value]");
    }
    value.type = (weft_attribute_type)type;
    if (wf_wire_next(&walk, &entry)) {
        err = read_scalar(how, &entry, &value);
    }
    *out_value = value;
    return err;
}

static weft_err
read_attribute(reading *how, wire_field *from, weft_attribute *all)
{
    const char *name = NULL;
    weft_err err = read_name(how, from, &name);

    for (uint32_t i = 0; err == WEFT_OK && i < from->index; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return wf_wire_error(WEFT_EINVAL, from, "is there twice");
        }
    }
    if (err == WEFT_OK) {
        err = wf_codec_field_read_value(how, from, &all[from->index]);
        all[from->index].name = name;
    }
    return err;
}

static weft_err
read_attributes(reading *how, wire_field *from, const weft_attribute **out_list,
                size_t *out_count)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    weft_attribute *all;
    weft_err err = wf_wire_map(from, &walk);

    if (err != WEFT_OK || walk.count == 0) {
        return err;
    }
    if (walk.count > WF_ATTRIBUTES_MAX) {
        return wf_wire_error(WEFT_ETOOBIG, from, "has %u, %d are allowed",
                             (unsigned)walk.count, WF_ATTRIBUTES_MAX);
    }
    all = wf_arena_alloc(how->memory, walk.count * sizeof(*all));
    if (all == NULL) {
        return no_memory(from);
    }
    while (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = read_attribute(how, &entry, all);
    }
    *out_list = all;
    *out_count = walk.count;
    return err;
}

static weft_err
read_list(reading *how, table_field *field, wire_field *from, void *out_list,
          size_t *out_count)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_walk entries;
    struct wf_wire_field entry;
    uint8_t *list;
    weft_err err = wf_wire_array(from, &walk);

    if (err != WEFT_OK || walk.count == 0) {
        return err;
    }
    list = wf_arena_alloc(how->memory, walk.count * field->size);
    if (list == NULL) {
        return no_memory(from);
    }
    while (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = wf_wire_map(&entry, &entries);
        if (err == WEFT_OK) {
            err = wf_codec_field_read(how, field->of, entries,
                                      list + entry.index * field->size);
        }
    }
    memcpy(out_list, &list, sizeof(list)); // a pointer to any struct
    *out_count = walk.count;
    return err;
}

static weft_err
read_causes(reading *how, wire_field *from, const weft_failure **out_cause)
{
    static const struct wf_codec_field list = {
        .name = "causes",
        .of = wf_codec_field_cause,
        .size = sizeof(weft_failure),
    };
    weft_failure *causes = NULL;
    size_t count = 0;
    weft_err err = read_list(how, &list, from, &causes, &count);

    if (err == WEFT_OK && count > WF_CAUSES_MAX) {
        return wf_wire_error(WEFT_ETOOBIG, from, "has %zu, %d are allowed",
                             count, WF_CAUSES_MAX);
    }
    for (size_t i = 1; i < count; i++) {
        causes[i - 1].cause = &causes[i];
    }
    *out_cause = causes;
    return err;
}

static weft_err
read_map(reading *how, table_field *field, wire_field *from, void *into)
{
    struct wf_wire_walk walk = {0};
    weft_err err = wf_wire_map(from, &walk);

    if (err == WEFT_OK) {
        err = wf_codec_field_read(how, field->of, walk, into);
    }
    return err;
}

// tidy: long, one case per type
static weft_err
read_field(reading *how, table_field *field, wire_field *from, void *into)
{
    void *at = AT(void, into, field->at);
    void *more = AT(void, into, field->more_at);

    switch (field->type) {
    case WF_CODEC_TEXT:
        return read_text(how, from, max_of(field), at);
    case WF_CODEC_TEXTS:
        return read_texts(how, from, max_of(field), at);
    case WF_CODEC_BYTES:
        return wf_wire_bytes(from, max_of(field), at);
    case WF_CODEC_U64:
        return wf_wire_uint(from, field->max == 0 ? UINT64_MAX : field->max,
                            at);
    case WF_CODEC_U32:
        return read_u32(from, field->max, false, at);
    case WF_CODEC_U32S:
        return read_u32s(how, from, at, more);
    case WF_CODEC_TIMES:
        return read_u32(from, field->max, true, at);
    case WF_CODEC_FLAG:
        return read_flag(from, at);
    case WF_CODEC_BOOL:
        return wf_wire_bool(from, at);
    case WF_CODEC_REAL:
        return wf_wire_real(from, at);
    case WF_CODEC_NAMED:
        return read_named(how, from, field->names, at);
    case WF_CODEC_PAIRS:
        return read_pairs(how, from, at, more);
    case WF_CODEC_PACKED:
        return read_packed(how, from, at);
    case WF_CODEC_ATTRIBUTES:
        return read_attributes(how, from, at, more);
    case WF_CODEC_CAUSES:
        return read_causes(how, from, at);
    case WF_CODEC_MAP:
        return read_map(how, field, from, at);
    case WF_CODEC_POINTED:
        memcpy(more, &at, sizeof(at));
        return read_map(how, field, from, at);
    case WF_CODEC_LIST:
        return read_list(how, field, from, at, more);
    }
    WF_ASSERT(false);
    return WEFT_EINVAL;
}

static bool
is_known(table_field *field, unsigned sets)
{
    return field->sets == 0 || (field->sets & sets) != 0;
}

// The fields of the table that are of these sets.
struct known {
    size_t count;
    uint8_t at[FIELDS_MAX]; // their places in it
};

static void
find_known(table_field *table, unsigned sets, struct known *out_known)
{
    size_t count = 0;

    for (size_t i = 0; table[i].name != NULL; i++) {
        WF_ASSERT(i < FIELDS_MAX);
        if (is_known(&table[i], sets)) {
            out_known->at[count++] = (uint8_t)i;
        }
    }
    out_known->count = count;
}

// Its place among them; their count: it is none of them.
static size_t
find(table_field *table, const struct known *known, wire_field *from)
{
    size_t i = 0;

    while (i < known->count &&
           !wf_wire_field_is(from, table[known->at[i]].name)) {
        i++;
    }
    return i;
}

static weft_err
check_needed(table_field *table, const struct known *known, uint64_t seen,
             wire_field *of)
{
    for (size_t i = 0; i < known->count; i++) {
        table_field *field = &table[known->at[i]];
        struct wf_wire_field missing = {.of = of};

        if (field->is_needed && (seen & (uint64_t)1 << i) == 0) {
            missing.name = weft_text(field->name);
            return wf_wire_error(WEFT_EINVAL, &missing, "is missing");
        }
    }
    return WEFT_OK;
}

// What an answer does not have is empty, not NULL.
static void
empty_texts(table_field *table, void *into)
{
    for (; table->name != NULL; table++) {
        if (table->type == WF_CODEC_TEXT) {
            *AT(const char *, into, table->at) = "";
        } else if (table->type == WF_CODEC_MAP) {
            empty_texts(table->of, AT(void, into, table->at));
        }
    }
}

weft_err
wf_codec_field_read(const struct wf_codec_reading *how,
                    const struct wf_codec_field *table,
                    struct wf_wire_walk walk, void *into)
{
    const struct wf_wire_field *of = walk.of;
    struct wf_wire_field from;
    struct known known;
    uint64_t seen = 0;
    weft_err err = WEFT_OK;

    find_known(table, how->sets, &known);
    if (how->kind == WF_CODEC_ANSWER) {
        empty_texts(table, into);
    }
    while (err == WEFT_OK && wf_wire_next(&walk, &from)) {
        size_t i = find(table, &known, &from);

        if (i == known.count) {
            err = how->kind == WF_CODEC_ANSWER
                      ? WEFT_OK
                      : wf_wire_error(WEFT_EINVAL, &from,
                                      "there is no such field");
        } else if ((seen & (uint64_t)1 << i) != 0) {
            err = wf_wire_error(WEFT_EINVAL, &from, "is there twice");
        } else {
            seen |= (uint64_t)1 << i;
            err = read_field(how, &table[known.at[i]], &from, into);
        }
    }
    if (err == WEFT_OK && how->kind == WF_CODEC_REQUEST) {
        err = check_needed(table, &known, seen, of);
    }
    return err;
}

weft_err
wf_codec_field_read_message(const struct wf_codec_reading *how,
                            const struct wf_codec_field *table,
                            const struct wf_wire_message *message,
                            const char *verb, void *into)
{
    if (!wf_wire_is(message, verb)) {
        return wf_error(WEFT_EINVAL, "this is no %s", verb);
    }
    return wf_codec_field_read(how, table, wf_wire_fields(message), into);
}

#define FAILURE_FIELDS                                                         \
    {"name", WF_CODEC_TEXT, .at = offsetof(weft_failure, name)},               \
        {"message", WF_CODEC_TEXT, .at = offsetof(weft_failure, message)},     \
        {"details", WF_CODEC_BYTES, .at = offsetof(weft_failure, details)},    \
    {                                                                          \
        "source", WF_CODEC_TEXT, .at = offsetof(weft_failure, source)          \
    }

const struct wf_codec_field wf_codec_field_cause[] = {FAILURE_FIELDS, {NULL}};

const struct wf_codec_field wf_codec_field_failure[] = {
    FAILURE_FIELDS,
    {"causes", WF_CODEC_CAUSES, .at = offsetof(weft_failure, cause)},
    {NULL},
};
