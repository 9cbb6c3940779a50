// SPDX-License-Identifier: Apache-2.0
//
// shard_rig.h - one shard with a committer that says when. Nothing runs but in
// a step, and no time passes but what the test or settling lets pass.

#ifndef WF_TESTS_UNIT_SHARD_RIG_H
#define WF_TESTS_UNIT_SHARD_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/committer.h"
#include "runtime/shard.h"
#include "weft/client.h"
#include "weft/definitions.h"

enum { RIG_PARTITIONS = 4, RIG_SOON_MS = 700, RIG_FAR_MS = 86400000 };

struct rig {
    weft_definitions *definitions;
    struct wf_shard *shard;
    uint64_t now_ms;
    struct wf_job *job; // with the committer
    uint64_t commits;
    uint64_t answered[2]; // by client
    uint64_t refused[2];  // the same
    char order[16];       // numbers of what was answered
    struct wf_request *away[4];
    uint32_t away_count;             // that it has sent elsewhere
    _Atomic uint64_t lease_until_ns; // of a node of a cluster
    uint32_t fences;                 // that it said it has handled
    bool holds_loads;                // so that what it asked for does not come
    struct wf_load *held;            // one of those
    int64_t window_bytes;
};

// Its kind is "k": a message "on" makes it send itself another, for ever;
// "soon" and "far" set a timer; any other is counted.
void rig_begin(struct rig *rig);
void rig_begin_with(struct rig *rig, int64_t window_bytes);
// Of a cluster: its partitions are to be recovered.
void rig_begin_shared(struct rig *rig);
void rig_end(struct rig *rig);

// So many steps.
void rig_step(struct rig *rig, uint32_t times);
// The job that is with the committer is durable.
void rig_commit(struct rig *rig);
// Steps and commits until there is nothing left to do.
void rig_settle(struct rig *rig);
// Answer what was asked for; there are no rows.
void rig_give_load(const struct rig *rig, struct wf_load *load);

uint32_t rig_partition_of(const char *id);
void rig_ask(struct rig *rig, weft_verb verb, uint8_t client, uint64_t number,
             const char *id, const char *name);
void rig_post(struct rig *rig, struct wf_request *request);
void rig_signal(struct rig *rig, uint8_t client, uint64_t number,
                const char *id, const char *name);

#endif
