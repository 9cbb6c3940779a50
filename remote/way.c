// SPDX-License-Identifier: Apache-2.0
//
// way.c - see way.h.

#include "remote/way.h"

#include "base/error.h"
#include "remote/codec.h"
#include "runtime/request.h"
#include "transport/bundle.h"

enum {
    SWEEP_MS = 1000, // between two looks for what nobody waits for
    FULL_MS = 5,     // until what the socket did not take is sent again
};

void
wf_way_init(struct wf_way *way, const struct wf_connection_options *options,
            struct wf_context *context)
{
    *way = (struct wf_way){0};
    wf_calls_init(&way->calls);
    wf_connection_init(&way->connection, options, context);
}

void
wf_way_fini(struct wf_way *way)
{
    wf_connection_fini(&way->connection);
    wf_calls_fini(&way->calls);
}

static enum wf_connection_wait
wait_of(const struct wf_way *way)
{
    if (wf_calls_is_paced(&way->calls)) {
        return WF_CONNECTION_HURRIES;
    }
    return wf_calls_is_waiting(&way->calls) ? WF_CONNECTION_WAITS
                                            : WF_CONNECTION_IDLE;
}

static void
take_answer(struct wf_way *way, const struct wf_wire_message *message,
            uint64_t now_ms)
{
    struct wf_request *request = wf_calls_find(&way->calls, message->number);

    if (request == NULL) {
        return; // it came twice
    }
    if (wf_codec_reply_decode(request->verb, message, request) == WEFT_OK) {
        wf_calls_done(&way->calls, message->number);
        return;
    }
    wf_calls_spoil(&way->calls, message->number, weft_err_detail());
    wf_connection_break(&way->connection, now_ms);
}

enum wf_connection_news
wf_way_next(struct wf_way *way, uint64_t now_ms, struct wf_wire_message *out)
{
    enum wf_connection_news news =
        wf_connection_next(&way->connection, wait_of(way), now_ms, out);

    if (news == WF_CONNECTION_BEGAN) {
        wf_calls_again(&way->calls, &way->connection.credit);
    } else if (news == WF_CONNECTION_ARRIVED) {
        wf_calls_arrived(&way->calls);
    } else if (news == WF_CONNECTION_MESSAGE &&
               out->number < WF_WAY_NUMBER_MIN) {
        take_answer(way, out, now_ms);
        return WF_CONNECTION_ARRIVED;
    }
    return news;
}

// With as many as go into one frame.
static bool
fill(struct wf_way *way, struct wf_bundle *bundle)
{
    uint32_t max = way->connection.bundle_max;

    while (wf_calls_next(&way->calls, &bundle->frame,
                         wf_bundle_room(bundle, max))) {
        bundle->count++;
    }
    return bundle->count > 0;
}

static void
send_calls(struct wf_way *way, uint64_t now_ms)
{
    struct wf_bundle bundle = {0};

    way->is_full = false;
    while (!way->is_full && wf_way_is_ready(way) && fill(way, &bundle)) {
        way->is_full =
            !wf_connection_send(&way->connection, &bundle.frame, now_ms);
        wf_calls_sent(&way->calls, !way->is_full);
        wf_buf_reset(&bundle.frame);
        bundle.count = 0;
    }
    wf_bundle_fini(&bundle);
}

void
wf_way_step(struct wf_way *way, uint64_t now_ms)
{
    const struct wf_connection *connection = &way->connection;

    if (connection->state == WF_CONNECTION_REFUSED ||
        connection->state == WF_CONNECTION_TAKEN) {
        wf_calls_fail(&way->calls, connection->refusal,
                      connection->refusal_text);
    }
    if (now_ms >= way->sweep_ms) {
        wf_calls_drop_left(&way->calls);
        way->sweep_ms = now_ms + SWEEP_MS;
    }
    send_calls(way, now_ms);
}

uint64_t
wf_way_due_ms(const struct wf_way *way, uint64_t now_ms)
{
    uint64_t due = wf_connection_due_ms(&way->connection, wait_of(way));

    if (wf_calls_has_any(&way->calls) && way->sweep_ms < due) {
        due = way->sweep_ms;
    }
    return way->is_full && now_ms + FULL_MS < due ? now_ms + FULL_MS : due;
}
