// SPDX-License-Identifier: Apache-2.0
//
// fit.c - does a journal fit the code? See fit.h.

#include "runtime/fit.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/stack.h"
#include "runtime/workflow_impl.h"

weft_err
wf_fit_check(struct wf_partition *partition, struct wf_actor *actor,
             const struct wf_kind *kind, char **out_difference)
{
    weft_workflow *live = actor->activation;
    weft_workflow *wf;
    weft_err err = WEFT_OK;

    *out_difference = NULL;
    if (actor->journal.count == 0) {
        return WEFT_OK; // it has not begun
    }
    actor->activation = NULL;
    wf = wf_workflow_create(partition, actor, kind);
    if (wf == NULL) {
        err = wf_error(WEFT_ENOMEM, "no memory for a stack");
    } else if (!wf_replay_journal(wf) && wf->is_starved) {
        err = wf_error(WEFT_ENOMEM, "no memory for the stack of a branch");
    } else if (wf->is_unwinding) {
        *out_difference = wf_strdup(wf->divergence);
        err = wf_error(WEFT_EDIVERGED, "%s", *out_difference);
    }
    wf_workflow_drop(partition, actor);
    actor->activation = live;
    return err;
}

struct wf_fit {
    struct wf_stack_pool *stacks;
    struct wf_partition *partition;
};

struct wf_fit *
wf_fit_create(const weft_definitions *definitions)
{
    struct wf_fit *fit = wf_calloc(sizeof(*fit));

    fit->stacks = wf_stack_pool_create(1);
    fit->partition = wf_partition_create(&(struct wf_partition_options){
        .count = 1,
        .incarnation = 1,
        .definitions = definitions,
        .stacks = fit->stacks,
        .residents_max = UINT32_MAX,
    });
    return fit;
}

void
wf_fit_destroy(struct wf_fit *fit)
{
    struct wf_list requests;

    if (fit == NULL) {
        return;
    }
    wf_list_init(&requests);
    wf_partition_destroy(fit->partition, &requests);
    WF_ASSERT(requests.count == 0);
    wf_stack_pool_destroy(fit->stacks);
    wf_free(fit);
}

struct wf_partition *
wf_fit_partition(struct wf_fit *fit)
{
    return fit->partition;
}
