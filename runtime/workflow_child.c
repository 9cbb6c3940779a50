// SPDX-License-Identifier: Apache-2.0
//
// workflow_child.c - children of workflows: what one will give, and that it has
// begun.

#include "base/error.h"
#include "runtime/child.h"
#include "runtime/inside.h"
#include "runtime/reset.h"
#include "runtime/start.h"
#include "runtime/workflow_impl.h"

// What it will give, and that it has begun: two futures, one behind the other.
static weft_err
begin_child(weft_workflow *wf, const struct wf_key *key,
            const weft_child_options *options, weft_bytes start,
            weft_bytes input)
{
    weft_err err =
        wf_workflow_begin(wf, WF_COMMAND_CHILD, wf_key_id(key), input);
    uint32_t id = wf->ordinal;
    struct wf_turn *turn = wf_reset_turn(wf);

    if (err != WEFT_OK) {
        return err;
    }
    if (turn != NULL) {
        wf_child_start(turn, id, key, options, start, input);
        wf_reset_note(wf, id);
        if (wf_child_replaces(start)) {
            wf_reset_note_replaces(wf);
        }
    }
    wf->futures[id - 1].cancellation = options->cancellation;
    return options->tell_started
               ? wf_replay_command(wf, WF_COMMAND_CHILD_STARTED, wf_key_id(key),
                                   weft_nothing())
               : WEFT_OK;
}

weft_err
weft_workflow_child_async(weft_workflow *wf, weft_target child,
                          weft_bytes input, const weft_child_options *options,
                          weft_future *out_future)
{
    struct wf_buf start = {0};
    weft_child_options full;
    struct wf_key key;
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(out_future != NULL);
    err = wf_key_make(wf_key_namespace(&wf->actor->key), child.kind, child.id,
                      &key);
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_child_options(options, wf_start_headers(wf->actor->options), &full,
                           &start);
    if (err == WEFT_OK) {
        err = begin_child(wf, &key, &full, wf_buf_bytes(&start), input);
    }
    if (err == WEFT_OK) {
        *out_future =
            wf_await_number(wf, wf->ordinal - (full.tell_started ? 1 : 0));
    }
    wf_buf_fini(&start);
    wf_key_fini(&key);
    return err;
}

weft_err
weft_workflow_child(weft_workflow *wf, weft_target child, weft_bytes input,
                    const weft_child_options *options, weft_bytes *out_result)
{
    weft_future future;
    weft_err err =
        weft_workflow_child_async(wf, child, input, options, &future);

    return err != WEFT_OK ? err
                          : wf_await_own(wf, (uint32_t)future, out_result);
}

// The future of its start; 0: there is none.
static uint32_t
started_of(const weft_workflow *wf, uint32_t child)
{
    return wf->futures[child - 1].kind == WF_COMMAND_CHILD &&
                   child < wf->ordinal &&
                   wf->futures[child].kind == WF_COMMAND_CHILD_STARTED
               ? child + 1
               : 0;
}

weft_err
weft_workflow_child_started(weft_workflow *wf, weft_future child,
                            weft_future *out_started)
{
    uint32_t started;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(out_started != NULL);
    if (wf_await_future(wf, child) == NULL) {
        return wf_await_refuse(wf, "child_started", child);
    }
    started = started_of(wf, (uint32_t)child);
    if (started == 0) {
        return wf_error(WEFT_EINVAL,
                        "child_started: %llu of %s/%s is not a child that was "
                        "to tell: set tell_started in its options",
                        (unsigned long long)child, wf_key_kind(&wf->actor->key),
                        wf_key_id(&wf->actor->key));
    }
    *out_started = wf_await_number(wf, started);
    return WEFT_OK;
}

void
wf_workflow_refuse_started(weft_workflow *wf, uint32_t child)
{
    uint32_t started = started_of(wf, child);
    const struct wf_future *known = &wf->futures[child - 1];
    struct wf_future *future;

    if (started == 0 || wf->futures[started - 1].state != WF_FUTURE_PENDING) {
        return;
    }
    future = &wf->futures[started - 1];
    future->err = known->err;
    future->is_given_up = known->is_given_up;
    future->name = known->name;
    future->text = known->text;
    future->data = known->data;
    future->source = known->source;
    future->cause = known->cause;
    wf_replay_settle(wf, started);
}
