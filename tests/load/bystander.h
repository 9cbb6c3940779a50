// SPDX-License-Identifier: Apache-2.0
//
// bystander.h - clients who want little, and how long they wait for it.
//
// Each thread has a client of its own and signals its counters at a steady
// rate. A call's time is counted from when it was meant to begin, so that one
// slow answer shows in all the calls that it delayed. In the end every counter
// must be what was acknowledged.

#ifndef WF_TESTS_LOAD_BYSTANDER_H
#define WF_TESTS_LOAD_BYSTANDER_H

#include <stdint.h>

#include "weft/weft.h"

struct bystanders;

// per_s: calls of each thread. Stops the process if it cannot.
struct bystanders *bystanders_begin(weft_node *node, uint32_t threads,
                                    uint32_t per_s);
// Calls begun and ended between two moments, in microseconds; 0 if there were
// none.
uint64_t bystanders_mark(const struct bystanders *bystanders);
uint32_t bystanders_percentile_us(const struct bystanders *bystanders,
                                  uint64_t from_mark, uint64_t to_mark,
                                  uint32_t in_thousand);
// Stop, compare, free. Returns how many calls failed or counters are wrong;
// says each. *out_calls: how many there were.
uint64_t bystanders_end(struct bystanders *bystanders, uint64_t *out_calls);

#endif
