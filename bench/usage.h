// SPDX-License-Identifier: Apache-2.0
//
// usage.h - what this process, and a node in it, has used so far.
//
// Processor time is from /proc/self/task, by the names of threads. Bytes and
// syncs are from the node's metrics: bytes are those of commits, log and rows
// as they are given to the store, so before its own framing and before any
// compaction; a sync is that of a commit or a beacon. What RocksDB flushes and
// compacts behind is in neither.

#ifndef WF_BENCH_USAGE_H
#define WF_BENCH_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"
#include "weft/node.h"

#define USAGE_THREADS_MAX 512

struct usage_thread {
    int id; // 0: of several, by name
    char name[16];
    uint64_t cpu_ns;
};

struct usage {
    struct usage_thread threads[USAGE_THREADS_MAX];
    uint32_t threads_count;
    uint64_t cpu_ns; // of the process, threads that have ended too
    bool has_node;
    double written_bytes;
    double syncs;
};

// Take it. node may be NULL: it runs elsewhere.
weft_err usage_take(weft_node *node, struct usage *out_usage);

// What was used from before to after; threads of one name are one.
void usage_between(const struct usage *before, const struct usage *after,
                   struct usage *out_used);

// Of the process: the most it ever had in memory, and what it has now.
uint64_t usage_peak_bytes(void);
uint64_t usage_resident_bytes(void);

#endif
