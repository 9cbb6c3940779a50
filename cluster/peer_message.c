// SPDX-License-Identifier: Apache-2.0
//
// peer_message.c - see peer_message.h.
//
// message = u8 form, u8 type, u16 0, 16 bytes cluster, u64 incarnation,
//           u64 session, u64 seq, body, u32 crc32c of all before it
// item    = u8 type, V length, body
//
// V is a varint, B a varint and so many bytes.

#include "cluster/peer_message.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "storage/registry.h"

enum {
    FORM = 1,
    CRC_BYTES = 4,
    TEXT_BYTES_MAX = 255,
    POSITION_BYTES_MAX = 4096,
};

const char *
wf_peer_refusal_text(uint32_t code)
{
    static const char *const texts[WF_PEER_REFUSAL_COUNT] = {
        [WF_PEER_REFUSAL_NONE] = "no refusal",
        [WF_PEER_REFUSAL_CLUSTER] = "it is of another cluster",
        [WF_PEER_REFUSAL_TARGET] = "it means another node than this one",
        [WF_PEER_REFUSAL_NODE] = "no node of that id is in the map",
        [WF_PEER_REFUSAL_INCARNATION] = "another process has that node's id",
        [WF_PEER_REFUSAL_KEY] = "its key is not that node's",
        [WF_PEER_REFUSAL_PROTOCOL] = "there is no protocol that both speak",
        [WF_PEER_REFUSAL_MALFORMED] = "what it sent is no message",
    };

    return code < WF_PEER_REFUSAL_COUNT ? texts[code] : "refused";
}

// Writing. --------------------------------------------------------------------

void
wf_peer_message_encode(const struct wf_peer_message *message,
                       struct wf_buf *out)
{
    size_t from = out->len;

    wf_buf_put_u8(out, FORM);
    wf_buf_put_u8(out, (uint8_t)message->type);
    wf_buf_put_u16(out, 0);
    wf_buf_put(out, message->cluster_id, sizeof(message->cluster_id));
    wf_buf_put_u64(out, message->incarnation);
    wf_buf_put_u64(out, message->session);
    wf_buf_put_u64(out, message->seq);
    switch (message->type) {
    case WF_PEER_MESSAGE_HELLO:
        wf_buf_put_u32(out, message->round);
        wf_buf_put_varint(out, message->protocol_min);
        wf_buf_put_varint(out, message->protocol_max);
        wf_buf_put_varint(out, message->record_max);
        wf_buf_put_bytes(out, message->node);
        wf_buf_put_bytes(out, message->to_node);
        wf_buf_put_u64(out, message->to_incarnation);
        break;
    case WF_PEER_MESSAGE_WELCOME:
        wf_buf_put_u32(out, message->round);
        wf_buf_put_varint(out, message->protocol_max);
        wf_buf_put_varint(out, message->record_max);
        wf_buf_put_varint(out, message->credit);
        break;
    case WF_PEER_MESSAGE_REFUSED:
        wf_buf_put_varint(out, message->code);
        wf_buf_put_bytes(out, message->text);
        break;
    case WF_PEER_MESSAGE_DATA:
        wf_buf_put(out, message->items.data, message->items.len);
        break;
    case WF_PEER_MESSAGE_ACK:
        wf_buf_put_varint(out, message->credit);
        break;
    case WF_PEER_MESSAGE_TYPES_END:
        break;
    }
    wf_buf_put_u32(out, wf_crc32c(0, out->data + from, out->len - from));
}

void
wf_peer_item_encode(const struct wf_peer_item *item, struct wf_buf *out)
{
    size_t opened;

    wf_buf_put_u8(out, (uint8_t)item->type);
    opened = wf_buf_open(out);
    switch (item->type) {
    case WF_PEER_ITEM_FRAME:
        wf_buf_put_varint(out, item->partition);
        wf_buf_put(out, item->bytes.data, item->bytes.len);
        break;
    case WF_PEER_ITEM_REQUEST:
        wf_buf_put_varint(out, item->partition);
        wf_buf_put_varint(out, item->call);
        wf_buf_put_varint(out, item->attempt);
        wf_buf_put_bytes(out, item->bytes);
        wf_buf_put(out, item->data.data, item->data.len);
        break;
    case WF_PEER_ITEM_ANSWER:
        wf_buf_put_varint(out, item->call);
        wf_buf_put_varint(out, item->attempt);
        wf_buf_put_bytes(out, item->position);
        wf_buf_put_bytes(out, item->bytes);
        wf_buf_put(out, item->data.data, item->data.len);
        break;
    case WF_PEER_ITEM_BACK:
        wf_buf_put_varint(out, item->call);
        wf_buf_put_varint(out, item->attempt);
        wf_buf_put_u8(out, item->is_uncertain);
        break;
    case WF_PEER_ITEM_WITHDRAW:
        wf_buf_put_varint(out, item->call);
        break;
    case WF_PEER_ITEM_CHANGED:
#ifdef WF_NEXT
    case WF_PEER_ITEM_NEXT:
#endif
    case WF_PEER_ITEM_TYPES_END:
        break;
    }
    wf_buf_close(out, opened);
}

// Reading. --------------------------------------------------------------------

static uint32_t
read_u32(struct wf_reader *reader)
{
    uint64_t number = wf_reader_varint(reader);

    if (number > UINT32_MAX) {
        (void)wf_reader_fail(reader);
        return 0;
    }
    return (uint32_t)number;
}

static bool
read_flag(struct wf_reader *reader)
{
    uint8_t flag = wf_reader_u8(reader);

    return flag <= 1 ? flag == 1 : wf_reader_fail(reader) != 0;
}

static weft_bytes
read_bytes(struct wf_reader *reader, size_t len_max)
{
    weft_bytes bytes = wf_reader_bytes(reader);

    if (bytes.len > len_max) {
        (void)wf_reader_fail(reader);
        return weft_nothing();
    }
    return bytes;
}

// Any text that can be shown.
static weft_bytes
read_text(struct wf_reader *reader, size_t len_max)
{
    weft_bytes text = read_bytes(reader, len_max);
    const uint8_t *bytes = text.data;

    for (size_t i = 0; i < text.len; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
            (void)wf_reader_fail(reader);
            return weft_nothing();
        }
    }
    return text;
}

static void
read_item(struct wf_reader *body, struct wf_peer_item *item)
{
    switch (item->type) {
    case WF_PEER_ITEM_FRAME:
        item->partition = read_u32(body);
        item->bytes = wf_reader_rest(body);
        break;
    case WF_PEER_ITEM_REQUEST:
        item->partition = read_u32(body);
        item->call = wf_reader_varint(body);
        item->attempt = read_u32(body);
        item->bytes = wf_reader_bytes(body);
        item->data = wf_reader_rest(body);
        break;
    case WF_PEER_ITEM_ANSWER:
        item->call = wf_reader_varint(body);
        item->attempt = read_u32(body);
        item->position = read_bytes(body, POSITION_BYTES_MAX);
        item->bytes = wf_reader_bytes(body);
        item->data = wf_reader_rest(body);
        break;
    case WF_PEER_ITEM_BACK:
        item->call = wf_reader_varint(body);
        item->attempt = read_u32(body);
        item->is_uncertain = read_flag(body);
        break;
    case WF_PEER_ITEM_WITHDRAW:
        item->call = wf_reader_varint(body);
        break;
    case WF_PEER_ITEM_CHANGED:
        break;
#ifdef WF_NEXT
    case WF_PEER_ITEM_NEXT:
        break;
#endif
    default:
        (void)wf_reader_fail(body);
    }
}

bool
wf_peer_item_next(struct wf_reader *items, struct wf_peer_item *out_item)
{
    struct wf_peer_item item = {0};
    struct wf_reader body;

    if (wf_reader_left(items) == 0) {
        return false;
    }
    item.type = (enum wf_peer_item_type)wf_reader_u8(items);
    body = wf_reader_of(read_bytes(items, WF_PEER_MESSAGE_ITEM_BYTES_MAX));
    if (!items->failed) {
        read_item(&body, &item);
    }
    if (items->failed || body.failed || wf_reader_left(&body) > 0) {
        (void)wf_reader_fail(items);
        return false;
    }
    *out_item = item;
    return true;
}

static void
read_items(struct wf_reader *reader, struct wf_peer_message *message)
{
    struct wf_peer_item item;
    struct wf_reader items;

    message->items = wf_reader_rest(reader);
    items = wf_reader_of(message->items);
    while (wf_peer_item_next(&items, &item)) {
    }
    if (items.failed || message->items.len == 0 || message->seq == 0) {
        (void)wf_reader_fail(reader);
    }
}

static void
read_body(struct wf_reader *reader, struct wf_peer_message *message)
{
    switch (message->type) {
    case WF_PEER_MESSAGE_HELLO:
        message->round = wf_reader_u32(reader);
        message->protocol_min = read_u32(reader);
        message->protocol_max = read_u32(reader);
        message->record_max = read_u32(reader);
        message->node = read_text(reader, WF_NODE_ID_CHARS_MAX);
        message->to_node = read_text(reader, WF_NODE_ID_CHARS_MAX);
        message->to_incarnation = wf_reader_u64(reader);
        break;
    case WF_PEER_MESSAGE_WELCOME:
        message->round = wf_reader_u32(reader);
        message->protocol_max = read_u32(reader);
        message->record_max = read_u32(reader);
        message->credit = wf_reader_varint(reader);
        break;
    case WF_PEER_MESSAGE_REFUSED:
        message->code = read_u32(reader);
        message->text = read_text(reader, TEXT_BYTES_MAX);
        break;
    case WF_PEER_MESSAGE_DATA:
        read_items(reader, message);
        break;
    case WF_PEER_MESSAGE_ACK:
        message->credit = wf_reader_varint(reader);
        break;
    default:
        (void)wf_reader_fail(reader);
    }
}

static weft_err
check_frame(weft_bytes bytes)
{
    const uint8_t *at = bytes.data;
    struct wf_reader tail;

    if (bytes.len <= CRC_BYTES || bytes.len > WF_PEER_MESSAGE_BYTES_MAX) {
        return wf_error(WEFT_ECORRUPT, "it has %zu bytes", bytes.len);
    }
    tail = wf_reader_of(weft_bytes_of(at + bytes.len - CRC_BYTES, CRC_BYTES));
    if (wf_reader_u32(&tail) != wf_crc32c(0, at, bytes.len - CRC_BYTES)) {
        return wf_error(WEFT_ECORRUPT, "its checksum differs");
    }
    if (at[0] != FORM) {
        return wf_error(WEFT_EFORMAT, "it is of form %u, this is %d", at[0],
                        FORM);
    }
    return WEFT_OK;
}

weft_err
wf_peer_message_decode(weft_bytes bytes, struct wf_peer_message *out_message)
{
    struct wf_peer_message message = {0};
    struct wf_reader reader;
    weft_bytes cluster;
    weft_err err = check_frame(bytes);

    if (err != WEFT_OK) {
        return err;
    }
    reader = wf_reader_of(weft_bytes_of(bytes.data, bytes.len - CRC_BYTES));
    (void)wf_reader_u8(&reader);
    message.type = (enum wf_peer_message_type)wf_reader_u8(&reader);
    (void)wf_reader_u16(&reader); // flags, for later versions
    cluster = wf_reader_take(&reader, sizeof(message.cluster_id));
    if (!reader.failed) {
        memcpy(message.cluster_id, cluster.data, sizeof(message.cluster_id));
    }
    message.incarnation = wf_reader_u64(&reader);
    message.session = wf_reader_u64(&reader);
    message.seq = wf_reader_u64(&reader);
    read_body(&reader, &message);
    if (reader.failed || wf_reader_left(&reader) > 0) {
        return wf_error(WEFT_ECORRUPT, "a message of type %d is malformed",
                        (int)message.type);
    }
    *out_message = message;
    return WEFT_OK;
}
