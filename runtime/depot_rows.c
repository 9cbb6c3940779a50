// SPDX-License-Identifier: Apache-2.0
//
// depot_rows.c - what a store says it is, in rows of its own.
//
// Format, id, its place among the stores, and the counts that the layout of all
// keys depends on ("s" in storage/keys.h). They are written once, when the
// store is founded, and compared at every open.
//
// Threads: whoever opens the depot.

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "runtime/depot.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/store.h"

static void
put_row(struct wf_batch *batch, const char *name, const void *value, size_t len)
{
    struct wf_buf key = {0};

    wf_keys_store(&key, name);
    wf_batch_put(batch, WF_CF_META, wf_buf_bytes(&key),
                 weft_bytes_of(value, len));
    wf_buf_fini(&key);
}

static void
put_number(struct wf_batch *batch, const char *name, uint64_t number)
{
    struct wf_buf value = {0};

    wf_buf_put_u64(&value, number);
    put_row(batch, name, value.data, value.len);
    wf_buf_fini(&value);
}

weft_err
wf_depot_found(struct wf_depot *depot, const uint8_t id[16])
{
    const struct wf_depot_options *options = &depot->options;
    const struct wf_clock *clock = &options->clock;
    struct wf_batch batch = {0};
    weft_err err;

    WF_ASSERT(depot->is_new);
    put_number(&batch, "format", WF_DEPOT_FORMAT);
    put_row(&batch, "id", id, 16);
    put_number(&batch, "index", options->index);
    put_number(&batch, "stores", options->count);
    put_number(&batch, "partitions", options->partition_count);
    put_number(&batch, "created_at", clock->wall_ms(clock->self));
    err = depot->store->ops->write(depot->store->self, &batch, true);
    wf_batch_fini(&batch);
    if (err == WEFT_OK) {
        memcpy(depot->id, id, sizeof(depot->id));
        depot->is_new = false;
    }
    return err;
}

static weft_err
get_row(struct wf_depot *depot, const char *name, struct wf_buf *out_value)
{
    struct wf_buf key = {0};
    weft_err err;

    wf_keys_store(&key, name);
    err = depot->store->ops->get(depot->store->self, WF_CF_META,
                                 wf_buf_bytes(&key), out_value);
    wf_buf_fini(&key);
    return err;
}

static weft_err
check_number(struct wf_depot *depot, const char *name, uint64_t expected)
{
    struct wf_buf value = {0};
    struct wf_reader reader;
    uint64_t number = 0;
    weft_err err = get_row(depot, name, &value);

    if (err == WEFT_OK) {
        reader = wf_reader_of(wf_buf_bytes(&value));
        number = wf_reader_u64(&reader);
        if (reader.failed) {
            err = WEFT_ENOTFOUND;
        }
    }
    wf_buf_fini(&value);
    if (err == WEFT_ENOTFOUND) {
        return wf_error(WEFT_ECORRUPT, "%s: it does not say its %s",
                        depot->name, name);
    }
    if (err == WEFT_OK && number != expected) {
        return wf_error(WEFT_EFORMAT,
                        "%s: its %s is %" PRIu64 ", and %" PRIu64
                        " was asked for",
                        depot->name, name, number, expected);
    }
    return err;
}

weft_err
wf_depot_check_rows(struct wf_depot *depot)
{
    struct wf_log *log = depot->log;
    struct wf_buf id = {0};
    weft_err err = get_row(depot, "format", &id);

    depot->is_new = err == WEFT_ENOTFOUND;
    if (depot->is_new) {
        // A shared log, which is opened later, may be ahead of its stores.
        err = log == NULL || log->ops->last(log->self) == 0
                  ? WEFT_OK
                  : wf_error(WEFT_ECORRUPT, "%s: it has commits and no format",
                             depot->name);
        goto out;
    }
    if (err == WEFT_OK) {
        err = check_number(depot, "format", WF_DEPOT_FORMAT);
    }
    if (err == WEFT_OK) {
        err = check_number(depot, "partitions", depot->options.partition_count);
    }
    if (err == WEFT_OK) {
        err = check_number(depot, "stores", depot->options.count);
    }
    if (err == WEFT_OK) {
        err = check_number(depot, "index", depot->options.index);
    }
    if (err != WEFT_OK) {
        goto out;
    }
    err = get_row(depot, "id", &id);
    if (err == WEFT_ENOTFOUND || (err == WEFT_OK && id.len != 16)) {
        err = wf_error(WEFT_ECORRUPT, "%s: it has no id", depot->name);
    }
    if (err == WEFT_OK) {
        memcpy(depot->id, id.data, sizeof(depot->id));
    }

out:
    wf_buf_fini(&id);
    return err;
}
