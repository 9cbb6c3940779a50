// SPDX-License-Identifier: Apache-2.0
//
// await.c - how workflow code waits: leave the stack until a future is known,
// cancellation is asked for, or the stack is to be dropped.
//
// A branch that waits notes itself at each future it waits for; who makes one
// known wakes it, and it looks again. Being woken for nothing does no harm.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "runtime/inside.h"
#include "runtime/stack.h"
#include "runtime/workflow_impl.h"

// So many refused waits in a row are no clean-up any more.
#define REFUSALS_MAX 10000

// Numbers. ------------------------------------------------------------------

// Different for every run, so that a future of another is found out.
static uint32_t
mark_of(const weft_workflow *wf)
{
    return (uint32_t)(wf->actor->seed ^ (wf->actor->seed >> 32)) +
           (uint32_t)wf->actor->run * 2654435761U;
}

weft_future
wf_await_number(const weft_workflow *wf, uint32_t id)
{
    return (weft_future)mark_of(wf) << 32 | id;
}

struct wf_future *
wf_await_future(const weft_workflow *wf, weft_future future)
{
    uint32_t id = (uint32_t)future;

    if (id == 0 || id > wf->ordinal || future != wf_await_number(wf, id) ||
        wf->futures[id - 1].state == WF_FUTURE_NONE) {
        return NULL;
    }
    return &wf->futures[id - 1];
}

weft_err
wf_await_refuse(const weft_workflow *wf, const char *what, weft_future future)
{
    return wf_error(WEFT_EINVAL, "%s: %llu is not a future of %s/%s: %s", what,
                    (unsigned long long)future, wf_key_kind(&wf->actor->key),
                    wf_key_id(&wf->actor->key),
                    future == 0 ? "the call that was to begin it has failed, "
                                  "look at what that returned"
                                : "await what this run has begun");
}

static weft_err
check_futures(const weft_workflow *wf, const char *what,
              const weft_future *futures, size_t count)
{
    weft_err err = wf_branch_check(wf, what);

    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        if (wf_await_future(wf, futures[i]) == NULL) {
            err = wf_await_refuse(wf, what, futures[i]);
        }
    }
    return err;
}

static bool
is_known(const weft_workflow *wf, uint32_t id)
{
    return wf->futures[id - 1].state == WF_FUTURE_KNOWN;
}

// Does what makes it known wait for this very branch? Then neither would ever
// end. Looks along awaits of single futures: what waits for several, for a
// condition or for a time may go on.
static weft_err
check_ring(const weft_workflow *wf, uint32_t id)
{
    const struct wf_branch *here = wf_branch_here(wf);
    const struct wf_branch *first = wf_branch_of_future(wf, id);
    const struct wf_branch *branch = first;
    size_t steps = here->future == 0 ? 0 : wf->branches.count;

    for (; branch != NULL && branch != here && steps > 0; steps--) {
        branch = branch->awaits == 0 ? NULL
                                     : wf_branch_of_future(wf, branch->awaits);
    }
    if (branch == NULL || branch != here) {
        return WEFT_OK;
    }
    if (first == here) {
        return wf_error(WEFT_EINVAL,
                        "await: branch \"%s\" would wait for itself: await it "
                        "from another branch",
                        here->name);
    }
    return wf_error(WEFT_EINVAL,
                    "await: branch \"%s\" waits for branch \"%s\", which waits "
                    "for it: one of them has to end first",
                    here->name, first->name);
}

// Known, and not because waiting for it was ended.
static bool
has_outcome(const weft_workflow *wf, uint32_t id)
{
    return is_known(wf, id) && !wf->futures[id - 1].is_given_up;
}

// Waiting. ------------------------------------------------------------------

// Code that goes on waiting although it is told to stop would never give the
// thread back. Its stack is left where it is, for good.
static weft_err
refuse(weft_workflow *wf, struct wf_branch *branch, weft_err err)
{
    if (++branch->refusals < REFUSALS_MAX) {
        return err;
    }
    if (wf->divergence == NULL) {
        wf->divergence =
            wf_strdup("its code ignores WEFT_ECANCELLED or WEFT_EUNWIND: it "
                      "goes on waiting instead of returning");
    }
    wf->is_unwinding = true;
    wf_stack_suspend(branch->stack);
    return WEFT_EUNWIND;
}

weft_err
wf_await_check(weft_workflow *wf, struct wf_branch **out_branch)
{
    struct wf_branch *branch = wf_branch_here(wf);
    weft_err ended;

    if (branch == NULL) {
        return wf_branch_check(wf, NULL);
    }
    if (wf->is_unwinding) {
        return refuse(wf, branch, WEFT_EUNWIND);
    }
    ended = branch->unbreakable > 0 ? WEFT_OK : wf_scope_state(branch->scope);
    if (ended != WEFT_OK) {
        return refuse(wf, branch, ended);
    }
    branch->refusals = 0;
    if (out_branch != NULL) {
        *out_branch = branch;
    }
    return WEFT_OK;
}

// Leave the stack until something has happened.
static weft_err
suspend(weft_workflow *wf)
{
    struct wf_branch *branch = NULL;
    weft_err err = wf_await_check(wf, &branch);

    if (err == WEFT_OK) {
        WF_ASSERT(branch != NULL);
        branch->is_waiting = true;
        wf_stack_suspend(branch->stack);
        branch->is_waiting = false;
        err = wf_await_check(wf, NULL);
    }
    return err;
}

// This branch is to be woken when the future is known.
static void
wait_for(weft_workflow *wf, uint32_t id)
{
    struct wf_future *future = &wf->futures[id - 1];
    uint32_t number = wf_branch_here(wf)->number + 1;

    if (future->waiter == 0 || future->waiter == number) {
        future->waiter = number;
    } else {
        future->waiter = WF_WAITER_MANY;
    }
}

// It was asked to stop, and is waited for until it has.
static weft_err
await_ended(weft_workflow *wf, uint32_t id)
{
    struct wf_branch *branch = wf_branch_here(wf);
    weft_err err;

    branch->unbreakable++;
    err = wf_await_known(wf, id);
    branch->unbreakable--;
    return err;
}

// WEFT_OK once the future is known.
weft_err
wf_await_known(weft_workflow *wf, uint32_t id)
{
    while (!is_known(wf, id)) {
        weft_err err = wf_await_check(wf, NULL);

        if (err == WEFT_OK) {
            err = check_ring(wf, id);
            if (err != WEFT_OK) {
                return err;
            }
            wait_for(wf, id);
            wf_branch_here(wf)->awaits = id;
            err = suspend(wf);
            wf_branch_here(wf)->awaits = 0;
        }
        if (err != WEFT_OK && err != WEFT_EUNWIND &&
            wf->futures[id - 1].is_cancel_asked) {
            return await_ended(wf, id);
        }
        if (err != WEFT_OK && (err == WEFT_EUNWIND || !has_outcome(wf, id))) {
            return err;
        }
    }
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

// What awaiting a known future gives.
weft_err
wf_await_result(weft_workflow *wf, uint32_t id, weft_bytes *out_result)
{
    const struct wf_future *future = &wf->futures[id - 1];
    struct wf_branch *branch = wf_branch_here(wf);

    if (future->err == WEFT_OK) {
        if (out_result != NULL) {
            *out_result = future->data;
        }
        return WEFT_OK;
    }
    if (branch != NULL) {
        branch->failure = (weft_failure){
            .name = future->name,
            .message = future->text,
            .details = future->data,
            .source = future->source,
            .cause = future->cause,
        };
    }
    if (future->kind == WF_COMMAND_STEP || future->is_given_up) {
        return future->err;
    }
    return (future->kind == WF_COMMAND_BRANCH ||
            future->kind == WF_COMMAND_CHILD ||
            future->kind == WF_COMMAND_ACTIVITY) &&
                   future->err == WEFT_ECANCELLED
               ? WEFT_ECANCELLED
               : WEFT_EFAILED;
}

weft_err
weft_workflow_await(weft_workflow *wf, weft_future future,
                    weft_bytes *out_result)
{
    weft_err err = check_futures(wf, "await", &future, 1);

    if (err == WEFT_OK) {
        err = wf_await_known(wf, (uint32_t)future);
    }
    return err != WEFT_OK ? err
                          : wf_await_result(wf, (uint32_t)future, out_result);
}

// Wait for a future of this call's own: if the wait is interrupted, nobody can
// ask for it again, so it is given up.
weft_err
wf_await_own(weft_workflow *wf, uint32_t id, weft_bytes *out_result)
{
    weft_err err = wf_await_known(wf, id);

    if (err != WEFT_OK && err != WEFT_EUNWIND && !is_known(wf, id)) {
        weft_err given_up = wf_scope_give_up(wf, id, err);
        return given_up == WEFT_OK ? err : given_up;
    }
    return err != WEFT_OK ? err : wf_await_result(wf, id, out_result);
}

int
weft_workflow_is_known(const weft_workflow *wf, weft_future future)
{
    return WF_IS_INSIDE(wf) && wf_await_future(wf, future) != NULL &&
           is_known(wf, (uint32_t)future);
}

// Several. ------------------------------------------------------------------

// What a wait for several is over with.
enum wait_type {
    WAIT_ANY,     // one is known
    WAIT_SUCCESS, // one went well, or all are known
    WAIT_ALL,     // all went well, or one failed
    WAIT_CONDITION,
};

struct wait {
    enum wait_type type;
    const weft_future *futures;
    size_t count;
    size_t index;      // which ended it; ALL: those before went well
    uint64_t failures; // of the workflow, when they were looked at last
    bool is_ended;     // its scope is: what that gave up does not count
    weft_condition_fn *condition;
    void *ctx;
};

// The first of those that are known and did not go well; count: none.
static size_t
first_failed(const weft_workflow *wf, const weft_future *futures, size_t count)
{
    size_t i = 0;

    while (i < count &&
           (!is_known(wf, (uint32_t)futures[i]) ||
            wf->futures[(uint32_t)futures[i] - 1].err == WEFT_OK)) {
        i++;
    }
    return i;
}

// Looks at each future once, and at all again only when something has failed:
// a hundred thousand may be waited for.
static bool
are_all_well(const weft_workflow *wf, struct wait *wait)
{
    if (wait->is_ended) {
        return false;
    }
    if (wait->failures != wf->failures) {
        size_t failed = first_failed(wf, wait->futures, wait->count);

        wait->failures = wf->failures;
        if (failed < wait->count) {
            wait->index = failed;
            return true;
        }
    }
    while (wait->index < wait->count &&
           is_known(wf, (uint32_t)wait->futures[wait->index])) {
        wait->index++;
    }
    return wait->index == wait->count;
}

static bool
is_over(weft_workflow *wf, struct wait *wait)
{
    size_t failed = 0;

    if (wait->type == WAIT_CONDITION) {
        struct wf_aside aside = wf_branch_aside_begin(wf);
        bool answer = wait->condition(wait->ctx) != 0;

        wf_branch_aside_end(wf, &aside);
        return answer;
    }
    if (wait->type == WAIT_ALL) {
        return are_all_well(wf, wait);
    }
    for (size_t i = 0; i < wait->count; i++) {
        uint32_t id = (uint32_t)wait->futures[i];

        if (!is_known(wf, id) || (wait->is_ended && !has_outcome(wf, id))) {
            continue;
        }
        wait->index = i;
        if (wait->type == WAIT_ANY || wf->futures[id - 1].err == WEFT_OK) {
            return true;
        }
        failed++;
    }
    return failed > 0 && failed == wait->count;
}

static void
note_wait(weft_workflow *wf, const struct wait *wait, uint32_t timer)
{
    for (size_t i = 0; i < wait->count; i++) {
        if (!is_known(wf, (uint32_t)wait->futures[i])) {
            wait_for(wf, (uint32_t)wait->futures[i]);
        }
    }
    if (timer != 0) {
        wait_for(wf, timer);
    }
}

static weft_err
look_and_wait(weft_workflow *wf, struct wait *wait, uint32_t timer)
{
    while (!is_over(wf, wait)) {
        weft_err err;

        if (timer != 0 && is_known(wf, timer)) {
            return WEFT_ETIMEDOUT;
        }
        err = suspend(wf);
        wait->is_ended = err != WEFT_OK;
        if (err == WEFT_EUNWIND || (err != WEFT_OK && !is_over(wf, wait))) {
            return err;
        }
    }
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

// Wait until it is over or the timer is known. timer 0: no timer.
static weft_err
wait_until(weft_workflow *wf, struct wait *wait, uint32_t timer)
{
    struct wf_branch *branch = NULL;
    weft_err err = wf_await_check(wf, &branch);

    if (err != WEFT_OK) {
        return err;
    }
    WF_ASSERT(branch != NULL);
    note_wait(wf, wait, timer);
    branch->condition = wait->condition;
    branch->condition_ctx = wait->ctx;
    err = look_and_wait(wf, wait, timer);
    branch->condition = NULL;
    return err;
}

static weft_err
wait_timed(weft_workflow *wf, struct wait *wait, uint64_t timeout_ms)
{
    weft_future timer = 0;
    weft_err err;

    if (is_over(wf, wait)) {
        return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
    }
    err = wf_await_check(wf, NULL);
    if (err == WEFT_OK && timeout_ms == 0) {
        return WEFT_ETIMEDOUT;
    }
    if (err == WEFT_OK && timeout_ms != WEFT_FOREVER) {
        err = weft_workflow_timer(wf, timeout_ms, &timer);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = wait_until(wf, wait, (uint32_t)timer);
    if (timer != 0 && err != WEFT_EUNWIND && !is_known(wf, (uint32_t)timer)) {
        weft_err given_up =
            wf_scope_give_up(wf, (uint32_t)timer, WEFT_ECANCELLED);
        err = given_up == WEFT_OK ? err : given_up;
    }
    return err;
}

weft_err
weft_workflow_await_any(weft_workflow *wf, const weft_future *futures,
                        size_t count, uint64_t timeout_ms, size_t *out_index)
{
    struct wait wait = {.futures = futures, .count = count};
    weft_err err;

    WF_REQUIRE(futures != NULL && count > 0 && out_index != NULL);
    err = check_futures(wf, "await_any", futures, count);
    if (err == WEFT_OK) {
        err = wait_timed(wf, &wait, timeout_ms);
    }
    if (err == WEFT_OK) {
        *out_index = wait.index;
    }
    return err;
}

weft_err
weft_workflow_await_success(weft_workflow *wf, const weft_future *futures,
                            size_t count, uint64_t timeout_ms,
                            size_t *out_index)
{
    struct wait wait = {
        .type = WAIT_SUCCESS, .futures = futures, .count = count};
    weft_err err;

    WF_REQUIRE(futures != NULL && count > 0 && out_index != NULL);
    err = check_futures(wf, "await_success", futures, count);
    if (err == WEFT_OK) {
        err = wait_timed(wf, &wait, timeout_ms);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_await_result(wf, (uint32_t)futures[wait.index], NULL) != WEFT_OK) {
        return WEFT_EFAILED;
    }
    *out_index = wait.index;
    return WEFT_OK;
}

weft_err
weft_workflow_await_condition(weft_workflow *wf, weft_condition_fn *condition,
                              void *ctx, uint64_t timeout_ms)
{
    struct wait wait = {
        .type = WAIT_CONDITION, .condition = condition, .ctx = ctx};

    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(condition != NULL);
    err = wf_branch_check(wf, "await_condition");
    return err != WEFT_OK ? err : wait_timed(wf, &wait, timeout_ms);
}

weft_err
weft_workflow_race(weft_workflow *wf, const weft_future *futures, size_t count,
                   uint64_t timeout_ms, size_t *out_index)
{
    weft_err err =
        weft_workflow_await_any(wf, futures, count, timeout_ms, out_index);

    if (err == WEFT_EINVAL || err == WEFT_EUNWIND) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        weft_err asked = weft_workflow_cancel(wf, futures[i]);

        if (asked != WEFT_OK) {
            return asked;
        }
    }
    return err;
}

weft_err
weft_workflow_await_settled(weft_workflow *wf, const weft_future *futures,
                            size_t count)
{
    weft_err err;

    WF_REQUIRE(futures != NULL || count == 0);
    err = check_futures(wf, "await_settled", futures, count);
    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        err = wf_await_known(wf, (uint32_t)futures[i]);
    }
    return err;
}

weft_err
weft_workflow_await_all(weft_workflow *wf, const weft_future *futures,
                        size_t count)
{
    struct wait wait = {.type = WAIT_ALL,
                        .futures = futures,
                        .count = count,
                        .failures = UINT64_MAX};
    weft_err err;

    WF_REQUIRE(futures != NULL || count == 0);
    err = check_futures(wf, "await_all", futures, count);
    if (err == WEFT_OK) {
        err = wait_timed(wf, &wait, WEFT_FOREVER);
    }
    if (err != WEFT_OK || wait.index == count) {
        return err;
    }
    return wf_await_result(wf, (uint32_t)futures[wait.index], NULL);
}
