// SPDX-License-Identifier: Apache-2.0
//
// node_impl.h - what the node's own files share.
//
//   node.c           the ways in
//   node_parts.c     the parts, the ports between them
//   node_threads.c   one thread for each
//   node_options.c   checks and defaults
//   node_host.c      what it needs of its host: a directory, room, descriptors
//   node_open.c      from a directory to a running node
//   node_close.c     drain and close
//   node_recover.c   from a store to its partitions
//   node_ahead.c     the same of partitions that another node has still
//   node_metrics.c   what it counts
//   node_backup.c    a copy of a running node
//   node_control.c   such a copy, asked for from outside
//   housekeeping.c   beacon, trim, disk space, watchdog
//   supervisor.c     stores in doubt are opened anew; in a cluster, taken and
//                    given away

#ifndef WF_RUNTIME_NODE_IMPL_H
#define WF_RUNTIME_NODE_IMPL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/key.h"
#include "base/list.h"
#include "base/random.h"
#include "base/trace.h"
#include "runtime/depot.h"
#include "runtime/node.h"
#include "runtime/post.h"
#include "runtime/routes.h"

struct wf_blackbox;
struct wf_committer;
struct wf_housekeeping;
struct wf_loader;
struct wf_partition;
struct wf_partition_stats;
struct wf_shard;
struct wf_supervisor;
struct wf_workers;

// An actor or activity to blame for the end of an earlier process.
struct wf_node_blame {
    struct wf_list_node node;
    struct wf_key key; // owned
    char how[256];
    uint64_t at_ms; // when that code began
};

// A partition that is being made before it is acquired. All zero: nothing is.
struct wf_node_ahead {
    struct wf_partition *partition;
    uint64_t log_bytes;
    uint64_t commit; // last one that was read; 0: none
    uint32_t crc;    // of its segment
    uint64_t opens;  // of the depot, then
    bool has_more;   // of its log may be read at once: only a part was
};

struct wf_node_thread {
    pthread_t thread;
    bool is_started;
    weft_node *node;
    enum wf_node_component component;
    uint32_t index;
};

struct weft_node {
    weft_node_options options; // defaults filled in; data_dir owned
    struct wf_node_seams seams;
    struct wf_clock clock;
    struct wf_trace own_trace;
    const struct wf_trace *trace; // the seams', or own_trace

    int lock_fd; // -1: none
    struct wf_blackbox *box;
    bool handles_signals;
    struct wf_list blames;

    struct wf_depot *depots;          // by store
    struct wf_committer **committers; // one for each store, or for all
    uint32_t committers_count;
    struct wf_supervisor **supervisors; // a store is one's: node_parts.c
    uint32_t supervisors_count;
    atomic_bool *are_here;           // by partition: it runs on this node
    _Atomic uint64_t lease_until_ns; // of a cluster
    _Atomic uint32_t record_version; // newest that may be written
    _Atomic uint64_t takes;          // of partitions; the supervisors'
    _Atomic uint64_t warm_takes;     // of those, what was read ahead was used
    _Atomic uint64_t losses;         // of those, given away or taken by others
    struct wf_shard **shards;
    struct wf_loader *loader;
    struct wf_workers *workers;
    bool are_workers_stopped;
    struct wf_housekeeping *housekeeping;
    struct wf_link *link;

    struct wf_node_thread *threads; // shards, committers, loader, housekeeping
    uint32_t threads_count;
    sigset_t host_signals; // the mask of the thread that opened the node

    bool is_restarting;
    struct wf_list lost; // requests to be asked again after that

    atomic_bool is_refusing; // takes no requests
    atomic_bool is_closing;
    atomic_bool was_in_doubt; // a commit of this node was
    bool is_restored; // while it opens: its stores are not what they once were
    _Atomic uint64_t incarnations;
    _Atomic uint64_t marks;
    pthread_mutex_t random_lock;
    pthread_mutex_t backup_lock; // held by who makes a backup
    struct wf_random random;
    uint64_t hash_seed; // of its partitions
    pthread_mutex_t routes_lock;
    struct wf_routes routes;
    _Atomic uint64_t routes_version; // theirs
};

// node_options.c: check `given` and fill in defaults. data_dir is copied.
weft_err wf_node_read_options(const weft_node_options *given,
                              const struct wf_node_seams *seams,
                              weft_node_options *out);

// node_recover.c: make the partitions of a store that is open, from its rows
// and its log; out_partitions is by partition index, others are left alone.
// On failure none is left. Adds what was read of the log to the depot's.
// What was read ahead (may be NULL) is used up, if it is of any use.
weft_err wf_node_recover(weft_node *node, struct wf_depot *depot,
                         struct wf_node_ahead *ahead,
                         struct wf_partition **out_partitions);
// Of a cluster: read the depot's partition, which another node has, up to the
// end of its log, which goes on growing; again: what has come since. After
// bytes_max it stops (has_more). *out_count is of the commits that were read.
// On failure nothing is read ahead.
weft_err wf_node_read_ahead(weft_node *node, struct wf_depot *depot,
                            uint64_t bytes_max, struct wf_node_ahead *ahead,
                            uint32_t *out_count);
void wf_node_forget_ahead(struct wf_node_ahead *ahead);

// node_ahead.c: read ahead what another node's partition is made of.
// It is to be taken: until little is left.
weft_err wf_node_ahead_prepare(weft_node *node, struct wf_depot *depot,
                               struct wf_node_ahead *ahead);
// It may have to be: a part of what has come since, and of bytes_max at most.
// *out_commit: newest one of the copy.
weft_err wf_node_ahead_follow(weft_node *node, struct wf_depot *depot,
                              uint64_t bytes_max, struct wf_node_ahead *ahead,
                              uint64_t *out_commit);

// node_parts.c
// Is it one of several, whose log they share?
static inline bool
wf_node_is_shared(const weft_node *node)
{
    return node->seams.cluster.log != NULL;
}
struct wf_committer *wf_node_committer_of(const weft_node *node,
                                          uint32_t store);
struct wf_supervisor *wf_node_supervisor_of(const weft_node *node,
                                            uint32_t store);
// Of the log of one store.
int64_t wf_node_window_bytes(const weft_node *node);
uint32_t wf_node_shard_of(const weft_node *node, uint32_t partition);
// The box is there; the depots are not opened yet.
weft_err wf_node_make_parts(weft_node *node);
// Threads have ended. Requests that are left are answered with err.
void wf_node_destroy_parts(weft_node *node, weft_err err);

// node_threads.c
struct wf_mpsc *wf_node_inbox(weft_node *node, enum wf_node_component component,
                              uint32_t index);
weft_err wf_node_start_threads(weft_node *node);
void wf_node_join_threads(weft_node *node, enum wf_node_component component);
// Was the part told to end, and has it? Its own thread, or after it.
bool wf_node_has_ended(weft_node *node, enum wf_node_component component,
                       uint32_t index);

// node_host.c
// Held until the node is destroyed. Nothing, if it has none.
//
// WEFT_EBUSY     another node holds it
// WEFT_EFORMAT   it holds something that is no node's
weft_err wf_node_lock_directory(weft_node *node);
// WEFT_EFULL     less is free than what is to be left
weft_err wf_node_check_space(weft_node *node);
// Inboxes need a descriptor each, and take it for granted.
//
// WEFT_EBUSY     there are not enough
weft_err wf_node_check_descriptors(const weft_node *node);
// Who is to blame for the end of an earlier process is in node->blames then.
weft_err wf_node_open_box(weft_node *node);

// node_close.c
// Frees the node, of which not all needs to be there; threads have ended.
void wf_node_destroy(weft_node *node, weft_err err);
// As weft_node_close, also if not all threads could be started.
void wf_node_shut_down(weft_node *node);

// node.c
void wf_node_note(const weft_node *node, enum wf_trace_level level,
                  const char *who, const char *verb, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
// Add up what the shards say; each is waited for.
void wf_node_ask_shards(weft_node *node, struct wf_partition_stats *stats);
uint64_t wf_node_free_bytes(weft_node *node); // UINT64_MAX: not known
// Tell all shards.
void wf_node_refuse(weft_node *node, uint32_t store, enum wf_refusal why,
                    bool is_on);

#endif
