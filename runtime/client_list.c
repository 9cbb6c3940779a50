// SPDX-License-Identifier: Apache-2.0
//
// client_list.c - one page of a list, or a count, put together from several
// partitions.
//
// Partitions are asked one after another, in their order. Each answer is moved
// to the call, and the same request goes on to the next partition, or to the
// same one if it stopped early, until the page is full or the last partition
// is done; a count goes on to the last one. The items wait in the call and not
// in the request, because a node that recovers resets the requests it asks
// again.
//
// A cursor says where the page ended:
//
//     base64( u8 1, varint partition, what the partition gave, crc32c )
//
// It says nothing of what was listed: a caller who changes the kind between
// two pages gets the rest of another list.

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "runtime/base64.h"
#include "runtime/client_impl.h"
#include "runtime/node.h"
#include "runtime/request.h"

enum { CURSOR_VERSION = 1, CURSOR_CHARS_MAX = 2048 };

char *
wf_client_cursor_encode(uint32_t partition, weft_bytes after)
{
    struct wf_buf buf = {0};
    char *text;

    wf_buf_put_u8(&buf, CURSOR_VERSION);
    wf_buf_put_varint(&buf, partition);
    wf_buf_put_bytes(&buf, after);
    wf_buf_put_u32(&buf, wf_crc32c(0, buf.data, buf.len));
    text = wf_alloc(wf_base64_chars(buf.len) + 1);
    wf_base64_encode(wf_buf_bytes(&buf), text);
    wf_buf_fini(&buf);
    return text;
}

// The fields of a decoded cursor; false if it is none.
static bool
decode_fields(const struct wf_buf *buf, uint32_t partition_count,
              uint32_t *out_partition, weft_bytes *out_after)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(buf));
    uint8_t version = wf_reader_u8(&reader);
    uint64_t partition = wf_reader_varint(&reader);
    weft_bytes after = wf_reader_bytes(&reader);
    uint32_t crc = wf_reader_u32(&reader);

    if (reader.failed || wf_reader_left(&reader) != 0 ||
        crc != wf_crc32c(0, buf->data, buf->len - 4) ||
        version != CURSOR_VERSION || partition >= partition_count) {
        return false;
    }
    *out_partition = (uint32_t)partition;
    *out_after = after.len == 0 ? weft_nothing() : wf_bytes_copy(after);
    return true;
}

weft_err
wf_client_cursor_decode(const char *text, uint32_t partition_count,
                        uint32_t *out_partition, weft_bytes *out_after)
{
    size_t len = strnlen(text, CURSOR_CHARS_MAX + 1);
    struct wf_buf buf = {0};
    bool is_cursor =
        len <= CURSOR_CHARS_MAX && wf_base64_decode(text, len, &buf) &&
        decode_fields(&buf, partition_count, out_partition, out_after);

    wf_buf_fini(&buf);
    if (!is_cursor) {
        return wf_error(WEFT_EINVAL, "not a cursor: \"%.40s\"", text);
    }
    return WEFT_OK;
}

// Move the items of one answer behind those the call has, or add what it
// counted.
//
// WEFT_ETOOBIG  too many groups
static weft_err
collect(struct wf_client_call *call)
{
    weft_reply *reply = &call->request->reply;
    size_t count = call->items_count + reply->items_count;

    if (call->request->verb == WEFT_VERB_COUNT_MATCHING) {
        return wf_groups_merge(&call->groups, &call->request->groups);
    }
    if (reply->items_count == 0) {
        return WEFT_OK;
    }
    call->items = wf_realloc(call->items, count * sizeof(*call->items));
    memcpy(call->items + call->items_count, reply->items,
           reply->items_count * sizeof(*call->items));
    call->items_count = count;
    // The array only; what its strings point to was moved.
    wf_free((void *)(uintptr_t)reply->items);
    reply->items = NULL;
    reply->items_count = 0;
    return WEFT_OK;
}

// Give the collected items to the request, which frees them with its reply.
static void
hand_over(struct wf_client_call *call, struct wf_request *request)
{
    request->reply.items = call->items;
    request->reply.items_count = call->items_count;
    call->items = NULL;
    call->items_count = 0;
    wf_groups_fini(&request->groups);
    request->groups = call->groups;
    call->groups = (struct wf_groups){0};
    wf_request_answer_groups(request);
}

// An error, or nobody who waits: half a page is none.
static void
drop_items(struct wf_client_call *call)
{
    struct wf_request *grave;

    if (call->items_count > 0) {
        grave = wf_request_create();
        hand_over(call, grave);
        wf_request_destroy(grave);
    }
    wf_groups_fini(&call->groups);
}

// Point the request at what is to be asked next. False: there is nothing.
static bool
move_on(struct wf_request *request, uint32_t partition_count)
{
    wf_free((void *)(uintptr_t)request->list_after.data);
    request->list_after = request->list_next;
    request->list_next = weft_nothing();
    if (request->list_after.len == 0) {
        request->partition++;
    }
    return request->partition < partition_count;
}

bool
wf_client_list_goes_on(weft_node *node, struct wf_client_call *call)
{
    struct wf_request *request = call->request;
    bool is_more;

    if (request->reply.err == WEFT_OK && collect(call) != WEFT_OK) {
        wf_request_answer(request, WEFT_ETOOBIG, weft_err_detail());
    }
    if (request->reply.err != WEFT_OK ||
        atomic_load(&call->state) == WF_CLIENT_CALL_LEFT) {
        drop_items(call);
        return false;
    }
    is_more = move_on(request, wf_node_partition_count(node));
    if (is_more && call->items_count < call->items_max) {
        request->list_limit = (uint32_t)(call->items_max - call->items_count);
        wf_request_reset(request);
        wf_node_post_request(node, request);
        return true; // from here on the call may be anybody's
    }
    hand_over(call, request);
    if (is_more) {
        request->reply.cursor =
            wf_client_cursor_encode(request->partition, request->list_after);
    }
    return false;
}
