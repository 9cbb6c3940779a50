// SPDX-License-Identifier: Apache-2.0
//
// served.c - a node with the objects of kinds.h, in a process of its own: this
// program once more.

#include "history/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history/kinds.h"
#include "weft/serve.h"
#include "weft/weft.h"

#define BECOME "--served"

// ThreadSanitizer does not see what RocksDB does to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s: %s %s\n", what, weft_err_name(err),
                      weft_err_detail());
        exit(1);
    }
}

static void
log_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

static _Noreturn void
serve(char **args)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_server_options serve = WEFT_SERVER_OPTIONS_INIT;
    weft_node_stats stats = {.struct_size = sizeof(stats)};
    const char *endpoints[] = {args[1]};
    weft_definitions *definitions = NULL;
    weft_node *node = NULL;
    weft_server *server = NULL;
    char byte;

    must(weft_definitions_create(&definitions), "definitions");
    must(kinds_define(definitions), "kinds");
    options.data_dir = args[0];
    options.definitions = definitions;
    options.partition_count = 6;
    options.shard_count = 2;
    options.reserve_bytes = 1;
    options.log = log_line;
    options.store_count = (uint32_t)strtoul(args[3], NULL, 10);
    options.resident_actors_max = (uint32_t)strtoul(args[4], NULL, 10);
    options.window_bytes = strcmp(args[2], "none") == 0
                               ? WEFT_WINDOW_NONE
                               : strtoll(args[2], NULL, 10); // "default": 0
    must(weft_node_open(&options, &node), "node");
    serve.endpoints = endpoints;
    serve.endpoints_count = 1;
    must(weft_server_open(node, &serve, &server), "server");
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    weft_server_close(server);
    must(weft_node_get_stats(node, &stats), "stats");
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    exit(stats.audit_failures == 0 ? 0 : 3);
}

void
served_become(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], BECOME) == 0) {
        serve(argv + 2);
    }
}

void
served_start(struct served *served, const char *data_dir)
{
    const char *args[] = {
        "served",       BECOME,         data_dir,          served->endpoint,
        served->window, served->stores, served->residents, NULL};

    (void)child_start(&served->child, &(struct child_options){
                                          .args = args,
                                          .log = served->log,
                                      });
}

void
served_kill(struct served *served)
{
    (void)child_kill(&served->child);
}

bool
served_has_ended(struct served *served)
{
    return child_has_ended(&served->child);
}

int
served_stop(struct served *served)
{
    return child_end(&served->child, 0);
}
