// SPDX-License-Identifier: Apache-2.0
//
// stopped.c - what lies in the directory of a node that was killed, given to
// the checkers.
//
// Actors are seen as weft_inspect shows them, which is what a node would go on
// from. Logs are read beside it, as they are: of inspect nobody would learn
// that it skips what two owners wrote.

#include "history/stopped.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "history/epochs.h"
#include "history/look.h"
#include "storage/log.h"
#include "storage/store.h"
#include "weft/inspect.h"

struct segments {
    struct epochs_segment *all;
    size_t count;
    size_t cap;
};

static weft_err
take_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
            uint32_t count)
{
    struct segments *seen = ctx;

    (void)number;
    for (uint32_t i = 0; i < count; i++) {
        if (seen->count == seen->cap) {
            seen->cap = seen->cap == 0 ? 1024 : seen->cap * 2;
            seen->all = realloc(seen->all, seen->cap * sizeof(*seen->all));
            if (seen->all == NULL) {
                abort();
            }
        }
        seen->all[seen->count++] = (struct epochs_segment){
            .partition = segments[i].partition,
            .epoch = segments[i].epoch,
            .first = segments[i].first_record,
            .count = segments[i].record_count,
        };
    }
    return WEFT_OK;
}

static void
check_log(const char *dir, struct stopped_counts *counts,
          struct history_faults *faults)
{
    struct segments seen = {0};
    struct wf_store store;
    struct wf_log log;
    weft_err err = wf_store_rocks_open(dir, true, &store);

    if (err != WEFT_OK) {
        history_fault(faults, "%s: %s", dir, weft_err_detail());
        return;
    }
    err = wf_log_local_open(store, true, &log);
    if (err == WEFT_OK) {
        err = log.ops->read(log.self, log.ops->first(log.self), take_commit,
                            &seen);
        log.ops->close(log.self);
    }
    if (err != WEFT_OK) {
        history_fault(faults, "%s: its log: %s", dir, weft_err_detail());
    }
    store.ops->close(store.self);
    epochs_check(seen.all, seen.count, false, faults);
    counts->segments += seen.count;
    free(seen.all);
}

static void
check_actors(weft_inspect *inspect, const weft_inspect_summary *summary,
             struct stopped_counts *counts, struct history_faults *faults)
{
    struct look look = {.faults = faults};

    if (weft_inspect_each(inspect, NULL, look_at, &look) != WEFT_OK) {
        history_fault(faults, "inspect: %s", weft_err_detail());
    }
    look_check_wakes(&look, summary->outgoing_count);
    look_check_bank(&look, summary->outgoing_count);
    counts->actors += look.count;
    look_fini(&look);
}

void
stopped_check(const char *data_dir, bool is_young,
              struct stopped_counts *counts, struct history_faults *faults)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_inspect *inspect = NULL;
    weft_err err;
    char dir[400];

    options.data_dir = data_dir;
    err = weft_inspect_open(&options, &inspect);
    if (err == WEFT_OK) {
        err = weft_inspect_get_summary(inspect, &summary);
    }
    if (err == WEFT_OK) {
        check_actors(inspect, &summary, counts, faults);
        counts->looks++;
    } else if (!is_young) {
        history_fault(faults, "inspect: %s: %s", weft_err_name(err),
                      weft_err_detail());
    }
    weft_inspect_close(inspect);
    for (uint32_t i = 0; err == WEFT_OK && i < summary.store_count; i++) {
        (void)snprintf(dir, sizeof(dir), "%s/store-%" PRIu32, data_dir, i);
        check_log(dir, counts, faults);
    }
}
