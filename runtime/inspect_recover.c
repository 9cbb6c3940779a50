// SPDX-License-Identifier: Apache-2.0
//
// inspect_recover.c - from stores to partitions, as a node does.
//
// Through the same functions of the core and in the same order as
// node_recover.c; but a partition is never opened, so that no epoch begins and
// nothing is put out. While verifying, a partition that cannot be recovered is
// told of and left out, and the others go on.

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/list.h"
#include "base/random.h"
#include "runtime/depot.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "runtime/partition.h"
#include "runtime/recovery.h"
#include "storage/log.h"
#include "storage/store.h"

struct recovery {
    weft_inspect *inspect;
    const struct wf_depot *depot;
};

void
wf_inspect_drop_partition(weft_inspect *inspect, uint32_t index)
{
    struct wf_list requests;

    wf_list_init(&requests);
    wf_partition_destroy(inspect->partitions[index], &requests);
    WF_ASSERT(requests.count == 0);
    inspect->partitions[index] = NULL;
}

// The partition cannot be had. While verifying that is a finding, else the end.
static weft_err
give_up(const struct recovery *recovery, uint32_t index, weft_err err)
{
    struct wf_inspect_check *check = recovery->inspect->check;
    char where[64];

    if (check == NULL) {
        return err;
    }
    (void)snprintf(where, sizeof(where), "%s p%" PRIu32, recovery->depot->name,
                   index);
    wf_inspect_tell(check, where, "%s", weft_err_detail());
    wf_inspect_drop_partition(recovery->inspect, index);
    return WEFT_OK;
}

// The grammar, also of records that nobody applies any more.
static void
check_segment(struct wf_inspect_check *check, const struct wf_depot *depot,
              uint64_t commit, const struct wf_segment *segment)
{
    uint64_t record;

    check->counts.segments++;
    check->counts.records += segment->record_count;
    if (check->log_from[segment->partition] == 0) {
        check->log_from[segment->partition] = segment->first_record;
    }
    if (!wf_inspect_records(segment, &record)) {
        wf_inspect_tell(check, depot->name,
                        "log: commit %" PRIu64 ": p%" PRIu32 ": record %" PRIu64
                        " does not decode",
                        commit, segment->partition, record);
    }
}

static weft_err
recover_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
               uint32_t segments_count)
{
    struct recovery *recovery = ctx;
    weft_inspect *inspect = recovery->inspect;
    const struct wf_depot *depot = recovery->depot;
    weft_err err = WEFT_OK;

    if (inspect->check != NULL) {
        inspect->check->counts.commits++;
    }
    for (uint32_t i = 0; err == WEFT_OK && i < segments_count; i++) {
        uint32_t index = segments[i].partition;

        if (index >= inspect->partitions_count ||
            index % inspect->stores_count != depot->options.index) {
            return wf_error(WEFT_ECORRUPT,
                            "log: commit %" PRIu64
                            " has a segment of partition %" PRIu32
                            ", which is not in this store",
                            number, index);
        }
        if (inspect->check != NULL) {
            check_segment(inspect->check, depot, number, &segments[i]);
        }
        if (inspect->partitions[index] == NULL) {
            continue;
        }
        err = wf_partition_recover_segment(inspect->partitions[index], number,
                                           &segments[i]);
        if (err != WEFT_OK) {
            err = give_up(recovery, index, err);
        }
    }
    return err;
}

static weft_err
recover_partition(struct recovery *recovery, uint32_t index)
{
    weft_inspect *inspect = recovery->inspect;
    struct wf_partition_options options = {
        .index = index,
        .count = inspect->partitions_count,
        .incarnation = 1,
        .definitions = inspect->definitions,
        .trace = &inspect->trace,
        .residents_max = UINT32_MAX,
        .hash_seed = wf_random_os_seed(),
    };
    weft_err err;

    inspect->partitions[index] = wf_partition_create(&options);
    err = wf_recovery_read(recovery->depot->store, index,
                           inspect->partitions[index]);
    return err == WEFT_OK ? WEFT_OK : give_up(recovery, index, err);
}

static weft_err
read_log(struct recovery *recovery)
{
    const struct wf_depot *depot = recovery->depot;
    struct wf_inspect_check *check = recovery->inspect->check;
    weft_err err =
        depot->log->ops->read(depot->log->self, 0, recover_commit, recovery);

    if (err != WEFT_OK && check != NULL) {
        wf_inspect_tell(check, depot->name, "%s", weft_err_detail());
        check->is_log_cut[depot->options.index] = true;
        err = WEFT_OK;
    }
    return err;
}

static weft_err
check_end(const struct recovery *recovery, uint32_t index)
{
    const weft_inspect *inspect = recovery->inspect;
    weft_err err = WEFT_OK;

    if (inspect->partitions[index] != NULL &&
        (inspect->check == NULL ||
         !inspect->check->is_log_cut[recovery->depot->options.index])) {
        err = wf_partition_recover_check(inspect->partitions[index]);
    }
    return err == WEFT_OK ? WEFT_OK : give_up(recovery, index, err);
}

static weft_err
recover_store(struct recovery *recovery)
{
    weft_inspect *inspect = recovery->inspect;
    uint32_t first = recovery->depot->options.index;
    uint32_t step = inspect->stores_count;
    weft_err err = WEFT_OK;

    for (uint32_t i = first; err == WEFT_OK && i < inspect->partitions_count;
         i += step) {
        err = recover_partition(recovery, i);
    }
    if (err == WEFT_OK) {
        err = read_log(recovery);
    }
    for (uint32_t i = first; err == WEFT_OK && i < inspect->partitions_count;
         i += step) {
        err = check_end(recovery, i);
    }
    return err;
}

weft_err
wf_inspect_recover(weft_inspect *inspect)
{
    weft_err err = WEFT_OK;

    inspect->partitions =
        wf_calloc(inspect->partitions_count * sizeof(struct wf_partition *));
    for (uint32_t i = 0; err == WEFT_OK && i < inspect->stores_count; i++) {
        struct recovery recovery = {
            .inspect = inspect,
            .depot = &inspect->depots[i],
        };

        if (inspect->depots[i].store != NULL) {
            err = recover_store(&recovery);
        }
    }
    return err;
}
