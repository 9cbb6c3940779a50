// SPDX-License-Identifier: Apache-2.0
//
// process.h - nodes of a cluster as processes (node.c), which can be killed.

#ifndef WF_TESTS_NODES_PROCESS_H
#define WF_TESTS_NODES_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "support/child.h"

#define PROCESSES_MAX 5

struct net;

struct process {
    char name[16]; // of the node
    char dir[256];
    char endpoint[64];  // of its peers
    char service[64];   // of its clients
    struct child child; // pid 0: it is down
    bool is_paused;
};

struct processes {
    const char *program; // of node.c; that of the next one to be started
    const char *log;     // file that their lines are added to; NULL: stderr
    const char *database;
    uint32_t lease_ms;
    const struct net *net; // NULL: all are on the loopback
    struct process all[PROCESSES_MAX];
    uint32_t count;
};

// One that nobody listens on now.
unsigned processes_free_port(void);
// Directories are made below dir; ports are free ones. Starts none. net may be
// NULL, or has as many nodes.
void processes_init(struct processes *processes, const char *program,
                    const char *database, const char *dir, uint32_t count,
                    uint32_t lease_ms, const struct net *net);
// One that is down is a process of that node from now on.
void processes_name(struct processes *processes, uint32_t index,
                    const char *name);
// Start one that is down, and wait until it is ready. What cannot be done ends
// this process.
void processes_start(struct processes *processes, uint32_t index);
// The same, but it ends by itself at once, with a word about it: is that so?
bool processes_is_refused(struct processes *processes, uint32_t index);
// The same; false: it ended before it was ready.
bool processes_try_start(struct processes *processes, uint32_t index);
// Until one of them ends, by itself; which; -1: none in that time.
int processes_await_death(struct processes *processes, uint32_t ms);
void processes_kill(struct processes *processes, uint32_t index);
void processes_pause(struct processes *processes, uint32_t index);
void processes_continue(struct processes *processes, uint32_t index);
// Let it end by itself; false: not within a minute, or not well.
bool processes_end(struct processes *processes, uint32_t index);
void processes_end_all(struct processes *processes);
// One that is down has lost its directory.
void processes_lose(struct processes *processes, uint32_t index);
// A copy of the directory of one that is down is kept; and is its directory.
void processes_save(const struct processes *processes, uint32_t index);
void processes_go_back(struct processes *processes, uint32_t index);
// The nodes' directories, with all that is in them.
void processes_remove(const char *dir);

#endif
