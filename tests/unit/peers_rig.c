// SPDX-License-Identifier: Apache-2.0
//
// peers_rig.c - see peers_rig.h.

#include "peers_rig.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "runtime/request.h"
#include "support/test.h"

const uint8_t rig_cluster[16] = "rig-of-16-bytes";

static void
lock(struct rig *rig)
{
    (void)pthread_mutex_lock(&rig->lock);
}

static void
unlock(struct rig *rig)
{
    (void)pthread_cond_broadcast(&rig->news);
    (void)pthread_mutex_unlock(&rig->lock);
}

static void
on_frame(void *ctx, uint32_t partition, weft_bytes frame)
{
    struct rig_node *node = ctx;
    char head[16];

    lock(node->rig);
    (void)snprintf(head, sizeof(head), "%u:", partition);
    wf_buf_put(&node->frames, head, strlen(head));
    wf_buf_put(&node->frames, frame.data, frame.len > 16 ? 16 : frame.len);
    wf_buf_put_u8(&node->frames, ' ');
    node->frames_count++;
    node->frames_bytes += frame.len;
    unlock(node->rig);
}

static void
on_change(void *ctx)
{
    struct rig_node *node = ctx;

    lock(node->rig);
    node->changes++;
    unlock(node->rig);
}

static void
on_line(void *ctx, enum wf_trace_level level, uint64_t now_ms, const char *who,
        const char *verb, const char *text)
{
    struct rig *rig = ctx;
    char line[512];

    (void)level;
    (void)now_ms;
    (void)snprintf(line, sizeof(line), "%s %s %s\n", who, verb, text);
    lock(rig);
    wf_buf_put(&rig->lines, line, strlen(line));
    unlock(rig);
}

static void
on_met(void *ctx, uint32_t partition)
{
    struct rig_node *node = ctx;

    lock(node->rig);
    node->met[partition]++;
    unlock(node->rig);
}

// Requests. -------------------------------------------------------------------

static void
answer(struct rig_node *node, struct wf_request *request, weft_err err)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "from %s", node->id);
    wf_request_answer(request, err, err == WEFT_OK ? "" : text);
    wf_request_answer_data(request, weft_text(text));
    request->done(request);
}

static bool
on_serve(void *ctx, struct wf_request *request)
{
    struct rig_node *node = ctx;
    char text[300];
    bool has;
    bool is_held = false;

    lock(node->rig);
    has = node->has[request->partition];
    if (has) {
        (void)snprintf(text, sizeof(text), "%u:%s%s ", request->partition,
                       request->name, request->is_repeat ? "!" : "");
        wf_buf_put(&node->served, text, strlen(text));
        node->served_count++;
        node->has[request->partition] =
            node->leaves_after == 0 || --node->leaves_after > 0;
        is_held = node->is_holding;
        if (is_held) {
            node->held[node->held_count++] = request;
        }
    }
    unlock(node->rig);
    if (has && !is_held) {
        answer(node, request, WEFT_OK);
    }
    return has;
}

static void
on_withdraw(void *ctx, struct wf_request *request)
{
    struct rig_node *node = ctx;

    (void)request;
    lock(node->rig);
    node->withdrawn++;
    unlock(node->rig);
}

static struct wf_request *
take_held(struct rig_node *node)
{
    struct wf_request *request = NULL;

    lock(node->rig);
    if (node->held_count > 0) {
        request = node->held[0];
        node->held_count--;
        memmove(node->held, node->held + 1,
                node->held_count * sizeof(struct wf_request *));
    }
    unlock(node->rig);
    return request;
}

void
rig_release(struct rig *rig, uint32_t node, weft_err err)
{
    struct wf_request *request;

    while ((request = take_held(&rig->nodes[node])) != NULL) {
        answer(&rig->nodes[node], request, err);
    }
}

void
rig_give_back(struct rig *rig, uint32_t node)
{
    struct wf_request *request;

    while ((request = take_held(&rig->nodes[node])) != NULL) {
        wf_peers_forward(rig->nodes[node].peers, request);
    }
}

struct wf_request *
rig_make(uint32_t partition, const char *name)
{
    struct wf_request *request = wf_request_create();
    char id[16];

    for (int i = 0; request->key.text == NULL; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        CHECK_OK(wf_key_make("default", "order", id, &request->key));
        if (wf_key_partition(&request->key, RIG_PARTITIONS) != partition) {
            wf_key_fini(&request->key);
        }
    }
    request->verb = WEFT_VERB_SIGNAL;
    request->partition = partition;
    request->name = wf_strdup(name);
    return request;
}

static void
on_answer(struct wf_request *request)
{
    struct rig_call *call = request->done_ctx;

    lock(call->rig);
    call->done++;
    unlock(call->rig);
}

void
rig_ask(struct rig *rig, struct rig_call *call, uint32_t from,
        struct wf_request *request)
{
    *call = (struct rig_call){.rig = rig, .request = request};
    request->done = on_answer;
    request->done_ctx = call;
    request->number = ++rig->last_number;
    memcpy(request->client, "client-of-16-byt", sizeof(request->client));
    wf_peers_forward(rig->nodes[from].peers, request);
}

void
rig_end(struct rig_call *call)
{
    CHECK_EQ(call->done, 1);
    wf_request_destroy(call->request);
}

void
rig_check_answer(struct rig_call *call, weft_err err, const char *data)
{
    rig_wait_done(call);
    CHECK_ERR(call->request->reply.err, err);
    CHECK_BYTES(call->request->reply.data, weft_text(data));
    rig_end(call);
}

void
rig_move(struct rig *rig, uint32_t partition, int32_t to)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        lock(rig);
        rig->nodes[i].has[partition] = (int32_t)i == to;
        unlock(rig);
    }
    rig->map.parts[partition].owner = to;
    rig->map.parts[partition].epoch += to < 0 ? 0 : 1;
    rig->map.parts[partition].owner_incarnation =
        to < 0 ? 0 : rig->map.nodes[to].incarnation;
}

void
rig_init(struct rig *rig, uint32_t count)
{
    *rig = (struct rig){.count = count};
    (void)pthread_mutex_init(&rig->lock, NULL);
    (void)pthread_cond_init(&rig->news, NULL);
    rig->trace =
        (struct wf_trace){.emit = on_line, .ctx = rig, .level = WF_TRACE_NOTE};
    rig->map.nodes_count = count;
    rig->map.nodes = wf_calloc(count * sizeof(*rig->map.nodes));
    rig->map.parts_count = RIG_PARTITIONS;
    rig->map.parts = wf_calloc(RIG_PARTITIONS * sizeof(*rig->map.parts));
    for (uint32_t i = 0; i < count; i++) {
        rig->nodes[i].rig = rig;
        (void)snprintf(rig->nodes[i].id, sizeof(rig->nodes[i].id), "%c",
                       (char)('a' + i));
        (void)snprintf(rig->map.nodes[i].id, sizeof(rig->map.nodes[i].id), "%c",
                       (char)('a' + i));
        rig->map.nodes[i].incarnation = i + 1;
        rig->map.nodes[i].is_live = true;
    }
    for (uint32_t i = 0; i < RIG_PARTITIONS; i++) {
        rig->map.parts[i].epoch = 1;
        rig->map.parts[i].owner = (int32_t)(i % count);
        rig->map.parts[i].owner_incarnation = i % count + 1;
        rig->nodes[i % count].has[i] = true;
    }
}

void
rig_start_node(struct rig *rig, uint32_t index)
{
    struct rig_node *node = &rig->nodes[index];
    struct wf_registry_node *listed = &rig->map.nodes[index];
    struct wf_peers_options options = {
        .cluster_id = rig_cluster,
        .node_id = node->id,
        .endpoint = "tcp://127.0.0.1:*",
        .partition_count = RIG_PARTITIONS,
        .window_bytes = rig->window_bytes,
        .record_max = 7,
        .protocol_min = node->protocol_min,
        .protocol_max = node->protocol_max,
        .clock = wf_clock_system(),
        .trace = &rig->trace,
        .deliver = on_frame,
        .changed = on_change,
        .met = on_met,
        .serve = on_serve,
        .withdraw = on_withdraw,
        .ctx = node,
    };

    if (rig->has_keys) {
        options.secret_key = node->keys.secret_key;
        options.public_key = node->keys.public_key;
        memcpy(listed->curve_key, node->keys.public_key,
               sizeof(listed->curve_key));
    }
    CHECK_OK(wf_peers_create(&options, listed->incarnation, &node->peers));
    (void)snprintf(listed->endpoint, sizeof(listed->endpoint), "%s",
                   wf_peers_endpoint(node->peers));
}

void
rig_start(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        rig_start_node(rig, i);
    }
    rig_map(rig);
}

void
rig_map(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        if (rig->nodes[i].peers != NULL) {
            wf_peers_map(rig->nodes[i].peers, &rig->map);
        }
    }
}

void
rig_fini(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        wf_peers_destroy(rig->nodes[i].peers);
        wf_buf_fini(&rig->nodes[i].frames);
        wf_buf_fini(&rig->nodes[i].served);
    }
    wf_buf_fini(&rig->lines);
    wf_registry_map_fini(&rig->map);
    (void)pthread_cond_destroy(&rig->news);
    (void)pthread_mutex_destroy(&rig->lock);
}

void
rig_send(struct rig *rig, uint32_t from, uint32_t partition, const char *bytes)
{
    struct wf_buf frame = {0};

    wf_buf_put(&frame, bytes, strlen(bytes));
    wf_peers_send(rig->nodes[from].peers, partition, &frame);
    CHECK_EQ(frame.cap, 0);
}

void
rig_wait(struct rig *rig, bool (*is_so)(struct rig *rig, void *arg), void *arg)
{
    struct timespec end;
    int rc = 0;
    bool is_reached;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += RIG_WAIT_MS / 1000;
    lock(rig);
    while (!(is_reached = is_so(rig, arg)) && rc == 0) {
        rc = pthread_cond_timedwait(&rig->news, &rig->lock, &end);
    }
    unlock(rig);
    CHECK(is_reached);
}

struct wanted {
    const uint32_t *counter;
    uint32_t count;
};

static bool
has_come(struct rig *rig, void *arg)
{
    const struct wanted *wanted = arg;

    (void)rig;
    return *wanted->counter >= wanted->count;
}

void
rig_wait_count(struct rig *rig, const uint32_t *counter, uint32_t count)
{
    rig_wait(rig, has_come, &(struct wanted){counter, count});
}

void
rig_wait_frames(struct rig *rig, uint32_t node, uint32_t count)
{
    rig_wait_count(rig, &rig->nodes[node].frames_count, count);
    CHECK_EQ(rig->nodes[node].frames_count, count);
}

void
rig_wait_done(struct rig_call *call)
{
    rig_wait_count(call->rig, &call->done, 1);
}

static bool
has_line(struct rig *rig, void *arg)
{
    const char *text = arg;

    return rig->lines.len > 0 &&
           memmem(rig->lines.data, rig->lines.len, text, strlen(text)) != NULL;
}

void
rig_wait_line(struct rig *rig, const char *text)
{
    rig_wait(rig, has_line, (void *)(uintptr_t)text);
}

static const char *
show(struct rig *rig, const struct wf_buf *bytes)
{
    static char text[4096];

    lock(rig);
    (void)snprintf(text, sizeof(text), "%.*s", (int)bytes->len,
                   bytes->len == 0 ? "" : (const char *)bytes->data);
    unlock(rig);
    return text;
}

const char *
rig_frames(struct rig *rig, uint32_t node)
{
    return show(rig, &rig->nodes[node].frames);
}

const char *
rig_served(struct rig *rig, uint32_t node)
{
    return show(rig, &rig->nodes[node].served);
}
