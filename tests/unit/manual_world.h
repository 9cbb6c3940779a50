// SPDX-License-Identifier: Apache-2.0
//
// manual_world.h - a node that is stepped by hand, in one thread, and all that
// it sees of the world: a clock that stands still, a disk in memory, and how
// much room there is.
//
// It has four partitions and two shards, the kinds of node_rig.h, and one
// client. A test changes what it likes, and opens the node again.

#ifndef WF_TESTS_UNIT_MANUAL_WORLD_H
#define WF_TESTS_UNIT_MANUAL_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/node_impl.h"
#include "storage/store.h"
#include "support/test.h"
#include "weft/client.h"

struct world {
    weft_definitions *definitions;
    struct wf_memory_disk *disk;
    uint64_t now_ms;
    uint64_t seed; // of all chance
    uint64_t free_bytes;
    uint64_t memory_bytes; // 0: the default
    int64_t window_bytes;  // 0: the default
    struct wf_store store; // below the one that fails
    uint64_t calls;        // of the store
    uint64_t fails_at;     // from that call on they fail; 0: none
    weft_err fails_with;
    uint32_t opens; // of the store
    weft_node *node;
    weft_client *client;
};

void world_make(struct world *world);  // its node was never open
void world_begin(struct world *world); // the same, and it is open
void world_end(struct world *world);
// Node and client, which are closed or have crashed.
void world_open(struct world *world);
weft_err world_try_open(struct world *world); // no client yet
// What was not synced is lost, and the node is opened again.
void world_crash(struct world *world);

// Each part of the node once. False: none had anything to do.
bool world_step(struct world *world);
// For so much of its time.
void world_run(struct world *world, uint64_t ms);

struct answer {
    uint32_t count;
    weft_err err;
    uint32_t retry_after_ms;
    uint64_t request; // its number
    uint64_t number;  // what the counter came to
};

// A callback that takes an answer.
void world_note(void *ctx, const weft_reply *reply);
// The signal, or the query, is "add".
void world_submit(const struct world *world, weft_verb verb, const char *kind,
                  const char *id, struct answer *answer);
// Counter "a" answers a query, with so many.
void world_check_count(struct world *world, uint64_t count);

#endif
