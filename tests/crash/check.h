// SPDX-License-Identifier: Apache-2.0
//
// check.h - what the parts of the checker share: faults, and the activities and
// steps that ran.

#ifndef WF_TESTS_CRASH_CHECK_H
#define WF_TESTS_CRASH_CHECK_H

#include <stddef.h>
#include <stdint.h>

__attribute__((format(printf, 1, 2))) void check_fault(const char *format, ...);
uint64_t check_faults(void);
// Twice the room.
void *check_grow(void *items, size_t *cap, size_t size);

// An activity or a step that must run. A plan_visitor's call.
void check_expect_call(void *ctx, const char *name);
// A line of one that did. For ledger_each.
void check_read_effect(void *ctx, char *line);
// Once all are known: compare.
void check_calls(void);
size_t check_calls_count(void);
uint64_t check_repeats(void);

#endif
