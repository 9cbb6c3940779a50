// SPDX-License-Identifier: Apache-2.0
//
// shared_node.h - a node as a cluster's database sees it: what it says to the
// registry and to the log. What fails fails the test, but for try.

#ifndef WF_TESTS_UNIT_SHARED_NODE_H
#define WF_TESTS_UNIT_SHARED_NODE_H

#include <stdint.h>

#include "storage/log.h"
#include "storage/log_shared.h"
#include "storage/registry.h"
#include "unit/shared_rig.h"

enum { SHARED_NODE_TTL_MS = 600000 }; // longer than any test runs

struct shared_node {
    struct wf_registry registry;
    struct wf_shared_log log;
    struct wf_registry_node row; // as it has joined
};

struct shared_node shared_node_join(struct shared_rig *rig, const char *id);
void shared_node_quit(struct shared_node *node);

struct wf_shared_place shared_node_acquire(struct shared_node *node,
                                           uint32_t partition);
weft_err shared_node_try_acquire(struct shared_node *node, uint32_t partition);
// A segment that has that text.
void shared_node_encode(uint32_t partition, const char *text,
                        struct wf_buf *out);
// Its segment is that text; what came of it is in what is returned.
struct wf_shared_append shared_node_append(struct shared_node *node,
                                           uint32_t partition,
                                           const char *text);
// It is durable, and has that number.
void shared_node_append_as(struct shared_node *node, uint32_t partition,
                           const char *text, uint64_t number);

// What a read said, as text: "1=a 2=b ".
struct shared_story {
    char text[4096];
    uint64_t stop_at; // 0: never
};
weft_err shared_node_read(struct shared_node *node, uint32_t partition,
                          uint64_t from, struct shared_story *story);
weft_err shared_node_snapshot(struct shared_node *node, uint32_t partition,
                              uint64_t redo_from, const char *manifest);

#endif
