// SPDX-License-Identifier: Apache-2.0
//
// peers_rig.c - see peers_rig.h.

#include "peers_rig.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
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
    wf_buf_put(&rig->nodes[0].lines, line, strlen(line));
    unlock(rig);
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
        .clock = wf_clock_system(),
        .trace = &rig->trace,
        .deliver = on_frame,
        .changed = on_change,
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
        wf_buf_fini(&rig->nodes[i].lines);
    }
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
    uint32_t node;
    uint32_t count;
    const char *text;
};

static bool
has_frames(struct rig *rig, void *arg)
{
    const struct wanted *wanted = arg;

    return rig->nodes[wanted->node].frames_count >= wanted->count;
}

void
rig_wait_frames(struct rig *rig, uint32_t node, uint32_t count)
{
    rig_wait(rig, has_frames, &(struct wanted){node, count, NULL});
    CHECK_EQ(rig->nodes[node].frames_count, count);
}

static bool
has_line(struct rig *rig, void *arg)
{
    const struct wanted *wanted = arg;
    struct wf_buf *lines = &rig->nodes[wanted->node].lines;

    return lines->len > 0 && memmem(lines->data, lines->len, wanted->text,
                                    strlen(wanted->text)) != NULL;
}

void
rig_wait_line(struct rig *rig, uint32_t node, const char *text)
{
    rig_wait(rig, has_line, &(struct wanted){node, 0, text});
}

const char *
rig_frames(struct rig *rig, uint32_t node)
{
    static char text[4096];
    struct wf_buf *frames = &rig->nodes[node].frames;

    lock(rig);
    (void)snprintf(text, sizeof(text), "%.*s", (int)frames->len,
                   frames->len == 0 ? "" : (const char *)frames->data);
    unlock(rig);
    return text;
}
