// SPDX-License-Identifier: Apache-2.0
//
// saga.c - undo steps, kept with the workflow's memory. See weft/saga.h.
//
// Nothing of a saga is recorded: the code adds the same steps in a replay, and
// undoing is calls like any others.

#include "weft/saga.h"

#include "base/error.h"
#include "runtime/inside.h"
#include "runtime/policy.h"
#include "runtime/stack.h"
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
    weft_saga *older; // of the same workflow
    weft_workflow *wf;
    struct undo *last;
};

weft_saga *
weft_saga_create(weft_workflow *wf)
{
    weft_saga *saga;

    if (wf_branch_check(wf, "saga_create") != WEFT_OK) {
        return NULL;
    }
    saga = weft_workflow_alloc(wf, sizeof(*saga));
    saga->older = wf->sagas;
    saga->wf = wf;
    wf->sagas = saga;
    return saga;
}

// Is it one of the workflow whose code calls this? It is looked for and not
// looked into: its memory may be gone.
static weft_err
check(const weft_saga *saga, const char *what)
{
    const struct wf_stack *stack = wf_stack_here();
    const struct wf_branch *branch =
        stack == NULL ? NULL : wf_stack_context(stack);
    const weft_saga *known =
        branch == NULL || branch->wf->is_computing ? NULL : branch->wf->sagas;

    while (known != NULL && known != saga) {
        known = known->older;
    }
    if (known != NULL) {
        return WEFT_OK;
    }
    return wf_error(WEFT_EINVAL,
                    "%s: %s: use what weft_saga_create returned, in the same "
                    "workflow and before its function returns",
                    what,
                    saga == NULL ? "the saga is NULL"
                                 : "this is no saga of the code that runs");
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
    struct wf_buf bytes = {0};
    struct undo *undo;
    weft_err err = check(saga, "saga_add");

    if (err == WEFT_OK) {
        err = wf_policy_of_call(saga->wf->partition->options.definitions,
                                activity, options, &bytes);
    }
    if (err == WEFT_OK) {
        err = wf_policy_check_runner(saga->wf->partition->options.definitions,
                                     activity, wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
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
    weft_err err = check(saga, "saga_add_fn");

    if (err != WEFT_OK) {
        return err;
    }
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
    weft_err err = check(saga, "saga_undo");

    if (err != WEFT_OK) {
        return err;
    }
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
    struct wf_branch *branch;
    weft_failure failure;
    weft_err known;

    if (err == WEFT_EUNWIND) {
        return err;
    }
    known = check(saga, "saga_end");
    if (known != WEFT_OK) {
        return known;
    }
    branch = wf_branch_here(saga->wf);
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
