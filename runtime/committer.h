// SPDX-License-Identifier: Apache-2.0
//
// committer.h - what makes the sealed segments of one store durable; in a
// cluster, of all stores.
//
// A shard seals its partitions into a job and gives it away. The committer
// joins all jobs that are there into one commit, writes it, and gives each job
// back with what became of it. It never waits for more: while one commit is
// being written, the jobs of the next gather.

#ifndef WF_RUNTIME_COMMITTER_H
#define WF_RUNTIME_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "runtime/post.h"

struct wf_batch;
struct wf_committer;
struct wf_depot;

// The sealed segments of one shard's partitions in one store. There is one for
// each pair; it is either with its shard or with the committer.
struct wf_job {
    struct wf_post post; // SEAL on the way there, COMMITTED on the way back
    struct wf_list_node node;
    uint32_t shard;
    uint32_t store;
    struct wf_buf frames;
    uint32_t segments_count;
    struct wf_batch *rows; // owned

    // What became of it.
    bool is_durable;    // else void: outcome not known, or not tried
    uint64_t commit;    // number of the commit
    uint64_t log_bytes; // of the store, up to and with it
};

void wf_job_init(struct wf_job *job, uint32_t shard, uint32_t store);
void wf_job_fini(struct wf_job *job);
void wf_job_reset(struct wf_job *job); // empty, memory kept

struct wf_committer_options {
    struct wf_depot *depots; // of the node, by store; borrowed
    uint32_t stores_count;
    // Its jobs are of many stores, which share a log; else of one.
    bool is_shared;
    struct wf_clock clock;

    // A job goes back; takes it.
    void (*done)(void *ctx, struct wf_job *job);
    // The store refuses writes, or takes them again.
    void (*stall)(void *ctx, uint32_t store, bool is_stalled);
    // The outcome of a write is not known. Nothing is written before RESUME.
    void (*in_doubt)(void *ctx, uint32_t store);
    // FENCE was handled: all jobs are back, and the depot is not used.
    void (*fenced)(void *ctx, uint32_t store);
    void *ctx;
};

struct wf_committer *
wf_committer_create(const struct wf_committer_options *options);
// NULL is fine. Jobs must be back.
void wf_committer_destroy(struct wf_committer *committer);

struct wf_mpsc *wf_committer_inbox(struct wf_committer *committer);

// Write one commit, if there is anything to write. Blocks while it is written.
// Returns 0 if it did something, else in how many milliseconds it wants to be
// called again; UINT64_MAX: when something is posted.
uint64_t wf_committer_step(struct wf_committer *committer);
bool wf_committer_is_stopped(const struct wf_committer *committer);

#endif
