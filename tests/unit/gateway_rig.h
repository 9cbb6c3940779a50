// SPDX-License-Identifier: Apache-2.0
//
// gateway_rig.h - a node with a server, and clients that are sockets and
// nothing else: they say what the protocol has, and show what they hear.

#ifndef WF_TESTS_UNIT_GATEWAY_RIG_H
#define WF_TESTS_UNIT_GATEWAY_RIG_H

#include "transport/bundle.h"
#include "transport/socket.h"
#include "transport/wire.h"
#include "unit/node_rig.h"
#include "weft/serve.h"

struct dealer;

struct gateway_rig {
    struct node_rig node;
    weft_server_options options; // of the next open
    weft_server *server;
    struct wf_context *context; // of the clients
    const char *endpoints[1];
};

struct gateway_rig gateway_rig_begin(struct test *t);
void gateway_rig_open(struct gateway_rig *rig); // node and server
void gateway_rig_close(struct gateway_rig *rig);
void gateway_rig_end(struct gateway_rig *rig);
// All of that, and one connection.
struct gateway_rig gateway_rig_begin_with(struct test *t,
                                          struct dealer *dealer);
void gateway_rig_end_with(struct gateway_rig *rig, struct dealer *dealer);

// Wait until what `read` gives is at least so much; fails after a minute.
weft_server_stats gateway_rig_stats(struct gateway_rig *rig);
#define GATEWAY_UNTIL(rig, condition)                                          \
    do {                                                                       \
        int rounds_ = 0;                                                       \
        weft_server_stats now = gateway_rig_stats(rig);                        \
        while (!(condition) && rounds_++ < 12000) {                            \
            gateway_rig_pause();                                               \
            now = gateway_rig_stats(rig);                                      \
        }                                                                      \
        CHECK(condition);                                                      \
    } while (0)
void gateway_rig_pause(void); // 5 ms

// A client's connection.
struct dealer {
    struct wf_socket *socket;
    struct wf_buf out;
    struct wf_wire_writer writer;
    struct wf_message message; // that was heard last
    bool has_message;
    struct wf_bundle_reader reader; // of it
    uint32_t frames;                // that were heard
};

// receive_max: messages that it holds for its reader; 0: many
void dealer_open(struct dealer *dealer, struct gateway_rig *rig,
                 uint32_t receive_max);
void dealer_close(struct dealer *dealer);
// Say what begin and the writer have put together.
struct wf_wire_writer *dealer_begin(struct dealer *dealer, const char *verb,
                                    uint64_t number);
void dealer_end(struct dealer *dealer);
void dealer_send(struct dealer *dealer); // what is in `out`
void dealer_say(struct dealer *dealer, const char *verb, uint64_t number,
                const char *kind, const char *id, const char *name);
void dealer_hello(struct dealer *dealer, uint8_t client);
void dealer_hello_in(struct dealer *dealer, uint8_t client,
                     const char *name_space);
// Hello, and it is welcome.
void dealer_greet(struct dealer *dealer, uint8_t client);
// As client 1, whose request 1 has made the counter "a".
void dealer_greet_and_start(struct dealer *dealer);
void dealer_garbage(struct dealer *dealer, const char *bytes, size_t len);
// The next message in words, as "ok 1 is_created=true": scalars as they are,
// maps and arrays as {} and []. Fails if none comes within seconds.
const char *dealer_hear(struct dealer *dealer);
// The same, "" if none comes within so many ms.
const char *dealer_hear_within(struct dealer *dealer, int ms);
#define CHECK_HEARS(dealer, expected) CHECK_STR(dealer_hear(dealer), expected)
// What it hears begins like that.
#define CHECK_HEARS_LIKE(dealer, prefix)                                       \
    dealer_check_like(dealer, prefix, __FILE__, __LINE__)
void dealer_check_like(struct dealer *dealer, const char *prefix,
                       const char *file, int line);

#endif
