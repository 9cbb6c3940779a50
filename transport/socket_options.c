// SPDX-License-Identifier: Apache-2.0
//
// socket_options.c - what a socket of ZeroMQ is told before it is used: its
// limits, how long it waits for others, and its keys.

#include <string.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/error.h"
#include "transport/curve.h"
#include "transport/socket.h"
#include "transport/socket_impl.h"

enum {
    QUEUE_MAX_DEFAULT = 1000,
    MESSAGE_MAX_DEFAULT = 5 << 20,
    HANDSHAKE_MS_DEFAULT = 3000,
    BACKLOG_DEFAULT = 128,
    RECONNECT_MS_DEFAULT = 50,
    RECONNECT_MAX_DEFAULT = 2000,
    HEARTBEAT_MS_DEFAULT = 5000,
    HEARTBEATS_MISSED = 3,
    RECEIVE_BUFFER = 256 << 10,
};

void
wf_socket_set_int(void *zmq, int option, int value)
{
    int rc = zmq_setsockopt(zmq, option, &value, sizeof(value));

    WF_ASSERT(rc == 0);
}

static uint32_t
value_or(uint32_t value, uint32_t value_default)
{
    return value == 0 ? value_default : value;
}

// After which a connection is cut.
static void
set_silence(void *zmq, uint32_t heartbeat_ms)
{
    int silence =
        (int)value_or(heartbeat_ms, HEARTBEAT_MS_DEFAULT) * HEARTBEATS_MISSED;

    wf_socket_set_int(zmq, ZMQ_HEARTBEAT_TIMEOUT, silence);
    if (heartbeat_ms != 0) {
        wf_socket_set_int(zmq, ZMQ_HEARTBEAT_TTL, silence);
    }
}

static void
set_limits(void *zmq, const struct wf_socket_options *options)
{
    int queue = (int)value_or(options->queue_max, QUEUE_MAX_DEFAULT);
    int64_t message = value_or(options->message_max, MESSAGE_MAX_DEFAULT);
    int rc = zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &message, sizeof(message));

    WF_ASSERT(rc == 0);
    wf_socket_set_int(zmq, ZMQ_LINGER, 0);
    wf_socket_set_int(zmq, ZMQ_SNDHWM, queue);
    wf_socket_set_int(zmq, ZMQ_RCVHWM,
                      options->receive_max == 0 ? queue
                                                : (int)options->receive_max);
    wf_socket_set_int(zmq, ZMQ_TCP_KEEPALIVE, 1);
    wf_socket_set_int(
        zmq, ZMQ_HANDSHAKE_IVL,
        (int)value_or(options->handshake_ms, HANDSHAKE_MS_DEFAULT));
    if (options->type == WF_SOCKET_ROUTER) {
        wf_socket_set_int(zmq, ZMQ_ROUTER_MANDATORY, 1);
        // What the kernel has is still read when a connection was cut.
        wf_socket_set_int(zmq, ZMQ_RCVBUF, RECEIVE_BUFFER);
        wf_socket_set_int(zmq, ZMQ_BACKLOG,
                          (int)value_or(options->backlog, BACKLOG_DEFAULT));
        return;
    }
    wf_socket_set_int(
        zmq, ZMQ_RECONNECT_IVL,
        (int)value_or(options->reconnect_ms, RECONNECT_MS_DEFAULT));
    wf_socket_set_int(
        zmq, ZMQ_RECONNECT_IVL_MAX,
        (int)value_or(options->reconnect_max, RECONNECT_MAX_DEFAULT));
    // The kernel would ask again ever more seldom, for minutes after a cut.
    wf_socket_set_int(
        zmq, ZMQ_CONNECT_TIMEOUT,
        (int)value_or(options->handshake_ms, HANDSHAKE_MS_DEFAULT));
    wf_socket_set_int(
        zmq, ZMQ_HEARTBEAT_IVL,
        (int)value_or(options->heartbeat_ms, HEARTBEAT_MS_DEFAULT));
    set_silence(zmq, options->heartbeat_ms);
    // What waits for a connection that is not there is lost with it anyway.
    wf_socket_set_int(zmq, ZMQ_IMMEDIATE, 1);
}

static weft_err
set_key(void *zmq, int option, const char *what, const char *key)
{
    if (key == NULL || strlen(key) != WF_CURVE_KEY_CHARS ||
        zmq_setsockopt(zmq, option, key, WF_CURVE_KEY_CHARS + 1) != 0) {
        return wf_error(WEFT_EINVAL, "%s is not a key of %d characters", what,
                        WF_CURVE_KEY_CHARS);
    }
    return WEFT_OK;
}

static weft_err
set_curve(void *zmq, const struct wf_socket_options *options)
{
    weft_err err;

    if (options->secret_key == NULL) {
        return WEFT_OK;
    }
    err = set_key(zmq, ZMQ_CURVE_SECRETKEY, "secret_key", options->secret_key);
    if (err == WEFT_OK && options->type == WF_SOCKET_ROUTER) {
        wf_socket_set_int(zmq, ZMQ_CURVE_SERVER, 1);
        (void)zmq_setsockopt(zmq, ZMQ_ZAP_DOMAIN, "weft", 4);
        return WEFT_OK;
    }
    if (err == WEFT_OK) {
        err = set_key(zmq, ZMQ_CURVE_PUBLICKEY, "public_key",
                      options->public_key);
    }
    if (err == WEFT_OK) {
        err = set_key(zmq, ZMQ_CURVE_SERVERKEY, "server_key",
                      options->server_key);
    }
    return err;
}

weft_err
wf_socket_set_options(void *zmq, const struct wf_socket_options *options)
{
    set_limits(zmq, options);
    return set_curve(zmq, options);
}
