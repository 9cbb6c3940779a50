// SPDX-License-Identifier: Apache-2.0
//
// place.h - where a measurement runs: a node, a server before it, clients.
//
// With --data the node is in this process. With --remote clients reach it over
// that endpoint, and it is served there if it is ours.

#ifndef WF_BENCH_PLACE_H
#define WF_BENCH_PLACE_H

#include <poll.h>
#include <stdint.h>

#include "weft/client.h"
#include "weft/definitions.h"
#include "weft/error.h"
#include "weft/node.h"
#include "weft/serve.h"
#include "weft/testing.h"

#define PLACE_CLIENTS_MAX 64

struct bench;

struct place {
    weft_definitions *definitions;
    weft_node *node;
    weft_test *test; // instead: one that runs while it is waited for
    weft_server *server;
    weft_client *clients[PLACE_CLIENTS_MAX];
    struct pollfd ready[PLACE_CLIENTS_MAX]; // of each client
    uint32_t clients_count;
};

// Open what the settings say; what a failure leaves is closed by place_close.
weft_err place_open(struct bench *bench);
// The same without server and clients.
weft_err place_open_node(struct bench *bench);
// A node in memory, without threads, that does the same each time: gate.c.
weft_err place_open_test(struct bench *bench);
// Wait until a client has something to dispatch, at most so long.
void place_wait(struct place *place, uint64_t wait_ns);
void place_close(struct place *place); // all zero is fine

#endif
