// SPDX-License-Identifier: Apache-2.0
//
// ways.c - see ways.h.
//
//     home --hello--> who it is --map--> routes --a request--> other: OPENING
//                                                                 |  READY
//     parts: what is asked of each partition, and which way  <----+  LEAVING
//
// Another node is connected to when something is to be asked of it, and for as
// long as it is asked. One that cannot be reached, or will not have this client
// as home has it, is tried again after a pause that grows.

#include "remote/ways.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/key.h"
#include "remote/codec_map.h"
#include "runtime/request.h"
#include "transport/socket.h"

enum {
    HOLD_MS = 100,      // what has another way now, for the old one to empty
    AGAIN_MS_MIN = 500, // after a time in vain
    AGAIN_MS_MAX = 30000,
    OPEN_MS_MIN = 200, // after a way that broke, or was none
    OPEN_MS_MAX = 60000,
    STEADY_MS = 10000,    // a way that lasted so long is a good one
    IDLE_MS = 60000,      // one that nothing is asked on is given up
    SILENT_MS = 2000,     // the same, if its partitions are elsewhere by now
    MAP_MS = 100,         // between two maps
    MAP_AGAIN_MS = 10000, // after one that made no sense, or a refusal
    LOOK_MS = 500,
};

#define NO_PARTITION UINT32_MAX

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

// Counting. -------------------------------------------------------------------

// What the order of others rests on.
static bool
counts(const struct wf_request *request)
{
    return request->partition != NO_PARTITION && !wf_request_is_wait(request);
}

static void
over(void *ctx, const struct wf_request *request)
{
    struct wf_ways *ways = ctx;

    if (counts(request)) {
        WF_ASSERT(ways->parts[request->partition].open > 0);
        ways->parts[request->partition].open--;
    }
}

static uint32_t
partition_of(const struct wf_ways *ways, const struct wf_request *request)
{
    if (ways->parts == NULL || request->key.text == NULL ||
        wf_request_is_paged(request)) {
        return NO_PARTITION;
    }
    return wf_key_partition_of(ways->host.name_space, wf_key_id(&request->key),
                               ways->host.partitions);
}

static void
recount(void *ctx, struct wf_request *request)
{
    struct wf_ways *ways = ctx;

    request->partition = partition_of(ways, request);
    if (counts(request)) {
        ways->parts[request->partition].open++;
    }
}

// Other nodes. ----------------------------------------------------------------

static struct wf_ways_other *
make_other(struct wf_ways *ways, const struct wf_routes_node *node)
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
    other->way.calls.over = over;
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

static void
free_other(struct wf_ways *ways, struct wf_ways_other *other)
{
    shut_other(ways, other);
    if (wf_list_has(&other->leaving)) {
        wf_list_remove(&ways->leaving, &other->leaving);
    }
    wf_way_fini(&other->way);
    wf_free(other);
}

static void
free_leaving(struct wf_ways *ways, bool is_all)
{
    struct wf_list_node *node = wf_list_first(&ways->leaving);

    while (node != NULL) {
        struct wf_ways_other *other =
            WF_CONTAINER(node, struct wf_ways_other, leaving);

        node = wf_list_next(&ways->leaving, node);
        if (is_all || !other->is_open || !wf_calls_has_any(&other->way.calls)) {
            free_other(ways, other);
        }
    }
}

static void
forget_routes(struct wf_ways *ways)
{
    for (uint32_t i = 0; i < ways->routes.nodes_count; i++) {
        if (ways->others[i] != NULL) {
            wf_list_push_back(&ways->leaving, &ways->others[i]->leaving);
        }
    }
    wf_free(ways->others);
    ways->others = NULL;
    wf_routes_fini(&ways->routes);
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

// Asking. ---------------------------------------------------------------------

static bool
may_open(const struct wf_ways *ways, const struct wf_ways_other *other,
         uint64_t now_ms)
{
    return !other->is_open && now_ms >= other->open_ms &&
           ways->open_count < WF_WAYS_MAX && wf_way_is_ready(&ways->home);
}

// Where it should go now. NULL: home.
static struct wf_ways_other *
best(struct wf_ways *ways, uint32_t partition, uint64_t now_ms)
{
    int32_t owner = ways->routes.partition_count == 0
                        ? WF_ROUTES_NOBODY
                        : ways->routes.owners[partition];
    struct wf_ways_other *other = owner < 0 ? NULL : ways->others[owner];

    if (other == NULL) {
        return NULL;
    }
    if (may_open(ways, other, now_ms)) {
        open_other(ways, other, now_ms);
    }
    return other->is_taken && wf_way_is_ready(&other->way) ? other : NULL;
}

// Now, the way that its part has.
static void
give(struct wf_ways *ways, struct wf_ways_part *part,
     struct wf_request *request, uint64_t now_ms)
{
    part->open += counts(request);
    if (part->way == NULL) {
        wf_calls_add(&ways->home.calls, request);
        return;
    }
    part->way->used_ms = now_ms;
    wf_calls_add(&part->way->way.calls, request);
}

static void
hold(struct wf_ways *ways, struct wf_ways_part *part,
     struct wf_request *request, uint64_t now_ms)
{
    if (!wf_list_has(&part->holding)) {
        part->held_until_ms = now_ms + HOLD_MS;
        wf_list_push_back(&ways->holding, &part->holding);
    }
    wf_list_push_back(&part->held, &request->wait);
}

static void
release(struct wf_ways *ways, struct wf_ways_part *part, uint64_t now_ms)
{
    struct wf_list_node *node;

    wf_list_remove(&ways->holding, &part->holding);
    while ((node = wf_list_pop_front(&part->held)) != NULL) {
        give(ways, part, WF_CONTAINER(node, struct wf_request, wait), now_ms);
    }
}

void
wf_ways_add(struct wf_ways *ways, struct wf_request *request, uint64_t now_ms)
{
    struct wf_ways_part *part;
    struct wf_ways_other *way;

    request->partition = partition_of(ways, request);
    if (request->partition == NO_PARTITION) {
        wf_calls_add(&ways->home.calls, request);
        return;
    }
    part = &ways->parts[request->partition];
    way = best(ways, request->partition, now_ms);
    if (part->held.count == 0 && part->open == 0) {
        part->way = way;
    }
    if (part->held.count > 0 ||
        (part->way != way && now_ms >= part->again_ms)) {
        hold(ways, part, request, now_ms);
    } else {
        give(ways, part, request, now_ms);
    }
}

// What was held, if it need not or must not be any more.
static void
step_part(struct wf_ways *ways, struct wf_ways_part *part, uint64_t now_ms)
{
    uint32_t partition = (uint32_t)(part - ways->parts);
    struct wf_ways_other *way = best(ways, partition, now_ms);

    if (part->open == 0) {
        part->way = way;
        part->pause_ms = 0;
    } else if (part->way != way && now_ms < part->held_until_ms) {
        return;
    } else if (part->way != way) {
        part->pause_ms =
            part->pause_ms == 0 ? AGAIN_MS_MIN : part->pause_ms * 2;
        if (part->pause_ms > AGAIN_MS_MAX) {
            part->pause_ms = AGAIN_MS_MAX;
        }
        part->again_ms = now_ms + part->pause_ms;
    }
    release(ways, part, now_ms);
}

static void
step_parts(struct wf_ways *ways, uint64_t now_ms)
{
    struct wf_list_node *node = wf_list_first(&ways->holding);

    while (node != NULL) {
        struct wf_ways_part *part =
            WF_CONTAINER(node, struct wf_ways_part, holding);

        node = wf_list_next(&ways->holding, node);
        step_part(ways, part, now_ms);
    }
}

// The map. --------------------------------------------------------------------

static void
ask_map(struct wf_ways *ways, uint64_t now_ms)
{
    struct wf_buf frame = {0};

    if (!wf_way_is_ready(&ways->home) || ways->is_map_asked ||
        now_ms < ways->map_ms) {
        return;
    }
    ways->map_number = ways->map_number < WF_WAY_NUMBER_MIN
                           ? WF_WAY_NUMBER_MIN
                           : ways->map_number + 1;
    wf_codec_map_encode(ways->routes.version, ways->map_number, &frame);
    ways->is_map_asked =
        wf_connection_send(&ways->home.connection, &frame, now_ms);
    ways->map_ms = now_ms + MAP_MS;
    wf_buf_fini(&frame);
}

// The one that there is for a node already, or a new one.
static struct wf_ways_other *
other_for(struct wf_ways *ways, const struct wf_routes_node *node)
{
    struct wf_list_node *link = wf_list_first(&ways->leaving);

    for (; link != NULL; link = wf_list_next(&ways->leaving, link)) {
        struct wf_ways_other *other =
            WF_CONTAINER(link, struct wf_ways_other, leaving);

        if (strcmp(other->node.name, node->name) == 0 &&
            strcmp(other->node.endpoint, node->endpoint) == 0) {
            wf_list_remove(&ways->leaving, link);
            return other;
        }
    }
    return make_other(ways, node);
}

static void
take_routes(struct wf_ways *ways, struct wf_routes *routes)
{
    forget_routes(ways);
    ways->routes = *routes;
    ways->others =
        wf_calloc((routes->nodes_count + 1) * sizeof(struct wf_ways_other *));
    for (uint32_t i = 0; i < routes->nodes_count; i++) {
        if (strcmp(routes->nodes[i].name, ways->host.node) != 0) {
            ways->others[i] = other_for(ways, &routes->nodes[i]);
        }
    }
    free_leaving(ways, false);
}

static void
hear_map(struct wf_ways *ways, const struct wf_wire_message *message,
         uint64_t now_ms)
{
    struct wf_routes routes = {0};

    if (!ways->is_map_asked || message->number != ways->map_number) {
        return;
    }
    ways->is_map_asked = false;
    if (ways->parts != NULL &&
        wf_codec_routes_decode(message, ways->host.partitions, &routes) ==
            WEFT_OK) {
        take_routes(ways, &routes);
    } else {
        wf_routes_fini(&routes);
        ways->map_ms = now_ms + MAP_AGAIN_MS;
    }
}

// Home. -----------------------------------------------------------------------

// All goes home, and nothing of it has a partition any more.
static void
forget_parts(struct wf_ways *ways)
{
    struct wf_list_node *node;

    forget_routes(ways);
    free_leaving(ways, true);
    while ((node = wf_list_first(&ways->holding)) != NULL) {
        release(ways, WF_CONTAINER(node, struct wf_ways_part, holding), 0);
    }
    wf_free(ways->parts);
    ways->parts = NULL;
    ways->host = (struct wf_connection_host){0};
    wf_calls_each(&ways->home.calls, recount, ways);
}

static bool
is_same_host(const struct wf_connection_host *a,
             const struct wf_connection_host *b)
{
    return a->partitions == b->partitions &&
           strcmp(a->name_space, b->name_space) == 0 &&
           strcmp(a->principal, b->principal) == 0;
}

static void
make_parts(struct wf_ways *ways)
{
    forget_parts(ways);
    ways->host = ways->home.connection.host;
    if (ways->host.partitions > 0 && !ways->is_home_only) {
        ways->parts = wf_calloc(ways->host.partitions * sizeof(*ways->parts));
        for (uint32_t i = 0; i < ways->host.partitions; i++) {
            wf_list_init(&ways->parts[i].held);
        }
    } else {
        ways->host.partitions = 0;
    }
    wf_calls_each(&ways->home.calls, recount, ways);
}

// Home may be a node that there was another way to. Its server has ended that
// by this hello; and what it was asked is asked again here.
static void
drop_way_to_home(struct wf_ways *ways)
{
    for (uint32_t i = 0; i < ways->routes.nodes_count; i++) {
        bool is_home = strcmp(ways->routes.nodes[i].name, ways->host.node) == 0;

        if (is_home && ways->others[i] != NULL) {
            free_other(ways, ways->others[i]);
            ways->others[i] = NULL;
        } else if (!is_home && ways->others[i] == NULL) {
            ways->others[i] = make_other(ways, &ways->routes.nodes[i]);
        }
    }
    free_leaving(ways, true);
}

static void
begin_home(struct wf_ways *ways, uint64_t now_ms)
{
    const struct wf_connection_host *host = &ways->home.connection.host;

    if ((ways->parts == NULL && host->partitions > 0) ||
        !is_same_host(host, &ways->host)) {
        make_parts(ways);
    } else {
        ways->host = *host;
        if (ways->parts == NULL) {
            ways->host.partitions = 0;
        }
        drop_way_to_home(ways);
    }
    ways->is_map_asked = false;
    ways->map_ms = ways->parts == NULL ? UINT64_MAX : now_ms;
}

static bool
hear_home(struct wf_ways *ways, uint64_t now_ms,
          void (*began)(void *ctx, bool is_taken), void *ctx)
{
    struct wf_wire_message message;

    switch (wf_way_next(&ways->home, now_ms, &message)) {
    case WF_CONNECTION_NOTHING:
        return false;
    case WF_CONNECTION_BEGAN:
        begin_home(ways, now_ms);
        began(ctx, true);
        break;
    case WF_CONNECTION_FAILED:
        began(ctx, false);
        forget_parts(ways); // what it refuses is not asked elsewhere
        break;
    case WF_CONNECTION_MESSAGE:
        hear_map(ways, &message, now_ms);
        break;
    default:
        break;
    }
    return true;
}

static bool
hear_other(struct wf_ways *ways, struct wf_ways_other *other, uint64_t now_ms)
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

// Each that is open, in turn; `at` goes on from 0. NULL: there is none left.
static struct wf_ways_other *
next_open(const struct wf_ways *ways, uint32_t *at)
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

uint32_t
wf_ways_hear(struct wf_ways *ways, uint64_t now_ms, uint32_t max,
             void (*began)(void *ctx, bool is_taken), void *ctx)
{
    uint32_t count = 0;
    uint32_t at = 0;
    struct wf_ways_other *other;

    while (count < max && hear_home(ways, now_ms, began, ctx)) {
        count++;
    }
    while ((other = next_open(ways, &at)) != NULL) {
        while (count < max && hear_other(ways, other, now_ms)) {
            count++;
        }
    }
    return count;
}

// Time. -----------------------------------------------------------------------

// Is something open on it of a partition that is elsewhere?
static bool
has_moved(struct wf_ways *ways, const struct wf_ways_other *other)
{
    for (uint32_t i = 0; i < ways->host.partitions; i++) {
        int32_t owner = ways->routes.partition_count == 0
                            ? WF_ROUTES_NOBODY
                            : ways->routes.owners[i];

        if (ways->parts[i].way == other && ways->parts[i].open > 0 &&
            (owner < 0 || ways->others[owner] != other)) {
            return true;
        }
    }
    return false;
}

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
           now_ms - since >= SILENT_MS && has_moved(ways, other);
}

static void
look(struct wf_ways *ways, uint64_t now_ms)
{
    uint32_t at = 0;
    struct wf_ways_other *other;

    if (now_ms < ways->look_ms) {
        return;
    }
    ways->look_ms = now_ms + LOOK_MS;
    while ((other = next_open(ways, &at)) != NULL) {
        if (is_lost(ways, other, now_ms)) {
            lose_other(ways, other, now_ms);
        } else if (!wf_calls_has_any(&other->way.calls) &&
                   now_ms - other->used_ms >= IDLE_MS) {
            shut_other(ways, other);
        }
    }
    free_leaving(ways, false);
}

void
wf_ways_step(struct wf_ways *ways, uint64_t now_ms)
{
    uint32_t at = 0;
    struct wf_ways_other *other;

    look(ways, now_ms);
    step_parts(ways, now_ms);
    ask_map(ways, now_ms);
    wf_way_step(&ways->home, now_ms);
    while ((other = next_open(ways, &at)) != NULL) {
        wf_way_step(&other->way, now_ms);
    }
}

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
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
wf_ways_due_ms(const struct wf_ways *ways, uint64_t now_ms)
{
    uint64_t due = wf_way_due_ms(&ways->home, now_ms);
    struct wf_list_node *node = wf_list_first(&ways->holding);
    uint32_t at = 0;
    struct wf_ways_other *other;

    if (wf_way_is_ready(&ways->home) && !ways->is_map_asked) {
        due = least(due, ways->map_ms);
    }
    for (; node != NULL; node = wf_list_next(&ways->holding, node)) {
        const struct wf_ways_part *part =
            WF_CONTAINER(node, struct wf_ways_part, holding);

        due = part->open == 0 ? now_ms : least(due, part->held_until_ms);
    }
    while ((other = next_open(ways, &at)) != NULL) {
        due = least(due, wf_way_due_ms(&other->way, now_ms));
        due = least(due, look_due_ms(ways, other));
    }
    return due;
}

bool
wf_ways_wait(const struct wf_ways *ways, int fd, int timeout_ms)
{
    struct wf_socket *sockets[WF_WAYS_MAX + 1];
    struct wf_ways_other *other;
    size_t count = 0;
    uint32_t at = 0;

    if (ways->home.connection.socket != NULL) {
        sockets[count++] = ways->home.connection.socket;
    }
    while ((other = next_open(ways, &at)) != NULL) {
        if (other->way.connection.socket != NULL) {
            sockets[count++] = other->way.connection.socket;
        }
    }
    if (count > 0) {
        (void)wf_socket_wait_any(sockets, count, &fd, 1, timeout_ms);
    }
    return count > 0;
}

// Life. -----------------------------------------------------------------------

void
wf_ways_init(struct wf_ways *ways, const struct wf_connection_options *options,
             struct wf_context *context)
{
    *ways = (struct wf_ways){.options = options, .context = context};
    ways->map_ms = UINT64_MAX;
    wf_list_init(&ways->leaving);
    wf_list_init(&ways->holding);
    wf_way_init(&ways->home, options, context);
    ways->home.calls.over = over;
    ways->home.calls.over_ctx = ways;
}

void
wf_ways_fail(struct wf_ways *ways, weft_err err, const char *detail)
{
    forget_parts(ways);
    wf_calls_fail(&ways->home.calls, err, detail);
}

void
wf_ways_fini(struct wf_ways *ways)
{
    forget_parts(ways);
    wf_way_fini(&ways->home);
}
