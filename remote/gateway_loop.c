// SPDX-License-Identifier: Apache-2.0
//
// gateway_loop.c - the gateway's thread: sleep, look who is there, take what
// came, give back what was answered, see what time it is.
//
// Each kind of work has a bound in each round, so that none keeps the others
// waiting. What the operating system says of connections is looked at first,
// since what came over a connection may be understood only with that.

#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/thread.h"
#include "remote/gateway_batch.h"
#include "remote/gateway_impl.h"
#include "remote/gateway_lease.h"
#include "remote/gateway_map.h"
#include "remote/gateway_queue.h"
#include "remote/gateway_stats.h"
#include "remote/gateway_watch.h"
#include "runtime/futex.h"

enum {
    MESSAGES_PER_ROUND = 256,
    ANSWERS_PER_ROUND = 256,
    ROUND_MS = 10, // for messages
    TICK_MS = 50,
    LOOK_MS = 10,        // at connections, as long as there are few
    LOOKED_IN_A_MS = 25, // connections
    PRESSED_MS = 5,      // while much comes that is no message
    BYE_MS = 1000,       // at the end, for those who are told
};

static void
look_at_clock(weft_server *server)
{
    server->now_ms = server->clock.mono_ns(server->clock.self) / 1000000;
}

static void
look_at_access(weft_server *server)
{
    if (wf_access_step(server->access)) {
        wf_gateway_peer_recheck(server);
    }
}

// True: there may be more.
static bool
receive_some(weft_server *server)
{
    uint64_t end_ns =
        server->clock.mono_ns(server->clock.self) + ROUND_MS * 1000000ULL;
    struct wf_message message;

    for (int i = 0; i < MESSAGES_PER_ROUND; i++) {
        if (server->clock.mono_ns(server->clock.self) > end_ns) {
            return true;
        }
        if (!wf_socket_receive(server->socket, &message)) {
            return false;
        }
        // It may have been sent after a reload that was not there just now.
        if (wf_access_is_behind(server->access)) {
            look_at_access(server);
        }
        wf_gateway_peer_receive(server, &message);
        wf_message_fini(&message);
    }
    return true;
}

static void
tick(weft_server *server)
{
    wf_gateway_peer_tick(server);
    wf_gateway_session_tick(server);
    wf_gateway_call_tick(server);
    wf_gateway_batch_tick(server);
    wf_gateway_queue_tick(server);
    wf_gateway_lease_tick(server);
    wf_gateway_watch_tick(server);
    wf_gateway_map_tick(server);
}

// To look at all connections costs something for each of them.
static int
look_ms(const weft_server *server)
{
    uint32_t ms = LOOK_MS + server->lines_count / LOOKED_IN_A_MS;

    return server->is_pressed ? PRESSED_MS : ms < TICK_MS ? (int)ms : TICK_MS;
}

// Nobody is connected: then nothing falls due, but of a batch that goes on at
// its rate when its client has been gone for long.
static int
pause_ms(const weft_server *server)
{
    bool is_idle = server->lines_count == 0 && server->peers.count == 0 &&
                   server->idle.count == 0 && server->queues.count == 0 &&
                   server->batches.count == 0 && !server->is_refusing;

    return is_idle ? -1 : look_ms(server);
}

static void
publish(weft_server *server)
{
    struct wf_gateway_tally *tally = &server->tally;

    atomic_store(&tally->connections, server->lines_count);
    atomic_store(&tally->sessions, server->sessions.count);
    atomic_store(&tally->requests_open, server->calls);
    atomic_store(&tally->request_bytes, server->bytes);
}

static void
sleep_until_something(weft_server *server, int timeout_ms)
{
    int fds[3] = {weft_client_fd(server->client), server->wake_fd,
                  wf_access_fd(server->access)};
    uint64_t count;
    uint32_t ready =
        wf_socket_wait(server->socket, fds, fds[2] < 0 ? 2 : 3, timeout_ms);

    if ((ready & 1U << 1) != 0) {
        (void)!read(server->wake_fd, &count, sizeof(count));
    }
}

// Something of each kind of work; true: there is more.
static bool
work(weft_server *server)
{
    bool is_more;

    look_at_clock(server);
    wf_gateway_line_events(server);
    look_at_access(server);
    is_more = receive_some(server);
    wf_gateway_stats_look(server);
    is_more |= weft_client_dispatch(server->client, ANSWERS_PER_ROUND) ==
               ANSWERS_PER_ROUND;
    return is_more;
}

// What was withdrawn the node may have for long: it gives back what waits for
// one instance when half of all who do have left.
static void
see_if_drained(weft_server *server)
{
    uint32_t draining = WF_GATEWAY_DRAINING;

    if (server->calls > server->withdrawn || server->asks > 0 ||
        atomic_load(&server->flight->messages) > 0) {
        return;
    }
    if (atomic_compare_exchange_strong(&server->mode, &draining,
                                       WF_GATEWAY_DRAINED)) {
        wf_futex_wake(&server->mode);
    }
}

static void
serve(weft_server *server)
{
    uint64_t ticked_ms = 0;
    uint64_t looked_ms = 0;
    bool is_more = false;
    bool is_draining = false;

    while (wf_gateway_mode(server) != WF_GATEWAY_CLOSING) {
        sleep_until_something(server, is_more ? 0 : pause_ms(server));
        wf_gateway_take_limits(server);
        is_more = work(server);
        if (server->now_ms - looked_ms >= (uint64_t)look_ms(server)) {
            looked_ms = server->now_ms;
            wf_gateway_line_tick(server);
        }
        if (server->now_ms - ticked_ms >= TICK_MS) {
            ticked_ms = server->now_ms;
            tick(server);
        }
        if (!is_draining && wf_gateway_mode(server) != WF_GATEWAY_SERVING) {
            is_draining = true;
            wf_gateway_session_withdraw_all(server);
        }
        wf_gateway_peer_send_bundles(server);
        if (is_draining) {
            see_if_drained(server);
        }
        publish(server);
    }
}

// Let those who are told hear it.
static void
say_goodbye(weft_server *server)
{
    uint64_t end_ms;

    look_at_clock(server);
    end_ms = server->now_ms + BYE_MS;
    wf_gateway_peer_end_all(server);
    while (atomic_load(&server->flight->messages) > 0 &&
           server->now_ms < end_ms) {
        wf_socket_wait(server->socket, NULL, 0, 1);
        look_at_clock(server);
        wf_gateway_line_events(server);
        (void)receive_some(server);
    }
    publish(server);
}

void *
wf_gateway_run(void *arg)
{
    weft_server *server = arg;

    wf_thread_name("weft-gateway");
    serve(server);
    say_goodbye(server);
    return NULL;
}
