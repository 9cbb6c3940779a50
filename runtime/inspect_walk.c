// SPDX-License-Identifier: Apache-2.0
//
// inspect_walk.c - keys of all actors, in order.
//
// Each partition has its image rows in order of keys, and beside them the
// actors that only records of the window know yet. So each partition is a lane
// whose next key is the smaller of two, and the lanes are merged by a heap.
// Rows are read by pages of keys: memory is bounded by partitions, not actors.

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "storage/keys.h"
#include "storage/store.h"

#define PAGE_KEYS 256
#define IMAGE_PREFIX 3

struct lane {
    uint32_t partition;
    const struct wf_store *store;

    struct wf_buf from; // where the next page begins
    struct wf_buf to;
    struct wf_buf page; // (varint-length key) ...
    size_t page_at;
    uint32_t page_count;
    bool is_last_page;
    weft_bytes row; // next key of a row; len 0: none

    const struct wf_key **window; // owned; the keys are the partition's
    size_t window_count;
    size_t window_at;

    weft_bytes next; // the smaller of both; len 0: the lane is at its end
};

static bool
take_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct lane *lane = ctx;

    (void)value;
    wf_buf_put_bytes(&lane->page, key);
    return ++lane->page_count < PAGE_KEYS;
}

static weft_err
read_page(struct lane *lane)
{
    const struct wf_store *store = lane->store;

    wf_buf_reset(&lane->page);
    lane->page_at = 0;
    lane->page_count = 0;
    return store->ops->scan(store->self, WF_CF_DATA, wf_buf_bytes(&lane->from),
                            wf_buf_bytes(&lane->to), take_row, lane);
}

static weft_err
next_row(struct lane *lane)
{
    struct wf_reader reader;
    weft_bytes key;
    weft_err err;

    lane->row = weft_nothing();
    if (lane->page_at == lane->page.len) {
        if (lane->is_last_page) {
            return WEFT_OK;
        }
        err = read_page(lane);
        if (err != WEFT_OK) {
            return err;
        }
        lane->is_last_page = lane->page_count < PAGE_KEYS;
        if (lane->page_count == 0) {
            return WEFT_OK;
        }
    }
    reader = wf_reader_of(weft_bytes_of(lane->page.data + lane->page_at,
                                        lane->page.len - lane->page_at));
    key = wf_reader_bytes(&reader);
    lane->page_at = (size_t)(reader.at - lane->page.data);
    if (key.len <= IMAGE_PREFIX) {
        return wf_error(WEFT_ECORRUPT, "p%u: an image without a key",
                        lane->partition);
    }
    // The next page begins right behind this row.
    wf_buf_reset(&lane->from);
    wf_buf_put(&lane->from, key.data, key.len);
    wf_buf_put_u8(&lane->from, 0);
    lane->row = weft_bytes_of((const uint8_t *)key.data + IMAGE_PREFIX,
                              key.len - IMAGE_PREFIX);
    return WEFT_OK;
}

static void
choose_next(struct lane *lane)
{
    weft_bytes key;

    lane->next = lane->row;
    if (lane->window_at == lane->window_count) {
        return;
    }
    key = wf_key_bytes(lane->window[lane->window_at]);
    if (lane->row.len == 0 || wf_bytes_compare(key, lane->row) < 0) {
        lane->next = key;
    }
}

static weft_err
begin_lane(struct lane *lane, const weft_inspect *inspect, uint32_t partition)
{
    weft_err err;

    lane->partition = partition;
    lane->store = wf_inspect_store_of(inspect, partition);
    lane->window = wf_inspect_core_keys(inspect->partitions[partition],
                                        &lane->window_count);
    wf_keys_range(&lane->from, WF_KEY_IMAGE, partition);
    wf_keys_after(&lane->to, wf_buf_bytes(&lane->from));
    err = next_row(lane);
    choose_next(lane);
    return err;
}

// Go past lane->next, in both.
static weft_err
advance_lane(struct lane *lane)
{
    weft_err err = WEFT_OK;

    if (lane->window_at < lane->window_count &&
        wf_bytes_equal(wf_key_bytes(lane->window[lane->window_at]),
                       lane->next)) {
        lane->window_at++;
    }
    if (wf_bytes_equal(lane->row, lane->next)) {
        err = next_row(lane);
    }
    choose_next(lane);
    return err;
}

static void
end_lane(struct lane *lane)
{
    wf_buf_fini(&lane->from);
    wf_buf_fini(&lane->to);
    wf_buf_fini(&lane->page);
    wf_free(lane->window);
}

// The heap. -----------------------------------------------------------------

static bool
is_before(const struct lane *a, const struct lane *b)
{
    return wf_bytes_compare(a->next, b->next) < 0;
}

static void
sift_down(struct lane **heap, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        struct lane *lane = heap[at];

        if (child >= count) {
            return;
        }
        if (child + 1 < count && is_before(heap[child + 1], heap[child])) {
            child++;
        }
        if (!is_before(heap[child], lane)) {
            return;
        }
        heap[at] = heap[child];
        heap[child] = lane;
        at = child;
    }
}

// Call fn with the lane's next key. False ends the walk.
static bool
visit(const struct lane *lane, wf_inspect_key_fn *fn, void *ctx,
      weft_err *out_err)
{
    struct wf_key key;
    bool goes_on;

    if (!wf_key_decode(lane->next, &key)) {
        *out_err = wf_error(WEFT_ECORRUPT, "p%u: the key of an image",
                            lane->partition);
        return false;
    }
    goes_on = fn(ctx, lane->partition, &key);
    wf_key_fini(&key);
    return goes_on;
}

static weft_err
merge(struct lane **heap, size_t count, wf_inspect_key_fn *fn, void *ctx)
{
    weft_err err = WEFT_OK;

    for (size_t i = count / 2; i-- > 0;) {
        sift_down(heap, count, i);
    }
    while (count > 0 && visit(heap[0], fn, ctx, &err)) {
        err = advance_lane(heap[0]);
        if (err != WEFT_OK) {
            break;
        }
        if (heap[0]->next.len == 0) {
            heap[0] = heap[--count];
        }
        sift_down(heap, count, 0);
    }
    return err;
}

weft_err
wf_inspect_walk(weft_inspect *inspect, wf_inspect_key_fn *fn, void *ctx)
{
    uint32_t partitions = inspect->partitions_count;
    struct lane *lanes = wf_calloc(partitions * sizeof(*lanes));
    struct lane **heap = wf_calloc(partitions * sizeof(struct lane *));
    size_t count = 0;
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < partitions; i++) {
        err = begin_lane(&lanes[i], inspect, i);
        if (lanes[i].next.len > 0) {
            heap[count++] = &lanes[i];
        }
    }
    if (err == WEFT_OK) {
        err = merge(heap, count, fn, ctx);
    }
    for (uint32_t i = 0; i < partitions; i++) {
        end_lane(&lanes[i]);
    }
    wf_free(heap);
    wf_free(lanes);
    return err;
}
