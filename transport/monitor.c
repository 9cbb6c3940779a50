// SPDX-License-Identifier: Apache-2.0
//
// monitor.c - see monitor.h. An event is two frames: a code and a value, of
// which the value is a descriptor or an error; and an address, which says
// nothing that is not known.

#include "transport/monitor.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/assert.h"
#include "transport/socket.h"
#include "transport/socket_impl.h"

weft_err
wf_monitor_open(struct wf_monitor *monitor, struct wf_context *context,
                void *watched)
{
    int events = ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED |
                 ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    char name[64];
    void *reader;

    monitor->watched = watched;
    (void)snprintf(name, sizeof(name), "inproc://monitor-%u",
                   atomic_fetch_add(&context->monitors, 1));
    if (zmq_socket_monitor(watched, name, events) != 0) {
        return wf_socket_none();
    }
    reader = zmq_socket(context->zmq, ZMQ_PAIR);
    if (reader == NULL) {
        return wf_socket_none();
    }
    wf_source_init(&monitor->source, reader);
    wf_socket_set_int(reader, ZMQ_LINGER, 0);
    wf_socket_set_int(reader, ZMQ_RCVHWM, 0); // no bound on either side, then
    return zmq_connect(reader, name) == 0 ? WEFT_OK : wf_socket_none();
}

void
wf_monitor_close(struct wf_monitor *monitor)
{
    if (monitor->watched == NULL) {
        return;
    }
    // First, so that ZeroMQ's thread has nobody to tell any more.
    (void)zmq_socket_monitor(monitor->watched, NULL, 0);
    if (monitor->source.zmq != NULL) {
        (void)zmq_close(monitor->source.zmq);
    }
}

static bool
read_event(uint16_t code, uint32_t value, struct wf_socket_event *out)
{
    out->fd = (int)value;
    switch (code) {
    case ZMQ_EVENT_LISTENING:
        out->type = WF_SOCKET_LISTENING;
        return true;
    case ZMQ_EVENT_ACCEPTED:
        out->type = WF_SOCKET_ACCEPTED;
        return true;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        out->type = WF_SOCKET_CONNECTED;
        out->fd = -1;
        return true;
    case ZMQ_EVENT_DISCONNECTED:
        out->type = WF_SOCKET_DISCONNECTED;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        out->type = WF_SOCKET_REFUSED;
        out->fd = -1;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        out->type = WF_SOCKET_MISMATCHED;
        out->fd = -1;
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
    default:
        return false;
    }
}

bool
wf_monitor_next(struct wf_monitor *monitor, struct wf_socket_event *out)
{
    bool is_known = false;

    while (!is_known) {
        zmq_msg_t head;
        zmq_msg_t address;
        uint8_t bytes[6] = {0};
        uint16_t code;
        uint32_t value;

        if (!wf_source_read(&monitor->source, &head)) {
            return false;
        }
        WF_ASSERT(zmq_msg_size(&head) >= sizeof(bytes));
        memcpy(bytes, zmq_msg_data(&head), sizeof(bytes));
        (void)zmq_msg_close(&head);
        if (wf_source_read(&monitor->source, &address)) {
            (void)zmq_msg_close(&address);
        }
        memcpy(&code, bytes, sizeof(code));
        memcpy(&value, bytes + sizeof(code), sizeof(value));
        is_known = read_event(code, value, out);
    }
    return true;
}
