// SPDX-License-Identifier: Apache-2.0
//
// leave.h - is what leaves a partition what a crash would leave of it?
//
// Nothing outside may ever learn of what a crash could undo. So whenever
// something leaves, a second partition is recovered from the disk as it is at
// that moment, and asked for it: the attempt that is to run, the message that
// is sent and what is acknowledged, what a client is answered.
//
// Found by it: whatever leaves before its commit, by whichever way. Inline
// steps do not leave, but what they do does; so they are looked up when they
// begin.

#ifndef WF_TESTS_SIM_LEAVE_H
#define WF_TESTS_SIM_LEAVE_H

struct site;
struct wf_key;
struct wf_outputs;

// Stops the process at the first thing that is not durable, which is printed.
void leave_check(struct site *site, const struct wf_outputs *outputs);
// The same, of a step of that name which begins. Only where an instance's steps
// have names of their own can it tell one from the other.
void leave_check_step(struct site *site, const struct wf_key *key,
                      const char *name);

#endif
