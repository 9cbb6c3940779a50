// SPDX-License-Identifier: Apache-2.0
//
// batch.c - a flat list of changes, made together by a store.
//
// One operation is: u8 operation, u8 column family, varint and key, varint and
// value. Nothing of this reaches a disk: a store builds its own batch from the
// list, so that no store's format is ever passed on, or read from outside.
//
// Threads: none of its own; a batch belongs to one thread at a time.

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "storage/batch_impl.h"
#include "storage/store.h"

// Besides key and value: two bytes and two varints.
#define OP_BYTES_MAX (2 + 2 * 10)

static void
begin_op(struct wf_batch *batch, enum wf_batch_op op, enum wf_cf cf,
         size_t body_len)
{
    WF_ASSERT(cf < WF_CF_COUNT);

    wf_buf_reserve(&batch->ops, OP_BYTES_MAX + body_len);
    wf_buf_put_u8(&batch->ops, (uint8_t)op);
    wf_buf_put_u8(&batch->ops, (uint8_t)cf);
    batch->count++;
}

void
wf_batch_fini(struct wf_batch *batch)
{
    wf_buf_fini(&batch->ops);
    batch->count = 0;
}

void
wf_batch_recycle(struct wf_batch *batch, size_t keep_bytes)
{
    wf_buf_recycle(&batch->ops, keep_bytes);
    batch->count = 0;
}

void
wf_batch_reset(struct wf_batch *batch)
{
    wf_buf_reset(&batch->ops);
    batch->count = 0;
}

void
wf_batch_put(struct wf_batch *batch, enum wf_cf cf, weft_bytes key,
             weft_bytes value)
{
    wf_batch_put_parts(batch, cf, key, value, weft_nothing());
}

void
wf_batch_put_parts(struct wf_batch *batch, enum wf_cf cf, weft_bytes key,
                   weft_bytes head, weft_bytes tail)
{
    WF_ASSERT(key.len > 0);

    begin_op(batch, WF_BATCH_PUT, cf, key.len + head.len + tail.len);
    wf_buf_put_bytes(&batch->ops, key);
    wf_buf_put_varint(&batch->ops, (uint64_t)head.len + tail.len);
    wf_buf_put(&batch->ops, head.data, head.len);
    wf_buf_put(&batch->ops, tail.data, tail.len);
}

void
wf_batch_delete(struct wf_batch *batch, enum wf_cf cf, weft_bytes key)
{
    WF_ASSERT(key.len > 0);

    begin_op(batch, WF_BATCH_DELETE, cf, key.len);
    wf_buf_put_bytes(&batch->ops, key);
    wf_buf_put_bytes(&batch->ops, weft_nothing());
}

void
wf_batch_delete_range(struct wf_batch *batch, enum wf_cf cf, weft_bytes from,
                      weft_bytes to)
{
    // RocksDB takes a range that is the wrong way round into its write-ahead
    // log before it refuses it, and then never opens again.
    WF_ASSERT(to.len > 0);
    WF_ASSERT(wf_bytes_compare(from, to) <= 0);

    if (wf_bytes_equal(from, to)) {
        return;
    }
    begin_op(batch, WF_BATCH_DELETE_RANGE, cf, from.len + to.len);
    wf_buf_put_bytes(&batch->ops, from);
    wf_buf_put_bytes(&batch->ops, to);
}

void
wf_batch_append(struct wf_batch *batch, const struct wf_batch *other)
{
    WF_ASSERT(batch != other);

    wf_buf_put(&batch->ops, other->ops.data, other->ops.len);
    batch->count += other->count;
}

bool
wf_batch_next(const struct wf_batch *batch, size_t *at,
              enum wf_batch_op *out_op, enum wf_cf *out_cf, weft_bytes *out_key,
              weft_bytes *out_value)
{
    struct wf_reader reader;
    uint8_t op;
    uint8_t cf;

    WF_ASSERT(*at <= batch->ops.len);
    if (*at == batch->ops.len) {
        return false;
    }
    reader = wf_reader_of(
        weft_bytes_of(batch->ops.data + *at, batch->ops.len - *at));
    op = wf_reader_u8(&reader);
    cf = wf_reader_u8(&reader);
    *out_key = wf_reader_bytes(&reader);
    *out_value = wf_reader_bytes(&reader);

    // The list was made by this file: a malformed one is our bug.
    WF_ASSERT(!reader.failed);
    WF_ASSERT(op <= WF_BATCH_DELETE_RANGE && cf < WF_CF_COUNT);

    *out_op = (enum wf_batch_op)op;
    *out_cf = (enum wf_cf)cf;
    *at = (size_t)(reader.at - batch->ops.data);
    return true;
}
