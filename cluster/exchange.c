// SPDX-License-Identifier: Apache-2.0
//
// exchange.c - the thread of an exchange: it tells the others what this node
// knows, hears what they do, and answers.

#include "cluster/exchange.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/thread.h"
#include "base/trace.h"
#include "cluster/exchange_impl.h"
#include "storage/directory.h"
#include "transport/auth.h"

enum {
    LIVE_MS = 3000, // after its last answer
    COMPLAIN_MS = 5000,
    CLOSE_MS = 3000, // after it asked last
    AWAIT_LOOK_MS = 10,
    REOPEN_MS = 1000, // after a socket that could not be made, or was refused
    SWEEP_MS = 20,    // between two pieces that the ledger gives back
    SWEPT_MS = 1000,  // after the last one
};

uint64_t
wf_exchange_now_ms(const struct wf_exchange *exchange)
{
    const struct wf_clock *clock = &exchange->options.clock;

    return clock->mono_ns(clock->self) / 1000000U;
}

static void
say(struct wf_exchange *exchange, enum wf_trace_level level, const char *verb,
    const char *text)
{
    const struct wf_exchange_options *options = &exchange->options;

    if (options->trace != NULL) {
        wf_trace_emit(options->trace, level,
                      options->clock.wall_ms(options->clock.self),
                      exchange->node_id, verb, "%s", text);
    }
}

void
wf_exchange_note(struct wf_exchange *exchange, const char *verb,
                 const char *text)
{
    say(exchange, WF_TRACE_NOTE, verb, text);
}

// Once in a while, however often it happens.
void
wf_exchange_complain(struct wf_exchange *exchange, const char *verb,
                     const char *text)
{
    uint64_t now = wf_exchange_now_ms(exchange);

    if (now >= exchange->complain_ms) {
        exchange->complain_ms = now + COMPLAIN_MS;
        say(exchange, WF_TRACE_WARNING, verb, text);
    }
}

// Messages. -------------------------------------------------------------------

void
wf_exchange_encode(enum wf_exchange_type type, uint64_t number, weft_bytes body,
                   struct wf_buf *out)
{
    wf_buf_put_u8(out, WF_EXCHANGE_VERSION);
    wf_buf_put_u8(out, (uint8_t)type);
    wf_buf_put_u64(out, number);
    wf_buf_put(out, body.data, body.len);
}

bool
wf_exchange_decode(weft_bytes bytes, struct wf_exchange_message *out_message)
{
    struct wf_reader reader = wf_reader_of(bytes);
    uint8_t version = wf_reader_u8(&reader);
    uint8_t type = wf_reader_u8(&reader);

    out_message->type = (enum wf_exchange_type)type;
    out_message->number = wf_reader_u64(&reader);
    out_message->body = wf_reader_rest(&reader);
    return !reader.failed && version == WF_EXCHANGE_VERSION && type >= 1 &&
           type < WF_EXCHANGE_TYPES_END;
}

bool
wf_exchange_send(struct wf_exchange *exchange, struct wf_exchange_peer *peer,
                 enum wf_exchange_type type, uint64_t number, weft_bytes body)
{
    struct wf_buf frame = {0};
    bool is_sent;

    (void)exchange;
    if (peer->socket == NULL) {
        return false;
    }
    wf_exchange_encode(type, number, body, &frame);
    is_sent = wf_socket_send(peer->socket, NULL, &frame, NULL) == WF_SENT;
    wf_buf_fini(&frame);
    return is_sent;
}

// Who is there. ---------------------------------------------------------------

struct wf_exchange_peer *
wf_exchange_peer(struct wf_exchange *exchange, const char *id)
{
    for (uint32_t i = 0; i < exchange->peers_count; i++) {
        if (strcmp(exchange->peers[i].id, id) == 0) {
            return &exchange->peers[i];
        }
    }
    return NULL;
}

static void
shut(struct wf_exchange *exchange, struct wf_exchange_peer *peer)
{
    wf_socket_destroy(peer->socket);
    peer->socket = NULL;
    peer->open_ms = wf_exchange_now_ms(exchange) + REOPEN_MS;
}

static void
connect_to(struct wf_exchange *exchange, struct wf_exchange_peer *peer)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .queue_max = 64,
        .message_max = WF_EXCHANGE_BYTES_MAX,
        .heartbeat_ms = 1000,
    };
    weft_err err;

    wf_exchange_list_lend(&exchange->list, &options);
    err = wf_socket_create(exchange->context, &options, &peer->socket);
    if (err == WEFT_OK) {
        err = wf_socket_connect(peer->socket, peer->endpoint);
    }
    if (err != WEFT_OK) {
        wf_exchange_complain(exchange, "exchange", weft_err_detail());
        shut(exchange, peer);
    }
}

static void
connect_again(struct wf_exchange *exchange)
{
    uint64_t now = wf_exchange_now_ms(exchange);

    for (uint32_t i = 0; i < exchange->peers_count; i++) {
        struct wf_exchange_peer *peer = &exchange->peers[i];

        if (peer->socket == NULL && now >= peer->open_ms) {
            connect_to(exchange, peer);
        }
    }
}

static void
know(struct wf_exchange *exchange, const char *id, const char *endpoint)
{
    struct wf_exchange_peer *peer = wf_exchange_peer(exchange, id);

    if (strcmp(id, exchange->node_id) == 0 || endpoint[0] == '\0' ||
        (peer != NULL && strcmp(peer->endpoint, endpoint) == 0)) {
        return;
    }
    pthread_mutex_lock(&exchange->lock);
    if (peer == NULL) {
        exchange->peers =
            wf_realloc(exchange->peers,
                       (exchange->peers_count + 1) * sizeof(*exchange->peers));
        peer = &exchange->peers[exchange->peers_count++];
        *peer = (struct wf_exchange_peer){0};
    }
    wf_socket_destroy(peer->socket);
    peer->socket = NULL;
    (void)snprintf(peer->id, sizeof(peer->id), "%s", id);
    (void)snprintf(peer->endpoint, sizeof(peer->endpoint), "%s", endpoint);
    pthread_mutex_unlock(&exchange->lock);
    connect_to(exchange, peer);
}

static void
know_all(struct wf_exchange *exchange)
{
    for (uint32_t i = 0; i < exchange->view.nodes_count; i++) {
        know(exchange, exchange->view.nodes[i].row.id,
             exchange->view.nodes[i].ledger);
    }
}

// What they answer. ----------------------------------------------------------

// ZeroMQ does not try again, and nobody would know why.
static void
complain_of_keys(struct wf_exchange *exchange,
                 const struct wf_exchange_peer *peer,
                 enum wf_socket_event_type type)
{
    const char *refusal = wf_exchange_refusal(type);
    char text[512];

    if (refusal != NULL) {
        (void)snprintf(text, sizeof(text), "node %s at %s: %s", peer->id,
                       peer->endpoint, refusal);
        wf_exchange_complain(exchange, "exchange", text);
    }
}

static void
hear_events(struct wf_exchange *exchange, struct wf_exchange_peer *peer)
{
    struct wf_socket_event event;
    bool is_refused = false;

    while (peer->socket != NULL && wf_socket_event(peer->socket, &event)) {
        complain_of_keys(exchange, peer, event.type);
        is_refused |= event.type == WF_SOCKET_MISMATCHED ||
                      event.type == WF_SOCKET_REFUSED;
    }
    if (is_refused) {
        shut(exchange, peer);
    }
}

static void
hear_answers(struct wf_exchange *exchange, struct wf_exchange_peer *peer)
{
    struct wf_socket *socket;
    struct wf_message message;

    hear_events(exchange, peer);
    socket = peer->socket;
    while (socket != NULL && wf_socket_receive(socket, &message)) {
        struct wf_exchange_message said;

        if (wf_exchange_decode(message.frame, &said)) {
            if (said.type == WF_EXCHANGE_VIEW) {
                wf_exchange_hear_view(exchange, said.body);
            } else {
                wf_exchange_fetch_hear(exchange, &said);
            }
        }
        wf_message_fini(&message);
    }
}

// The thread. -----------------------------------------------------------------

static void
hear_all(struct wf_exchange *exchange)
{
    struct wf_socket_event event;
    struct wf_message message;

    if (exchange->auth != NULL) {
        wf_auth_step(exchange->auth);
    }
    while (wf_socket_event(exchange->router, &event)) {
    }
    while (wf_socket_receive(exchange->router, &message)) {
        wf_exchange_answer(exchange, &message);
        wf_message_fini(&message);
    }
    for (uint32_t i = 0; i < exchange->peers_count; i++) {
        hear_answers(exchange, &exchange->peers[i]);
    }
}

static void
sleep_until(struct wf_exchange *exchange, uint64_t until_ms)
{
    struct wf_socket *sockets[WF_LEDGER_NODES_MAX + 1] = {exchange->router};
    uint64_t now = wf_exchange_now_ms(exchange);
    int fds[2] = {exchange->wake};
    size_t fds_count = 1;
    uint64_t count = 1;
    uint64_t woken;

    for (uint32_t i = 0; i < exchange->peers_count; i++) {
        if (exchange->peers[i].socket != NULL && count <= WF_LEDGER_NODES_MAX) {
            sockets[count++] = exchange->peers[i].socket;
        }
    }
    if (exchange->auth != NULL) {
        fds[fds_count++] = wf_auth_fd(exchange->auth);
    }
    (void)wf_socket_wait_any(sockets, count, fds, fds_count,
                             until_ms <= now ? 0 : (int)(until_ms - now));
    (void)!read(exchange->wake, &woken, sizeof(woken));
}

// Nobody else looks after the ledger's store.
static void
sweep(struct wf_exchange *exchange)
{
    uint64_t now = wf_exchange_now_ms(exchange);

    if (now >= exchange->sweep_ms) {
        bool has_more = wf_ledger_sweep(exchange->options.ledger);

        exchange->sweep_ms = now + (has_more ? SWEEP_MS : SWEPT_MS);
    }
}

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void *
run(void *arg)
{
    struct wf_exchange *exchange = arg;

    wf_thread_name("weft-exchange");
    while (!atomic_load(&exchange->is_stopping)) {
        uint64_t next;

        hear_all(exchange);
        know_all(exchange); // not while a socket is in use
        connect_again(exchange);
        if (atomic_exchange(&exchange->is_nudged, false) ||
            wf_exchange_now_ms(exchange) >= exchange->tell_ms) {
            wf_exchange_look_anew(exchange);
            wf_exchange_tell_all(exchange);
        }
        next = wf_exchange_fetch_step(exchange);
        sweep(exchange);
        next = least(next, least(exchange->tell_ms, exchange->sweep_ms));
        sleep_until(exchange, next);
    }
    return NULL;
}

// There is one key.
static bool
may_enter(void *ctx, const char *key, const char *address)
{
    struct wf_exchange *exchange = ctx;
    char text[320];

    if (strcmp(key, exchange->list.keys.public_key) == 0) {
        return true;
    }
    (void)snprintf(text, sizeof(text), "%s has another key than key_file's",
                   address);
    wf_exchange_complain(exchange, "refused", text);
    return false;
}

static weft_err
bind_router(struct wf_exchange *exchange)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_ROUTER,
        .message_max = WF_EXCHANGE_BYTES_MAX,
    };
    const struct wf_exchange_entry *me =
        wf_exchange_list_find(&exchange->list, exchange->node_id);
    char bound[WF_ENDPOINT_BYTES_MAX + 1];
    weft_err err = WEFT_OK;

    if (me == NULL) {
        return wf_error(WEFT_EINVAL, "node %s is not in the list of nodes",
                        exchange->node_id);
    }
    exchange->context = wf_context_create();
    if (exchange->context == NULL) {
        return WEFT_EIO;
    }
    if (wf_exchange_list_has_keys(&exchange->list)) {
        options.secret_key = exchange->list.keys.secret_key;
        err = wf_auth_create(exchange->context, may_enter, exchange,
                             &exchange->auth);
    }
    if (err == WEFT_OK) {
        err = wf_socket_create(exchange->context, &options, &exchange->router);
    }
    return err == WEFT_OK
               ? wf_socket_bind(exchange->router, me->endpoint, bound)
               : err;
}

weft_err
wf_exchange_create(const struct wf_exchange_options *options,
                   struct wf_exchange **out_exchange)
{
    struct wf_exchange *exchange = wf_calloc(sizeof(*exchange));
    weft_err err;

    exchange->options = *options;
    exchange->list = *options->list;
    exchange->node_id = wf_strdup(options->node_id);
    exchange->dir = wf_strdup(options->dir);
    exchange->partition_count = wf_ledger_partition_count(options->ledger);
    exchange->fetches =
        wf_calloc(exchange->partition_count * sizeof(*exchange->fetches));
    exchange->are_wanted = wf_calloc(exchange->partition_count * sizeof(bool));
    exchange->close =
        wf_calloc(exchange->partition_count * sizeof(*exchange->close));
    exchange->served.fd = -1;
    exchange->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    WF_ASSERT(exchange->wake >= 0);
    WF_ASSERT(pthread_mutex_init(&exchange->lock, NULL) == 0);
    wf_directory_remove(exchange->dir); // what an earlier process left
    err = wf_directory_make(exchange->dir);
    if (err == WEFT_OK) {
        err = bind_router(exchange);
    }
    if (err == WEFT_OK) {
        for (uint32_t i = 0; i < exchange->list.count; i++) {
            know(exchange, exchange->list.entries[i].id,
                 exchange->list.entries[i].endpoint);
        }
        if (pthread_create(&exchange->thread, NULL, run, exchange) != 0) {
            err = wf_error(WEFT_EBUSY, "the system gives no more threads");
        }
    }
    if (err != WEFT_OK) {
        atomic_store(&exchange->is_stopping, true);
        exchange->thread = 0;
        wf_exchange_destroy(exchange);
        return err;
    }
    *out_exchange = exchange;
    return WEFT_OK;
}

void
wf_exchange_destroy(struct wf_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    if (!atomic_exchange(&exchange->is_stopping, true)) {
        wf_exchange_nudge(exchange);
        pthread_join(exchange->thread, NULL);
    }
    wf_exchange_fetch_fini(exchange);
    for (uint32_t i = 0; i < exchange->peers_count; i++) {
        wf_socket_destroy(exchange->peers[i].socket);
    }
    wf_socket_destroy(exchange->router);
    wf_auth_destroy(exchange->auth);
    wf_exchange_list_wipe(&exchange->list);
    wf_context_destroy(exchange->context);
    (void)close(exchange->wake);
    (void)pthread_mutex_destroy(&exchange->lock);
    wf_ledger_view_fini(&exchange->view);
    wf_free(exchange->peers);
    wf_free(exchange->fetches);
    wf_free(exchange->are_wanted);
    wf_free(exchange->close);
    wf_free(exchange->lost_text);
    wf_free(exchange->dir);
    wf_free(exchange->node_id);
    wf_free(exchange);
}

// Any thread. -----------------------------------------------------------------

void
wf_exchange_nudge(struct wf_exchange *exchange)
{
    uint64_t one = 1;

    atomic_store(&exchange->is_nudged, true);
    (void)!write(exchange->wake, &one, sizeof(one));
}

void
wf_exchange_want(struct wf_exchange *exchange, const bool *are_wanted)
{
    bool is_same;

    pthread_mutex_lock(&exchange->lock);
    is_same = memcmp(exchange->are_wanted, are_wanted,
                     exchange->partition_count * sizeof(bool)) == 0;
    memcpy(exchange->are_wanted, are_wanted,
           exchange->partition_count * sizeof(bool));
    pthread_mutex_unlock(&exchange->lock);
    if (!is_same) {
        wf_exchange_nudge(exchange);
    }
}

bool
wf_exchange_is_close(struct wf_exchange *exchange, uint32_t partition,
                     const char *node_id)
{
    const struct wf_exchange_close *close = &exchange->close[partition];
    bool is_close;

    pthread_mutex_lock(&exchange->lock);
    is_close = strcmp(close->node, node_id) == 0 &&
               close->at_ms + CLOSE_MS >= wf_exchange_now_ms(exchange);
    pthread_mutex_unlock(&exchange->lock);
    return is_close;
}

void
wf_exchange_view(struct wf_exchange *exchange, struct wf_ledger_view *out_view)
{
    uint64_t now = wf_exchange_now_ms(exchange);

    wf_ledger_view(exchange->options.ledger, out_view);
    pthread_mutex_lock(&exchange->lock);
    for (uint32_t i = 0; i < out_view->nodes_count; i++) {
        struct wf_registry_node *row = &out_view->nodes[i].row;
        const struct wf_exchange_peer *peer =
            wf_exchange_peer(exchange, row->id);

        row->lease_ms = INT32_MAX;
        row->is_live = strcmp(row->id, exchange->node_id) == 0 ||
                       (peer != NULL && peer->heard_ms != 0 &&
                        peer->heard_ms + LIVE_MS >= now);
    }
    pthread_mutex_unlock(&exchange->lock);
}

weft_err
wf_exchange_await(struct wf_exchange *exchange, uint32_t ms)
{
    const struct timespec moment = {.tv_nsec = AWAIT_LOOK_MS * 1000000L};
    weft_err err = WEFT_EBUSY;

    for (uint32_t i = 0; err == WEFT_EBUSY && i <= ms / AWAIT_LOOK_MS; i++) {
        pthread_mutex_lock(&exchange->lock);
        if (exchange->lost != WEFT_OK) {
            err = wf_error(WEFT_ELOST, "%s", exchange->lost_text);
        } else if (exchange->has_heard) {
            err = WEFT_OK;
        }
        pthread_mutex_unlock(&exchange->lock);
        if (err == WEFT_EBUSY) {
            (void)nanosleep(&moment, NULL);
        }
    }
    return err;
}
