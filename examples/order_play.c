// SPDX-License-Identifier: Apache-2.0
//
// order_play.c - what the people in the orders will do, and what they did.
//
// Each line of the orders file becomes a few events: place it, confirm it, ...
// Sorted by the time they are due, they are numbered from 1. signals.jsonl
// remembers by these numbers what was answered, and how long it has been
// played: the play's clock stands still while nobody plays.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "order_play.h"

void
play_fail(struct play *play, weft_err err)
{
    if (play->err == WEFT_OK) {
        play->err = err;
    }
}

// The file. -----------------------------------------------------------------

static void
write_line(struct play *play)
{
    play_fail(play, lines_append(play->fd, play->scratch));
    play->is_unsynced = 1;
    weft_payload_reset(play->scratch);
}

void
play_sync(struct play *play)
{
    if (play->is_unsynced && fsync(play->fd) != 0) {
        play_fail(play, WEFT_EIO);
    }
    play->is_unsynced = 0;
}

void
play_write_event(struct play *play, const char *what, const struct event *event,
                 const char *error)
{
    weft_payload_pack(play->scratch,
                      "{'event':s, 'at':u, 'order':s, 'signal':s, 'number':u,"
                      " 'error':s}",
                      what, now_ms(), event->order->id, event->name,
                      event->number, error);
    write_line(play);
}

void
play_write_finished(struct play *play, const struct play_order *order,
                    const char *outcome, const char *error)
{
    weft_payload_pack(play->scratch,
                      "{'event':'finished', 'at':u, 'order':s, 'outcome':s,"
                      " 'error':s}",
                      now_ms(), order->id, outcome, error);
    write_line(play);
}

void
play_write_mark(struct play *play, const char *what)
{
    weft_payload_pack(play->scratch, "{'event':s, 'at':u, 'pid':d, 'pace':u}",
                      what, now_ms(), (int)getpid(), play->options->pace);
    write_line(play);
    play_sync(play);
}

// Take a line of an earlier process into account.
static weft_err
recall(void *ctx, weft_bytes line)
{
    struct play *play = ctx;
    char what[16];
    uint64_t at;
    uint64_t number;
    weft_err err = weft_payload_get_text(line, "event", what, sizeof(what));

    if (err == WEFT_OK) {
        err = weft_payload_get_uint(line, "at", &at);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (strcmp(what, "open") == 0) {
        play->played_ms += play->last_ms - play->opened_ms;
        play->opened_ms = at;
    }
    play->last_ms = at;
    if (strcmp(what, "acked") == 0 || strcmp(what, "refused") == 0) {
        err = weft_payload_get_uint(line, "number", &number);
        if (err == WEFT_OK && (number < 1 || number > play->events_count)) {
            err = WEFT_EINVAL; // it belongs to another orders file
        }
        if (err == WEFT_OK) {
            play->events[number - 1].state = EVENT_DONE;
        }
    }
    return err;
}

// The orders. ---------------------------------------------------------------

// What the order's people will do, in the order's line as name_ms.
static const char *const event_names[] = {"start",     "confirm", "picked",
                                          "delivered", "cancel",  "review"};
#define EVENT_NAMES_COUNT (sizeof(event_names) / sizeof(event_names[0]))

static void
add_events(struct play *play, struct play_order *order, weft_bytes line)
{
    char by[16] = "";
    uint64_t at_ms = 0;

    play_fail(play, weft_payload_get_uint(line, "at_ms", &at_ms));
    (void)weft_payload_get_text(line, "cancel_by", by, sizeof(by));
    for (size_t i = 0; i < EVENT_NAMES_COUNT && play->err == WEFT_OK; i++) {
        struct event *event = &play->events[play->events_count];
        char path[32];
        uint64_t after_ms = 0;

        snprintf(path, sizeof(path), "%s_ms", event_names[i]);
        if (i > 0 && weft_payload_get_uint(line, path, &after_ms) != WEFT_OK) {
            continue; // null: it never happens
        }
        event->play = play;
        event->order = order;
        event->name = event_names[i];
        if (strcmp(event->name, "cancel") == 0 && strcmp(by, "signal") == 0) {
            event->name = "cancel_order";
        }
        event->due_ms = (at_ms + after_ms) * play->options->pace;
        play->events_count++;
    }
}

static weft_err
add_order(void *ctx, weft_bytes line)
{
    struct play *play = ctx;
    struct play_order *order = &play->orders[play->orders_count];
    weft_bytes start;
    weft_err err = weft_payload_get_text(line, "id", order->id, ID_BYTES);

    if (err != WEFT_OK) {
        return err;
    }
    order->play = play;
    (void)weft_payload_get_int(line, "stars", &order->stars);
    weft_payload_pack(play->scratch, "{'order':v, 'pace':u}", line,
                      play->options->pace);
    start = weft_payload_bytes(play->scratch);
    order->start = malloc(start.len);
    if (order->start == NULL) {
        return WEFT_ENOMEM;
    }
    memcpy(order->start, start.data, start.len);
    order->start_len = start.len;
    weft_payload_reset(play->scratch);
    add_events(play, order, line);
    play->orders_count++;
    return play->err;
}

static int
by_due(const void *left, const void *right)
{
    const struct event *a = left;
    const struct event *b = right;

    if (a->due_ms != b->due_ms) {
        return a->due_ms < b->due_ms ? -1 : 1;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static weft_err
count_line(void *ctx, weft_bytes line)
{
    (void)line;
    ++*(size_t *)ctx;
    return WEFT_OK;
}

static weft_err
load_orders(struct play *play)
{
    const char *path = play->options->orders_path;
    size_t count = 0;
    weft_err err = lines_read(path, count_line, &count);

    if (err != WEFT_OK) {
        return err;
    }
    play->orders = calloc(count + 1, sizeof(*play->orders));
    play->events = calloc(count * EVENT_NAMES_COUNT + 1, sizeof(*play->events));
    if (play->orders == NULL || play->events == NULL) {
        return WEFT_ENOMEM;
    }
    err = lines_read(path, add_order, play);
    qsort(play->events, play->events_count, sizeof(*play->events), by_due);
    for (size_t i = 0; i < play->events_count; i++) {
        play->events[i].number = i + 1;
    }
    return err;
}

weft_err
play_load(struct play *play, const struct meal_options *options)
{
    char path[4096];
    weft_err err;

    play->options = options;
    play->fd = -1;
    err = weft_payload_create(&play->scratch);
    if (err == WEFT_OK) {
        err = load_orders(play);
    }
    if (err == WEFT_OK) {
        snprintf(path, sizeof(path), "%s/signals.jsonl", options->work_dir);
        err = lines_read(path, recall, play);
    }
    if (err == WEFT_OK) {
        play->played_ms += play->last_ms - play->opened_ms;
        play->fd = lines_open(options->work_dir, "signals.jsonl");
        err = play->fd < 0 ? WEFT_EIO : WEFT_OK;
    }
    return err;
}

void
play_unload(struct play *play)
{
    if (play->fd >= 0) {
        close(play->fd);
    }
    for (size_t i = 0; i < play->orders_count; i++) {
        free(play->orders[i].start);
    }
    free(play->orders);
    free(play->events);
    weft_payload_destroy(play->scratch);
}
