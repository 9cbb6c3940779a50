// SPDX-License-Identifier: Apache-2.0
//
// served.h - a process of its own with a node that is served.

#ifndef WF_TESTS_REMOTE_SERVED_H
#define WF_TESTS_REMOTE_SERVED_H

#include <stdint.h>

#include "support/child.h"
#include "weft/definitions.h"

// The kind "series": its signals carry a number each, which must come one after
// another, once. The state, which any query gives, is the last one, and how
// often one came that was not the next.
struct served_series {
    uint64_t last;
    uint64_t wrong;
};

// The workflow "fan": as many activities "mark" as its input says (text), each
// with its index (text), on the task queue "marks", all at once; ends with the
// sum of their results (text).
#define SERVED_FAN_MAX 1000

weft_definitions *served_definitions(void);

struct served {
    struct child child;
    char endpoint[256];
    uint16_t port;
};

// The first thing that main does: if it was begun by served_start, it is the
// node, and does not return.
void served_become(int argc, char **argv);
// Start it; it has the directory's node. port 0: any.
void served_start(struct served *served, const char *dir, uint16_t port);
// Let it end; it must end well.
void served_stop(struct served *served);
void served_kill(struct served *served); // with SIGKILL
// The node's directory, with all that is in it.
void served_remove(const char *dir);
uint64_t served_rss_kb(const struct served *served);

#endif
