// SPDX-License-Identifier: Apache-2.0
//
// wire_rig.c - a node that a test plays itself. See wire_rig.h.

#include "unit/wire_rig.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "transport/line.h"

enum { PATIENCE_MS = 60000 };

struct wire_rig wire_rig;

void
wire_open(void)
{
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER};

    memset(&wire_rig, 0, sizeof(wire_rig));
    wire_rig.context = wf_context_create();
    CHECK_OK(wf_socket_create(wire_rig.context, &options, &wire_rig.router));
    CHECK_OK(wf_socket_bind(wire_rig.router, "tcp://127.0.0.1:*",
                            wire_rig.endpoint));
}

weft_connect_options
wire_options(void)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    wire_rig.endpoints[0] = wire_rig.endpoint;
    options.endpoints = wire_rig.endpoints;
    options.endpoints_count = 1;
    return options;
}

void
wire_connect(void)
{
    weft_connect_options options = wire_options();

    CHECK_OK(weft_client_connect(&options, &wire_rig.client));
}

static void
drop_message(void)
{
    if (wire_rig.has_message) {
        wf_message_fini(&wire_rig.message);
        wire_rig.has_message = false;
    }
}

void
wire_close(void)
{
    weft_client_close(wire_rig.client);
    drop_message();
    wf_socket_destroy(wire_rig.router);
    wf_context_destroy(wire_rig.context);
}

// Messages. -------------------------------------------------------------------

static void
drop_events(void)
{
    struct wf_socket_event event;

    while (wf_socket_event(wire_rig.router, &event)) {
    }
}

static void
send_frame(struct wf_buf *frame)
{
    CHECK_EQ(wf_socket_send(wire_rig.router, &wire_rig.peer, frame, NULL),
             WF_SENT);
    wf_buf_fini(frame);
}

static void
say(const char *verb, uint64_t number)
{
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    wf_wire_begin(&writer, &frame, verb, number);
    wf_wire_end(&writer);
    send_frame(&frame);
}

enum heard { HEARD_NOTHING, HEARD_PING, HEARD_CALL };

// The next message of a frame, or the next frame.
static bool
next_message(void)
{
    if (wire_rig.has_message && wf_bundle_has_next(&wire_rig.reader)) {
        return true;
    }
    drop_message();
    drop_events();
    if (!wf_socket_receive(wire_rig.router, &wire_rig.message)) {
        return false;
    }
    wire_rig.has_message = true;
    wire_rig.reader = wf_bundle_read(wire_rig.message.frame, true);
    wire_rig.frames++;
    return true;
}

// One that is there. Pings are answered.
static enum heard
hear(void)
{
    struct wf_wire_message wire;
    size_t bytes;

    if (!next_message()) {
        return HEARD_NOTHING;
    }
    CHECK_OK(wf_bundle_next(&wire_rig.reader, &wire, &bytes));
    wire_rig.wire = wire;
    wire_rig.peer = wire_rig.message.peer;
    wire_rig.fd = wf_message_fd(&wire_rig.message);
    if (!wf_wire_is(&wire, "ping")) {
        return HEARD_CALL;
    }
    say("pong", wire.number);
    wire_rig.pings++;
    return HEARD_PING;
}

// One that is no ping.
static bool
receive(void)
{
    enum heard heard;

    do {
        heard = hear();
    } while (heard == HEARD_PING);
    return heard == HEARD_CALL;
}

void
wire_take(const char *verb)
{
    struct wf_clock clock = wf_clock_system();
    uint64_t begun_ns = clock.mono_ns(clock.self);

    while (!receive()) {
        CHECK(clock.mono_ns(clock.self) - begun_ns < PATIENCE_MS * 1000000ULL);
        wf_socket_wait(wire_rig.router, NULL, 0, 100);
    }
    if (!wf_wire_is(&wire_rig.wire, verb)) {
        fprintf(stderr, "%.*s came in place of %s\n",
                (int)wire_rig.wire.verb.len,
                (const char *)wire_rig.wire.verb.data, verb);
    }
    CHECK(wf_wire_is(&wire_rig.wire, verb));
}

bool
wire_take_soon(uint32_t ms)
{
    if (receive()) {
        return true;
    }
    wf_socket_wait(wire_rig.router, NULL, 0, (int)ms);
    return receive();
}

static bool
find_field(const char *name, struct wf_wire_field *out)
{
    struct wf_wire_walk walk = wf_wire_fields(&wire_rig.wire);

    while (wf_wire_next(&walk, out)) {
        if (wf_wire_field_is(out, name)) {
            return true;
        }
    }
    return false;
}

uint64_t
wire_uint(const char *name)
{
    struct wf_wire_field field;
    uint64_t number = 0;

    if (find_field(name, &field)) {
        CHECK_OK(wf_wire_uint(&field, UINT64_MAX, &number));
    }
    return number;
}

bool
wire_text_is(const char *name, const char *text)
{
    struct wf_wire_field field;
    weft_bytes bytes;

    if (!find_field(name, &field)) {
        return text == NULL;
    }
    CHECK_OK(wf_wire_text(&field, 1000, &bytes));
    return text != NULL && bytes.len == strlen(text) &&
           memcmp(bytes.data, text, bytes.len) == 0;
}

void
wire_take_call(const char *verb, uint64_t number, bool is_again)
{
    struct wf_wire_field field;
    bool again = false;

    wire_take(verb);
    CHECK_EQ(wire_rig.wire.number, number);
    if (find_field("again", &field)) {
        CHECK_OK(wf_wire_bool(&field, &again));
    }
    CHECK_EQ(again, is_again);
}

void
wire_take_pings(size_t count)
{
    // What follows the last of them may be there already, and is not taken.
    for (int i = 0; wire_rig.pings < count; i++) {
        CHECK(i < PATIENCE_MS / 10);
        wf_socket_wait(wire_rig.router, NULL, 0, 10);
        CHECK(hear() != HEARD_CALL);
    }
}

void
wire_nothing(void)
{
    CHECK(!receive());
}

// Answers. --------------------------------------------------------------------

static uint64_t
or_else(uint64_t value, uint64_t other)
{
    return value == 0 ? other : value;
}

void
wire_hello(const struct wire_hello *hello)
{
    wire_take("hello");
    CHECK_EQ(wire_uint("version"), 1);
    wire_welcome(hello);
}

static void
put_name(struct wf_wire_writer *writer, const char *what, const char *name)
{
    if (name != NULL) {
        wf_wire_put_text(writer, what, name);
    }
}

void
wire_welcome(const struct wire_hello *hello)
{
    static const struct wire_hello none;
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    hello = hello == NULL ? &none : hello;
    wf_wire_begin(&writer, &frame, "ok", wire_rig.wire.number);
    wf_wire_put_uint(&writer, "version", 1);
    wf_wire_put_text(&writer, "server", "a test");
    wf_wire_put_uint(&writer, "credit", or_else(hello->credit, 1000));
    wf_wire_put_uint(&writer, "credit_bytes",
                     or_else(hello->credit_bytes, 10 << 20));
    wf_wire_put_uint(&writer, "waits", or_else(hello->waits, 100));
    wf_wire_put_uint(&writer, "message_max",
                     or_else(hello->message_max, 5 << 20));
    wf_wire_put_uint(&writer, "keepalive_ms",
                     or_else(hello->keepalive_ms, 10000));
    put_name(&writer, "node", hello->node);
    put_name(&writer, "namespace", hello->name_space);
    put_name(&writer, "principal", hello->principal);
    if (hello->partitions > 0) {
        wf_wire_put_uint(&writer, "partitions", hello->partitions);
    }
    if (hello->bundle_max > 0) {
        wf_wire_put_uint(&writer, "bundle_max", hello->bundle_max);
    }
    wf_wire_end(&writer);
    send_frame(&frame);
}

void
wire_ok(uint64_t number)
{
    say("ok", number);
}

void
wire_oks(uint64_t first, uint64_t last)
{
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    for (uint64_t number = first; number <= last; number++) {
        wf_wire_begin(&writer, &frame, "ok", number);
        wf_wire_end(&writer);
    }
    send_frame(&frame);
}

void
wire_error(uint64_t number, const char *code, const char *kind,
           const char *text)
{
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    wf_wire_begin(&writer, &frame, "error", number);
    wf_wire_put_text(&writer, "code", code);
    wf_wire_put_text(&writer, "class", kind);
    wf_wire_put_text(&writer, "text", text);
    wf_wire_end(&writer);
    send_frame(&frame);
}

void
wire_bye(const char *code)
{
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    wf_wire_begin(&writer, &frame, "bye", 0);
    wf_wire_put_text(&writer, "code", code);
    wf_wire_put_text(&writer, "text", "said the test");
    wf_wire_end(&writer);
    send_frame(&frame);
}

void
wire_raw(const void *bytes, size_t len)
{
    struct wf_buf frame = {0};

    wf_buf_put(&frame, bytes, len);
    send_frame(&frame);
}

void
wire_cut(void)
{
    struct wf_line line = wf_line_of(wire_rig.fd);

    CHECK(wf_line_cut(&line));
}

// Calls. ----------------------------------------------------------------------

static void
note(void *ctx, const weft_reply *reply)
{
    size_t at = wire_rig.replies_count++ % 64;

    (void)ctx;
    wire_rig.numbers[at] = reply->number;
    wire_rig.errs[at] = reply->err;
    (void)snprintf(wire_rig.detail, sizeof(wire_rig.detail), "%s",
                   reply->detail);
}

uint64_t
wire_submit_request(const weft_request *request)
{
    uint64_t number = 0;

    CHECK_OK(weft_client_submit(wire_rig.client, request, note, NULL, &number));
    return number;
}

uint64_t
wire_submit(const char *name)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = wire_order;
    request.name = name;
    return wire_submit_request(&request);
}

void
wire_dispatch(size_t count)
{
    while (wire_rig.replies_count < count) {
        struct pollfd fd = {.fd = weft_client_fd(wire_rig.client),
                            .events = POLLIN};

        CHECK_EQ(poll(&fd, 1, PATIENCE_MS), 1);
        weft_client_dispatch(wire_rig.client, 100);
    }
    CHECK_EQ(wire_rig.replies_count, count);
}
