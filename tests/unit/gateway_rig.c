// SPDX-License-Identifier: Apache-2.0
//
// gateway_rig.c - see gateway_rig.h.

#include "unit/gateway_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 60000, STEP_MS = 10 };

struct gateway_rig
gateway_rig_begin(struct test *t)
{
    return (struct gateway_rig){
        .node = node_rig_begin(t),
        .options = WEFT_SERVER_OPTIONS_INIT,
        .context = wf_context_create(),
    };
}

void
gateway_rig_open(struct gateway_rig *rig)
{
    node_rig_open(&rig->node);
    rig->endpoints[0] = "tcp://127.0.0.1:*";
    rig->options.endpoints = rig->endpoints;
    rig->options.endpoints_count = 1;
    CHECK_OK(weft_server_open(rig->node.node, &rig->options, &rig->server));
}

void
gateway_rig_close(struct gateway_rig *rig)
{
    weft_server_close(rig->server);
    rig->server = NULL;
    node_rig_close(&rig->node);
}

void
gateway_rig_end(struct gateway_rig *rig)
{
    wf_context_destroy(rig->context);
    node_rig_end(&rig->node);
}

struct gateway_rig
gateway_rig_begin_with(struct test *t, struct dealer *dealer)
{
    struct gateway_rig rig = gateway_rig_begin(t);

    gateway_rig_open(&rig);
    dealer_open(dealer, &rig, 0);
    return rig;
}

void
gateway_rig_end_with(struct gateway_rig *rig, struct dealer *dealer)
{
    dealer_close(dealer);
    gateway_rig_close(rig);
    gateway_rig_end(rig);
}

weft_server_stats
gateway_rig_stats(struct gateway_rig *rig)
{
    weft_server_stats stats = {.struct_size = sizeof(stats)};

    CHECK_OK(weft_server_get_stats(rig->server, &stats));
    return stats;
}

void
gateway_rig_pause(void)
{
    usleep(5000);
}

// Connections. ----------------------------------------------------------------

void
dealer_open(struct dealer *dealer, struct gateway_rig *rig,
            uint32_t receive_max)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .receive_max = receive_max,
    };

    *dealer = (struct dealer){0};
    CHECK_OK(wf_socket_create(rig->context, &options, &dealer->socket));
    CHECK_OK(wf_socket_connect(dealer->socket,
                               weft_server_endpoint(rig->server, 0)));
}

static void
drop_message(struct dealer *dealer)
{
    if (dealer->has_message) {
        wf_message_fini(&dealer->message);
        dealer->has_message = false;
    }
}

void
dealer_close(struct dealer *dealer)
{
    drop_message(dealer);
    wf_socket_destroy(dealer->socket);
    wf_buf_fini(&dealer->out);
}

static void
drain_events(struct dealer *dealer)
{
    struct wf_socket_event event;

    while (wf_socket_event(dealer->socket, &event)) {
    }
}

void
dealer_send(struct dealer *dealer)
{
    for (int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
        if (wf_socket_send(dealer->socket, NULL, &dealer->out, NULL) ==
            WF_SENT) {
            return;
        }
        drain_events(dealer);
        wf_socket_wait(dealer->socket, NULL, 0, STEP_MS);
    }
    CHECK(false);
}

struct wf_wire_writer *
dealer_begin(struct dealer *dealer, const char *verb, uint64_t number)
{
    wf_buf_reset(&dealer->out);
    wf_wire_begin(&dealer->writer, &dealer->out, verb, number);
    return &dealer->writer;
}

void
dealer_end(struct dealer *dealer)
{
    wf_wire_end(&dealer->writer);
    dealer_send(dealer);
}

void
dealer_say(struct dealer *dealer, const char *verb, uint64_t number,
           const char *kind, const char *id, const char *name)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, verb, number);

    if (kind != NULL) {
        wf_wire_put_text(writer, "kind", kind);
        wf_wire_put_text(writer, "id", id);
    }
    if (name != NULL) {
        wf_wire_put_text(writer, "name", name);
    }
    dealer_end(dealer);
}

void
dealer_hello_in(struct dealer *dealer, uint8_t client, const char *name_space)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "hello", 0);
    uint8_t id[16] = {client};

    wf_wire_put_uint(writer, "version", 1);
    wf_wire_put_bytes(writer, "client", weft_bytes_of(id, sizeof(id)));
    if (name_space != NULL) {
        wf_wire_put_text(writer, "namespace", name_space);
    }
    dealer_end(dealer);
}

void
dealer_hello(struct dealer *dealer, uint8_t client)
{
    dealer_hello_in(dealer, client, NULL);
}

void
dealer_garbage(struct dealer *dealer, const char *bytes, size_t len)
{
    wf_buf_reset(&dealer->out);
    wf_buf_put(&dealer->out, bytes, len);
    dealer_send(dealer);
}

// What is heard. --------------------------------------------------------------

static size_t
show_value(const struct wf_msgpack_item *item, char *text, size_t size)
{
    int len = 0;

    switch (item->type) {
    case WF_MSGPACK_BOOL:
        len = snprintf(text, size, "%s", item->as.boolean ? "true" : "false");
        break;
    case WF_MSGPACK_UINT:
        len = snprintf(text, size, "%" PRIu64, item->as.number);
        break;
    case WF_MSGPACK_STR:
        len = snprintf(text, size, "%.*s", (int)item->as.bytes.len,
                       (const char *)item->as.bytes.data);
        break;
    case WF_MSGPACK_BIN:
        len = snprintf(text, size, "(%zu)", item->as.bytes.len);
        break;
    default:
        len = snprintf(text, size, "{}");
        break;
    }
    return len < 0 || (size_t)len >= size ? 0 : (size_t)len;
}

// The next one of the frame.
static const char *
show(struct dealer *dealer)
{
    static char text[2000];
    struct wf_wire_message message;
    size_t bytes;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    size_t len;

    CHECK_OK(wf_bundle_next(&dealer->reader, &message, &bytes));
    len = (size_t)snprintf(text, sizeof(text), "%.*s %" PRIu64,
                           (int)message.verb.len,
                           (const char *)message.verb.data, message.number);
    walk = wf_wire_fields(&message);
    while (wf_wire_next(&walk, &field)) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                " %.*s=", (int)field.name.len,
                                (const char *)field.name.data);
        len += show_value(&field.item, text + len, sizeof(text) - len);
    }
    return text;
}

static bool
has_next(struct dealer *dealer)
{
    if (dealer->has_message && wf_bundle_has_next(&dealer->reader)) {
        return true;
    }
    drop_message(dealer);
    dealer->has_message = wf_socket_receive(dealer->socket, &dealer->message);
    dealer->frames += dealer->has_message;
    dealer->reader = wf_bundle_read(dealer->message.frame, false);
    return dealer->has_message;
}

const char *
dealer_hear_within(struct dealer *dealer, int ms)
{
    for (; ms > 0; ms -= STEP_MS) {
        if (has_next(dealer)) {
            return show(dealer);
        }
        drain_events(dealer);
        wf_socket_wait(dealer->socket, NULL, 0, STEP_MS);
    }
    return "";
}

const char *
dealer_hear(struct dealer *dealer)
{
    return dealer_hear_within(dealer, WAIT_MS);
}

void
dealer_check_like(struct dealer *dealer, const char *prefix, const char *file,
                  int line)
{
    char text[2000];

    (void)snprintf(text, sizeof(text), "%s", dealer_hear(dealer));
    if (strncmp(text, prefix, strlen(prefix)) != 0) {
        test_check_str(text, prefix, "heard", file, line);
    }
}

void
dealer_greet(struct dealer *dealer, uint8_t client)
{
    dealer_hello(dealer, client);
    CHECK_HEARS_LIKE(dealer, "ok 0 version=1");
}

void
dealer_greet_and_start(struct dealer *dealer)
{
    dealer_greet(dealer, 1);
    dealer_say(dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(dealer, "ok 1 is_created=true");
}
