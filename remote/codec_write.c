// SPDX-License-Identifier: Apache-2.0
//
// codec_write.c - structs as maps of a message: the writing half of
// codec_field.h.
//
// Threads: none; everything is the caller's.

#include <string.h>

#include "remote/codec_field.h"
#include "weft/actor.h"
#include "weft/start.h"

typedef const struct wf_codec_field table_field;

#define FROM(type, base, offset)                                               \
    ((const type *)((const uint8_t *)(base) + (offset)))

static void
write_text(const char *text, const char *name, struct wf_wire_writer *writer)
{
    if (text != NULL && (text[0] != '\0' || !writer->is_answer)) {
        wf_wire_put_text(writer, name, text);
    }
}

static void
write_texts(const char *const *texts, const char *name,
            struct wf_wire_writer *writer)
{
    if (texts == NULL) {
        return;
    }
    wf_wire_open_array(writer,
                       name); // also if it is empty: that says something
    for (; *texts != NULL; texts++) {
        wf_wire_put_text(writer, NULL, *texts);
    }
    wf_wire_close(writer);
}

static void
write_number(uint64_t number, const char *name, struct wf_wire_writer *writer)
{
    if (number != 0) {
        wf_wire_put_uint(writer, name, number);
    }
}

static void
write_u32s(const uint32_t *list, size_t count, const char *name,
           struct wf_wire_writer *writer)
{
    if (count == 0) {
        return;
    }
    wf_wire_open_array(writer, name);
    for (size_t i = 0; i < count; i++) {
        wf_wire_put_uint(writer, NULL, list[i]);
    }
    wf_wire_close(writer);
}

static void
write_named(int value, table_field *field, struct wf_wire_writer *writer)
{
    int count = 0;

    while (field->names[count] != NULL) {
        count++;
    }
    if (value != 0) { // one that is none is for the reader to refuse
        wf_wire_put_text(writer, field->name,
                         value > 0 && value < count ? field->names[value] : "");
    }
}

static void
write_pairs(const weft_pair *pairs, size_t count, const char *name,
            struct wf_wire_writer *writer)
{
    if (count == 0) {
        return;
    }
    wf_wire_open_map(writer, name);
    for (size_t i = 0; i < count; i++) {
        wf_wire_put_bytes(writer, pairs[i].name, pairs[i].value);
    }
    wf_wire_close(writer);
}

static void
write_packed(weft_bytes packed, const char *name, struct wf_wire_writer *writer)
{
    weft_pair pair;

    if (packed.len == 0) {
        return;
    }
    wf_wire_open_map(writer, name);
    while (weft_pairs_next(&packed, &pair)) {
        wf_wire_put_bytes(writer, pair.name, pair.value);
    }
    wf_wire_close(writer);
}

void
wf_codec_field_write_value(const weft_attribute *value, const char *name,
                           struct wf_wire_writer *writer)
{
    wf_wire_open_array(writer, name);
    wf_wire_put_text(writer, NULL, weft_attribute_type_name(value->type));
    switch (value->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        wf_wire_put_text(writer, NULL, value->value.text);
        break;
    case WEFT_ATTRIBUTE_INT:
        wf_wire_put_int(writer, NULL, value->value.integer);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        wf_wire_put_real(writer, NULL, value->value.real);
        break;
    case WEFT_ATTRIBUTE_BOOL:
        wf_wire_put_bool(writer, NULL, value->value.boolean);
        break;
    case WEFT_ATTRIBUTE_TIME:
        wf_wire_put_uint(writer, NULL, value->value.time_ms);
        break;
    default:
        break;
    }
    wf_wire_close(writer);
}

static void
write_attributes(const weft_attribute *list, size_t count, const char *name,
                 struct wf_wire_writer *writer)
{
    if (count == 0) {
        return;
    }
    wf_wire_open_map(writer, name);
    for (size_t i = 0; i < count; i++) {
        wf_codec_field_write_value(&list[i], list[i].name, writer);
    }
    wf_wire_close(writer);
}

static void
write_causes(const weft_failure *cause, const char *name,
             struct wf_wire_writer *writer)
{
    if (cause == NULL) {
        return;
    }
    wf_wire_open_array(writer, name);
    for (; cause != NULL; cause = cause->cause) {
        wf_wire_open_map(writer, NULL);
        wf_codec_field_write(wf_codec_field_cause, 0, cause, writer);
        wf_wire_close(writer);
    }
    wf_wire_close(writer);
}

// A map that has nothing in it is not there, unless it was asked for.
static void
write_map(table_field *field, unsigned sets, const void *from, bool is_asked,
          struct wf_wire_writer *writer)
{
    wf_wire_open_map(writer, field->name);
    wf_codec_field_write(field->of, sets, from, writer);
    if (is_asked) {
        wf_wire_close(writer);
    } else {
        wf_wire_close_or_drop(writer);
    }
}

// An array is there also if it is empty.
static void
write_list(table_field *field, unsigned sets, const void *list, size_t count,
           struct wf_wire_writer *writer)
{
    const uint8_t *at = list;

    wf_wire_open_array(writer, field->name);
    for (size_t i = 0; i < count; i++) {
        wf_wire_open_map(writer, NULL);
        wf_codec_field_write(field->of, sets, at + i * field->size, writer);
        wf_wire_close(writer);
    }
    wf_wire_close(writer);
}

// A pointer to any struct.
static const void *
pointer_at(const void *at)
{
    const void *pointer;

    memcpy(&pointer, at, sizeof(pointer));
    return pointer;
}

// tidy: long, one case per type
static void
write_field(table_field *field, unsigned sets, const void *from,
            struct wf_wire_writer *writer)
{
    const void *at = FROM(void, from, field->at);
    const void *more = FROM(void, from, field->more_at);
    const char *name = field->name;

    switch (field->type) {
    case WF_CODEC_TEXT:
        write_text(*(const char *const *)at, name, writer);
        break;
    case WF_CODEC_TEXTS:
        write_texts(*(const char *const *const *)at, name, writer);
        break;
    case WF_CODEC_BYTES:
        if (((const weft_bytes *)at)->len > 0) {
            wf_wire_put_bytes(writer, name, *(const weft_bytes *)at);
        }
        break;
    case WF_CODEC_U64:
        write_number(*(const uint64_t *)at, name, writer);
        break;
    case WF_CODEC_U32:
        write_number(*(const uint32_t *)at, name, writer);
        break;
    case WF_CODEC_U32S:
        write_u32s(*(const uint32_t *const *)at, *(const size_t *)more, name,
                   writer);
        break;
    case WF_CODEC_TIMES:
        write_number(*(const uint32_t *)at == UINT32_MAX
                         ? UINT64_MAX
                         : *(const uint32_t *)at,
                     name, writer);
        break;
    case WF_CODEC_FLAG:
        if (*(const int *)at != 0) {
            wf_wire_put_bool(writer, name, true);
        }
        break;
    case WF_CODEC_BOOL:
        if (*(const bool *)at) {
            wf_wire_put_bool(writer, name, true);
        }
        break;
    case WF_CODEC_REAL:
        if (*(const double *)at != 0.0) {
            wf_wire_put_real(writer, name, *(const double *)at);
        }
        break;
    case WF_CODEC_NAMED:
        write_named(*(const int *)at, field, writer);
        break;
    case WF_CODEC_PAIRS:
        write_pairs(*(const weft_pair *const *)at, *(const size_t *)more, name,
                    writer);
        break;
    case WF_CODEC_PACKED:
        write_packed(*(const weft_bytes *)at, name, writer);
        break;
    case WF_CODEC_ATTRIBUTES:
        write_attributes(*(const weft_attribute *const *)at,
                         *(const size_t *)more, name, writer);
        break;
    case WF_CODEC_CAUSES:
        write_causes(*(const weft_failure *const *)at, name, writer);
        break;
    case WF_CODEC_MAP:
        write_map(field, sets, at, false, writer);
        break;
    case WF_CODEC_POINTED:
        if (pointer_at(more) != NULL) {
            write_map(field, sets, at, true, writer);
        }
        break;
    case WF_CODEC_LIST:
        write_list(field, sets, pointer_at(at), *(const size_t *)more, writer);
        break;
    }
}

void
wf_codec_field_write(const struct wf_codec_field *table, unsigned sets,
                     const void *from, struct wf_wire_writer *writer)
{
    for (; table->name != NULL; table++) {
        if (table->sets == 0 || (table->sets & sets) != 0) {
            write_field(table, sets, from, writer);
        }
    }
}

// What a node sends.
static bool
is_answer(const char *verb)
{
    return strcmp(verb, "ok") == 0 || strcmp(verb, "error") == 0 ||
           strcmp(verb, "event") == 0 || strcmp(verb, "bye") == 0;
}

void
wf_codec_field_write_message(const struct wf_codec_field *table, unsigned sets,
                             const void *from, const char *verb,
                             uint64_t number, struct wf_buf *out_frame)
{
    struct wf_wire_writer writer;

    wf_wire_begin(&writer, out_frame, verb, number);
    writer.is_answer = is_answer(verb);
    wf_codec_field_write(table, sets, from, &writer);
    wf_wire_end(&writer);
}
