// SPDX-License-Identifier: Apache-2.0
//
// history.h - what was asked, answered and seen, as plain events.
//
// A driver writes one while something runs; the checkers beside this file read
// it afterwards. Neither this nor any checker knows a word of what ran: they
// include libc and each other. The order of events is the order in which they
// were observed; whoever records from several threads sorts by time first.
//
// An op is one thing that somebody wants done once: its id stays the same
// however often it is asked. Ids are the driver's, and not 0.

#ifndef WF_TESTS_HISTORY_HISTORY_H
#define WF_TESTS_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum history_type {
    HISTORY_ASK,    // client `who` asks `object` for op: verb, a, b
    HISTORY_AGAIN,  // ... may have been asked again since, in whatever order
    HISTORY_ANSWER, // op is done; a is what it gave
    HISTORY_REFUSE, // op is not done, until it is asked again
    HISTORY_LOSE,   // nobody waits for op any more: done, to be done, or never
    HISTORY_SEND,   // actor `who` has sent op to `object`, for good
    HISTORY_EFFECT, // `object` has handled op: its order is that of the object
    // Of one object, in its order; op is one setting of one timer, of its own.
    HISTORY_TIMER_SET,   // `at` the object's time; a: when it is due
    HISTORY_TIMER_CLEAR, // or replaced
    HISTORY_TIMER_FIRE,  // `at` the object's time
    // From `at` on nothing disturbs, until HISTORY_STORM.
    HISTORY_QUIET,
    HISTORY_STORM,
    HISTORY_TYPE_COUNT
};

struct history_event {
    uint64_t at; // ms for timers; for others only their order counts
    enum history_type type;
    uint32_t who;
    uint32_t object;
    uint32_t verb;
    uint64_t op;
    int64_t a;
    int64_t b;
};

struct history {
    struct history_event *events;
    size_t count;
    size_t cap;
};

void history_add(struct history *history, struct history_event event);
void history_fini(struct history *history);
// By time; of one time what is asked comes before what is answered.
void history_sort(struct history *history);
void history_write(const struct history *history, FILE *file);

// What a checker found. The first faults are kept as text, a line each.
struct history_faults {
    size_t count;
    size_t len;
    char text[2000];
};

__attribute__((format(printf, 2, 3))) void
history_fault(struct history_faults *faults, const char *format, ...);

// From ids to small numbers, 0 and on in the order in which they are put.
struct history_map {
    uint64_t *keys;
    uint32_t *values;
    size_t cap;
    uint32_t count;
};

// The number of a key, new or not.
uint32_t history_map_put(struct history_map *map, uint64_t key);
// UINT32_MAX if it was never put.
uint32_t history_map_find(const struct history_map *map, uint64_t key);
void history_map_fini(struct history_map *map);

// Zeroed memory; the process ends when there is none.
void *history_alloc(size_t count, size_t size);
uint64_t history_mix(uint64_t a, uint64_t b);

#endif
