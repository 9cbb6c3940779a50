// SPDX-License-Identifier: Apache-2.0
//
// workflow_api.c - the functions of weft/workflow.h: check the arguments, give
// a command, wait (await.c).

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/cause.h"
#include "runtime/inside.h"
#include "runtime/pairs.h"
#include "runtime/policy.h"
#include "runtime/reset.h"
#include "runtime/start.h"
#include "runtime/workflow_impl.h"

// Commands. -----------------------------------------------------------------

// Is there room for so much more in this turn? The size of one payload is the
// code's own to handle, and the same in a replay. That of the whole turn is
// not: a replay does not measure it, so code must never see it.
//
// WEFT_ETOOBIG   the payload is too large
// WEFT_EUNWIND   the turn is: the instance will be parked
weft_err
wf_workflow_room(weft_workflow *wf, const char *what, weft_bytes payload)
{
    weft_err err = wf_turn_check_payload(what, payload);

    if (err != WEFT_OK) {
        return err;
    }
    if (wf->turn == NULL || wf_turn_check(wf->turn, what, payload) == WEFT_OK) {
        return WEFT_OK;
    }
    if (wf->divergence == NULL) {
        wf->divergence = wf_strdup(weft_err_detail());
    }
    wf->is_unwinding = true;
    return WEFT_EUNWIND;
}

// Give a command that begins something the code can wait for. Cancelled code
// begins nothing new outside of a shield. It has room in the turn that it does
// not break (limits.h).
weft_err
wf_workflow_begin(weft_workflow *wf, enum wf_command_kind kind,
                  const char *name, weft_bytes input)
{
    weft_err err = wf_await_check(wf, NULL);

    if (err == WEFT_OK) {
        err = wf_turn_check_payload(name, input);
    }
    return err != WEFT_OK ? err : wf_replay_command(wf, kind, name, input);
}

// What was called once may have nobody here who would run it now; its result is
// known, or waits for a deployment that has it.
static weft_err
check_runner(const weft_workflow *wf, const char *activity, weft_bytes options)
{
    return wf_replay_has_call(wf, activity)
               ? WEFT_OK
               : wf_policy_check_runner(wf->partition->options.definitions,
                                        activity, options);
}

weft_err
weft_workflow_call_async(weft_workflow *wf, const char *activity,
                         weft_bytes input, const weft_call_options *options,
                         weft_future *out_future)
{
    struct wf_buf bytes = {0};
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(out_future != NULL);
    err = wf_policy_of_call(wf->partition->options.definitions, activity,
                            options, &bytes);
    if (err == WEFT_OK) {
        err = check_runner(wf, activity, wf_buf_bytes(&bytes));
    }
    if (err == WEFT_OK) {
        err = wf_workflow_begin(wf, WF_COMMAND_ACTIVITY, activity, input);
    }
    if (err == WEFT_OK) {
        struct wf_turn *turn = wf_reset_turn(wf);

        if (turn != NULL) {
            wf_turn_command(turn, wf->ordinal, WF_COMMAND_ACTIVITY, activity,
                            input, wf_buf_bytes(&bytes));
            wf_reset_note(wf, wf->ordinal);
        }
        wf->futures[wf->ordinal - 1].cancellation =
            wf_policy_cancellation(wf_buf_bytes(&bytes));
        wf->futures[wf->ordinal - 1].source =
            wf_workflow_keep_text(wf, weft_text(activity));
        *out_future = wf_await_number(wf, wf->ordinal);
    }
    wf_buf_fini(&bytes);
    return err;
}

weft_err
weft_workflow_call(weft_workflow *wf, const char *activity, weft_bytes input,
                   const weft_call_options *options, weft_bytes *out_result)
{
    weft_future future;
    weft_err err =
        weft_workflow_call_async(wf, activity, input, options, &future);

    return err != WEFT_OK ? err
                          : wf_await_own(wf, (uint32_t)future, out_result);
}

weft_err
weft_workflow_value(weft_workflow *wf, const char *name, weft_value_fn *compute,
                    void *ctx, weft_bytes *out_value)
{
    weft_bytes data = weft_nothing();
    weft_err outcome = WEFT_OK;
    bool is_recorded = false;
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(compute != NULL);
    err = wf_name_check("value", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_replay_value(wf, name, &is_recorded, &outcome, &data);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (!is_recorded) {
        struct wf_aside aside = wf_branch_aside_begin(wf);

        outcome = compute(wf, ctx, &data);
        wf_branch_aside_end(wf, &aside);
        err = wf_turn_check(wf->turn, name, data);
        if (err != WEFT_OK) {
            outcome = err;
            data = weft_nothing();
        }
        wf_replay_record_value(wf, name, outcome, data);
    }
    if (out_value != NULL && outcome == WEFT_OK) {
        *out_value = wf_workflow_keep(wf, data);
    }
    wf_error_detach(); // a replay does not compute it
    return outcome;
}

weft_err
weft_workflow_step(weft_workflow *wf, const char *name, weft_step_fn *run,
                   void *ctx, weft_bytes *out_result)
{
    struct wf_branch *branch;
    struct wf_turn *turn;
    weft_err err;
    uint32_t id;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(run != NULL);
    err = wf_name_check("step", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_workflow_begin(wf, WF_COMMAND_STEP, name, weft_nothing());
    }
    if (err != WEFT_OK) {
        return err;
    }
    id = wf->ordinal;
    wf->futures[id - 1].source = wf_workflow_keep_text(wf, weft_text(name));
    turn = wf_reset_turn(wf);
    if (turn != NULL) {
        wf_turn_command(turn, id, WF_COMMAND_STEP, name, weft_nothing(),
                        weft_nothing());
        wf_reset_note(wf, id);
    }
    branch = wf_branch_here(wf);
    branch->step = id;
    branch->step_run = run;
    branch->step_ctx = ctx;
    // It may have had its effect: its result is waited for in any case.
    branch->unbreakable++;
    err = wf_await_known(wf, id);
    branch->unbreakable--;
    branch->step = 0;
    return err != WEFT_OK ? err : wf_await_result(wf, id, out_result);
}

weft_err
weft_workflow_timer(weft_workflow *wf, uint64_t ms, weft_future *out_future)
{
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(out_future != NULL);
    err = wf_workflow_begin(wf, WF_COMMAND_TIMER, "",
                            weft_bytes_of(&ms, sizeof(ms)));
    if (err == WEFT_OK) {
        struct wf_turn *turn = wf_reset_turn(wf);

        if (turn != NULL) {
            wf_turn_timer(turn, wf->ordinal,
                          ms > UINT64_MAX - 1 - wf->now_ms ? UINT64_MAX - 1
                                                           : wf->now_ms + ms,
                          "");
            wf_reset_note(wf, wf->ordinal);
        }
        *out_future = wf_await_number(wf, wf->ordinal);
    }
    return err;
}

weft_err
weft_workflow_sleep(weft_workflow *wf, uint64_t ms)
{
    weft_future future;
    weft_err err = weft_workflow_timer(wf, ms, &future);

    return err != WEFT_OK ? err : wf_await_own(wf, (uint32_t)future, NULL);
}

weft_err
weft_workflow_signal(weft_workflow *wf, weft_target to, const char *name,
                     weft_bytes data)
{
    struct wf_key key;
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    err = wf_name_check("signal", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_key_make(wf_key_namespace(&wf->actor->key), to.kind, to.id,
                          &key);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_workflow_begin(wf, WF_COMMAND_SIGNAL, name, data);
    if (err == WEFT_OK && !wf->is_replaying) {
        wf_turn_send(wf->turn, &key,
                     &(struct wf_letter){
                         .type = WF_LETTER_SIGNAL,
                         .sender = wf_key_bytes(&wf->actor->key),
                         .name = weft_text(name),
                         .data = data,
                         .options = wf_turn_headers(wf->turn),
                     });
    }
    wf_key_fini(&key);
    return err;
}

const weft_failure *
weft_workflow_failure(const weft_workflow *wf)
{
    static const weft_failure nothing = {
        .name = "", .message = "", .source = ""};
    const struct wf_branch *branch;

    if (!WF_IS_INSIDE(wf)) {
        return &nothing;
    }
    branch = wf_branch_here(wf);
    return branch != NULL ? &branch->failure : &wf->main->failure;
}

// Outcome. ------------------------------------------------------------------

static weft_err
check_payload(const weft_workflow *wf, const char *what, weft_bytes payload)
{
    weft_err err = wf_branch_check(wf, what);

    if (err != WEFT_OK || wf->is_unwinding) {
        return err != WEFT_OK ? err : WEFT_EUNWIND;
    }
    return wf_turn_check_payload(what, payload);
}

weft_err
wf_workflow_check_value(weft_workflow *wf, const char *what, weft_bytes value)
{
    weft_err err = check_payload(wf, what, value);

    return err != WEFT_OK ? err : wf_workflow_room(wf, what, value);
}

weft_err
weft_workflow_publish(weft_workflow *wf, const char *name, weft_bytes value)
{
    weft_err err = wf_name_check("value", name, WF_NAME_BYTES_MAX);

    if (err == WEFT_OK) {
        err = wf_workflow_check_value(wf, name, value);
    }
    if (err == WEFT_OK && wf->turn != NULL) {
        wf_turn_publish(wf->turn, name, value);
    }
    return err;
}

weft_err
weft_workflow_return(weft_workflow *wf, weft_bytes result)
{
    weft_err err = check_payload(wf, "result", result);

    if (err == WEFT_OK) {
        wf_branch_here(wf)->result = wf_workflow_keep(wf, result);
    }
    return err;
}

static const weft_failure *
keep_cause(weft_workflow *wf, const weft_failure *cause)
{
    struct wf_buf causes = {0};
    const weft_failure *kept;

    if (cause == NULL) {
        return NULL;
    }
    wf_cause_put(&causes, cause);
    kept = wf_workflow_keep_causes(wf, wf_buf_bytes(&causes));
    wf_buf_fini(&causes);
    return kept;
}

weft_err
weft_workflow_fail_with(weft_workflow *wf, const weft_failure *failure)
{
    const char *message;
    weft_err err;

    WF_REQUIRE(failure != NULL);
    err = wf_name_check("failure", failure->name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = check_payload(wf, "details", failure->details);
    }
    if (err != WEFT_OK) {
        return err;
    }
    message = failure->message == NULL ? "" : failure->message;
    wf_branch_here(wf)->failing = (weft_failure){
        .name = wf_workflow_keep_text(wf, weft_text(failure->name)),
        .message = wf_workflow_keep_text(wf, weft_text(message)),
        .details = wf_workflow_keep(wf, failure->details),
        .source = "",
        .cause = keep_cause(wf, failure->cause),
    };
    wf_branch_here(wf)->retry_after_ms = 0;
    return WEFT_EFAILED;
}

weft_err
weft_workflow_fail(weft_workflow *wf, const char *name, const char *message,
                   weft_bytes details)
{
    return weft_workflow_fail_after(wf, name, message, details, 0);
}

weft_err
weft_workflow_fail_after(weft_workflow *wf, const char *name,
                         const char *message, weft_bytes details,
                         uint64_t retry_after_ms)
{
    weft_err err = weft_workflow_fail_with(
        wf,
        &(weft_failure){.name = name, .message = message, .details = details});

    if (err == WEFT_EFAILED) {
        wf_branch_here(wf)->retry_after_ms = retry_after_ms;
    }
    return err;
}

weft_err
weft_workflow_restart(weft_workflow *wf, weft_bytes input)
{
    weft_err err = check_payload(wf, "input", input);

    if (err == WEFT_OK) {
        wf->is_restarting = true;
        wf->restart_input = wf_workflow_keep(wf, input);
    }
    return err;
}

// Memory, facts. ------------------------------------------------------------

void *
weft_workflow_alloc(weft_workflow *wf, size_t size)
{
    void *memory;

    if (!WF_IS_INSIDE(wf) || size > PTRDIFF_MAX) {
        return NULL;
    }
    memory = wf_workflow_memory(wf, size);
    memset(memory, 0, size);
    return memory;
}

weft_err
weft_workflow_defer(weft_workflow *wf, void (*fn)(void *ctx), void *ctx)
{
    struct wf_branch *branch = wf_branch_here(wf);
    struct wf_deferred *deferred;

    WF_REQUIRE(fn != NULL);
    if (branch == NULL) {
        return wf_branch_check(wf, "defer");
    }
    deferred = wf_workflow_memory(wf, sizeof(*deferred));
    *deferred = (struct wf_deferred){
        .next = branch->deferred,
        .fn = fn,
        .ctx = ctx,
    };
    branch->deferred = deferred;
    return WEFT_OK;
}

uint64_t
weft_workflow_now_ms(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf->now_ms : 0;
}

uint64_t
weft_workflow_random(weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf_random_u64(&wf->random) : 0;
}

const char *
weft_workflow_namespace(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf_key_namespace(&wf->actor->key) : "";
}

const char *
weft_workflow_kind(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf_key_kind(&wf->actor->key) : "";
}

const char *
weft_workflow_id(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf_key_id(&wf->actor->key) : "";
}

uint64_t
weft_workflow_run(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf->actor->origin_run : 0;
}

uint32_t
weft_workflow_attempt(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf->actor->attempt : 0;
}

static weft_bytes
memo_of(const weft_workflow *wf)
{
    struct wf_start start;

    if (wf->is_memo_set) {
        return wf->memo;
    }
    return wf_start_decode(wf->actor->options, &start) ? start.memo
                                                       : weft_nothing();
}

weft_bytes
weft_workflow_memo(const weft_workflow *wf, const char *name)
{
    return WF_IS_INSIDE(wf) ? weft_pairs_get(memo_of(wf), name)
                            : weft_nothing();
}

// What a reset left there and the code does not know of makes way when there
// might be no room for both. First all that differs, so that the rest fits.
static void
make_memo_room(weft_workflow *wf, size_t len)
{
    bool is_tight = wf->actor->memo.len + len > WF_MEMO_BYTES_MAX;
    weft_bytes own = memo_of(wf);

    for (int pass = 0; pass < 2 && is_tight && !wf->turn->has_own_memo;
         pass++) {
        weft_bytes there = wf->actor->memo;
        weft_pair pair;

        while (weft_pairs_next(&there, &pair)) {
            weft_bytes value = weft_pairs_get(own, pair.name);

            if (!wf_bytes_equal(value, pair.value)) {
                wf_turn_memo(wf->turn, pair.name,
                             pass == 0 ? weft_nothing() : value);
            }
        }
    }
    wf->turn->has_own_memo |= is_tight;
}

weft_err
weft_workflow_memo_set(weft_workflow *wf, const char *name, weft_bytes value)
{
    struct wf_buf memo = {0};
    weft_err err = check_payload(wf, "memo", value);

    if (err == WEFT_OK) {
        err = wf_pairs_set("memo", memo_of(wf), name, value, WF_MEMO_BYTES_MAX,
                           &memo);
    }
    if (err == WEFT_OK) {
        err = wf_workflow_room(wf, name, value);
    }
    if (err == WEFT_OK && wf->turn != NULL) {
        make_memo_room(wf, memo.len);
        wf_turn_memo(wf->turn, name, value);
    }
    if (err == WEFT_OK) {
        wf->memo = wf_workflow_keep(wf, wf_buf_bytes(&memo));
        wf->is_memo_set = true;
    }
    wf_buf_fini(&memo);
    return err;
}

weft_bytes
weft_workflow_header(const weft_workflow *wf, const char *name)
{
    return WF_IS_INSIDE(wf) ? wf_start_header(wf->actor->options, name)
                            : weft_nothing();
}

void *
weft_workflow_context(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf->kind->workflow.context : NULL;
}

int
weft_workflow_is_replaying(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) && wf->is_replaying;
}
