// SPDX-License-Identifier: Apache-2.0
//
// hand_rig.c - see hand_rig.h.

#include "unit/hand_rig.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "remote/codec_task.h"

enum { ROUNDS = 12000 }; // a minute

void
hand_hire(struct hand *hand, struct gateway_rig *rig, uint8_t client)
{
    hand->number = 0;
    hand->done = 0;
    hand->lease_ms = 1000;
    dealer_open(&hand->dealer, rig, 0);
    dealer_hello(&hand->dealer, client);
    CHECK_HEARS_LIKE(&hand->dealer, "ok 0 version=1");
}

void
hand_dismiss(struct hand *hand)
{
    dealer_close(&hand->dealer);
}

void
hand_poll_for(struct hand *hand, uint32_t credit, uint64_t wait_ms)
{
    struct wf_codec_poll poll = {.queue = "q",
                                 .credit = credit,
                                 .wait_ms = wait_ms,
                                 .worker = "w",
                                 .lease_ms = hand->lease_ms};

    wf_buf_reset(&hand->dealer.out);
    wf_codec_poll_encode(&poll, ++hand->number, &hand->dealer.out);
    dealer_send(&hand->dealer);
}

void
hand_say(struct hand *hand, const char *verb, const char *error_name)
{
    struct wf_wire_writer *writer =
        dealer_begin(&hand->dealer, verb, ++hand->number);

    wf_wire_put_text(writer, "token", hand->tokens[0]);
    if (error_name != NULL) {
        wf_wire_put_text(writer, "error_name", error_name);
    }
    dealer_end(&hand->dealer);
}

void
hand_renew(struct hand *hand)
{
    const char *tokens[] = {hand->tokens[0], NULL};
    struct wf_codec_renew all = {.tokens = tokens, .worker = "w"};

    wf_buf_reset(&hand->dealer.out);
    wf_codec_renew_encode(&all, ++hand->number, &hand->dealer.out);
    dealer_send(&hand->dealer);
}

static void
take(struct hand *hand, weft_bytes frame)
{
    struct wf_wire_message message;
    struct wf_arena memory = {0};
    struct wf_codec_tasks tasks = {0};

    CHECK_OK(wf_wire_read(frame, &message));
    (void)snprintf(hand->verb, sizeof(hand->verb), "%.*s",
                   (int)message.verb.len, (const char *)message.verb.data);
    hand->count = 0;
    if (strcmp(hand->verb, "ok") == 0) {
        CHECK_EQ(message.number, hand->number);
        CHECK_OK(wf_codec_tasks_decode(&message, &memory, &tasks));
    }
    CHECK(tasks.count <= HAND_TASKS_MAX);
    for (size_t i = 0; i < tasks.count; i++) {
        (void)snprintf(hand->tokens[i], sizeof(hand->tokens[i]), "%s",
                       tasks.tasks[i].token);
        (void)snprintf(hand->key, sizeof(hand->key), "%s", tasks.tasks[i].key);
        (void)snprintf(hand->details, sizeof(hand->details), "%.*s",
                       (int)tasks.tasks[i].details.len,
                       tasks.tasks[i].details.len == 0
                           ? ""
                           : (const char *)tasks.tasks[i].details.data);
        hand->heartbeat_ms = tasks.tasks[i].heartbeat_ms;
        hand->has_deadline = tasks.tasks[i].deadline_ms > 0;
        hand->attempt = tasks.tasks[i].attempt;
    }
    hand->count = tasks.count;
    wf_arena_fini(&memory);
}

bool
hand_hear(struct hand *hand)
{
    struct wf_message message;

    if (!wf_socket_receive(hand->dealer.socket, &message)) {
        return false;
    }
    take(hand, message.frame);
    wf_message_fini(&message);
    return true;
}

void
hand_hear_tasks(struct hand *hand, size_t count)
{
    bool is_heard = hand_hear(hand);

    for (int i = 0; i < ROUNDS && !is_heard; i++) {
        gateway_rig_pause();
        is_heard = hand_hear(hand);
    }
    CHECK(is_heard);
    CHECK_STR(hand->verb, "ok");
    CHECK_EQ(hand->count, count);
}

void
hand_complete(struct hand *hand)
{
    char answer[32];

    hand_say(hand, "complete", NULL);
    (void)snprintf(answer, sizeof(answer), "ok %d", (int)hand->number);
    CHECK_HEARS(&hand->dealer, answer);
}
