// SPDX-License-Identifier: Apache-2.0
//
// partition.h - the pure core: messages in, turns run, effects out.
//
// A partition does no I/O, asks no clock, starts no thread and holds no lock.
// Whoever owns it (a shard, or the simulator) feeds it events and carries away
// what it puts out:
//
//     events  request, frame, task, beat, load, tick, committed
//               |
//               v
//            partition  -- seal -->  one segment + rows --> log
//               |                                            |
//               v   (only what is durable)   <-- committed --+
//     outputs  replies, frames, tasks, loads
//
// The output gate is inside: a reply, frame, task or step is put out only when
// the record it depends on is durable. So outputs may be carried away at any
// time, without a thought.
//
// Threads: one at a time; always the same one while stacks live.

#ifndef WF_RUNTIME_PARTITION_H
#define WF_RUNTIME_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "base/list.h"
#include "base/trace.h"
#include "weft/definitions.h"
#include "weft/error.h"

struct wf_batch;
struct wf_beat;
struct wf_kind;
struct wf_load;
struct wf_request;
struct wf_segment;
struct wf_stack_pool;
struct wf_tally;
struct wf_task;

struct wf_partition;

// What a partition tells whoever watches for crashes and slow turns: user code
// begins (key and what), and has ended (key NULL). Borrowed for the call.
typedef void wf_watch_fn(void *ctx, const struct wf_key *key, const char *what);
// And whoever measures turns: one has ended, of this kind; NULL if it is not
// registered, or it was a step.
typedef void wf_turned_fn(void *ctx, const struct wf_kind *kind);

struct wf_partition_options {
    uint32_t index;
    uint32_t count;          // of partitions in the system
    uint64_t incarnation;    // new for every partition made in this process
    uint32_t record_version; // to be written; 0: the newest
    const weft_definitions *definitions; // borrowed
    struct wf_stack_pool *stacks;        // borrowed; shared within a thread
    const struct wf_trace *trace;        // borrowed
    uint64_t log_bytes;     // of the store's log, before what is recovered
    int64_t window_bytes;   // <= 0: save every row at once
    uint32_t residents_max; // idle actors kept by this partition
    uint32_t stacks_max;    // idle stacks kept by this partition
    uint32_t share_bytes;   // of one actor in a segment; 0: WF_SHARE_BYTES
    uint64_t hash_seed; // of tables in memory: who chooses keys does not know
                        // which of them collide. Nothing that lasts has it
    bool is_paranoid;   // drop and replay every stack after every turn
    bool is_restored;   // its log lost its end, or is a copy: other partitions
                        // may have seen what it never sent
    struct wf_tally *tally; // where to count; borrowed; or NULL
    wf_watch_fn *watch;     // or NULL
    wf_turned_fn *turned;   // or NULL
    void *watch_ctx;        // of both
};

struct wf_partition *
wf_partition_create(const struct wf_partition_options *options);
// Drops everything in memory. Requests it holds are put on *out_requests (a
// list through request->wait), for the owner to ask again or answer; tasks that
// workers have are marked abandoned. NULL is fine.
void wf_partition_destroy(struct wf_partition *partition,
                          struct wf_list *out_requests);

// Recovery, in this order: meta, rows, records, open. ----------------------

// The partition's meta row; not called if there is none.
//
// WEFT_ECORRUPT, WEFT_EFORMAT
weft_err wf_partition_recover_meta(struct wf_partition *partition,
                                   weft_bytes value);
// The epoch that a meta row, of no partition in memory, has come to.
//
// WEFT_ECORRUPT, WEFT_EFORMAT
weft_err wf_partition_meta_epoch(weft_bytes value, uint64_t *out_epoch);
// Each row of its link and window ranges (keys.h: 'l', 'o', 'w').
weft_err wf_partition_recover_row(struct wf_partition *partition,
                                  weft_bytes key, weft_bytes value);
// Each segment of it in the log, oldest first, with its commit's number.
//
// WEFT_ECORRUPT   a gap, a broken chain, or a record that does not decode
weft_err wf_partition_recover_segment(struct wf_partition *partition,
                                      uint64_t commit,
                                      const struct wf_segment *segment);
// Of a shared log, before the check: it was acquired in this epoch, and is to
// be opened in it. Segments may have been given before that was known.
void wf_partition_recover_as(struct wf_partition *partition, uint64_t epoch);
// After the last segment: does the log reach as far as the rows?
//
// WEFT_ECORRUPT   its end is missing
// WEFT_EBUSY      of a shared log: somebody has acquired it after us
weft_err wf_partition_recover_check(const struct wf_partition *partition);
// Begin: a new epoch, which is a record that the first commit carries. Nothing
// is put out before that is durable. Actors with work load by themselves.
void wf_partition_open(struct wf_partition *partition, uint64_t now_ms);

// The newest epoch that was begun in what was recovered.
uint64_t wf_partition_recovered_epoch(const struct wf_partition *partition);
// The newest time in what was recovered; the clock must not begin before it.
uint64_t wf_partition_recovered_ms(const struct wf_partition *partition);

// The process died while this actor's user code was on the faulting thread.
// Called after open and before any event; or before open, and then a part of
// what the first commit of the epoch carries. how: "SIGSEGV in its turn (signal
// pay)".
void wf_partition_blame(struct wf_partition *partition,
                        const struct wf_key *key, const char *how);

// Events. now_ms never goes back. ------------------------------------------

void wf_partition_request(struct wf_partition *partition, uint64_t now_ms,
                          struct wf_request *request); // takes it
// A request about this actor that waits (result, ask) was marked is_withdrawn:
// it is answered with WEFT_ECANCELLED, soon or with others.
void wf_partition_withdraw(struct wf_partition *partition, uint64_t now_ms,
                           const struct wf_key *key, const uint8_t client[16],
                           uint64_t number);
void wf_partition_frame(struct wf_partition *partition, uint64_t now_ms,
                        weft_bytes frame); // borrowed
// The other partition has come to another node: what it does not have is sent
// again, and asked of it, now.
void wf_partition_meet(struct wf_partition *partition, uint64_t now_ms,
                       uint32_t other);
void wf_partition_task(struct wf_partition *partition, uint64_t now_ms,
                       struct wf_task *task); // takes it
void wf_partition_beat(struct wf_partition *partition, uint64_t now_ms,
                       struct wf_beat *beat); // takes it
void wf_partition_load(struct wf_partition *partition, uint64_t now_ms,
                       struct wf_load *load); // takes it
// Fire what is due.
void wf_partition_tick(struct wf_partition *partition, uint64_t now_ms);
// Run up to WF_TURNS_PER_STEP turns of actors that are ready, and inline
// steps. Returns how many.
uint32_t wf_partition_run(struct wf_partition *partition, uint64_t now_ms);

// Commit. -------------------------------------------------------------------

// Is there anything that should be committed now?
bool wf_partition_wants_commit(const struct wf_partition *partition,
                               uint64_t now_ms);
// Does anybody wait for it who asks for little, or the log? What others want
// committed may wait a few milliseconds for company.
bool wf_partition_is_awaited(const struct wf_partition *partition);
// Records may be of this version from now on; it does not go back.
void wf_partition_allow(struct wf_partition *partition,
                        uint32_t record_version);
// Cut what is open: append its segment's frame to `frames` and the rows to be
// saved with it to `rows`. False: there was nothing, nothing was appended. One
// seal is under way at a time: the next one only after committed. With
// save_all, every row that is not saved is (at close).
bool wf_partition_seal(struct wf_partition *partition, uint64_t now_ms,
                       bool save_all, struct wf_buf *frames,
                       struct wf_batch *rows);
// What was sealed is durable, as commit number `commit`. log_bytes: bytes of
// log written by all partitions of the store so far; rows are saved by it.
// (There is no event for failure: a partition whose commit is in doubt is
// destroyed and recovered.)
void wf_partition_committed(struct wf_partition *partition, uint64_t now_ms,
                            uint64_t commit, uint64_t log_bytes);

// Commits below this are not needed to recover the partition, once the rows of
// all commits up to now are safe. UINT64_MAX: none is needed.
uint64_t wf_partition_redo_commit(const struct wf_partition *partition);

// Refuse requests that would add work with err (WEFT_EFULL, WEFT_EBUSY,
// WEFT_ECLOSED), or with WEFT_OK take them again.
void wf_partition_refuse(struct wf_partition *partition, weft_err err);

// There is too little memory, or no longer: what changed is saved without
// waiting for the window, and actors at rest are let go, some with each call.
// True if some were.
bool wf_partition_press(struct wf_partition *partition, bool is_pressed);

// Outputs. ------------------------------------------------------------------

// A frame on its way to another partition (or this one).
struct wf_frame {
    struct wf_list_node node;
    uint32_t destination;
    struct wf_buf bytes;
};

void wf_frame_destroy(struct wf_frame *frame);

// Lists to be emptied by the owner after every call above: requests (through
// wait; call request->done), frames, tasks and loads (through node).
struct wf_outputs {
    struct wf_list replies;
    struct wf_list frames;
    struct wf_list tasks;
    struct wf_list loads;
};

struct wf_outputs *wf_partition_outputs(struct wf_partition *partition);

// When tick should be called at the latest; UINT64_MAX: not needed.
uint64_t wf_partition_next_due(const struct wf_partition *partition);
// Are turns or steps ready to run?
bool wf_partition_is_ready(const struct wf_partition *partition);
// The same of those that have waited: not of actors that go on and on.
bool wf_partition_is_fresh(const struct wf_partition *partition);
// Do some wait for the segment to be sealed, because they have done much in it?
bool wf_partition_is_spent(const struct wf_partition *partition);

struct wf_partition_stats {
    uint64_t turns, records, rows_saved, log_bytes;
    uint64_t actors_resident, stacks_resident, actors_parked;
    uint64_t activities_started, activities_running;
    uint64_t dead_letters, loads, evictions, replays, audit_failures;
};

// Adds to *stats.
void wf_partition_add_stats(const struct wf_partition *partition,
                            struct wf_partition_stats *stats);

// Assert every invariant; and count in audit_failures each live actor in memory
// that nothing would wake. Returns how many there are now.
uint64_t wf_partition_audit(struct wf_partition *partition);

#endif
