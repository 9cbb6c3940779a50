// SPDX-License-Identifier: Apache-2.0
//
// seed.c - write what fuzzing begins with: a request and an answer of every
// verb with all their fields, and one message of each other form.
//
//     seed DIR      files DIR/wire/..., DIR/request/... and so on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "cluster/forward_codec.h"
#include "cluster/peer_message.h"
#include "codec_rig.h"
#include "remote/codec.h"
#include "remote/codec_batch.h"
#include "remote/codec_map.h"
#include "remote/codec_session.h"
#include "remote/codec_task.h"
#include "remote/codec_watch.h"
#include "runtime/request.h"
#include "weft/worker.h"

static const char *root;

// Write and empty the frame.
static void
save(const char *target, const char *name, struct wf_buf *frame)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, target);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
    file = fopen(path, "wb");
    if (file == NULL ||
        fwrite(frame->data, 1, frame->len, file) != frame->len ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    wf_buf_reset(frame);
}

static void
save_verb(weft_verb verb, struct wf_buf *frame)
{
    const char *name = wf_codec_verb_name(verb);
    char error[64];

    rig_frame(verb, frame);
    save("request", name, frame);
    wf_buf_put_u8(frame, (uint8_t)verb);
    wf_codec_reply_encode(verb, &rig_reply, frame);
    save("reply", name, frame);
    if (verb == WEFT_VERB_RESULT) {
        snprintf(error, sizeof(error), "%s-error", name);
        wf_buf_put_u8(frame, (uint8_t)verb);
        wf_codec_reply_encode(verb, &rig_failed, frame);
        save("reply", error, frame);
    }
}

static void
save_tasks(struct wf_buf *frame)
{
    static const char *const tokens[] = {"AAEC", "AAED", NULL};
    static const weft_pair headers[] = {{"tenant", {"x", 1}}};
    static const struct wf_codec_task task = {.token = "AAEC",
                                              .name = "charge",
                                              .input = {"\x01", 1},
                                              .attempt = 2,
                                              .key = "00ff",
                                              .caller = "default/order/17",
                                              .headers = headers,
                                              .headers_count = 1,
                                              .details = {"\x02", 1},
                                              .deadline_ms = 5000,
                                              .heartbeat_ms = 100};
    struct wf_codec_poll poll = {.queue = "cards",
                                 .credit = 9,
                                 .wait_ms = 5,
                                 .worker = "w1",
                                 .lease_ms = 2000,
                                 .confirmed = 5};
    struct wf_codec_tasks tasks = {&task, 1};
    struct wf_codec_renew renew = {tokens, "w1", 5, true};
    struct wf_codec_renewed renewed = {tokens, tokens + 1};

    wf_codec_poll_encode(&poll, 7, frame);
    save("session", "poll", frame);
    wf_codec_tasks_encode(&tasks, 7, frame);
    save("session", "tasks", frame);
    wf_codec_renew_encode(&renew, 7, frame);
    save("session", "renew", frame);
    wf_codec_renewed_encode(&renewed, 7, frame);
    save("session", "renewed", frame);
}

static void
save_session(struct wf_buf *frame)
{
    static const char *const roles[] = {"reader", "writer", NULL};
    struct wf_codec_hello hello = {
        1, {"0123456789abcdef", 16}, "shop", "me", "a"};
    struct wf_codec_welcome welcome = {
        1,  "weft 0.1.0", "shop",  "ada", roles, 100, 1 << 20,
        50, 2 << 20,      5 << 20, 5000,  true,  "a", 8};
    struct wf_routes routes;

    wf_codec_hello_encode(&hello, frame);
    save("session", "hello", frame);
    wf_codec_welcome_encode(&welcome, 7, frame);
    save("session", "welcome", frame);
    wf_codec_bye_encode(WF_CODEC_BYE_SLOW, "too slow", frame);
    save("session", "bye", frame);
    wf_codec_plain_encode("ping", 7, frame);
    save("session", "ping", frame);
    wf_codec_map_encode(9, 7, frame);
    save("session", "map", frame);
    wf_routes_init(&routes, 8);
    wf_routes_add(&routes, 0, "a", "tcp://10.0.0.1:7400");
    wf_routes_add(&routes, 7, "b", "tcp://10.0.0.2:7400");
    wf_routes_seal(&routes);
    wf_codec_routes_encode(&routes, 7, frame);
    save("session", "routes", frame);
    wf_routes_fini(&routes);
}

static void
save_rest(struct wf_buf *frame)
{
    weft_request reset = rig_request(WEFT_VERB_RESET);
    struct wf_codec_subscribe subscribe = {{"order", "17"}, 3, 5, true};
    struct wf_codec_event event = {rig_reply.items[0], rig_reply.lease->headers,
                                   9, true};
    struct wf_codec_unsubscribe unsubscribe = {6, 5, true};
    struct wf_codec_batch batch = {.options = {.filter = "run > 0",
                                               .verb = WEFT_VERB_RESET,
                                               .name = "pay",
                                               .data = {"\x01", 1},
                                               .terminate_first = 1,
                                               .by = reset.by,
                                               .per_second = 9,
                                               .cursor = "AQID",
                                               .point = reset.point},
                                   .limit = 100};
    weft_batch_result result = {.seen = 5,
                                .done = 3,
                                .failed = 2,
                                .errors = {{WEFT_EBUSY, 2}},
                                .errors_count = 1,
                                .cursor = "AQID"};

    wf_codec_subscribe_encode(&subscribe, 7, frame);
    save("session", "subscribe", frame);
    wf_codec_event_encode(&event, 7, frame);
    save("session", "event", frame);
    wf_codec_unsubscribe_encode(&unsubscribe, 7, frame);
    save("session", "unsubscribe", frame);
    wf_codec_batch_encode(&batch, 7, frame);
    save("session", "batch", frame);
    wf_codec_batch_result_encode(&result, 7, frame);
    save("session", "batch_result", frame);
}

// What nodes of a cluster say to each other.
// -----------------------------------

static void
save_items(const char *name, const struct wf_peer_item *item,
           struct wf_buf *frame)
{
    struct wf_peer_message message = {
        .type = WF_PEER_MESSAGE_DATA,
        .incarnation = 3,
        .session = 4,
        .seq = 5,
    };
    struct wf_buf items = {0};

    wf_peer_item_encode(item, &items);
    wf_peer_item_encode(&(struct wf_peer_item){.type = WF_PEER_ITEM_CHANGED},
                        &items);
    message.items = wf_buf_bytes(&items);
    wf_peer_message_encode(&message, frame);
    save("peers", name, frame);
    wf_buf_fini(&items);
}

// Only what is not looked into: options and images have seeds of their own.
static void
save_forwarded(weft_verb verb, struct wf_buf *frame)
{
    struct wf_request *request = wf_request_create();
    struct wf_buf message = {0};
    struct wf_peer_item item = {
        .type = WF_PEER_ITEM_REQUEST,
        .call = (uint64_t)verb,
        .attempt = 1,
    };
    char name[64];

    request->verb = verb;
    request->number = 7;
    request->list_limit = 10;
    request->lease_ms = 2000;
    if (!wf_request_is_paged(request)) {
        (void)wf_key_make("default", "order", "17", &request->key);
        item.partition = wf_key_partition(&request->key, 16);
    }
    wf_forward_codec_request_encode(request, &message);
    item.bytes = wf_buf_bytes(&message);
    item.data = weft_bytes_of("\x01", 1);
    save_items(wf_codec_verb_name(verb), &item, frame);
    wf_buf_reset(&message);
    wf_codec_reply_encode(verb, &rig_reply, &message);
    item.type = WF_PEER_ITEM_ANSWER;
    item.bytes = wf_buf_bytes(&message);
    item.position = weft_bytes_of("here", 4);
    snprintf(name, sizeof(name), "%s-answer", wf_codec_verb_name(verb));
    save_items(name, &item, frame);
    wf_buf_fini(&message);
    wf_request_destroy(request);
}

static void
save_peers(struct wf_buf *frame)
{
    struct wf_peer_message message = {
        .node = {"a", 1},
        .to_node = {"b", 1},
        .text = {"no", 2},
        .protocol_min = 1,
        .protocol_max = 1,
    };
    struct wf_peer_item item = {.bytes = {"frame", 5}, .call = 300};
    char name[16];

    for (int type = WF_PEER_MESSAGE_HELLO; type < WF_PEER_MESSAGE_TYPES_END;
         type++) {
        message.type = (enum wf_peer_message_type)type;
        if (type != WF_PEER_MESSAGE_DATA) {
            wf_peer_message_encode(&message, frame);
            snprintf(name, sizeof(name), "message-%d", type);
            save("peers", name, frame);
        }
    }
    for (int type = WF_PEER_ITEM_FRAME; type < WF_PEER_ITEM_TYPES_END; type++) {
        item.type = (enum wf_peer_item_type)type;
        snprintf(name, sizeof(name), "item-%d", type);
        save_items(name, &item, frame);
    }
    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        save_forwarded((weft_verb)verb, frame);
    }
}

int
main(int argc, char **argv)
{
    struct wf_buf frame = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: seed DIR\n");
        return 2;
    }
    root = argv[1];
    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        save_verb((weft_verb)verb, &frame);
    }
    rig_frame(WEFT_VERB_UPDATE_WITH_START, &frame);
    save("wire", "update_with_start", &frame);
    wf_codec_reply_encode(WEFT_VERB_LIST, &rig_reply, &frame);
    save("wire", "list", &frame);
    save_session(&frame);
    save_tasks(&frame);
    save_rest(&frame);
    save_peers(&frame);
    wf_buf_fini(&frame);
    return 0;
}
