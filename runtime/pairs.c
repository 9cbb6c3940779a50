// SPDX-License-Identifier: Apache-2.0
//
// pairs.c - see pairs.h.

#include "runtime/pairs.h"

#include "base/error.h"
#include "base/key.h"
#include "base/limits.h"

#define TOO_BIG "%s: over %zu bytes in all"

static bool
read_pair(struct wf_reader *reader, weft_pair *out_pair)
{
    weft_bytes name = wf_reader_bytes(reader);
    weft_bytes value = wf_reader_bytes(reader);

    if (reader->failed || name.len == 0 ||
        memchr(name.data, '\0', name.len) !=
            (const char *)name.data + name.len - 1) {
        return false;
    }
    *out_pair = (weft_pair){.name = name.data, .value = value};
    return true;
}

int
weft_pairs_next(weft_bytes *pairs, weft_pair *out_pair)
{
    struct wf_reader reader;

    if (pairs == NULL || out_pair == NULL) {
        return 0;
    }
    reader = wf_reader_of(*pairs);
    if (pairs->len == 0 || !read_pair(&reader, out_pair)) {
        *pairs = weft_nothing();
        return 0;
    }
    *pairs = wf_reader_rest(&reader);
    return 1;
}

weft_bytes
weft_pairs_get(weft_bytes pairs, const char *name)
{
    weft_pair pair;

    while (name != NULL && weft_pairs_next(&pairs, &pair)) {
        if (strcmp(pair.name, name) == 0) {
            return pair.value;
        }
    }
    return weft_nothing();
}

bool
wf_pairs_check(weft_bytes pairs)
{
    struct wf_reader reader = wf_reader_of(pairs);
    weft_pair pair;

    while (wf_reader_left(&reader) > 0) {
        if (!read_pair(&reader, &pair)) {
            return false;
        }
    }
    return true;
}

static bool
is_repeated(const weft_pair *pairs, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(pairs[i].name, pairs[at].name) == 0) {
            return true;
        }
    }
    return false;
}

void
wf_pairs_put(const weft_pair *pair, struct wf_buf *out_bytes)
{
    wf_buf_put_bytes(out_bytes,
                     weft_bytes_of(pair->name, strlen(pair->name) + 1));
    wf_buf_put_bytes(out_bytes, pair->value);
}

weft_err
wf_pairs_encode(const char *what, const weft_pair *pairs, size_t count,
                size_t bytes_max, struct wf_buf *out_bytes)
{
    size_t before = out_bytes->len;

    if (count > 0 && pairs == NULL) {
        return wf_error(WEFT_EINVAL, "%s: a count and no names", what);
    }
    for (size_t i = 0; i < count; i++) {
        weft_err err = wf_name_check(what, pairs[i].name, WF_NAME_BYTES_MAX);

        if (err != WEFT_OK) {
            return err;
        }
        if (is_repeated(pairs, i)) {
            return wf_error(WEFT_EINVAL, "%s: %s is given twice", what,
                            pairs[i].name);
        }
        if (pairs[i].value.len > 0 && pairs[i].value.data == NULL) {
            return wf_error(WEFT_EINVAL, "%s: %s has a length and no bytes",
                            what, pairs[i].name);
        }
        if (pairs[i].value.len <= bytes_max) {
            wf_pairs_put(&pairs[i], out_bytes);
        }
        if (pairs[i].value.len > bytes_max ||
            out_bytes->len - before > bytes_max) {
            return wf_error(WEFT_ETOOBIG, TOO_BIG, what, bytes_max);
        }
    }
    return WEFT_OK;
}

weft_err
wf_pairs_set(const char *what, weft_bytes pairs, const char *name,
             weft_bytes value, size_t bytes_max, struct wf_buf *out_bytes)
{
    weft_err err = wf_name_check(what, name, WF_NAME_BYTES_MAX);
    weft_pair pair;

    if (err == WEFT_OK && value.len > bytes_max) {
        return wf_error(WEFT_ETOOBIG, TOO_BIG, what, bytes_max);
    }
    while (err == WEFT_OK && weft_pairs_next(&pairs, &pair)) {
        if (strcmp(pair.name, name) != 0) {
            wf_pairs_put(&pair, out_bytes);
        }
    }
    if (err == WEFT_OK && value.len > 0) {
        wf_pairs_put(&(weft_pair){.name = name, .value = value}, out_bytes);
    }
    return err == WEFT_OK && out_bytes->len > bytes_max
               ? wf_error(WEFT_ETOOBIG, TOO_BIG, what, bytes_max)
               : err;
}
