// SPDX-License-Identifier: Apache-2.0
//
// scene.c - the node of a scene, and who asks it.

#include "memory/scene.h"

#include <stdio.h>
#include <string.h>

#include "weft/connect.h"

weft_err
scene_open_client(struct scene_play *play, const char *id,
                  weft_client **out_client)
{
    weft_client_options local = WEFT_CLIENT_OPTIONS_INIT;
    weft_connect_options far = WEFT_CONNECT_OPTIONS_INIT;
    const char *endpoints[1];

    if (!play->setting->is_remote) {
        memcpy(local.client_id, id, strlen(id));
        return weft_client_open(play->node, &local, out_client);
    }
    memcpy(far.client_id, id, strlen(id));
    endpoints[0] = weft_server_endpoint(play->server, 0);
    far.endpoints = endpoints;
    far.endpoints_count = 1;
    return weft_client_connect(&far, out_client);
}

static weft_err
serve(struct scene_play *play)
{
    weft_server_options options = WEFT_SERVER_OPTIONS_INIT;
    const char *endpoints[] = {"tcp://127.0.0.1:0"};

    options.endpoints = endpoints;
    options.endpoints_count = 1;
    return weft_server_open(play->node, &options, &play->server);
}

static void
log_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

weft_err
scene_open_node(struct scene_play *play)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    char path[600];
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/data", play->root);
    options.data_dir = path;
    options.definitions = play->definitions;
    options.partition_count = 3;
    options.shard_count = 1;
    options.worker_count = 2;
    options.local_worker_count = 1;
    options.store_count = play->setting->stores;
    options.window_bytes = play->setting->window_bytes;
    options.resident_actors_max = play->setting->residents;
    options.strict = play->setting->is_strict;
    options.paranoid = play->setting->is_paranoid;
    options.reserve_bytes = 1;
    options.log = log_line;
    err = weft_node_open(&options, &play->node);
    if (err == WEFT_OK && play->setting->is_remote) {
        err = serve(play);
    }
    if (err == WEFT_OK) {
        err = scene_open_client(play, "scene", &play->client);
    }
    if (err == WEFT_OK) {
        err = scene_open_client(play, "reader", &play->reader);
    }
    if (err != WEFT_OK) {
        scene_close_node(play);
    }
    return err;
}

void
scene_close_node(struct scene_play *play)
{
    weft_client_close(play->reader);
    weft_client_close(play->client);
    weft_server_close(play->server);
    weft_node_close(play->node);
    play->reader = NULL;
    play->client = NULL;
    play->server = NULL;
    play->node = NULL;
}

weft_err
scene_read_cell(struct scene_play *play, uint64_t *out_count, uint64_t *out_sum)
{
    weft_reply *reply = NULL;
    weft_err err = weft_client_query(play->reader, (weft_target){"cell", "c"},
                                     "all", weft_nothing(), &reply);
    uint64_t cell[2];

    if (err == WEFT_OK && reply->data.len == sizeof(cell)) {
        memcpy(cell, reply->data.data, sizeof(cell));
        *out_count = cell[0];
        *out_sum = cell[1];
    } else if (err == WEFT_ENOTFOUND) {
        *out_count = 0;
        *out_sum = 0;
        err = WEFT_OK;
    }
    weft_reply_free(reply);
    return err;
}
