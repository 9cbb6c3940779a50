// SPDX-License-Identifier: Apache-2.0
//
// check.h - what the parts of the checker share: how a fault is told.

#ifndef WF_TESTS_CRASH_CHECK_H
#define WF_TESTS_CRASH_CHECK_H

#include <stddef.h>
#include <stdint.h>

__attribute__((format(printf, 1, 2))) void check_fault(const char *format, ...);
uint64_t check_faults(void);
// Twice the room.
void *check_grow(void *items, size_t *cap, size_t size);

#endif
