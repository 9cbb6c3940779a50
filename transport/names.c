// SPDX-License-Identifier: Apache-2.0
//
// names.c - see names.h.

#include "transport/names.h"

#include <stdio.h>
#include <zmq.h>

#include "base/error.h"
#include "transport/socket.h"

enum {
    NAME_BYTES = 5,
    LEARN_MS = 5000,
    NOT_COUNTED_YET = 4096, // connections
};

static uint32_t
number_of(const uint8_t name[NAME_BYTES])
{
    return (uint32_t)name[1] << 24 | (uint32_t)name[2] << 16 |
           (uint32_t)name[3] << 8 | (uint32_t)name[4];
}

// The name that the ROUTER sees a message of the DEALER come from.
static bool
introduce(void *router, void *dealer, uint8_t out_name[NAME_BYTES])
{
    int timeout_ms = LEARN_MS;
    char body;
    int forever = -1;
    bool is_named;

    (void)zmq_setsockopt(router, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    is_named = zmq_send(dealer, "", 0, 0) == 0 &&
               zmq_recv(router, out_name, NAME_BYTES, 0) == NAME_BYTES &&
               zmq_recv(router, &body, sizeof(body), 0) == 0 &&
               out_name[0] == 0;
    (void)zmq_setsockopt(router, ZMQ_RCVTIMEO, &forever, sizeof(forever));
    return is_named;
}

weft_err
wf_names_learn(struct wf_names *names, void *context, void *router)
{
    uint8_t name[NAME_BYTES] = {0};
    char endpoint[64];
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    int linger = 0;
    bool is_learnt;

    (void)snprintf(endpoint, sizeof(endpoint), "inproc://names-%p", router);
    is_learnt = dealer != NULL && zmq_bind(router, endpoint) == 0 &&
                zmq_connect(dealer, endpoint) == 0 &&
                introduce(router, dealer, name);
    (void)zmq_unbind(router, endpoint);
    if (dealer != NULL) {
        (void)zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof(linger));
        (void)zmq_close(dealer);
    }
    names->first = number_of(name);
    names->accepted = 0;
    return is_learnt ? WEFT_OK
                     : wf_error(WEFT_EIO, "ZeroMQ's ROUTER gives no names");
}

bool
wf_names_is_given(const struct wf_names *names, const struct wf_peer *peer)
{
    return peer->len == NAME_BYTES && peer->bytes[0] == 0 &&
           number_of(peer->bytes) - names->first <=
               names->accepted + NOT_COUNTED_YET;
}
