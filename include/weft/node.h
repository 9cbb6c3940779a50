// SPDX-License-Identifier: Apache-2.0
//
// node.h - run a node: one process's share of a weft system.

#ifndef WEFT_NODE_H
#define WEFT_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// A node owns its partitions, their store and its threads.
//
// Life:     open -> (drain) -> close. A node that opened is closed once.
// Threads:  any thread may call any function here at any time, except that
//           close must be the last call made on the node, after every client
//           of it was closed. From a handler, a workflow, a step or a query
//           what waits returns WEFT_EINVAL, and close does nothing.
typedef struct weft_node weft_node;

// One line about something worth knowing: an opened node, a parked actor, a
// slow turn, a disk that fills up. Called from the node's threads; must not
// block and must not call weft.
typedef void weft_log_fn(void *ctx, const char *line);

// What weft_node_open needs to know. Start from WEFT_NODE_OPTIONS_INIT and set
// what differs; zero always means the default given here, unless it says
// otherwise.
typedef struct weft_node_options {
    size_t struct_size;
    const char *data_dir; // required; made if missing, its parents not; held
                          // by one node
    const weft_definitions *definitions; // required; borrowed until close
    uint32_t partition_count;    // 1 to 1024, fixed at first open; default 64
    uint32_t shard_count;        // 1 to 64; default: cores - 1, at least 1
    uint32_t store_count;        // 1 to 64, fixed at first open; default 1
    uint32_t worker_count;       // threads for activities, to 4096; default 16
    uint32_t local_worker_count; // the same, beside them, for local activities
                                 // alone (weft_call_options); default 4
    int64_t window_bytes; // redo log that may be newer than the rows; default
                          // (0) 64 MiB; WEFT_WINDOW_NONE for no window
    uint32_t resident_actors_max; // kept in memory when idle; default 100000
    uint32_t stacks_max;    // workflow stacks kept when idle; default 8000
    uint32_t turn_ms_max;   // a longer turn is reported, not cut; default 100
    uint32_t turn_ms_abort; // a turn that has run so long ends the process, and
                            // its actor is parked at the third time; default
                            // (0): never
    uint64_t reserve_bytes; // intake stops below so much free disk; default
                            // 256 MiB
    uint64_t memory_bytes;  // intake stops while weft's own memory in this
                            // process, without that of stores and stacks, is
                            // above; default: half of the machine's
    int strict;      // 1: the beacon is synced before each acknowledgement
    int accept_loss; // 1: open a store that lost its newest part; see ELOST
    int no_fatal_handler; // 1: install no handler for SIGSEGV and its like
    int paranoid;     // 1: drop and replay every stack after every turn (tests)
    weft_log_fn *log; // default: warnings to stderr
    void *log_ctx;
} weft_node_options;

#define WEFT_WINDOW_NONE (-1)

#define WEFT_NODE_OPTIONS_INIT                                                 \
    {                                                                          \
        .struct_size = sizeof(weft_node_options)                               \
    }

// Open a node and recover what its data_dir holds. When this returns, every
// message that was durable is in its mailbox again or will be once its actor
// is loaded, and overdue timers are firing.
//
// options    copied, strings too, except `definitions`, which is borrowed
//            until weft_node_close
// out_node   set only on success; release with weft_node_close
//
// WEFT_EINVAL    an option is out of range; the detail names it
// WEFT_EBUSY     another process holds data_dir
// WEFT_EFORMAT   data_dir is of another format version, or was made with
//                another partition or store count, or holds something that is
//                not a node's; nothing was changed
// WEFT_ELOST     data_dir is older or shorter than its beacon says: newest
//                commits are missing; accept_loss opens it all the same
// WEFT_ECORRUPT  data_dir fails its checks; nothing in it was changed
// WEFT_EFULL     free disk space is below the reserve
// WEFT_EIO       the disk failed
//
// Blocks while it reads the redo window.
WEFT_API weft_err weft_node_open(const weft_node_options *options,
                                 weft_node **out_node);

// Stop taking new calls and wait until running activities have ended and
// everything accepted is durable. It stays so until it is closed: calls that
// come are answered WEFT_ECLOSED, and clients of a server (serve.h) are told
// that it closes, and wait for another node, or this one anew.
//
// WEFT_ETIMEDOUT  some still run after timeout_ms; they keep running
WEFT_API weft_err weft_node_drain(weft_node *node, uint32_t timeout_ms);

// Close and free the node; NULL is allowed. Activities still running are
// waited for; their calls run again at the next open if they had not ended.
WEFT_API void weft_node_close(weft_node *node);

// Copy a running node's store into a new directory, as of one moment; a node
// opened there goes on from it. `to` must not exist. (weft_inspect_backup asks
// for the same from another process.)
//
// WEFT_EEXISTS  `to` exists
// WEFT_EINVAL   `to` is inside of the node's own directory
// WEFT_EIO      the copy failed and what was written of it was removed
WEFT_API weft_err weft_node_backup(weft_node *node, const char *to);

// Numbers about the node since it was opened.
typedef struct weft_node_stats {
    size_t struct_size;
    uint64_t turns, records, commits, log_bytes, rows_saved;
    uint64_t actors_resident, stacks_resident, actors_parked;
    uint64_t activities_started, activities_running;
    uint64_t dead_letters, loads, evictions, replays;
    uint64_t audit_failures; // actors that nothing would wake: must be 0
} weft_node_stats;

// Set stats->struct_size first.
WEFT_API weft_err weft_node_get_stats(weft_node *node, weft_node_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
