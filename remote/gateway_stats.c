// SPDX-License-Identifier: Apache-2.0
//
// gateway_stats.c - see gateway_stats.h.
//
// A node's numbers are asked of its shards, which answer between two turns. The
// server's thread does not wait for that: a thread of its own does, one at a
// time, for all who had asked when it began.

#include "remote/gateway_stats.h"

#include <stddef.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/thread.h"
#include "remote/codec.h"
#include "remote/codec_batch.h"
#include "runtime/metrics.h"

struct asker {
    struct wf_gateway_call *call;
    struct wf_list_node node;
};

// Numbers of the server. ----------------------------------------------------

static const struct number {
    struct wf_metric_family family;
    size_t at; // in weft_server_stats
} numbers[] = {
#define GAUGE(member, name, help)                                              \
    {                                                                          \
        {"server_" name, help, WEFT_METRIC_GAUGE, {NULL, NULL}, 0, 0},         \
            offsetof(weft_server_stats, member)                                \
    }
#define COUNTER(member, name, help)                                            \
    {                                                                          \
        {"server_" name, help, WEFT_METRIC_COUNTER, {NULL, NULL}, 0, 0},       \
            offsetof(weft_server_stats, member)                                \
    }
    GAUGE(connections, "connections", "Connections now."),
    GAUGE(sessions, "clients", "Clients that are known now."),
    GAUGE(requests_open, "requests_open", "Requests without an answer."),
    GAUGE(request_bytes, "request_bytes", "Bytes of requests without answer."),
    GAUGE(answer_bytes, "answer_bytes", "Bytes of answers not taken yet."),
    COUNTER(accepted, "accepted", "Connections that were taken."),
    COUNTER(turned_away, "turned_away", "Connections that were too many."),
    COUNTER(disconnected, "disconnected", "Connections that ended."),
    COUNTER(requests, "requests", "Requests that were taken."),
    COUNTER(refused, "refused", "Requests refused for a limit."),
    COUNTER(malformed, "malformed", "Connections cut off for what they sent."),
    COUNTER(slow, "slow", "Connections cut off for answers not taken."),
    COUNTER(silent, "silent", "Connections cut off for their silence."),
    COUNTER(replaced, "replaced", "Connections whose client came again."),
    COUNTER(bytes_received, "received_bytes", "Bytes of messages received."),
    COUNTER(bytes_sent, "sent_bytes", "Bytes of messages sent."),
#undef GAUGE
#undef COUNTER
};

static void
put_numbers(weft_server *server, weft_metrics *metrics)
{
    weft_server_stats stats = {.struct_size = sizeof(stats)};

    if (weft_server_get_stats(server, &stats) != WEFT_OK) {
        return;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t value =
            *(const uint64_t *)(const void *)((const char *)&stats +
                                              numbers[i].at);

        wf_metrics_put(metrics, &numbers[i].family, NULL, NULL, (double)value);
    }
}

// The thread. ---------------------------------------------------------------

static void *
run(void *arg)
{
    weft_server *server = arg;
    weft_metrics *metrics = NULL;
    uint64_t one = 1;
    const char *text;

    wf_thread_name("weft-stats");
    if (weft_node_metrics(server->node, &metrics) == WEFT_OK) {
        put_numbers(server, metrics);
        (void)weft_metrics_text(metrics, &text, NULL); // written here
    }
    server->stats.metrics = metrics;
    atomic_store(&server->stats.is_done, true);
    (void)!write(server->wake_fd, &one, sizeof(one));
    return NULL;
}

static void
start(weft_server *server)
{
    struct wf_gateway_stats *stats = &server->stats;
    struct wf_list_node *node;

    if (stats->is_running || stats->waiting.count == 0) {
        return;
    }
    atomic_store(&stats->is_done, false);
    stats->is_running = pthread_create(&stats->thread, NULL, run, server) == 0;
    while (stats->is_running &&
           (node = wf_list_pop_front(&stats->waiting)) != NULL) {
        wf_list_push_back(&stats->served, node);
    }
}

static void
join(struct wf_gateway_stats *stats)
{
    int rc = pthread_join(stats->thread, NULL);

    WF_ASSERT(rc == 0);
    stats->is_running = false;
}

// Answers. ------------------------------------------------------------------

static void
answer(weft_server *server, struct wf_gateway_call *call, const char *text)
{
    struct wf_codec_metrics metrics = {text};

    if (text == NULL) {
        (void)wf_error(WEFT_EBUSY, "the node has no numbers now");
        wf_gateway_call_end(call, WEFT_EBUSY);
        return;
    }
    if (wf_gateway_call_is_heard(call)) {
        wf_codec_metrics_encode(&metrics, call->number, &server->out);
        wf_codec_size_check(call->number, 0, &server->out);
    }
    wf_gateway_call_end(call, WEFT_OK);
}

static void
answer_all(weft_server *server, struct wf_list *askers, const char *text)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(askers)) != NULL) {
        struct asker *asker = WF_CONTAINER(node, struct asker, node);

        answer(server, asker->call, text);
        wf_free(asker);
    }
}

static void
give_out(weft_server *server)
{
    struct wf_gateway_stats *stats = &server->stats;
    const char *text = NULL;

    join(stats);
    if (stats->metrics != NULL) {
        (void)weft_metrics_text(stats->metrics, &text, NULL);
    }
    answer_all(server, &stats->served, text);
    weft_metrics_free(stats->metrics);
    stats->metrics = NULL;
}

void
wf_gateway_stats_look(weft_server *server)
{
    if (server->stats.is_running && atomic_load(&server->stats.is_done)) {
        give_out(server);
    }
    start(server);
}

weft_err
wf_gateway_stats_begin(struct wf_gateway_call *call,
                       const struct wf_wire_message *message)
{
    struct wf_arena memory = {0};
    struct wf_codec_stats asked;
    struct asker *asker;
    weft_err err = wf_codec_stats_decode(message, &memory, &asked);

    wf_arena_fini(&memory);
    if (err != WEFT_OK) {
        return err;
    }
    asker = wf_calloc(sizeof(*asker));
    asker->call = call;
    wf_list_push_back(&call->server->stats.waiting, &asker->node);
    start(call->server);
    return WEFT_OK;
}

void
wf_gateway_stats_fini(weft_server *server)
{
    if (server->stats.is_running) {
        give_out(server);
    }
    answer_all(server, &server->stats.waiting, NULL);
}
