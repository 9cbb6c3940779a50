// SPDX-License-Identifier: Apache-2.0
//
// record.h - calls and steps: those that must have run, and those that did.
//
// Each that ran had one key, which no other has, no attempt of it ran twice,
// and somebody asked for it.

#ifndef WF_TESTS_PROGRAM_RECORD_H
#define WF_TESTS_PROGRAM_RECORD_H

#include "program/expect.h"

struct record_call {
    char name[PROGRAM_ID_SIZE];
    char key[40];
    uint32_t attempt;
};

struct record {
    struct record_call *calls; // that ran
    size_t calls_count;
    size_t calls_cap;
    struct expect_call *expected;
    size_t expected_count;
    size_t expected_cap;
    uint64_t repeats; // once checked: attempts after a first one
};

void record_fini(struct record *record);
void record_ran(struct record *record, const char *key, uint32_t attempt,
                const char *name);
// All calls of that root. None of them must have run if it was cut short.
void record_expect(struct record *record, const struct expect *expect,
                   bool is_cut);

// Those of a copy of it with that mark: any may have run before it was one.
void record_expect_copy(struct record *record, const struct expect *expect,
                        const char *mark);

typedef void record_fault_fn(void *ctx, const char *text);
void record_check(struct record *record, record_fault_fn *fault, void *ctx);

#endif
