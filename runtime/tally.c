// SPDX-License-Identifier: Apache-2.0
//
// tally.c - what happened, counted.

#include "runtime/tally.h"

#include "base/alloc.h"

struct wf_tally *
wf_tally_create(const weft_definitions *definitions)
{
    struct wf_tally *tally = wf_calloc(sizeof(*tally));

    tally->kinds_count = wf_definitions_kinds_count(definitions);
    tally->activities_count = wf_definitions_activities_count(definitions);
    tally->kinds = wf_calloc(tally->kinds_count * sizeof(*tally->kinds));
    tally->activities =
        wf_calloc(tally->activities_count * sizeof(*tally->activities));
    return tally;
}

void
wf_tally_destroy(struct wf_tally *tally)
{
    if (tally != NULL) {
        wf_free(tally->kinds);
        wf_free(tally->activities);
        wf_free(tally);
    }
}
