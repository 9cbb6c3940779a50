// SPDX-License-Identifier: Apache-2.0
//
// test_node_io.c - nodes, copies and looks into a directory whose files fail.
//
// As test_io.c, for whole nodes: each of their own calls of the system fails
// once, and then all from there on. RocksDB's do not.

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/counter.h"
#include "unit/io_rig.h"
#include "unit/node_rig.h"
#include "weft/inspect.h"

static weft_definitions *definitions;
static uint64_t added; // answered with success, in this directory

static const char *
in(const char *dir, const char *name)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static weft_err
open_node(const char *dir, weft_node **out_node)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    if (definitions == NULL) {
        definitions = node_rig_define();
    }
    options.data_dir = in(dir, "data");
    options.definitions = definitions;
    options.partition_count = 2;
    options.shard_count = 1;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    options.has_no_black_box = true;
    return weft_node_open(&options, out_node);
}

static weft_err
add(const char *dir)
{
    weft_node *node = NULL;
    weft_client *client = NULL;
    weft_err err = open_node(dir, &node);

    if (err == WEFT_OK) {
        err = weft_client_open(node, NULL, &client);
    }
    if (err == WEFT_OK) {
        err = counter_add(client, "a");
        added += err == WEFT_OK;
    }
    weft_client_close(client);
    weft_node_close(node);
    return err;
}

static void
prepare_none(const char *dir)
{
    (void)dir;
    added = 0;
}

static void
prepare_node(const char *dir)
{
    added = 0;
    CHECK_OK(add(dir));
}

// What was answered is there.
static void
check_added(const char *dir, weft_err err)
{
    weft_node *node = NULL;
    weft_client *client = NULL;
    uint64_t number = 0;

    (void)err;
    CHECK_OK(open_node(dir, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(counter_read(client, "a", &number));
    CHECK(number >= added);
    weft_client_close(client);
    weft_node_close(node);
}
