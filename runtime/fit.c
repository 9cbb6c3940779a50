// SPDX-License-Identifier: Apache-2.0
//
// fit.c - does a journal fit the code? See fit.h.

#include "runtime/fit.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/stack.h"
#include "runtime/workflow_impl.h"

// A run that has ended by itself must end again, and the same way. (One that
// failed may have been ended by a timeout, where its code stood.)
static void
check_end(weft_workflow *wf)
{
    weft_status status = wf->actor->status;
    const char *end = weft_status_name(status);
    char text[256];

    if (wf->is_unwinding || wf_actor_is_live(wf->actor)) {
        return;
    }
    if (wf->is_done) {
        weft_err outcome = wf->main->outcome;
        weft_status now = outcome == WEFT_OK           ? WEFT_STATUS_COMPLETED
                          : outcome == WEFT_ECANCELLED ? WEFT_STATUS_CANCELLED
                                                       : WEFT_STATUS_FAILED;

        if (now == status &&
            (now != WEFT_STATUS_COMPLETED ||
             wf_bytes_equal(wf->main->result, wf->actor->result))) {
            return;
        }
        (void)snprintf(text, sizeof(text),
                       "the code does not fit the end of its journal: recorded "
                       "was that it %s; the code gives %s%s",
                       end, weft_status_name(now),
                       now == status ? " with another result" : "");
    } else if (status == WEFT_STATUS_COMPLETED ||
               status == WEFT_STATUS_CANCELLED) {
        (void)snprintf(text, sizeof(text),
                       "the code does not fit the end of its journal: recorded "
                       "was that it %s; the code waits",
                       end);
    } else {
        return;
    }
    wf->divergence = wf_strdup(text);
    wf->is_unwinding = true;
}

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
    } else {
        check_end(wf);
    }
    if (wf != NULL && err == WEFT_OK && wf->is_unwinding) {
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
