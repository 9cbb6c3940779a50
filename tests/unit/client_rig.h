// SPDX-License-Identifier: Apache-2.0
//
// client_rig.h - a client, over a fake of a node.
//
// A thread answers what was posted:
//
//     list            10 instances for each of 4 partitions
//     name "hold"     not answered until rig_release
//     result          the same
//     name "busy"     WEFT_EBUSY with a detail
//     else            WEFT_OK with the request's own data
//
// While it is paused requests gather; afterwards the newest is answered first.

#ifndef WF_TESTS_UNIT_CLIENT_RIG_H
#define WF_TESTS_UNIT_CLIENT_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "runtime/request.h"
#include "support/test.h"
#include "weft/client.h"

enum { RIG_PARTITIONS = 4, RIG_INSTANCES = 10 };

// In place of node.c's.
struct weft_node {
    const weft_definitions *definitions;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wf_list posted;
    struct wf_list held;
    size_t count; // posted and not answered
    bool is_paused;
    bool is_closing;
    uint64_t number; // of the last request posted: rig_number
    uint64_t confirmed;
    uint64_t random;
};

extern struct rig {
    weft_definitions *definitions;
    struct weft_node node;
    weft_client *client;
    int order[64]; // ctx of callbacks, as they came
    size_t order_count;
    weft_err err; // of the last callback
    uint64_t number;
} rig;

static const weft_target rig_order = {"order", "17"};

void rig_open(void);
void rig_close(void);
void rig_close_node(void); // the client is closed already

// How clients reach the node: client_near.c beside it, client_far.c through a
// server.
void rig_reach_open(void);
void rig_reach_close(void);
weft_err rig_reach_client(const weft_client_options *options,
                          weft_client **out_client);
// Does the node know kinds only when it is asked?
extern const bool rig_is_far;

// Of the last request that was posted.
uint64_t rig_number(struct weft_node *node);
uint64_t rig_confirmed(struct weft_node *node);
// Answer everything that is held.
void rig_release(struct weft_node *node, weft_err err);
void rig_pause(struct weft_node *node, bool is_paused);
// Wait until so many are posted, or it holds so many.
void rig_wait_posted(struct weft_node *node, size_t count);
void rig_wait_held(struct weft_node *node, size_t count);

weft_request rig_signal(const char *name);
// A callback that notes its answer in the rig.
void rig_note(void *ctx, const weft_reply *reply);
// Dispatch until so many were noted.
void rig_dispatch(size_t count);

#endif
