// SPDX-License-Identifier: Apache-2.0
//
// thread.h - what a thread of ours is called, in top, gdb and /proc.

#ifndef WF_BASE_THREAD_H
#define WF_BASE_THREAD_H

// Name the calling thread; 15 bytes of it are kept.
void wf_thread_name(const char *name);

#endif
