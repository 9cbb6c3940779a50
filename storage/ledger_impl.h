// SPDX-License-Identifier: Apache-2.0
//
// ledger_impl.h - what the files of ledger.h share.
//
//   ledger.c        the store: founding, opening, rows
//   ledger_log.c    the logs of its partitions (log_shared.h)
//   ledger_blame.c  actors in whose code a process ended
//   ledger_move.c   partitions from one node to another
//   ledger_hear.c   what nodes tell each other
//
// Keys, integers big-endian:
//
//   log    u16 partition, u64 number   a commit's segment
//   meta   'c'                         version, cluster, node, partitions
//          'i'                         incarnation
//          'n' id                      a node, as heard
//          'p' u16 partition           its row
//          'b' u16 partition, u64 when, actor   a blame: u64 epoch told, how
//          's' u16 partition, u8 age   a snapshot: u64 redo-from, manifest

#ifndef WF_STORAGE_LEDGER_IMPL_H
#define WF_STORAGE_LEDGER_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/ledger.h"

// What only this process knows of a partition.
struct wf_ledger_place {
    struct wf_ledger_part part;   // as it is in the store
    bool is_acquired;             // appends are taken
    bool is_released;             // MINE: who asks gets it
    bool is_doubtful;             // an append's outcome was not known
    uint64_t snapshots[2];        // redo-from of the newest, and the one before
    struct wf_ledger_known heard; // what else its owner said of it
};

struct wf_ledger {
    struct wf_ledger_options options;
    char *node_id;
    uint8_t cluster_id[16];
    uint32_t partition_count;

    pthread_rwlock_t opening; // the store is not changed for another meanwhile
    pthread_mutex_t lock;     // guards all below, and writes
    struct wf_store store;    // ops NULL: it has failed, and is closed
    bool has_failed;
    uint64_t incarnation; // of this process; 0: it has not joined
    uint64_t before;      // of the newest process that ever joined
    struct wf_ledger_node self;
    struct wf_ledger_view heard; // of the others; parts are in places
    struct wf_ledger_place *places;
    bool has_heard;
    weft_err lost; // WEFT_ELOST, WEFT_ECLOSED: why it may acquire nothing
    char *lost_text;
    atomic_bool is_stopped;
};

// All with the lock held.

// Write a batch, synced. One that fails fails the store: nothing is known of
// any append, and all partitions have to be acquired anew.
weft_err wf_ledger_write(struct wf_ledger *ledger,
                         const struct wf_batch *batch);
// Open the store again if it has failed, and read what it has.
weft_err wf_ledger_reopen(struct wf_ledger *ledger);

void wf_ledger_put_part(struct wf_batch *batch, uint32_t partition,
                        const struct wf_ledger_part *part);
void wf_ledger_put_node(struct wf_batch *batch,
                        const struct wf_ledger_node *node);
// Forget commits below `to`, or all of the partition's and its snapshots.
void wf_ledger_cut(struct wf_batch *batch, uint32_t partition, uint64_t from,
                   uint64_t to);
void wf_ledger_cut_all(struct wf_batch *batch, uint32_t partition);

void wf_ledger_commit_key(struct wf_buf *out_key, uint32_t partition,
                          uint64_t number);
void wf_ledger_snapshot_key(struct wf_buf *out_key, uint32_t partition,
                            uint32_t age);

// Without the lock: rows of commits in [from, to], by fn as scan has it.
weft_err wf_ledger_scan(struct wf_ledger *ledger, uint32_t partition,
                        uint64_t from, uint64_t to, wf_scan_fn *fn, void *ctx);

// The shared log's calls.
weft_err wf_ledger_snapshot_read(void *self, uint32_t partition, uint32_t age,
                                 uint64_t *out_redo_from,
                                 struct wf_buf *out_manifest);
weft_err wf_ledger_blame(void *self, const struct wf_shared_blame *blame);
weft_err wf_ledger_blames(void *self, uint32_t partition, uint64_t reflected,
                          wf_shared_blame_fn *fn, void *ctx);

#endif
