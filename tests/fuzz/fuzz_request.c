// SPDX-License-Identifier: Apache-2.0
//
// fuzz_request.c - any bytes as a request, of every verb. What decodes is
// encoded, and has to decode to the same.

#include <stdlib.h>

#include "remote/codec.h"
#include "transport/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
encode(const struct wf_codec_request *request, struct wf_buf *out_frame)
{
    wf_codec_request_encode(&request->request, request->request.number,
                            request->confirmed, request->is_again, out_frame);
}

static void
send_again(const struct wf_codec_request *request)
{
    struct wf_buf once = {0}, twice = {0};
    struct wf_wire_message message;
    struct wf_codec_request second;

    encode(request, &once);
    if (wf_wire_read(wf_buf_bytes(&once), &message) != WEFT_OK ||
        wf_codec_request_decode(&message, &second) != WEFT_OK) {
        abort();
    }
    encode(&second, &twice);
    if (!wf_bytes_equal(wf_buf_bytes(&once), wf_buf_bytes(&twice))) {
        abort();
    }
    wf_codec_request_fini(&second);
    wf_buf_fini(&once);
    wf_buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_wire_message message;
    struct wf_codec_request request;

    if (wf_wire_read(weft_bytes_of(data, size), &message) != WEFT_OK) {
        return 0;
    }
    if (wf_codec_request_decode(&message, &request) == WEFT_OK) {
        send_again(&request);
    }
    if (request.memory.bytes > 48 * size + 1200) {
        abort(); // more than what came can account for
    }
    wf_codec_request_fini(&request);
    return 0;
}
