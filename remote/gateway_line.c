// SPDX-License-Identifier: Apache-2.0
//
// gateway_line.c - connections as the operating system has them.
//
// ZeroMQ 4.3.4 takes every connection there is: each costs 4 KiB, 14 KiB once
// its handshake has begun and 28 KiB when it is done; and at the limit of
// descriptors it turns in circles. So connections are counted as ZeroMQ tells
// of them. One too many is cut off at once, and the listening sockets are made
// to drop what wants to connect, until there are fewer; the same for what is
// left of a slice of time in which too many came.
// docs/design/0007-connections-are-counted.md
//
// Of a line only its descriptor is known. It is found by that in the events of
// its opening and closing, which come in order.

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "remote/access.h"
#include "remote/gateway_impl.h"

enum {
    SLICE_MS = 100,
    SLICE_ACCEPTED_MAX = 200, // connections; more wait for the next
    ROOM_DIVISOR = 16,        // so much is free before more are taken
    SILENT_DIVISOR = 8,       // so many may have said no hello yet,
    SILENT_MIN = 64,          // or so many
    HELD_MS = 50,             // how often all are looked at, at least
    HELD_LITTLE = 1 << 16, // bytes that may be ZeroMQ's own, of signs of life
    HELD_MUCH = 1 << 20,   // look at it again soon
    STUCK_DIVISOR = 8,     // of bytes_max: messages that have not ended
    CURVE_BYTES = 33,      // that CURVE adds to a message
};

struct wf_gateway_line *
wf_gateway_line_find(weft_server *server, int fd)
{
    if (fd < 0 || (size_t)fd >= server->lines_cap ||
        server->lines[fd] == NULL || !server->lines[fd]->is_open) {
        return NULL;
    }
    return server->lines[fd];
}

static struct wf_gateway_line *
line_at(weft_server *server, int fd)
{
    size_t at = (size_t)fd;
    size_t cap = server->lines_cap;

    if (at >= cap) {
        cap = at + 64;
        server->lines = wf_realloc(server->lines, cap * sizeof(*server->lines));
        memset(server->lines + server->lines_cap, 0,
               (cap - server->lines_cap) * sizeof(*server->lines));
        server->lines_cap = cap;
    }
    if (server->lines[at] == NULL) {
        server->lines[at] = wf_calloc(sizeof(*server->lines[at]));
    }
    return server->lines[at];
}

static void
refuse(weft_server *server, bool is_refusing)
{
    if (server->is_refusing == is_refusing) {
        return;
    }
    server->is_refusing = is_refusing;
    for (size_t i = 0; i < server->listeners_count; i++) {
        (void)wf_line_refuse(server->listeners[i], is_refusing);
    }
}

static void
close_line(weft_server *server, struct wf_gateway_line *line)
{
    struct wf_gateway_peer *peer = line->peer;

    line->is_open = false;
    line->peer = NULL;
    server->lines_count--;
    if (wf_list_has(&line->silent)) {
        wf_list_remove(&server->silent, &line->silent);
    }
    wf_counter_add(&server->tally.disconnected, 1);
    if (peer != NULL) {
        wf_gateway_peer_gone(server, peer);
    }
}

static void
open_line(weft_server *server, int fd)
{
    struct wf_gateway_line *line = line_at(server, fd);

    if (line->is_open) {
        close_line(server, line);
    }
    *line = (struct wf_gateway_line){
        .line = wf_line_of(fd),
        .accepted_ms = server->now_ms,
        .is_open = true,
    };
    server->lines_count++;
    server->slice_accepted++;
    wf_list_push_back(&server->silent, &line->silent);
    wf_counter_add(&server->tally.accepted, 1);
    if (server->lines_count > server->options.connections_max ||
        wf_gateway_mode(server) != WF_GATEWAY_SERVING) {
        wf_counter_add(&server->tally.turned_away, 1);
        (void)wf_line_cut(&line->line);
    }
    if (server->lines_count >= server->options.connections_max ||
        server->slice_accepted >= SLICE_ACCEPTED_MAX) {
        refuse(server, true);
    }
}

static void
add_listener(weft_server *server, int fd)
{
    server->listeners =
        wf_realloc(server->listeners,
                   (server->listeners_count + 1) * sizeof(*server->listeners));
    server->listeners[server->listeners_count++] = fd;
}

void
wf_gateway_line_events(weft_server *server)
{
    struct wf_socket_event event;
    struct wf_gateway_line *line;

    while (wf_socket_event(server->socket, &event)) {
        switch (event.type) {
        case WF_SOCKET_LISTENING:
            add_listener(server, event.fd);
            break;
        case WF_SOCKET_ACCEPTED:
            open_line(server, event.fd);
            break;
        case WF_SOCKET_DISCONNECTED:
            line = wf_gateway_line_find(server, event.fd);
            if (line != NULL) {
                close_line(server, line);
            }
            break;
        default:
            break; // of what is no line
        }
    }
}

void
wf_gateway_line_greeted(weft_server *server, int fd)
{
    struct wf_gateway_line *line = wf_gateway_line_find(server, fd);

    if (line != NULL && wf_list_has(&line->silent)) {
        wf_list_remove(&server->silent, &line->silent);
    }
}

// What ZeroMQ holds. ---------------------------------------------------------
//
// A message is in its hands until its last byte is here, and a message of many
// frames may go on for ever: it counts neither. So the bytes that the kernel
// gave it are set against those that came out of it as messages.

void
wf_gateway_line_took(weft_server *server, int fd, size_t bytes)
{
    struct wf_gateway_line *line = wf_gateway_line_find(server, fd);

    bytes += wf_access_fd(server->access) < 0 ? 0 : CURVE_BYTES;
    if (line != NULL) {
        line->taken_bytes += bytes + (bytes > 255 ? 9 : 2);
        line->has_taken = true;
    }
}

static void
look_at(struct wf_gateway_line *line)
{
    uint64_t read;
    uint64_t known;

    if (!wf_line_bytes_read(&line->line, &read)) {
        return;
    }
    known = line->known_bytes + line->taken_bytes;
    line->held_bytes = read > known ? read - known : 0;
    if (read < known || (line->has_taken && line->held_bytes < HELD_LITTLE)) {
        line->known_bytes = read;
        line->taken_bytes = 0;
    }
}

static void
cut_held(weft_server *server, struct wf_gateway_line *line)
{
    if (wf_line_cut(&line->line)) {
        wf_counter_add(&server->tally.malformed, 1);
    }
    line->line.cookie = 0; // once is enough
    line->held_bytes = 0;
}

// While more than so much is held of all, or of those that have brought nothing
// since they were looked at last, who has most of it is cut off.
static void
cut_most_held(weft_server *server, bool is_all, uint64_t bytes_max)
{
    struct wf_gateway_line *most;
    uint64_t bytes;

    do {
        most = NULL;
        bytes = 0;
        for (size_t i = 0; i < server->lines_cap; i++) {
            struct wf_gateway_line *line = server->lines[i];

            if (line != NULL && line->is_open && (is_all || line->is_stuck)) {
                bytes += line->held_bytes;
                most = most == NULL || line->held_bytes > most->held_bytes
                           ? line
                           : most;
            }
        }
        if (most != NULL && bytes > bytes_max) {
            cut_held(server, most);
        }
    } while (most != NULL && bytes > bytes_max);
}

static void
look_at_all(weft_server *server, bool is_all, uint64_t line_max)
{
    server->is_pressed = false;
    for (size_t i = 0; i < server->lines_cap; i++) {
        struct wf_gateway_line *line = server->lines[i];

        if (line == NULL || !line->is_open ||
            (!is_all && line->held_bytes < HELD_MUCH)) {
            continue;
        }
        look_at(line);
        line->is_stuck = !line->has_taken;
        line->has_taken = false;
        if (line->held_bytes > line_max) {
            cut_held(server, line);
        }
        server->is_pressed |= line->held_bytes >= HELD_MUCH;
    }
}

static void
cut_those_held(weft_server *server)
{
    const weft_server_options *options = &server->options;
    uint64_t line_max = options->credit_bytes > WF_WIRE_MESSAGE_BYTES_MAX
                            ? options->credit_bytes
                            : WF_WIRE_MESSAGE_BYTES_MAX;
    bool is_all =
        !server->is_pressed || server->now_ms - server->looked_ms >= HELD_MS;

    server->looked_ms = is_all ? server->now_ms : server->looked_ms;
    look_at_all(server, is_all, line_max + HELD_LITTLE);
    if (server->is_pressed) {
        cut_most_held(server, false, options->bytes_max / STUCK_DIVISOR);
        cut_most_held(server, true, options->bytes_max);
    }
}

// Time. ---------------------------------------------------------------------

// Who has said no hello for too long, and the oldest of too many: a peer that
// says nothing may sit on a name (transport/names.h).
static void
cut_silent(weft_server *server)
{
    uint32_t max = server->options.connections_max / SILENT_DIVISOR;
    struct wf_list_node *node;

    max = max < SILENT_MIN ? SILENT_MIN : max;
    if (wf_access_secret_key(server->access) != NULL) {
        max = UINT32_MAX; // whoever gets so far has a key
    }

    while ((node = wf_list_first(&server->silent)) != NULL) {
        struct wf_gateway_line *line =
            WF_CONTAINER(node, struct wf_gateway_line, silent);

        if (server->silent.count <= max &&
            server->now_ms - line->accepted_ms < server->options.hello_ms) {
            return;
        }
        wf_list_remove(&server->silent, node);
        wf_counter_add(&server->tally.silent, 1);
        (void)wf_line_cut(&line->line);
    }
}

void
wf_gateway_line_tick(weft_server *server)
{
    uint32_t max = server->options.connections_max;

    cut_silent(server);
    cut_those_held(server);
    if (server->now_ms - server->slice_ms >= SLICE_MS) {
        server->slice_ms = server->now_ms;
        server->slice_accepted = 0;
    }
    refuse(server, server->slice_accepted >= SLICE_ACCEPTED_MAX ||
                       wf_gateway_mode(server) != WF_GATEWAY_SERVING ||
                       (server->is_refusing
                            ? server->lines_count + max / ROOM_DIVISOR >= max
                            : server->lines_count >= max));
}

void
wf_gateway_line_fini(weft_server *server)
{
    for (size_t i = 0; i < server->lines_cap; i++) {
        wf_free(server->lines[i]);
    }
    wf_free(server->lines);
    wf_free(server->listeners);
}
