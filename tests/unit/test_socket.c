// SPDX-License-Identifier: Apache-2.0
//
// test_socket.c - messages over real sockets on loopback; each wait ends by
// itself, so that what does not come fails its test.

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Everything is read, so that its descriptor says when more has come.
static void
empty(struct wf_socket *socket)
{
    struct wf_message message;
    struct wf_socket_event passed;

    while (wf_socket_receive(socket, &message)) {
        wf_message_fini(&message);
    }
    while (wf_socket_event(socket, &passed)) {
    }
}

// By the send ZeroMQ takes the sign of it off its descriptor.
TEST(socket, what_came_before_a_send_is_not_slept_over)
{
    struct pair pair;
    struct wf_message message;
    uint64_t began;

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    say_and_hear(&pair, &message);
    empty(pair.dealer);
    CHECK_EQ(send_text(pair.router, &message.peer, "world", NULL), WF_SENT);
    wf_message_fini(&message);
    wf_socket_wait(pair.dealer, NULL, 0, WAIT_MS);
    for (began = now_ms(); now_ms() < began + 5;) {
    } // it does not look twice in a millisecond
    CHECK_EQ(send_text(pair.dealer, NULL, "hello", NULL), WF_SENT);
    began = now_ms();
    wf_socket_wait(pair.dealer, NULL, 0, WAIT_MS);
    CHECK(now_ms() < began + WAIT_MS / 2);
    CHECK(wf_socket_receive(pair.dealer, &message));
    wf_message_fini(&message);
    pair_close(&pair);
}

// There is no telling whether it would ever be read.
TEST(socket, what_is_sent_to_nobody_is_not_kept)
{
    struct wf_socket_options options = {.type = WF_SOCKET_DEALER};
    struct wf_context *context = wf_context_create();
    struct wf_socket *dealer;

    CHECK_OK(wf_socket_create(context, &options, &dealer));
    CHECK_OK(wf_socket_connect(dealer, "tcp://127.0.0.1:1"));
    CHECK_EQ(send_text(dealer, NULL, "hello", NULL), WF_SENT_FULL);
    wf_socket_destroy(dealer);
    wf_context_destroy(context);
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

// Two ends of a connection over TCP.
static void
connect_both(int out_fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listening, (struct sockaddr *)(void *)&at, len) == 0);
    CHECK(listen(listening, 1) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)(void *)&at, &len) == 0);
    out_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(out_fds[0], (struct sockaddr *)(void *)&at, len) == 0);
    out_fds[1] = accept(listening, NULL, NULL);
    CHECK(out_fds[1] >= 0);
    CHECK_EQ(close(listening), 0);
}

TEST(socket, a_line_is_not_another_one_with_its_number)
{
    int fds[2];
    int others[2];
    struct wf_line line;

    connect_both(fds);
    line = wf_line_of(fds[0]);
    connect_both(others);
    CHECK_EQ(dup2(others[0], fds[0]), fds[0]);
    CHECK(!wf_line_cut(&line));
    CHECK_EQ(write(fds[0], "x", 1), 1); // it is as it was
    line = wf_line_of(fds[0]);
    CHECK(wf_line_cut(&line));
    for (int i = 0; i < 2; i++) {
        (void)close(fds[i]);
        (void)close(others[i]);
    }
}

TEST(socket, a_line_says_what_was_read_from_it)
{
    char bytes[100] = "";
    struct pollfd sign = {.events = POLLIN};
    struct wf_line line;
    uint64_t read_bytes = 1;
    int fds[2];

    connect_both(fds);
    line = wf_line_of(fds[1]);
    sign.fd = fds[1];
    CHECK_EQ(write(fds[0], bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    CHECK_EQ(poll(&sign, 1, WAIT_MS), 1);
    CHECK(wf_line_bytes_read(&line, &read_bytes));
    CHECK_EQ(read_bytes, 0);
    CHECK_EQ(read(fds[1], bytes, 40), 40);
    CHECK(wf_line_bytes_read(&line, &read_bytes));
    CHECK_EQ(read_bytes, 40);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

// Beats a few times, and does nothing more until it is killed.
static void
beat_and_stop(const char *endpoint)
{
    struct wf_socket_options options = {.type = WF_SOCKET_DEALER,
                                        .heartbeat_ms = 100};
    struct wf_context *context = wf_context_create();
    struct wf_socket *dealer = NULL;
    struct wf_socket_event ready;

    CHECK_OK(wf_socket_create(context, &options, &dealer));
    CHECK_OK(wf_socket_connect(dealer, endpoint));
    CHECK(event(dealer, WF_SOCKET_CONNECTED, &ready));
    for (uint64_t began = now_ms(); now_ms() < began + 500;) {
        wf_socket_wait(dealer, NULL, 0, 10);
    }
    (void)raise(SIGSTOP);
}

// Its machine may have lost its power: no connection ends by that.
TEST(socket, who_does_not_beat_any_more_is_cut_off)
{
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER};
    struct wf_context *context;
    struct wf_socket *router;
    struct wf_socket_event happened;
    pid_t pid;

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/s", test_dir(t));
    pid = fork();
    if (pid == 0) {
        beat_and_stop(endpoint);
        _exit(1);
    }
    context = wf_context_create();
    CHECK_OK(wf_socket_create(context, &options, &router));
    CHECK_OK(wf_socket_bind(router, endpoint, endpoint));
    CHECK(event(router, WF_SOCKET_DISCONNECTED, &happened));
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    wf_socket_destroy(router);
    wf_context_destroy(context);
}

// It is no peer of the other kind, with keys or without, that would have to be
// told so.
TEST(socket, who_speaks_nonsense_is_no_mismatch)
{
    static const uint8_t nonsense[] = {
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L', 0,   0,
        0,    0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,   0,   0,   0,   0,   0,
        0,    0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,   0,   0,   0,   0,   0,
        0,    0, 0, 0, 0, 0, 0, 0, 0, 0,    4, 6, 5,   'R', 'E', 'A', 'D', 'X',
    };
    struct pair pair;
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct wf_socket_event happened = {.type = WF_SOCKET_LISTENING};
    unsigned port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    pair_open(&pair, "tcp://127.0.0.1:*", 0);
    CHECK_EQ(sscanf(pair.endpoint, "tcp://127.0.0.1:%u", &port), 1);
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)) == 0);
    CHECK_EQ(write(fd, nonsense, sizeof(nonsense)), (ssize_t)sizeof(nonsense));
    for (int i = 0; i < WAIT_MS && happened.type != WF_SOCKET_DISCONNECTED;) {
        if (wf_socket_event(pair.router, &happened)) {
            CHECK(happened.type != WF_SOCKET_MISMATCHED);
        } else {
            wf_socket_wait(pair.router, NULL, 0, 10);
            i += 10;
        }
    }
    CHECK_EQ(happened.type, WF_SOCKET_DISCONNECTED);
    (void)close(fd);
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
