// SPDX-License-Identifier: Apache-2.0
//
// thread.c - what a thread of ours is called, in top, gdb and /proc.

#include "base/thread.h"

#include <sys/prctl.h>

void
wf_thread_name(const char *name)
{
    (void)prctl(PR_SET_NAME, name); // of a name there is no failure
}
