// SPDX-License-Identifier: Apache-2.0
//
// order_dry_run.c - would this program's workflow fit the orders that are under
// way? To be asked of a backup before a new version is deployed:
//
//   order_meal BACKUP --dry-run && deploy
//
// Status 0 and a count for each version if all would go on; else status 1 and a
// line for each order that would not, with what its journal has and what the
// code gives.

#include <inttypes.h>
#include <stdio.h>

#include "order_meal.h"
#include "weft/dry_run.h"

static int
tell_instance(void *ctx, const weft_dry_run_instance *instance)
{
    (void)ctx;
    if (instance->outcome != WEFT_DRY_RUN_STAYS &&
        instance->outcome != WEFT_DRY_RUN_MOVES) {
        printf("%s/%s, version %" PRIu32 ": %s: %s\n", instance->kind,
               instance->id, instance->version,
               weft_dry_run_outcome_name(instance->outcome),
               instance->difference);
    }
    return 0;
}

static void
tell_counts(const weft_dry_run_summary *summary)
{
    for (size_t i = 0; i < summary->counts_count; i++) {
        const weft_dry_run_count *count = &summary->counts[i];

        printf("%s, version %" PRIu32 ":", count->kind, count->version);
        for (int j = 0; j < WEFT_DRY_RUN_OUTCOME_COUNT; j++) {
            if (count->outcomes[j] > 0) {
                printf(" %" PRIu64 " %s", count->outcomes[j],
                       weft_dry_run_outcome_name((weft_dry_run_outcome)j));
            }
        }
        printf("\n");
    }
}

weft_err
meal_dry_run(const char *data_dir, const weft_definitions *definitions)
{
    weft_dry_run_options options = WEFT_DRY_RUN_OPTIONS_INIT;
    weft_dry_run_summary *summary = NULL;
    weft_err err;

    options.data_dir = data_dir;
    options.definitions = definitions;
    err = weft_dry_run(&options, tell_instance, NULL, &summary);
    if (summary != NULL) {
        tell_counts(summary);
    }
    weft_dry_run_free(summary);
    return err;
}
