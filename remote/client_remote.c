// SPDX-License-Identifier: Apache-2.0
//
// client_remote.c - the port to a node behind a socket. See
// runtime/client_port.h.
//
//     callers                     the client's thread
//     prepare: fields as msgpack
//     post            --queue-->  ways.c: which way
//                                 calls.c, until there is credit
//                                 connection.c   --> node
//     done            <---------  calls.c        <-- answer, by its number
//
// A request's data is the map of its fields from prepare on; what is known
// later, number and confirmed, is put around it when it is sent.
//
// Threads: prepare and post any; all else the client's own, which opens the
// first connection before it has begun.

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "base/random.h"
#include "base/thread.h"
#include "remote/codec.h"
#include "remote/ways.h"
#include "runtime/client_port.h"
#include "runtime/definitions.h"
#include "runtime/futex.h"
#include "runtime/request.h"
#include "runtime/versioned.h"
#include "transport/curve.h"
#include "weft/connect.h"

enum {
    NEWS_MAX = 1000, // between two looks at what was posted
    LABEL_BYTES_MAX = 127,
    ENDPOINTS_MAX = 8,
};

enum greeting {
    GREETING_NONE, // the node has not answered any hello
    GREETING_OK,
    GREETING_REFUSED,
};

struct remote {
    struct wf_connection_options options; // strings owned
    struct wf_curve_pair pair;            // that options.socket points to
    char server_key[WF_CURVE_KEY_CHARS + 1];
    struct wf_context *context;
    struct wf_clock clock;
    pthread_t thread;
    struct wf_mpsc posts;
    atomic_bool is_closing;

    // The first hello, for who waits for it; the refusal is written before.
    _Atomic uint32_t greeting; // enum greeting
    weft_err refusal;
    char refusal_text[512];

    // The thread's own.
    struct wf_ways ways;
};

static uint64_t
now_ms(const struct remote *remote)
{
    return remote->clock.mono_ns(remote->clock.self) / 1000000;
}

// Callers. ------------------------------------------------------------------

static void
drop(weft_bytes *bytes)
{
    wf_free((void *)(uintptr_t)bytes->data);
    *bytes = weft_nothing();
}

static weft_err
prepare(void *self, const char *name_space, const weft_request *given,
        struct wf_request *made)
{
    struct wf_buf frame = {0};
    struct wf_wire_message message;
    weft_err err;

    (void)self;
    (void)name_space;
    // Of the copies only the key is needed, for interceptors.
    drop(&made->data);
    drop(&made->input);
    drop(&made->options);
    drop(&made->attributes);
    wf_codec_request_encode(given, 1, 0, false, &frame);
    err = wf_wire_read(wf_buf_bytes(&frame), &message);
    if (err == WEFT_OK) {
        made->data = wf_bytes_copy(message.fields);
    }
    wf_buf_fini(&frame);
    return err;
}

static void
post(void *self, struct wf_request *request)
{
    struct remote *remote = self;

    wf_mpsc_push(&remote->posts, &request->queue);
}

static bool
goes_on(void *self, struct wf_request *request)
{
    (void)self;
    (void)request;
    return false;
}

static bool
wait(void *self, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    (void)self;
    (void)is_over;
    (void)arg;
    (void)timeout_ms;
    return false;
}

// The thread. ---------------------------------------------------------------

static void
take_posts(struct remote *remote)
{
    struct wf_mpsc_node *node;

    while ((node = wf_mpsc_pop(&remote->posts)) != NULL) {
        wf_ways_add(&remote->ways, WF_CONTAINER(node, struct wf_request, queue),
                    now_ms(remote));
    }
}

static void
greet(struct remote *remote, enum greeting greeting)
{
    if (atomic_load(&remote->greeting) != GREETING_NONE) {
        return;
    }
    remote->refusal = remote->ways.home.connection.refusal;
    memcpy(remote->refusal_text, remote->ways.home.connection.refusal_text,
           sizeof(remote->refusal_text));
    atomic_store(&remote->greeting, (uint32_t)greeting);
    wf_futex_wake(&remote->greeting);
}

static void
began(void *ctx, bool is_taken)
{
    greet(ctx, is_taken ? GREETING_OK : GREETING_REFUSED);
}

static int
timeout_ms(const struct remote *remote)
{
    uint64_t now = now_ms(remote);
    uint64_t due = wf_ways_due_ms(&remote->ways, now);

    if (due <= now) {
        return 0;
    }
    return due - now > INT_MAX ? -1 : (int)(due - now);
}

static void
sleep_until_due(struct remote *remote)
{
    int ms = timeout_ms(remote);

    if (!wf_mpsc_start_wait(&remote->posts)) {
        return;
    }
    if (wf_ways_wait(&remote->ways, remote->posts.fd, ms)) {
        wf_mpsc_stop_wait(&remote->posts);
        return;
    }
    wf_mpsc_stop_wait(&remote->posts);
    wf_mpsc_wait(&remote->posts, ms);
}

static void *
run(void *arg)
{
    struct remote *remote = arg;

    wf_thread_name("weft-client");
    while (!atomic_load(&remote->is_closing)) {
        uint32_t count;

        take_posts(remote);
        count = wf_ways_hear(&remote->ways, now_ms(remote), NEWS_MAX, began,
                             remote);
        wf_ways_step(&remote->ways, now_ms(remote));
        if (count < NEWS_MAX) {
            sleep_until_due(remote);
        }
    }
    take_posts(remote);
    wf_ways_fail(&remote->ways, WEFT_ECLOSED, "the client was closed");
    return NULL;
}

// Life. ---------------------------------------------------------------------

static void
destroy(struct remote *remote)
{
    struct wf_connection_options *options = &remote->options;

    wf_ways_fini(&remote->ways);
    wf_context_destroy(remote->context);
    wf_mpsc_fini(&remote->posts);
    for (size_t i = 0; i < options->endpoints_count; i++) {
        wf_free(options->endpoints[i]);
    }
    wf_free(options->endpoints);
    wf_free((char *)(uintptr_t)options->name_space);
    wf_free((char *)(uintptr_t)options->label);
    wf_curve_wipe(&remote->pair);
    wf_free(remote);
}

static void
close_port(void *self)
{
    struct remote *remote = self;

    atomic_store(&remote->is_closing, true);
    wf_mpsc_wake(&remote->posts);
    (void)pthread_join(remote->thread, NULL);
    destroy(remote);
}

static const struct wf_client_port_ops ops = {
    .prepare = prepare,
    .post = post,
    .goes_on = goes_on,
    .wait = wait,
    .close = close_port,
};

// Connecting. ---------------------------------------------------------------

static char *
copy(const char *text)
{
    return text == NULL ? NULL : wf_strdup(text);
}

static weft_err
check(const weft_connect_options *options)
{
    if (options->endpoints == NULL || options->endpoints_count == 0 ||
        options->endpoints_count > ENDPOINTS_MAX) {
        return wf_error(WEFT_EINVAL, "endpoints are not 1 to %d",
                        ENDPOINTS_MAX);
    }
    for (size_t i = 0; i < options->endpoints_count; i++) {
        weft_err err = wf_socket_check_endpoint(options->endpoints[i]);

        if (err != WEFT_OK) {
            return err;
        }
    }
    if (options->label != NULL && strlen(options->label) > LABEL_BYTES_MAX) {
        return wf_error(WEFT_EINVAL, "label is longer than %d bytes",
                        LABEL_BYTES_MAX);
    }
    if ((options->key_file != NULL) != (options->server_key != NULL)) {
        return wf_error(WEFT_EINVAL, "key_file and server_key go together");
    }
    return WEFT_OK;
}

static struct remote *
create(const weft_connect_options *options, const uint8_t client_id[16])
{
    struct remote *remote = wf_calloc(sizeof(*remote));
    struct wf_connection_options *copied = &remote->options;
    size_t count = options->endpoints_count;

    copied->endpoints = wf_alloc(count * sizeof(*copied->endpoints));
    copied->endpoints_count = count;
    for (size_t i = 0; i < count; i++) {
        copied->endpoints[i] = wf_strdup(options->endpoints[i]);
    }
    copied->name_space = copy(options->name_space);
    copied->label = wf_strdup(options->label == NULL ? "" : options->label);
    memcpy(copied->client_id, client_id, sizeof(copied->client_id));
    copied->socket = (struct wf_socket_options){
        .type = WF_SOCKET_DEALER,
        // Credit says how much may wait.
        .queue_max = WF_CLIENT_REQUESTS_MAX,
        .message_max = UINT32_MAX,
    };
    remote->clock = wf_clock_system();
    remote->context = wf_context_create();
    wf_mpsc_init(&remote->posts);
    wf_ways_init(&remote->ways, copied, remote->context);
    remote->ways.is_home_only = options->keep_to_endpoints != 0;
    return remote;
}

static weft_err
read_keys(struct remote *remote, const weft_connect_options *options)
{
    struct wf_socket_options *socket = &remote->options.socket;
    weft_err err;

    if (options->key_file == NULL) {
        return WEFT_OK;
    }
    err = wf_curve_read(options->key_file, true, &remote->pair);
    if (err == WEFT_OK) {
        err = wf_curve_read_public(options->server_key, remote->server_key);
    }
    socket->secret_key = remote->pair.secret_key;
    socket->public_key = remote->pair.public_key;
    socket->server_key = remote->server_key;
    return err;
}

// With all signals blocked: they are for the host's threads.
static weft_err
start(struct remote *remote)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t all;
    sigset_t before;
    int rc;

    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)sigdelset(&all, faults[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&remote->thread, NULL, run, remote);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? WEFT_OK
                   : wf_error(WEFT_EBUSY, "the system gives no more threads");
}

static weft_err
wait_for_node(struct remote *remote, uint32_t timeout_ms)
{
    uint64_t until = now_ms(remote) + timeout_ms;
    uint64_t now;

    while (atomic_load(&remote->greeting) == GREETING_NONE &&
           (now = now_ms(remote)) < until) {
        wf_futex_wait(&remote->greeting, GREETING_NONE,
                      (until - now) * 1000000);
    }
    switch (atomic_load(&remote->greeting)) {
    case GREETING_NONE:
        return wf_error(WEFT_ETIMEDOUT, "%s did not answer within %u ms",
                        remote->options.endpoints[0], timeout_ms);
    case GREETING_OK:
        return WEFT_OK;
    default:
        return wf_error(remote->refusal, "%s", remote->refusal_text);
    }
}

static weft_err
open_client(const weft_connect_options *options, weft_client_options *full,
            weft_client **out_client)
{
    struct remote *remote;
    uint64_t first = 1;
    weft_err err;

    if (wf_client_options_has_id(full)) {
        struct wf_clock clock = wf_clock_system();

        first = wf_client_first_number(clock.wall_ms(clock.self));
    } else {
        wf_random_os_bytes(full->client_id, sizeof(full->client_id));
    }
    remote = create(options, full->client_id);
    if (remote->context == NULL) {
        destroy(remote);
        return WEFT_EBUSY;
    }
    err = read_keys(remote, options);
    if (err == WEFT_OK) {
        err = wf_connection_open(&remote->ways.home.connection, now_ms(remote));
    }
    if (err == WEFT_OK) {
        err = start(remote);
    }
    if (err != WEFT_OK) {
        destroy(remote);
        return err;
    }
    *out_client = wf_client_create(&(struct wf_client_setup){
        .options = full,
        .first_number = first,
        .interceptors = options->definitions == NULL
                            ? NULL
                            : wf_definitions_interceptors(options->definitions),
        .port = {.ops = &ops, .self = remote},
    });
    if (options->wait_for_node != 0) {
        err = wait_for_node(remote, full->timeout_ms);
    }
    if (err != WEFT_OK) {
        weft_client_close(*out_client);
        *out_client = NULL;
    }
    return err;
}

weft_err
weft_client_connect(const weft_connect_options *options,
                    weft_client **out_client)
{
    weft_client_options client = WEFT_CLIENT_OPTIONS_INIT;
    weft_connect_options given;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(out_client != NULL);
    err = wf_versioned_copy("weft_connect_options", options, &given,
                            sizeof(given));
    if (err == WEFT_OK) {
        err = check(&given);
    }
    if (err != WEFT_OK) {
        return err;
    }
    client.name_space = given.name_space;
    client.timeout_ms = given.timeout_ms;
    client.cipher = given.cipher;
    memcpy(client.client_id, given.client_id, sizeof(client.client_id));
    err = wf_client_options_read(&client, &client);
    return err == WEFT_OK ? open_client(&given, &client, out_client) : err;
}
