// SPDX-License-Identifier: Apache-2.0
//
// scope.c - cancellation as a tree of scopes, of which a branch is always in
// one: its own, or one that it has begun inside.
//
//   root <--- scope <--- shield <--- scope
//     ^          ^
//     |          +--- of a branch begun there
//     +--- of the workflow's function
//
// What is asked of one reaches all below it, down to the next shield. Scope
// numbers are the code's; 0 is a branch's own scope, which it cannot leave.

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/child.h"
#include "runtime/inside.h"
#include "runtime/reset.h"
#include "runtime/workflow_impl.h"

struct wf_scope *
wf_scope_create(weft_workflow *wf, struct wf_scope *parent)
{
    struct wf_scope *scope = wf_calloc(sizeof(*scope));

    scope->parent = parent == NULL ? NULL : wf_scope_hold(parent);
    wf_list_push_back(&wf->scopes, &scope->node);
    return scope;
}

struct wf_scope *
wf_scope_hold(struct wf_scope *scope)
{
    scope->refs++;
    return scope;
}

void
wf_scope_release(weft_workflow *wf, struct wf_scope *scope)
{
    while (scope != NULL && --scope->refs == 0) {
        struct wf_scope *parent = scope->parent;

        wf_list_remove(&wf->scopes, &scope->node);
        wf_free(scope);
        scope = parent;
    }
}

weft_err
wf_scope_state(const struct wf_scope *scope)
{
    for (; scope != NULL; scope = scope->parent) {
        if (scope->ended != WEFT_OK) {
            return scope->ended;
        }
        if (scope->is_shield) {
            return WEFT_OK;
        }
    }
    return WEFT_OK;
}

// One future. ----------------------------------------------------------------

static void
put_abandon(struct wf_turn *turn, uint32_t id, const struct wf_future *future)
{
    switch (future->kind) {
    case WF_COMMAND_TIMER:
        wf_turn_timer_clear(turn, id);
        break;
    case WF_COMMAND_ACTIVITY:
        wf_turn_command_cancel(turn, id, future->cancellation);
        break;
    case WF_COMMAND_CHILD:
        wf_child_give_up(turn, id, future->cancellation);
        break;
    default:
        break;
    }
}

weft_err
wf_scope_give_up(weft_workflow *wf, uint32_t id, weft_err why)
{
    char name[16];
    weft_err err;
    struct wf_future *future;

    if (wf->futures[id - 1].is_cancel_asked) {
        return WEFT_OK;
    }
    (void)snprintf(name, sizeof(name), "%u", id);
    err = wf_replay_own_command(wf, WF_COMMAND_ABANDON, name, weft_nothing());
    if (err != WEFT_OK) {
        return err;
    }
    future = &wf->futures[id - 1];
    if (!wf->is_replaying) {
        put_abandon(wf->turn, id, future);
    }
    if (future->cancellation == WEFT_CANCELLATION_WAIT ||
        future->cancellation == WEFT_CANCELLATION_WAIT_REQUESTED) {
        if (wf->remade != NULL) {
            put_abandon(wf_reset_turn(wf), id, future);
            wf_reset_note(wf, id);
            wf_reset_note_asks(wf);
        }
        future->is_cancel_asked = true; // its outcome will be known
        return WEFT_OK;
    }
    future->is_given_up = true;
    future->err = why;
    future->data = weft_nothing();
    future->name = why == WEFT_ECANCELLED ? "cancelled" : "timeout";
    future->text = "the workflow stopped waiting for it";
    wf_replay_settle(wf, id);
    wf_workflow_refuse_started(wf, id);
    return WEFT_OK;
}

// What cancellation ends by itself. A receiver takes nothing from anybody by
// waiting, a step may have had its effect, a branch ends itself.
static bool
is_given_up(const struct wf_future *future)
{
    return future->kind == WF_COMMAND_ACTIVITY ||
           future->kind == WF_COMMAND_TIMER || future->kind == WF_COMMAND_CHILD;
}

static weft_err
give_up_all(weft_workflow *wf)
{
    uint32_t id = wf->first_open;
    weft_err err = WEFT_OK;

    while (id != 0 && err == WEFT_OK) {
        uint32_t next = wf->futures[id - 1].next;
        weft_err why = wf_scope_state(wf->futures[id - 1].scope);

        if (why != WEFT_OK && is_given_up(&wf->futures[id - 1])) {
            err = wf_scope_give_up(wf, id, why);
        }
        id = next;
    }
    return err;
}

weft_err
wf_scope_cancel(weft_workflow *wf, struct wf_scope *scope, weft_err why)
{
    struct wf_list_node *node;
    weft_err err;

    if (scope->ended != WEFT_OK) {
        return WEFT_OK;
    }
    scope->ended = why;
    err = give_up_all(wf);
    for (node = wf_list_first(&wf->branches); node != NULL;
         node = wf_list_next(&wf->branches, node)) {
        struct wf_branch *branch = WF_CONTAINER(node, struct wf_branch, node);

        if (wf_scope_state(branch->scope) != WEFT_OK) {
            wf_branch_wake(wf, branch);
        }
    }
    return err;
}

// What the code calls. ------------------------------------------------------

static struct wf_scope *
enter(weft_workflow *wf, struct wf_branch *branch)
{
    struct wf_scope *scope = wf_scope_hold(wf_scope_create(wf, branch->scope));

    scope->number = ++wf->next_scope;
    branch->scope = scope;
    return scope;
}

// The scope that the branch entered last is over for it.
static void
leave(weft_workflow *wf, struct wf_branch *branch)
{
    struct wf_scope *scope = branch->scope;

    WF_ASSERT(scope->number != 0);
    branch->scope = scope->parent;
    wf_scope_release(wf, scope);
}

weft_err
weft_workflow_scope_begin(weft_workflow *wf, uint64_t timeout_ms,
                          weft_scope *out_scope)
{
    struct wf_branch *branch;
    weft_future timer;
    weft_err err;

    WF_REQUIRE(out_scope != NULL);
    err = wf_await_check(wf, &branch);
    if (err != WEFT_OK) {
        return err;
    }
    if (timeout_ms != WEFT_FOREVER) {
        // Begun outside of it: what ends the scope is not in it.
        err = weft_workflow_timer(wf, timeout_ms, &timer);
        if (err != WEFT_OK) {
            return err;
        }
    }
    *out_scope = enter(wf, branch)->number;
    if (timeout_ms != WEFT_FOREVER) {
        branch->scope->timer = wf->ordinal;
        wf->futures[wf->ordinal - 1].deadline = wf_scope_hold(branch->scope);
    }
    return WEFT_OK;
}

weft_err
weft_workflow_scope_end(weft_workflow *wf, weft_scope scope)
{
    struct wf_branch *branch = wf_branch_here(wf);
    weft_err err = WEFT_OK;
    uint32_t timer;

    if (branch == NULL || scope == 0 || branch->scope->number != scope) {
        return wf_error(WEFT_EINVAL,
                        "scope_end: %u is not the scope that was begun last",
                        scope);
    }
    timer = branch->scope->timer;
    if (timer != 0 && wf->futures[timer - 1].state == WF_FUTURE_PENDING &&
        !wf->is_unwinding) {
        err = wf_scope_give_up(wf, timer, WEFT_ECANCELLED);
    }
    leave(wf, branch);
    return err;
}

weft_err
weft_workflow_scope_cancel(weft_workflow *wf, weft_scope scope)
{
    struct wf_list_node *node;

    if (wf_branch_here(wf) != NULL && wf->is_unwinding) {
        return WEFT_EUNWIND;
    }
    if (wf_branch_here(wf) != NULL && scope != 0) {
        for (node = wf_list_first(&wf->scopes); node != NULL;
             node = wf_list_next(&wf->scopes, node)) {
            struct wf_scope *known = WF_CONTAINER(node, struct wf_scope, node);

            if (known->number == scope) {
                return wf_scope_cancel(wf, known, WEFT_ECANCELLED);
            }
        }
    }
    return wf_error(WEFT_EINVAL, "scope_cancel: %u is not an open scope",
                    scope);
}

void
weft_workflow_shield_begin(weft_workflow *wf)
{
    struct wf_branch *branch = wf_branch_here(wf);

    if (branch != NULL) {
        enter(wf, branch)->is_shield = true;
    }
}

void
weft_workflow_shield_end(weft_workflow *wf)
{
    struct wf_branch *branch = wf_branch_here(wf);

    if (branch != NULL && branch->scope->is_shield &&
        branch->scope->number != 0) {
        leave(wf, branch);
    }
}

int
weft_workflow_is_cancelled(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) && wf->root->ended != WEFT_OK;
}

// The scope that the branch can never leave.
static struct wf_scope *
outermost(const struct wf_branch *branch)
{
    struct wf_scope *scope = branch->scope;

    while (scope->number != 0) {
        scope = scope->parent;
    }
    return scope;
}

static weft_err
check_future(weft_workflow *wf, const char *what, weft_future future,
             struct wf_future **out_known)
{
    weft_err err = wf_branch_check(wf, what);

    if (err != WEFT_OK) {
        return err;
    }
    *out_known = wf_await_future(wf, future);
    if (*out_known == NULL) {
        return wf_await_refuse(wf, what, future);
    }
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

weft_err
weft_workflow_cancel(weft_workflow *wf, weft_future future)
{
    struct wf_future *known;
    struct wf_branch *branch;
    weft_err err = check_future(wf, "cancel", future, &known);

    if (err != WEFT_OK || known->state == WF_FUTURE_KNOWN) {
        return err;
    }
    branch = wf_branch_of_future(wf, (uint32_t)future);
    return branch != NULL
               ? wf_scope_cancel(wf, outermost(branch), WEFT_ECANCELLED)
               : wf_scope_give_up(wf, (uint32_t)future, WEFT_ECANCELLED);
}
