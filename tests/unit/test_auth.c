// SPDX-License-Identifier: Apache-2.0
//
// test_auth.c - who is let in by a socket with keys, over loopback; each wait
// ends by itself, so that what does not come fails its test.

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"
#include "transport/auth.h"
#include "transport/curve.h"
#include "transport/socket.h"

enum { WAIT_MS = 60000, STEP_MS = 10 };

struct door {
    struct wf_context *context;
    struct wf_auth *auth;
    struct wf_socket *router;
    struct wf_curve_pair server;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
    char allowed[WF_CURVE_KEY_CHARS + 1]; // whose key is let in
    int asked;
};

static struct wf_curve_pair
make_pair(struct test *t, const char *name)
{
    struct wf_curve_pair pair;
    char secret[512];
    char public[520];

    (void)snprintf(secret, sizeof(secret), "%s/%s", test_dir(t), name);
    (void)snprintf(public, sizeof(public), "%s.pub", secret);
    if (access(secret, F_OK) != 0) {
        CHECK_OK(wf_curve_generate(secret, public));
    }
    CHECK_OK(wf_curve_read(secret, true, &pair));
    return pair;
}

static bool
may_enter(void *ctx, const char *key, const char *address)
{
    struct door *door = ctx;

    door->asked++;
    CHECK_STR(address, "127.0.0.1");
    return strcmp(key, door->allowed) == 0;
}

static void
door_open(struct test *t, struct door *door)
{
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER};

    *door = (struct door){.context = wf_context_create()};
    door->server = make_pair(t, "server");
    options.secret_key = door->server.secret_key;
    CHECK_OK(wf_auth_create(door->context, may_enter, door, &door->auth));
    CHECK_OK(wf_socket_create(door->context, &options, &door->router));
    CHECK_OK(wf_socket_bind(door->router, "tcp://127.0.0.1:*", door->endpoint));
}

static void
door_close(struct door *door)
{
    wf_socket_destroy(door->router);
    wf_auth_destroy(door->auth);
    wf_context_destroy(door->context);
}

// pair NULL: a client without keys.
static struct wf_socket *
knock(struct door *door, const struct wf_curve_pair *pair)
{
    struct wf_socket_options options = {.type = WF_SOCKET_DEALER};
    struct wf_socket *dealer;

    if (pair != NULL) {
        options.secret_key = pair->secret_key;
        options.public_key = pair->public_key;
        options.server_key = door->server.public_key;
    }
    CHECK_OK(wf_socket_create(door->context, &options, &dealer));
    CHECK_OK(wf_socket_connect(dealer, door->endpoint));
    return dealer;
}

// The node's thread has its turn.
static void
turn(struct door *door)
{
    struct wf_socket_event passed;
    int fd = door->auth == NULL ? -1 : wf_auth_fd(door->auth);

    wf_socket_wait(door->router, &fd, door->auth == NULL ? 0 : 1, STEP_MS);
    if (door->auth != NULL) {
        wf_auth_step(door->auth);
    }
    while (wf_socket_event(door->router, &passed)) {
    }
}

static bool
event(struct door *door, struct wf_socket *dealer,
      enum wf_socket_event_type type, int wait_ms)
{
    struct wf_socket_event event;

    for (int i = 0; i < wait_ms / STEP_MS; i++) {
        while (wf_socket_event(dealer, &event)) {
            if (event.type == type) {
                return true;
            }
        }
        turn(door);
    }
    return false;
}

static bool
receive(struct door *door, struct wf_message *out)
{
    for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
        if (wf_socket_receive(door->router, out)) {
            return true;
        }
        turn(door);
    }
    return false;
}

static void
say(struct wf_socket *dealer)
{
    struct wf_buf frame = {0};

    wf_buf_put(&frame, "hello", 5);
    CHECK_EQ(wf_socket_send(dealer, NULL, &frame, NULL), WF_SENT);
    wf_buf_fini(&frame);
}

TEST(auth, whose_key_is_known_is_let_in_and_its_messages_say_who_it_is)
{
    struct door door;
    struct wf_curve_pair alice = make_pair(t, "alice");
    struct wf_message message;
    struct wf_socket *dealer;

    door_open(t, &door);
    memcpy(door.allowed, alice.public_key, sizeof(door.allowed));
    dealer = knock(&door, &alice);
    CHECK(event(&door, dealer, WF_SOCKET_CONNECTED, WAIT_MS));
    CHECK_EQ(door.asked, 1);
    for (int i = 0; i < 3; i++) { // also one that poll has looked at first
        say(dealer);
        CHECK(receive(&door, &message));
        CHECK_STR(message.user, alice.public_key);
        wf_message_fini(&message);
    }
    wf_socket_destroy(dealer);
    door_close(&door);
}

TEST(auth, whose_key_is_not_known_is_told_so)
{
    struct door door;
    struct wf_curve_pair alice = make_pair(t, "alice");
    struct wf_socket *dealer;

    door_open(t, &door);
    dealer = knock(&door, &alice);
    CHECK(event(&door, dealer, WF_SOCKET_REFUSED, WAIT_MS));
    CHECK_EQ(door.asked, 1);
    wf_socket_destroy(dealer);
    door_close(&door);
}

TEST(auth, who_has_no_keys_at_all_learns_that_they_are_wanted)
{
    struct door door;
    struct wf_socket *dealer;

    door_open(t, &door);
    dealer = knock(&door, NULL);
    CHECK(event(&door, dealer, WF_SOCKET_MISMATCHED, WAIT_MS));
    CHECK_EQ(door.asked, 0);
    wf_socket_destroy(dealer);
    door_close(&door);
}

// Nobody is asked about one who has a public key but not its secret one, or
// takes this node for another: the handshake fails before that.
TEST(auth, a_wrong_key_on_either_side_opens_nothing)
{
    struct door door;
    struct wf_curve_pair alice = make_pair(t, "alice");
    struct wf_curve_pair other = make_pair(t, "other");
    struct wf_socket *thief;
    struct wf_socket *lost;

    door_open(t, &door);
    memcpy(door.allowed, alice.public_key, sizeof(door.allowed));
    memcpy(door.server.public_key, other.public_key, sizeof(other.public_key));
    lost = knock(&door, &alice);
    CHECK(!event(&door, lost, WF_SOCKET_CONNECTED, 300));
    door.server = make_pair(t, "server");
    memcpy(other.public_key, alice.public_key, sizeof(other.public_key));
    thief = knock(&door, &other);
    CHECK(!event(&door, thief, WF_SOCKET_CONNECTED, 300));
    CHECK_EQ(door.asked, 0);
    wf_socket_destroy(thief);
    wf_socket_destroy(lost);
    door_close(&door);
}

// libzmq would let everybody in then.
TEST(auth, a_socket_with_keys_is_not_bound_before_somebody_answers)
{
    struct wf_curve_pair server = make_pair(t, "server");
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER,
                                        .secret_key = server.secret_key};
    struct door door = {.context = wf_context_create()};

    CHECK_OK(wf_socket_create(door.context, &options, &door.router));
    CHECK_ERR(wf_socket_bind(door.router, "tcp://127.0.0.1:*", door.endpoint),
              WEFT_EINVAL);
    CHECK_OK(wf_auth_create(door.context, may_enter, &door, &door.auth));
    CHECK_OK(wf_socket_bind(door.router, "tcp://127.0.0.1:*", door.endpoint));
    door_close(&door);
}

TEST(auth, who_answered_once_does_not_answer_for_ever)
{
    struct wf_curve_pair server = make_pair(t, "server");
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER,
                                        .secret_key = server.secret_key};
    struct door door = {.context = wf_context_create()};

    CHECK_OK(wf_auth_create(door.context, may_enter, &door, &door.auth));
    wf_auth_destroy(door.auth);
    door.auth = NULL;
    CHECK_OK(wf_socket_create(door.context, &options, &door.router));
    CHECK_ERR(wf_socket_bind(door.router, "tcp://127.0.0.1:*", door.endpoint),
              WEFT_EINVAL);
    door_close(&door);
}

TEST(auth, a_context_has_one_handler)
{
    struct door door;
    struct wf_auth *second;

    door_open(t, &door);
    CHECK_ERR(wf_auth_create(door.context, may_enter, &door, &second),
              WEFT_EBUSY);
    door_close(&door);
}

// One that speaks for itself: its READY, then a message. Returns what the
// router got, of a door that it opens, and the connection.
static int
say_raw(const void *ready, size_t len, struct door *door,
        struct wf_message *out)
{
    static const uint8_t greeting[64] = {
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L',
    };
    static const uint8_t hello[] = "\0\x05hello";
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER};
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timeval wait = {.tv_sec = WAIT_MS / 1000};
    uint8_t heard[sizeof(greeting) + 2];
    unsigned port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    door->context = wf_context_create();
    CHECK_OK(wf_socket_create(door->context, &options, &door->router));
    CHECK_OK(wf_socket_bind(door->router, "tcp://127.0.0.1:*", door->endpoint));
    CHECK(sscanf(door->endpoint, "tcp://127.0.0.1:%u", &port) == 1);
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(write(fd, greeting, sizeof(greeting)) == sizeof(greeting));
    CHECK(write(fd, ready, len) == (ssize_t)len);
    // Its own READY begins: until then a message is too early.
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    CHECK(recv(fd, heard, sizeof(heard), MSG_WAITALL) == sizeof(heard));
    CHECK(write(fd, hello, sizeof(hello) - 1) == sizeof(hello) - 1);
    CHECK(receive(door, out));
    return fd;
}

// A peer without keys may claim any name in its handshake.
TEST(auth, without_keys_nobody_has_a_name)
{
    static const uint8_t ready[] = "\x04\x2d\x05READY\x0bSocket-Type\0\0\0\x06"
                                   "DEALER\x07User-Id\0\0\0\x05"
                                   "admin";
    struct door door = {.router = NULL};
    struct wf_message message;
    int fd;

    CHECK_EQ(sizeof(ready) - 1, 2 + ready[1]);
    fd = say_raw(ready, sizeof(ready) - 1, &door, &message);
    CHECK_STR(message.user, "");
    CHECK(!message.is_self_named);
    wf_message_fini(&message);
    (void)close(fd);
    door_close(&door);
}

// One that looks as if the router had given it, and might be given next.
TEST(auth, who_brings_a_name_is_found_out)
{
    static const uint8_t ready[] = "\x04\x2e\x05READY\x0bSocket-Type\0\0\0\x06"
                                   "DEALER\x08Identity\0\0\0\x05"
                                   "\0\x01\x02\x03\x04";
    struct door door = {.router = NULL};
    struct wf_message message;
    int fd;

    CHECK_EQ(sizeof(ready) - 1, 2 + ready[1]);
    fd = say_raw(ready, sizeof(ready) - 1, &door, &message);
    CHECK_EQ(message.peer.len, 5);
    CHECK(message.is_self_named);
    wf_message_fini(&message);
    (void)close(fd);
    door_close(&door);
}
