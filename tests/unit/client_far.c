// SPDX-License-Identifier: Apache-2.0
//
// client_far.c - clients that reach the fake of a node through a server, over a
// Unix socket. See client_rig.h.

#include <stdio.h>
#include <string.h>

#include "unit/client_rig.h"
#include "weft/connect.h"
#include "weft/serve.h"

const bool rig_is_far = true;

static weft_server *server;
static char endpoint[256];
static const char *endpoints[] = {endpoint};

void
rig_reach_open(void)
{
    weft_server_options options = WEFT_SERVER_OPTIONS_INIT;
    struct test *test = (struct test *)(uintptr_t)test_now();

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/s", test_dir(test));
    options.endpoints = endpoints;
    options.endpoints_count = 1;
    CHECK_OK(weft_server_open(&rig.node, &options, &server));
}

void
rig_reach_close(void)
{
    weft_server_close(server);
    server = NULL;
}

weft_err
rig_reach_client(const weft_client_options *options, weft_client **out_client)
{
    weft_connect_options far = WEFT_CONNECT_OPTIONS_INIT;

    far.endpoints = endpoints;
    far.endpoints_count = 1;
    if (options != NULL) {
        far.name_space = options->name_space;
        far.timeout_ms = options->timeout_ms;
        memcpy(far.client_id, options->client_id, sizeof(far.client_id));
    }
    return weft_client_connect(&far, out_client);
}
