// SPDX-License-Identifier: Apache-2.0
//
// ways_part.c - what is asked of one partition, and which way it goes.
//
// All of it goes one way at a time. When another would be better, what is new
// is held back until all that is open on the old way has its answer, and goes
// the new way then. That takes a moment, or it is not worth it: after HOLD_MS
// what was held goes the old way, and it is tried again later, ever more
// seldom.
//
// Open is what was given and is not answered. Waits do not count: the order of
// others does not rest on them.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/key.h"
#include "remote/ways_impl.h"
#include "runtime/request.h"

enum {
    HOLD_MS = 100,      // what has another way now, for the old one to empty
    AGAIN_MS_MIN = 500, // after a time in vain
    AGAIN_MS_MAX = 30000,
};

#define NO_PARTITION UINT32_MAX

// Counting. -------------------------------------------------------------------

// What the order of others rests on.
static bool
counts(const struct wf_request *request)
{
    return request->partition != NO_PARTITION && !wf_request_is_wait(request);
}

void
wf_ways_over(void *ctx, const struct wf_request *request)
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

// Where it goes. --------------------------------------------------------------

// Who has it by the map. NULL: home, or nobody knows.
static struct wf_ways_other *
owner_of(const struct wf_ways *ways, uint32_t partition)
{
    int32_t owner = ways->routes.partition_count == 0
                        ? WF_ROUTES_NOBODY
                        : ways->routes.owners[partition];

    return owner < 0 ? NULL : ways->others[owner];
}

bool
wf_ways_has_moved(const struct wf_ways *ways, const struct wf_ways_other *other)
{
    for (uint32_t i = 0; i < ways->host.partitions; i++) {
        if (ways->parts[i].way == other && ways->parts[i].open > 0 &&
            owner_of(ways, i) != other) {
            return true;
        }
    }
    return false;
}

// Where it should go now. NULL: home.
static struct wf_ways_other *
best(struct wf_ways *ways, uint32_t partition, uint64_t now_ms)
{
    struct wf_ways_other *other = owner_of(ways, partition);

    return other != NULL && wf_ways_reach(ways, other, now_ms) ? other : NULL;
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

void
wf_ways_step_parts(struct wf_ways *ways, uint64_t now_ms)
{
    struct wf_list_node *node = wf_list_first(&ways->holding);

    while (node != NULL) {
        struct wf_ways_part *part =
            WF_CONTAINER(node, struct wf_ways_part, holding);

        node = wf_list_next(&ways->holding, node);
        step_part(ways, part, now_ms);
    }
}

uint64_t
wf_ways_parts_due_ms(const struct wf_ways *ways, uint64_t now_ms)
{
    struct wf_list_node *node = wf_list_first(&ways->holding);
    uint64_t due = UINT64_MAX;

    for (; node != NULL; node = wf_list_next(&ways->holding, node)) {
        const struct wf_ways_part *part =
            WF_CONTAINER(node, struct wf_ways_part, holding);

        due =
            part->open == 0 ? now_ms : wf_ways_least(due, part->held_until_ms);
    }
    return due;
}

// Life. -----------------------------------------------------------------------

void
wf_ways_forget_parts(struct wf_ways *ways)
{
    struct wf_list_node *node;

    wf_ways_forget_map(ways);
    wf_ways_free_leaving(ways, true);
    while ((node = wf_list_first(&ways->holding)) != NULL) {
        release(ways, WF_CONTAINER(node, struct wf_ways_part, holding), 0);
    }
    wf_free(ways->parts);
    ways->parts = NULL;
    ways->host = (struct wf_connection_host){0};
    wf_calls_each(&ways->home.calls, recount, ways);
}

void
wf_ways_make_parts(struct wf_ways *ways)
{
    wf_ways_forget_parts(ways);
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
