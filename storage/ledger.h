// SPDX-License-Identifier: Apache-2.0
//
// ledger.h - what one node of a cluster without a database keeps for it, in a
// store of its own: the logs of the partitions that are its, and what it has
// heard of all others (docs/design/0011-a-cluster-without-a-database.md).
//
//         +--------------- the giver is not the owner any more ---------------+
//         v                                                                   |
//       NONE --begin--> COMING --the giver's word--> MINE --serve: released,
//       and
//         ^                |                                asked for--> GIVEN
//         +----forget------+
//
// A partition is MINE with one node at a time. Who has it writes down to whom
// it gives it, for ever, and in which epoch it ended, before it says so; who
// gets it writes down that it is its, in the next one. So for each epoch there
// is one node at most that ever had it, whatever is lost, doubled or late, and
// whoever crashes when. One whose node is away stays with it.
//
// A node that hears of more of its own than it knows itself has lost something:
// its directory is an old copy. It then acquires nothing any more.
//
// Threads: any. The log's calls are as log_shared.h says.

#ifndef WF_STORAGE_LEDGER_H
#define WF_STORAGE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/ledger_view.h"
#include "storage/log_shared.h"
#include "storage/store.h"

struct wf_ledger;

enum wf_ledger_state {
    WF_LEDGER_NONE,   // it is another node's, or nobody's
    WF_LEDGER_COMING, // the same; its log is being fetched
    WF_LEDGER_MINE,   // it is this node's
    WF_LEDGER_GIVEN,  // another node may take it, and this one never again
    WF_LEDGER_STATES_COUNT,
};

struct wf_ledger_part {
    enum wf_ledger_state state;
    uint64_t epoch; // MINE, GIVEN: its own; else the newest that it heard of
    char owner[WF_NODE_ID_CHARS_MAX + 1];  // else: who has it in that
    char wanted[WF_NODE_ID_CHARS_MAX + 1]; // MINE, GIVEN: who is to have it
    uint64_t first, last; // commits that are here; last + 1 == first: none
};

// What a new cluster begins with.
struct wf_ledger_founding {
    uint8_t cluster_id[16];
    const char *node_id; // whose ledger it is
    uint32_t partition_count;
    // Each has its share of the partitions: all founding ledgers of a cluster
    // must be given the same. None: this node joins a cluster that is there.
    const char *const *founders;
    uint32_t founders_count;
};

// Make a store the ledger of a node. Fine if it is that already.
//
// WEFT_EEXISTS   it is another one
// else           what the store says
weft_err wf_ledger_found(struct wf_store store,
                         const struct wf_ledger_founding *founding);

struct wf_ledger_options {
    // Open the store; again after a write of it has failed.
    weft_err (*open_store)(void *ctx, struct wf_store *out_store);
    void *ctx;
    const char *node_id; // copied
    // Another node has to be heard before anything is acquired: it may know
    // that this directory is an old copy.
    bool must_hear;
};

// WEFT_ENOTFOUND   there is no ledger in the store
// WEFT_EFORMAT     another version's, or another node's
// WEFT_ECORRUPT    malformed
// else             what the store says
weft_err wf_ledger_open(const struct wf_ledger_options *options,
                        struct wf_ledger **out_ledger);
void wf_ledger_close(struct wf_ledger *ledger); // NULL is fine

// The logs that are its (log_shared.h), until it is closed. acquire:
//
// WEFT_EBUSY     it is not this node's, or nobody was heard yet
// WEFT_ELOST     this directory is an old copy; the detail says who knows more
// WEFT_EIO       the store has failed, and does not open
struct wf_shared_log wf_ledger_log(struct wf_ledger *ledger);

// This node, as the others see it; sets its incarnation, which is one more than
// that of the process before.
weft_err wf_ledger_join(struct wf_ledger *ledger, struct wf_ledger_node *node);
// It takes nothing, and gives all away; or no longer. Until it ends.
void wf_ledger_drain(struct wf_ledger *ledger, bool is_on);
// A partition of this node is to go to that one; "": to nobody in particular.
//
// WEFT_EBUSY   it is not this node's
weft_err wf_ledger_want(struct wf_ledger *ledger, uint32_t partition,
                        const char *node_id);

// All that is known here; replaces *out_view.
void wf_ledger_view(struct wf_ledger *ledger, struct wf_ledger_view *out_view);
// What another node knows.
//
// WEFT_ELOST     it knows more of what is this node's than this node does
// WEFT_ECLOSED   another process has become this node
// WEFT_EFORMAT   it is of another cluster
// else           what the store says
weft_err wf_ledger_hear(struct wf_ledger *ledger,
                        const struct wf_ledger_view *told);
// A copy of what is known of one.
struct wf_ledger_part wf_ledger_part(struct wf_ledger *ledger,
                                     uint32_t partition);
uint32_t wf_ledger_partition_count(const struct wf_ledger *ledger);
void wf_ledger_cluster_id(const struct wf_ledger *ledger, uint8_t out_id[16]);
// It is MINE, and may be acquired: not one that was released and is asked for.
bool wf_ledger_may_acquire(struct wf_ledger *ledger, uint32_t partition);
// How many are MINE or GIVEN: what others would miss without this node.
uint32_t wf_ledger_count(struct wf_ledger *ledger);
// Give back to the disk a piece of what its store needs no more. True: there is
// more of it.
bool wf_ledger_sweep(struct wf_ledger *ledger);

// Moves (ledger_move.c). ------------------------------------------------------

// What who is to have a partition asks who has it.
struct wf_ledger_ask {
    uint32_t partition;
    char node[WF_NODE_ID_CHARS_MAX + 1]; // who asks
    uint64_t next; // commit that it needs; 0: it has nothing, and begins
    bool is_ready; // it has all that the newest snapshot needs
};
void wf_ledger_ask_encode(const struct wf_ledger_ask *ask, struct wf_buf *out);
// WEFT_ECORRUPT
weft_err wf_ledger_ask_decode(weft_bytes bytes, struct wf_ledger_ask *out_ask);

// What this node asks for next. False: it is not to be asked for.
bool wf_ledger_ask(struct wf_ledger *ledger, uint32_t partition, bool is_ready,
                   struct wf_ledger_ask *out_ask);
// Answer it, appending to out_answer: commits, about max_bytes of them; and if
// it has them all, and the partition was released here: that it is the other's.
// Durable when it returns. *out_lag: commits that the other has still to ask
// for, UINT64_MAX if it is not here.
//
// else   what the store says; then nothing is to be said
weft_err wf_ledger_serve(struct wf_ledger *ledger,
                         const struct wf_ledger_ask *ask, size_t max_bytes,
                         struct wf_buf *out_answer, uint64_t *out_lag);

enum wf_ledger_progress {
    WF_LEDGER_NOT_THERE, // who was asked does not have it
    WF_LEDGER_BEGUN,     // the manifest is here: get its files
    WF_LEDGER_MORE,      // there is more: ask again
    WF_LEDGER_LEVEL,     // that is all by now: ask again later
    WF_LEDGER_TAKEN,     // it is MINE
};
// Take in what `giver` answered to that ask. Durable when it returns.
//
// WEFT_ECORRUPT   it is no answer
// else            what the store says
weft_err wf_ledger_receive(struct wf_ledger *ledger,
                           const struct wf_ledger_ask *ask, const char *giver,
                           weft_bytes answer,
                           enum wf_ledger_progress *out_progress);
// What was fetched of a partition that is COMING is not wanted any more.
weft_err wf_ledger_forget(struct wf_ledger *ledger, uint32_t partition);

#endif
