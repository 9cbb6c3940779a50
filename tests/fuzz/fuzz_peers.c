// SPDX-License-Identifier: Apache-2.0
//
// fuzz_peers.c - any bytes as what another node of a cluster says. The last
// four are replaced by the right checksum, which is no secret. What decodes is
// read to its end, encoded, and has to be the same again.

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cluster/forward_codec.h"
#include "cluster/peer_message.h"
#include "runtime/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTITIONS = 16 };

static void
take_request(const struct wf_peer_item *item)
{
    struct wf_request *request;
    struct wf_request *second;
    struct wf_buf message = {0};

    if (wf_forward_codec_request_decode(item->bytes, item->data,
                                        item->partition, PARTITIONS,
                                        &request) != WEFT_OK) {
        return;
    }
    wf_forward_codec_request_encode(request, &message);
    if (wf_forward_codec_request_decode(wf_buf_bytes(&message), request->data,
                                        request->partition, PARTITIONS,
                                        &second) != WEFT_OK) {
        abort();
    }
    wf_request_destroy(second);
    wf_request_destroy(request);
    wf_buf_fini(&message);
}

// As the answer to any verb.
static void
take_answer(const struct wf_peer_item *item)
{
    struct wf_request *request = wf_request_create();

    request->verb = (weft_verb)(item->call % WEFT_VERB_COUNT);
    (void)wf_forward_codec_answer_decode(item->bytes, item->data,
                                         item->position, request);
    wf_request_destroy(request);
}

static void
take_items(weft_bytes items, struct wf_buf *out)
{
    struct wf_reader reader = wf_reader_of(items);
    struct wf_peer_item item;

    while (wf_peer_item_next(&reader, &item)) {
        wf_peer_item_encode(&item, out);
        if (item.type == WF_PEER_ITEM_REQUEST) {
            take_request(&item);
        } else if (item.type == WF_PEER_ITEM_ANSWER) {
            take_answer(&item);
        }
    }
    if (reader.failed) {
        abort();
    }
}

static void
take_message(weft_bytes bytes)
{
    struct wf_peer_message message;
    struct wf_peer_message second;
    struct wf_buf items = {0};
    struct wf_buf again = {0};

    if (wf_peer_message_decode(bytes, &message) != WEFT_OK) {
        return;
    }
    if (message.type == WF_PEER_MESSAGE_DATA) {
        take_items(message.items, &items);
        message.items = wf_buf_bytes(&items);
    }
    wf_peer_message_encode(&message, &again);
    if (wf_peer_message_decode(wf_buf_bytes(&again), &second) != WEFT_OK ||
        second.seq != message.seq || second.type != message.type) {
        abort();
    }
    wf_buf_fini(&items);
    wf_buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;
    uint32_t crc;

    if (size < 4) {
        return 0;
    }
    copy = malloc(size);
    memcpy(copy, data, size);
    crc = wf_crc32c(0, copy, size - 4);
    for (int i = 0; i < 4; i++) {
        copy[size - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    take_message(weft_bytes_of(copy, size));
    free(copy);
    return 0;
}
