// SPDX-License-Identifier: Apache-2.0
//
// payload.c - write one msgpack value, call by call.
//
// msgpack-c writes the bytes. What is added here is the bookkeeping that makes
// them one whole value: left[] holds, for each map and array that is open, how
// many values it still lacks. The last one closes it, and thereby counts for
// the container around it; the payload is whole when the root is.
//
// Threads: one payload, one thread.

#include "runtime/payload.h"

#include <msgpack/pack.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/msgpack.h"

#define FIRST_BYTES 256

// I1  err == WEFT_OK or detail says why not
// I2  left[0 .. depth) are all at least 1
// I3  is_whole implies depth == 0
struct weft_payload {
    msgpack_packer packer; // calls append
    uint8_t *data;         // NULL while cap is 0
    size_t len;
    size_t cap;
    uint64_t left[WF_MSGPACK_DEPTH_MAX];
    uint32_t depth;
    bool is_whole;
    weft_err err;
    char detail[160];
};

void
wf_payload_fail(weft_payload *payload, weft_err err, const char *format, ...)
{
    va_list args;

    if (payload == NULL || payload->err != WEFT_OK) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(payload->detail, sizeof(payload->detail), format, args);
    va_end(args);
    payload->err = err;
}

weft_err
wf_payload_failure(const weft_payload *payload)
{
    if (payload->err == WEFT_OK) {
        return WEFT_OK;
    }
    return wf_error(payload->err, "%s", payload->detail);
}

static bool
reserve(weft_payload *payload, size_t more)
{
    if (more > WF_PAYLOAD_BYTES_MAX - payload->len) {
        wf_payload_fail(payload, WEFT_ETOOBIG, "a payload has at most %u bytes",
                        WF_PAYLOAD_BYTES_MAX);
        return false;
    }
    if (more <= payload->cap - payload->len) {
        return true;
    }

    size_t cap = payload->cap == 0 ? FIRST_BYTES : payload->cap;

    while (cap < payload->len + more) {
        cap *= 2;
    }

    uint8_t *data = wf_try_alloc(cap);

    if (data == NULL) {
        wf_payload_fail(payload, WEFT_ENOMEM, "a payload of %zu bytes", cap);
        return false;
    }
    if (payload->len > 0) {
        memcpy(data, payload->data, payload->len);
    }
    wf_free(payload->data);
    payload->data = data;
    payload->cap = cap;
    return true;
}

// What msgpack-c calls with each piece; nonzero stops it.
static int
append(void *ctx, const char *bytes, size_t len)
{
    weft_payload *payload = ctx;

    if (!reserve(payload, len)) {
        return -1;
    }
    if (len > 0) {
        memcpy(payload->data + payload->len, bytes, len);
        payload->len += len;
    }
    return 0;
}

// Before a value is written: is there a place for it?
static bool
begin_value(weft_payload *payload)
{
    if (payload == NULL) {
        return false; // weft_payload_error tells it
    }
    if (payload->is_whole) {
        wf_payload_fail(payload, WEFT_EINVAL,
                        "a payload is one value, and has it: "
                        "begin with a map or an array for more");
    }
    return payload->err == WEFT_OK;
}

// After a value: it may have been the last one of what is around it.
static void
end_value(weft_payload *payload)
{
    if (payload->err != WEFT_OK) {
        return;
    }
    while (payload->depth > 0) {
        payload->left[payload->depth - 1]--;
        if (payload->left[payload->depth - 1] > 0) {
            return;
        }
        payload->depth--;
    }
    payload->is_whole = true;
}

// After the head of a map or an array that takes so many values.
static void
open_container(weft_payload *payload, uint64_t value_count)
{
    if (payload->err != WEFT_OK) {
        return;
    }
    if (payload->depth == WF_MSGPACK_DEPTH_MAX) {
        wf_payload_fail(payload, WEFT_ETOOBIG,
                        "a payload is nested at most %d deep",
                        WF_MSGPACK_DEPTH_MAX);
        return;
    }
    if (value_count == 0) {
        end_value(payload);
        return;
    }
    payload->left[payload->depth++] = value_count;
}

// Each value takes a byte at least, so no larger count can ever be filled.
static bool
begin_container(weft_payload *payload, size_t count)
{
    if (!begin_value(payload)) {
        return false;
    }
    if (count > WF_PAYLOAD_BYTES_MAX) {
        wf_payload_fail(payload, WEFT_ETOOBIG,
                        "%zu entries are more than a payload holds", count);
        return false;
    }
    return true;
}

weft_err
weft_payload_create(weft_payload **out_payload)
{
    wf_error_clear();
    WF_REQUIRE(out_payload != NULL);

    weft_payload *payload = wf_try_alloc(sizeof(*payload));

    if (payload == NULL) {
        return wf_error(WEFT_ENOMEM, "a payload");
    }
    payload->data = NULL;
    payload->cap = 0;
    msgpack_packer_init(&payload->packer, payload, append);
    weft_payload_reset(payload);
    *out_payload = payload;
    return WEFT_OK;
}

void
weft_payload_destroy(weft_payload *payload)
{
    if (payload != NULL) {
        wf_free(payload->data);
        wf_free(payload);
    }
}

void
weft_payload_reset(weft_payload *payload)
{
    if (payload == NULL) {
        return;
    }
    payload->len = 0;
    payload->depth = 0;
    payload->is_whole = false;
    payload->err = WEFT_OK;
    payload->detail[0] = '\0';
}

weft_bytes
weft_payload_bytes(const weft_payload *payload)
{
    if (payload == NULL || payload->err != WEFT_OK || !payload->is_whole) {
        return weft_nothing();
    }
    return weft_bytes_of(payload->data, payload->len);
}

weft_err
weft_payload_error(const weft_payload *payload)
{
    wf_error_clear();
    WF_REQUIRE(payload != NULL);
    if (payload->err == WEFT_OK && payload->depth > 0) {
        unsigned long long left = payload->left[payload->depth - 1];

        return wf_error(WEFT_EINVAL,
                        "the payload is unfinished: %llu more values are due "
                        "in the map or array at depth %u",
                        left, payload->depth);
    }
    return wf_payload_failure(payload);
}

// msgpack-c's results are not looked at below: it fails only where append
// does, and that has kept the error.

void
weft_payload_map(weft_payload *payload, size_t count)
{
    if (begin_container(payload, count)) {
        (void)msgpack_pack_map(&payload->packer, count);
        open_container(payload, 2 * (uint64_t)count);
    }
}

void
weft_payload_array(weft_payload *payload, size_t count)
{
    if (begin_container(payload, count)) {
        (void)msgpack_pack_array(&payload->packer, count);
        open_container(payload, count);
    }
}

void
weft_payload_text(weft_payload *payload, const char *text)
{
    if (text == NULL) {
        weft_payload_nil(payload);
    } else {
        weft_payload_str(payload, text, strlen(text));
    }
}

// Whether a value of so many bytes may be written; msgpack-c would cut a
// length of more than 32 bits.
static bool
begin_bytes(weft_payload *payload, const void *bytes, size_t len)
{
    if (bytes == NULL && len > 0) {
        wf_payload_fail(payload, WEFT_EINVAL, "%zu bytes at NULL", len);
    }
    return begin_value(payload) && reserve(payload, len);
}

void
weft_payload_str(weft_payload *payload, const char *text, size_t text_len)
{
    if (begin_bytes(payload, text, text_len)) {
        (void)msgpack_pack_str_with_body(&payload->packer, text, text_len);
        end_value(payload);
    }
}

void
weft_payload_bin(weft_payload *payload, const void *bytes, size_t bytes_len)
{
    if (begin_bytes(payload, bytes, bytes_len)) {
        (void)msgpack_pack_bin_with_body(&payload->packer, bytes, bytes_len);
        end_value(payload);
    }
}

void
weft_payload_ext(weft_payload *payload, int8_t type, const void *bytes,
                 size_t bytes_len)
{
    if (begin_bytes(payload, bytes, bytes_len)) {
        (void)msgpack_pack_ext_with_body(&payload->packer, bytes, bytes_len,
                                         type);
        end_value(payload);
    }
}

void
weft_payload_int(weft_payload *payload, int64_t value)
{
    if (begin_value(payload)) {
        (void)msgpack_pack_int64(&payload->packer, value);
        end_value(payload);
    }
}

void
weft_payload_uint(weft_payload *payload, uint64_t value)
{
    if (begin_value(payload)) {
        (void)msgpack_pack_uint64(&payload->packer, value);
        end_value(payload);
    }
}

void
weft_payload_double(weft_payload *payload, double value)
{
    if (begin_value(payload)) {
        (void)msgpack_pack_double(&payload->packer, value);
        end_value(payload);
    }
}

void
weft_payload_bool(weft_payload *payload, int value)
{
    if (begin_value(payload)) {
        (void)(value ? msgpack_pack_true(&payload->packer)
                     : msgpack_pack_false(&payload->packer));
        end_value(payload);
    }
}

void
weft_payload_nil(weft_payload *payload)
{
    if (begin_value(payload)) {
        (void)msgpack_pack_nil(&payload->packer);
        end_value(payload);
    }
}

void
weft_payload_value(weft_payload *payload, weft_bytes value)
{
    if (!begin_value(payload)) {
        return;
    }

    struct wf_msgpack_shape shape = wf_msgpack_shape(value);

    if (shape.wrong != NULL) {
        wf_payload_fail(payload, WEFT_ECORRUPT,
                        "a value to embed, byte %zu: %s", shape.at,
                        shape.wrong);
        return;
    }
    if (payload->depth + shape.depth > WF_MSGPACK_DEPTH_MAX) {
        wf_payload_fail(payload, WEFT_ETOOBIG,
                        "a payload is nested at most %d deep",
                        WF_MSGPACK_DEPTH_MAX);
        return;
    }
    (void)append(payload, value.data, value.len);
    end_value(payload);
}
