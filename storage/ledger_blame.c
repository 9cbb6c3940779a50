// SPDX-License-Identifier: Apache-2.0
//
// ledger_blame.c - actors in whose code a process of this node ended. They stay
// with this node: its partitions were its own when that was.

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/ledger_impl.h"

weft_err
wf_ledger_blame(void *self, const struct wf_shared_blame *blame)
{
    struct wf_ledger *ledger = self;
    struct wf_store *store = &ledger->store;
    struct wf_batch batch = {0};
    struct wf_buf key = {0};
    struct wf_buf row = {0};
    weft_err err;

    WF_ASSERT(blame->partition < ledger->partition_count);
    wf_buf_put_u8(&key, 'b');
    wf_buf_put_u16(&key, (uint16_t)blame->partition);
    wf_buf_put_u64(&key, blame->at_ms);
    wf_buf_put(&key, blame->key.data, blame->key.len);
    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    if (err == WEFT_OK) {
        err =
            store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), &row);
    }
    if (err == WEFT_ENOTFOUND) {
        wf_buf_reset(&row);
        wf_buf_put_u64(&row, 0); // the epoch in which it was told
        wf_buf_put(&row, blame->how, strlen(blame->how));
        wf_batch_put(&batch, WF_CF_META, wf_buf_bytes(&key),
                     wf_buf_bytes(&row));
        err = wf_ledger_write(ledger, &batch);
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
    wf_buf_fini(&row);
    return err;
}

// A walk over the rows of one partition.
struct telling {
    uint64_t epoch;     // of now
    uint64_t reflected; // newest that the log has begun
    struct wf_batch batch;
    wf_shared_blame_fn *fn;
    void *ctx;
};

static bool
tell(void *ctx, weft_bytes key, weft_bytes row)
{
    struct telling *telling = ctx;
    struct wf_reader actor = wf_reader_of(key);
    struct wf_reader reader = wf_reader_of(row);
    uint64_t told = wf_reader_u64(&reader);
    weft_bytes how = wf_reader_rest(&reader);
    struct wf_buf text = {0};

    (void)wf_reader_take(&actor, 1 + sizeof(uint16_t) + sizeof(uint64_t));
    if (told != 0 && told <= telling->reflected) {
        wf_batch_delete(&telling->batch, WF_CF_META, key);
        return true;
    }
    wf_buf_put(&text, how.data, how.len);
    wf_buf_put_u8(&text, 0);
    telling->fn(telling->ctx, wf_reader_rest(&actor), (const char *)text.data);
    wf_buf_reset(&text);
    wf_buf_put_u64(&text, telling->epoch);
    wf_buf_put(&text, how.data, how.len);
    wf_batch_put(&telling->batch, WF_CF_META, key, wf_buf_bytes(&text));
    wf_buf_fini(&text);
    return true;
}

weft_err
wf_ledger_blames(void *self, uint32_t partition, uint64_t reflected,
                 wf_shared_blame_fn *fn, void *ctx)
{
    struct wf_ledger *ledger = self;
    struct wf_store *store = &ledger->store;
    struct telling telling = {.reflected = reflected, .fn = fn, .ctx = ctx};
    struct wf_buf begin = {0};
    struct wf_buf end = {0};
    weft_err err;

    WF_ASSERT(partition < ledger->partition_count);
    wf_buf_put_u8(&begin, 'b');
    wf_buf_put_u16(&begin, (uint16_t)partition);
    wf_buf_put_u8(&end, 'b');
    wf_buf_put_u16(&end, (uint16_t)(partition + 1));
    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    telling.epoch = ledger->places[partition].part.epoch;
    if (err == WEFT_OK) {
        err = store->ops->scan(store->self, WF_CF_META, wf_buf_bytes(&begin),
                               wf_buf_bytes(&end), tell, &telling);
    }
    if (err == WEFT_OK && telling.batch.count > 0) {
        err = wf_ledger_write(ledger, &telling.batch);
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&telling.batch);
    wf_buf_fini(&begin);
    wf_buf_fini(&end);
    return err;
}
