// SPDX-License-Identifier: Apache-2.0
//
// check.c - how a fault is told.

#include "crash/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FAULTS_SHOWN 50

static uint64_t faults;

void
check_fault(const char *format, ...)
{
    va_list args;

    if (faults++ < FAULTS_SHOWN) {
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        (void)printf("\n");
    }
}

void *
check_grow(void *items, size_t *cap, size_t size)
{
    void *grown;

    *cap = *cap == 0 ? 1024 : *cap * 2;
    grown = realloc(items, *cap * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

uint64_t
check_faults(void)
{
    return faults;
}
