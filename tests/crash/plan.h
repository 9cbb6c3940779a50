// SPDX-License-Identifier: Apache-2.0
//
// plan.h - what the victim's work is, as plain functions.
//
// The victim runs it with weft, the checker without. Both draw a job's program
// from its seed; whatever a job does is a function of that alone.

#ifndef WF_TESTS_CRASH_PLAN_H
#define WF_TESTS_CRASH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_CLIENTS 4
#define PLAN_ACCOUNTS 16
#define PLAN_JARS 300
#define PLAN_OPS_MAX 5
#define PLAN_ID_SIZE 80

// The input of a job, and of each of its runs.
struct plan_job {
    uint64_t seed;
    uint64_t root;     // seed of the job that a client started
    uint32_t depth;    // 0: started by a client
    uint32_t restarts; // before this run
    uint32_t goes;     // signals received before this run
    uint32_t run;      // 1, and 1 more for each restart
};

enum plan_op {
    PLAN_CALL,    // an activity
    PLAN_ALL,     // three of them at once
    PLAN_LATER,   // one that is completed by token
    PLAN_STEP,    // an inline step
    PLAN_VALUE,   // an inline value
    PLAN_SLEEP,   // a timer
    PLAN_CHILD,   // a job of its own
    PLAN_RECEIVE, // the next signal from the client
    PLAN_TIP,     // a signal to an actor elsewhere
    PLAN_OP_COUNT
};

uint64_t plan_mix(uint64_t a, uint64_t b);

// The job that a client started as its index-th.
struct plan_job plan_job_at(unsigned client, uint32_t index);
void plan_job_id(unsigned client, uint32_t index, char id[PLAN_ID_SIZE]);

uint32_t plan_ops(const struct plan_job *job);
enum plan_op plan_op_at(const struct plan_job *job, uint32_t i);
uint64_t plan_operand(const struct plan_job *job, uint32_t i);
bool plan_restarts(const struct plan_job *job);
struct plan_job plan_next_run(const struct plan_job *job, uint32_t goes);
struct plan_job plan_child(const struct plan_job *job, uint32_t i);
void plan_child_id(const char *parent, const struct plan_job *job, uint32_t i,
                   char id[PLAN_ID_SIZE]);
// Names one call of one activity or step, of all there ever are.
void plan_call_name(const char *id, const struct plan_job *job, uint32_t i,
                    uint32_t k, char name[PLAN_ID_SIZE]);

// What things give.
uint64_t plan_work(uint64_t x);
uint64_t plan_later(uint64_t x);
uint64_t plan_step(uint64_t x);
uint64_t plan_value(uint64_t x);
uint64_t plan_go(uint64_t root, uint32_t seq); // the signal's payload
uint32_t plan_tip_jar(uint64_t x);
int64_t plan_tip_amount(uint64_t x);

// What a whole job must come to, children and restarts and all.
struct plan_visitor {
    void (*call)(void *ctx, const char *name); // an activity or a step
    void (*tip)(void *ctx, uint32_t jar, int64_t amount);
    void *ctx;
};
// visitor may be NULL. *out_goes, if not NULL: how many signals it receives.
uint64_t plan_result(const struct plan_job *job, const char *id,
                     const struct plan_visitor *visitor, uint32_t *out_goes);

#endif
