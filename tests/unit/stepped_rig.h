// SPDX-License-Identifier: Apache-2.0
//
// stepped_rig.h - one partition over a store in memory, in which nothing
// happens before the test says so: requests come, actors are read and have
// their turns, and what is open is committed, one by one.

#ifndef WF_TESTS_STEPPED_RIG_H
#define WF_TESTS_STEPPED_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "partition_rig.h"
#include "runtime/request.h"
#include "storage/store.h"
#include "weft/client.h"
#include "weft/definitions.h"

struct rig {
    struct partition_rig alone;
    struct wf_partition *partition; // its
    struct wf_memory_disk *disk;
    struct wf_store store; // of rows, each saved with its commit
    uint64_t now_ms;
    uint64_t number; // of the newest request
    uint64_t commit; // the newest
};

// With those definitions, which it takes.
struct rig rig_open(weft_definitions *definitions);
// Returns how many requests the partition had, and gave back.
size_t rig_close(struct rig *rig);

// A request of the only client, to this actor.
struct wf_request *rig_post(struct rig *rig, weft_verb verb, const char *kind,
                            const char *id, const char *name);
// The partition takes it.
void rig_take(struct rig *rig, struct wf_request *request);
// Actors that are wanted are read, and letters.
void rig_load(struct rig *rig);
// The same, but that nothing can be read, for this reason.
void rig_fail_loads(struct rig *rig, weft_err err);
// So much later.
void rig_tick(struct rig *rig, uint64_t ms);
// So much for turns; nothing of it is durable.
void rig_run(struct rig *rig);
// What is open is durable.
void rig_commit(struct rig *rig);

// Answers are taken up to that one, which is there.
void rig_check_answer(struct rig *rig, const struct wf_request *request,
                      weft_err err, const char *data);
// All answers are taken; that one is not there.
void rig_check_waits(struct rig *rig, const struct wf_request *request);

#endif
