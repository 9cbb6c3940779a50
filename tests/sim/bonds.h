// SPDX-License-Identifier: Apache-2.0
//
// bonds.h - does what a site has in memory fit itself?
//
// What counts something agrees with what it counts. Whoever waits is in a list
// that somebody empties: for a row that a reader was asked for, for a commit,
// for an alarm that is set. Lists are in the order that those who read them
// rely on. Nobody is in memory, with rows, letters or stacks, who could leave
// it while there is too much.
//
// Found by it: a count or a list that was not kept on some way out, an alarm
// that is not set again, a bound that holds nothing. None of these changes what
// is durable, and most are seen by others only much later.

#ifndef WF_TESTS_SIM_BONDS_H
#define WF_TESTS_SIM_BONDS_H

struct site;

// Stops the process at the first thing that does not fit, which is printed.
// Only when a commit has just come back.
void bonds_check(struct site *site);

#endif
