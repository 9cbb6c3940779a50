// SPDX-License-Identifier: Apache-2.0
//
// codec_map.c - see codec_map.h.

#include "remote/codec_map.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "remote/codec_field.h"
#include "transport/wire.h"

struct asked {
    uint64_t after;
};

static const struct wf_codec_field asked_fields[] = {
    {"after", WF_CODEC_U64, .at = offsetof(struct asked, after)},
    {NULL},
};

struct node {
    const char *name;
    const char *endpoint;
    const uint32_t *partitions;
    size_t partitions_count;
};

#define IN(member) .at = offsetof(struct node, member)
static const struct wf_codec_field node_fields[] = {
    {"node", WF_CODEC_TEXT, IN(name)},
    {"endpoint", WF_CODEC_TEXT, IN(endpoint)},
    {"partitions", WF_CODEC_U32S, IN(partitions),
     .more_at = offsetof(struct node, partitions_count)},
    {NULL},
};
#undef IN

struct map {
    uint64_t after;
    const struct node *nodes;
    size_t nodes_count;
};

static const struct wf_codec_field map_fields[] = {
    {"after", WF_CODEC_U64, .at = offsetof(struct map, after)},
    {"nodes", WF_CODEC_LIST, .at = offsetof(struct map, nodes),
     .more_at = offsetof(struct map, nodes_count), .of = node_fields,
     .size = sizeof(struct node)},
    {NULL},
};

weft_err
wf_codec_map_decode(const struct wf_wire_message *message, uint64_t *out_after)
{
    struct wf_arena memory = {0};
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, &memory};
    struct asked asked = {0};
    weft_err err =
        wf_codec_field_read_message(&how, asked_fields, message, "map", &asked);

    wf_arena_fini(&memory);
    *out_after = asked.after;
    return err;
}

void
wf_codec_map_encode(uint64_t after, uint64_t number, struct wf_buf *out_frame)
{
    struct asked asked = {after};

    wf_codec_field_write_message(asked_fields, 0, &asked, "map", number,
                                 out_frame);
}

// Only tcp goes to another machine; a path would be one of the client's own.
static bool
is_of_use(const struct node *node)
{
    return node->name[0] != '\0' &&
           strncmp(node->endpoint, "tcp://", strlen("tcp://")) == 0;
}

static weft_err
take_node(const struct node *node, struct wf_routes *routes)
{
    for (size_t i = 0; i < node->partitions_count; i++) {
        uint32_t partition = node->partitions[i];

        if (partition >= routes->partition_count ||
            routes->owners[partition] != WF_ROUTES_NOBODY) {
            return wf_error(WEFT_ECORRUPT,
                            "partition %u is not there, or there twice",
                            (unsigned)partition);
        }
        if (is_of_use(node)) {
            wf_routes_add(routes, partition, node->name, node->endpoint);
        }
    }
    return WEFT_OK;
}

weft_err
wf_codec_routes_decode(const struct wf_wire_message *message,
                       uint32_t partition_count, struct wf_routes *out_routes)
{
    struct wf_arena memory = {0};
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, &memory};
    struct map map = {0};
    weft_err err =
        wf_codec_field_read_message(&how, map_fields, message, "ok", &map);

    wf_routes_init(out_routes, partition_count);
    if (err != WEFT_OK) {
        err = wf_error(WEFT_ECORRUPT, "%s", weft_err_detail());
    }
    for (size_t i = 0; err == WEFT_OK && i < map.nodes_count; i++) {
        err = take_node(&map.nodes[i], out_routes);
    }
    out_routes->version = map.after;
    wf_arena_fini(&memory);
    return err;
}

// What each node has, one after the other in `partitions`.
static void
list_nodes(const struct wf_routes *routes, struct node *nodes,
           uint32_t *partitions)
{
    for (uint32_t i = 0; i < routes->nodes_count; i++) {
        nodes[i] = (struct node){
            .name = routes->nodes[i].name,
            .endpoint = routes->nodes[i].endpoint,
            .partitions = partitions,
        };
        for (uint32_t k = 0; k < routes->partition_count; k++) {
            if (routes->owners[k] == (int32_t)i) {
                *partitions++ = k;
                nodes[i].partitions_count++;
            }
        }
    }
}

void
wf_codec_routes_encode(const struct wf_routes *routes, uint64_t number,
                       struct wf_buf *out_frame)
{
    struct node *nodes = wf_calloc((routes->nodes_count + 1) * sizeof(*nodes));
    uint32_t *partitions =
        wf_calloc((routes->partition_count + 1) * sizeof(*partitions));
    struct map map = {
        .after = routes->version,
        .nodes = nodes,
        .nodes_count = routes->nodes_count,
    };

    list_nodes(routes, nodes, partitions);
    wf_codec_field_write_message(map_fields, 0, &map, "ok", number, out_frame);
    wf_free(partitions);
    wf_free(nodes);
}
