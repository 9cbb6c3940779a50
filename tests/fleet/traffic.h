// SPDX-License-Identifier: Apache-2.0
//
// traffic.h - clients that move money between accounts (support/account.h) of a
// fleet, ask again when they are not answered, and count at the end.

#ifndef WF_TESTS_FLEET_TRAFFIC_H
#define WF_TESTS_FLEET_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

struct fleet;
struct traffic;

// count: of transfers of each of ACCOUNT_CLIENTS_MAX clients.
struct traffic *traffic_create(struct fleet *fleet, uint32_t nodes_count,
                               uint32_t partition_count, uint32_t count);
void traffic_destroy(struct traffic *traffic); // after its fleet

// Ask what is to be asked now.
void traffic_step(struct traffic *traffic);
bool traffic_is_over(const struct traffic *traffic);
uint64_t traffic_retries(const struct traffic *traffic);

// When all is over and quiet: ask every account, and count. Fails the test,
// with the seed, if something was lost, doubled or overtaken.
void traffic_check(struct traffic *traffic, uint64_t seed);

#endif
