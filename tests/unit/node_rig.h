// SPDX-License-Identifier: Apache-2.0
//
// node_rig.h - what tests of whole nodes have in common: kinds, options, and
// the lines of a node's log.

#ifndef WF_TESTS_UNIT_NODE_RIG_H
#define WF_TESTS_UNIT_NODE_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "support/test.h"
#include "weft/client.h"
#include "weft/node.h"

// Kinds: counter (support/counter.h); slow, which runs for longer than a turn
// should; fatal, which aborts at the signal "die"; chain, a workflow of three
// activities "touch" and three short sleeps.
weft_definitions *node_rig_define(void);

// A node of these kinds, and a client of it: 8 partitions, 2 shards, 2 workers,
// a directory of this test's own. A test changes options before it opens.
struct node_rig {
    weft_definitions *definitions;
    weft_node_options options;
    const char *name; // in a cluster, of which it has nothing else; NULL: none
    weft_node *node;
    weft_client *client;
};

struct node_rig node_rig_begin(struct test *t);
void node_rig_end(struct node_rig *rig);
// Node and client, which may be opened again.
void node_rig_open(struct node_rig *rig);
void node_rig_close(struct node_rig *rig);

// These fail the test if they cannot.
uint64_t node_rig_number(weft_client *client, const char *id);
void node_rig_add(weft_client *client, const char *id);

// Lines of the node's log, for looking into; the ctx of node_rig_add_line.
struct node_rig_lines {
    char text[65536];
    size_t len;
};

void node_rig_add_line(void *ctx, const char *line);
bool node_rig_has_said(const struct node_rig_lines *lines, const char *part);

#endif
