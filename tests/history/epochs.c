// SPDX-License-Identifier: Apache-2.0
//
// epochs.c - a partition has one owner in each epoch.

#include "history/epochs.h"

#include <inttypes.h>
#include <stdlib.h>

struct partition {
    const struct epochs_segment *last;
    uint64_t owner; // of the last epoch, if it is known
};

static void
check_next(const struct partition *partition,
           const struct epochs_segment *segment, bool has_gaps,
           struct history_faults *faults)
{
    const struct epochs_segment *last = partition->last;
    uint64_t next = last->first + last->count;

    if (segment->epoch < last->epoch) {
        history_fault(faults,
                      "partition %" PRIu32 ": epoch %" PRIu64
                      " comes after %" PRIu64,
                      segment->partition, segment->epoch, last->epoch);
    }
    if (segment->owner != 0 && partition->owner != 0 &&
        (segment->owner == partition->owner) !=
            (segment->epoch == last->epoch)) {
        history_fault(faults,
                      "partition %" PRIu32 ": owner %" PRIu64
                      " in epoch %" PRIu64 ", owner %" PRIu64
                      " in epoch %" PRIu64,
                      segment->partition, partition->owner, last->epoch,
                      segment->owner, segment->epoch);
    }
    if (segment->first < next || (segment->first > next && !has_gaps)) {
        history_fault(faults,
                      "partition %" PRIu32 ": record %" PRIu64
                      " comes where %" PRIu64 " must",
                      segment->partition, segment->first, next);
    }
}

void
epochs_check(const struct epochs_segment *segments, size_t count, bool has_gaps,
             struct history_faults *faults)
{
    struct history_map map = {0};
    struct history_map owners = {0};
    struct partition *partitions = history_alloc(count, sizeof(*partitions));
    uint64_t *epochs = history_alloc(count, sizeof(*epochs)); // of each owner

    for (size_t i = 0; i < count; i++) {
        const struct epochs_segment *segment = &segments[i];
        struct partition *partition =
            &partitions[history_map_put(&map, segment->partition)];
        bool is_new =
            partition->last == NULL || partition->last->epoch != segment->epoch;
        uint64_t *epoch;

        if (partition->last != NULL) {
            check_next(partition, segment, has_gaps, faults);
        }
        if (segment->owner != 0) {
            epoch = &epochs[history_map_put(&owners, (segment->owner << 12) +
                                                         segment->partition)];
            if (*epoch != 0 && *epoch != segment->epoch) {
                history_fault(faults,
                              "partition %" PRIu32 ": owner %" PRIu64
                              " writes in epochs %" PRIu64 " and %" PRIu64,
                              segment->partition, segment->owner, *epoch,
                              segment->epoch);
            }
            *epoch = segment->epoch;
        }
        if (is_new || segment->owner != 0) {
            partition->owner = segment->owner;
        }
        partition->last = segment;
    }
    free(partitions);
    free(epochs);
    history_map_fini(&map);
    history_map_fini(&owners);
}
