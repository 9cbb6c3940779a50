// SPDX-License-Identifier: Apache-2.0
//
// postgres_params.c - parameters as PostgreSQL's binary formats have them.
//
// An array is i32 dimensions, i32 flags, i32 type of its elements, i32 how
// many, i32 index of the first, then each with an i32 length before it.
//
// Threads: none of its own.

#include <string.h>

#include "base/assert.h"
#include "storage/postgres.h"

// OIDs of types, fixed for ever by pg_type.dat.
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_TEXT = 25,
    TYPE_BYTEA_ARRAY = 1001,
    TYPE_INT8_ARRAY = 1016,
};

void
wf_postgres_params_reset(struct wf_postgres_params *params)
{
    wf_buf_reset(&params->bytes);
    params->count = 0;
}

void
wf_postgres_params_fini(struct wf_postgres_params *params)
{
    wf_buf_fini(&params->bytes);
    params->count = 0;
}

static void
open_item(struct wf_postgres_params *params, uint32_t type)
{
    WF_ASSERT(params->count < WF_POSTGRES_PARAMS_MAX);
    params->items[params->count].type = type;
    params->items[params->count].is_null = false;
    params->items[params->count].at = params->bytes.len;
    params->items[params->count].len = 0;
    params->count++;
}

// What was put since it was opened is its value.
static void
extend_item(struct wf_postgres_params *params)
{
    WF_ASSERT(params->count > 0);
    params->items[params->count - 1].len =
        params->bytes.len - params->items[params->count - 1].at;
}

void
wf_postgres_put_number(struct wf_postgres_params *params, uint64_t value)
{
    open_item(params, TYPE_INT8);
    wf_buf_put_u64(&params->bytes, value);
    extend_item(params);
}

void
wf_postgres_put_flag(struct wf_postgres_params *params, bool value)
{
    open_item(params, TYPE_BOOL);
    wf_buf_put_u8(&params->bytes, value);
    extend_item(params);
}

void
wf_postgres_put_text(struct wf_postgres_params *params, const char *text)
{
    open_item(params, TYPE_TEXT);
    params->items[params->count - 1].is_null = text == NULL;
    if (text != NULL) {
        wf_buf_put(&params->bytes, text, strlen(text));
    }
    extend_item(params);
}

void
wf_postgres_put_bytes(struct wf_postgres_params *params, weft_bytes bytes)
{
    open_item(params, TYPE_BYTEA);
    wf_buf_put(&params->bytes, bytes.data, bytes.len);
    extend_item(params);
}

static void
open_array(struct wf_postgres_params *params, uint32_t type,
           uint32_t element_type, uint32_t count)
{
    open_item(params, type);
    wf_buf_put_u32(&params->bytes, 1);
    wf_buf_put_u32(&params->bytes, 0);
    wf_buf_put_u32(&params->bytes, element_type);
    wf_buf_put_u32(&params->bytes, count);
    wf_buf_put_u32(&params->bytes, 1);
    extend_item(params);
}

void
wf_postgres_open_numbers(struct wf_postgres_params *params, uint32_t count)
{
    open_array(params, TYPE_INT8_ARRAY, TYPE_INT8, count);
}

void
wf_postgres_add_number(struct wf_postgres_params *params, uint64_t value)
{
    wf_buf_put_u32(&params->bytes, sizeof(value));
    wf_buf_put_u64(&params->bytes, value);
    extend_item(params);
}

void
wf_postgres_open_byteas(struct wf_postgres_params *params, uint32_t count)
{
    open_array(params, TYPE_BYTEA_ARRAY, TYPE_BYTEA, count);
}

void
wf_postgres_add_bytes(struct wf_postgres_params *params, weft_bytes bytes)
{
    wf_buf_put_u32(&params->bytes, (uint32_t)bytes.len);
    wf_buf_put(&params->bytes, bytes.data, bytes.len);
    extend_item(params);
}
