// SPDX-License-Identifier: Apache-2.0
//
// await.c - how workflow code waits: leave the stack until a future is known,
// cancellation is asked for, or the stack is to be dropped.

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/stack.h"
#include "runtime/workflow_impl.h"

// So many refused waits in a row are no clean-up any more.
#define REFUSALS_MAX 10000

struct wf_future *
wf_await_future(const weft_workflow *wf, weft_future future)
{
    if (future == 0 || future > wf->ordinal ||
        wf->futures[future - 1].state == WF_FUTURE_NONE) {
        return NULL;
    }
    return &wf->futures[future - 1];
}

static bool
is_known(const weft_workflow *wf, weft_future future)
{
    return wf->futures[future - 1].state == WF_FUTURE_KNOWN;
}

// Code that goes on waiting although it is told to stop would never give the
// thread back. Its stack is left where it is, for good.
static weft_err
refuse(weft_workflow *wf, weft_err err)
{
    if (++wf->refusals < REFUSALS_MAX) {
        return err;
    }
    if (wf->divergence == NULL) {
        wf->divergence =
            wf_strdup("its code ignores WEFT_ECANCELLED or WEFT_EUNWIND: it "
                      "goes on waiting instead of returning");
    }
    wf->is_unwinding = true;
    wf_stack_suspend(wf->stack);
    return WEFT_EUNWIND;
}

weft_err
wf_await_check(weft_workflow *wf)
{
    if (wf_stack_current(wf->partition->options.stacks) != wf->stack) {
        return wf_error(WEFT_EINVAL,
                        "%s: called outside of its workflow function",
                        wf_key_id(&wf->actor->key));
    }
    if (wf->is_unwinding) {
        return refuse(wf, WEFT_EUNWIND);
    }
    if (wf->is_cancel_asked && wf->shields == 0) {
        return refuse(wf, WEFT_ECANCELLED);
    }
    wf->refusals = 0;
    return WEFT_OK;
}

// Leave the stack until something has happened.
static weft_err
suspend(weft_workflow *wf)
{
    weft_err err = wf_await_check(wf);

    if (err == WEFT_OK) {
        wf_stack_suspend(wf->stack);
        err = wf_await_check(wf);
    }
    return err;
}

// WEFT_OK once the future is known.
weft_err
wf_await_known(weft_workflow *wf, weft_future future)
{
    while (!is_known(wf, future)) {
        weft_err err = suspend(wf);

        if (err != WEFT_OK && (err == WEFT_EUNWIND || !is_known(wf, future))) {
            return err;
        }
    }
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

// What awaiting a known future gives.
weft_err
wf_await_result(weft_workflow *wf, const struct wf_future *future,
                weft_bytes *out_result)
{
    if (future->err == WEFT_OK) {
        if (out_result != NULL) {
            *out_result = future->data;
        }
        return WEFT_OK;
    }
    wf->failure = (weft_failure){
        .name = future->name,
        .message = future->text,
        .details = future->data,
    };
    if (future->kind == WF_COMMAND_STEP || future->err == WEFT_ECANCELLED) {
        return future->err;
    }
    return WEFT_EFAILED;
}

weft_err
weft_workflow_await(weft_workflow *wf, weft_future future,
                    weft_bytes *out_result)
{
    weft_err err;

    if (wf_await_future(wf, future) == NULL) {
        return wf_error(WEFT_EINVAL, "await: %u is not a future of %s", future,
                        wf_key_id(&wf->actor->key));
    }
    err = wf_await_known(wf, future);
    return err != WEFT_OK
               ? err
               : wf_await_result(wf, &wf->futures[future - 1], out_result);
}

// Wait for a future of this call's own: if the wait is interrupted, nobody can
// ask for it again, so it is given up.
weft_err
wf_await_own(weft_workflow *wf, weft_future future, weft_bytes *out_result)
{
    weft_err err = wf_await_known(wf, future);

    if (err == WEFT_ECANCELLED) {
        weft_err given_up = weft_workflow_abandon(wf, future);
        return given_up == WEFT_OK ? err : given_up;
    }
    return err != WEFT_OK
               ? err
               : wf_await_result(wf, &wf->futures[future - 1], out_result);
}

static bool
find_known(const weft_workflow *wf, const weft_future *futures, size_t count,
           size_t *out_index)
{
    for (size_t i = 0; i < count; i++) {
        if (is_known(wf, futures[i])) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static weft_err
check_futures(const weft_workflow *wf, const weft_future *futures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (wf_await_future(wf, futures[i]) == NULL) {
            return wf_error(WEFT_EINVAL, "await: %u is not a future of %s",
                            futures[i], wf_key_id(&wf->actor->key));
        }
    }
    return WEFT_OK;
}

// Wait until one is known or the timer is. timer 0: no timer.
static weft_err
wait_any(weft_workflow *wf, const weft_future *futures, size_t count,
         weft_future timer, size_t *out_index)
{
    size_t index = 0;

    while (!find_known(wf, futures, count, &index)) {
        weft_err err;

        if (timer != 0 && is_known(wf, timer)) {
            return WEFT_ETIMEDOUT;
        }
        err = suspend(wf);
        if (err == WEFT_EUNWIND ||
            (err != WEFT_OK && !find_known(wf, futures, count, &index))) {
            return err;
        }
    }
    *out_index = index;
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

weft_err
weft_workflow_await_any(weft_workflow *wf, const weft_future *futures,
                        size_t count, uint64_t timeout_ms, size_t *out_index)
{
    weft_future timer = 0;
    size_t index = 0;
    weft_err err;

    WF_REQUIRE(futures != NULL && count > 0 && out_index != NULL);
    err = check_futures(wf, futures, count);
    if (err != WEFT_OK) {
        return err;
    }
    if (find_known(wf, futures, count, out_index)) {
        return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
    }
    err = wf_await_check(wf);
    if (err == WEFT_OK && timeout_ms == 0) {
        return WEFT_ETIMEDOUT;
    }
    if (err == WEFT_OK && timeout_ms != WEFT_FOREVER) {
        err = weft_workflow_timer(wf, timeout_ms, &timer);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = wait_any(wf, futures, count, timer, &index);
    if (timer != 0 && err != WEFT_EUNWIND && !is_known(wf, timer)) {
        weft_err given_up = weft_workflow_abandon(wf, timer);
        err = given_up == WEFT_OK ? err : given_up;
    }
    if (err == WEFT_OK) {
        *out_index = index;
    }
    return err;
}

weft_err
weft_workflow_await_all(weft_workflow *wf, const weft_future *futures,
                        size_t count)
{
    weft_err err;

    WF_REQUIRE(futures != NULL || count == 0);
    err = check_futures(wf, futures, count);
    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        err = wf_await_known(wf, futures[i]);
    }
    return err;
}

int
weft_workflow_is_known(const weft_workflow *wf, weft_future future)
{
    return wf_await_future(wf, future) != NULL && is_known(wf, future);
}
