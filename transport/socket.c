// SPDX-License-Identifier: Apache-2.0
//
// socket.c - sockets and their messages. See socket.h; socket_impl.h has all
// files that name libzmq.
//
// A ROUTER counts its connections from a random number, and believes a peer
// that says it has a name already. One that takes a name which is about to be
// given makes libzmq 4.3.4 stop the process. The number is from rand(), seeded
// by libzmq with the time; so it is seeded anew before, and who brought a name
// is found out (names.h).

#include "transport/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/random.h"
#include "transport/line.h"
#include "transport/monitor.h"
#include "transport/names.h"
#include "transport/parcel.h"
#include "transport/socket_impl.h"
#include "transport/source.h"

_Static_assert(sizeof(zmq_msg_t) <=
                   sizeof(((struct wf_message *)NULL)->private),
               "a message has room for ZeroMQ's");

struct wf_socket {
    enum wf_socket_type type;
    const struct wf_context *context;
    bool has_users; // ZAP says who sent what
    struct wf_source source;
    struct wf_monitor monitor;
    struct wf_names names; // ROUTER
};

// Life. ---------------------------------------------------------------------

// A context seeds rand() when its first socket is made: after that it is ours.
static void
seed_names(void)
{
    srand((unsigned)wf_random_os_seed());
}

weft_err
wf_socket_none(void)
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
        (void)wf_socket_none();
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

weft_err
wf_socket_create(struct wf_context *context,
                 const struct wf_socket_options *options,
                 struct wf_socket **out_socket)
{
    bool is_router = options->type == WF_SOCKET_ROUTER;
    struct wf_socket *socket = wf_calloc(sizeof(*socket));
    void *zmq;
    weft_err err;

    socket->type = options->type;
    socket->context = context;
    socket->has_users = is_router && options->secret_key != NULL;
    if (is_router) {
        seed_names();
    }
    zmq = zmq_socket(context->zmq, is_router ? ZMQ_ROUTER : ZMQ_DEALER);
    if (zmq == NULL) {
        err = wf_socket_none();
        wf_free(socket);
        return err;
    }
    wf_source_init(&socket->source, zmq);
    err = wf_socket_set_options(zmq, options);
    if (err == WEFT_OK && is_router) {
        err = wf_names_learn(&socket->names, context->zmq, zmq);
    }
    if (err == WEFT_OK) {
        err = wf_monitor_open(&socket->monitor, context, zmq);
    }
    if (err != WEFT_OK) {
        wf_socket_destroy(socket);
        return err;
    }
    *out_socket = socket;
    return WEFT_OK;
}

void
wf_socket_destroy(struct wf_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    wf_monitor_close(&socket->monitor);
    (void)zmq_close(socket->source.zmq);
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
    if (zmq_bind(socket->source.zmq, endpoint) != 0) {
        return wf_error(errno == EADDRINUSE ? WEFT_EBUSY : WEFT_EINVAL,
                        "%s: %s", endpoint, zmq_strerror(errno));
    }
    if (zmq_getsockopt(socket->source.zmq, ZMQ_LAST_ENDPOINT, out_endpoint,
                       &len) != 0) {
        return wf_error(WEFT_EINVAL, "%s: %s", endpoint, zmq_strerror(errno));
    }
    return WEFT_OK;
}

weft_err
wf_socket_connect(struct wf_socket *socket, const char *endpoint)
{
    weft_err err = wf_socket_check_endpoint(endpoint);

    if (err == WEFT_OK && zmq_connect(socket->source.zmq, endpoint) != 0) {
        err = wf_error(WEFT_EINVAL, "%s: %s", endpoint, zmq_strerror(errno));
    }
    return err;
}

// Receiving. ----------------------------------------------------------------

static bool
has_more(zmq_msg_t *frame)
{
    return zmq_msg_more(frame) != 0;
}

// All frames of a message are there when the first one is.
static void
drop_rest(struct wf_socket *socket, bool is_more)
{
    zmq_msg_t frame;

    while (is_more && wf_source_read(&socket->source, &frame)) {
        is_more = has_more(&frame);
        (void)zmq_msg_close(&frame);
    }
}

static bool
receive_peer(struct wf_socket *socket, struct wf_peer *out)
{
    zmq_msg_t frame;
    size_t len;

    if (!wf_source_read(&socket->source, &frame)) {
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
    if (!wf_source_read(&socket->source, frame)) {
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

enum wf_sent
wf_socket_send(struct wf_socket *socket, const struct wf_peer *peer,
               struct wf_buf *frame, struct wf_flight *flight)
{
    socket->source.is_empty = false;
    if (socket->type == WF_SOCKET_ROUTER &&
        zmq_send(socket->source.zmq, peer->bytes, peer->len,
                 ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        return errno == EAGAIN ? WF_SENT_FULL : WF_SENT_GONE;
    }
    return wf_parcel_send(socket->source.zmq, frame, flight);
}

// News. ---------------------------------------------------------------------

bool
wf_socket_event(struct wf_socket *socket, struct wf_socket_event *out)
{
    bool is_news = wf_monitor_next(&socket->monitor, out);

    socket->names.accepted += is_news && out->type == WF_SOCKET_ACCEPTED;
    return is_news;
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
        const struct wf_source *own = &sockets[i]->source;
        const struct wf_source *events = &sockets[i]->monitor.source;

        if (wf_source_may_have_something(own) ||
            wf_source_may_have_something(events)) {
            timeout_ms = 0;
        }
        items[used++] = (struct pollfd){own->fd, POLLIN, 0};
        items[used++] = (struct pollfd){events->fd, POLLIN, 0};
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
