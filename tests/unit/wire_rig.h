// SPDX-License-Identifier: Apache-2.0
//
// wire_rig.h - a node that a test plays itself, message by message, for a
// client that is connected to it.
//
// Pings are answered by the way. What is not in time fails the test.

#ifndef WF_TESTS_UNIT_WIRE_RIG_H
#define WF_TESTS_UNIT_WIRE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "support/test.h"
#include "transport/bundle.h"
#include "transport/socket.h"
#include "transport/wire.h"
#include "weft/connect.h"
#include "weft/operate.h"

// What hello says; zero has a default.
struct wire_hello {
    uint64_t credit, credit_bytes, waits, message_max, keepalive_ms;
    const char *node, *name_space, *principal; // NULL: it does not say
    uint64_t partitions;
    uint64_t bundle_max;
};

extern struct wire_rig {
    struct wf_context *context;
    struct wf_socket *router;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
    const char *endpoints[2];
    weft_client *client;

    // What came last.
    size_t pings;
    size_t frames; // so far
    struct wf_bundle_reader reader;
    struct wf_message message;
    bool has_message;
    int fd; // of where the last one came from
    struct wf_peer peer;
    struct wf_wire_message wire;

    // What was called back, in this order.
    size_t replies_count;
    uint64_t numbers[64];
    weft_err errs[64];
    char detail[256]; // of the last one
} wire_rig;

static const weft_target wire_order = {"order", "17"};

void wire_open(void);    // no client yet
void wire_connect(void); // with the default options
void wire_close(void);   // all
weft_connect_options wire_options(void);

// The next message but pings; its verb must be this one.
void wire_take(const char *verb);
// The same, and its number and whether it says `again`.
void wire_take_call(const char *verb, uint64_t number, bool is_again);
// The next message but pings, if one comes in so many milliseconds.
bool wire_take_soon(uint32_t ms);
// A field of the last message that is a number; 0 if it has none.
uint64_t wire_uint(const char *name);
// A field of it that is text is this; NULL: it has none.
bool wire_text_is(const char *name, const char *text);
// Nothing but pings comes, until there were so many, ever.
void wire_take_pings(size_t count);
// Nothing comes. Other calls must have been made before, and be answered, for
// this to say much; it does not wait.
void wire_nothing(void);

// Answers go to where the last message came from.
void wire_hello(const struct wire_hello *hello);   // take one, and answer it
void wire_welcome(const struct wire_hello *hello); // it came last
void wire_ok(uint64_t number);
void wire_oks(uint64_t first, uint64_t last); // in one frame
void wire_error(uint64_t number, const char *code, const char *kind,
                const char *text);
void wire_bye(const char *code);
void wire_raw(const void *bytes, size_t len);
void wire_cut(void); // that connection

// A signal of that name is submitted; returns its number.
uint64_t wire_submit(const char *name);
uint64_t wire_submit_request(const weft_request *request);
// Dispatch until so many were called back, ever.
void wire_dispatch(size_t count);

#endif
