// SPDX-License-Identifier: Apache-2.0
//
// rig.h - a directory, a node on it, and counters to see what is left of them.

#ifndef WF_TESTS_CRASH_RIG_H
#define WF_TESTS_CRASH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

#define RIG_COUNTERS 40

struct rig {
    const char *dir;
    weft_definitions *definitions;
    weft_node *node;
    weft_client *client;
    weft_node_options options; // may be changed before each open
};

// The kind of support/counter.h; more kinds may be added to
// rig->definitions before the first open.
void rig_init(struct rig *rig, const char *dir);
void rig_fini(struct rig *rig); // closes what is open

weft_err rig_try_open(struct rig *rig);
// These fail the test if they cannot. Not for forked children.
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
// Refused with this error, and a detail that has this in it?
void rig_refused(struct rig *rig, weft_err err, const char *detail);

// Every counter counts `times` more, each acknowledged.
weft_err rig_add(struct rig *rig, uint32_t times);
weft_err rig_read(struct rig *rig, uint32_t counter, uint64_t *out_value);
uint64_t rig_sum(struct rig *rig); // of all; fails the test if it cannot

// Run a command; fails the test if it fails.
__attribute__((format(printf, 1, 2))) void rig_shell(const char *format, ...);

// In a process of its own: open, add, wait until the beacon knows of it all,
// and be killed with the node open.
void rig_die(struct rig *rig, uint32_t times);
// In a process of its own: try to open, and give the error.
weft_err rig_open_elsewhere(struct rig *rig);

// Run the test of that name in a process of its own (forking is not enough:
// RocksDB's threads would be missing) with RIG_LIFE in its environment. Returns
// its wait status; what it prints is dropped.
int rig_run(const char *name, const char *life);

// A number for all that is in the directory, but locks and logs for people.
uint64_t rig_print(const struct rig *rig);

#endif
