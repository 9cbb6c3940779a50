// SPDX-License-Identifier: Apache-2.0
//
// readers.h - one client beside each node that asks it, and no other, for the
// accounts all the time. What was acknowledged before it asks, or was read by
// anybody, must be in the answer: else a node has answered that no longer had
// the partition.

#ifndef WF_TESTS_NODES_READERS_H
#define WF_TESTS_NODES_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct readers;
struct transfers;

// endpoints: of all nodes; borrowed, as transfers is until stop.
struct readers *readers_start(const char *const *endpoints, size_t count,
                              const struct transfers *transfers);
// Until each node has answered for each account, from now on. Returns after how
// many ms; 0: one does not within ms, and that was said.
uint64_t readers_await(struct readers *readers, uint64_t ms);
// What is asked from now on may get an old answer, or no longer. No question
// that is under way is then judged.
void readers_allow_old(struct readers *readers, bool may_be_old);
// Of answers, and of those that were too old; each of these was said.
uint64_t readers_answers(const struct readers *readers);
uint32_t readers_faults(const struct readers *readers);
void readers_stop(struct readers *readers); // and free; NULL is fine

#endif
