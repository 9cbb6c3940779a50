// SPDX-License-Identifier: Apache-2.0
//
// asker.c - see asker.h, and docs/formats/wire.md, sections 3 and 4, which are
// all that it goes by.

#include "remote_tests/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "transport/wire.h"

enum { HELLO_PAUSE_MS = 300, PING_MS = 300 };

uint64_t
asker_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t
now_ms(void)
{
    return asker_now_us() / 1000;
}

void
asker_open(struct asker *asker, const char *endpoint, uint8_t id)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .reconnect_ms = 5,
        .reconnect_max = 50,
    };

    *asker = (struct asker){.next = 1, .client = {id}};
    asker->context = wf_context_create();
    if (wf_socket_create(asker->context, &options, &asker->socket) != WEFT_OK ||
        wf_socket_connect(asker->socket, endpoint) != WEFT_OK) {
        (void)fprintf(stderr, "asker: %s\n", weft_err_detail());
        exit(1);
    }
    asker->confirmed = 1;
}

void
asker_close(struct asker *asker)
{
    for (int i = 0; i < ASKER_WINDOW; i++) {
        wf_buf_fini(&asker->open[i].frame);
    }
    wf_socket_destroy(asker->socket);
    wf_context_destroy(asker->context);
}

static bool
send_copy(struct asker *asker, weft_bytes frame)
{
    struct wf_buf copy = {0};
    bool is_sent;

    wf_buf_put(&copy, frame.data, frame.len);
    is_sent = wf_socket_send(asker->socket, NULL, &copy, NULL) == WF_SENT;
    wf_buf_fini(&copy);
    return is_sent;
}

static void
say_hello(struct asker *asker)
{
    struct wf_buf frame = {0};
    struct wf_wire_writer writer;

    wf_wire_begin(&writer, &frame, "hello", 0);
    wf_wire_put_uint(&writer, "version", 1);
    wf_wire_put_bytes(&writer, "client", weft_bytes_of(asker->client, 16));
    wf_wire_end(&writer);
    if (send_copy(asker, wf_buf_bytes(&frame))) {
        asker->hello_ms = now_ms();
        asker->hellos++;
    }
    wf_buf_fini(&frame);
}

static void
send_again(struct asker *asker)
{
    for (uint64_t i = asker->confirmed; i < asker->next; i++) {
        if (!asker->open[i % ASKER_WINDOW].is_answered &&
            asker->open[i % ASKER_WINDOW].number == i) {
            (void)send_copy(asker,
                            wf_buf_bytes(&asker->open[i % ASKER_WINDOW].frame));
            asker->resent++;
        }
    }
}

bool
asker_has_room(const struct asker *asker)
{
    return asker->next < asker->confirmed + ASKER_WINDOW;
}

static void
put_target(struct wf_wire_writer *writer, const char *kind, const char *id)
{
    wf_wire_put_text(writer, "kind", kind);
    wf_wire_put_text(writer, "id", id);
}

static struct wf_buf *
begin(struct asker *asker, struct wf_wire_writer *writer, const char *verb)
{
    uint64_t number = asker->next++;
    struct wf_buf *frame = &asker->open[number % ASKER_WINDOW].frame;

    asker->open[number % ASKER_WINDOW].number = number;
    asker->open[number % ASKER_WINDOW].is_answered = false;
    wf_buf_reset(frame);
    wf_wire_begin(writer, frame, verb, number);
    wf_wire_put_uint(writer, "confirmed", asker->confirmed);
    wf_wire_put_bool(writer, "again", true); // it may be, any time
    return frame;
}

static void
end(struct asker *asker, struct wf_wire_writer *writer,
    const struct wf_buf *frame)
{
    wf_wire_end(writer);
    if (asker->is_greeted) {
        (void)send_copy(asker, wf_buf_bytes(frame));
    }
}

uint64_t
asker_signal(struct asker *asker, const char *kind, const char *id,
             uint64_t data)
{
    struct wf_wire_writer writer;
    struct wf_buf *frame = begin(asker, &writer, "signal");

    put_target(&writer, kind, id);
    wf_wire_put_text(&writer, "name", "next");
    wf_wire_put_bytes(&writer, "data", weft_bytes_of(&data, sizeof(data)));
    end(asker, &writer, frame);
    return asker->next - 1;
}

void
asker_start(struct asker *asker, const char *kind, const char *id)
{
    struct wf_wire_writer writer;
    struct wf_buf *frame = begin(asker, &writer, "start");

    put_target(&writer, kind, id);
    end(asker, &writer, frame);
}

static void
note_answer(struct asker *asker, const struct wf_wire_message *message)
{
    uint64_t number = message->number;

    if (number < asker->confirmed || number >= asker->next) {
        return;
    }
    if (wf_wire_is(message, "error")) {
        asker->errors++;
        (void)snprintf(
            asker->error, sizeof(asker->error), "%.*s",
            (int)(message->fields.len < 190 ? message->fields.len : 190),
            (const char *)message->fields.data);
    }
    asker->open[number % ASKER_WINDOW].is_answered = true;
    while (asker->confirmed < asker->next &&
           asker->open[asker->confirmed % ASKER_WINDOW].is_answered) {
        asker->confirmed++;
    }
}

static void
hear(struct asker *asker, weft_bytes frame)
{
    struct wf_wire_message message;

    if (wf_wire_read(frame, &message) != WEFT_OK) {
        (void)fprintf(stderr, "asker: the node sent nonsense\n");
        exit(1);
    }
    asker->ping_ms = now_ms();
    if (wf_wire_is(&message, "bye")) {
        asker->is_greeted = false;
        asker->hello_ms = 0;
    } else if (message.number == 0 && wf_wire_is(&message, "ok")) {
        asker->is_greeted = true;
        send_again(asker);
    } else if (!wf_wire_is(&message, "pong")) {
        note_answer(asker, &message);
    }
}

static void
send_ping(struct asker *asker)
{
    struct wf_buf frame = {0};
    struct wf_wire_writer writer;

    wf_wire_begin(&writer, &frame, "ping", 1);
    wf_wire_end(&writer);
    if (send_copy(asker, wf_buf_bytes(&frame))) {
        asker->ping_ms = now_ms();
    }
    wf_buf_fini(&frame);
}

void
asker_step(struct asker *asker, int ms)
{
    struct wf_socket_event event;
    struct wf_message message;

    wf_socket_wait(asker->socket, NULL, 0, ms);
    while (wf_socket_event(asker->socket, &event)) {
        if (event.type == WF_SOCKET_CONNECTED) {
            asker->is_greeted = false; // at once, and not after a bye
            asker->hello_ms = 0;
        }
    }
    while (wf_socket_receive(asker->socket, &message)) {
        hear(asker, message.frame);
        wf_message_fini(&message);
    }
    if (!asker->is_greeted && now_ms() - asker->hello_ms > HELLO_PAUSE_MS) {
        say_hello(asker);
    } else if (asker->is_greeted && now_ms() - asker->ping_ms > PING_MS) {
        send_ping(asker);
    }
}

bool
asker_is_answered(const struct asker *asker, uint64_t number)
{
    return number < asker->confirmed ||
           (number < asker->next &&
            asker->open[number % ASKER_WINDOW].is_answered);
}

bool
asker_finish(struct asker *asker, uint64_t ms)
{
    uint64_t end_ms = now_ms() + ms;

    while (asker->confirmed < asker->next && now_ms() < end_ms) {
        asker_step(asker, 5);
    }
    return asker->confirmed == asker->next;
}
