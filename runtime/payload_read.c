// SPDX-License-Identifier: Apache-2.0
//
// payload_read.c - find a value in msgpack by its path.
//
// A path is followed from left to right, and the reader with it: into a map or
// an array, over the entries that are not meant, to the one that is. So a
// lookup costs what lies before the value, allocates nothing, and no order of
// lookups is better than another.
//
// Threads: none; everything is the caller's.

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/msgpack.h"
#include "weft/payload.h"

// One part of a path.
struct step {
    bool is_index;
    size_t index;
    const char *key;
    size_t key_len;
};

static bool
read_digits(const char **at, size_t *out_index)
{
    size_t index = 0;
    const char *digit = *at;

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (index > (SIZE_MAX - 9) / 10) {
            return false;
        }
        index = index * 10 + (size_t)(*digit - '0');
    }
    if (digit == *at) {
        return false;
    }
    *at = digit;
    *out_index = index;
    return true;
}

// [3] or ['key'], after the bracket.
static bool
read_bracket(const char **path, struct step *out_step)
{
    const char *at = *path;

    if (*at == '\'') {
        const char *end = strchr(at + 1, '\'');

        if (end == NULL) {
            return false;
        }
        out_step->is_index = false;
        out_step->key = at + 1;
        out_step->key_len = (size_t)(end - at - 1);
        at = end + 1;
    } else {
        out_step->is_index = true;
        if (!read_digits(&at, &out_step->index)) {
            return false;
        }
    }
    if (*at != ']') {
        return false;
    }
    *path = at + 1;
    return true;
}

// Take the next step off the path. False if it is malformed.
static bool
read_step(const char **path, bool is_first, struct step *out_step)
{
    const char *at = *path;

    if (*at == '[') {
        *path = at + 1;
        return read_bracket(path, out_step);
    }
    if (*at == '.') {
        if (is_first) {
            return false;
        }
        at++;
    } else if (!is_first) {
        return false;
    }
    out_step->is_index = false;
    out_step->key = at;
    out_step->key_len = strcspn(at, ".[");
    *path = at + out_step->key_len;
    return out_step->key_len > 0;
}

static bool
is_key(const struct wf_msgpack_item *item, const struct step *step)
{
    return item->type == WF_MSGPACK_STR &&
           item->as.bytes.len == step->key_len &&
           memcmp(item->as.bytes.data, step->key, step->key_len) == 0;
}

// Move from a map or an array to the entry that the step names. WEFT_ENOTFOUND
// also when the value is neither.
static weft_err
follow(struct wf_reader *reader, const struct step *step)
{
    struct wf_msgpack_item item = {0};

    if (!wf_msgpack_read(reader, &item)) {
        return WEFT_ECORRUPT;
    }
    if (step->is_index) {
        if (item.type != WF_MSGPACK_ARRAY || step->index >= item.as.count) {
            return WEFT_ENOTFOUND;
        }
        for (size_t i = 0; i < step->index; i++) {
            if (!wf_msgpack_skip(reader)) {
                return WEFT_ECORRUPT;
            }
        }
        return WEFT_OK;
    }
    if (item.type != WF_MSGPACK_MAP) {
        return WEFT_ENOTFOUND;
    }
    for (uint32_t i = 0; i < item.as.count; i++) {
        struct wf_msgpack_item key;

        if (!wf_msgpack_read(reader, &key)) {
            return WEFT_ECORRUPT;
        }
        if (is_key(&key, step)) {
            return WEFT_OK;
        }
        if (!wf_msgpack_skip_entries(reader, &key) ||
            !wf_msgpack_skip(reader)) {
            return WEFT_ECORRUPT;
        }
    }
    return WEFT_ENOTFOUND;
}

// Put the reader in front of the value.
static weft_err
seek(weft_bytes bytes, const char *path, struct wf_reader *out_reader)
{
    struct wf_reader reader = wf_reader_of(bytes);
    bool is_first = true;

    while (path != NULL && *path != '\0') {
        struct step step = {0};

        if (!read_step(&path, is_first, &step)) {
            return WEFT_EINVAL;
        }
        is_first = false;
        // An empty payload lacks everything, but a bad path is still bad.
        if (bytes.len > 0) {
            weft_err err = follow(&reader, &step);

            if (err != WEFT_OK) {
                return err;
            }
        }
    }
    if (bytes.len == 0) {
        return WEFT_ENOTFOUND;
    }
    *out_reader = reader;
    return WEFT_OK;
}

// The sentence for a failed lookup. Apart from seek, because
// weft_payload_has is for asking often.
static weft_err
explain(weft_err err, const char *path, weft_bytes bytes)
{
    const char *name = path == NULL ? "" : path;

    switch (err) {
    case WEFT_EINVAL:
        return wf_error(err, "the path \"%s\" is malformed", name);
    case WEFT_ENOTFOUND:
        return wf_error(err, "no \"%s\" in the payload%s", name,
                        bytes.len == 0 ? ", which is empty" : "");
    case WEFT_ECORRUPT:
        return wf_error(err, "the payload is not msgpack (looking for \"%s\")",
                        name);
    default:
        return err;
    }
}

// Find and read the first item of a value.
static weft_err
find_item(weft_bytes bytes, const char *path, struct wf_reader *out_reader,
          struct wf_msgpack_item *out_item)
{
    wf_error_clear();

    weft_err err = seek(bytes, path, out_reader);

    if (err == WEFT_OK && !wf_msgpack_read(out_reader, out_item)) {
        err = WEFT_ECORRUPT;
    }
    return explain(err, path, bytes);
}

static weft_err
refuse_type(const char *path, const char *wanted,
            const struct wf_msgpack_item *item)
{
    return wf_error(WEFT_EINVAL, "\"%s\" is %s, not %s",
                    path == NULL ? "" : path, wf_msgpack_name(item->type),
                    wanted);
}

// Find one value, of that type.
static weft_err
find_typed(weft_bytes bytes, const char *path, enum wf_msgpack_type type,
           const char *wanted, struct wf_msgpack_item *out_item)
{
    struct wf_reader reader;
    weft_err err = find_item(bytes, path, &reader, out_item);

    return err != WEFT_OK || out_item->type == type
               ? err
               : refuse_type(path, wanted, out_item);
}

weft_err
weft_payload_get_int(weft_bytes bytes, const char *path, int64_t *out_value)
{
    struct wf_reader reader;
    struct wf_msgpack_item item = {0};
    weft_err err = find_item(bytes, path, &reader, &item);

    WF_REQUIRE(out_value != NULL);
    if (err != WEFT_OK) {
        return err;
    }
    if (item.type == WF_MSGPACK_INT) {
        *out_value = item.as.negative;
        return WEFT_OK;
    }
    if (item.type != WF_MSGPACK_UINT) {
        return refuse_type(path, "an integer", &item);
    }
    if (item.as.number > INT64_MAX) {
        return wf_error(WEFT_EINVAL, "\"%s\" is %" PRIu64 ", over 2^63 - 1",
                        path == NULL ? "" : path, item.as.number);
    }
    *out_value = (int64_t)item.as.number;
    return WEFT_OK;
}

weft_err
weft_payload_get_uint(weft_bytes bytes, const char *path, uint64_t *out_value)
{
    struct wf_reader reader;
    struct wf_msgpack_item item = {0};
    weft_err err = find_item(bytes, path, &reader, &item);

    WF_REQUIRE(out_value != NULL);
    if (err != WEFT_OK) {
        return err;
    }
    if (item.type == WF_MSGPACK_INT) {
        return wf_error(WEFT_EINVAL, "\"%s\" is %" PRId64 ", below 0",
                        path == NULL ? "" : path, item.as.negative);
    }
    if (item.type != WF_MSGPACK_UINT) {
        return refuse_type(path, "an integer", &item);
    }
    *out_value = item.as.number;
    return WEFT_OK;
}

weft_err
weft_payload_get_double(weft_bytes bytes, const char *path, double *out_value)
{
    struct wf_reader reader;
    struct wf_msgpack_item item = {0};
    weft_err err = find_item(bytes, path, &reader, &item);

    WF_REQUIRE(out_value != NULL);
    if (err != WEFT_OK) {
        return err;
    }
    switch (item.type) {
    case WF_MSGPACK_DOUBLE:
        *out_value = item.as.real;
        break;
    case WF_MSGPACK_INT:
        *out_value = (double)item.as.negative;
        break;
    case WF_MSGPACK_UINT:
        *out_value = (double)item.as.number;
        break;
    default:
        return refuse_type(path, "a float", &item);
    }
    return WEFT_OK;
}

weft_err
weft_payload_get_bool(weft_bytes bytes, const char *path, int *out_value)
{
    struct wf_msgpack_item item = {0};
    weft_err err = find_typed(bytes, path, WF_MSGPACK_BOOL, "a bool", &item);

    WF_REQUIRE(out_value != NULL);
    if (err != WEFT_OK) {
        return err;
    }
    *out_value = item.as.boolean ? 1 : 0;
    return WEFT_OK;
}

weft_err
weft_payload_get_text(weft_bytes bytes, const char *path, char *out_text,
                      size_t text_size)
{
    struct wf_msgpack_item item = {0};
    weft_err err = find_typed(bytes, path, WF_MSGPACK_STR, "a text", &item);

    WF_REQUIRE(out_text != NULL || text_size == 0);
    if (err != WEFT_OK) {
        return err;
    }

    size_t len = item.as.bytes.len;

    if (len >= text_size) {
        return wf_error(WEFT_ETOOBIG,
                        "\"%s\" takes %zu bytes with its NUL, there are %zu",
                        path == NULL ? "" : path, len + 1, text_size);
    }
    if (len > 0 && memchr(item.as.bytes.data, '\0', len) != NULL) {
        return wf_error(WEFT_EINVAL, "\"%s\" has a NUL inside",
                        path == NULL ? "" : path);
    }
    if (len > 0) {
        memcpy(out_text, item.as.bytes.data, len);
    }
    out_text[len] = '\0';
    return WEFT_OK;
}

weft_err
weft_payload_get_bytes(weft_bytes bytes, const char *path,
                       weft_bytes *out_value)
{
    struct wf_reader reader;
    struct wf_msgpack_item item = {0};
    weft_err err = find_item(bytes, path, &reader, &item);

    WF_REQUIRE(out_value != NULL);
    if (err != WEFT_OK) {
        return err;
    }
    if (item.type != WF_MSGPACK_STR && item.type != WF_MSGPACK_BIN) {
        return refuse_type(path, "a text or a binary", &item);
    }
    *out_value = item.as.bytes;
    return WEFT_OK;
}

weft_err
weft_payload_get_value(weft_bytes bytes, const char *path,
                       weft_bytes *out_value)
{
    struct wf_reader reader;

    wf_error_clear();
    WF_REQUIRE(out_value != NULL);

    weft_err err = seek(bytes, path, &reader);

    if (err == WEFT_OK) {
        const uint8_t *start = reader.at;

        if (wf_msgpack_skip(&reader)) {
            *out_value = weft_bytes_of(start, (size_t)(reader.at - start));
            return WEFT_OK;
        }
        err = WEFT_ECORRUPT;
    }
    return explain(err, path, bytes);
}

// Find a map or an array.
static weft_err
find_container(weft_bytes bytes, const char *path, struct wf_reader *out_reader,
               struct wf_msgpack_item *out_item)
{
    weft_err err = find_item(bytes, path, out_reader, out_item);

    if (err == WEFT_OK && out_item->type != WF_MSGPACK_MAP &&
        out_item->type != WF_MSGPACK_ARRAY) {
        return refuse_type(path, "a map or an array", out_item);
    }
    // Somebody may make room for so many.
    if (err == WEFT_OK && out_item->as.count > wf_reader_left(out_reader)) {
        return explain(WEFT_ECORRUPT, path, bytes);
    }
    return err;
}

weft_err
weft_payload_get_count(weft_bytes bytes, const char *path, size_t *out_count)
{
    struct wf_reader reader;
    struct wf_msgpack_item item = {0};
    weft_err err = find_container(bytes, path, &reader, &item);

    WF_REQUIRE(out_count != NULL);
    if (err == WEFT_OK) {
        *out_count = item.as.count;
    }
    return err;
}

int
weft_payload_has(weft_bytes bytes, const char *path)
{
    struct wf_reader reader;

    return seek(bytes, path, &reader) == WEFT_OK && wf_msgpack_skip(&reader);
}

weft_err
weft_payload_walk(weft_bytes bytes, const char *path,
                  weft_payload_entries *out_entries)
{
    struct wf_reader reader;
    struct wf_msgpack_item item = {0};
    weft_err err = find_container(bytes, path, &reader, &item);

    WF_REQUIRE(out_entries != NULL);
    if (err != WEFT_OK) {
        return err;
    }

    const uint8_t *start = reader.at;

    // Checked to its end here, so that weft_payload_next cannot fail.
    if (!wf_msgpack_skip_entries(&reader, &item)) {
        return explain(WEFT_ECORRUPT, path, bytes);
    }
    out_entries->rest = weft_bytes_of(start, (size_t)(reader.at - start));
    out_entries->left = item.as.count;
    out_entries->is_map = item.type == WF_MSGPACK_MAP;
    return WEFT_OK;
}

static weft_bytes
take_value(struct wf_reader *reader)
{
    const uint8_t *start = reader->at;

    if (!wf_msgpack_skip(reader)) {
        return weft_nothing();
    }
    return weft_bytes_of(start, (size_t)(reader->at - start));
}

int
weft_payload_next(weft_payload_entries *entries, weft_bytes *out_key,
                  weft_bytes *out_value)
{
    if (entries == NULL || entries->left == 0) {
        return 0;
    }

    struct wf_reader reader = wf_reader_of(entries->rest);
    weft_bytes key = weft_nothing();

    if (entries->is_map) {
        key = take_value(&reader);
    }

    weft_bytes value = take_value(&reader);

    if (reader.failed) {
        return 0; // not what weft_payload_walk gave
    }
    entries->rest = wf_reader_rest(&reader);
    entries->left--;
    if (out_key != NULL) {
        *out_key = key;
    }
    if (out_value != NULL) {
        *out_value = value;
    }
    return 1;
}

weft_err
weft_payload_check(weft_bytes bytes)
{
    wf_error_clear();

    struct wf_msgpack_shape shape = wf_msgpack_shape(bytes);

    if (shape.wrong != NULL) {
        return wf_error(WEFT_ECORRUPT, "payload, byte %zu of %zu: %s", shape.at,
                        bytes.len, shape.wrong);
    }
    return WEFT_OK;
}
