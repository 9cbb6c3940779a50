// SPDX-License-Identifier: Apache-2.0
//
// run_impl.h - what the files of the interpreter share.
//
// Whatever does a part of a program returns WEFT_OK, or WEFT_EFAILED if it
// failed, or what its last wait returned: WEFT_ECANCELLED, WEFT_ETIMEDOUT,
// WEFT_EUNWIND. run_restarts is no error: the run ends well.

#ifndef WF_TESTS_PROGRAM_RUN_IMPL_H
#define WF_TESTS_PROGRAM_RUN_IMPL_H

#include "program/run.h"

// One run of an instance.
struct run {
    weft_workflow *wf;
    const struct run_hooks *hooks;
    struct program program;
    struct run_input input;
    bool is_restarting;
    uint32_t updates_begun;
};

struct run_strand {
    struct run *run;
    uint64_t key;
    uint32_t count;
    bool is_loose;
    const char *own; // a failure of its own; NULL: that of the last wait
    const weft_failure *cause; // of `own`
    uint64_t registers[PROGRAM_REGISTERS];
};

// What a clerk is told.
struct run_order {
    uint64_t key;
    uint32_t how; // bits: 1 set a timer, 2 call an activity, 4 ask another
    uint32_t unused;
    char from[PROGRAM_ID_SIZE];
    char root[PROGRAM_ID_SIZE];
    struct run_work work;
};

typedef const struct program_statement run_at;

weft_err run_block(struct run_strand *strand, uint8_t index);
// It does not go as weft promises: the text becomes the outcome.
weft_err run_wrong(struct run_strand *strand, const char *what);
weft_err run_throw(struct run_strand *strand, const char *name);
weft_err run_note(struct run_strand *strand, uint64_t key, uint64_t value);
uint64_t run_number(weft_bytes bytes);

// run_call.c
weft_err run_call(struct run_strand *strand, run_at *at);
weft_err run_calls(struct run_strand *strand, run_at *at);
weft_err run_queue(struct run_strand *strand, run_at *at);
weft_err run_step(struct run_strand *strand, run_at *at);
weft_err run_value(struct run_strand *strand, run_at *at);
weft_err run_cancel(struct run_strand *strand, run_at *at);
weft_err run_saga(struct run_strand *strand, run_at *at);
weft_err run_throw_at(struct run_strand *strand, run_at *at);
void run_make_work(const struct run_strand *strand, uint64_t key, uint64_t x,
                   uint32_t how, struct run_work *out);

// run_wait.c
weft_err run_go(struct run_strand *strand, run_at *at);
weft_err run_update(struct run_strand *strand, run_at *at);
weft_err run_self(struct run_strand *strand, run_at *at);
weft_err run_talk(struct run_strand *strand, run_at *at);
weft_err run_timers(struct run_strand *strand, run_at *at);
weft_err run_restart(struct run_strand *strand, run_at *at);
weft_err run_inbox(struct run_strand *strand);
weft_err run_take_updates(struct run *run);

// run_flow.c
weft_err run_branches(struct run_strand *strand, run_at *at);
weft_err run_scope(struct run_strand *strand, run_at *at);
weft_err run_loose(struct run_strand *strand, uint8_t block);
weft_err run_child(struct run_strand *strand, run_at *at);
weft_err run_doom(struct run_strand *strand, run_at *at);

// kinds.c
extern const weft_activity_def run_work_def;
weft_err run_add_actors(weft_definitions *definitions);

#endif
