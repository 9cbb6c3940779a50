// SPDX-License-Identifier: Apache-2.0
//
// linear.h - is there one order of all operations on an object that explains
// every answer? (Wing and Gong; Lowe; as Porcupine.)
//
// The object has a number and a list. Reads asks, answers, refusals and losses
// of one object, in the order of time: an operation happened at one moment
// between its first ask and its answer; one that was lost, or that the history
// ends without, at any later moment or never; a refused one never, unless it
// was asked again.

#ifndef WF_TESTS_HISTORY_LINEAR_H
#define WF_TESTS_HISTORY_LINEAR_H

#include "history/history.h"

enum linear_verb {
    LINEAR_READ,   // gives the number
    LINEAR_WRITE,  // the number is a; gives 0
    LINEAR_ADD,    // a to the number; gives the sum
    LINEAR_CAS,    // from a to b, if it is a; gives 1, else 0
    LINEAR_APPEND, // a to the list; gives its length
    LINEAR_LIST,   // gives linear_list_hash of it
    // The same as WRITE, ADD and APPEND, but what is given says nothing.
    LINEAR_SET,
    LINEAR_INC,
    LINEAR_PUSH,
    LINEAR_VERB_COUNT
};

struct linear_state {
    int64_t number;
    uint64_t length;
    uint64_t hash; // of the list; 0 when it is empty
};

// What the verb does to a state, and what it gives.
int64_t linear_step(struct linear_state *state, enum linear_verb verb,
                    int64_t a, int64_t b);
// A list's hash when x is appended to one with this hash.
uint64_t linear_list_hash(uint64_t hash, int64_t x);

enum linear_verdict {
    LINEAR_YES,
    LINEAR_NO,
    LINEAR_TOO_LONG, // nobody knows: it was given up after many steps
};

enum linear_verdict linear_check(const struct history *history,
                                 uint32_t object);
// The same by trying every order: for a few operations.
bool linear_brute(const struct history *history, uint32_t object);

#endif
