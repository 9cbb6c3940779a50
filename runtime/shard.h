// SPDX-License-Identifier: Apache-2.0
//
// shard.h - a thread's worth of partitions: feeds them, runs them, seals them.
//
// A shard owns the partitions p with p % shards_count == its index, and is
// their only caller. Everything comes in through one inbox (post.h) and leaves
// through the ports. wf_shard_step does all that can be done without waiting;
// a thread is a loop around it, and so is a test.

#ifndef WF_RUNTIME_SHARD_H
#define WF_RUNTIME_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mpsc.h"
#include "runtime/partition.h"
#include "runtime/post.h"

struct wf_blackbox_slot;
struct wf_job;
struct wf_load;
struct wf_shard;
struct wf_tally;
struct wf_task;

// Where things go. Each takes what it is given. None may block.
struct wf_shard_ports {
    void (*seal)(void *ctx, struct wf_job *job); // comes back as COMMITTED
    void (*frame)(void *ctx, uint32_t destination, struct wf_buf *bytes);
    void (*task)(void *ctx, struct wf_task *task); // comes back as TASK
    void (*load)(void *ctx, struct wf_load *load); // comes back as LOAD
    // Its partition is another node's.
    void (*elsewhere)(void *ctx, struct wf_request *request);
    // FENCE was handled: no partition of the store is left.
    void (*fenced)(void *ctx, uint32_t store);
    void *ctx;
};

struct wf_shard_options {
    uint32_t index;
    uint32_t shards_count;
    uint32_t stores_count; // partition p is in store p % stores_count
    uint32_t partitions_count;
    int64_t window_bytes;                // as the partitions'
    uint64_t memory_bytes;               // as in weft_node_options
    const weft_definitions *definitions; // borrowed: for counts by kind
    struct wf_clock clock;
    struct wf_blackbox_slot *slot; // of this shard; may be NULL
    bool is_shared; // partitions come and go: none is here at first
    // Then nothing is told of what is in memory after this, of clock.mono_ns.
    const _Atomic uint64_t *lease_until_ns;
    const _Atomic uint32_t *record_version; // may be written; NULL: newest
    // Time goes by: a commit that nobody waits for may wait for others'.
    bool is_patient;
    struct wf_shard_ports ports;
};

struct wf_shard *wf_shard_create(const struct wf_shard_options *options);
// Partitions that are left are destroyed. Every request that is left is
// answered with err. No post may come any more; NULL is fine.
void wf_shard_destroy(struct wf_shard *shard, weft_err err);

struct wf_mpsc *wf_shard_inbox(struct wf_shard *shard);

// What the shard's partitions are made with: stacks and watch are filled in.
void wf_shard_fill_options(struct wf_shard *shard,
                           struct wf_partition_options *options);

// Take a recovered partition; before the first step. start opens all, at a time
// that is not before what any of them has seen. The shard runs no user code
// until serve.
void wf_shard_adopt(struct wf_shard *shard, uint32_t partition_index,
                    struct wf_partition *partition);
void wf_shard_start(struct wf_shard *shard);
void wf_shard_blame(struct wf_shard *shard, const struct wf_key *key,
                    const char *how);
// For the stack overflows of the shard's thread.
const struct wf_stack_pool *wf_shard_stacks(const struct wf_shard *shard);
// Everything the shard has is durable, and nothing is under way.
bool wf_shard_is_settled(const struct wf_shard *shard);
void wf_shard_serve(struct wf_shard *shard);

void wf_shard_add_stats(struct wf_shard *shard,
                        struct wf_partition_stats *stats); // adds to *stats

// Returns 0 if it did something, else in how many milliseconds it wants to be
// called again; UINT64_MAX: when something is posted.
uint64_t wf_shard_step(struct wf_shard *shard);
// When something falls due; UINT64_MAX: never. step looks more often.
uint64_t wf_shard_next_due_ms(const struct wf_shard *shard);
// FINISH was handled: everything is durable, or its store is fenced, and the
// partitions are destroyed.
bool wf_shard_is_finished(const struct wf_shard *shard);

// Any thread. ----------------------------------------------------------------

// What happened in its partitions since it was made.
const struct wf_tally *wf_shard_tally(const struct wf_shard *shard);

// Commits of the store below this are not needed by the shard's partitions,
// once the rows of commits that were durable when this was called are safe.
uint64_t wf_shard_redo_commit(struct wf_shard *shard, uint32_t store);
// Newest MARK at which, or after which, the shard was settled.
uint64_t wf_shard_settled_mark(const struct wf_shard *shard);

#endif
