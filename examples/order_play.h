// SPDX-License-Identifier: Apache-2.0
//
// order_play.h - what is played on the node: orders, their events, and how far
// it has got. order_play.c reads it, order_driver.c plays it.

#ifndef ORDER_PLAY_H
#define ORDER_PLAY_H

#include <stddef.h>

#include "order_meal.h"

#define ID_BYTES 64

struct play;

enum event_state {
    EVENT_WAITING, // not due, or to be sent again
    EVENT_NOTED,   // signals.jsonl has the intent
    EVENT_SENT,    // not answered yet
    EVENT_DONE     // answered, now or by an earlier process's account
};

struct play_order {
    char id[ID_BYTES];
    struct play *play;
    void *start; // the start's input, start_len bytes
    size_t start_len;
    int64_t stars;
    int is_started; // the node has it
    int is_finished;
};

struct event {
    struct play *play;
    struct play_order *order;
    const char *name; // "start", "cancel", or the signal's
    uint64_t due_ms;  // on the play's clock
    uint64_t number;
    uint64_t not_before_ms; // by the wall clock, after a refusal
    enum event_state state;
};

struct play {
    const struct meal_options *options;
    weft_client *client;
    weft_payload *scratch;
    int fd; // signals.jsonl
    int is_unsynced;
    weft_err err; // the first that must end the play

    struct play_order *orders;
    struct event *events; // by number - 1
    size_t orders_count, events_count;
    size_t started_count, finished_count;
    size_t first_open; // all events before are done

    uint64_t opened_ms; // this process's, or the earlier one's being recalled
    uint64_t played_ms; // by those before
    uint64_t last_ms;   // the latest line recalled
};

// Read the orders, and what earlier processes did with them.
weft_err play_load(struct play *play, const struct meal_options *options);
void play_unload(struct play *play);

// signals.jsonl, all the memory there is: a line with the time of its own.
// Failures end the play.
void play_write_mark(struct play *play, const char *what);
void play_write_event(struct play *play, const char *what,
                      const struct event *event, const char *error);
void play_write_finished(struct play *play, const struct play_order *order,
                         const char *outcome, const char *error);

// One disk write for many lines.
void play_sync(struct play *play);

// Keep the first failure.
void play_fail(struct play *play, weft_err err);

#endif
