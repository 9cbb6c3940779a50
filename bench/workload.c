// SPDX-License-Identifier: Apache-2.0
//
// workload.c - the table of what is measured.

#include "bench/workload.h"

#include <stddef.h>
#include <string.h>

#include "bench/settings.h"

const struct workload *const workloads[] = {
    &work_noop,       &work_steps10,     &work_activity1, &work_activity10,
    &work_signal_one, &work_signal_many, &work_timer,     &work_fanout,
    &work_pingpong,   &work_counter,     &work_bank,      &work_sleepers,
    &work_recovery,   &work_journal,     &work_raw,       NULL,
};

const struct workload *
workload_find(const char *name)
{
    for (size_t i = 0; workloads[i] != NULL; i++) {
        if (strcmp(workloads[i]->name, name) == 0) {
            return workloads[i];
        }
    }
    return NULL;
}

weft_err
workload_define(struct bench *bench, weft_definitions *definitions)
{
    weft_err err = WEFT_OK;

    for (size_t i = 0; err == WEFT_OK && workloads[i] != NULL; i++) {
        if (workloads[i]->define != NULL) {
            err = workloads[i]->define(bench, definitions);
        }
    }
    return err;
}

uint64_t
workload_units(const struct settings *settings)
{
    return settings->workload->units == NULL
               ? 1
               : settings->workload->units(settings);
}
