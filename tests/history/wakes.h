// SPDX-License-Identifier: Apache-2.0
//
// wakes.h - every live actor has something that will wake it.
//
// Decided from what each actor shows of itself and of the others, without
// asking whoever runs them.

#ifndef WF_TESTS_HISTORY_WAKES_H
#define WF_TESTS_HISTORY_WAKES_H

#include "history/history.h"

// A child or a question whose answer is waited for.
struct wakes_call {
    const char *callee; // "kind/id"
    bool is_child;
};

struct wakes_actor {
    const char *name;   // "kind/id"
    const char *parent; // "kind/id" or ""
    bool is_running;
    bool is_held;       // parked or paused: an operator will
    bool is_sequential; // code that waits somewhere, and for something
    uint64_t mailbox;
    uint64_t timers;
    uint64_t activities; // each has attempts of its own
    uint64_t receives;   // it waits for somebody's message
    bool has_alarm;      // a retry, a delay
    const struct wakes_call *calls;
    size_t calls_count;
};

// under_way: messages that are in no mailbox yet. While there are any, what a
// callee has answered may be among them.
void wakes_check(const struct wakes_actor *actors, size_t count,
                 uint64_t under_way, struct history_faults *faults);

#endif
