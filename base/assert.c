// SPDX-License-Identifier: Apache-2.0
//
// assert.c - the end of a process that found a bug in itself.
//
// abort, not exit: no cleanup runs on a state known to be wrong, and a core is
// left. What was acknowledged is durable and is found at the next open.
//
// Threads: any.

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void
wf_panic(const char *file, int line, const char *text)
{
    fprintf(stderr, "weft: panic at %s:%d: %s\n", file, line, text);
    fflush(stderr);
    abort();
}
