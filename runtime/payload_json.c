// SPDX-License-Identifier: Apache-2.0
//
// payload_json.c - msgpack to JSON and back, for people.
//
// Jansson parses and prints; between it and msgpack stands its tree of values.
// It keeps 64-bit integers, demands UTF-8 and refuses duplicates, which is why
// it was chosen. What JSON has no word for is an object of one member with a
// name from the table `words`; payload.h shows them. A map that could be
// mistaken for one of those is written as {"$map": ...}, so nothing is.
//
// Both directions recurse, at most as deep as a payload may be nested. The
// text is measured before Jansson sees it: its own limit of 2048 levels would
// be too much for the small stack of a workflow.
//
// Threads: none; everything is the caller's.

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/msgpack.h"
#include "runtime/base64.h"
#include "runtime/payload.h"

#define TEXT_BYTES_MAX ((size_t)4 * WF_PAYLOAD_BYTES_MAX)
// {"$map": [[key, value]]} makes three levels of one; a leaf adds two.
#define TEXT_DEPTH_MAX (3 * WF_MSGPACK_DEPTH_MAX + 2)

enum word {
    WORD_BIN,
    WORD_STR,
    WORD_UINT,
    WORD_FLOAT,
    WORD_EXT,
    WORD_MAP,
    WORD_COUNT,
};

static const char *const words[WORD_COUNT] = {
    [WORD_BIN] = "$bin",     [WORD_STR] = "$str", [WORD_UINT] = "$uint",
    [WORD_FLOAT] = "$float", [WORD_EXT] = "$ext", [WORD_MAP] = "$map",
};

// WORD_COUNT if it is none.
static enum word
find_word(const char *name, size_t name_len)
{
    for (unsigned i = 0; i < WORD_COUNT; i++) {
        if (name_len == strlen(words[i]) &&
            memcmp(name, words[i], name_len) == 0) {
            return (enum word)i;
        }
    }
    return WORD_COUNT;
}

// Memory. -------------------------------------------------------------------

// Jansson leaves bytes of a text out when its buffer does not grow, or calls
// the text wrong, and does not always say why. So what it asks its allocator
// for, be it the program's, is asked for here.

static _Thread_local bool is_starved __attribute__((tls_model("initial-exec")));
static _Atomic json_malloc_t given_alloc;

static void *
noting_alloc(size_t size)
{
    void *memory = atomic_load(&given_alloc)(size);

    is_starved = is_starved || memory == NULL;
    return memory;
}

static void
begin_noting(void)
{
    json_malloc_t alloc = NULL;
    json_free_t release = NULL;

    json_get_alloc_funcs(&alloc, &release);
    if (alloc != noting_alloc) {
        atomic_store(&given_alloc, alloc);
        json_set_alloc_funcs(noting_alloc, release);
    }
    is_starved = false;
}

// msgpack to JSON. ----------------------------------------------------------

struct writer {
    struct wf_reader reader; // over bytes that weft_payload_check accepts
    int precision;           // digits that keep every float so far: 15 or 17
};

static json_t *write_value(struct writer *writer);

// NULL if there is no memory.
static json_t *
write_base64(weft_bytes bytes)
{
    size_t len = wf_base64_padded_chars(bytes.len);
    char *text = wf_try_alloc(len + 1);
    json_t *json;

    if (text == NULL) {
        return NULL;
    }
    wf_base64_encode_padded(bytes, text);
    json = json_stringn_nocheck(text, len);
    wf_free(text);
    return json;
}

// {word: value}; takes value, which may be NULL for no memory.
static json_t *
write_word(enum word word, json_t *value)
{
    return json_pack("{s:o}", words[word], value); // NULL if value is
}

static json_t *
write_str(weft_bytes text)
{
    json_t *json = json_stringn(text.len == 0 ? "" : text.data, text.len);

    if (json != NULL) {
        return json;
    }
    return write_word(WORD_STR, write_base64(text)); // not UTF-8
}

static json_t *
write_uint(uint64_t number)
{
    char text[32];

    if (number <= INT64_MAX) {
        return json_integer((json_int_t)number);
    }
    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    return write_word(WORD_UINT, json_string_nocheck(text));
}

// All floats of a text are printed with the same number of digits: 15 if that
// keeps each exact, so that 0.1 is 0.1; else 17, which always does.
static json_t *
write_double(struct writer *writer, double real)
{
    char text[40];
    double back;

    if (isnan(real)) {
        return write_word(WORD_FLOAT, json_string_nocheck("nan"));
    }
    if (isinf(real)) {
        return write_word(WORD_FLOAT,
                          json_string_nocheck(real > 0 ? "inf" : "-inf"));
    }
    (void)snprintf(text, sizeof(text), "%.15g", real);
    back = strtod(text, NULL);
    // The same bytes, so that -0 is not 0. NOLINTNEXTLINE
    if (memcmp(&back, &real, sizeof(real)) != 0) {
        writer->precision = 17;
    }
    return json_real(real);
}

static json_t *
write_ext(const struct wf_msgpack_item *item)
{
    return write_word(WORD_EXT, json_pack("[io]", (int)item->ext_type,
                                          write_base64(item->as.bytes)));
}

// An array of so many values, or of so many pairs of values.
static json_t *
write_array(struct writer *writer, uint32_t count, bool of_pairs)
{
    json_t *array = json_array();

    for (uint32_t i = 0; array != NULL && i < count; i++) {
        json_t *value =
            of_pairs ? write_array(writer, 2, false) : write_value(writer);

        if (json_array_append_new(array, value) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

// Of a STR; Jansson takes no NULL.
static const char *
name_of(const struct wf_msgpack_item *key)
{
    return key->as.bytes.len == 0 ? "" : key->as.bytes.data;
}

static bool
is_name(const struct wf_msgpack_item *key, bool is_alone)
{
    return key->type == WF_MSGPACK_STR &&
           memchr(name_of(key), '\0', key->as.bytes.len) == NULL &&
           !(is_alone &&
             find_word(name_of(key), key->as.bytes.len) != WORD_COUNT);
}

// Whether JSON has an object for the map whose entries the reader is at: keys
// that are text, without NUL, none twice, and not one of our words alone. It
// looks at keys only, before anything is built, so that no entry is looked at
// more than once per level.
static bool
is_object(struct wf_reader reader, uint32_t count)
{
    json_t *seen = json_object();
    bool is = seen != NULL;

    for (uint32_t i = 0; is && i < count; i++) {
        struct wf_msgpack_item key;

        is = wf_msgpack_read(&reader, &key) && is_name(&key, count == 1) &&
             json_object_getn(seen, name_of(&key), key.as.bytes.len) == NULL &&
             json_object_setn_new(seen, name_of(&key), key.as.bytes.len,
                                  json_true()) == 0 &&
             wf_msgpack_skip(&reader);
    }
    json_decref(seen);
    return is;
}

static json_t *
write_object(struct writer *writer, uint32_t count)
{
    json_t *object = json_object();

    for (uint32_t i = 0; object != NULL && i < count; i++) {
        struct wf_msgpack_item key;
        bool is_read = wf_msgpack_read(&writer->reader, &key);

        WF_ASSERT(is_read && key.type == WF_MSGPACK_STR);
        if (json_object_setn_new(object, name_of(&key), key.as.bytes.len,
                                 write_value(writer)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

// NULL if there is no memory.
static json_t *
write_value(struct writer *writer)
{
    struct wf_msgpack_item item;
    bool is_read = wf_msgpack_read(&writer->reader, &item);

    WF_ASSERT(is_read);
    switch (item.type) {
    case WF_MSGPACK_BOOL:
        return json_boolean(item.as.boolean);
    case WF_MSGPACK_INT:
        return json_integer(item.as.negative);
    case WF_MSGPACK_UINT:
        return write_uint(item.as.number);
    case WF_MSGPACK_DOUBLE:
        return write_double(writer, item.as.real);
    case WF_MSGPACK_STR:
        return write_str(item.as.bytes);
    case WF_MSGPACK_BIN:
        return write_word(WORD_BIN, write_base64(item.as.bytes));
    case WF_MSGPACK_EXT:
        return write_ext(&item);
    case WF_MSGPACK_ARRAY:
        return write_array(writer, item.as.count, false);
    case WF_MSGPACK_MAP:
        return is_object(writer->reader, item.as.count)
                   ? write_object(writer, item.as.count)
                   : write_word(WORD_MAP,
                                write_array(writer, item.as.count, true));
    case WF_MSGPACK_NIL:
    case WF_MSGPACK_TYPE_COUNT:
        break;
    }
    return json_null();
}

weft_err
weft_payload_to_json(weft_bytes bytes, unsigned flags, char **out_text)
{
    struct writer writer = {.precision = 15};
    size_t options = JSON_ENCODE_ANY;
    char *text = NULL;
    weft_err err = weft_payload_check(bytes);

    if (err != WEFT_OK) {
        return err;
    }
    WF_REQUIRE(out_text != NULL);
    WF_REQUIRE((flags & ~(WEFT_JSON_INDENT | WEFT_JSON_SORT_KEYS)) == 0);

    writer.reader = wf_reader_of(bytes);
    begin_noting();

    json_t *json = write_value(&writer);

    options |= JSON_REAL_PRECISION((size_t)writer.precision);
    options |= (flags & WEFT_JSON_INDENT) ? JSON_INDENT(2) : JSON_COMPACT;
    options |= (flags & WEFT_JSON_SORT_KEYS) ? JSON_SORT_KEYS : 0;

    // Printed twice, for its length first: the memory is then ours, not
    // Jansson's, whatever allocator the program gave it.
    size_t len = json == NULL ? 0 : json_dumpb(json, NULL, 0, options);

    if (len > 0) {
        text = wf_try_alloc(len + 1);
    }
    if (text == NULL || json_dumpb(json, text, len, options) != len ||
        is_starved) {
        err = wf_error(WEFT_ENOMEM, "JSON for %zu bytes of payload", bytes.len);
        goto out;
    }
    text[len] = '\0';
    *out_text = text;
    text = NULL;

out:
    json_decref(json);
    wf_free(text);
    return err;
}

void
weft_payload_free_text(char *text)
{
    wf_free(text);
}

// JSON to msgpack. ----------------------------------------------------------

// What is malformed fails the payload, and what is written to it then does
// nothing, so nothing below returns an error.

static void read_value(weft_payload *payload, const json_t *json);

static void
refuse_word(weft_payload *payload, enum word word)
{
    wf_payload_fail(payload, WEFT_EINVAL,
                    "JSON: the value of \"%s\" is malformed", words[word]);
}

static void
read_base64(weft_payload *payload, const json_t *json, enum word word,
            int8_t ext_type)
{
    const char *text = json_string_value(json); // NULL if no string
    size_t len = json_string_length(json);
    struct wf_buf buf = {0};

    if (!wf_buf_try_reserve(&buf, len)) {
        wf_payload_fail(payload, WEFT_ENOMEM, "%zu characters", len);
    } else if (text == NULL || !wf_base64_decode_padded(text, len, &buf)) {
        refuse_word(payload, word);
    } else if (word == WORD_BIN) {
        weft_payload_bin(payload, buf.data, buf.len);
    } else if (word == WORD_STR) {
        weft_payload_str(payload, (const char *)buf.data, buf.len);
    } else {
        weft_payload_ext(payload, ext_type, buf.data, buf.len);
    }
    wf_buf_fini(&buf);
}

static void
read_uint(weft_payload *payload, const json_t *json)
{
    const char *text = json_is_string(json) ? json_string_value(json) : "";
    char *end = NULL;

    errno = 0;

    unsigned long long number = strtoull(text, &end, 10);

    // strtoull also takes spaces, signs and nothing at all.
    if (text[0] < '0' || text[0] > '9' || errno != 0 ||
        (size_t)(end - text) != json_string_length(json)) {
        refuse_word(payload, WORD_UINT);
    } else {
        weft_payload_uint(payload, number);
    }
}

static void
read_float(weft_payload *payload, const json_t *json)
{
    const char *text = json_is_string(json) ? json_string_value(json) : "";
    bool is_negative = text[0] == '-';

    if (strcmp(text, "nan") == 0) {
        weft_payload_double(payload, (double)NAN);
    } else if (strcmp(text + is_negative, "inf") == 0) {
        weft_payload_double(payload,
                            (double)(is_negative ? -INFINITY : INFINITY));
    } else {
        refuse_word(payload, WORD_FLOAT);
    }
}

static void
read_ext(weft_payload *payload, const json_t *json)
{
    const json_t *type = json_array_get(json, 0);
    json_int_t number = json_integer_value(type);

    if (json_array_size(json) != 2 || !json_is_integer(type) ||
        number < INT8_MIN || number > INT8_MAX) {
        refuse_word(payload, WORD_EXT);
        return;
    }
    read_base64(payload, json_array_get(json, 1), WORD_EXT, (int8_t)number);
}

static void
read_pairs(weft_payload *payload, const json_t *json)
{
    size_t count = json_array_size(json);

    if (!json_is_array(json)) {
        refuse_word(payload, WORD_MAP);
        return;
    }
    weft_payload_map(payload, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(json, i);

        if (json_array_size(pair) != 2) {
            refuse_word(payload, WORD_MAP);
            return;
        }
        read_value(payload, json_array_get(pair, 0));
        read_value(payload, json_array_get(pair, 1));
    }
}

static void
read_object(weft_payload *payload, json_t *json)
{
    void *at = json_object_iter(json);
    size_t count = json_object_size(json);

    if (count == 1) {
        json_t *value = json_object_iter_value(at);
        enum word word =
            find_word(json_object_iter_key(at), json_object_iter_key_len(at));

        switch (word) {
        case WORD_BIN:
        case WORD_STR:
            read_base64(payload, value, word, 0);
            return;
        case WORD_UINT:
            read_uint(payload, value);
            return;
        case WORD_FLOAT:
            read_float(payload, value);
            return;
        case WORD_EXT:
            read_ext(payload, value);
            return;
        case WORD_MAP:
            read_pairs(payload, value);
            return;
        case WORD_COUNT:
            break;
        }
    }
    weft_payload_map(payload, count);
    for (; at != NULL; at = json_object_iter_next(json, at)) {
        weft_payload_str(payload, json_object_iter_key(at),
                         json_object_iter_key_len(at));
        read_value(payload, json_object_iter_value(at));
    }
}

static void
read_array(weft_payload *payload, const json_t *json)
{
    weft_payload_array(payload, json_array_size(json));
    for (size_t i = 0; i < json_array_size(json); i++) {
        read_value(payload, json_array_get(json, i));
    }
}

// Recursion is bounded by measure_depth.
static void
read_value(weft_payload *payload, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        // Jansson's iterators take no const; they change nothing.
        read_object(payload, (json_t *)(uintptr_t)json);
        break;
    case JSON_ARRAY:
        read_array(payload, json);
        break;
    case JSON_STRING:
        weft_payload_str(payload, json_string_value(json),
                         json_string_length(json));
        break;
    case JSON_INTEGER:
        weft_payload_int(payload, json_integer_value(json));
        break;
    case JSON_REAL:
        weft_payload_double(payload, json_real_value(json));
        break;
    case JSON_TRUE:
        weft_payload_bool(payload, 1);
        break;
    case JSON_FALSE:
        weft_payload_bool(payload, 0);
        break;
    case JSON_NULL:
        weft_payload_nil(payload);
        break;
    }
}

// How deep brackets and braces nest. Right for JSON; for anything else at
// least as deep as a parser gets before it gives up.
static size_t
measure_depth(const char *text, size_t text_len)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];

        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '[' || c == '{')) {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static void
read_text(weft_payload *payload, const char *text, size_t text_len)
{
    json_error_t problem;
    json_t *json;

    if (text_len > TEXT_BYTES_MAX ||
        measure_depth(text, text_len) > TEXT_DEPTH_MAX) {
        wf_payload_fail(payload, WEFT_ETOOBIG,
                        "JSON is read up to %zu bytes and %d levels",
                        TEXT_BYTES_MAX, TEXT_DEPTH_MAX);
        return;
    }
    begin_noting();
    json = json_loadb(text, text_len,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
                      &problem);
    if (is_starved) {
        wf_payload_fail(payload, WEFT_ENOMEM, "JSON of %zu bytes", text_len);
    } else if (json == NULL) {
        wf_payload_fail(payload, WEFT_EINVAL, "JSON, line %d, column %d: %s",
                        problem.line, problem.column, problem.text);
    } else {
        read_value(payload, json);
    }
    json_decref(json);
}

weft_err
weft_payload_from_json(weft_payload *payload, const char *text, size_t text_len)
{
    wf_error_clear();
    WF_REQUIRE(payload != NULL);
    WF_REQUIRE(text != NULL);

    read_text(payload, text, text_len);
    return wf_payload_failure(payload);
}
