// SPDX-License-Identifier: Apache-2.0
//
// test_socket.c - messages over real sockets on loopback; each wait ends by
// itself, so that what does not come fails its test.

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "transport/line.h"
#include "transport/socket.h"

enum { WAIT_MS = 60000 };

struct pair {
    struct wf_context *context;
    struct wf_socket *router;
    struct wf_socket *dealer;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
};

static void
pair_open(struct pair *pair, const char *endpoint, uint32_t queue_max)
{
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER,
                                        .queue_max = queue_max,
                                        .message_max = 100000};

    pair->context = wf_context_create();
    CHECK_OK(wf_socket_create(pair->context, &options, &pair->router));
    CHECK_OK(wf_socket_bind(pair->router, endpoint, pair->endpoint));
    options.type = WF_SOCKET_DEALER;
    CHECK_OK(wf_socket_create(pair->context, &options, &pair->dealer));
    CHECK_OK(wf_socket_connect(pair->dealer, pair->endpoint));
}

static void
pair_close(struct pair *pair)
{
    wf_socket_destroy(pair->dealer);
    wf_socket_destroy(pair->router);
    wf_context_destroy(pair->context);
}

static bool
receive(struct wf_socket *socket, struct wf_message *out)
{
    struct wf_socket_event passed;

    for (int i = 0; i < WAIT_MS / 10; i++) {
        if (wf_socket_receive(socket, out)) {
            return true;
        }
        while (wf_socket_event(socket, &passed)) {
        }
        wf_socket_wait(socket, NULL, 0, 10);
    }
    return false;
}

static bool
event(struct wf_socket *socket, enum wf_socket_event_type type,
      struct wf_socket_event *out)
{
    for (int i = 0; i < WAIT_MS / 10; i++) {
        while (wf_socket_event(socket, out)) {
            if (out->type == type) {
                return true;
            }
        }
        wf_socket_wait(socket, NULL, 0, 10);
    }
    return false;
}

static enum wf_sent
send_text(struct wf_socket *socket, const struct wf_peer *peer,
          const char *text, struct wf_flight *flight)
{
    struct wf_buf frame = {0};
    enum wf_sent sent;

    wf_buf_put(&frame, text, strlen(text));
    sent = wf_socket_send(socket, peer, &frame, flight);
    wf_buf_fini(&frame);
    return sent;
}

static void
say_and_hear(struct pair *pair, struct wf_message *out_message)
{
    struct wf_socket_event ready;

    CHECK(event(pair->dealer, WF_SOCKET_CONNECTED, &ready));
    CHECK_EQ(send_text(pair->dealer, NULL, "hello", NULL), WF_SENT);
    CHECK(receive(pair->router, out_message));
}

static void
round_trip(const char *endpoint)
{
    struct pair pair;
    struct wf_message message;

    pair_open(&pair, endpoint, 0);
    say_and_hear(&pair, &message);
    CHECK(message.is_alone);
    CHECK_EQ(message.frame.len, 5);
    CHECK(memcmp(message.frame.data, "hello", 5) == 0);
    CHECK_STR(message.user, "");
    CHECK(!message.is_self_named);
    CHECK_EQ(send_text(pair.router, &message.peer, "world", NULL), WF_SENT);
    wf_message_fini(&message);
    CHECK(receive(pair.dealer, &message));
    CHECK(memcmp(message.frame.data, "world", 5) == 0);
    wf_message_fini(&message);
    pair_close(&pair);
}

TEST(socket, messages_go_both_ways_over_tcp)
{
    round_trip("tcp://127.0.0.1:*");
}

TEST(socket, messages_go_both_ways_over_ipc)
{
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/s", test_dir(t));
    round_trip(endpoint);
}

TEST(socket, who_is_not_there_is_said_to_be_gone)
{
    struct pair pair;
    struct wf_peer nobody = {3, "abc"};

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    CHECK_EQ(send_text(pair.router, &nobody, "x", NULL), WF_SENT_GONE);
    pair_close(&pair);
}

enum { FRAME_BYTES = 90000 };

static enum wf_sent
send_large(struct wf_socket *socket, const struct wf_peer *peer,
           struct wf_flight *flight)
{
    struct wf_buf frame = {0};
    enum wf_sent sent;

    wf_buf_reserve(&frame, FRAME_BYTES);
    memset(frame.data, 'x', FRAME_BYTES);
    frame.len = FRAME_BYTES;
    sent = wf_socket_send(socket, peer, &frame, flight);
    // What was not taken is still ours.
    CHECK_EQ(frame.len, sent == WF_SENT ? 0 : FRAME_BYTES);
    wf_buf_fini(&frame);
    return sent;
}

// What a reader does not read is counted until it is gone, and is bounded. The
// kernel takes the first of it; ZeroMQ's thread, which counts down and says
// where there is room again, may be late with either.
TEST(socket, a_slow_reader_fills_its_queue_and_no_more)
{
    struct pair pair;
    struct wf_message message;
    struct wf_flight *all = wf_flight_create(NULL);
    struct wf_flight *flight = wf_flight_create(all);
    bool is_full = false;

    pair_open(&pair, "tcp://127.0.0.1:*", 10);
    say_and_hear(&pair, &message);
    for (int i = 0; !is_full && i < 10000; i++) {
        if (send_large(pair.router, &message.peer, flight) == WF_SENT_FULL) {
            // It is told of room by half queues.
            is_full = atomic_load(&all->bytes) >= 5 * FRAME_BYTES;
            wf_socket_wait(pair.router, NULL, 0, is_full ? 0 : 10);
        }
        CHECK(atomic_load(&all->bytes) <= 20 * FRAME_BYTES);
    }
    CHECK(is_full);
    wf_message_fini(&message);
    pair_close(&pair);
    CHECK_EQ(atomic_load(&flight->bytes), 0);
    CHECK_EQ(atomic_load(&all->messages), 0);
    wf_flight_release(flight);
    wf_flight_release(all);
}

TEST(socket, a_connection_is_cut_by_its_line_and_only_once)
{
    struct pair pair;
    struct wf_message message;
    struct wf_socket_event happened;
    struct wf_line line;

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    say_and_hear(&pair, &message);
    line = wf_line_of(wf_message_fd(&message));
    CHECK(line.cookie != 0);
    CHECK(wf_line_cut(&line));
    CHECK(event(pair.dealer, WF_SOCKET_DISCONNECTED, &happened));
    CHECK(event(pair.router, WF_SOCKET_DISCONNECTED, &happened));
    CHECK(event(pair.dealer, WF_SOCKET_CONNECTED, &happened)); // by itself
    CHECK(!wf_line_cut(&line)); // though the descriptor may be used again
    wf_message_fini(&message);
    pair_close(&pair);
}

TEST(socket, a_listener_that_refuses_takes_connections_later)
{
    struct pair pair;
    struct wf_socket_event listening;
    struct wf_socket_event happened;
    struct wf_socket_options options = {.type = WF_SOCKET_DEALER};
    struct wf_socket *late = NULL;

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    CHECK(event(pair.router, WF_SOCKET_LISTENING, &listening));
    CHECK(event(pair.dealer, WF_SOCKET_CONNECTED, &happened));
    CHECK(wf_line_refuse(listening.fd, true));
    CHECK_OK(wf_socket_create(pair.context, &options, &late));
    CHECK_OK(wf_socket_connect(late, pair.endpoint));
    wf_socket_wait(late, NULL, 0, 200);
    CHECK(!wf_socket_event(late, &happened));
    CHECK(wf_line_refuse(listening.fd, false));
    CHECK(event(late, WF_SOCKET_CONNECTED, &happened));
    wf_socket_destroy(late);
    pair_close(&pair);
}

static void
connect_plainly(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)) == 0);
    (void)close(fd);
}

// Who does not look at events for a while, as at its end, stops nothing.
TEST(socket, more_events_than_anybody_reads_are_no_harm)
{
    struct pair pair;
    unsigned port = 0;

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    CHECK_EQ(sscanf(pair.endpoint, "tcp://127.0.0.1:%u", &port), 1);
    for (int i = 0; i < 1500; i++) {
        connect_plainly((uint16_t)port);
    }
    wf_socket_wait(pair.dealer, NULL, 0, 10);
    pair_close(&pair);
}

TEST(socket, endpoints_of_other_kinds_are_refused)
{
    struct pair pair;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    CHECK_ERR(wf_socket_bind(pair.router, "pgm://127.0.0.1:1", endpoint),
              WEFT_EINVAL);
    CHECK_ERR(wf_socket_connect(pair.dealer, "inproc://x"), WEFT_EINVAL);
    CHECK_ERR(wf_socket_bind(pair.router, pair.endpoint, endpoint), WEFT_EBUSY);
    CHECK(wf_socket_is_local("ipc:///run/x"));
    CHECK(wf_socket_is_local("tcp://127.0.0.1:1"));
    CHECK(!wf_socket_is_local("tcp://*:1"));
    CHECK(!wf_socket_is_local("tcp://192.0.2.1:1"));
    pair_close(&pair);
}

// ZeroMQ would remove it.
TEST(socket, a_file_in_the_way_of_an_ipc_socket_is_left_alone)
{
    struct pair pair;
    struct stat status;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
    char path[WF_ENDPOINT_BYTES_MAX - 5];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/f", test_dir(t));
    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
    file = fopen(path, "w");
    CHECK(file != NULL);
    (void)fclose(file);
    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    CHECK_ERR(wf_socket_bind(pair.router, endpoint, endpoint), WEFT_EINVAL);
    CHECK(stat(path, &status) == 0);
    pair_close(&pair);
}

// The limit is the process's, so it is one of its own.
static void
open_without_descriptors(void *ctx)
{
    struct rlimit none = {0};

    (void)ctx;
    _exit(setrlimit(RLIMIT_NOFILE, &none) == 0 && wf_context_create() == NULL
              ? 0
              : 1);
}

TEST(socket, without_descriptors_there_is_no_context)
{
    CHECK_EQ(test_fork(open_without_descriptors, NULL), 0);
}
