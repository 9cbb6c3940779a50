// SPDX-License-Identifier: Apache-2.0
//
// post.h - everything that one thread of a node tells another. The whole list.
//
// A post goes into the inbox of a shard, a committer, the reader or the
// supervisor. Whoever pops it owns it, and what it carries. Posts of one
// sender keep their order; on that rests the protocol of fencing (below).
//
// Fencing. A store whose last write is in doubt must be closed and opened anew
// while nobody uses it:
//
//   committer   returns all jobs as void          --IN_DOUBT--> supervisor
//   supervisor  --FENCE--> every shard, which drops the store's partitions,
//               keeps their requests, and seals no more         --FENCED-->
//   supervisor  --FENCE--> committer and reader, which return what they were
//               given for the store and use it no more          --FENCED-->
//   supervisor  closes and opens the store, recovers its partitions
//               --RESUME--> committer and reader
//               --RECOVER--> the shards, one for each partition
//
// In a cluster the supervisor may find that the partition is another node's, or
// is to be: then it says --ELSEWHERE--> to the shards, which hand over what
// they kept, until RECOVER.
//
// The second step waits for the first, so that no job can follow the FENCE to
// the committer. RESUME comes before RECOVER, so that no job or load can
// overtake it.

#ifndef WF_RUNTIME_POST_H
#define WF_RUNTIME_POST_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "base/list.h"
#include "base/mpsc.h"

struct wf_beat;
struct wf_job;
struct wf_load;
struct wf_partition;
struct wf_partition_stats;
struct wf_request;
struct wf_task;

enum wf_post_type {
    // To the shard of a partition.
    WF_POST_REQUEST,  // from a client
    WF_POST_FRAME,    // from a link
    WF_POST_TASK,     // from a worker
    WF_POST_BEAT,     // from a worker
    WF_POST_WITHDRAW, // from a client: a request of an actor, see request.h
    WF_POST_LOAD,     // from the reader, answered
    WF_POST_RECOVER,  // from the supervisor: a partition that was recovered

    // To a shard.
    WF_POST_COMMITTED, // from a committer: a job, durable or void
    WF_POST_REFUSE,    // a reason to refuse requests begins or ends
    WF_POST_GROWN,     // from housekeeping: so long is the store's log
    WF_POST_STATS,     // from a caller, who waits
    WF_POST_MEET,      // from a cluster: `partition` is somewhere else now
    WF_POST_MARK,      // from a caller: say when you have come to rest
    WF_POST_FINISH,    // make everything durable, then end

    // To a committer.
    WF_POST_SEAL, // from a shard: a job

    // To the reader: WF_POST_LOAD, to be answered.

    // To the supervisor.
    WF_POST_IN_DOUBT, // from a committer: the store must be opened anew
    WF_POST_FENCED,   // from those that were fenced
    WF_POST_TAKE,     // from a cluster: run this partition, if it is free
    WF_POST_GIVE,     // from a cluster: run it no more
    WF_POST_PREPARE,  // from a cluster: it is to be taken some time
    WF_POST_FOLLOW,   // from a cluster: read on what another node's has come to

    // To several.
    WF_POST_FENCE,     // from the supervisor: leave the store
    WF_POST_RESUME,    // from the supervisor: the store is there again
    WF_POST_ELSEWHERE, // from the supervisor: it is another node's (to shards)
    WF_POST_STOP,      // end when everything before this is done
};

// Why requests are refused. Several may hold at once.
enum wf_refusal {
    WF_REFUSAL_STALLED = 1, // the store takes no writes: WEFT_EBUSY
    WF_REFUSAL_FULL = 2,    // the disk is nearly full: WEFT_EFULL
    WF_REFUSAL_CLOSED = 4,  // the node drains or closes: WEFT_ECLOSED
    WF_REFUSAL_MEMORY = 8,  // weft holds too much memory: WEFT_EBUSY
};

#define WF_POST_ALL_STORES UINT32_MAX

// One caller's question to one shard; lives until `answered` was waited for.
struct wf_post_stats {
    struct wf_partition_stats *stats; // to be added to
    sem_t *answered;
};

// A request that waits, by its actor and its id.
struct wf_post_withdrawn {
    struct wf_key key; // owned
    uint8_t client[16];
    uint64_t number;
};

struct wf_post {
    struct wf_mpsc_node queue;
    struct wf_list_node kept; // while the shard puts it off
    enum wf_post_type type;
    uint32_t partition; // of those to its shard, and of WF_POST_MEET
    uint32_t store;     // of those about a store
    union {
        struct wf_request *request;
        struct wf_post_withdrawn withdrawn;
        struct wf_buf frame;
        struct wf_task *task;
        struct wf_beat *beat;
        struct wf_load *load;
        struct wf_partition *recovered;
        struct wf_job *job; // the post is part of the job: not to be freed
        struct wf_post_stats stats;
        uint64_t mark;
        uint64_t log_bytes;
        struct {
            enum wf_refusal why;
            bool is_on;
        } refuse;
    } u;
};

struct wf_post *wf_post_create(enum wf_post_type type);

// Frees the post and not what it carries; NULL is fine.
void wf_post_destroy(struct wf_post *post);

// The next one, or NULL.
struct wf_post *wf_post_pop(struct wf_mpsc *inbox);
void wf_post_push(struct wf_mpsc *inbox, struct wf_post *post);

// Push a post that is about a store and carries nothing.
void wf_post_tell(struct wf_mpsc *inbox, enum wf_post_type type,
                  uint32_t store);

#endif
