// SPDX-License-Identifier: Apache-2.0
//
// place.c - where a measurement runs: a node, a server before it, clients.
//
// Without sync the node is given a store that passes every write on unsynced.
// Such a node has no beacon and no lock, which a node of users always has, so
// its figures are told apart and never quoted as durable.

#include "bench/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "weft/connect.h"

#include "base/error.h"
#include "bench/bench.h"
#include "runtime/node.h"
#include "storage/store.h"

#define CREDIT_MAX 100000 // that a server gives

static const struct wf_store_ops *synced;
static struct wf_store_ops unsynced;

static weft_err
write_unsynced(void *self, const struct wf_batch *batch, bool sync)
{
    (void)sync;
    return synced->write(self, batch, false);
}

static weft_err
open_unsynced(void *ctx, uint32_t index, struct wf_store *out_store)
{
    const struct bench *bench = ctx;
    char dir[4096];
    weft_err err;

    (void)snprintf(dir, sizeof(dir), "%s/unsynced-%u", bench->settings.data,
                   (unsigned)index);
    err = wf_store_rocks_open(dir, false, out_store);
    if (err == WEFT_OK) {
        synced = out_store->ops;
        unsynced = *synced;
        unsynced.write = write_unsynced;
        out_store->ops = &unsynced;
    }
    return err;
}

static weft_err
open_node(struct bench *bench)
{
    const struct settings *settings = &bench->settings;
    const uint64_t *sizes = settings->sizes;
    struct wf_node_seams seams = {
        .open_store = settings->is_synced ? NULL : open_unsynced,
        .ctx = bench,
    };
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    options.data_dir = settings->data;
    options.definitions = bench->place.definitions;
    options.partition_count = (uint32_t)sizes[SIZE_PARTITIONS];
    options.shard_count = (uint32_t)sizes[SIZE_SHARDS];
    options.worker_count = (uint32_t)sizes[SIZE_WORKERS];
    options.window_bytes = sizes[SIZE_WINDOW] == 0
                               ? WEFT_WINDOW_NONE
                               : (int64_t)sizes[SIZE_WINDOW];
    options.resident_actors_max = (uint32_t)sizes[SIZE_RESIDENTS];
    options.stacks_max = (uint32_t)sizes[SIZE_STACKS];
    if (!settings->is_synced && mkdir(settings->data, 0777) != 0 &&
        errno != EEXIST) {
        return wf_error(WEFT_EIO, "%s: %s", settings->data, strerror(errno));
    }
    return wf_node_open_with(&options, &seams, &bench->place.node);
}

static weft_err
open_server(struct bench *bench)
{
    weft_server_options options = WEFT_SERVER_OPTIONS_INIT;

    options.endpoints = &bench->settings.remote;
    options.endpoints_count = 1;
    // Of a connection; the usual 1,000 would be less than was asked for.
    options.credit = bench->settings.concurrency * 2 + 1000;
    options.credit = options.credit < CREDIT_MAX ? options.credit : CREDIT_MAX;
    options.waits_max = options.credit;
    options.namespace_requests_max = 4 * options.credit;
    return weft_server_open(bench->place.node, &options, &bench->place.server);
}

static weft_err
open_client(const struct bench *bench, weft_client **out_client)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    if (bench->settings.remote == NULL) {
        return weft_client_open(bench->place.node, NULL, out_client);
    }
    options.endpoints = &bench->settings.remote;
    options.endpoints_count = 1;
    options.wait_for_node = 1;
    return weft_client_connect(&options, out_client);
}

static weft_err
open_clients(struct bench *bench)
{
    struct place *place = &bench->place;
    weft_err err = WEFT_OK;

    while (err == WEFT_OK &&
           place->clients_count < bench->settings.sizes[SIZE_CONNECTIONS]) {
        uint32_t i = place->clients_count;

        err = open_client(bench, &place->clients[i]);
        if (err == WEFT_OK) {
            place->ready[i].fd = weft_client_fd(place->clients[i]);
            place->ready[i].events = POLLIN;
            place->clients_count++;
        }
    }
    return err;
}

weft_err
place_open_node(struct bench *bench)
{
    weft_err err = weft_definitions_create(&bench->place.definitions);

    if (err == WEFT_OK) {
        err = workload_define(bench, bench->place.definitions);
    }
    return err == WEFT_OK ? open_node(bench) : err;
}

weft_err
place_open(struct bench *bench)
{
    weft_err err = WEFT_OK;

    if (bench->settings.data != NULL) {
        err = place_open_node(bench);
        if (err == WEFT_OK && bench->settings.remote != NULL) {
            err = open_server(bench);
        }
    }
    return err == WEFT_OK ? open_clients(bench) : err;
}

weft_err
place_open_test(struct bench *bench)
{
    struct place *place = &bench->place;
    weft_err err = weft_definitions_create(&place->definitions);

    if (err == WEFT_OK) {
        err = workload_define(bench, place->definitions);
    }
    if (err == WEFT_OK) {
        err = weft_test_open(place->definitions, NULL, &place->test);
    }
    if (err == WEFT_OK) {
        err = weft_client_open(weft_test_node(place->test), NULL,
                               &place->clients[0]);
        place->clients_count = err == WEFT_OK;
    }
    return err;
}

void
place_wait(struct place *place, uint64_t wait_ns)
{
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000),
                            .tv_nsec = (long)(wait_ns % 1000000000)};

    if (place->test != NULL) {
        weft_test_run(place->test);
    } else {
        (void)ppoll(place->ready, place->clients_count, &wait, NULL);
    }
}

void
place_close(struct place *place)
{
    for (uint32_t i = 0; i < place->clients_count; i++) {
        weft_client_close(place->clients[i]);
    }
    weft_server_close(place->server);
    weft_node_close(place->node);
    weft_test_close(place->test);
    weft_definitions_destroy(place->definitions);
    *place = (struct place){0};
}
