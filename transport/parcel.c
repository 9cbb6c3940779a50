// SPDX-License-Identifier: Apache-2.0
//
// parcel.c - see parcel.h. A short frame is copied, with one allocation for all
// of it; the bytes of a long one are handed over, with a second one.

#include "transport/parcel.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <zmq.h>

#include "base/alloc.h"
#include "base/assert.h"

enum {
    COPIED_BYTES_MAX = 4096, // of a frame; more are handed over
};

struct parcel {
    // ZeroMQ orders the two threads; this says so where it cannot be seen.
    _Atomic bool is_given;
    struct wf_flight *flight;
    size_t len;
    uint8_t *handed; // owned; NULL: the bytes follow
    uint8_t bytes[];
};

// On ZeroMQ's thread, or on ours if it did not take it.
static void
parcel_ended(void *bytes, void *hint)
{
    struct parcel *parcel = hint;

    (void)bytes;
    WF_ASSERT(atomic_load(&parcel->is_given));
    if (parcel->flight != NULL) {
        wf_flight_end(parcel->flight, parcel->len);
    }
    wf_free(parcel->handed);
    wf_free(parcel);
}

static struct parcel *
make_parcel(const struct wf_buf *frame, struct wf_flight *flight,
            zmq_msg_t *out_message)
{
    bool is_copied = frame->len <= COPIED_BYTES_MAX;
    struct parcel *parcel =
        wf_alloc(sizeof(*parcel) + (is_copied ? frame->len : 0));
    int rc;

    parcel->flight = flight;
    parcel->len = frame->len;
    parcel->handed = is_copied ? NULL : frame->data;
    if (is_copied && frame->len > 0) {
        memcpy(parcel->bytes, frame->data, frame->len);
    }
    if (flight != NULL) {
        wf_flight_begin(flight, frame->len);
    }
    rc = zmq_msg_init_data(out_message,
                           is_copied ? parcel->bytes : parcel->handed,
                           frame->len, parcel_ended, parcel);
    if (rc != 0) { // as wf_alloc, which made the parcel
        wf_panic(__FILE__, __LINE__, "out of memory");
    }
    atomic_store(&parcel->is_given, true);
    return parcel;
}

enum wf_sent
wf_parcel_send(void *zmq, struct wf_buf *frame, struct wf_flight *flight)
{
    zmq_msg_t message;
    struct parcel *parcel = make_parcel(frame, flight, &message);
    bool is_handed = parcel->handed != NULL;

    if (zmq_msg_send(&message, zmq, ZMQ_DONTWAIT) < 0) {
        enum wf_sent sent = errno == EAGAIN ? WF_SENT_FULL : WF_SENT_GONE;

        parcel->handed = NULL; // the caller keeps it
        (void)zmq_msg_close(&message);
        return sent;
    }
    if (is_handed) {
        *frame = (struct wf_buf){0};
    } else {
        wf_buf_reset(frame);
    }
    return WF_SENT;
}
