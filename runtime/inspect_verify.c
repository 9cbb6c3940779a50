// SPDX-License-Identifier: Apache-2.0
//
// inspect_verify.c - check everything that can be checked without running it.
//
//   beacons, formats      while the stores are opened (depot.c)
//   blocks                every one is read
//   log, chains, records  while the partitions are recovered
//   rows                  inspect_rows.c
//   positions             here: rows are not newer than the log, and the log
//                         begins early enough
//   actors of the window  here: their records apply to their images
//
// A problem does not end the work: what depends on what is broken is left out,
// the rest is checked.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/depot.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "storage/store.h"

void
wf_inspect_tell(struct wf_inspect_check *check, const char *where,
                const char *format, ...)
{
    char what[512];
    char all[sizeof(check->last)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)snprintf(all, sizeof(all), "%.120s: %s", where, what);
    if (strcmp(all, check->last) == 0) {
        return;
    }
    memcpy(check->last, all, sizeof(all));
    check->counts.problems++;
    if (check->fn != NULL) {
        check->fn(check->ctx, where, what);
    }
}

static void
check_blocks(weft_inspect *inspect)
{
    for (uint32_t i = 0; i < inspect->stores_count; i++) {
        const struct wf_depot *depot = &inspect->depots[i];
        weft_err err;

        if (depot->store == NULL) {
            continue;
        }
        inspect->check->counts.stores++;
        err = depot->store->ops->verify(depot->store->self);
        if (err != WEFT_OK) {
            wf_inspect_tell(inspect->check, depot->name, "blocks: %s",
                            weft_err_detail());
            inspect->check->is_unread =
                inspect->check->is_unread || err == WEFT_EIO;
        }
    }
}

// Has the log what the rows lack, and all that links and windows have seen?
static void
check_positions(const weft_inspect *inspect, uint32_t index)
{
    struct wf_inspect_check *check = inspect->check;
    struct wf_inspect_core_facts facts =
        wf_inspect_core_get_facts(inspect->partitions[index]);
    // There is one store at least.
    // NOLINTNEXTLINE(clang-analyzer-core.DivideZero)
    uint32_t store = index % inspect->stores_count;
    uint64_t log_from = check->log_from[index];
    uint64_t redo = facts.redo_record == 0 ? 1 : facts.redo_record;
    char where[64];

    (void)snprintf(where, sizeof(where), "store-%" PRIu32 " p%" PRIu32, store,
                   index);
    if (check->is_log_cut[store]) {
        return;
    }
    if (log_from > redo || (log_from == 0 && redo <= facts.last_record)) {
        wf_inspect_tell(check, where,
                        "records from %" PRIu64
                        " on are needed, the log begins with %" PRIu64,
                        redo, log_from);
    }
    if (facts.newest_record > facts.last_record) {
        wf_inspect_tell(check, where,
                        "a link or a client window is of record %" PRIu64
                        ", the log ends at %" PRIu64,
                        facts.newest_record, facts.last_record);
    }
}

static void
check_actors(const weft_inspect *inspect, uint32_t index)
{
    struct wf_partition *partition = inspect->partitions[index];
    size_t count;
    const struct wf_key **keys = wf_inspect_core_keys(partition, &count);

    for (size_t i = 0; i < count; i++) {
        struct wf_actor *actor = NULL;
        weft_err err = wf_inspect_core_actor(
            partition, keys[i], wf_inspect_store_of(inspect, index), &actor);
        char name[128];
        char where[192];

        inspect->check->counts.actors++;
        if (err == WEFT_OK) {
            wf_inspect_core_drop(partition, actor);
            continue;
        }
        (void)snprintf(where, sizeof(where),
                       "store-%" PRIu32 " p%" PRIu32 " %s",
                       index % inspect->stores_count, index,
                       wf_key_show(keys[i], name, sizeof(name)));
        wf_inspect_tell(inspect->check, where, "%s",
                        err == WEFT_ENOTFOUND ? "it has no row and no record"
                                              : weft_err_detail());
    }
    wf_free(keys);
}

static void
check_all(weft_inspect *inspect)
{
    check_blocks(inspect);
    for (uint32_t i = 0; i < inspect->stores_count; i++) {
        if (inspect->depots[i].store != NULL) {
            wf_inspect_check_rows(inspect, i);
        }
    }
    for (uint32_t i = 0; i < inspect->partitions_count; i++) {
        if (inspect->partitions[i] != NULL) {
            inspect->check->counts.partitions++;
            check_positions(inspect, i);
            check_actors(inspect, i);
        }
    }
}

weft_err
wf_inspect_verify(const char *data_dir, weft_inspect_problem_fn *fn, void *ctx,
                  weft_inspect_counts *out_counts)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    struct wf_inspect_check check = {
        .fn = fn,
        .ctx = ctx,
        .log_from = wf_calloc(WF_PARTITIONS_MAX * sizeof(uint64_t)),
    };
    weft_inspect *inspect = NULL;
    weft_err err;

    options.data_dir = data_dir;
    err = wf_inspect_make(&options, &check, &inspect);
    if (err == WEFT_OK) {
        check_all(inspect);
    }
    weft_inspect_close(inspect);
    if (check.counts.problems > 0) {
        err = wf_error(check.is_unread ? WEFT_EIO : WEFT_ECORRUPT,
                       "%s: %" PRIu64 " problems", data_dir,
                       check.counts.problems);
    }
    wf_free(check.log_from);
    *out_counts = check.counts;
    return err;
}

weft_err
weft_inspect_verify(const char *data_dir, weft_inspect_problem_fn *fn,
                    void *ctx, weft_inspect_counts *out_counts)
{
    weft_inspect_counts counts = {0};
    size_t size = sizeof(counts);
    weft_err err;

    wf_error_clear();
    if (out_counts != NULL) {
        size = out_counts->struct_size;
        WF_REQUIRE(size >= sizeof(size) && size <= sizeof(counts));
    }
    err = wf_inspect_verify(data_dir, fn, ctx, &counts);
    if (out_counts != NULL) {
        counts.struct_size = size;
        memcpy(out_counts, &counts, size);
    }
    return err;
}
