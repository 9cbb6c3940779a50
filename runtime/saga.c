// SPDX-License-Identifier: Apache-2.0
//
// saga.c - undo steps, kept with the workflow's memory. See weft/saga.h.
//
// Nothing of a saga is recorded: the code adds the same steps in a replay, and
// undoing is calls like any others.

#include "weft/saga.h"

#include "base/error.h"
#include "runtime/policy.h"
#include "runtime/workflow_impl.h"

struct undo {
    struct undo *before;
    const char *activity; // NULL: code
    weft_bytes input;
    const weft_call_options *options;
    weft_saga_fn *fn;
    void *ctx;
};

struct weft_saga {
    weft_workflow *wf;
    struct undo *last;
};

weft_saga *
weft_saga_create(weft_workflow *wf)
{
    weft_saga *saga = weft_workflow_alloc(wf, sizeof(*saga));

    saga->wf = wf;
    return saga;
}

static struct undo *
add(weft_saga *saga)
{
    struct undo *undo = weft_workflow_alloc(saga->wf, sizeof(*undo));

    undo->before = saga->last;
    saga->last = undo;
    return undo;
}

weft_err
weft_saga_add(weft_saga *saga, const char *activity, weft_bytes input,
              const weft_call_options *options)
{
    struct undo *undo;
    weft_err err = wf_policy_check_activity(
        saga->wf->partition->options.definitions, activity);

    if (err == WEFT_OK) {
        err = wf_turn_check_payload(activity, input);
    }
    if (err != WEFT_OK) {
        return err;
    }
    undo = add(saga);
    undo->activity = wf_workflow_keep_text(saga->wf, weft_text(activity));
    undo->input = wf_workflow_keep(saga->wf, input);
    undo->options = options;
    return WEFT_OK;
}

weft_err
weft_saga_add_fn(weft_saga *saga, weft_saga_fn *fn, void *ctx)
{
    struct undo *undo;

    WF_REQUIRE(fn != NULL);
    undo = add(saga);
    undo->fn = fn;
    undo->ctx = ctx;
    return WEFT_OK;
}

static weft_err
run(weft_saga *saga, const struct undo *undo)
{
    return undo->fn != NULL
               ? undo->fn(saga->wf, undo->ctx)
               : weft_workflow_call(saga->wf, undo->activity, undo->input,
                                    undo->options, NULL);
}

weft_err
weft_saga_undo(weft_saga *saga)
{
    weft_err outcome = WEFT_OK;
    weft_err err = WEFT_OK;

    weft_workflow_shield_begin(saga->wf);
    while (saga->last != NULL && err != WEFT_EUNWIND) {
        const struct undo *undo = saga->last;

        saga->last = undo->before;
        err = run(saga, undo);
        if (err != WEFT_OK) {
            outcome = err == WEFT_EUNWIND ? err : WEFT_EFAILED;
        }
    }
    weft_workflow_shield_end(saga->wf);
    return outcome;
}

weft_err
weft_saga_end(weft_saga *saga, weft_err err)
{
    struct wf_branch *branch = wf_branch_here(saga->wf);
    weft_failure failure;

    if (err == WEFT_EUNWIND || branch == NULL) {
        return err;
    }
    if (err == WEFT_OK) {
        saga->last = NULL;
        return err;
    }
    failure = branch->failure;
    if (weft_saga_undo(saga) == WEFT_EUNWIND) {
        return WEFT_EUNWIND;
    }
    branch->failure = failure;
    return err;
}
