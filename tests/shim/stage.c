// SPDX-License-Identifier: Apache-2.0
//
// stage.c - what a scene is played on: a node, and how it is asked.
//
// Threads: the caller's, and one that completes deferred activities, which has
// a client of its own.

#include "shim/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crash/ledger.h"
#include "shim/scene_kinds.h"

#define PARTITIONS 6
#define ASK_MS 1000

_Noreturn void
stage_give_up(const char *what, weft_err err, int status)
{
    (void)fprintf(stderr, "scene_victim: %s: %s: %s\n", what,
                  weft_err_name(err), weft_err_detail());
    _exit(status);
}

void
stage_sleep_ms(uint32_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000,
                            .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

uint64_t
stage_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Options. -------------------------------------------------------------------

static void
read_option(struct stage_options *options, const char *word)
{
    const char *equals = strchr(word, '=');
    const char *value = equals == NULL ? "" : equals + 1;
    uint32_t number = (uint32_t)strtoul(value, NULL, 10);

    if (strcmp(word, "window=none") == 0) {
        options->node.window_bytes = WEFT_WINDOW_NONE;
    } else if (strcmp(word, "window=64k") == 0) {
        options->node.window_bytes = 65536;
    } else if (strncmp(word, "shards=", 7) == 0) {
        options->node.shard_count = number;
    } else if (strncmp(word, "stores=", 7) == 0) {
        options->node.store_count = number;
    } else if (strncmp(word, "residents=", 10) == 0) {
        options->node.resident_actors_max = number;
    } else if (strcmp(word, "strict") == 0) {
        options->node.strict = 1;
    } else if (strcmp(word, "paranoid") == 0) {
        options->node.paranoid = 1;
    } else if (strcmp(word, "v2") == 0) {
        options->is_newer = true;
    } else if (strcmp(word, "ipc") == 0) {
        options->is_ipc = true;
    } else if (strcmp(word, "tcp") == 0) {
        options->is_tcp = true;
    } else if (strcmp(word, "worker") == 0) {
        options->has_worker = true;
    } else if (strcmp(word, "window=default") != 0) {
        stage_give_up(word, WEFT_EINVAL, 3);
    }
}

static struct stage_options
read_options(const char *text)
{
    struct stage_options options = {.node = WEFT_NODE_OPTIONS_INIT};
    char copy[256];
    char *at = NULL;

    options.node.shard_count = 1;
    options.node.store_count = 1;
    options.node.worker_count = 2;
    options.node.local_worker_count = 1;
    options.node.reserve_bytes = 1;
    options.node.partition_count = PARTITIONS;
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strtok_r(copy, ",", &at); word != NULL;
         word = strtok_r(NULL, ",", &at)) {
        read_option(&options, word);
    }
    return options;
}

// Completion by token. -------------------------------------------------------

static void
complete(void *ctx, char *line)
{
    struct stage *stage = ctx;
    char *space = strchr(line, ' ');
    weft_err err;

    if (space == NULL || !atomic_load(&stage->is_completing)) {
        return;
    }
    *space = '\0';
    do {
        err = weft_client_complete(stage->completer_client, line,
                                   weft_text(space + 1));
    } while (err != WEFT_OK && err != WEFT_ENOTFOUND &&
             atomic_load(&stage->is_completing));
    stage->completed++;
}

static void *
run_completer(void *ctx)
{
    struct stage *stage = ctx;

    while (atomic_load(&stage->is_completing)) {
        ledger_each(stage->root, "tokens", LEDGER_TOKEN_LINE, stage->completed,
                    complete, stage);
        stage_sleep_ms(2);
    }
    return NULL;
}

static void
start_completer(struct stage *stage)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;

    options.timeout_ms = 200;
    atomic_store(&stage->is_completing, true);
    if (weft_client_open(stage->node, &options, &stage->completer_client) !=
            WEFT_OK ||
        pthread_create(&stage->completer, NULL, run_completer, stage) != 0) {
        stage_give_up("completer", WEFT_EBUSY, 3);
    }
}

// Life. ----------------------------------------------------------------------

static void
log_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

static void
open_node(struct stage *stage, struct stage_options *options)
{
    char path[STAGE_PATH];
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/disk/data", stage->root);
    options->node.data_dir = path;
    options->node.definitions = stage->definitions;
    options->node.log = log_line;
    err = weft_node_open(&options->node, &stage->node);
    if (err != WEFT_OK) {
        stage_give_up(path, err, 1);
    }
}

static void
serve(struct stage *stage, bool is_ipc)
{
    weft_server_options options = WEFT_SERVER_OPTIONS_INIT;
    char path[STAGE_PATH];
    const char *endpoints[] = {path};
    weft_err err;

    if (is_ipc) {
        (void)snprintf(path, sizeof(path), "ipc://%s/sock", stage->root);
    } else {
        (void)snprintf(path, sizeof(path), "tcp://127.0.0.1:0");
    }
    options.endpoints = endpoints;
    options.endpoints_count = 1;
    err = weft_server_open(stage->node, &options, &stage->server);
    if (err != WEFT_OK) {
        stage_give_up(path, err, 3);
    }
}

// id: who asks again after a crash must be the same.
static weft_client *
open_client(struct stage *stage, const char *id)
{
    weft_client *client = NULL;
    weft_err err;

    if (stage->server == NULL) {
        weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;

        memcpy(options.client_id, id, strlen(id));
        options.timeout_ms = ASK_MS;
        err = weft_client_open(stage->node, &options, &client);
    } else {
        weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
        const char *endpoints[] = {weft_server_endpoint(stage->server, 0)};

        memcpy(options.client_id, id, strlen(id));
        options.endpoints = endpoints;
        options.endpoints_count = 1;
        options.timeout_ms = ASK_MS;
        err = weft_client_connect(&options, &client);
    }
    if (err != WEFT_OK) {
        stage_give_up("client", err, 3);
    }
    return client;
}

static void
start_worker(struct stage *stage)
{
    weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;
    weft_err err;

    options.task_queue = "q";
    options.definitions = stage->definitions;
    options.parallel = 2;
    options.lease_ms = 1000;
    stage->worker_client = open_client(stage, "worker");
    err = weft_worker_open(stage->worker_client, &options, &stage->worker);
    if (err != WEFT_OK) {
        stage_give_up("worker", err, 3);
    }
}

void
stage_open(struct stage *stage, const char *text)
{
    struct stage_options options = read_options(text);

    stage->definitions = scene_kinds_define(stage->root, options.is_newer);
    open_node(stage, &options);
    if (options.is_ipc || options.is_tcp) {
        serve(stage, options.is_ipc);
    }
    stage->client = open_client(stage, "scene");
    if (options.has_worker) {
        start_worker(stage);
    }
    start_completer(stage);
}

void
stage_close(struct stage *stage)
{
    atomic_store(&stage->is_completing, false);
    (void)pthread_join(stage->completer, NULL);
    weft_client_close(stage->completer_client);
    weft_worker_close(stage->worker);
    weft_client_close(stage->worker_client);
    weft_client_close(stage->client);
    weft_server_close(stage->server);
    weft_node_close(stage->node);
    weft_definitions_destroy(stage->definitions);
    stage->worker = NULL;
    stage->worker_client = NULL;
    stage->server = NULL;
}

// Asking. --------------------------------------------------------------------

weft_request
stage_request(weft_verb verb, const char *kind, const char *id, uint64_t number)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.number = number;
    return request;
}

weft_err
stage_ask(struct stage *stage, const weft_request *request,
          char out_text[STAGE_TEXT])
{
    weft_reply *reply = NULL;
    weft_err err = weft_client_call(stage->client, request, ASK_MS, &reply);

    if (out_text != NULL && reply != NULL) {
        size_t len = reply->data.len < STAGE_TEXT ? reply->data.len : 0;

        if (len > 0) {
            memcpy(out_text, reply->data.data, len);
        }
        out_text[len] = '\0';
    }
    weft_reply_free(reply);
    return err;
}
