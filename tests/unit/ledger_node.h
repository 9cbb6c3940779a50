// SPDX-License-Identifier: Apache-2.0
//
// ledger_node.h - a node of a cluster without a database, with its disk. What
// fails fails the test, but for what returns an error.

#ifndef WF_TESTS_UNIT_LEDGER_NODE_H
#define WF_TESTS_UNIT_LEDGER_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/ledger.h"
#include "storage/log_shared.h"
#include "storage/store.h"

enum {
    LEDGER_NODE_COUNT = 3,
    LEDGER_NODE_PARTITIONS = 4,
    LEDGER_NODE_PIECE = 64, // bytes of an answer, or a little more
};

extern const char *const ledger_node_names[LEDGER_NODE_COUNT]; // "a" to "c"

struct ledger_node {
    const char *id;
    struct wf_memory_disk *disk;
    struct wf_ledger *ledger; // NULL: it is down
    struct wf_shared_log log;
};

// Its cluster was founded by the first so many.
struct ledger_node ledger_node_make(const char *id, uint32_t founders);
void ledger_node_found(struct ledger_node *node, uint32_t founders,
                       const char *cluster);
weft_err ledger_node_open_store(void *ctx, struct wf_store *out_store);
void ledger_node_start(struct ledger_node *node, bool must_hear);
void ledger_node_stop(struct ledger_node *node);
void ledger_node_drop(struct ledger_node *node); // its disk too
// New ones, "a", which has founded the cluster, and "b".
void ledger_node_start_two(struct ledger_node *a, struct ledger_node *b);
void ledger_node_drop_two(struct ledger_node *a, struct ledger_node *b);

// out may be NULL.
weft_err ledger_node_acquire(struct ledger_node *node, uint32_t partition,
                             struct wf_shared_place *out);
struct wf_shared_append ledger_node_append(struct ledger_node *node,
                                           uint32_t partition,
                                           const char *text);
// So many "x", which are durable.
void ledger_node_append_some(struct ledger_node *node, uint32_t partition,
                             int count);
// All that is in its log: "1=a 2=b ". tell is for read, with 256 bytes of text.
void ledger_node_check_log(struct ledger_node *node, uint32_t partition,
                           const char *expected);
weft_err ledger_node_tell(void *ctx, uint64_t number,
                          const struct wf_segment *segments,
                          uint32_t segments_count);

// It is told all that the other one knows.
weft_err ledger_node_hear(struct ledger_node *node, struct ledger_node *teller);
// One question of a partition, and its answer, which does not arrive yet.
void ledger_node_ask(struct ledger_node *to, struct ledger_node *from,
                     uint32_t partition, struct wf_ledger_ask *out_ask,
                     struct wf_buf *out_answer);
// One question and its answer; as many as it takes.
enum wf_ledger_progress ledger_node_fetch(struct ledger_node *to,
                                          struct ledger_node *from,
                                          uint32_t partition);
enum wf_ledger_progress ledger_node_fetch_all(struct ledger_node *to,
                                              struct ledger_node *from,
                                              uint32_t partition);

#endif
