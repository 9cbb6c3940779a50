// SPDX-License-Identifier: Apache-2.0
//
// hand_rig.h - a worker that is a socket: it polls the queue "q", and does what
// a test says with what it gets.

#ifndef WF_TESTS_UNIT_HAND_RIG_H
#define WF_TESTS_UNIT_HAND_RIG_H

#include "unit/gateway_rig.h"
#include "weft/activity.h"

enum { HAND_TASKS_MAX = 16 };

struct hand {
    struct dealer dealer;
    uint64_t number; // of its last request
    uint32_t done;
    uint32_t lease_ms;
    char verb[16]; // what it heard last, and the tasks of that
    size_t count;
    uint32_t attempt;
    char key[64];
    char details[16];
    uint64_t heartbeat_ms;
    bool has_deadline;
    char tokens[HAND_TASKS_MAX][WEFT_TOKEN_CHARS_MAX];
};

void hand_hire(struct hand *hand, struct gateway_rig *rig, uint8_t client);
void hand_dismiss(struct hand *hand);

void hand_poll_for(struct hand *hand, uint32_t credit, uint64_t wait_ms);
// What it hears next. False: nothing is there.
bool hand_hear(struct hand *hand);
// It is so many tasks, or the test fails.
void hand_hear_tasks(struct hand *hand, size_t count);

// About its first token.
void hand_say(struct hand *hand, const char *verb, const char *error_name);
void hand_renew(struct hand *hand);
void hand_complete(struct hand *hand);

#endif
