// SPDX-License-Identifier: Apache-2.0
//
// transfers.h - clients over the wire that move money between the accounts of a
// cluster, each on a thread of its own, and count at the end.

#ifndef WF_TESTS_NODES_TRANSFERS_H
#define WF_TESTS_NODES_TRANSFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFERS_ACCOUNTS 12

struct transfers;

// endpoints: of all nodes; borrowed.
struct transfers *transfers_start(const char *const *endpoints, size_t count);
// So many were acknowledged; the longest that one took, in ms.
uint64_t transfers_done(const struct transfers *transfers);
uint64_t transfers_slowest_ms(const struct transfers *transfers);
// So many calls came back with something else than success, and were repeated.
uint64_t transfers_repeats(const struct transfers *transfers);
// The newest of a client's transfers from an account that was acknowledged.
uint32_t transfers_acked(const struct transfers *transfers, uint32_t client,
                         uint32_t account);
// Begin no more, and wait for what is under way. False: some is not answered
// within ms, and that was said.
bool transfers_stop(struct transfers *transfers, uint64_t ms);
// Ask each account, and count. Returns how many faults there are; each was
// said.
uint32_t transfers_check(struct transfers *transfers);
void transfers_free(struct transfers *transfers);

#endif
