// SPDX-License-Identifier: Apache-2.0
//
// node_ahead.c - of a cluster: partitions that another node has still, read
// ahead.
//
// For a planned move until little is left. For a warm copy a part at a time,
// because whoever waits for something else waits for that too.
//
// A copy is what is in memory, beside a store that is as old as its snapshot.
// So it ends when the log does not reach back to that store any more: it is
// made anew then, from the newest snapshot. That bounds what it holds to the
// log of two snapshots, and bytes_max what it holds at all: beyond it the log
// is left for when the partition is taken.
//
// Threads: the store's supervisor. Blocks in the store and the database.

#include "runtime/node_impl.h"

#define COMMITS_LEFT 100 // that may be left to read when it is taken
#define ROUNDS_MAX 5
#define PART_BYTES (4U << 20)

weft_err
wf_node_ahead_prepare(weft_node *node, struct wf_depot *depot,
                      struct wf_node_ahead *ahead)
{
    uint32_t count = COMMITS_LEFT + 1;
    weft_err err = wf_depot_follow(depot);

    for (int i = 0; i < ROUNDS_MAX && err == WEFT_OK && count > COMMITS_LEFT;
         i++) {
        err = wf_node_read_ahead(node, depot, UINT64_MAX, ahead, &count);
    }
    wf_depot_rest(depot);
    return err;
}

weft_err
wf_node_ahead_follow(weft_node *node, struct wf_depot *depot,
                     uint64_t bytes_max, struct wf_node_ahead *ahead,
                     uint64_t *out_commit)
{
    uint64_t bytes = bytes_max < PART_BYTES ? bytes_max : PART_BYTES;
    uint32_t count;
    weft_err err = wf_depot_follow(depot);

    if (err == WEFT_OK) {
        err = wf_node_read_ahead(node, depot, bytes, ahead, &count);
    }
    if (err == WEFT_OK) { // what is before the log that is needed is in rows
        *out_commit =
            ahead->commit > 0 ? ahead->commit : wf_depot_first(depot) - 1;
    }
    wf_depot_rest(depot);
    return err;
}
