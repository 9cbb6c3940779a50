// SPDX-License-Identifier: Apache-2.0
//
// world.h - a whole node on a real directory, in one thread, on a clock that
// skips: a life of days takes milliseconds.

#ifndef WF_TESTS_ROT_WORLD_H
#define WF_TESTS_ROT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

struct world_options {
    const char *dir;
    const weft_definitions *definitions;
    int64_t window_bytes; // as weft_node_options'
    uint32_t store_count;
    bool is_strict;
    uint64_t now_ms; // the clock begins here
};

#define WORLD_PARTITIONS 6
#define WORLD_SAID_SIZE 4096

struct world {
    weft_node *node;
    weft_client *client;
    uint64_t now_ms;
    bool is_kept; // housekeeping is stepped
    // Warnings of the node, one a line; what does not fit is only counted.
    char said[WORLD_SAID_SIZE];
    size_t said_len;
    uint32_t said_count;
    uint32_t reopens; // that failed: the store cannot be opened any more
};

// WEFT_OK: the node and its one client, which has the same id each time, are
// open. Else nothing is.
weft_err world_open(struct world *world, const struct world_options *options);
// Let so much time pass, and everything that falls due in it happen.
void world_advance(struct world *world, uint64_t ms);
void world_close(struct world *world);

#endif
