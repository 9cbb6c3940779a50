// SPDX-License-Identifier: Apache-2.0
//
// fault.c - the fault points' counters and what is armed.
//
// What a point is armed with is one word - action, repeats, skips - so that
// threads which pass the point together use up each skip and each repeat once:
//
//     63 62 | 61 ... 32 | 31 ... 0
//     action|  repeat   |  skip          0: not armed
//
// Threads: any.

#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

enum { FAULT_REPEAT_MAX = (1 << 30) - 1 };

struct plan {
    enum wf_fault_action action;
    uint32_t skip;
    uint32_t repeat;
};

static _Atomic uint64_t armed[WF_FAULT_COUNT];
static _Atomic uint64_t hits[WF_FAULT_COUNT];

static const char *const names[WF_FAULT_COUNT] = {
#define X(name, text) #name,
    WF_FAULT_TABLE(X)
#undef X
};

static uint64_t
pack(struct plan plan)
{
    return (uint64_t)plan.action << 62 | (uint64_t)plan.repeat << 32 |
           plan.skip;
}

static struct plan
unpack(uint64_t word)
{
    return (struct plan){
        .action = (enum wf_fault_action)(word >> 62),
        .repeat = (uint32_t)(word >> 32) & FAULT_REPEAT_MAX,
        .skip = (uint32_t)word,
    };
}

// What one hit does, and in *plan what is left for the next.
static enum wf_fault_action
use_up(struct plan *plan)
{
    enum wf_fault_action action = plan->action;

    if (plan->skip > 0) {
        plan->skip--;
        return WF_FAULT_ACTION_NONE;
    }
    plan->repeat--;
    if (plan->repeat == 0) {
        *plan = (struct plan){0};
    }
    return action;
}

static _Noreturn void
kill_process(void)
{
    kill(getpid(), SIGKILL);
    for (;;) {
        pause(); // the signal may take a moment
    }
}

bool
wf_fault_hit(enum wf_fault fault)
{
    enum wf_fault_action action;
    struct plan plan;
    uint64_t word;

    WF_ASSERT(fault < WF_FAULT_COUNT);
    atomic_fetch_add_explicit(&hits[fault], 1, memory_order_relaxed);
    word = atomic_load(&armed[fault]);
    do {
        if (word == 0) {
            return false;
        }
        plan = unpack(word);
        action = use_up(&plan);
    } while (!atomic_compare_exchange_weak(&armed[fault], &word, pack(plan)));

    if (action == WF_FAULT_ACTION_KILL) {
        kill_process();
    }
    return action == WF_FAULT_ACTION_FAIL;
}

void
wf_fault_arm(enum wf_fault fault, enum wf_fault_action action, uint32_t skip,
             uint32_t repeat)
{
    struct plan plan = {.action = action, .skip = skip, .repeat = repeat};

    WF_ASSERT(fault < WF_FAULT_COUNT);
    if (repeat > FAULT_REPEAT_MAX) {
        plan.repeat = FAULT_REPEAT_MAX;
    }
    if (action == WF_FAULT_ACTION_NONE || repeat == 0) {
        plan = (struct plan){0};
    }
    atomic_store(&armed[fault], pack(plan));
}

void
wf_fault_disarm_all(void)
{
    for (size_t i = 0; i < WF_FAULT_COUNT; i++) {
        atomic_store(&armed[i], 0);
    }
}

// Is the text up to the next ':', ',' or the end this word? Then step over it.
static bool
take_word(const char **at, const char *word)
{
    size_t len = strcspn(*at, ":,");

    if (len != strlen(word) || strncmp(*at, word, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

static bool
take_number(const char **at, uint32_t *out_number)
{
    char *end;
    unsigned long number;

    if (**at != ':' || (*at)[1] < '0' || (*at)[1] > '9') {
        return false;
    }
    errno = 0;
    number = strtoul(*at + 1, &end, 10);
    if (errno != 0 || number > UINT32_MAX) {
        return false;
    }
    *at = end;
    *out_number = (uint32_t)number;
    return true;
}

static bool
take_fault(const char **at, enum wf_fault *out_fault)
{
    for (size_t i = 0; i < WF_FAULT_COUNT; i++) {
        if (take_word(at, names[i])) {
            *out_fault = (enum wf_fault)i;
            return true;
        }
    }
    return false;
}

// "NAME:action:skip[:repeat]"
static bool
take_plan(const char **at, enum wf_fault *out_fault, struct plan *out_plan)
{
    *out_plan = (struct plan){.repeat = 1};
    if (!take_fault(at, out_fault) || **at != ':') {
        return false;
    }
    (*at)++;
    if (take_word(at, "kill")) {
        out_plan->action = WF_FAULT_ACTION_KILL;
    } else if (take_word(at, "fail")) {
        out_plan->action = WF_FAULT_ACTION_FAIL;
    } else {
        return false;
    }
    if (!take_number(at, &out_plan->skip)) {
        return false;
    }
    return **at != ':' || take_number(at, &out_plan->repeat);
}

bool
wf_fault_arm_from_environment(void)
{
    struct plan plans[WF_FAULT_COUNT] = {{0}};
    const char *at = getenv("WEFT_FAULT");

    if (at == NULL || *at == '\0') {
        return true;
    }
    for (;;) {
        enum wf_fault fault;
        struct plan plan;

        if (!take_plan(&at, &fault, &plan)) {
            return false;
        }
        plans[fault] = plan;
        if (*at != ',') {
            break;
        }
        at++;
    }
    if (*at != '\0') {
        return false;
    }
    // Only now, so that a malformed text arms nothing.
    for (size_t i = 0; i < WF_FAULT_COUNT; i++) {
        if (plans[i].action != WF_FAULT_ACTION_NONE) {
            wf_fault_arm((enum wf_fault)i, plans[i].action, plans[i].skip,
                         plans[i].repeat);
        }
    }
    return true;
}

uint64_t
wf_fault_hits(enum wf_fault fault)
{
    WF_ASSERT(fault < WF_FAULT_COUNT);
    return atomic_load_explicit(&hits[fault], memory_order_relaxed);
}

const char *
wf_fault_name(enum wf_fault fault)
{
    WF_ASSERT(fault < WF_FAULT_COUNT);
    return names[fault];
}
