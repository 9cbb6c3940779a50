// SPDX-License-Identifier: Apache-2.0
//
// fuzz_session.c - any bytes as everything else that is said: hello, bye, poll,
// watch, batch, map and the rest, by whoever would read it.

#include "remote/codec_batch.h"
#include "remote/codec_map.h"
#include "remote/codec_session.h"
#include "remote/codec_task.h"
#include "remote/codec_watch.h"
#include "transport/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(name)                                                              \
    do {                                                                       \
        struct wf_codec_##name got;                                            \
                                                                               \
        if (wf_codec_##name##_decode(&message, &memory, &got) == WEFT_OK) {    \
            wf_codec_##name##_encode(&got, 7, &frame);                         \
        }                                                                      \
        wf_arena_fini(&memory);                                                \
    } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_arena memory = {0};
    struct wf_buf frame = {0};
    struct wf_wire_message message;
    struct wf_codec_hello hello;
    weft_batch_result result;
    enum wf_codec_bye code;
    const char *text;
    struct wf_routes routes;
    uint64_t after;

    if (wf_wire_read(weft_bytes_of(data, size), &message) != WEFT_OK) {
        return 0;
    }
    if (wf_codec_hello_decode(&message, &memory, &hello) == WEFT_OK) {
        wf_codec_hello_encode(&hello, &frame);
    }
    if (wf_codec_bye_decode(&message, &memory, &code, &text) == WEFT_OK) {
        wf_codec_bye_encode(code, text, &frame);
    }
    if (wf_codec_batch_result_decode(&message, &memory, &result) == WEFT_OK) {
        wf_codec_batch_result_encode(&result, 7, &frame);
    }
    if (wf_codec_map_decode(&message, &after) == WEFT_OK) {
        wf_codec_map_encode(after, 7, &frame);
    }
    if (wf_codec_routes_decode(&message, 8, &routes) == WEFT_OK) {
        wf_codec_routes_encode(&routes, 7, &frame);
    }
    wf_routes_fini(&routes);
    (void)wf_codec_plain_decode(&message, "ping");
    TRY(welcome);
    TRY(poll);
    TRY(tasks);
    TRY(renew);
    TRY(renewed);
    TRY(subscribe);
    TRY(event);
    TRY(unsubscribe);
    TRY(batch);
    TRY(stats);
    TRY(metrics);
    wf_buf_fini(&frame);
    return 0;
}
