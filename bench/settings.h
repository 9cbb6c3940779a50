// SPDX-License-Identifier: Apache-2.0
//
// settings.h - what weft-bench was asked for.

#ifndef WF_BENCH_SETTINGS_H
#define WF_BENCH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workload;

enum settings_size {
    SIZE_INSTANCES,   // sleepers, timers, accounts, targets of signals
    SIZE_PAYLOAD,     // bytes of each input, signal and result
    SIZE_JOURNAL,     // entries before the replay
    SIZE_CHILDREN,    // of each parent
    SIZE_HOPS,        // of one rally
    SIZE_PARTITIONS,  // as weft_node_options; 0: its default
    SIZE_WINDOW,      // bytes of the redo window
    SIZE_RESIDENTS,   // instances kept in memory; 0: the node's default
    SIZE_STACKS,      // stacks kept; the same
    SIZE_WORKERS,     // threads for activities; the same
    SIZE_SHARDS,      // the same
    SIZE_CONNECTIONS, // clients; 0: one beside the node, 4 over a socket
    SIZE_COUNT
};

struct settings {
    const struct workload *workload;
    const char *data;   // NULL: the node runs elsewhere
    const char *remote; // NULL: clients are beside the node
    double seconds;
    uint32_t concurrency;
    double every; // seconds: a line of JSON for each such part; 0: none
    double rate;  // of what the workload counts, per second; 0: a closed loop
    bool is_synced;
    bool is_json;
    bool is_same_partition;
    bool is_serving; // `serve`: no workload, only the node
    uint64_t sizes[SIZE_COUNT];
};

// Parse the command line. False: it is wrong and stderr has been told, or it
// asked for help, which is printed; *out_status is what to exit with.
bool settings_parse(struct settings *settings, int argc, char **argv,
                    int *out_status);

#endif
