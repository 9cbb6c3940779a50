// SPDX-License-Identifier: Apache-2.0
//
// futex.c - names the futex system call; nothing else does.

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // syscall
#endif

#include "runtime/futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(_Atomic uint32_t) == 4, "a futex is four bytes");

void
wf_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000),
        .tv_nsec = (long)(timeout_ns % 1000000000),
    };

    // Every result means the same to the caller: look again.
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value,
            timeout_ns == WF_FUTEX_FOREVER ? NULL : &timeout, NULL, 0);
}

void
wf_futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
