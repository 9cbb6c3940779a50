// SPDX-License-Identifier: Apache-2.0
//
// node_recover.c - from a store to its partitions.
//
// At open and after a doubt alike, in the order that partition.h asks for: meta
// row, rows of links and windows, then the log from its first commit. The log
// is read once for all partitions of the store; each gets its own segments.
//
// Of a cluster, a partition that another node has can be read ahead, so that
// little is left to read once it is acquired. The end of what was read may not
// be on a quorum then, and be another after a failover; so the last commit is
// read again, and if it is not the same all is.
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
#include "storage/log_shared.h"
#include "storage/store.h"

// One recovery of one store.
struct recovery {
    weft_node *node;
    struct wf_depot *depot;
    struct wf_partition **partitions; // by index; only the store's own
    uint64_t log_bytes;
    uint64_t commit; // last one that was read, of a cluster; 0: none
    uint32_t crc;    // of its segment
    uint32_t count;  // of commits that were read
    uint64_t known;  // commit that is to be read once more; 0: none
    uint64_t limit;  // no more is read once log_bytes are so many
    bool is_cut;     // that is so
};

static uint32_t
share_of(uint32_t total, uint32_t count)
{
    uint32_t share = total / count;

    return share < 16 ? 16 : share;
}

// What this process has counted of the store's log goes on from where it is:
// that is what the partition is told with each commit.
static struct wf_partition *
create_partition(weft_node *node, const struct wf_depot *depot, uint32_t index)
{
    const weft_node_options *options = &node->options;
    uint32_t count = options->partition_count;
    struct wf_partition_options made = {
        .index = index,
        .count = count,
        .incarnation = atomic_fetch_add(&node->incarnations, 1) + 1,
        .definitions = options->definitions,
        .trace = node->trace,
        .record_version = atomic_load(&node->record_version),
        .log_bytes = atomic_load(&depot->log_bytes),
        .window_bytes = wf_node_window_bytes(node),
        .residents_max = share_of(options->resident_actors_max, count),
        .stacks_max = share_of(options->stacks_max, count),
        .hash_seed = node->hash_seed,
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

    // It was read before, when nobody promised that it would stay.
    if (number == recovery->known) {
        recovery->known = 0;
        return segments[0].crc == recovery->crc
                   ? WEFT_OK
                   : wf_error(WEFT_ECORRUPT,
                              "commit %" PRIu64 " has become another", number);
    }
    recovery->is_cut = recovery->log_bytes >= recovery->limit;
    if (recovery->is_cut) {
        return wf_error(WEFT_EBUSY, "so much is read ahead, and no more");
    }
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
    if (wf_node_is_shared(recovery->node)) {
        recovery->commit = number;
        recovery->crc = segments[0].crc;
        recovery->count++;
    }
    return WEFT_OK;
}

// From the last commit that was read, with it; or from the beginning.
static weft_err
read_log(struct recovery *recovery)
{
    const struct wf_log *log = recovery->depot->log;
    weft_err err;

    recovery->known = recovery->commit;
    recovery->is_cut = false;
    err = log->ops->read(log->self, recovery->commit, recover_commit, recovery);
    if (recovery->is_cut) {
        err = WEFT_OK;
    }
    return err == WEFT_OK && recovery->known != 0
               ? wf_error(WEFT_ECORRUPT, "commit %" PRIu64 " is gone",
                          recovery->known)
               : err;
}

// Partitions, and what their rows say.
static weft_err
begin(struct recovery *recovery)
{
    const weft_node_options *options = &recovery->node->options;
    uint32_t stores = options->store_count;
    weft_err err = WEFT_OK;

    for (uint32_t i = recovery->depot->options.index;
         err == WEFT_OK && i < options->partition_count; i += stores) {
        recovery->partitions[i] =
            create_partition(recovery->node, recovery->depot, i);
        err = wf_recovery_read(recovery->depot->store, i,
                               recovery->partitions[i]);
    }
    return err;
}

static void
on_blame(void *ctx, weft_bytes bytes, const char *how)
{
    struct wf_key key;

    if (wf_key_decode(bytes, &key)) {
        wf_partition_blame(ctx, &key, how);
        wf_key_fini(&key);
    }
}

// Of a cluster: whose code ended processes, whoever had the partition then.
static weft_err
hear_blames(struct recovery *recovery)
{
    const struct wf_shared_log *log = recovery->depot->options.shared;
    uint32_t index = recovery->depot->options.index;
    struct wf_partition *partition = recovery->partitions[index];

    return log->ops->blames(log->self, index,
                            wf_partition_recovered_epoch(partition), on_blame,
                            partition);
}

static weft_err
end(struct recovery *recovery)
{
    const weft_node_options *options = &recovery->node->options;
    uint32_t stores = options->store_count;
    weft_err err = read_log(recovery);

    if (err == WEFT_OK && wf_fault_hit(WF_FAULT_RECOVERY_SCAN)) {
        err = wf_error(WEFT_EIO, "recovery: a fault was injected");
    }
    for (uint32_t i = recovery->depot->options.index;
         err == WEFT_OK && i < options->partition_count; i += stores) {
        wf_partition_allow(recovery->partitions[i],
                           atomic_load(&recovery->node->record_version));
        wf_partition_recover_as(recovery->partitions[i],
                                recovery->depot->epoch);
        err = wf_partition_recover_check(recovery->partitions[i]);
    }
    return err == WEFT_OK && wf_node_is_shared(recovery->node)
               ? hear_blames(recovery)
               : err;
}

static void
drop(struct recovery *recovery)
{
    struct wf_list requests;

    wf_list_init(&requests);
    for (uint32_t i = 0; i < recovery->node->options.partition_count; i++) {
        if (recovery->partitions[i] != NULL) {
            wf_partition_destroy(recovery->partitions[i], &requests);
            recovery->partitions[i] = NULL;
        }
    }
    WF_ASSERT(requests.count == 0);
    recovery->log_bytes = 0;
    recovery->commit = 0;
}

static weft_err
recover_all(struct recovery *recovery)
{
    weft_err err = begin(recovery);

    return err == WEFT_OK ? end(recovery) : err;
}

// Ahead. ----------------------------------------------------------------------

// A store that was opened anew may be another than what was read is of.
static bool
take_up(struct recovery *recovery, struct wf_node_ahead *ahead)
{
    uint32_t index = recovery->depot->options.index;

    if (ahead->opens != recovery->depot->opens) {
        wf_node_forget_ahead(ahead);
    }
    recovery->partitions[index] = ahead->partition;
    recovery->log_bytes = ahead->log_bytes;
    recovery->commit = ahead->commit;
    recovery->crc = ahead->crc;
    *ahead = (struct wf_node_ahead){0};
    return recovery->partitions[index] != NULL;
}

weft_err
wf_node_read_ahead(weft_node *node, struct wf_depot *depot, uint64_t bytes_max,
                   struct wf_node_ahead *ahead, uint32_t *out_count)
{
    struct recovery recovery = {
        .node = node,
        .depot = depot,
        .partitions = wf_calloc(node->options.partition_count *
                                sizeof(*recovery.partitions)),
    };
    weft_err err = take_up(&recovery, ahead) ? WEFT_OK : begin(&recovery);

    if (err == WEFT_OK && bytes_max > 0) {
        recovery.limit = bytes_max > UINT64_MAX - recovery.log_bytes
                             ? UINT64_MAX
                             : recovery.log_bytes + bytes_max;
        err = read_log(&recovery);
    }
    if (err == WEFT_OK) {
        *ahead = (struct wf_node_ahead){
            .partition = recovery.partitions[depot->options.index],
            .log_bytes = recovery.log_bytes,
            .commit = recovery.commit,
            .crc = recovery.crc,
            .opens = depot->opens,
            .has_more = recovery.is_cut,
        };
        *out_count = recovery.count;
    } else {
        drop(&recovery);
    }
    wf_free(recovery.partitions);
    return err;
}

void
wf_node_forget_ahead(struct wf_node_ahead *ahead)
{
    struct wf_list requests;

    wf_list_init(&requests);
    if (ahead->partition != NULL) {
        wf_partition_destroy(ahead->partition, &requests);
    }
    *ahead = (struct wf_node_ahead){0};
}

// All of it. ------------------------------------------------------------------

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
                struct wf_node_ahead *ahead,
                struct wf_partition **out_partitions)
{
    uint32_t count = node->options.partition_count;
    struct recovery recovery = {
        .node = node,
        .depot = depot,
        .limit = UINT64_MAX,
        .partitions = wf_calloc(count * sizeof(*recovery.partitions)),
    };
    weft_err err = WEFT_ENOTFOUND;

    if (ahead != NULL && take_up(&recovery, ahead)) {
        err = end(&recovery);
        atomic_fetch_add(&node->warm_takes, err == WEFT_OK);
    }
    if (err != WEFT_OK) {
        drop(&recovery);
        err = recover_all(&recovery);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < count; i++) {
        if (recovery.partitions[i] != NULL) {
            out_partitions[i] = recovery.partitions[i];
        }
    }
    // What partitions have counted for themselves is at most this.
    if (err == WEFT_OK) {
        atomic_fetch_add(&depot->log_bytes, recovery.log_bytes);
    }
    if (err != WEFT_OK) {
        drop(&recovery);
        err = name_store(depot, err);
    }
    wf_free(recovery.partitions);
    return err;
}
