// SPDX-License-Identifier: Apache-2.0
//
// coverage.c - what a process has counted is written also when it ends by _exit
// or abort, as children of tests do. Only in builds that count (ld's --wrap).

#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);

void
__wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

void
__wrap_abort(void)
{
    __gcov_dump();
    __real_abort();
}
