// SPDX-License-Identifier: Apache-2.0
//
// ways.c - home, and what has come and is due on all ways. See ways.h, and
// ways_impl.h for the files.
//
//     home --hello--> who it is --map--> routes --a request--> other: OPENING
//                                                                 |  READY
//     parts: what is asked of each partition, and which way  <----+  LEAVING

#include "remote/ways.h"

#include <string.h>

#include "remote/ways_impl.h"
#include "transport/socket.h"

// Home. -----------------------------------------------------------------------

static bool
is_same_host(const struct wf_connection_host *a,
             const struct wf_connection_host *b)
{
    return a->partitions == b->partitions &&
           strcmp(a->name_space, b->name_space) == 0 &&
           strcmp(a->principal, b->principal) == 0;
}

static void
begin_home(struct wf_ways *ways, uint64_t now_ms)
{
    const struct wf_connection_host *host = &ways->home.connection.host;

    if ((ways->parts == NULL && host->partitions > 0) ||
        !is_same_host(host, &ways->host)) {
        wf_ways_make_parts(ways);
    } else {
        ways->host = *host;
        if (ways->parts == NULL) {
            ways->host.partitions = 0;
        }
        wf_ways_drop_way_to_home(ways);
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
        wf_ways_forget_parts(ways); // what it refuses is not asked elsewhere
        break;
    case WF_CONNECTION_MESSAGE:
        wf_ways_hear_map(ways, &message, now_ms);
        break;
    default:
        break;
    }
    return true;
}

// All ways. -------------------------------------------------------------------

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
    while ((other = wf_ways_next_open(ways, &at)) != NULL) {
        while (count < max && wf_ways_hear_other(ways, other, now_ms)) {
            count++;
        }
    }
    return count;
}

void
wf_ways_step(struct wf_ways *ways, uint64_t now_ms)
{
    uint32_t at = 0;
    struct wf_ways_other *other;

    wf_ways_look(ways, now_ms);
    wf_ways_step_parts(ways, now_ms);
    wf_ways_ask_map(ways, now_ms);
    wf_way_step(&ways->home, now_ms);
    while ((other = wf_ways_next_open(ways, &at)) != NULL) {
        wf_way_step(&other->way, now_ms);
    }
}

uint64_t
wf_ways_due_ms(const struct wf_ways *ways, uint64_t now_ms)
{
    uint64_t due = wf_way_due_ms(&ways->home, now_ms);
    uint32_t at = 0;
    struct wf_ways_other *other;

    due = wf_ways_least(due, wf_ways_parts_due_ms(ways, now_ms));
    if (wf_way_is_ready(&ways->home) && !ways->is_map_asked) {
        due = wf_ways_least(due, ways->map_ms);
    }
    while ((other = wf_ways_next_open(ways, &at)) != NULL) {
        due = wf_ways_least(due, wf_ways_other_due_ms(ways, other, now_ms));
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
    while ((other = wf_ways_next_open(ways, &at)) != NULL) {
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
    ways->home.calls.over = wf_ways_over;
    ways->home.calls.over_ctx = ways;
}

void
wf_ways_fail(struct wf_ways *ways, weft_err err, const char *detail)
{
    wf_ways_forget_parts(ways);
    wf_calls_fail(&ways->home.calls, err, detail);
}

void
wf_ways_fini(struct wf_ways *ways)
{
    wf_ways_forget_parts(ways);
    wf_way_fini(&ways->home);
}
