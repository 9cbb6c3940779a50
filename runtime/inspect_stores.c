// SPDX-License-Identifier: Apache-2.0
//
// inspect_stores.c - from a directory to its stores, unchanged.
//
// The stores are opened by depot.c, with the checks that a node makes; only
// that the store below is one that cannot be written. A node says how many
// partitions and stores it expects; we expect what the first store says.
//
// Where a loss is no reason to stop, a depot that fails is opened a second time
// as if it had no directory, and so no beacon.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "runtime/depot.h"
#include "runtime/inspect_impl.h"
#include "storage/keys.h"
#include "storage/store.h"

static weft_err
read_number(const struct wf_store *store, const char *name,
            uint64_t *out_number)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    struct wf_reader reader;
    weft_err err;

    *out_number = 0;
    wf_keys_store(&key, name);
    err = store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), &value);
    if (err == WEFT_OK) {
        reader = wf_reader_of(wf_buf_bytes(&value));
        *out_number = wf_reader_u64(&reader);
    }
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

// Expect what the store says. What makes no sense is left for depot.c to find.
static weft_err
learn_counts(weft_inspect *inspect, const struct wf_store *store)
{
    struct wf_depot_options *options = &inspect->depots[0].options;
    uint64_t partitions = 0;
    uint64_t stores = 0;
    weft_err err = read_number(store, "partitions", &partitions);

    if (err == WEFT_OK) {
        err = read_number(store, "stores", &stores);
    }
    if (err != WEFT_OK || partitions == 0 || stores == 0) {
        return err;
    }
    if (partitions > WF_PARTITIONS_MAX || stores > WF_STORES_MAX ||
        stores > partitions) {
        return wf_error(WEFT_ECORRUPT,
                        "%s/store-0: it says that it is one of %" PRIu64
                        " stores with %" PRIu64 " partitions",
                        inspect->data_dir, stores, partitions);
    }
    options->partition_count = (uint32_t)partitions;
    options->count = (uint32_t)stores;
    return WEFT_OK;
}

static weft_err
open_unchanged(void *ctx, uint32_t index, struct wf_store *out_store)
{
    weft_inspect *inspect = ctx;
    size_t size = strlen(inspect->data_dir) + 32;
    char *dir = wf_alloc(size);
    struct wf_store store = {0};
    weft_err err;

    (void)snprintf(dir, size, "%s/store-%" PRIu32, inspect->data_dir, index);
    err = wf_store_rocks_open(dir, true, &store);
    if (err == WEFT_OK && index == 0) {
        err = learn_counts(inspect, &store);
        if (err != WEFT_OK) {
            store.ops->close(store.self);
        }
    }
    if (err == WEFT_OK) {
        *out_store = store;
    }
    wf_free(dir);
    return err;
}

// A process may die while it makes a store. A node makes it anew; to us it is
// none. Before a node is open for the first time it has written its beacon.
static weft_err
name_half_made(const weft_inspect *inspect, uint32_t index)
{
    size_t size = strlen(inspect->data_dir) + 32;
    char *path = wf_alloc(size);
    char *text = wf_strdup(weft_err_detail());
    struct stat status;
    weft_err err = WEFT_EFORMAT;

    (void)snprintf(path, size, "%s/store-%" PRIu32 ".beacon", inspect->data_dir,
                   index);
    if (lstat(path, &status) != 0) {
        err = wf_error(WEFT_ENOTFOUND,
                       "%s/store-%" PRIu32 ": no node ever used it: %s",
                       inspect->data_dir, index, text);
    }
    wf_free(path);
    wf_free(text);
    return err;
}

static weft_err
try_open(weft_inspect *inspect, uint32_t index, bool has_beacon)
{
    struct wf_depot *depot = &inspect->depots[index];
    struct wf_depot_options options = {
        .index = index,
        .count = inspect->stores_count,
        .partition_count = inspect->partitions_count,
        .data_dir = has_beacon ? inspect->data_dir : NULL,
        .open_store = open_unchanged,
        .ctx = inspect,
        .clock = wf_clock_system(),
        .trace = &inspect->trace,
    };
    weft_err err;

    wf_depot_init(depot, &options);
    err = wf_depot_open(depot, false);
    if (err == WEFT_OK && depot->is_new) {
        wf_depot_close(depot);
        err = wf_error(WEFT_ENOTFOUND, "%s/%s: no node ever used it",
                       inspect->data_dir, depot->name);
    }
    if (err != WEFT_OK) {
        wf_depot_fini(depot);
        *depot = (struct wf_depot){0};
    }
    if (err == WEFT_EFORMAT) {
        err = name_half_made(inspect, index);
    }
    // The first one speaks of others.
    if (err == WEFT_ENOTFOUND && index > 0) {
        err = wf_error(WEFT_ELOST, "%s/store-%" PRIu32 ": the store is missing",
                       inspect->data_dir, index);
    }
    return err;
}

static bool
is_damage(weft_err err)
{
    return err == WEFT_ELOST || err == WEFT_ECORRUPT;
}

static weft_err
open_depot(weft_inspect *inspect, uint32_t index, bool accept_loss)
{
    char *text;
    weft_err err = try_open(inspect, index, true);

    if (!is_damage(err) || (!accept_loss && inspect->check == NULL)) {
        return err;
    }
    text = wf_strdup(weft_err_detail());
    err = try_open(inspect, index, false);
    if (inspect->check != NULL) {
        wf_inspect_tell(inspect->check, inspect->data_dir, "%s", text);
        if (is_damage(err)) {
            wf_inspect_tell(inspect->check, inspect->data_dir, "%s",
                            weft_err_detail());
        }
    }
    wf_free(text);
    return err;
}

// Each store's beacon knows of the next one.
static weft_err
check_next(weft_inspect *inspect, uint32_t index, bool accept_loss)
{
    struct wf_depot *depot = &inspect->depots[index];
    struct wf_depot *next =
        &inspect->depots[(index + 1) % inspect->stores_count];
    weft_err err = depot->store == NULL || next->store == NULL
                       ? WEFT_OK
                       : wf_depot_check_next(depot, next, accept_loss);

    if (err != WEFT_OK && inspect->check != NULL) {
        wf_inspect_tell(inspect->check, inspect->data_dir, "%s",
                        weft_err_detail());
        err = WEFT_OK;
    }
    return err;
}

weft_err
wf_inspect_open_stores(weft_inspect *inspect, bool accept_loss)
{
    weft_err err;

    inspect->depots = wf_calloc(WF_STORES_MAX * sizeof(*inspect->depots));
    inspect->stores_count = 1;
    err = open_depot(inspect, 0, accept_loss);
    if (err != WEFT_OK) {
        return err;
    }
    inspect->stores_count = inspect->depots[0].options.count;
    inspect->partitions_count = inspect->depots[0].options.partition_count;
    for (uint32_t i = 1; i < inspect->stores_count; i++) {
        err = open_depot(inspect, i, accept_loss);
        if (err != WEFT_OK && (inspect->check == NULL || !is_damage(err))) {
            return err;
        }
    }
    err = WEFT_OK;
    for (uint32_t i = 0; err == WEFT_OK && i < inspect->stores_count; i++) {
        err = check_next(inspect, i, accept_loss);
    }
    return err;
}

void
wf_inspect_close_stores(weft_inspect *inspect)
{
    for (uint32_t i = 0; inspect->depots != NULL && i < inspect->stores_count;
         i++) {
        if (inspect->depots[i].store != NULL) {
            wf_depot_close(&inspect->depots[i]);
            wf_depot_fini(&inspect->depots[i]);
        }
    }
    wf_free(inspect->depots);
    inspect->depots = NULL;
}

const struct wf_store *
wf_inspect_store_of(const weft_inspect *inspect, uint32_t partition)
{
    return inspect->depots[partition % inspect->stores_count].store;
}

weft_err
wf_inspect_get_number(weft_inspect *inspect, const char *name,
                      uint64_t *out_number)
{
    *out_number = 0;
    return inspect->depots[0].store == NULL
               ? WEFT_OK
               : read_number(inspect->depots[0].store, name, out_number);
}
