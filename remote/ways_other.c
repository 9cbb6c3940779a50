// SPDX-License-Identifier: Apache-2.0
//
// ways_other.c - the nodes beside home, and the ways to them.
//
// One is connected to when something is to be asked of it, and for as long as
// it is asked. One that cannot be reached, or will not have this client as home
// has it, is tried again after a pause that grows. A way that breaks, or is
// given up, leaves what it had to home, where it is asked again.
//
// What is in no newer map is leaving: it is not given anything any more, and
// ends when it has answered what it was asked.

#include <string.h>

#include "base/alloc.h"
#include "remote/ways_impl.h"

enum {
    OPEN_MS_MIN = 200, // after a way that broke, or was none
    OPEN_MS_MAX = 60000,
    STEADY_MS = 10000, // a way that lasted so long is a good one
    IDLE_MS = 60000,   // one that nothing is asked on is given up
    SILENT_MS = 2000,  // the same, if its partitions are elsewhere by now
    LOOK_MS = 500,
};

// Life. -----------------------------------------------------------------------

struct wf_ways_other *
wf_ways_make_other(struct wf_ways *ways, const struct wf_routes_node *node)
{
    struct wf_ways_other *other = wf_calloc(sizeof(*other));

    other->node = *node;
    other->endpoint = other->node.endpoint;
    other->options = *ways->options;
    other->options.endpoints = &other->endpoint;
    other->options.endpoints_count = 1;
    other->options.name_space = ways->host.name_space;
    other->options.node = other->node.name;
    wf_way_init(&other->way, &other->options, ways->context);
    other->way.calls.over = wf_ways_over;
    other->way.calls.over_ctx = ways;
    return other;
}

// It could not be reached, or could no more.
static void
put_off(struct wf_ways_other *other, bool was_steady, uint64_t now_ms)
{
    other->pause_ms =
        was_steady || other->pause_ms == 0 ? OPEN_MS_MIN : other->pause_ms * 2;
    if (other->pause_ms > OPEN_MS_MAX) {
        other->pause_ms = OPEN_MS_MAX;
    }
    other->open_ms = now_ms + other->pause_ms;
}

static void
open_other(struct wf_ways *ways, struct wf_ways_other *other, uint64_t now_ms)
{
    other->used_ms = now_ms;
    if (wf_connection_open(&other->way.connection, now_ms) != WEFT_OK) {
        put_off(other, false, now_ms);
        return;
    }
    other->is_open = true;
    ways->open_count++;
}

// Its calls go home, where they are asked again.
static void
shut_other(struct wf_ways *ways, struct wf_ways_other *other)
{
    if (!other->is_open) {
        return;
    }
    for (uint32_t i = 0; i < ways->host.partitions; i++) {
        if (ways->parts[i].way == other) {
            ways->parts[i].way = NULL;
        }
    }
    wf_calls_move(&other->way.calls, &ways->home.calls);
    wf_connection_fini(&other->way.connection);
    wf_connection_init(&other->way.connection, &other->options, ways->context);
    other->is_open = false;
    other->is_taken = false;
    ways->open_count--;
}

static void
lose_other(struct wf_ways *ways, struct wf_ways_other *other, uint64_t now_ms)
{
    bool was_steady = other->is_taken && now_ms - other->taken_ms >= STEADY_MS;

    shut_other(ways, other);
    put_off(other, was_steady, now_ms);
}

void
wf_ways_free_other(struct wf_ways *ways, struct wf_ways_other *other)
{
    shut_other(ways, other);
    if (wf_list_has(&other->leaving)) {
        wf_list_remove(&ways->leaving, &other->leaving);
    }
    wf_way_fini(&other->way);
    wf_free(other);
}

void
wf_ways_free_leaving(struct wf_ways *ways, bool is_all)
{
    struct wf_list_node *node = wf_list_first(&ways->leaving);

    while (node != NULL) {
        struct wf_ways_other *other =
            WF_CONTAINER(node, struct wf_ways_other, leaving);

        node = wf_list_next(&ways->leaving, node);
        if (is_all || !other->is_open || !wf_calls_has_any(&other->way.calls)) {
            wf_ways_free_other(ways, other);
        }
    }
}

// Connections. ----------------------------------------------------------------

static bool
may_open(const struct wf_ways *ways, const struct wf_ways_other *other,
         uint64_t now_ms)
{
    return !other->is_open && now_ms >= other->open_ms &&
           ways->open_count < WF_WAYS_MAX && wf_way_is_ready(&ways->home);
}

bool
wf_ways_reach(struct wf_ways *ways, struct wf_ways_other *other,
              uint64_t now_ms)
{
    if (may_open(ways, other, now_ms)) {
        open_other(ways, other, now_ms);
    }
    return other->is_taken && wf_way_is_ready(&other->way);
}

// Is it as home is: this node, and the same client there as well?
static bool
is_same_client(const struct wf_ways *ways, const struct wf_ways_other *other)
{
    const struct wf_connection_host *home = &ways->host;
    const struct wf_connection_host *host = &other->way.connection.host;

    return strcmp(host->node, other->node.name) == 0 &&
           strcmp(host->name_space, home->name_space) == 0 &&
           strcmp(host->principal, home->principal) == 0 &&
           host->partitions == home->partitions;
}

bool
wf_ways_hear_other(struct wf_ways *ways, struct wf_ways_other *other,
                   uint64_t now_ms)
{
    const struct wf_connection *connection = &other->way.connection;
    struct wf_wire_message message;
    enum wf_connection_news news = wf_way_next(&other->way, now_ms, &message);

    if (news == WF_CONNECTION_BEGAN) {
        if (!is_same_client(ways, other)) {
            lose_other(ways, other, now_ms);
            return false;
        }
        other->is_taken = true;
        other->taken_ms = now_ms;
    }
    if (connection->state != WF_CONNECTION_OPENING &&
        connection->state != WF_CONNECTION_READY) {
        lose_other(ways, other, now_ms);
        return false;
    }
    return news != WF_CONNECTION_NOTHING;
}

struct wf_ways_other *
wf_ways_next_open(const struct wf_ways *ways, uint32_t *at)
{
    struct wf_list_node *node = wf_list_first(&ways->leaving);
    uint32_t i = ways->routes.nodes_count;

    while (*at < ways->routes.nodes_count) {
        struct wf_ways_other *other = ways->others[(*at)++];

        if (other != NULL && other->is_open) {
            return other;
        }
    }
    for (; node != NULL; node = wf_list_next(&ways->leaving, node), i++) {
        struct wf_ways_other *other =
            WF_CONTAINER(node, struct wf_ways_other, leaving);

        if (i == *at) {
            (*at)++;
            if (other->is_open) {
                return other;
            }
        }
    }
    return NULL;
}

// Time. -----------------------------------------------------------------------

// A node that is away answers nothing, and others have what it had.
static bool
is_lost(struct wf_ways *ways, const struct wf_ways_other *other,
        uint64_t now_ms)
{
    const struct wf_connection *connection = &other->way.connection;
    uint64_t since = connection->heard_ms > connection->idle_ms
                         ? connection->heard_ms
                         : connection->idle_ms;

    return wf_calls_is_waiting(&other->way.calls) &&
           now_ms - since >= SILENT_MS && wf_ways_has_moved(ways, other);
}

void
wf_ways_look(struct wf_ways *ways, uint64_t now_ms)
{
    uint32_t at = 0;
    struct wf_ways_other *other;

    if (now_ms < ways->look_ms) {
        return;
    }
    ways->look_ms = now_ms + LOOK_MS;
    while ((other = wf_ways_next_open(ways, &at)) != NULL) {
        if (is_lost(ways, other, now_ms)) {
            lose_other(ways, other, now_ms);
        } else if (!wf_calls_has_any(&other->way.calls) &&
                   now_ms - other->used_ms >= IDLE_MS) {
            shut_other(ways, other);
        }
    }
    wf_ways_free_leaving(ways, false);
}

static uint64_t
look_due_ms(const struct wf_ways *ways, const struct wf_ways_other *other)
{
    uint64_t idle_ms = other->used_ms + IDLE_MS;

    return wf_calls_has_any(&other->way.calls) || idle_ms < ways->look_ms
               ? ways->look_ms
               : idle_ms;
}

uint64_t
wf_ways_other_due_ms(const struct wf_ways *ways,
                     const struct wf_ways_other *other, uint64_t now_ms)
{
    return wf_ways_least(wf_way_due_ms(&other->way, now_ms),
                         look_due_ms(ways, other));
}
