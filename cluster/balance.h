// SPDX-License-Identifier: Apache-2.0
//
// balance.h - which node is to have which partition. Pure: every node computes
// it from the same map, and they agree without asking each other. If they do
// not, because one has an older map, nothing is lost: a partition has one owner
// at a time, whoever thinks what.
//
// Who has a partition keeps it, unless it is to move by plan, its node drains,
// or another has two partitions less. Who has prepared for one is to have it,
// also when by now another would be: it is away for a moment only then. What is
// free goes to who keeps a warm copy of it, else to those who have the fewest,
// and among them to the one whose name and the partition's number hash highest;
// so that a node that comes back gets mostly what it had.

#ifndef WF_CLUSTER_BALANCE_H
#define WF_CLUSTER_BALANCE_H

#include <stdint.h>

struct wf_registry_map;

// Sets out_targets, one for each partition, to indices of nodes; -1: no node is
// live, or all of them drain.
void wf_balance(const struct wf_registry_map *map, int32_t *out_targets);

// Who is to keep a warm copy of it, if nodes do: the one whose name and its
// number hash highest, but for the one that is to have it. -1: no other can.
int32_t wf_balance_standby(const struct wf_registry_map *map,
                           const int32_t *targets, uint32_t partition);

// Who has it: an index, or -1 if that is nobody, or nobody who is live.
int32_t wf_balance_owner(const struct wf_registry_map *map, uint32_t partition);

#endif
