// SPDX-License-Identifier: Apache-2.0
//
// depot.h - one store of a node, with its log and its beacon.
//
//     DATA_DIR/store-N          the store
//     DATA_DIR/store-N.beacon   what it held when it was last looked at
//
// In a cluster there is a store for each partition, its log is the partition's
// part of the shared one, and there is no beacon (depot_shared.c).
//
// Life:     init -> open -> (reopen) -> close -> fini.
// Threads:  open, reopen and close while nobody else uses it; append from the
//           committer's; the rest from any, as each says.

#ifndef WF_RUNTIME_DEPOT_H
#define WF_RUNTIME_DEPOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

#include "base/clock.h"
#include "base/counter.h"
#include "storage/manifest.h"

struct wf_beacon;
struct wf_beacon_state;
struct wf_commit;
struct wf_log;
struct wf_shared_log;
struct wf_store;
struct wf_trace;

// Of everything in a data directory; another one is refused.
#define WF_DEPOT_FORMAT 1

struct wf_depot_options {
    uint32_t index;           // of this store
    uint32_t count;           // of stores
    uint32_t partition_count; // of the system
    const char *data_dir;     // copied; NULL: no files but those of open_store
    // NULL: RocksDB in data_dir.
    weft_err (*open_store)(void *ctx, uint32_t store,
                           struct wf_store *out_store);
    // The log of a cluster; NULL: each store has its own. The store is then
    // partition `index`'s.
    const struct wf_shared_log *shared;
    const uint8_t *cluster_id; // 16 bytes
    // Of a cluster: the store is closed, and of no use any more. Make it what
    // the newest snapshot says, or nothing at all if there is none.
    weft_err (*restore)(void *ctx, uint32_t store, const char *dir);
    void *ctx; // of both
    // The beacon says how far that store had got too, so that one which comes
    // back as it was earlier, its own beacon with it, is found out. NULL: none.
    struct wf_depot *next;
    bool is_strict; // a beacon with every commit
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed
};

#define WF_DEPOT_COMMIT_NS 1000
#define WF_DEPOT_COMMIT_BYTES 64
#define WF_DEPOT_COMMIT_SEGMENTS 1

struct wf_depot {
    struct wf_depot_options options;
    char *dir;         // NULL without files
    char *beacon_path; // the same
    char name[16];     // "store-0", for traces

    struct wf_store *store; // NULL while it is closed
    struct wf_log *log;     // the same
    uint8_t id[16];
    uint64_t epoch; // of a cluster: that it was acquired in last; else 0
    uint64_t opens; // how often the store was opened
    bool is_new;    // open found no store: wf_depot_found is to come
    bool has_lost;  // a loss was found and accepted

    // Numbers that others read.
    _Atomic uint64_t durable;   // last commit known durable
    _Atomic bool is_stopped;    // of a cluster: the log has gone back
    _Atomic uint64_t log_bytes; // of segments: recovered, and written since
    _Atomic uint64_t commits;   // since the node was opened
    // The same, and of what was written; the units are below.
    struct wf_histogram commit_ns;
    struct wf_histogram commit_bytes;
    struct wf_histogram commit_segments;
    wf_counter written_bytes; // of segments
    wf_counter beacons;       // written under beacon_lock

    pthread_mutex_t queue_lock;  // held while waiting for the next one
    pthread_mutex_t append_lock; // held while the store's log is written
    bool is_doubtful; // a write failed: what the log ends in is not known
    pthread_rwlock_t open_lock;  // held for writing while it is reopened
    pthread_mutex_t beacon_lock; // over what follows
    struct wf_beacon *beacon;
    uint64_t beacon_commit;             // what the beacon says
    struct wf_manifest beacon_manifest; // the same
    uint64_t beacon_next;               // the same
    bool has_beacon;                    // it says something
};

void wf_depot_init(struct wf_depot *depot,
                   const struct wf_depot_options *options);
void wf_depot_fini(struct wf_depot *depot); // closed before

// Check the beacon, open the store and its log, check what they say. On
// failure it is closed. In a cluster the partition is acquired first, in an
// epoch of its own, and a store that is too old is restored.
//
// WEFT_EBUSY     of a cluster: the partition is another node's
// WEFT_EFORMAT   another format, or other counts of partitions or stores
// WEFT_ELOST     behind its beacon, or the beacon is missing; not with
//                accept_loss
// else           what the store says
weft_err wf_depot_open(struct wf_depot *depot, bool accept_loss);

// When all stores are open: has `next` got as far as depot's beacon says?
//
// WEFT_ELOST   it has not; not with accept_loss
weft_err wf_depot_check_next(struct wf_depot *depot, struct wf_depot *next,
                             bool accept_loss);

// Write the rows that make an empty store one of ours. depot_rows.c
weft_err wf_depot_found(struct wf_depot *depot, const uint8_t id[16]);
// Is it one of ours, made as we would make it? Sets is_new and id. For open.
//
// WEFT_EFORMAT, WEFT_ECORRUPT
weft_err wf_depot_check_rows(struct wf_depot *depot);

// depot_beacon.c. For open: what can be known before the store is opened;
// *out_has: there is a beacon. And, by what that said, what only after.
//
// WEFT_ELOST   something is missing; not with accept_loss
weft_err wf_depot_check_beacon(struct wf_depot *depot, bool accept_loss,
                               struct wf_beacon_state *out_state,
                               bool *out_has);
weft_err wf_depot_check_last(struct wf_depot *depot, bool accept_loss,
                             const struct wf_beacon_state *state,
                             bool has_beacon);
// For close. And for a copy of the store in `dir`, that of `path`.
void wf_depot_close_beacon(struct wf_depot *depot);
weft_err wf_depot_make_beacon(const struct wf_depot *depot, const char *path,
                              const char *dir, uint64_t commit);

// depot_shared.c: acquire the partition, open the store and its log. For open.
weft_err wf_depot_open_shared(struct wf_depot *depot);
// depot.c: the store alone. For open.
weft_err wf_depot_open_store(struct wf_depot *depot);
void wf_depot_close_store(struct wf_depot *depot);
void wf_depot_close_log(struct wf_depot *depot);
void wf_depot_note(const struct wf_depot *depot, const char *verb,
                   const char *text);
// depot.c: a commit has become durable in took_ns.
void wf_depot_count(struct wf_depot *depot, const struct wf_commit *commit,
                    uint64_t took_ns);

// After an unclear write: close, open with the same checks, so that what the
// write-ahead log brings back is in synced files, and commit an empty barrier.
weft_err wf_depot_reopen(struct wf_depot *depot);

void wf_depot_close(struct wf_depot *depot); // closed already is fine

enum wf_depot_result {
    WF_DEPOT_DURABLE,
    WF_DEPOT_REFUSED, // nothing was written: the same again, later
    WF_DEPOT_FENCED,  // nothing was written: the partition is another node's
    WF_DEPOT_IN_DOUBT,
};

// Write a commit; with is_strict the beacon too. Sets commit->number.
enum wf_depot_result wf_depot_append(struct wf_depot *depot,
                                     struct wf_commit *commit);

// Of a cluster: write a commit to each of several stores at once.
void wf_depot_append_all(struct wf_depot *const *depots,
                         struct wf_commit *commits,
                         enum wf_depot_result *out_results, uint32_t count);
// Of a cluster, when nobody uses the store: any node may acquire the partition
// from now on.
weft_err wf_depot_release(struct wf_depot *depot);
// Of a cluster, of a partition that another node has: open the store, restored
// if it is too old, and its log to read from, which wf_depot_rest closes. As
// for open, nobody else uses it.
//
// else   as wf_depot_open
weft_err wf_depot_follow(struct wf_depot *depot);
// When nobody uses the store: its log is not used any more. The store stays
// open, so that it is taken again in no time. Waits for who holds open_lock.
void wf_depot_rest(struct wf_depot *depot);
// Of a cluster: open the store before its partition is taken. If it cannot be,
// that is said when it is taken.
void wf_depot_warm(struct wf_depot *depot);

// Nobody writes to the store's log until it is let go. In the order in which
// they ask: who commits all the time does not keep others out.
void wf_depot_hold(struct wf_depot *depot);
void wf_depot_let_go(struct wf_depot *depot);

// Write what is durable into the beacon, if it does not say so yet. Nothing is
// said of a store in doubt. Any thread; waits for the commit being written.
weft_err wf_depot_write_beacon(struct wf_depot *depot);

// Make all rows safe, then forget the commits below `to`. Beside commits.
// WEFT_EIO or WEFT_ECLOSED: the store must be reopened.
weft_err wf_depot_trim(struct wf_depot *depot, uint64_t to);
// Give a piece of the disk back that the store needs no more. Is there more?
bool wf_depot_sweep(struct wf_depot *depot);
// At the end: make rows safe, write the beacon. A store that is closed or in
// doubt is left as it is.
weft_err wf_depot_finish(struct wf_depot *depot);
uint64_t wf_depot_first(struct wf_depot *depot); // oldest commit kept

// Copy a running store to data_dir, which exists, with a beacon. Any thread
// that holds open_lock for reading.
//
// WEFT_ECLOSED   it is being reopened, or has to be
weft_err wf_depot_backup(struct wf_depot *depot, const char *data_dir);
// Of a cluster: the same to `dir` itself, without a beacon. It needs the log
// from *out_redo_from on, and has rows of no commit after *out_last.
weft_err wf_depot_checkpoint(struct wf_depot *depot, const char *dir,
                             uint64_t *out_redo_from, uint64_t *out_last);

#endif
