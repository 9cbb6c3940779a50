// SPDX-License-Identifier: Apache-2.0
//
// recovery.c - the meta row, then the ranges of rows that are read whole.

#include "runtime/recovery.h"

#include "runtime/partition.h"
#include "storage/keys.h"
#include "storage/store.h"

struct reading {
    struct wf_partition *partition;
    weft_err err;
};

static weft_err
read_meta(const struct wf_store *store, uint32_t index,
          struct wf_partition *partition)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    weft_err err;

    wf_keys_partition(&key, index);
    err = store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), &value);
    if (err == WEFT_ENOTFOUND) {
        err = WEFT_OK;
    } else if (err == WEFT_OK) {
        err = wf_partition_recover_meta(partition, wf_buf_bytes(&value));
    }
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    return err;
}

static bool
give_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct reading *reading = ctx;

    reading->err = wf_partition_recover_row(reading->partition, key, value);
    return reading->err == WEFT_OK;
}

static weft_err
read_range(const struct wf_store *store, char kind, uint32_t index,
           struct wf_partition *partition)
{
    struct reading reading = {.partition = partition};
    struct wf_buf from = {0};
    struct wf_buf to = {0};
    weft_err err;

    wf_keys_range(&from, kind, index);
    wf_keys_after(&to, wf_buf_bytes(&from));
    err = store->ops->scan(store->self, WF_CF_DATA, wf_buf_bytes(&from),
                           wf_buf_bytes(&to), give_row, &reading);
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    return err == WEFT_OK ? reading.err : err;
}

weft_err
wf_recovery_read(const struct wf_store *store, uint32_t index,
                 struct wf_partition *partition)
{
    static const char kinds[] = {WF_KEY_LINK, WF_KEY_OUTBOX, WF_KEY_WINDOW};
    weft_err err = read_meta(store, index, partition);

    for (size_t i = 0; err == WEFT_OK && i < sizeof(kinds); i++) {
        err = read_range(store, kinds[i], index, partition);
    }
    return err;
}
