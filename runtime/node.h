// SPDX-License-Identifier: Apache-2.0
//
// node.h - the node, as clients and tests inside the library see it.
//
// The second half is for tests: a node whose clock, stores and link are given
// from outside, and which has no threads of its own, so that a whole node runs
// in one thread, step by step, and the same way each time.

#ifndef WF_RUNTIME_NODE_H
#define WF_RUNTIME_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "weft/activity.h"
#include "weft/definitions.h"
#include "weft/node.h"

struct weft_metrics;
struct wf_activity_kind;
struct wf_link;
struct wf_request;
struct wf_routes;
struct wf_shared_log;
struct wf_store;
struct wf_task;
struct wf_trace;

// For clients. Any thread. ---------------------------------------------------

// Give a request to its partition; takes it. request->done is called exactly
// once, on a thread of the node or, if the node takes no calls any more, on
// this one before the call returns.
void wf_node_post_request(weft_node *node, struct wf_request *request);

// Nobody waits any more for the answer of a request that was posted and is not
// done: one that waits for an instance (result, ask) is answered soon, and
// done. On the thread that will free it.
void wf_node_withdraw(weft_node *node, struct wf_request *request);

uint32_t wf_node_partition_count(const weft_node *node);
const weft_definitions *wf_node_definitions(const weft_node *node);
struct wf_clock wf_node_clock(const weft_node *node);
// Random bits; the same ones each time if the node was given a seed.
uint64_t wf_node_random(weft_node *node);
// Its name in its cluster, as long as it is open; "" if it has none.
const char *wf_node_name(const weft_node *node);
// Where its clients find partitions, by now: the version, 0 if it has no
// cluster; and a copy.
uint64_t wf_node_routes_version(const weft_node *node);
void wf_node_copy_routes(weft_node *node, struct wf_routes *out_routes);
// A caller waits until is_over(arg), at most timeout_ms. False: the node has
// threads, so sleep; else it was stepped until then, or in vain.
bool wf_node_wait(weft_node *node, bool (*is_over)(void *arg), void *arg,
                  uint32_t timeout_ms);
// True: the request was not answered but lost in a crash, after which the node
// asks it again. Takes it then.
bool wf_node_asks_again(weft_node *node, struct wf_request *request);

// For a cluster. Any thread. --------------------------------------------------

// A node of a cluster has no partition when it opens; they are taken and given
// away while it runs (docs/design/0009-a-node-of-a-cluster.md). Everything here
// is called on threads of the node; none of it may block.
struct wf_node_cluster {
    const struct wf_shared_log *log; // NULL: the node is alone
    const uint8_t *id;               // of the cluster, 16 bytes
    const char *name;                // of the node
    // As in depot.h; on the supervisor's thread, and may block.
    weft_err (*restore)(void *ctx, uint32_t partition, const char *dir);
    // A frame for a partition that is not here. Takes the bytes.
    void (*send)(void *ctx, uint32_t partition, struct wf_buf *frame);
    // Somebody else has the request's partition. Takes it.
    void (*elsewhere)(void *ctx, struct wf_request *request);
    // Nobody wants the answer any more of one that `elsewhere` may have taken.
    void (*withdraw)(void *ctx, struct wf_request *request);
    // The partition runs here, in this epoch; or, 0, it is another node's from
    // now on, or nobody's.
    void (*moved)(void *ctx, uint32_t partition, uint64_t epoch);
    // The partition can be taken in no time now; or preparing failed, and it
    // makes no difference. On the supervisor's thread.
    void (*prepared)(void *ctx, uint32_t partition);
    // The copy of a partition that is followed has come to this commit; 0:
    // there is none, and that is said. On the supervisor's thread.
    void (*copied)(void *ctx, uint32_t partition, uint64_t commit);
    // Put numbers of its own beside the node's. Any thread; NULL: it has none.
    void (*metrics)(void *ctx, struct weft_metrics *metrics);
    // The node drains: give everything away, and wait for it so long. False: it
    // took longer. On the thread that drains.
    bool (*drain)(void *ctx, uint32_t timeout_ms);
    // The node begins to close: nothing may be taken or given any more. Its
    // threads have ended: nothing here is called any more, but what it was
    // asked may still be answered. It is freed. All on the thread that closes.
    void (*closing)(void *ctx);
    void (*ended)(void *ctx);
    void (*closed)(void *ctx);
    void *ctx;
    uint64_t copies_bytes; // of log that copies may hold in memory
};

// Take the partition, if nobody else has it; and run it. Tried once; `moved`
// says that it went well.
void wf_node_take(weft_node *node, uint32_t partition);
// It is to be taken some time, from another node that has it now: do what can
// be done before, and say `prepared`. Nothing if it is here. Giving it up ends
// that.
void wf_node_prepare(weft_node *node, uint32_t partition);
// Another node has it, and this one keeps a warm copy, so that it can be taken
// in no time if that node is lost: read on, and say `copied`. Nothing if it is
// here. Giving it up ends the copy.
void wf_node_follow(weft_node *node, uint32_t partition);
// Give it up: make nothing more durable for it, release it, hand over what
// waits for it. Nothing if it is not here.
void wf_node_give(weft_node *node, uint32_t partition);
// Until then, of clock.mono_ns, no other node may take what this one has. After
// it reads are refused; what is committed the log decides.
void wf_node_set_lease(weft_node *node, uint64_t until_ns);
// Records may be of this version from now on; it does not go back. Before, the
// oldest.
void wf_node_set_record_version(weft_node *node, uint32_t version);
// Where clients find partitions from now on; takes what it holds.
void wf_node_set_routes(weft_node *node, struct wf_routes *routes);
// Does it run here? By the time it is said, it may be over.
bool wf_node_is_here(const weft_node *node, uint32_t partition);
// How far its log is: its last commit, and bytes that this process has read or
// written of it, ever. False: it is not here.
bool wf_node_log_size(const weft_node *node, uint32_t partition,
                      uint64_t *out_commit, uint64_t *out_bytes);
// What a copy of a partition's store is.
struct wf_node_checkpoint {
    uint64_t epoch;     // in which the partition ran then
    uint64_t redo_from; // first commit that is needed to go on from it
    uint64_t last;      // newest commit whose rows it may have
};
// Copy the partition's store to `dir`, which must not exist, while it runs.
//
// WEFT_EBUSY   it is not here, or being opened anew
// WEFT_EIO     the detail says what; dir may be there
weft_err wf_node_checkpoint(weft_node *node, uint32_t partition,
                            const char *dir,
                            struct wf_node_checkpoint *out_checkpoint);
// A frame has come for a partition; copied.
void wf_node_deliver(weft_node *node, uint32_t partition, weft_bytes frame);
// This partition is somewhere else now: what partitions here have sent to it
// in vain is sent again.
void wf_node_meet(weft_node *node, uint32_t partition);

// For tests. -----------------------------------------------------------------

// What a test, or a cluster, puts in place of the world. All zero is the real
// world.
struct wf_node_seams {
    struct wf_clock clock; // wall_ms NULL: the system's
    uint64_t seed;         // of all chance; 0: the operating system's
    // Open store `store`; NULL: RocksDB in the data directory. With it, the
    // node touches no file at all: no lock, no beacon, no black box.
    weft_err (*open_store)(void *ctx, uint32_t store,
                           struct wf_store *out_store);
    // Put something in front of the link; *link is replaced.
    void (*wrap_link)(void *ctx, struct wf_link *link);
    // Free bytes of the disk; NULL: what statvfs says of the data directory.
    uint64_t (*free_bytes)(void *ctx);
    const struct wf_trace *trace; // instead of the options' log; borrowed
    // A caller waits for an answer: step the node until is_over(arg), or for so
    // many ms of its clock. NULL: somebody else steps it meanwhile.
    void (*wait)(void *ctx, bool (*is_over)(void *arg), void *arg,
                 uint32_t timeout_ms);
    // A task goes to the workers. True: taken, and given to them by
    // wf_node_give_task later.
    bool (*take_task)(void *ctx, struct wf_task *task);
    // What is to run for an activity: both may be replaced.
    void (*choose_code)(void *ctx, const struct wf_activity_kind *kind,
                        weft_activity_fn **run, void **context);
    struct wf_node_cluster cluster;
    void *ctx;      // of all of these but the cluster's
    bool is_manual; // no threads: wf_node_step does everything
};

// seams may be NULL.
weft_err wf_node_open_with(const weft_node_options *options,
                           const struct wf_node_seams *seams,
                           weft_node **out_node);

enum wf_node_component {
    WF_NODE_SHARD,
    WF_NODE_COMMITTER,
    WF_NODE_READER,
    WF_NODE_WORKER,
    WF_NODE_HOUSEKEEPING,
    WF_NODE_SUPERVISOR,
    WF_NODE_COMPONENT_COUNT,
};

// How many there are of a component; 1 for those that have no number. A manual
// node has one worker, whatever its options say.
uint32_t wf_node_count(const weft_node *node, enum wf_node_component component);

// Manual nodes: let a component do a part of what it has to do, on the
// caller's thread. Activities run inside a worker's step.
//
// Returns 0 if it did something: step it again. Else in how many milliseconds
// it must be stepped though nobody gives it anything; UINT64_MAX: need not be.
uint64_t wf_node_step(weft_node *node, enum wf_node_component component,
                      uint32_t index);

// Manual nodes: when something falls due on the node's clock; UINT64_MAX:
// never.
uint64_t wf_node_next_due_ms(const weft_node *node);

// Of the partitions that were taken, those that had been read ahead.
uint64_t wf_node_warm_takes(const weft_node *node);

// What take_task took.
void wf_node_give_task(weft_node *node, struct wf_task *task);

// Manual nodes: lose all that is in memory, as a crash would, and recover from
// the stores. Requests under way are asked again. The node stays where it is,
// and so do its clients.
weft_err wf_node_restart(weft_node *node);

// Manual nodes: free the node as a crash would, with nothing saved or flushed.
// Requests are answered with WEFT_EIO. What becomes of writes that were not
// synced is the store's.
void wf_node_crash(weft_node *node);

#endif
