// SPDX-License-Identifier: Apache-2.0
//
// batch_far.c - batches of a client over the wire, at a node on a disk. See
// batch_rig.h.

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/batch_rig.h"
#include "weft/connect.h"
#include "weft/node.h"
#include "weft/serve.h"

const bool batch_rig_is_far = true;

static weft_node *node;
static weft_server *server;
static weft_client *client;

static void
open_node(weft_definitions *definitions)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct test *test = (struct test *)(uintptr_t)test_now();
    char dir[600];

    (void)snprintf(dir, sizeof(dir), "%s/data", test_dir(test));
    options.data_dir = dir;
    options.definitions = definitions;
    options.partition_count = 8;
    options.shard_count = 2;
    options.reserve_bytes = 1;
    CHECK_OK(weft_node_open(&options, &node));
}

weft_client *
batch_rig_open(weft_definitions *definitions)
{
    weft_server_options serve = WEFT_SERVER_OPTIONS_INIT;
    weft_connect_options connect = WEFT_CONNECT_OPTIONS_INIT;
    const char *any[] = {"tcp://127.0.0.1:*"};
    const char *endpoints[1];

    open_node(definitions);
    serve.endpoints = any;
    serve.endpoints_count = 1;
    CHECK_OK(weft_server_open(node, &serve, &server));
    endpoints[0] = weft_server_endpoint(server, 0);
    connect.endpoints = endpoints;
    connect.endpoints_count = 1;
    CHECK_OK(weft_client_connect(&connect, &client));
    return client;
}

void
batch_rig_close(void)
{
    weft_client_close(client);
    weft_server_close(server);
    weft_node_close(node);
}

void
batch_rig_go_on(void)
{
    (void)usleep(5000);
}

void
batch_rig_tick(void)
{
}

uint64_t
batch_rig_now_ms(void)
{
    struct wf_clock clock = wf_clock_system();

    return clock.mono_ns(clock.self) / 1000000;
}
