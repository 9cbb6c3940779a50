// SPDX-License-Identifier: Apache-2.0
//
// mutant.h - what schemata.py writes into sources: each place is told whether
// it is the one that is broken in this process, and notes that it was reached
// with something to break.
//
// MUTANT=n chooses one; MUTANT_SEEN=FILE keeps a byte for each that was
// reached, whatever becomes of the process and its children. One file of the
// library defines WF_MUTANT_HOME and has what all others share.

#ifndef WF_TESTS_MUTANTS_MUTANT_H
#define WF_TESTS_MUTANTS_MUTANT_H

extern unsigned wf_mutant_now;
extern unsigned char *wf_mutant_all;

// Is number n broken here?
static inline int
wf_mutant(unsigned n)
{
    wf_mutant_all[n] = 1;
    return wf_mutant_now == n;
}

// The same where the broken way comes to the same if `differs` is 0.
static inline int
wf_mutant_if(unsigned n, int differs)
{
    return differs ? wf_mutant(n) : 0;
}

// A condition: n makes it true, n + 1 makes it false.
static inline int
wf_mutant_is(unsigned n, int value)
{
    return wf_mutant(value ? n + 1 : n) ? !value : value;
}

// A condition that must not be made true, as that of a loop.
static inline int
wf_mutant_while(unsigned n, int value)
{
    return value && !wf_mutant(n);
}

#ifdef WF_MUTANT_HOME

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MUTANTS_MAX = 1 << 18 };

static unsigned char nobody_looks[MUTANTS_MAX];
unsigned wf_mutant_now;
unsigned char *wf_mutant_all = nobody_looks;

__attribute__((constructor)) static void
begin(void)
{
    const char *number = getenv("MUTANT");
    const char *path = getenv("MUTANT_SEEN");
    void *map;
    int fd;

    if (number != NULL) {
        wf_mutant_now = (unsigned)strtoul(number, NULL, 10);
    }
    if (path == NULL) {
        return;
    }
    fd = open(path, O_RDWR | O_CREAT, 0666);
    if (fd < 0 || ftruncate(fd, MUTANTS_MAX) != 0) {
        abort();
    }
    map = mmap(NULL, MUTANTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        abort();
    }
    wf_mutant_all = map;
    (void)close(fd);
}
#endif

#endif
