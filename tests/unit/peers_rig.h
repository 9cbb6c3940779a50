// SPDX-License-Identifier: Apache-2.0
//
// peers_rig.h - several nodes' links in one process, over loopback. What
// arrives is collected; each wait ends by itself, so that what does not come
// fails its test.

#ifndef WF_TESTS_PEERS_RIG_H
#define WF_TESTS_PEERS_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/trace.h"
#include "cluster/peers.h"
#include "storage/registry.h"
#include "transport/curve.h"

#define RIG_PARTITIONS 8
#define RIG_NODES_MAX 3
#define RIG_WAIT_MS 60000

extern const uint8_t rig_cluster[16];

struct rig;
struct wf_request;

struct rig_node {
    struct rig *rig;
    char id[16];
    struct wf_peers *peers;
    struct wf_curve_pair keys;
    uint32_t protocol_min, protocol_max; // 0: this build's

    // Under the rig's lock.
    struct wf_buf frames; // those that came, as "PARTITION:BYTES "
    uint32_t frames_count;
    uint64_t frames_bytes;
    uint32_t changes;
    uint32_t met[RIG_PARTITIONS]; // so often
    // Requests. What it serves: "PARTITION:NAME " and "!" if it is a repeat.
    bool has[RIG_PARTITIONS]; // partitions
    bool is_holding;          // it answers only when rig_release is called
    uint32_t leaves_after;    // it serves so many, and has nothing then; 0: all
    struct wf_buf served;
    uint32_t served_count;
    struct wf_request *held[64];
    uint32_t held_count;
    uint32_t withdrawn;
};

// What rig_ask asked.
struct rig_call {
    struct rig *rig;
    struct wf_request *request;
    uint32_t done; // so often
};

struct rig {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct rig_node nodes[RIG_NODES_MAX];
    uint32_t count;
    struct wf_buf lines;        // of all their traces
    struct wf_registry_map map; // to be changed and given by rig_map
    bool has_keys;
    // Set before rig_start, for all:
    uint64_t window_bytes;
    uint64_t last_number;
    struct wf_trace trace;
};

// Nodes "a", "b", "c" in incarnation 1, 2, 3; partition i is of node
// i % count. rig_start binds and gives the map to all.
void rig_init(struct rig *rig, uint32_t count);
void rig_start(struct rig *rig);
void rig_start_node(struct rig *rig, uint32_t index);
void rig_fini(struct rig *rig);
void rig_map(struct rig *rig); // to all that run

void rig_send(struct rig *rig, uint32_t from, uint32_t partition,
              const char *bytes);
// Wait until is_so(rig, arg), under the lock.
void rig_wait(struct rig *rig, bool (*is_so)(struct rig *rig, void *arg),
              void *arg);
// Until a counter of a node's is so high; until it has so many frames, and no
// more; until there is such a line in the trace of one of them.
void rig_wait_count(struct rig *rig, const uint32_t *counter, uint32_t count);
void rig_wait_frames(struct rig *rig, uint32_t node, uint32_t count);
void rig_wait_line(struct rig *rig, const char *text);
// All frames of a node so far, all that it served; until the next call.
const char *rig_frames(struct rig *rig, uint32_t node);
const char *rig_served(struct rig *rig, uint32_t node);

// Ask from a node, of a partition: a signal of that name, to the instance
// whose partition it is. Its answer is "from NODE". rig_end frees it.
struct wf_request *rig_make(uint32_t partition, const char *name);
void rig_ask(struct rig *rig, struct rig_call *call, uint32_t from,
             struct wf_request *request);
void rig_wait_done(struct rig_call *call);
void rig_end(struct rig_call *call);
// It is answered so. Frees it.
void rig_check_answer(struct rig_call *call, weft_err err, const char *data);
// The partition is of that node from now on, for it and for the map; NULL map:
// rig_map is to be called.
void rig_move(struct rig *rig, uint32_t partition, int32_t to);
// Answer what is held, with that error; or give it back, "not mine".
void rig_release(struct rig *rig, uint32_t node, weft_err err);
void rig_give_back(struct rig *rig, uint32_t node);

#endif
