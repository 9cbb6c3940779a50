// SPDX-License-Identifier: Apache-2.0
//
// node_recover.c - from a store to its partitions.
//
// At open and after a doubt alike, in the order that partition.h asks for: meta
// row, rows of links and windows, then the log from its first commit. The log
// is read once for all partitions of the store; each gets its own segments.
//
// Threads: whoever has the store for itself.

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/fault.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/recovery.h"
#include "runtime/shard.h"
#include "storage/log.h"
#include "storage/store.h"

// One recovery of one store.
struct recovery {
    weft_node *node;
    struct wf_depot *depot;
    struct wf_partition **partitions; // by index; only the store's own
    uint64_t log_bytes;
};

static uint32_t
share_of(uint32_t total, uint32_t count)
{
    uint32_t share = total / count;

    return share < 16 ? 16 : share;
}

static struct wf_partition *
create_partition(weft_node *node, uint32_t index, uint64_t epoch)
{
    const weft_node_options *options = &node->options;
    uint32_t count = options->partition_count;
    struct wf_partition_options made = {
        .index = index,
        .count = count,
        .incarnation = atomic_fetch_add(&node->incarnations, 1) + 1,
        .definitions = options->definitions,
        .trace = node->trace,
        .epoch = epoch,
        .window_bytes = wf_node_window_bytes(node),
        .residents_max = share_of(options->resident_actors_max, count),
        .stacks_max = share_of(options->stacks_max, count),
        .is_paranoid = options->paranoid != 0,
        .is_restored = node->is_restored,
    };

    wf_shard_fill_options(node->shards[wf_node_shard_of(node, index)], &made);
    return wf_partition_create(&made);
}

static weft_err
recover_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
               uint32_t segments_count)
{
    struct recovery *recovery = ctx;
    uint32_t count = recovery->node->options.partition_count;

    for (uint32_t i = 0; i < segments_count; i++) {
        const struct wf_segment *segment = &segments[i];
        weft_err err;

        if (segment->partition >= count ||
            recovery->partitions[segment->partition] == NULL) {
            return wf_error(WEFT_ECORRUPT,
                            "commit %" PRIu64
                            " has a segment of partition %" PRIu32
                            ", which is not in this store",
                            number, segment->partition);
        }
        err = wf_partition_recover_segment(
            recovery->partitions[segment->partition], number, segment);
        if (err != WEFT_OK) {
            return err;
        }
        recovery->log_bytes += segment->frame_bytes;
    }
    return WEFT_OK;
}

static weft_err
recover_all(struct recovery *recovery)
{
    const weft_node_options *options = &recovery->node->options;
    const struct wf_log *log = recovery->depot->log;
    uint32_t stores = options->store_count;
    weft_err err;

    for (uint32_t i = recovery->depot->options.index;
         i < options->partition_count; i += stores) {
        recovery->partitions[i] =
            create_partition(recovery->node, i, recovery->depot->epoch);
        err = wf_recovery_read(recovery->depot->store, i,
                               recovery->partitions[i]);
        if (err != WEFT_OK) {
            return err;
        }
    }
    err = log->ops->read(log->self, 0, recover_commit, recovery);
    if (err == WEFT_OK && wf_fault_hit(WF_FAULT_RECOVERY_SCAN)) {
        err = wf_error(WEFT_EIO, "recovery: a fault was injected");
    }
    for (uint32_t i = recovery->depot->options.index;
         err == WEFT_OK && i < options->partition_count; i += stores) {
        err = wf_partition_recover_check(recovery->partitions[i]);
    }
    return err;
}

// Which of the stores is it?
static weft_err
name_store(const struct wf_depot *depot, weft_err err)
{
    char *text = wf_strdup(weft_err_detail());

    (void)wf_error(err, "%s: %s", depot->name, text);
    wf_free(text);
    return err;
}

weft_err
wf_node_recover(weft_node *node, struct wf_depot *depot,
                struct wf_partition **out_partitions)
{
    uint32_t count = node->options.partition_count;
    struct recovery recovery = {
        .node = node,
        .depot = depot,
        .partitions = wf_calloc(count * sizeof(*recovery.partitions)),
    };
    weft_err err = recover_all(&recovery);
    struct wf_list requests;

    wf_list_init(&requests);
    for (uint32_t i = 0; i < count; i++) {
        if (recovery.partitions[i] == NULL) {
            continue;
        }
        if (err == WEFT_OK) {
            out_partitions[i] = recovery.partitions[i];
        } else {
            wf_partition_destroy(recovery.partitions[i], &requests);
        }
    }
    WF_ASSERT(requests.count == 0);
    // What partitions have counted for themselves is at most this.
    if (err == WEFT_OK && atomic_load(&depot->log_bytes) < recovery.log_bytes) {
        atomic_store(&depot->log_bytes, recovery.log_bytes);
    }
    wf_free(recovery.partitions);
    return err == WEFT_OK ? err : name_store(depot, err);
}
