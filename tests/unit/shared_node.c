// SPDX-License-Identifier: Apache-2.0
//
// shared_node.c - a node as a cluster's database sees it.

#include "unit/shared_node.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

struct shared_node
shared_node_join(struct shared_rig *rig, const char *id)
{
    struct shared_node node = {.row = {.protocol_min = 1,
                                       .protocol_max = 2,
                                       .record_max = 7,
                                       .endpoint = "tcp://127.0.0.1:7401",
                                       .service = "tcp://127.0.0.1:7400",
                                       .curve_key = "rq:rM>}U?@Lns47E1%kR.o@n%"
                                                    "FcmmsL/@{H8]yf7"}};

    snprintf(node.row.id, sizeof(node.row.id), "%s", id);
    shared_rig_registry(rig, id, &node.registry);
    CHECK_OK(node.registry.ops->join(node.registry.self, &node.row,
                                     SHARED_NODE_TTL_MS));
    shared_rig_log(rig, id, node.row.incarnation, &node.log);
    return node;
}

void
shared_node_quit(struct shared_node *node)
{
    node->log.ops->close(node->log.self);
    node->registry.ops->close(node->registry.self);
}

struct wf_shared_place
shared_node_acquire(struct shared_node *node, uint32_t partition)
{
    struct wf_shared_place place;

    CHECK_OK(node->log.ops->acquire(node->log.self, partition, &place));
    return place;
}

weft_err
shared_node_try_acquire(struct shared_node *node, uint32_t partition)
{
    struct wf_shared_place place;

    return node->log.ops->acquire(node->log.self, partition, &place);
}

void
shared_node_encode(uint32_t partition, const char *text, struct wf_buf *out)
{
    struct wf_segment segment = {.partition = partition,
                                 .epoch = 1,
                                 .record_count = 1,
                                 .records = weft_text(text)};

    wf_segment_encode(&segment, out);
}

struct wf_shared_append
shared_node_append(struct shared_node *node, uint32_t partition,
                   const char *text)
{
    struct wf_buf segment = {0};
    struct wf_shared_append one = {.partition = partition};

    shared_node_encode(partition, text, &segment);
    one.segment = wf_buf_bytes(&segment);
    node->log.ops->append(node->log.self, &one, 1);
    wf_buf_fini(&segment);
    one.segment = weft_nothing();
    return one;
}

void
shared_node_append_as(struct shared_node *node, uint32_t partition,
                      const char *text, uint64_t number)
{
    struct wf_shared_append one = shared_node_append(node, partition, text);

    CHECK_EQ(one.result, WF_APPEND_DURABLE);
    CHECK_EQ(one.number, number);
}

static weft_err
tell(void *ctx, uint64_t number, const struct wf_segment *segments,
     uint32_t segments_count)
{
    struct shared_story *story = ctx;
    size_t len = strlen(story->text);

    CHECK_EQ(segments_count, 1);
    snprintf(story->text + len, sizeof(story->text) - len, "%u=%.*s ",
             (unsigned)number, (int)segments->records.len,
             (const char *)segments->records.data);
    return number == story->stop_at ? WEFT_ECANCELLED : WEFT_OK;
}

weft_err
shared_node_read(struct shared_node *node, uint32_t partition, uint64_t from,
                 struct shared_story *story)
{
    story->text[0] = '\0';
    return node->log.ops->read(node->log.self, partition, from, tell, story);
}

weft_err
shared_node_snapshot(struct shared_node *node, uint32_t partition,
                     uint64_t redo_from, const char *manifest)
{
    return node->log.ops->snapshot_commit(node->log.self, partition, redo_from,
                                          weft_text(manifest));
}
