// SPDX-License-Identifier: Apache-2.0
//
// coverage.c - what a process has counted is written also when it ends by _exit
// or abort, or by a signal that it sends itself, as children of tests do, and
// who comes to a fault point. Only in builds that count (ld's --wrap).

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);
int __real_raise(int number);
int __wrap_raise(int number);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

// A handler may run afterwards: what it counts is added.
static void
dump(void)
{
    __gcov_dump();
    __gcov_reset();
}

void
__wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

void
__wrap_abort(void)
{
    dump();
    __real_abort();
}

int
__wrap_raise(int number)
{
    dump();
    return __real_raise(number);
}

int
__wrap_kill(pid_t pid, int number)
{
    if (pid == getpid() && number == SIGKILL) {
        __gcov_dump();
    }
    return __real_kill(pid, number);
}
