// SPDX-License-Identifier: Apache-2.0
//
// order_driver.c - plays the customers, restaurants and couriers.
//
// The number of an event (order_play.c) is the number of its request, and the
// client's id comes from the work directory. So what was sent and perhaps not
// answered before a kill is simply sent again: the node knows the request by
// (client id, number) and does it once.
//
// Before an event is sent, signals.jsonl has a line that says so, and another
// once it is answered.
//
// Threads: one, around poll(). All calls are of the form that does not wait.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "order_play.h"

#define RETRY_MS 200
#define STATUS_MS 50

// What the node answers. ----------------------------------------------------

static void watch(struct play_order *order);

static void
on_finished(void *ctx, const weft_reply *reply)
{
    struct play_order *order = ctx;
    struct play *play = order->play;
    char outcome[32] = "";

    if (reply->err == WEFT_ECLOSED) {
        return; // we are leaving
    }
    if (strcmp(weft_err_class(reply->err), "RETRY") == 0 ||
        strcmp(weft_err_class(reply->err), "UNKNOWN") == 0) {
        watch(order);
        return;
    }
    (void)weft_payload_get_text(reply->data, "outcome", outcome,
                                sizeof(outcome));
    play_write_finished(play, order, outcome,
                        reply->err == WEFT_OK ? "" : weft_err_name(reply->err));
    order->is_finished = 1;
    play->finished_count++;
}

static void
watch(struct play_order *order)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RESULT;
    request.target = (weft_target){"order", order->id};
    play_fail(order->play, weft_client_submit(order->play->client, &request,
                                              on_finished, order, NULL));
}

static void
note_started(struct play_order *order)
{
    if (!order->is_started) {
        order->is_started = 1;
        order->play->started_count++;
        watch(order);
    }
}

static void
on_answer(void *ctx, const weft_reply *reply)
{
    struct event *event = ctx;
    int is_start = strcmp(event->name, "start") == 0;

    if (reply->err == WEFT_ECLOSED) {
        return;
    }
    if (strcmp(weft_err_class(reply->err), "RETRY") == 0 ||
        strcmp(weft_err_class(reply->err), "UNKNOWN") == 0) {
        event->state = EVENT_WAITING;
        event->not_before_ms = now_ms() + RETRY_MS;
        return;
    }
    event->state = EVENT_DONE;
    // A start that finds the order there has come to its end as well.
    if (reply->err == WEFT_OK || (is_start && reply->err == WEFT_EEXISTS)) {
        play_write_event(event->play, "acked", event, "");
    } else {
        play_write_event(event->play, "refused", event,
                         weft_err_name(reply->err));
    }
    if (is_start) {
        note_started(event->order);
    }
}

// Sending. ------------------------------------------------------------------

static void
send_event(struct play *play, struct event *event)
{
    struct play_order *order = event->order;
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    char id[2 * ID_BYTES];

    request.target = (weft_target){"order", order->id};
    request.number = event->number;
    if (strcmp(event->name, "start") == 0) {
        request.verb = WEFT_VERB_START;
        request.input = weft_bytes_of(order->start, order->start_len);
        options.reuse = WEFT_REUSE_REJECT;
        options.conflict = WEFT_CONFLICT_USE_EXISTING;
        request.start = &options;
    } else if (strcmp(event->name, "cancel") == 0) {
        request.verb = WEFT_VERB_CANCEL;
    } else {
        snprintf(id, sizeof(id), "%s/%s", order->id, event->name);
        weft_payload_pack(play->scratch, "{'signal':s, 'stars':i}", id,
                          order->stars);
        request.verb = WEFT_VERB_SIGNAL;
        request.name = event->name;
        request.data = weft_payload_bytes(play->scratch);
    }
    event->state = EVENT_SENT;
    play_fail(play, weft_client_submit(play->client, &request, on_answer, event,
                                       NULL));
    weft_payload_reset(play->scratch);
}

// Send what is due: first all intents, safe on disk, then the requests.
static void
send_due(struct play *play)
{
    uint64_t now = now_ms();
    uint64_t clock = play->played_ms + (now - play->opened_ms);
    size_t end;

    while (play->first_open < play->events_count &&
           play->events[play->first_open].state == EVENT_DONE) {
        play->first_open++;
    }
    for (end = play->first_open; end < play->events_count; end++) {
        struct event *event = &play->events[end];

        if (event->due_ms > clock) {
            break;
        }
        if (event->state == EVENT_WAITING && event->not_before_ms <= now &&
            (event->order->is_started || strcmp(event->name, "start") == 0)) {
            event->state = EVENT_NOTED;
            play_write_event(play, "sending", event, "");
        }
    }
    play_sync(play);
    for (size_t i = play->first_open; i < end && play->err == WEFT_OK; i++) {
        if (play->events[i].state == EVENT_NOTED) {
            send_event(play, &play->events[i]);
        }
    }
}

// The play. -----------------------------------------------------------------

static void
save_status(struct play *play)
{
    char text[160];

    if (play->options->status_path == NULL) {
        return;
    }
    snprintf(text, sizeof(text),
             "pid=%d orders=%zu started=%zu open=%zu finished=%zu\n",
             (int)getpid(), play->orders_count, play->started_count,
             play->started_count - play->finished_count, play->finished_count);
    play_fail(play, file_replace(play->options->status_path, text));
}

static weft_err
run(struct play *play)
{
    uint64_t seconds = play->options->seconds;
    uint64_t saved_ms = 0;

    while (play->err == WEFT_OK && play->finished_count < play->orders_count) {
        struct pollfd ready = {weft_client_fd(play->client), POLLIN, 0};

        send_due(play);
        (void)poll(&ready, 1, 10);
        weft_client_dispatch(play->client, 1000);
        play_sync(play);
        if (now_ms() >= saved_ms + STATUS_MS) {
            saved_ms = now_ms();
            save_status(play);
        }
        if (seconds > 0 && now_ms() > play->opened_ms + seconds * 1000) {
            return WEFT_ETIMEDOUT;
        }
    }
    save_status(play);
    return play->err;
}

// 16 bytes that are the same whenever this work directory is used.
static void
make_client_id(const char *work_dir, uint8_t out_id[16])
{
    char *path = realpath(work_dir, NULL);
    uint64_t hash[2] = {0xcbf29ce484222325, 0x9ae16a3b2f90404f};

    for (const char *c = path != NULL ? path : work_dir; *c != '\0'; c++) {
        hash[0] = (hash[0] ^ (uint8_t)*c) * 0x100000001b3;
        hash[1] = (hash[1] ^ (uint8_t)*c) * 0x100000001b3;
    }
    memcpy(out_id, hash, sizeof(hash));
    free(path);
}

// Begin, or go on: the orders that have been placed are waited for.
static void
begin(struct play *play)
{
    play->opened_ms = now_ms();
    play_write_mark(play, "open");
    for (size_t i = 0; i < play->events_count; i++) {
        struct event *event = &play->events[i];

        if (event->state == EVENT_DONE && strcmp(event->name, "start") == 0) {
            note_started(event->order);
        }
    }
}

weft_err
driver_play(weft_node *node, const struct meal_options *options)
{
    weft_client_options client_options = WEFT_CLIENT_OPTIONS_INIT;
    struct play play = {0};
    weft_err err = play_load(&play, options);

    make_client_id(options->work_dir, client_options.client_id);
    if (err == WEFT_OK) {
        err = weft_client_open(node, &client_options, &play.client);
    }
    if (err == WEFT_OK) {
        begin(&play);
        err = run(&play);
    }
    if (err == WEFT_OK) {
        play_write_mark(&play, "close");
        err = play.err;
    }
    weft_client_close(play.client);
    play_unload(&play);
    return err;
}
