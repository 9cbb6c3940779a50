// SPDX-License-Identifier: Apache-2.0
//
// load.c - answer a partition's question from its store.
//
// Get and scan are two reads; the store may change between them. The partition
// knows: it captures what it had in memory when it asked (load->captured).
//
// Threads: whoever holds the load.

#include "runtime/load.h"

#include <string.h>

#include "base/alloc.h"
#include "storage/store.h"

struct wf_load *
wf_load_create(void)
{
    struct wf_load *load = wf_calloc(sizeof(*load));

    wf_list_init(&load->captured);
    return load;
}

void
wf_load_destroy(struct wf_load *load)
{
    if (load == NULL) {
        return;
    }
    // What was captured is the partition's; only it knows what that is.
    wf_buf_fini(&load->key);
    wf_buf_fini(&load->from);
    wf_buf_fini(&load->to);
    wf_buf_fini(&load->value);
    wf_buf_fini(&load->rows);
    wf_buf_fini(&load->why);
    wf_free(load);
}

const char *
wf_load_why(const struct wf_load *load)
{
    return load->why.len > 0 ? (const char *)load->why.data
                             : weft_err_text(load->err);
}

static bool
add_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct wf_load *load = ctx;

    if ((load->limit != 0 && load->rows_count == load->limit) ||
        (load->limit_bytes != 0 && load->rows_count >= load->least &&
         load->rows.len >= load->limit_bytes)) {
        load->is_more = true;
        return false;
    }
    wf_buf_put_bytes(&load->rows, key);
    wf_buf_put_bytes(&load->rows, value);
    load->rows_count++;
    return true;
}

static weft_err
scan(struct wf_load *load, const struct wf_store *store)
{
    return store->ops->scan(store->self, WF_CF_DATA, wf_buf_bytes(&load->from),
                            wf_buf_bytes(&load->to), add_row, load);
}

static weft_err
get(struct wf_load *load, const struct wf_store *store)
{
    weft_err err = store->ops->get(store->self, WF_CF_DATA,
                                   wf_buf_bytes(&load->key), &load->value);

    if (err == WEFT_ENOTFOUND) {
        return WEFT_OK; // an answer
    }
    if (err != WEFT_OK) {
        return err;
    }
    load->is_found = true;
    // An image that keeps nothing elsewhere, as most do, costs one read.
    if (load->value.len == 0 ||
        (load->value.data[0] & WF_IMAGE_HAS_ITEMS) == 0) {
        return WEFT_OK;
    }
    return scan(load, store);
}

void
wf_load_answer(struct wf_load *load, const struct wf_store *store)
{
    // It may have been answered before, by a store that then failed.
    load->is_found = false;
    load->is_more = false;
    load->rows_count = 0;
    wf_buf_reset(&load->value);
    wf_buf_reset(&load->rows);
    wf_buf_reset(&load->why);
    load->err = load->key.len > 0 ? get(load, store) : scan(load, store);
    if (load->err != WEFT_OK) {
        const char *why = weft_err_detail();

        wf_buf_put(&load->why, why, strlen(why) + 1);
    }
}
