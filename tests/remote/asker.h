// SPDX-License-Identifier: Apache-2.0
//
// asker.h - an honest client, as small as the protocol allows: one request at
// a time or many, numbered, sent again after each bye until they are answered.

#ifndef WF_TESTS_REMOTE_ASKER_H
#define WF_TESTS_REMOTE_ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "transport/socket.h"

#define ASKER_WINDOW 16

struct asker {
    struct wf_context *context;
    struct wf_socket *socket;
    uint8_t client[16];
    bool is_greeted;
    uint64_t next;      // number of the next request
    uint64_t confirmed; // all below were answered
    struct {
        uint64_t number; // 0: free
        bool is_answered;
        struct wf_buf frame;
    } open[ASKER_WINDOW]; // number N is at N modulo the window
    uint64_t hello_ms;    // when it said hello last
    uint64_t ping_ms;     // when it was sure of its connection last
    uint64_t resent;      // requests sent again
    uint64_t hellos;
    uint64_t errors; // answers that are errors
    char error[200]; // the newest
};

void asker_open(struct asker *asker, const char *endpoint, uint8_t id);
void asker_close(struct asker *asker);
// Is there room for one more request?
bool asker_has_room(const struct asker *asker);
// A signal of this number as data; returns the request's number.
uint64_t asker_signal(struct asker *asker, const char *kind, const char *id,
                      uint64_t data);
void asker_start(struct asker *asker, const char *kind, const char *id);
// Hear, say hello, send again, for up to so many ms or until something came.
void asker_step(struct asker *asker, int ms);
bool asker_is_answered(const struct asker *asker, uint64_t number);
// Until all are answered; false: not within so many ms.
bool asker_finish(struct asker *asker, uint64_t ms);
uint64_t asker_now_us(void);

#endif
