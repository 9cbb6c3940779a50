// SPDX-License-Identifier: Apache-2.0
//
// branch.c - the stacks of one workflow: which of them runs, and when it ends.
//
// Branches become ready in the order in which things happen to them, and run
// in that order, one at a time, each until it waits. Nothing else decides, so a
// replay runs them as before. When none is ready, those that wait for a
// condition look at it, in order of number.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/inside.h"
#include "runtime/stack.h"
#include "runtime/update.h"
#include "runtime/versioned.h"
#include "runtime/workflow_impl.h"

// Life. ---------------------------------------------------------------------

static void
run_deferred(struct wf_branch *branch)
{
    while (branch->deferred != NULL) {
        struct wf_deferred *deferred = branch->deferred;

        branch->deferred = deferred->next;
        deferred->fn(deferred->ctx);
    }
}

static void
run_code(struct wf_stack *stack, void *ctx)
{
    struct wf_branch *branch = ctx;
    weft_workflow *wf = branch->wf;

    (void)stack;
    if (wf->is_unwinding) {
        branch->outcome = WEFT_EUNWIND;
    } else if (branch->number == 0) {
        branch->outcome = wf->kind->workflow.run(wf, wf->actor->input);
    } else {
        branch->outcome = branch->fn(wf, branch->ctx);
    }
    if (branch->outcome != WEFT_OK) {
        // Now: the detail is that of the call that failed, and the same in a
        // replay. What is not the same there clears it.
        branch->message = wf_workflow_keep_text(
            wf, weft_text(wf_error_message(branch->outcome)));
    }
    run_deferred(branch);
    branch->is_done = true;
}

static struct wf_branch *
create_branch(weft_workflow *wf, const char *name, size_t stack_bytes,
              struct wf_scope *parent)
{
    struct wf_branch *branch = wf_calloc(sizeof(*branch));

    branch->stack = wf_stack_create(wf->partition->options.stacks, stack_bytes,
                                    run_code, branch);
    if (branch->stack == NULL) {
        wf_free(branch);
        return NULL;
    }
    branch->wf = wf;
    branch->number = wf->next_branch++;
    branch->name = wf_strdup(name);
    branch->scope = wf_scope_hold(wf_scope_create(wf, parent));
    branch->failure.name = "";
    branch->failure.message = "";
    wf_list_push_back(&wf->branches, &branch->node);
    wf_list_push_back(&wf->ready, &branch->ready);
    wf->partition->branches++;
    return branch;
}

static void
destroy_branch(weft_workflow *wf, struct wf_branch *branch)
{
    if (wf_list_has(&branch->ready)) {
        wf_list_remove(&wf->ready, &branch->ready);
    }
    wf_list_remove(&wf->branches, &branch->node);
    wf->partition->branches--;
    wf_stack_destroy(branch->stack);
    // Code that returned from inside a scope has left it.
    while (branch->scope != NULL && branch->scope->number != 0) {
        struct wf_scope *inner = branch->scope;

        branch->scope = inner->parent;
        wf_scope_release(wf, inner);
    }
    wf_scope_release(wf, branch->scope);
    wf_free(branch->name);
    wf_free(branch);
}

bool
wf_branch_begin(weft_workflow *wf)
{
    wf->main = create_branch(wf, "", wf->kind->workflow.stack_bytes, wf->root);
    return wf->main != NULL;
}

// Running. ------------------------------------------------------------------

struct wf_branch *
wf_branch_here(const weft_workflow *wf)
{
    const struct wf_stack *stack = wf_stack_here();
    struct wf_branch *branch = stack == NULL ? NULL : wf_stack_context(stack);

    return branch != NULL && branch->wf == wf && !wf->is_computing ? branch
                                                                   : NULL;
}

weft_err
wf_branch_check(const weft_workflow *wf, const char *what)
{
    if (wf_branch_here(wf) != NULL) {
        return WEFT_OK;
    }
    return wf_error(WEFT_EINVAL,
                    "%s%scalled outside of its workflow function: call it from "
                    "that function or a branch of it, before it returns; not "
                    "from a value, a condition, a check, a step, an activity "
                    "or another thread",
                    what == NULL ? "" : what, what == NULL ? "" : ": ");
}

struct wf_aside
wf_branch_aside_begin(weft_workflow *wf)
{
    struct wf_aside aside = {
        .handle = wf_inside_enter(wf),
        .random = wf->random,
        .was_computing = wf->is_computing,
    };

    wf->is_computing = true;
    return aside;
}

void
wf_branch_aside_end(weft_workflow *wf, const struct wf_aside *aside)
{
    wf->is_computing = aside->was_computing;
    wf->random = aside->random;
    wf_inside_leave(aside->handle);
    wf_error_clear();
}

static void
resume(struct wf_branch *branch)
{
    const weft_workflow *wf = branch->wf;
    const void *before;

    wf_error_clear();
    if (branch->number != 0) {
        wf_watch_begin(wf->partition, wf->actor, "branch",
                       weft_text(branch->name));
    } else if (wf->turn == NULL) {
        wf_watch_begin(wf->partition, wf->actor, "replay", weft_nothing());
    } else {
        wf_watch_begin(wf->partition, wf->actor,
                       wf_letter_type_name(wf->turn->letter.type),
                       wf->turn->letter.name);
    }
    before = wf_inside_enter(wf);
    wf_stack_resume(branch->stack);
    wf_inside_leave(before);
    wf_watch_end(wf->partition);
}

weft_failure
wf_branch_failure(const struct wf_branch *branch)
{
    if (branch->failing.name != NULL) {
        return branch->failing;
    }
    if (branch->outcome == WEFT_EFAILED && branch->failure.name[0] != '\0') {
        return branch->failure;
    }
    return (weft_failure){
        .name = branch->outcome == WEFT_ECANCELLED
                    ? "cancelled"
                    : weft_err_name(branch->outcome),
        .message = branch->message == NULL ? weft_err_text(branch->outcome)
                                           : branch->message,
        .source = "",
    };
}

// Its future tells how it ended.
static void
settle_branch(weft_workflow *wf, const struct wf_branch *branch)
{
    struct wf_future *future = &wf->futures[branch->future - 1];

    future->err = branch->outcome;
    future->data = branch->result;
    if (branch->outcome != WEFT_OK) {
        weft_failure failure = wf_branch_failure(branch);

        future->name = failure.name;
        future->text = failure.message;
        future->data = failure.details;
        future->source = failure.source;
        future->cause = failure.cause;
    }
    wf_replay_settle(wf, branch->future);
}

// The function is over while a branch, whose memory it may have held, is not.
static void
refuse_leftover(weft_workflow *wf)
{
    const struct wf_list_node *node = wf_list_first(&wf->branches);
    const struct wf_branch *left = NULL;

    for (; node != NULL; node = wf_list_next(&wf->branches, node)) {
        left = WF_CONTAINER(node, struct wf_branch, node);
        if (left->number != 0 && left->update == 0) {
            break;
        }
    }
    if (node == NULL) {
        return; // handlers of updates may be left over
    }
    (void)wf_error(WEFT_EINVAL,
                   "the workflow function returned while its branch \"%s\" "
                   "runs: await it, or cancel and await it",
                   left->name);
    if (wf->divergence == NULL) {
        wf->divergence = wf_strdup(weft_err_detail());
    }
    wf->is_unwinding = true;
}

static void
end_branch(weft_workflow *wf, struct wf_branch *branch)
{
    if (branch->number == 0) {
        wf->is_done = true;
        refuse_leftover(wf);
    } else if (branch->update != 0) {
        wf->handlers_running--;
        wf_update_end(wf, branch);
        destroy_branch(wf, branch);
    } else {
        settle_branch(wf, branch);
        destroy_branch(wf, branch);
    }
}

void
wf_branch_wake(weft_workflow *wf, struct wf_branch *branch)
{
    if (branch->is_waiting && !wf_list_has(&branch->ready)) {
        wf_list_push_back(&wf->ready, &branch->ready);
    }
}

void
wf_branch_wake_number(weft_workflow *wf, uint32_t waiter)
{
    struct wf_list_node *node = wf_list_first(&wf->branches);

    for (; waiter != 0 && node != NULL;
         node = wf_list_next(&wf->branches, node)) {
        struct wf_branch *branch = WF_CONTAINER(node, struct wf_branch, node);

        if (waiter == WF_WAITER_MANY || branch->number == waiter - 1) {
            wf_branch_wake(wf, branch);
        }
    }
}

static bool
is_true(const struct wf_branch *branch)
{
    weft_workflow *wf = branch->wf;
    struct wf_aside aside;
    int answer;

    wf_watch_begin(wf->partition, wf->actor, "condition", weft_nothing());
    aside = wf_branch_aside_begin(wf);
    answer = branch->condition(branch->condition_ctx);
    wf_branch_aside_end(wf, &aside);
    wf_watch_end(wf->partition);
    return answer != 0;
}

static void
wake_conditions(weft_workflow *wf)
{
    struct wf_list_node *node = wf_list_first(&wf->branches);

    for (; node != NULL; node = wf_list_next(&wf->branches, node)) {
        struct wf_branch *branch = WF_CONTAINER(node, struct wf_branch, node);

        if (branch->condition != NULL && is_true(branch)) {
            wf_branch_wake(wf, branch);
        }
    }
}

weft_err
wf_branch_break(weft_workflow *wf)
{
    wf->broken = wf_branch_here(wf);
    WF_ASSERT(wf->broken != NULL);
    wf_stack_suspend(wf->broken->stack);
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

static bool
may_run(const weft_workflow *wf)
{
    return !wf->is_unwinding && !wf->is_done && wf->broken == NULL;
}

void
wf_branch_run(weft_workflow *wf)
{
    if (wf->broken != NULL) {
        wf_list_push_front(&wf->ready, &wf->broken->ready);
        wf->broken = NULL;
    }
    do {
        struct wf_list_node *node;

        while (may_run(wf) && (node = wf_list_pop_front(&wf->ready)) != NULL) {
            struct wf_branch *branch =
                WF_CONTAINER(node, struct wf_branch, ready);

            resume(branch);
            if (branch->is_done && !wf->is_unwinding) {
                end_branch(wf, branch);
            }
        }
        if (may_run(wf)) {
            wake_conditions(wf);
        }
    } while (may_run(wf) && wf->ready.count > 0);
}

struct wf_branch *
wf_branch_of_future(const weft_workflow *wf, uint32_t id)
{
    struct wf_list_node *node = wf_list_first(&wf->branches);

    for (; node != NULL; node = wf_list_next(&wf->branches, node)) {
        struct wf_branch *branch = WF_CONTAINER(node, struct wf_branch, node);

        if (branch->future == id) {
            return branch;
        }
    }
    return NULL;
}

struct wf_branch *
wf_branch_of_step(const weft_workflow *wf, uint32_t id)
{
    struct wf_list_node *node = wf_list_first(&wf->branches);

    for (; node != NULL; node = wf_list_next(&wf->branches, node)) {
        struct wf_branch *branch = WF_CONTAINER(node, struct wf_branch, node);

        if (branch->step == id) {
            return branch;
        }
    }
    return NULL;
}

// The end. ------------------------------------------------------------------

bool
wf_branch_unwind(weft_workflow *wf)
{
    struct wf_list_node *node = wf->branches.head.prev;
    size_t count = wf->branches.count;
    bool is_clean = true;

    wf->is_unwinding = true;
    // Those that began last end first: they may use what others hold.
    for (; count > 0; count--) {
        struct wf_branch *branch = WF_CONTAINER(node, struct wf_branch, node);

        node = node->prev;
        if (!branch->is_done) {
            resume(branch);
            is_clean = is_clean && branch->is_done;
        }
    }
    return is_clean;
}

void
wf_branch_destroy_all(weft_workflow *wf)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&wf->branches)) != NULL) {
        destroy_branch(wf, WF_CONTAINER(node, struct wf_branch, node));
    }
    wf->main = NULL;
}

void
wf_branch_add_handler(weft_workflow *wf, const char *name, uint32_t update,
                      weft_branch_fn *fn, void *ctx)
{
    struct wf_branch *branch =
        create_branch(wf, name, wf->kind->workflow.stack_bytes, wf->root);

    if (branch == NULL) {
        wf->is_starved = true;
        wf->is_unwinding = true;
        return;
    }
    branch->update = update;
    branch->fn = fn;
    branch->ctx = ctx;
    wf->handlers_running++;
}

// What the code calls. ------------------------------------------------------

static weft_err
check_options(const weft_workflow *wf, const char *name,
              const weft_branch_options *given, weft_branch_options *out)
{
    weft_err err = wf_name_check("branch", name, WF_NAME_BYTES_MAX);

    *out = (weft_branch_options)WEFT_BRANCH_OPTIONS_INIT;
    if (err == WEFT_OK && given != NULL) {
        err =
            wf_versioned_copy("weft_branch_options", given, out, sizeof(*out));
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (out->stack_bytes == 0) {
        out->stack_bytes = wf->kind->workflow.stack_bytes;
    }
    if (out->stack_bytes < WF_STACK_BYTES_MIN ||
        out->stack_bytes > WF_STACK_BYTES_MAX) {
        return wf_error(WEFT_EINVAL,
                        "branch %s: stack_bytes is %u, not %u to "
                        "%u",
                        name, out->stack_bytes, WF_STACK_BYTES_MIN,
                        WF_STACK_BYTES_MAX);
    }
    if (wf->branches.count > WF_BRANCHES_MAX) {
        return wf_error(WEFT_EBUSY, "branch %s: %u branches run already", name,
                        WF_BRANCHES_MAX);
    }
    return WEFT_OK;
}

weft_err
weft_workflow_branch(weft_workflow *wf, const char *name, weft_branch_fn *fn,
                     void *ctx, const weft_branch_options *options,
                     weft_future *out_future)
{
    struct wf_branch *here;
    struct wf_branch *branch;
    weft_branch_options known;
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(fn != NULL && out_future != NULL);
    err = wf_await_check(wf, &here);
    if (err == WEFT_OK) {
        err = check_options(wf, name, options, &known);
    }
    if (err == WEFT_OK) {
        err = wf_workflow_begin(wf, WF_COMMAND_BRANCH, name, weft_nothing());
    }
    if (err != WEFT_OK) {
        return err;
    }
    branch = create_branch(wf, name, known.stack_bytes,
                           known.is_detached ? NULL : here->scope);
    if (branch == NULL) { // not the code's fault: the turn is tried again
        wf->is_starved = true;
        wf->is_unwinding = true;
        return WEFT_EUNWIND;
    }
    branch->future = wf->ordinal;
    branch->fn = fn;
    branch->ctx = ctx;
    *out_future = wf_await_number(wf, branch->future);
    return WEFT_OK;
}
