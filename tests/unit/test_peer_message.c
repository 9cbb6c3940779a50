// SPDX-License-Identifier: Apache-2.0

#include "cluster/peer_message.h"

#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "support/test.h"

// The bytes of docs/formats/peers.md, as they are written there.
static const uint8_t data_bytes[] = {
    0x01, 0x04, 0x00, 0x00, 'c',  'l',  'u',  's',  't',  'e',  'r',
    '-',  'o',  'f',  '-',  '1',  '6',  'b',  'y',  't',  0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x11, 0x22, 0x33, 0x44, 0x55,
    0x66, 0x77, 0x88, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
    0x01, 0x04, 0x05, 'a',  'b',  'c',  0x04, 0x04, 0x80, 0x02, 0x01,
    0x01, 0x06, 0x00, 0x22, 0xe4, 0x96, 0xe3,
};

static struct wf_peer_message
message_of(enum wf_peer_message_type type)
{
    struct wf_peer_message message = {
        .type = type,
        .incarnation = 7,
        .session = 0x1122334455667788,
        .seq = 2,
    };

    memcpy(message.cluster_id, "cluster-of-16byt", 16);
    return message;
}

static const struct wf_peer_item items[] = {
    {.type = WF_PEER_ITEM_FRAME, .partition = 5, .bytes = {"abc", 3}},
    {.type = WF_PEER_ITEM_REQUEST,
     .partition = 63,
     .call = 1ULL << 40,
     .attempt = 2,
     .bytes = {"message", 7},
     .data = {"payload", 7}},
    {.type = WF_PEER_ITEM_ANSWER,
     .call = 9,
     .attempt = 3,
     .bytes = {"ok", 2},
     .data = {"data", 4},
     .position = {"here", 4}},
    {.type = WF_PEER_ITEM_BACK, .call = 256, .attempt = 1, .is_uncertain = 1},
    {.type = WF_PEER_ITEM_WITHDRAW, .call = 3},
    {.type = WF_PEER_ITEM_CHANGED},
};
enum { ITEMS = sizeof(items) / sizeof(items[0]) };

static void
put_all(struct wf_buf *out)
{
    for (int i = 0; i < ITEMS; i++) {
        wf_peer_item_encode(&items[i], out);
    }
}

TEST(peer_message, bytes_are_as_documented)
{
    struct wf_peer_message message = message_of(WF_PEER_MESSAGE_DATA);
    struct wf_buf body = {0};
    struct wf_buf bytes = {0};

    wf_peer_item_encode(&items[0], &body);
    wf_peer_item_encode(&items[3], &body);
    wf_peer_item_encode(&items[5], &body);
    message.items = wf_buf_bytes(&body);
    wf_peer_message_encode(&message, &bytes);
    CHECK_BYTES(wf_buf_bytes(&bytes),
                weft_bytes_of(data_bytes, sizeof(data_bytes)));
    wf_buf_fini(&body);
    wf_buf_fini(&bytes);
}

static void
check_item(const struct wf_peer_item *item, const struct wf_peer_item *want)
{
    CHECK_EQ(item->type, want->type);
    CHECK_EQ(item->partition, want->partition);
    CHECK_EQ(item->call, want->call);
    CHECK_EQ(item->attempt, want->attempt);
    CHECK_EQ(item->is_uncertain, want->is_uncertain);
    CHECK_BYTES(item->bytes, want->bytes);
    CHECK_BYTES(item->data, want->data);
    CHECK_BYTES(item->position, want->position);
}

TEST(peer_message, items_come_back_in_their_order)
{
    struct wf_peer_message message = message_of(WF_PEER_MESSAGE_DATA);
    struct wf_peer_message got;
    struct wf_peer_item item;
    struct wf_buf body = {0};
    struct wf_buf bytes = {0};
    struct wf_reader reader;

    put_all(&body);
    message.items = wf_buf_bytes(&body);
    wf_peer_message_encode(&message, &bytes);
    CHECK_OK(wf_peer_message_decode(wf_buf_bytes(&bytes), &got));
    CHECK_EQ(got.seq, 2);
    CHECK_EQ(got.session, 0x1122334455667788);
    reader = wf_reader_of(got.items);
    for (int i = 0; i < ITEMS; i++) {
        CHECK(wf_peer_item_next(&reader, &item));
        check_item(&item, &items[i]);
    }
    CHECK(!wf_peer_item_next(&reader, &item));
    CHECK(!reader.failed);
    wf_buf_fini(&body);
    wf_buf_fini(&bytes);
}

TEST(peer_message, a_hello_says_who_and_whom_it_means)
{
    struct wf_peer_message message = message_of(WF_PEER_MESSAGE_HELLO);
    struct wf_peer_message got;
    struct wf_buf bytes = {0};

    message.round = 3;
    message.protocol_min = 1;
    message.protocol_max = 4;
    message.record_max = 9;
    message.node = weft_text("a");
    message.to_node = weft_text("b");
    message.to_incarnation = 12;
    wf_peer_message_encode(&message, &bytes);
    CHECK_OK(wf_peer_message_decode(wf_buf_bytes(&bytes), &got));
    CHECK_EQ(got.round, 3);
    CHECK_EQ(got.protocol_min, 1);
    CHECK_EQ(got.protocol_max, 4);
    CHECK_EQ(got.record_max, 9);
    CHECK_BYTES(got.node, weft_text("a"));
    CHECK_BYTES(got.to_node, weft_text("b"));
    CHECK_EQ(got.to_incarnation, 12);

    message.node = weft_text("two\nlines");
    wf_buf_reset(&bytes);
    wf_peer_message_encode(&message, &bytes);
    CHECK_ERR(wf_peer_message_decode(wf_buf_bytes(&bytes), &got),
              WEFT_ECORRUPT);
    wf_buf_fini(&bytes);
}

TEST(peer_message, what_is_answered_comes_back)
{
    struct wf_peer_message welcome = message_of(WF_PEER_MESSAGE_WELCOME);
    struct wf_peer_message refused = message_of(WF_PEER_MESSAGE_REFUSED);
    struct wf_peer_message ack = message_of(WF_PEER_MESSAGE_ACK);
    struct wf_peer_message got;
    struct wf_buf bytes = {0};

    welcome.round = 8;
    welcome.protocol_max = 1;
    welcome.credit = 1 << 26;
    wf_peer_message_encode(&welcome, &bytes);
    CHECK_OK(wf_peer_message_decode(wf_buf_bytes(&bytes), &got));
    CHECK_EQ(got.round, 8);
    CHECK_EQ(got.credit, 1 << 26);

    refused.code = 99; // of a later version
    refused.text = weft_text("no");
    wf_buf_reset(&bytes);
    wf_peer_message_encode(&refused, &bytes);
    CHECK_OK(wf_peer_message_decode(wf_buf_bytes(&bytes), &got));
    CHECK_EQ(got.code, 99);
    CHECK_BYTES(got.text, weft_text("no"));

    ack.credit = 5;
    wf_buf_reset(&bytes);
    wf_peer_message_encode(&ack, &bytes);
    CHECK_OK(wf_peer_message_decode(wf_buf_bytes(&bytes), &got));
    CHECK_EQ(got.type, WF_PEER_MESSAGE_ACK);
    CHECK_EQ(got.credit, 5);
    wf_buf_fini(&bytes);
}

TEST(peer_message, one_bit_is_enough_to_refuse_it)
{
    struct wf_peer_message got;
    uint8_t bytes[sizeof(data_bytes)];

    for (size_t i = 0; i < sizeof(bytes) * 8; i++) {
        memcpy(bytes, data_bytes, sizeof(bytes));
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        CHECK_ERR(
            wf_peer_message_decode(weft_bytes_of(bytes, sizeof(bytes)), &got),
            WEFT_ECORRUPT);
    }
    for (size_t len = 0; len < sizeof(data_bytes); len++) {
        CHECK_ERR(wf_peer_message_decode(weft_bytes_of(data_bytes, len), &got),
                  WEFT_ECORRUPT);
    }
}

static void
seal(uint8_t *bytes, size_t len)
{
    uint32_t crc = wf_crc32c(0, bytes, len - 4);

    for (int i = 0; i < 4; i++) {
        bytes[len - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

TEST(peer_message, another_form_is_a_clear_error)
{
    struct wf_peer_message got;
    uint8_t bytes[sizeof(data_bytes)];

    memcpy(bytes, data_bytes, sizeof(bytes));
    bytes[0] = 2;
    seal(bytes, sizeof(bytes));
    CHECK_ERR(wf_peer_message_decode(weft_bytes_of(bytes, sizeof(bytes)), &got),
              WEFT_EFORMAT);
}

// Whoever makes the checksum right may still lie: what is let through can be
// read to its end, and no further.
TEST(peer_message, lies_with_a_right_checksum_are_read_safely)
{
    struct wf_peer_message message = message_of(WF_PEER_MESSAGE_DATA);
    struct wf_peer_message got;
    struct wf_peer_item item;
    struct wf_random random;
    struct wf_buf body = {0};
    struct wf_buf bytes = {0};
    uint8_t copy[512];
    int refused = 0;

    put_all(&body);
    message.items = wf_buf_bytes(&body);
    wf_peer_message_encode(&message, &bytes);
    CHECK(bytes.len < sizeof(copy));
    wf_random_init(&random, 4711);
    for (int i = 0; i < 20000; i++) {
        memcpy(copy, bytes.data, bytes.len);
        for (uint64_t n = wf_random_below(&random, 3); n < 3; n++) {
            copy[wf_random_below(&random, bytes.len)] =
                (uint8_t)wf_random_u64(&random);
        }
        seal(copy, bytes.len);
        if (wf_peer_message_decode(weft_bytes_of(copy, bytes.len), &got) !=
            WEFT_OK) {
            refused++;
        } else if (got.type == WF_PEER_MESSAGE_DATA) {
            struct wf_reader reader = wf_reader_of(got.items);

            while (wf_peer_item_next(&reader, &item)) {
            }
            CHECK(!reader.failed);
            CHECK_EQ(wf_reader_left(&reader), 0);
        }
    }
    CHECK(refused > 1000);
    wf_buf_fini(&body);
    wf_buf_fini(&bytes);
}
