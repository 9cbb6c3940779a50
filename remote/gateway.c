// SPDX-License-Identifier: Apache-2.0
//
// gateway.c - open, drain and close a server; its options. See serve.h.
//
// The thread is made last, when nothing can fail any more, and everything is
// its own from then until it has ended. Other threads write `mode` and wake it.

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/random.h"
#include "remote/gateway_batch.h"
#include "remote/gateway_impl.h"
#include "remote/gateway_queue.h"
#include "remote/gateway_stats.h"
#include "runtime/futex.h"
#include "runtime/inside.h"
#include "runtime/versioned.h"

enum {
    ENDPOINTS_MAX = 8,
    CONNECTIONS_DEFAULT = 1000,
    CONNECTIONS_MAX = 100000,
    SESSIONS_DEFAULT = 10000,
    CREDIT_DEFAULT = 1000,
    CREDIT_MAX = 100000,
    CREDIT_BYTES_DEFAULT = 8 << 20,
    BYTES_DEFAULT = 256 << 20,
    ANSWERS_BYTES_DEFAULT = 32 << 20,
    NAMESPACE_REQUESTS_DEFAULT = 20000,
    KEEPALIVE_MS_DEFAULT = 10000,
    HELLO_MS_DEFAULT = 5000,
    RECEIVE_QUEUE = 100, // messages of one connection that are not read yet
};

// Options. ------------------------------------------------------------------

static void
set_u32(uint32_t *option, uint32_t value)
{
    *option = *option == 0 ? value : *option;
}

static void
set_u64(uint64_t *option, uint64_t value)
{
    *option = *option == 0 ? value : *option;
}

static void
set_defaults(weft_server_options *options)
{
    set_u32(&options->connections_max, CONNECTIONS_DEFAULT);
    set_u32(&options->sessions_max, SESSIONS_DEFAULT);
    set_u32(&options->credit, CREDIT_DEFAULT);
    set_u64(&options->credit_bytes, CREDIT_BYTES_DEFAULT);
    set_u32(&options->waits_max, options->credit);
    set_u64(&options->bytes_max, BYTES_DEFAULT);
    set_u64(&options->answers_bytes_max, ANSWERS_BYTES_DEFAULT);
    set_u32(&options->namespace_requests_max, NAMESPACE_REQUESTS_DEFAULT);
    set_u32(&options->keepalive_ms, KEEPALIVE_MS_DEFAULT);
    set_u32(&options->hello_ms, HELLO_MS_DEFAULT);
}

static weft_err
check_endpoints(const weft_server_options *options)
{
    if (options->endpoints == NULL || options->endpoints_count == 0 ||
        options->endpoints_count > ENDPOINTS_MAX) {
        return wf_error(WEFT_EINVAL, "there are not 1 to %d endpoints",
                        ENDPOINTS_MAX);
    }
    for (size_t i = 0; i < options->endpoints_count; i++) {
        const char *endpoint = options->endpoints[i];

        if (endpoint == NULL) {
            return wf_error(WEFT_EINVAL, "endpoint %zu is missing", i);
        }
        if (!wf_socket_is_local(endpoint) && !options->insecure &&
            options->server_key_file == NULL) {
            return wf_error(WEFT_EINVAL,
                            "%.200s can be reached from other machines, where "
                            "anybody could do anything: it wants "
                            "server_key_file, or `insecure`",
                            endpoint);
        }
    }
    return WEFT_OK;
}

// At the limit of descriptors ZeroMQ would turn in circles, and the store could
// not open its files.
static uint32_t
affordable(uint32_t connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur == RLIM_INFINITY) {
        return connections;
    }
    return limit.rlim_cur / 2 < connections ? (uint32_t)(limit.rlim_cur / 2)
                                            : connections;
}

static weft_err
read_limits(const weft_server_options *given, weft_server_options *out)
{
    weft_err err =
        wf_versioned_copy("weft_server_options", given, out, sizeof(*out));

    if (err != WEFT_OK) {
        return err;
    }
    set_defaults(out);
    if (out->connections_max > CONNECTIONS_MAX) {
        return wf_error(WEFT_EINVAL, "connections_max is over %d",
                        CONNECTIONS_MAX);
    }
    if (out->credit > CREDIT_MAX || out->waits_max > out->credit) {
        return wf_error(WEFT_EINVAL,
                        "credit is over %d, or waits_max over credit",
                        CREDIT_MAX);
    }
    out->connections_max = affordable(out->connections_max);
    return WEFT_OK;
}

// Life. ---------------------------------------------------------------------

// What was for the call alone.
static void
forget_borrowed(weft_server_options *options)
{
    options->endpoints = NULL;
    options->server_key_file = NULL;
    options->principals_file = NULL;
}

static void
init(weft_server *server, weft_node *node, const weft_server_options *options)
{
    server->node = node;
    server->options = *options;
    pthread_mutex_init(&server->next_lock, NULL);
    forget_borrowed(&server->options);
    server->clock = wf_clock_system();
    server->endpoints_count = options->endpoints_count;
    server->credit_max = options->credit;
    server->endpoints =
        wf_calloc(options->endpoints_count * sizeof(*server->endpoints));
    server->wake_fd = -1;
    wf_list_init(&server->silent);
    wf_list_init(&server->heard);
    wf_list_init(&server->bundled);
    wf_list_init(&server->idle);
    wf_list_init(&server->batches);
    wf_list_init(&server->subscriptions);
    wf_list_init(&server->stats.waiting);
    wf_list_init(&server->stats.served);
    wf_random_os_bytes(server->client_id, sizeof(server->client_id));
    server->hash_seed = wf_random_os_seed();
    wf_client_numbers_init(&server->numbers, 1);
    wf_table_init(&server->peers);
    wf_table_init(&server->sessions);
    wf_table_init(&server->spaces);
    wf_table_init(&server->queues);
    wf_heap_init(&server->expiries);
    wf_heap_init(&server->renewals);
    server->flight = wf_flight_create(NULL);
}

// All but the thread.
static void
destroy(weft_server *server)
{
    wf_gateway_stats_fini(server);
    wf_gateway_peer_fini(server);
    wf_gateway_session_fini(server);
    wf_gateway_queue_fini(server);
    wf_gateway_line_fini(server);
    wf_socket_destroy(server->socket);
    wf_access_destroy(server->access);
    wf_context_destroy(server->context);
    wf_flight_release(server->flight);
    wf_heap_fini(&server->expiries);
    wf_heap_fini(&server->renewals);
    wf_table_fini(&server->queues);
    wf_table_fini(&server->peers);
    wf_table_fini(&server->sessions);
    wf_table_fini(&server->spaces);
    wf_buf_fini(&server->out);
    wf_routes_fini(&server->routes);
    pthread_mutex_destroy(&server->next_lock);
    if (server->wake_fd >= 0) {
        (void)close(server->wake_fd);
    }
    wf_free(server->endpoints);
    wf_free(server);
}

static weft_err
create_access(weft_server *server, const weft_server_options *options)
{
    struct wf_access_options access = {
        .server_key_file = options->server_key_file,
        .principals_file = options->principals_file,
        .audit = options->audit,
        .audit_ctx = options->audit_ctx,
        .clock = server->clock,
    };

    return wf_access_create(&access, &server->access);
}

static weft_err
listen_to(weft_server *server, const weft_server_options *options)
{
    struct wf_socket_options socket = {
        .type = WF_SOCKET_ROUTER,
        .queue_max = 2 * options->credit + 1,
        .receive_max = RECEIVE_QUEUE,
        .message_max = WF_WIRE_MESSAGE_BYTES_MAX,
    };
    weft_err err;

    server->context = wf_context_create();
    if (server->context == NULL) {
        return WEFT_EIO;
    }
    err = create_access(server, options);
    if (err == WEFT_OK) {
        err = wf_access_open_door(server->access, server->context);
    }
    if (err == WEFT_OK) {
        socket.secret_key = wf_access_secret_key(server->access);
        err = wf_socket_create(server->context, &socket, &server->socket);
    }
    for (size_t i = 0; err == WEFT_OK && i < options->endpoints_count; i++) {
        err = wf_socket_bind(server->socket, options->endpoints[i],
                             server->endpoints[i]);
    }
    return err;
}

weft_err
weft_server_open(weft_node *node, const weft_server_options *options,
                 weft_server **out_server)
{
    weft_server_options full;
    weft_server *server;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    WF_REQUIRE(out_server != NULL);
    err = read_limits(options, &full);
    if (err == WEFT_OK) {
        err = check_endpoints(&full);
    }
    if (err != WEFT_OK) {
        return err;
    }
    server = wf_calloc(sizeof(*server));
    init(server, node, &full);
    err = listen_to(server, &full);
    if (err == WEFT_OK) {
        err = weft_client_open(node, NULL, &server->client);
    }
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (err == WEFT_OK &&
        (server->wake_fd < 0 ||
         pthread_create(&server->thread, NULL, wf_gateway_run, server) != 0)) {
        err = wf_error(WEFT_EIO, "no descriptor or no thread is left");
        weft_client_close(server->client);
    }
    if (err != WEFT_OK) {
        destroy(server);
        return err;
    }
    *out_server = server;
    return WEFT_OK;
}

// Limits. -------------------------------------------------------------------

static void
wake(weft_server *server)
{
    uint64_t one = 1;

    (void)!write(server->wake_fd, &one, sizeof(one));
}

weft_err
weft_server_reload(weft_server *server, const weft_server_options *options)
{
    weft_server_options next = {0};
    weft_err err = WEFT_OK;

    wf_error_clear();
    WF_REQUIRE(server != NULL);
    if (options != NULL) {
        err = read_limits(options, &next);
    }
    if (err == WEFT_OK && next.credit > server->credit_max) {
        err =
            wf_error(WEFT_EINVAL, "credit is %u; the server was opened for %u",
                     next.credit, server->credit_max);
    }
    if (err == WEFT_OK) {
        err = wf_access_reload(server->access);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (options != NULL) {
        pthread_mutex_lock(&server->next_lock);
        server->next = next;
        server->has_next = true;
        pthread_mutex_unlock(&server->next_lock);
    }
    wake(server);
    return WEFT_OK;
}

void
wf_gateway_take_limits(weft_server *server)
{
    pthread_mutex_lock(&server->next_lock);
    if (server->has_next) {
        server->has_next = false;
        server->options = server->next;
        forget_borrowed(&server->options);
    }
    pthread_mutex_unlock(&server->next_lock);
}

// Ending. -------------------------------------------------------------------

// The mode only moves on. False: it was there already.
static bool
move_to(weft_server *server, enum wf_gateway_mode mode)
{
    uint32_t before = atomic_load(&server->mode);

    while (before < (uint32_t)mode) {
        if (atomic_compare_exchange_strong(&server->mode, &before,
                                           (uint32_t)mode)) {
            wake(server);
            return true;
        }
    }
    return false;
}

weft_err
weft_server_drain(weft_server *server, uint32_t timeout_ms)
{
    struct wf_clock clock = wf_clock_system();
    uint64_t end_ns = clock.mono_ns(clock.self) + timeout_ms * 1000000ULL;
    uint64_t now_ns;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(server != NULL);
    err = wf_inside_check("weft_server_drain");
    if (err != WEFT_OK) {
        return err;
    }
    (void)move_to(server, WF_GATEWAY_DRAINING);
    while (atomic_load(&server->mode) == WF_GATEWAY_DRAINING) {
        now_ns = clock.mono_ns(clock.self);
        if (now_ns >= end_ns) {
            return wf_error(WEFT_ETIMEDOUT,
                            "after %u ms some requests are not answered",
                            timeout_ms);
        }
        wf_futex_wait(&server->mode, WF_GATEWAY_DRAINING, end_ns - now_ns);
    }
    return WEFT_OK;
}

void
weft_server_close(weft_server *server)
{
    int rc;

    if (server == NULL || wf_inside_check("weft_server_close") != WEFT_OK) {
        return;
    }
    (void)move_to(server, WF_GATEWAY_CLOSING);
    rc = pthread_join(server->thread, NULL);
    WF_ASSERT(rc == 0);
    // Calls back for all that is under way: there is nobody left to tell.
    weft_client_close(server->client);
    // Batches that wait for their rate ask nothing now.
    wf_gateway_batch_tick(server);
    destroy(server);
}

// What can be asked. --------------------------------------------------------

const char *
weft_server_endpoint(const weft_server *server, size_t i)
{
    return server == NULL || i >= server->endpoints_count
               ? NULL
               : server->endpoints[i];
}

weft_err
weft_server_get_stats(weft_server *server, weft_server_stats *stats)
{
    const struct wf_gateway_tally *tally;
    weft_server_stats all = {.struct_size = sizeof(all)};

    wf_error_clear();
    WF_REQUIRE(server != NULL);
    WF_REQUIRE(stats != NULL);
    WF_REQUIRE(stats->struct_size >= sizeof(stats->struct_size));
    WF_REQUIRE(stats->struct_size <= sizeof(all));
    tally = &server->tally;
    all.struct_size = stats->struct_size;
    all.connections = atomic_load(&tally->connections);
    all.sessions = atomic_load(&tally->sessions);
    all.requests_open = atomic_load(&tally->requests_open);
    all.request_bytes = atomic_load(&tally->request_bytes);
    all.answer_bytes = atomic_load(&server->flight->bytes);
    all.accepted = wf_counter_read(&tally->accepted);
    all.turned_away = wf_counter_read(&tally->turned_away);
    all.requests = wf_counter_read(&tally->requests);
    all.refused = wf_counter_read(&tally->refused);
    all.malformed = wf_counter_read(&tally->malformed);
    all.slow = wf_counter_read(&tally->slow);
    all.silent = wf_counter_read(&tally->silent);
    all.replaced = wf_counter_read(&tally->replaced);
    all.disconnected = wf_counter_read(&tally->disconnected);
    all.bytes_received = wf_counter_read(&tally->bytes_received);
    all.bytes_sent = wf_counter_read(&tally->bytes_sent);
    all.keys_refused = wf_access_refused(server->access);
    all.denied = wf_access_denied(server->access);
    all.revoked = wf_counter_read(&tally->revoked);
    memcpy(stats, &all, stats->struct_size);
    return WEFT_OK;
}
