// SPDX-License-Identifier: Apache-2.0
//
// ways.h - which way each of a client's requests goes.
//
// A client is connected to one node, its home, which takes anything and sends
// on what is another node's. If the home is of a cluster, it tells where the
// partitions are, and what a client asks of one then goes straight to the node
// that has it. Whenever that is not known, or not possible, it goes home: so a
// map that is old, wrong or a lie costs time and nothing else.
//
// Done once: a request keeps its client and its number on whichever way it
// goes, and a partition knows by those what it has done (runtime/window.c).
// That needs the same client everywhere: a node that knows this client under
// another principal, or in another namespace, is not asked.
//
// In order: of what is asked of one partition, nothing is sent a new way while
// something is unanswered on the old one; for a moment it is held back for
// that, and if that is not enough it goes on as before. Windows do not order:
// they only know numbers that have been. A way that breaks is different, for
// nobody knows what arrived. All that it had is asked again at home, in order,
// before anything newer. What it had may still arrive by itself, late: that is
// the beginning of the same sequence, in the same order, and of two sequences
// of which one begins with the other, whichever copy of each number comes first
// comes in order.
//
// Waits (results) end nothing and change nothing: they go the way that their
// partition has, and nobody waits for them. Lists and counts, which are of all
// partitions, go home.
//
// Threads: one, the client's own.

#ifndef WF_REMOTE_WAYS_H
#define WF_REMOTE_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "remote/way.h"
#include "runtime/routes.h"

#define WF_WAYS_MAX 64 // connections to other nodes than home

struct wf_request;
struct wf_ways_other;

// What is asked of one partition.
struct wf_ways_part {
    struct wf_ways_other *way; // NULL: home
    uint32_t open;             // given to that way, but waits, and not answered
    struct wf_list held;       // until that is 0
    struct wf_list_node holding;
    uint64_t held_until_ms;
    uint64_t again_ms; // held back in vain: not again before
    uint32_t pause_ms; // the same: for so long
};

struct wf_ways {
    const struct wf_connection_options *options; // of home; borrowed
    struct wf_context *context;                  // borrowed
    bool is_home_only;                           // others are not asked
    struct wf_way home;
    struct wf_connection_host host; // home's, when the parts were made
    struct wf_ways_part *parts;     // by partition; NULL: they are not known
    struct wf_routes routes;
    struct wf_ways_other **others; // by node of routes; NULL: it is home
    struct wf_list leaving;        // of others that are in no map any more
    uint32_t open_count;           // of others that have a connection
    struct wf_list holding;        // of parts that have something held
    uint64_t map_number;           // that was asked last
    bool is_map_asked;
    uint64_t map_ms;  // when it is asked next; UINT64_MAX: not at all
    uint64_t look_ms; // when ways are looked at next
};

void wf_ways_init(struct wf_ways *ways,
                  const struct wf_connection_options *options,
                  struct wf_context *context);
void wf_ways_fini(struct wf_ways *ways); // nothing is asked any more

// Takes the request.
void wf_ways_add(struct wf_ways *ways, struct wf_request *request,
                 uint64_t now_ms);
// Take what has come, at most `max`. Returns how much it was. `began` is called
// when home has answered a hello: it takes this client, or does not.
uint32_t wf_ways_hear(struct wf_ways *ways, uint64_t now_ms, uint32_t max,
                      void (*began)(void *ctx, bool is_taken), void *ctx);
// Do what is due, and send.
void wf_ways_step(struct wf_ways *ways, uint64_t now_ms);
uint64_t wf_ways_due_ms(const struct wf_ways *ways, uint64_t now_ms);
// Sleep until something comes, or the descriptor can be read. False: there is
// no socket.
bool wf_ways_wait(const struct wf_ways *ways, int fd, int timeout_ms);
// Answer all.
void wf_ways_fail(struct wf_ways *ways, weft_err err, const char *detail);

#endif
