// SPDX-License-Identifier: Apache-2.0
//
// fuzz_reply.c - any bytes as an answer to a request. The first byte is the
// verb that was asked. What decodes is encoded, and has to decode again.

#include <stdlib.h>

#include "remote/codec.h"
#include "runtime/request.h"
#include "transport/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
send_again(weft_verb verb, const weft_reply *reply)
{
    struct wf_request *second = wf_request_create();
    struct wf_wire_message message;
    struct wf_buf frame = {0};

    wf_codec_reply_encode(verb, reply, &frame);
    if (wf_wire_read(wf_buf_bytes(&frame), &message) != WEFT_OK ||
        wf_codec_reply_decode(verb, &message, second) != WEFT_OK) {
        abort();
    }
    wf_buf_fini(&frame);
    wf_request_destroy(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_request *request;
    struct wf_wire_message message;
    weft_verb verb;

    if (size == 0 ||
        wf_wire_read(weft_bytes_of(data + 1, size - 1), &message) != WEFT_OK) {
        return 0;
    }
    verb = (weft_verb)(data[0] % WEFT_VERB_COUNT);
    request = wf_request_create();
    if (wf_codec_reply_decode(verb, &message, request) == WEFT_OK) {
        send_again(verb, &request->reply);
    }
    wf_request_destroy(request);
    return 0;
}
