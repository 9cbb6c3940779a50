// SPDX-License-Identifier: Apache-2.0
//
// node_options.c - what a node is asked to be: checks and defaults.

#include <inttypes.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "runtime/node_impl.h"
#include "runtime/versioned.h"

// Zero means the default; anything else must be at most max.
static weft_err
read_count(const char *what, uint32_t *value, uint32_t normal, uint32_t max)
{
    if (*value == 0) {
        *value = normal;
    }
    if (*value > max) {
        return wf_error(WEFT_EINVAL,
                        "%s is %" PRIu32 ", and may be 1 to %" PRIu32, what,
                        *value, max);
    }
    return WEFT_OK;
}

static weft_err
read_flag(const char *what, int value)
{
    return value == 0 || value == 1
               ? WEFT_OK
               : wf_error(WEFT_EINVAL, "%s is %d, and may be 0 or 1", what,
                          value);
}

static uint32_t
default_shards(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (cores <= 2) {
        return 1;
    }
    return cores - 1 > WF_SHARDS_MAX ? WF_SHARDS_MAX : (uint32_t)(cores - 1);
}

static weft_err
read_counts(weft_node_options *options)
{
    weft_err err = read_count("partition_count", &options->partition_count,
                              WF_PARTITIONS_DEFAULT, WF_PARTITIONS_MAX);

    if (err == WEFT_OK) {
        err = read_count("shard_count", &options->shard_count, default_shards(),
                         WF_SHARDS_MAX);
    }
    if (err == WEFT_OK) {
        err =
            read_count("store_count", &options->store_count, 1, WF_STORES_MAX);
    }
    if (err == WEFT_OK) {
        err = read_count("worker_count", &options->worker_count,
                         WF_WORKERS_DEFAULT, WF_WORKERS_MAX);
    }
    if (err == WEFT_OK) {
        err = read_count("local_worker_count", &options->local_worker_count,
                         WF_LOCAL_WORKERS_DEFAULT, WF_WORKERS_MAX);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (options->store_count > options->partition_count) {
        return wf_error(WEFT_EINVAL,
                        "store_count is %" PRIu32
                        ", and may be 1 to the partition_count, %" PRIu32,
                        options->store_count, options->partition_count);
    }
    // More than there are partitions would have nothing to do.
    if (options->shard_count > options->partition_count) {
        options->shard_count = options->partition_count;
    }
    return WEFT_OK;
}

static weft_err
read_flags(const weft_node_options *options)
{
    weft_err err = read_flag("strict", options->strict);

    if (err == WEFT_OK) {
        err = read_flag("accept_loss", options->accept_loss);
    }
    if (err == WEFT_OK) {
        err = read_flag("no_fatal_handler", options->no_fatal_handler);
    }
    if (err == WEFT_OK) {
        err = read_flag("paranoid", options->paranoid);
    }
    return err;
}

static uint64_t
machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page
                                 : UINT64_MAX;
}

weft_err
wf_node_read_options(const weft_node_options *given,
                     const struct wf_node_seams *seams, weft_node_options *out)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_err err = wf_versioned_copy("weft_node_options", given, &options,
                                     sizeof(options));

    if (err != WEFT_OK) {
        return err;
    }
    if (options.definitions == NULL) {
        return wf_error(WEFT_EINVAL, "definitions is missing");
    }
    if (seams->open_store == NULL &&
        (options.data_dir == NULL || options.data_dir[0] == '\0')) {
        return wf_error(WEFT_EINVAL, "data_dir is missing");
    }
    if (options.window_bytes < WEFT_WINDOW_NONE) {
        return wf_error(WEFT_EINVAL,
                        "window_bytes is %" PRId64
                        ", and may be WEFT_WINDOW_NONE or 0 and more",
                        options.window_bytes);
    }
    err = read_counts(&options);
    if (err == WEFT_OK) {
        err = read_flags(&options);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (options.window_bytes == 0) {
        options.window_bytes = WF_WINDOW_BYTES_DEFAULT;
    }
    if (options.resident_actors_max == 0) {
        options.resident_actors_max = WF_RESIDENT_DEFAULT;
    }
    if (options.stacks_max == 0) {
        options.stacks_max = WF_STACKS_DEFAULT;
    }
    if (options.turn_ms_max == 0) {
        options.turn_ms_max = WF_TURN_MS_DEFAULT;
    }
    if (options.reserve_bytes == 0) {
        options.reserve_bytes = WF_RESERVE_BYTES_DEFAULT;
    }
    if (options.memory_bytes == 0) {
        options.memory_bytes = machine_bytes() / 2;
    }
    if (seams->cluster.log != NULL) { // a store for each partition
        options.store_count = options.partition_count;
    }
    options.data_dir =
        seams->open_store != NULL ? NULL : wf_strdup(options.data_dir);
    *out = options;
    return WEFT_OK;
}
