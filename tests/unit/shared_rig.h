// SPDX-License-Identifier: Apache-2.0
//
// shared_rig.h - a cluster's database for test_log_shared.c and
// test_registry.c: shared_memory.c has it in memory, shared_postgres.c a real
// one.

#ifndef WF_TESTS_UNIT_SHARED_RIG_H
#define WF_TESTS_UNIT_SHARED_RIG_H

#include "storage/log_shared.h"
#include "storage/registry.h"

#define SHARED_RIG_PARTITIONS 4

struct shared_rig;

struct shared_rig *shared_rig_create(void); // a new cluster
void shared_rig_destroy(struct shared_rig *rig);

void shared_rig_log(struct shared_rig *rig, const char *node_id,
                    uint64_t incarnation, struct wf_shared_log *out_log);
void shared_rig_registry(struct shared_rig *rig, const char *node_id,
                         struct wf_registry *out_registry);
// The node's lease is over; it is not told.
void shared_rig_expire(struct shared_rig *rig, const char *node_id);

#endif
