// SPDX-License-Identifier: Apache-2.0
//
// partition_rig.h - a partition alone: no shard runs it, no store has its rows.
// What it asks for and says waits in its outputs for the test.

#ifndef WF_TESTS_PARTITION_RIG_H
#define WF_TESTS_PARTITION_RIG_H

#include <stddef.h>

#include "runtime/partition.h"
#include "weft/definitions.h"

struct partition_rig {
    weft_definitions *definitions;
    struct wf_partition *partition;
};

// Not opened yet. definitions: made if there are none. options: what differs
// from partition 0 of one, with room for 1,000 idle actors.
void partition_rig_create(struct partition_rig *rig,
                          struct wf_partition_options options);
// Returns how many requests still waited for an answer.
size_t partition_rig_destroy(struct partition_rig *rig);

// What is open is durable. (partition_commit.c, for tests that see storage.)
void partition_rig_commit(struct partition_rig *rig, uint64_t now_ms);

#endif
