// SPDX-License-Identifier: Apache-2.0
//
// key.c - actors' names.
//
// A key is one allocation, "namespace NUL kind NUL id NUL". NUL cannot be in a
// part and is less than any byte that can, so comparing whole keys as bytes
// compares part by part.
//
// Threads: any; a key does not change once made.

#include "base/key.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

static bool
has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
is_part(const char *text, size_t len, size_t len_max)
{
    return len > 0 && len <= len_max && !has_control(text, len);
}

weft_err
wf_name_check(const char *what, const char *text, size_t len_max)
{
    size_t len = text == NULL ? 0 : strnlen(text, len_max + 1);

    if (len == 0) {
        return wf_error(WEFT_EINVAL, "%s is missing", what);
    }
    if (len > len_max) {
        return wf_error(WEFT_ETOOBIG, "%s is longer than %zu bytes: \"%.40s...",
                        what, len_max, text);
    }
    if (has_control(text, len)) {
        return wf_error(WEFT_EINVAL, "%s has a control character", what);
    }
    return WEFT_OK;
}

// The key in `text`, which has its NULs and is now the key's.
static struct wf_key
key_of(char *text, size_t namespace_len, size_t kind_len, size_t id_len)
{
    size_t kind_at = namespace_len + 1;
    size_t id_at = kind_at + kind_len + 1;

    WF_ASSERT(id_at + id_len <= WF_KEY_BYTES_MAX);
    return (struct wf_key){
        .text = text,
        .len = (uint16_t)(id_at + id_len),
        .kind_at = (uint16_t)kind_at,
        .id_at = (uint16_t)id_at,
    };
}

weft_err
wf_key_make(const char *name_space, const char *kind, const char *id,
            struct wf_key *out_key)
{
    struct wf_buf buf = {0};
    weft_err err;

    err = wf_name_check("the namespace", name_space, WF_NAMESPACE_BYTES_MAX);
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_name_check("the kind", kind, WF_KIND_BYTES_MAX);
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_name_check("the id", id, WF_ID_BYTES_MAX);
    if (err != WEFT_OK) {
        return err;
    }
    wf_buf_put(&buf, name_space, strlen(name_space) + 1);
    wf_buf_put(&buf, kind, strlen(kind) + 1);
    wf_buf_put(&buf, id, strlen(id) + 1);
    *out_key =
        key_of((char *)buf.data, strlen(name_space), strlen(kind), strlen(id));
    return WEFT_OK;
}

struct wf_key
wf_key_copy(const struct wf_key *key)
{
    struct wf_key copy = *key;

    if (key->text != NULL) {
        copy.text = wf_memdup(key->text, (size_t)key->len + 1);
    }
    return copy;
}

void
wf_key_fini(struct wf_key *key)
{
    // Made here, so not const memory; the pointer is const for the readers.
    wf_free((char *)(uintptr_t)key->text);
    *key = (struct wf_key){0};
}

bool
wf_key_decode(weft_bytes bytes, struct wf_key *out_key)
{
    const char *text = bytes.data;
    size_t namespace_len;
    size_t kind_len;
    size_t id_len;
    char *copy;

    if (bytes.len == 0 || bytes.len > WF_KEY_BYTES_MAX) {
        return false;
    }
    namespace_len = strnlen(text, bytes.len);
    if (namespace_len == bytes.len) {
        return false;
    }
    kind_len = strnlen(text + namespace_len + 1, bytes.len - namespace_len - 1);
    if (namespace_len + 1 + kind_len == bytes.len) {
        return false;
    }
    // A third NUL would be in the id, and is a control character there.
    id_len = bytes.len - namespace_len - kind_len - 2;
    if (!is_part(text, namespace_len, WF_NAMESPACE_BYTES_MAX) ||
        !is_part(text + namespace_len + 1, kind_len, WF_KIND_BYTES_MAX) ||
        !is_part(text + bytes.len - id_len, id_len, WF_ID_BYTES_MAX)) {
        return false;
    }
    copy = wf_alloc(bytes.len + 1);
    memcpy(copy, text, bytes.len);
    copy[bytes.len] = '\0';
    *out_key = key_of(copy, namespace_len, kind_len, id_len);
    return true;
}

bool
wf_key_equal(const struct wf_key *a, const struct wf_key *b)
{
    return wf_bytes_equal(wf_key_bytes(a), wf_key_bytes(b));
}

uint64_t
wf_key_hash(const struct wf_key *key)
{
    return wf_hash64(key->text, key->len, 0);
}

uint32_t
wf_key_partition(const struct wf_key *key, uint32_t count)
{
    return wf_key_partition_of(wf_key_namespace(key), wf_key_id(key), count);
}

uint32_t
wf_key_partition_of(const char *name_space, const char *id, uint32_t count)
{
    uint64_t hash;

    WF_ASSERT(count > 0);
    // Two hashes, one seeding the other: no place to put the two side by side
    // is needed, and "a", "bc" differs from "ab", "c".
    hash = wf_hash64(name_space, strlen(name_space), 0);
    hash = wf_hash64(id, strcspn(id, "/"), hash);
    return (uint32_t)(hash % count);
}

const char *
wf_key_path(const struct wf_key *key, char *buf)
{
    WF_ASSERT(key->len <= WF_KEY_BYTES_MAX);
    memcpy(buf, key->text, (size_t)key->len + 1);
    buf[key->kind_at - 1] = '/';
    buf[key->id_at - 1] = '/';
    return buf;
}

const char *
wf_key_show(const struct wf_key *key, char *buf, size_t size)
{
    const char *space = wf_key_namespace(key);
    bool is_default = strcmp(space, "default") == 0;
    int len;

    WF_ASSERT(size > 3);
    len = snprintf(buf, size, "%s%s%s/%s", is_default ? "" : space,
                   is_default ? "" : ":", wf_key_kind(key), wf_key_id(key));
    if (len < 0 || (size_t)len >= size) {
        memcpy(buf + size - 4, "...", 4);
    }
    return buf;
}
