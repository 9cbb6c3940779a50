// SPDX-License-Identifier: Apache-2.0
//
// connection.c - opening, hello, pings and the end of connections. See
// connection.h.
//
// The node says bye when it has no hello of this connection: ZeroMQ has made a
// new one, and nothing that was sent on it was taken. Then hello is said again
// and the owner sends again. All other ends are followed by a new socket.
//
// How often. A connection that brought an answer is followed by another one
// almost at once; each that did not doubles the pause, up to two seconds.

#include "remote/connection.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "remote/codec.h"
#include "remote/codec_session.h"
#include "runtime/request.h"

enum {
    OPEN_MS = 3000,    // for a hello to be answered
    CONNECT_MS = 1000, // to be connected, where there is another endpoint
    PAUSE_MS_MIN = 20,
    PAUSE_MS_MAX = 2000,
    REFUSED_MS = 1000,
    PING_MS = 1000,   // while an answer is awaited
    HURRY_MS = 20,    // the first one, for who hurries
    SILENT_MS = 6000, // the same: the node is away
    KEEPALIVE_MS_MIN = 100,
    KEEPALIVE_MS_DEFAULT = 10000,
    TAKEN_MAX = 3,
    TAKEN_MS = 10000,
};

void
wf_connection_init(struct wf_connection *connection,
                   const struct wf_connection_options *options,
                   struct wf_context *context)
{
    *connection = (struct wf_connection){
        .options = options,
        .context = context,
        .keepalive_ms = KEEPALIVE_MS_DEFAULT,
    };
    wf_random_init(&connection->random, wf_random_os_seed());
}

static void
drop_message(struct wf_connection *connection)
{
    if (connection->has_message) {
        wf_message_fini(&connection->message);
        connection->has_message = false;
    }
}

static void
drop_socket(struct wf_connection *connection)
{
    drop_message(connection);
    wf_socket_destroy(connection->socket);
    connection->socket = NULL;
}

void
wf_connection_fini(struct wf_connection *connection)
{
    drop_socket(connection);
}

weft_err
wf_connection_open(struct wf_connection *connection, uint64_t now_ms)
{
    const struct wf_connection_options *options = connection->options;
    weft_err err;

    drop_socket(connection);
    err = wf_socket_create(connection->context, &options->socket,
                           &connection->socket);
    if (err == WEFT_OK) {
        err = wf_socket_connect(connection->socket,
                                options->endpoints[connection->endpoint]);
    }
    if (err != WEFT_OK) {
        drop_socket(connection);
        return err;
    }
    connection->endpoint =
        (connection->endpoint + 1) % options->endpoints_count;
    connection->state = WF_CONNECTION_OPENING;
    connection->is_connected = false;
    connection->is_useful = false;
    connection->due_ms =
        now_ms + (options->endpoints_count > 1 ? CONNECT_MS : OPEN_MS);
    return WEFT_OK;
}

// It has ended; another one begins after a pause.
static void
end(struct wf_connection *connection, uint64_t now_ms)
{
    uint32_t pause = connection->pause_ms;

    drop_socket(connection);
    connection->state = WF_CONNECTION_DOWN;
    // Where nobody answers, ZeroMQ has made pauses already.
    pause = connection->is_useful || pause == 0 || !connection->is_connected
                ? PAUSE_MS_MIN
                : pause * 2;
    pause = pause > PAUSE_MS_MAX ? PAUSE_MS_MAX : pause;
    connection->pause_ms = pause;
    // Many clients of one node do not come all at a time.
    connection->due_ms = now_ms + pause / 2 +
                         wf_random_below(&connection->random, pause / 2 + 1);
}

void
wf_connection_break(struct wf_connection *connection, uint64_t now_ms)
{
    if (connection->socket != NULL) {
        connection->is_useful = false;
        end(connection, now_ms);
    }
}

static enum wf_connection_news
refuse(struct wf_connection *connection, weft_err err, const char *text,
       uint64_t now_ms)
{
    drop_socket(connection);
    connection->state = WF_CONNECTION_REFUSED;
    connection->due_ms = now_ms + REFUSED_MS;
    connection->refusal = err;
    (void)snprintf(connection->refusal_text, sizeof(connection->refusal_text),
                   "%s", text);
    return WF_CONNECTION_FAILED;
}

// Saying. -------------------------------------------------------------------

static bool
say(struct wf_connection *connection, struct wf_buf *frame, uint64_t now_ms)
{
    bool is_taken =
        wf_socket_send(connection->socket, NULL, frame, NULL) == WF_SENT;

    if (is_taken) {
        connection->said_ms = now_ms;
    }
    return is_taken;
}

bool
wf_connection_send(struct wf_connection *connection, struct wf_buf *frame,
                   uint64_t now_ms)
{
    return connection->state == WF_CONNECTION_READY &&
           say(connection, frame, now_ms);
}

// One that is not taken is followed by the next connection.
static void
say_hello(struct wf_connection *connection, uint64_t now_ms)
{
    const struct wf_connection_options *options = connection->options;
    struct wf_buf frame = {0};

    wf_codec_hello_encode(
        &(struct wf_codec_hello){
            .version = WF_WIRE_VERSION,
            .client =
                weft_bytes_of(options->client_id, sizeof(options->client_id)),
            .name_space = options->name_space,
            .label = options->label[0] == '\0' ? NULL : options->label,
            .node = options->node,
        },
        &frame);
    (void)say(connection, &frame, now_ms);
    wf_buf_fini(&frame);
    connection->state = WF_CONNECTION_OPENING;
    connection->due_ms = now_ms + OPEN_MS;
}

static void
ping(struct wf_connection *connection, uint64_t now_ms)
{
    struct wf_buf frame = {0};

    wf_codec_plain_encode("ping", 0, &frame);
    (void)say(connection, &frame, now_ms);
    wf_buf_fini(&frame);
    connection->pinged_ms = now_ms;
}

// Hearing. ------------------------------------------------------------------

static uint64_t
or_else(uint64_t said, uint64_t other)
{
    return said == 0 ? other : said;
}

// A name that is too long, of whatever, is none.
static void
copy_name(char *out_name, size_t size, const char *name)
{
    (void)snprintf(out_name, size, "%s", strlen(name) < size ? name : "");
}

static void
note_host(struct wf_connection *connection,
          const struct wf_codec_welcome *welcome)
{
    struct wf_connection_host *host = &connection->host;

    copy_name(host->node, sizeof(host->node), welcome->node);
    copy_name(host->name_space, sizeof(host->name_space), welcome->name_space);
    copy_name(host->principal, sizeof(host->principal), welcome->principal);
    host->partitions =
        host->node[0] == '\0' || welcome->partitions > WF_PARTITIONS_MAX
            ? 0
            : welcome->partitions;
}

static enum wf_connection_news
hello_ok(struct wf_connection *connection,
         const struct wf_wire_message *message, uint64_t now_ms)
{
    struct wf_arena memory = {0};
    struct wf_codec_welcome welcome;
    weft_err err = wf_codec_welcome_decode(message, &memory, &welcome);

    if (err == WEFT_OK) {
        note_host(connection, &welcome);
    }
    wf_arena_fini(&memory);
    if (err != WEFT_OK) {
        end(connection, now_ms);
        return WF_CONNECTION_NOTHING;
    }
    connection->credit = (struct wf_calls_credit){
        .requests = or_else(welcome.credit, 1),
        .bytes = or_else(welcome.credit_bytes, WF_WIRE_MESSAGE_BYTES_MAX),
        .waits = or_else(welcome.waits, 1),
        .message_max = or_else(welcome.message_max, WF_WIRE_MESSAGE_BYTES_MAX),
    };
    connection->bundle_max = welcome.bundle_max > WF_BUNDLE_MESSAGES_MAX
                                 ? WF_BUNDLE_MESSAGES_MAX
                                 : welcome.bundle_max;
    connection->keepalive_ms =
        or_else(welcome.keepalive_ms, KEEPALIVE_MS_DEFAULT);
    if (connection->keepalive_ms < KEEPALIVE_MS_MIN) {
        connection->keepalive_ms = KEEPALIVE_MS_MIN;
    }
    connection->state = WF_CONNECTION_READY;
    return WF_CONNECTION_BEGAN;
}

// What the node may take back by itself is no refusal.
static enum wf_connection_news
hello_error(struct wf_connection *connection,
            const struct wf_wire_message *message, uint64_t now_ms)
{
    struct wf_request *answer = wf_request_create();
    enum wf_connection_news news = WF_CONNECTION_NOTHING;
    weft_err err = wf_codec_reply_decode(WEFT_VERB_START, message, answer);
    const char *kind = weft_err_class(answer->reply.err);

    if (err != WEFT_OK || strcmp(kind, "RETRY") == 0 ||
        strcmp(kind, "UNKNOWN") == 0) {
        end(connection, now_ms);
    } else {
        news =
            refuse(connection, answer->reply.err, answer->reply.detail, now_ms);
    }
    wf_request_destroy(answer);
    return news;
}

// Once or twice it may have been a connection of our own that came late.
static enum wf_connection_news
taken(struct wf_connection *connection, uint64_t now_ms)
{
    if (now_ms - connection->taken_at_ms > TAKEN_MS) {
        connection->taken_count = 0;
        connection->taken_at_ms = now_ms;
    }
    connection->taken_count++;
    if (connection->taken_count < TAKEN_MAX) {
        end(connection, now_ms);
        return WF_CONNECTION_NOTHING;
    }
    (void)refuse(connection, WEFT_EBUSY,
                 "another connection has the id of this client", now_ms);
    connection->state = WF_CONNECTION_TAKEN;
    connection->due_ms = UINT64_MAX;
    return WF_CONNECTION_FAILED;
}

static enum wf_connection_news
bye(struct wf_connection *connection, const struct wf_wire_message *message,
    uint64_t now_ms)
{
    struct wf_arena memory = {0};
    enum wf_codec_bye code;
    const char *text;

    // One that makes no sense is one that is not known.
    (void)wf_codec_bye_decode(message, &memory, &code, &text);
    wf_arena_fini(&memory);
    switch (code) {
    case WF_CODEC_BYE_HELLO:
        // One that is under way is answered before long.
        if (connection->state == WF_CONNECTION_READY) {
            say_hello(connection, now_ms);
        }
        return WF_CONNECTION_NOTHING;
    case WF_CODEC_BYE_REPLACED:
        return taken(connection, now_ms);
    case WF_CODEC_BYE_REVOKED:
        return refuse(connection, WEFT_EDENIED,
                      "the key of this client was revoked", now_ms);
    default:
        end(connection, now_ms);
        return WF_CONNECTION_NOTHING;
    }
}

static enum wf_connection_news
hear(struct wf_connection *connection, uint64_t now_ms,
     struct wf_wire_message *out)
{
    size_t bytes;
    bool is_ok;

    connection->heard_ms = now_ms;
    if (!connection->message.is_alone ||
        wf_bundle_next(&connection->reader, out, &bytes) != WEFT_OK) {
        end(connection, now_ms);
        return WF_CONNECTION_NOTHING;
    }
    if (wf_wire_is(out, "bye")) {
        return bye(connection, out, now_ms);
    }
    if (wf_wire_is(out, "pong")) {
        return connection->state == WF_CONNECTION_READY ? WF_CONNECTION_ARRIVED
                                                        : WF_CONNECTION_NOTHING;
    }
    is_ok = wf_wire_is(out, "ok");
    if (!is_ok && !wf_wire_is(out, "error")) {
        return WF_CONNECTION_NOTHING; // of a later version
    }
    if (connection->state == WF_CONNECTION_READY) {
        connection->is_useful = true;
        return WF_CONNECTION_MESSAGE;
    }
    if (out->number != 0) {
        return WF_CONNECTION_NOTHING;
    }
    return is_ok ? hello_ok(connection, out, now_ms)
                 : hello_error(connection, out, now_ms);
}

// Time and events. ----------------------------------------------------------

static enum wf_connection_news
take_event(struct wf_connection *connection,
           const struct wf_socket_event *event, uint64_t now_ms)
{
    switch (event->type) {
    case WF_SOCKET_CONNECTED:
        connection->heard_ms = now_ms;
        if (connection->is_connected) {
            end(connection, now_ms); // it broke, unseen
            break;
        }
        connection->is_connected = true;
        say_hello(connection, now_ms);
        break;
    case WF_SOCKET_DISCONNECTED:
        if (connection->is_connected) {
            end(connection, now_ms);
        }
        break;
    case WF_SOCKET_REFUSED:
        return refuse(connection, WEFT_EDENIED,
                      "the node refuses the key of this client", now_ms);
    case WF_SOCKET_MISMATCHED:
        return refuse(connection, WEFT_EDENIED,
                      connection->options->socket.secret_key == NULL
                          ? "the node wants keys, and this client has none"
                          : "this client has keys, and the node has none",
                      now_ms);
    default:
        break;
    }
    return WF_CONNECTION_NOTHING;
}

// Nothing was awaited before that, or came before it.
static uint64_t
silent_since(const struct wf_connection *connection)
{
    return connection->heard_ms > connection->idle_ms ? connection->heard_ms
                                                      : connection->idle_ms;
}

static enum wf_connection_news
keep(struct wf_connection *connection, enum wf_connection_wait wait,
     uint64_t now_ms)
{
    weft_err err;

    if (now_ms < wf_connection_due_ms(connection, wait)) {
        return WF_CONNECTION_NOTHING;
    }
    switch (connection->state) {
    case WF_CONNECTION_READY:
        if (wait != WF_CONNECTION_IDLE &&
            now_ms - silent_since(connection) >= SILENT_MS) {
            end(connection, now_ms);
        } else {
            ping(connection, now_ms);
        }
        break;
    case WF_CONNECTION_OPENING:
        end(connection, now_ms);
        break;
    default:
        err = wf_connection_open(connection, now_ms);
        if (err != WEFT_OK) {
            return refuse(connection, err, weft_err_detail(), now_ms);
        }
    }
    return WF_CONNECTION_NOTHING;
}

// Is there another one, of the same frame or the next?
static bool
take_message(struct wf_connection *connection)
{
    if (connection->has_message && wf_bundle_has_next(&connection->reader)) {
        return true;
    }
    drop_message(connection);
    connection->has_message =
        connection->socket != NULL &&
        wf_socket_receive(connection->socket, &connection->message);
    if (connection->has_message) {
        connection->reader = wf_bundle_read(connection->message.frame, false);
    }
    return connection->has_message;
}

enum wf_connection_news
wf_connection_next(struct wf_connection *connection,
                   enum wf_connection_wait wait, uint64_t now_ms,
                   struct wf_wire_message *out)
{
    enum wf_connection_news news = WF_CONNECTION_NOTHING;
    struct wf_socket_event event;

    if (wait == WF_CONNECTION_IDLE) {
        connection->idle_ms = now_ms;
    }
    while (news == WF_CONNECTION_NOTHING && take_message(connection)) {
        news = hear(connection, now_ms, out);
    }
    // After what came before it: an answer is not lost with its connection.
    while (news == WF_CONNECTION_NOTHING && connection->socket != NULL &&
           wf_socket_event(connection->socket, &event)) {
        news = take_event(connection, &event, now_ms);
    }
    return news != WF_CONNECTION_NOTHING ? news
                                         : keep(connection, wait, now_ms);
}

uint64_t
wf_connection_due_ms(const struct wf_connection *connection,
                     enum wf_connection_wait wait)
{
    uint64_t last = connection->pinged_ms;
    bool hurries =
        wait == WF_CONNECTION_HURRIES && last <= connection->heard_ms;

    if (connection->state != WF_CONNECTION_READY) {
        return connection->due_ms;
    }
    if (wait == WF_CONNECTION_IDLE) {
        last = connection->said_ms > last ? connection->said_ms : last;
        return last + connection->keepalive_ms;
    }
    last = silent_since(connection) > last ? silent_since(connection) : last;
    return last + (hurries ? HURRY_MS : PING_MS);
}
