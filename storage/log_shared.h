// SPDX-License-Identifier: Apache-2.0
//
// log_shared.h - the redo logs of all partitions of a cluster, in a database
// that several nodes share. A seam: log_postgres.c is the real one,
// log_memory.c the one for tests.
//
// Each partition has a log of its own: its commits are numbered 1, 2, 3 ...,
// each holds one segment. Who acquired a partition last may append to it, and
// nobody else: acquiring gives an epoch, one more than the last, and an append
// of an older epoch is refused. On that, and on no clock, rests that nothing is
// lost and nothing is done twice. Leases (registry.h) only say when somebody
// else's partition may be acquired.
//
// An append whose outcome is not known - the connection broke, the database
// says that it may not be replicated - is settled in here: the same bytes are
// kept, the database is asked how far the log is, and they are sent once more
// if they are not in it. That takes as long as the database is away. Only stop
// ends it, and then the outcome is not known.
//
// Threads: append from one at a time (the committer's); read, look, acquire and
// release from several, of one partition from one at a time, beside it; the
// snapshot's two calls from one at a time, beside both; stop from any.

#ifndef WF_STORAGE_LOG_SHARED_H
#define WF_STORAGE_LOG_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/log.h"

// One partition's part of what is appended at once.
struct wf_shared_append {
    uint32_t partition;
    weft_bytes segment;           // encoded, one
    uint64_t number;              // set: of the commit
    enum wf_append_result result; // set: never REFUSED
};

// What was acquired, or seen.
struct wf_shared_place {
    uint64_t epoch;    // fences all who had it before
    uint64_t last;     // number of the newest commit; 0: none yet
    uint64_t first;    // of the oldest that is kept; 1 if none ever
    uint64_t snapshot; // redo-from of the newest snapshot; 0: there is none
};

// A process ended in the code of an actor.
struct wf_shared_blame {
    uint32_t partition;
    weft_bytes key;  // of the actor (key.h)
    const char *how; // for people
    uint64_t at_ms;  // when that code began: tells it from other times
};

// Both are borrowed for the call.
typedef void wf_shared_blame_fn(void *ctx, weft_bytes key, const char *how);

struct wf_shared_log_ops {
    // Own the partition from now on, in a new epoch, if nobody with a live
    // lease does. When it returns, everything that was acknowledged before is
    // on as many machines as the database promises. (A partition that is one's
    // own already is acquired again, in an epoch more: after a doubt.)
    //
    // WEFT_EBUSY     another node has it, and its lease runs; or it is to go to
    //                another one
    // WEFT_ECLOSED   this node's registration was replaced by another
    // WEFT_EIO       the database does not answer, or its promise is not good
    //                enough
    weft_err (*acquire)(void *self, uint32_t partition,
                        struct wf_shared_place *out_place);
    // The same of a partition that is not acquired, as of now: its epoch is
    // another's, and more may be appended.
    //
    // WEFT_EIO
    weft_err (*look)(void *self, uint32_t partition,
                     struct wf_shared_place *out_place);
    // Nobody owns it from now on; nothing if it is not ours any more.
    //
    // WEFT_EIO   not known; it ends with the lease at the latest
    weft_err (*release)(void *self, uint32_t partition);

    // Append to several partitions, each once at most; each gets its own
    // result, and what is DURABLE is as durable as the database promises.
    void (*append)(void *self, struct wf_shared_append *appends,
                   uint32_t count);

    // As wf_log_ops.read, of one partition; 0: from the first that is kept. Of
    // one that was not acquired, the last of them may not be as durable as the
    // database promises, and be others later.
    weft_err (*read)(void *self, uint32_t partition, uint64_t from,
                     wf_log_read_fn *fn, void *ctx);

    // A snapshot of the partition is stored, from which on the commits from
    // `redo_from` on are needed; the manifest says where (snapshots.h). Then
    // forget the commits, and manifests, that the last but one does not need.
    // redo_from is of a commit that is kept, or of the next.
    //
    // WEFT_ECLOSED   the partition is another's by now
    // WEFT_EINVAL    it has no such commit any more, or not yet
    // WEFT_EIO
    weft_err (*snapshot_commit)(void *self, uint32_t partition,
                                uint64_t redo_from, weft_bytes manifest);
    // The newest (0) or the last but one (1).
    //
    // WEFT_ENOTFOUND
    weft_err (*snapshot_read)(void *self, uint32_t partition, uint32_t age,
                              uint64_t *out_redo_from,
                              struct wf_buf *out_manifest);

    // A process of this node ended so: whoever has the partition next is to
    // know. Counts once, however often it is said.
    weft_err (*blame)(void *self, const struct wf_shared_blame *blame);
    // Who is blamed in a partition that is ours, and the log does not say so
    // yet: `reflected` is the newest epoch that it has begun. What is told is
    // taken for said once it has begun the epoch of now. So it has to be said
    // with the first commit of that epoch.
    weft_err (*blames)(void *self, uint32_t partition, uint64_t reflected,
                       wf_shared_blame_fn *fn, void *ctx);

    // Whoever waits for the database gives up, now and from now on.
    void (*stop)(void *self);
    void (*close)(void *self);
};

struct wf_shared_log {
    const struct wf_shared_log_ops *ops;
    void *self;
};

// For what implements it: decode a row and call fn with it.
//
// WEFT_ECORRUPT   its check fails, or it is of another partition
// else            what fn returned
weft_err wf_shared_log_visit(uint32_t partition, uint64_t number,
                             weft_bytes row, wf_log_read_fn *fn, void *ctx);
// WEFT_ECORRUPT, in words: there is a gap; or the log ends before `from`.
weft_err wf_shared_log_missing(uint32_t partition, uint64_t from, uint64_t to);
weft_err wf_shared_log_ends(uint32_t partition, uint64_t last, uint64_t from);

#endif
