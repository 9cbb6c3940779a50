// SPDX-License-Identifier: Apache-2.0
//
// standby.c - warm copies of other nodes' partitions.
//
// A copy is read on when the map says that there is more, so once in a look; a
// partition in which nothing happens costs nothing. It is looked after when
// there is a newer snapshot, too: the log may begin later then, and the copy
// have to be made anew, which is better done now than when it is needed.

#include "cluster/standby.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "cluster/balance.h"

struct copy {
    _Atomic uint64_t commit; // that it has come to; 0: there is none
    uint64_t told;           // what the registry knows
    uint64_t snapshot;       // the newest when it was looked after
    bool is_kept;
};

struct wf_standby {
    struct wf_standby_options options;
    struct copy *copies;            // by partition
    struct wf_registry_copy *tells; // room for all
    _Atomic uint32_t copies_count;
    _Atomic uint64_t behind;
};

struct wf_standby *
wf_standby_create(const struct wf_standby_options *options)
{
    struct wf_standby *standby = wf_calloc(sizeof(*standby));
    uint32_t count = options->partition_count;

    standby->options = *options;
    standby->copies = wf_calloc(count * sizeof(*standby->copies));
    standby->tells = wf_calloc(count * sizeof(*standby->tells));
    return standby;
}

void
wf_standby_destroy(struct wf_standby *standby)
{
    if (standby != NULL) {
        wf_free(standby->copies);
        wf_free(standby->tells);
        wf_free(standby);
    }
}

static uint64_t
commit_of(const struct copy *copy)
{
    return copy->is_kept ? atomic_load(&copy->commit) : 0;
}

void
wf_standby_forget(struct wf_standby *standby, uint32_t partition)
{
    struct copy *copy = &standby->copies[partition];

    copy->is_kept = false;
    copy->snapshot = 0;
    atomic_store(&copy->commit, 0);
}

static void
keep(struct wf_standby *standby, uint32_t partition,
     const struct wf_registry_part *part)
{
    struct copy *copy = &standby->copies[partition];

    if (!copy->is_kept) {
        wf_standby_forget(standby, partition); // what came too late of before
        copy->is_kept = true;
    }
    if (part->last > commit_of(copy) || part->snapshot != copy->snapshot) {
        copy->snapshot = part->snapshot;
        standby->options.follow(standby->options.ctx, partition);
    }
}

static bool
is_to_keep(const struct wf_registry_map *map, const int32_t *targets,
           uint32_t partition, int32_t me)
{
    int32_t owner = wf_balance_owner(map, partition);

    return owner >= 0 && owner != me &&
           wf_balance_standby(map, targets, partition) == me;
}

static void
count(struct wf_standby *standby, const struct wf_registry_map *map)
{
    uint32_t copies = 0;
    uint64_t behind = 0;

    for (uint32_t i = 0; i < standby->options.partition_count; i++) {
        uint64_t commit = commit_of(&standby->copies[i]);
        uint64_t last = map->parts[i].last;

        copies += commit > 0;
        if (commit > 0 && last > commit && last - commit > behind) {
            behind = last - commit;
        }
    }
    atomic_store(&standby->copies_count, copies);
    atomic_store(&standby->behind, behind);
}

void
wf_standby_decide(struct wf_standby *standby, const struct wf_registry_map *map,
                  const int32_t *targets, int32_t me)
{
    for (uint32_t i = 0; i < standby->options.partition_count; i++) {
        if (is_to_keep(map, targets, i, me)) {
            keep(standby, i, &map->parts[i]);
        } else if (standby->copies[i].is_kept && targets[i] != me &&
                   wf_balance_owner(map, i) != me) {
            wf_standby_forget(standby, i);
            standby->options.give(standby->options.ctx, i);
        }
    }
    count(standby, map);
}

weft_err
wf_standby_tell(struct wf_standby *standby, const struct wf_registry *registry)
{
    uint32_t told = 0;
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; i < standby->options.partition_count; i++) {
        uint64_t commit = commit_of(&standby->copies[i]);

        if (commit != standby->copies[i].told) {
            standby->tells[told++] = (struct wf_registry_copy){i, commit};
        }
    }
    if (told > 0) {
        err = registry->ops->copied(registry->self, standby->tells, told);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < told; i++) {
        standby->copies[standby->tells[i].partition].told =
            standby->tells[i].commit;
    }
    return err;
}

// Any thread. -----------------------------------------------------------------

void
wf_standby_copied(struct wf_standby *standby, uint32_t partition,
                  uint64_t commit)
{
    WF_ASSERT(partition < standby->options.partition_count);
    atomic_store(&standby->copies[partition].commit, commit);
}

void
wf_standby_count(const struct wf_standby *standby,
                 struct wf_standby_counts *out_counts)
{
    out_counts->copies = atomic_load(&standby->copies_count);
    out_counts->behind = atomic_load(&standby->behind);
}
