// SPDX-License-Identifier: Apache-2.0
//
// ways_impl.h - what the files of ways share; nobody else's.
//
//   ways.c         home, and what has come and is due on all ways
//   ways_map.c     where the partitions are, as home says
//   ways_other.c   other nodes: when they are connected to, and how it ends
//   ways_part.c    what is asked of one partition, and which way it goes

#ifndef WF_REMOTE_WAYS_IMPL_H
#define WF_REMOTE_WAYS_IMPL_H

#include "remote/ways.h"

// Another node than home.
struct wf_ways_other {
    struct wf_way way;
    struct wf_connection_options options;
    struct wf_routes_node node;
    char *endpoint; // the node's, as options have it
    struct wf_list_node leaving;
    bool is_open;      // it has a connection, or is about to have one
    bool is_taken;     // that one is what it was taken for
    uint64_t taken_ms; // since when
    uint64_t used_ms;  // something was asked
    uint64_t open_ms;  // when it may be opened
    uint32_t pause_ms;
};

static inline uint64_t
wf_ways_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// ways_map.c
// Ask home for it, if that is due.
void wf_ways_ask_map(struct wf_ways *ways, uint64_t now_ms);
// Home has said something that no call has asked.
void wf_ways_hear_map(struct wf_ways *ways,
                      const struct wf_wire_message *message, uint64_t now_ms);
// Nothing is known of where partitions are; all others are leaving.
void wf_ways_forget_map(struct wf_ways *ways);
// Home is another node by now, perhaps one that there was a way to.
void wf_ways_drop_way_to_home(struct wf_ways *ways);

// ways_other.c
struct wf_ways_other *wf_ways_make_other(struct wf_ways *ways,
                                         const struct wf_routes_node *node);
// What it was asked is asked again at home.
void wf_ways_free_other(struct wf_ways *ways, struct wf_ways_other *other);
// Of those that are in no map any more: all, or those that nothing is asked of.
void wf_ways_free_leaving(struct wf_ways *ways, bool is_all);
// Can it be asked now? If it is not connected to, that is begun.
bool wf_ways_reach(struct wf_ways *ways, struct wf_ways_other *other,
                   uint64_t now_ms);
// Take one thing that has come from it; false: there is none.
bool wf_ways_hear_other(struct wf_ways *ways, struct wf_ways_other *other,
                        uint64_t now_ms);
// Each that is open, in turn; `at` goes on from 0. NULL: there is none left.
struct wf_ways_other *wf_ways_next_open(const struct wf_ways *ways,
                                        uint32_t *at);
// Give up those that are lost, and those that nothing is asked of any more.
void wf_ways_look(struct wf_ways *ways, uint64_t now_ms);
uint64_t wf_ways_other_due_ms(const struct wf_ways *ways,
                              const struct wf_ways_other *other,
                              uint64_t now_ms);

// ways_part.c
// For calls: see calls.h.
void wf_ways_over(void *ctx, const struct wf_request *request);
// As many as home has; what home was asked is counted again.
void wf_ways_make_parts(struct wf_ways *ways);
// All goes home, and nothing of it has a partition any more.
void wf_ways_forget_parts(struct wf_ways *ways);
// Give what was held, if it need not or must not be any more.
void wf_ways_step_parts(struct wf_ways *ways, uint64_t now_ms);
uint64_t wf_ways_parts_due_ms(const struct wf_ways *ways, uint64_t now_ms);
// Is something open on it of a partition that is elsewhere?
bool wf_ways_has_moved(const struct wf_ways *ways,
                       const struct wf_ways_other *other);

#endif
