// SPDX-License-Identifier: Apache-2.0
//
// socket.c - sockets and their messages. See socket.h; socket_impl.h has all
// files that name libzmq.
//
// Sending. ZeroMQ says when it will not take a message, but not what became of
// those it took: they may wait in a pipe for a reader that never reads. So each
// is a parcel of our own memory, which ZeroMQ gives back (on its own thread)
// when it is in the kernel or its connection is gone; flight.h counts those.
//
// Names of connections. A ROUTER counts its connections from a random number,
// and believes a peer that says it has a name already. One that takes a name
// which is about to be given makes libzmq 4.3.4 stop the process. The number
// is from rand(), seeded by libzmq with the time; so it is seeded anew before,
// and who brought a name is found out (names.h).
//
// Waiting. ZeroMQ's descriptor tells of news only, once: it must be asked first
// whether there is something, unless it has just said that there is nothing
// and was not called since. zmq_poll does not know that, and asks each time,
// twice, with a system call for each.
//
// Monitoring is by a pair of sockets of which ZeroMQ's thread writes one. It
// would wait for room, for all of its sockets, and hold what destroying one
// takes: so there is always room, and wf_socket_event must be called often.

#include "transport/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/random.h"
#include "transport/curve.h"
#include "transport/line.h"
#include "transport/names.h"
#include "transport/socket_impl.h"

enum {
    QUEUE_MAX_DEFAULT = 1000,
    MESSAGE_MAX_DEFAULT = 5 << 20,
    HANDSHAKE_MS_DEFAULT = 3000,
    BACKLOG_DEFAULT = 128,
    RECONNECT_MS_DEFAULT = 50,
    RECONNECT_MAX_DEFAULT = 2000,
    HEARTBEAT_MS_DEFAULT = 5000,
    HEARTBEATS_MISSED = 3,
    RECEIVE_BUFFER = 256 << 10,
    COPIED_BYTES_MAX = 4096, // of a frame; more are handed over
};

_Static_assert(sizeof(zmq_msg_t) <=
                   sizeof(((struct wf_message *)NULL)->private),
               "a message has room for ZeroMQ's");

struct wf_socket {
    enum wf_socket_type type;
    const struct wf_context *context;
    bool has_users; // ZAP says who sent what
    void *zmq;
    void *monitor; // reads what ZeroMQ's thread tells
    int fd;        // news of the two
    int monitor_fd;
    bool is_empty; // it said so, and was not called since
    bool is_monitor_empty;
    struct wf_names names; // ROUTER
};

// Life. ---------------------------------------------------------------------

// A context seeds rand() when its first socket is made: after that it is ours.
static void
seed_names(void)
{
    srand((unsigned)wf_random_os_seed());
}

// The system has no descriptor left, or no memory.
static weft_err
no_socket(void)
{
    return wf_error(errno == ENOMEM ? WEFT_ENOMEM : WEFT_EIO, "no socket: %s",
                    zmq_strerror(errno));
}

struct wf_context *
wf_context_create(void)
{
    struct wf_context *context = wf_calloc(sizeof(*context));

    context->zmq = zmq_ctx_new();
    if (context->zmq != NULL) {
        context->first = zmq_socket(context->zmq, ZMQ_PAIR);
    }
    if (context->first == NULL) {
        (void)no_socket();
        wf_context_destroy(context);
        return NULL;
    }
    return context;
}

void
wf_context_destroy(struct wf_context *context)
{
    if (context == NULL) {
        return;
    }
    if (context->first != NULL) {
        (void)zmq_close(context->first);
    }
    while (context->zmq != NULL && zmq_ctx_term(context->zmq) != 0 &&
           errno == EINTR) {
    }
    wf_free(context);
}

static void
set_int(void *zmq, int option, int value)
{
    int rc = zmq_setsockopt(zmq, option, &value, sizeof(value));

    WF_ASSERT(rc == 0);
}

static uint32_t
value_or(uint32_t value, uint32_t value_default)
{
    return value == 0 ? value_default : value;
}

// After which a connection is cut.
static void
set_silence(void *zmq, uint32_t heartbeat_ms)
{
    int silence =
        (int)value_or(heartbeat_ms, HEARTBEAT_MS_DEFAULT) * HEARTBEATS_MISSED;

    set_int(zmq, ZMQ_HEARTBEAT_TIMEOUT, silence);
    if (heartbeat_ms != 0) {
        set_int(zmq, ZMQ_HEARTBEAT_TTL, silence);
    }
}

static void
set_options(void *zmq, const struct wf_socket_options *options)
{
    int queue = (int)value_or(options->queue_max, QUEUE_MAX_DEFAULT);
    int64_t message = value_or(options->message_max, MESSAGE_MAX_DEFAULT);
    int rc = zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &message, sizeof(message));

    WF_ASSERT(rc == 0);
    set_int(zmq, ZMQ_LINGER, 0);
    set_int(zmq, ZMQ_SNDHWM, queue);
    set_int(zmq, ZMQ_RCVHWM,
            options->receive_max == 0 ? queue : (int)options->receive_max);
    set_int(zmq, ZMQ_TCP_KEEPALIVE, 1);
    set_int(zmq, ZMQ_HANDSHAKE_IVL,
            (int)value_or(options->handshake_ms, HANDSHAKE_MS_DEFAULT));
    if (options->type == WF_SOCKET_ROUTER) {
        set_int(zmq, ZMQ_ROUTER_MANDATORY, 1);
        // What the kernel has is still read when a connection was cut.
        set_int(zmq, ZMQ_RCVBUF, RECEIVE_BUFFER);
        set_int(zmq, ZMQ_BACKLOG,
                (int)value_or(options->backlog, BACKLOG_DEFAULT));
        return;
    }
    set_int(zmq, ZMQ_RECONNECT_IVL,
            (int)value_or(options->reconnect_ms, RECONNECT_MS_DEFAULT));
    set_int(zmq, ZMQ_RECONNECT_IVL_MAX,
            (int)value_or(options->reconnect_max, RECONNECT_MAX_DEFAULT));
    // The kernel would ask again ever more seldom, for minutes after a cut.
    set_int(zmq, ZMQ_CONNECT_TIMEOUT,
            (int)value_or(options->handshake_ms, HANDSHAKE_MS_DEFAULT));
    set_int(zmq, ZMQ_HEARTBEAT_IVL,
            (int)value_or(options->heartbeat_ms, HEARTBEAT_MS_DEFAULT));
    set_silence(zmq, options->heartbeat_ms);
    // What waits for a connection that is not there is lost with it anyway.
    set_int(zmq, ZMQ_IMMEDIATE, 1);
}

static weft_err
set_key(void *zmq, int option, const char *what, const char *key)
{
    if (key == NULL || strlen(key) != WF_CURVE_KEY_CHARS ||
        zmq_setsockopt(zmq, option, key, WF_CURVE_KEY_CHARS + 1) != 0) {
        return wf_error(WEFT_EINVAL, "%s is not a key of %d characters", what,
                        WF_CURVE_KEY_CHARS);
    }
    return WEFT_OK;
}

static weft_err
set_curve(void *zmq, const struct wf_socket_options *options)
{
    weft_err err;

    if (options->secret_key == NULL) {
        return WEFT_OK;
    }
    err = set_key(zmq, ZMQ_CURVE_SECRETKEY, "secret_key", options->secret_key);
    if (err == WEFT_OK && options->type == WF_SOCKET_ROUTER) {
        set_int(zmq, ZMQ_CURVE_SERVER, 1);
        (void)zmq_setsockopt(zmq, ZMQ_ZAP_DOMAIN, "weft", 4);
        return WEFT_OK;
    }
    if (err == WEFT_OK) {
        err = set_key(zmq, ZMQ_CURVE_PUBLICKEY, "public_key",
                      options->public_key);
    }
    if (err == WEFT_OK) {
        err = set_key(zmq, ZMQ_CURVE_SERVERKEY, "server_key",
                      options->server_key);
    }
    return err;
}

static weft_err
open_monitor(struct wf_context *context, struct wf_socket *socket)
{
    int events = ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED |
                 ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    char name[64];

    (void)snprintf(name, sizeof(name), "inproc://monitor-%u",
                   atomic_fetch_add(&context->monitors, 1));
    if (zmq_socket_monitor(socket->zmq, name, events) != 0) {
        return no_socket();
    }
    socket->monitor = zmq_socket(context->zmq, ZMQ_PAIR);
    if (socket->monitor == NULL) {
        return no_socket();
    }
    set_int(socket->monitor, ZMQ_LINGER, 0);
    set_int(socket->monitor, ZMQ_RCVHWM, 0); // no bound on either side, then
    return zmq_connect(socket->monitor, name) == 0 ? WEFT_OK : no_socket();
}

static int
descriptor_of(void *zmq)
{
    int fd = -1;
    size_t len = sizeof(fd);
    int rc = zmq_getsockopt(zmq, ZMQ_FD, &fd, &len);

    WF_ASSERT(rc == 0);
    return fd;
}

weft_err
wf_socket_create(struct wf_context *context,
                 const struct wf_socket_options *options,
                 struct wf_socket **out_socket)
{
    bool is_router = options->type == WF_SOCKET_ROUTER;
    struct wf_socket *socket = wf_calloc(sizeof(*socket));
    weft_err err;

    socket->type = options->type;
    socket->context = context;
    socket->has_users = is_router && options->secret_key != NULL;
    if (is_router) {
        seed_names();
    }
    socket->zmq = zmq_socket(context->zmq, is_router ? ZMQ_ROUTER : ZMQ_DEALER);
    if (socket->zmq == NULL) {
        err = no_socket();
        wf_free(socket);
        return err;
    }
    set_options(socket->zmq, options);
    err = set_curve(socket->zmq, options);
    if (err == WEFT_OK && is_router) {
        err = wf_names_learn(&socket->names, context->zmq, socket->zmq);
    }
    if (err == WEFT_OK) {
        err = open_monitor(context, socket);
    }
    if (err != WEFT_OK) {
        wf_socket_destroy(socket);
        return err;
    }
    socket->fd = descriptor_of(socket->zmq);
    socket->monitor_fd = descriptor_of(socket->monitor);
    *out_socket = socket;
    return WEFT_OK;
}

void
wf_socket_destroy(struct wf_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    // First, so that ZeroMQ's thread has nobody to tell any more.
    (void)zmq_socket_monitor(socket->zmq, NULL, 0);
    if (socket->monitor != NULL) {
        (void)zmq_close(socket->monitor);
    }
    (void)zmq_close(socket->zmq);
    wf_free(socket);
}

// Endpoints. ----------------------------------------------------------------

static bool
begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

weft_err
wf_socket_check_endpoint(const char *endpoint)
{
    if (endpoint == NULL || strlen(endpoint) > WF_ENDPOINT_BYTES_MAX ||
        (!begins_with(endpoint, "tcp://") &&
         !begins_with(endpoint, "ipc://"))) {
        return wf_error(WEFT_EINVAL,
                        "endpoint %.64s is not tcp://ADDRESS:PORT or "
                        "ipc://PATH of at most %d bytes",
                        endpoint == NULL ? "(none)" : endpoint,
                        WF_ENDPOINT_BYTES_MAX);
    }
    return WEFT_OK;
}

bool
wf_socket_is_local(const char *endpoint)
{
    return begins_with(endpoint, "ipc://") ||
           begins_with(endpoint, "tcp://127.") ||
           begins_with(endpoint, "tcp://localhost:") ||
           begins_with(endpoint, "tcp://[::1]:");
}

weft_err
wf_socket_bind(struct wf_socket *socket, const char *endpoint,
               char *out_endpoint)
{
    size_t len = WF_ENDPOINT_BYTES_MAX + 1;
    weft_err err = wf_socket_check_endpoint(endpoint);

    // ZeroMQ removes whatever has the name.
    if (err == WEFT_OK && begins_with(endpoint, "ipc://")) {
        err = wf_line_check_path(endpoint + strlen("ipc://"));
    }
    // libzmq would let everybody in.
    if (err == WEFT_OK && socket->has_users && !socket->context->has_auth) {
        err = wf_error(WEFT_EINVAL, "nobody answers for the keys of clients");
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (zmq_bind(socket->zmq, endpoint) != 0) {
        return wf_error(errno == EADDRINUSE ? WEFT_EBUSY : WEFT_EINVAL,
                        "%s: %s", endpoint, zmq_strerror(errno));
    }
    if (zmq_getsockopt(socket->zmq, ZMQ_LAST_ENDPOINT, out_endpoint, &len) !=
        0) {
        return wf_error(WEFT_EINVAL, "%s: %s", endpoint, zmq_strerror(errno));
    }
    return WEFT_OK;
}

weft_err
wf_socket_connect(struct wf_socket *socket, const char *endpoint)
{
    weft_err err = wf_socket_check_endpoint(endpoint);

    if (err == WEFT_OK && zmq_connect(socket->zmq, endpoint) != 0) {
        err = wf_error(WEFT_EINVAL, "%s: %s", endpoint, zmq_strerror(errno));
    }
    return err;
}

void
wf_socket_disconnect(struct wf_socket *socket, const char *endpoint)
{
    socket->is_empty = false;
    (void)zmq_disconnect(socket->zmq, endpoint);
}

// Receiving. ----------------------------------------------------------------

static bool
has_more(zmq_msg_t *frame)
{
    return zmq_msg_more(frame) != 0;
}

static bool
receive_frame(struct wf_socket *socket, zmq_msg_t *frame)
{
    (void)zmq_msg_init(frame);
    socket->is_empty = false;
    if (zmq_msg_recv(frame, socket->zmq, ZMQ_DONTWAIT) < 0) {
        socket->is_empty = errno == EAGAIN;
        (void)zmq_msg_close(frame);
        return false;
    }
    return true;
}

// All frames of a message are there when the first one is.
static void
drop_rest(struct wf_socket *socket, bool is_more)
{
    zmq_msg_t frame;

    while (is_more && receive_frame(socket, &frame)) {
        is_more = has_more(&frame);
        (void)zmq_msg_close(&frame);
    }
}

static bool
receive_peer(struct wf_socket *socket, struct wf_peer *out)
{
    zmq_msg_t frame;
    size_t len;

    if (!receive_frame(socket, &frame)) {
        return false;
    }
    len = zmq_msg_size(&frame);
    WF_ASSERT(len <= WF_PEER_BYTES_MAX);
    out->len = (uint8_t)len;
    memcpy(out->bytes, zmq_msg_data(&frame), len);
    (void)zmq_msg_close(&frame);
    return true;
}

bool
wf_socket_receive(struct wf_socket *socket, struct wf_message *out)
{
    zmq_msg_t *frame = (zmq_msg_t *)(void *)out->private;
    const char *user;

    out->peer.len = 0;
    if (socket->type == WF_SOCKET_ROUTER && !receive_peer(socket, &out->peer)) {
        return false;
    }
    if (!receive_frame(socket, frame)) {
        return false;
    }
    out->is_alone = !has_more(frame);
    drop_rest(socket, !out->is_alone);
    out->frame = weft_bytes_of(zmq_msg_data(frame), zmq_msg_size(frame));
    // Without keys it would be what the peer says of itself.
    user = socket->has_users ? zmq_msg_gets(frame, "User-Id") : NULL;
    out->user = user == NULL ? "" : user;
    out->is_self_named = socket->type == WF_SOCKET_ROUTER &&
                         !wf_names_is_given(&socket->names, &out->peer);
    return true;
}

int
wf_message_fd(const struct wf_message *message)
{
    return zmq_msg_get((const zmq_msg_t *)(const void *)message->private,
                       ZMQ_SRCFD);
}

void
wf_message_fini(struct wf_message *message)
{
    (void)zmq_msg_close((zmq_msg_t *)(void *)message->private);
}

// Sending. ------------------------------------------------------------------

// One allocation for a short frame, and a second for a long one.
struct parcel {
    // ZeroMQ orders the two threads; this says so where it cannot be seen.
    _Atomic bool is_given;
    struct wf_flight *flight;
    size_t len;
    uint8_t *handed; // owned; NULL: the bytes follow
    uint8_t bytes[];
};

// On ZeroMQ's thread, or on ours if it did not take it.
static void
parcel_ended(void *bytes, void *hint)
{
    struct parcel *parcel = hint;

    (void)bytes;
    WF_ASSERT(atomic_load(&parcel->is_given));
    if (parcel->flight != NULL) {
        wf_flight_end(parcel->flight, parcel->len);
    }
    wf_free(parcel->handed);
    wf_free(parcel);
}

static struct parcel *
make_parcel(const struct wf_buf *frame, struct wf_flight *flight,
            zmq_msg_t *out_message)
{
    bool is_copied = frame->len <= COPIED_BYTES_MAX;
    struct parcel *parcel =
        wf_alloc(sizeof(*parcel) + (is_copied ? frame->len : 0));
    int rc;

    parcel->flight = flight;
    parcel->len = frame->len;
    parcel->handed = is_copied ? NULL : frame->data;
    if (is_copied && frame->len > 0) {
        memcpy(parcel->bytes, frame->data, frame->len);
    }
    if (flight != NULL) {
        wf_flight_begin(flight, frame->len);
    }
    rc = zmq_msg_init_data(out_message,
                           is_copied ? parcel->bytes : parcel->handed,
                           frame->len, parcel_ended, parcel);
    if (rc != 0) { // as wf_alloc, which made the parcel
        wf_panic(__FILE__, __LINE__, "out of memory");
    }
    atomic_store(&parcel->is_given, true);
    return parcel;
}

static enum wf_sent
send_frame(struct wf_socket *socket, struct wf_buf *frame,
           struct wf_flight *flight)
{
    zmq_msg_t message;
    struct parcel *parcel = make_parcel(frame, flight, &message);
    bool is_handed = parcel->handed != NULL;

    if (zmq_msg_send(&message, socket->zmq, ZMQ_DONTWAIT) < 0) {
        enum wf_sent sent = errno == EAGAIN ? WF_SENT_FULL : WF_SENT_GONE;

        parcel->handed = NULL; // the caller keeps it
        (void)zmq_msg_close(&message);
        return sent;
    }
    if (is_handed) {
        *frame = (struct wf_buf){0};
    } else {
        wf_buf_reset(frame);
    }
    return WF_SENT;
}

enum wf_sent
wf_socket_send(struct wf_socket *socket, const struct wf_peer *peer,
               struct wf_buf *frame, struct wf_flight *flight)
{
    socket->is_empty = false;
    if (socket->type == WF_SOCKET_ROUTER &&
        zmq_send(socket->zmq, peer->bytes, peer->len,
                 ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        return errno == EAGAIN ? WF_SENT_FULL : WF_SENT_GONE;
    }
    return send_frame(socket, frame, flight);
}

// Events. -------------------------------------------------------------------

static bool
read_event(uint16_t code, uint32_t value, struct wf_socket_event *out)
{
    out->fd = (int)value;
    switch (code) {
    case ZMQ_EVENT_LISTENING:
        out->type = WF_SOCKET_LISTENING;
        return true;
    case ZMQ_EVENT_ACCEPTED:
        out->type = WF_SOCKET_ACCEPTED;
        return true;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        out->type = WF_SOCKET_CONNECTED;
        out->fd = -1;
        return true;
    case ZMQ_EVENT_DISCONNECTED:
        out->type = WF_SOCKET_DISCONNECTED;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        out->type = WF_SOCKET_REFUSED;
        out->fd = -1;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        out->type = WF_SOCKET_MISMATCHED;
        out->fd = -1;
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
    default:
        return false;
    }
}

bool
wf_socket_event(struct wf_socket *socket, struct wf_socket_event *out)
{
    bool is_known = false;

    while (!is_known) {
        zmq_msg_t head;
        zmq_msg_t address;
        uint8_t bytes[6] = {0};
        uint16_t code;
        uint32_t value;

        (void)zmq_msg_init(&head);
        socket->is_monitor_empty = false;
        if (zmq_msg_recv(&head, socket->monitor, ZMQ_DONTWAIT) < 0) {
            socket->is_monitor_empty = errno == EAGAIN;
            (void)zmq_msg_close(&head);
            return false;
        }
        WF_ASSERT(zmq_msg_size(&head) >= sizeof(bytes));
        memcpy(bytes, zmq_msg_data(&head), sizeof(bytes));
        (void)zmq_msg_close(&head);
        (void)zmq_msg_init(&address);
        (void)zmq_msg_recv(&address, socket->monitor, ZMQ_DONTWAIT);
        (void)zmq_msg_close(&address);
        memcpy(&code, bytes, sizeof(code));
        memcpy(&value, bytes + sizeof(code), sizeof(value));
        is_known = read_event(code, value, out);
    }
    socket->names.accepted += out->type == WF_SOCKET_ACCEPTED;
    return true;
}

static bool
has_something(void *zmq)
{
    int events = 0;
    size_t len = sizeof(events);

    return zmq_getsockopt(zmq, ZMQ_EVENTS, &events, &len) != 0 ||
           (events & ZMQ_POLLIN) != 0;
}

static bool
may_have_something(const struct wf_socket *socket)
{
    return (!socket->is_empty && has_something(socket->zmq)) ||
           (!socket->is_monitor_empty && has_something(socket->monitor));
}

// items: room for two of each socket, and for the descriptors.
static uint32_t
wait_any(struct wf_socket *const *sockets, size_t count, const int *fds,
         size_t fds_count, int timeout_ms, struct pollfd *items)
{
    size_t used = 0;
    uint32_t ready = 0;

    WF_ASSERT(fds_count <= WF_SOCKET_FDS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (may_have_something(sockets[i])) {
            timeout_ms = 0;
        }
        items[used++] = (struct pollfd){sockets[i]->fd, POLLIN, 0};
        items[used++] = (struct pollfd){sockets[i]->monitor_fd, POLLIN, 0};
    }
    for (size_t i = 0; i < fds_count; i++) {
        items[used + i] = (struct pollfd){fds[i], POLLIN, 0};
    }
    // Interrupted: as if there were something.
    (void)poll(items, (nfds_t)(used + fds_count), timeout_ms);
    for (size_t i = 0; i < fds_count; i++) {
        ready |= items[used + i].revents != 0 ? 1U << i : 0;
    }
    return ready;
}

uint32_t
wf_socket_wait(struct wf_socket *socket, const int *fds, size_t fds_count,
               int timeout_ms)
{
    struct pollfd items[2 + WF_SOCKET_FDS_MAX];

    return wait_any(&socket, 1, fds, fds_count, timeout_ms, items);
}

uint32_t
wf_socket_wait_any(struct wf_socket *const *sockets, size_t count,
                   const int *fds, size_t fds_count, int timeout_ms)
{
    struct pollfd *items =
        wf_alloc((2 * count + WF_SOCKET_FDS_MAX) * sizeof(*items));
    uint32_t ready =
        wait_any(sockets, count, fds, fds_count, timeout_ms, items);

    wf_free(items);
    return ready;
}
