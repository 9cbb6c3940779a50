// SPDX-License-Identifier: Apache-2.0
//
// run.h - the workflow that does a program, and whom it talks to. Public
// headers of weft only.
//
// kinds:       program  an instance of a program; its input is below
//              log      keeps the notes of a root, each once, in order; and
//                       those of its copies, apart
//              clerk    takes an order, asks another clerk, sets a timer, calls
//                       an activity, and answers
// activities:  work     whatever a call is to do
// task queues  RUN_QUEUE and RUN_QUEUE_OTHER: who has programs with queues has
//              to work for them, with a weft_worker or by hand

#ifndef WF_TESTS_PROGRAM_RUN_H
#define WF_TESTS_PROGRAM_RUN_H

#include "program/expect.h"
#include "weft/weft.h"

#define RUN_QUEUE "hands"
#define RUN_QUEUE_OTHER "others"

// What an activity is told.
struct run_work {
    char name[PROGRAM_ID_SIZE];
    uint64_t x;
    uint32_t how; // enum program_call, or CALL_COUNT + enum program_queue
    uint32_t flaky;
};

// The input of an instance, and what it carries into its next run.
struct run_input {
    struct program_source source;
    uint64_t registers[PROGRAM_REGISTERS];
    char root[PROGRAM_ID_SIZE];   // its id
    char parent[PROGRAM_ID_SIZE]; // of MODE_READY
    char ready[PROGRAM_ID_SIZE];  // the signal to it
    uint8_t block;
    uint8_t cleanup; // of MODE_READY
    uint8_t mode;    // enum program_mode
    uint8_t restarts;
    uint32_t unused;
    uint64_t inbox;        // two signals wait for it when it begins; 0: none
    uint64_t updates_done; // bit: that one
    uint64_t updates_seen; // so many the program has waited for
};

// What the client sends.
struct run_payload {
    uint64_t seq;
    uint64_t value;
};

// A strand as the log has it; its query "all" gives an array of these.
struct run_tally {
    uint64_t key;
    uint64_t count;
    uint64_t fold;
};

// What the outside world sees. Called from activities and steps, on their
// threads.
struct run_hooks {
    // A call or a step has begun; or, with the key "wrong", something is not as
    // weft promises.
    void (*called)(void *ctx, const char *key, uint32_t attempt,
                   const char *name);
    // An activity is to be completed by token, or failed by that name.
    void (*deferred)(void *ctx, const char *token, const char *failure,
                     uint64_t value);
    void *ctx;
};

// hooks are borrowed until the definitions are destroyed.
weft_err run_define(weft_definitions *definitions,
                    const struct run_hooks *hooks);
void run_input_make(const struct program *program, const char *root,
                    struct run_input *out);
// How a root must be started, and what travels with it. Borrowed from both.
void run_start_options(const struct program *program,
                       const struct run_input *input,
                       weft_start_options *options, weft_pair *pair);

// How it ended, as expect.h says it.
void run_outcome(weft_err err, const weft_reply *reply,
                 char out[EXPECT_TEXT_SIZE]);

#endif
