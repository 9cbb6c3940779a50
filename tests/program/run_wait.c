// SPDX-License-Identifier: Apache-2.0
//
// run_wait.c - signals, updates, answers, timers, and beginning again.

#include <string.h>

#include "program/run_impl.h"

// The next signal of that name, in one of several ways: looking again and again
// must not lose one.
static weft_err
receive_patiently(weft_workflow *wf, const char *name, uint64_t ms,
                  weft_bytes *out)
{
    weft_err err = WEFT_ETIMEDOUT;

    while (err == WEFT_ETIMEDOUT) {
        err = weft_workflow_receive(wf, name, ms, out);
        if (err == WEFT_ETIMEDOUT && weft_workflow_is_cancelled(wf)) {
            return err;
        }
        ms = ms * 2 + 1;
    }
    return err;
}

// A receiver against a timer, until it has one; those that lose are given up.
static weft_err
receive_racing(weft_workflow *wf, const char *name, uint64_t ms,
               weft_bytes *out)
{
    for (;; ms = ms * 2 + 1) {
        weft_future futures[2];
        weft_err known;
        size_t index = 0;
        weft_err err = weft_workflow_receive_async(wf, name, &futures[0]);

        if (err == WEFT_OK) {
            err = weft_workflow_timer(wf, ms, &futures[1]);
        }
        if (err == WEFT_OK) {
            err = weft_workflow_race(wf, futures, 2, WEFT_FOREVER, &index);
        }
        if (err != WEFT_OK) {
            return err;
        }
        known = weft_workflow_await(wf, futures[0], out);
        if (known != WEFT_ECANCELLED || weft_workflow_is_cancelled(wf)) {
            return known;
        }
    }
}

// One that is given up takes nothing, unless it has it already.
static weft_err
receive_second(weft_workflow *wf, const char *name, weft_bytes *out)
{
    weft_future future;
    weft_err err = weft_workflow_receive_async(wf, name, &future);

    if (err == WEFT_OK) {
        err = weft_workflow_cancel(wf, future);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await(wf, future, out);
    }
    if (err != WEFT_ECANCELLED) {
        return err;
    }
    err = weft_workflow_receive_async(wf, name, &future);
    return err == WEFT_OK ? weft_workflow_await(wf, future, out) : err;
}

static weft_err
receive(struct run_strand *strand, const char *name, run_at *at,
        weft_bytes *out)
{
    weft_workflow *wf = strand->run->wf;
    const char *names[] = {"never", name};
    size_t index = 0;
    weft_err err;

    switch (at->how) {
    case 0:
        return weft_workflow_receive(wf, name, WEFT_FOREVER, out);
    case 1:
        return receive_patiently(wf, name, at->x % 10, out);
    case 2:
        return receive_racing(wf, name, at->x % 10, out);
    case 3:
        return receive_second(wf, name, out);
    default:
        err =
            weft_workflow_receive_any(wf, names, 2, WEFT_FOREVER, &index, out);
        return err == WEFT_OK && index != 1
                   ? run_wrong(strand, "signal_of_no_name")
                   : err;
    }
}

weft_err
run_go(struct run_strand *strand, run_at *at)
{
    struct run_payload payload = {0};
    weft_bytes data = weft_nothing();
    weft_err err = receive(strand, "go", at, &data);

    if (err != WEFT_OK) {
        return err;
    }
    if (data.len == sizeof(payload)) {
        memcpy(&payload, data.data, sizeof(payload));
    }
    program_take(at, payload.value, strand->registers);
    return WEFT_OK;
}

static weft_err
signal_self(struct run_strand *strand, uint64_t value)
{
    weft_workflow *wf = strand->run->wf;

    return weft_workflow_signal(wf,
                                (weft_target){"program", weft_workflow_id(wf)},
                                "self", weft_bytes_of(&value, sizeof(value)));
}

weft_err
run_self(struct run_strand *strand, run_at *at)
{
    weft_bytes data = weft_nothing();
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; i < program_times(at) && err == WEFT_OK; i++) {
        err = signal_self(strand, at->x + i);
    }
    for (uint32_t i = 0; i < program_times(at) && err == WEFT_OK; i++) {
        err = receive(strand, "self", at, &data);
        if (err == WEFT_OK) {
            program_take(at, run_number(data), strand->registers);
        }
    }
    return err;
}

weft_err
run_talk(struct run_strand *strand, run_at *at)
{
    uint64_t key = program_draw(strand->key, &strand->count);
    struct run_order order;
    weft_bytes data = weft_nothing();
    char id[PROGRAM_ID_SIZE];
    char answer[PROGRAM_ID_SIZE];
    weft_err err;

    memset(&order, 0, sizeof(order));
    order.key = key;
    order.how = at->how;
    program_name("answer", key, answer);
    program_name("clerk", key, id);
    (void)strncpy(order.from, weft_workflow_id(strand->run->wf),
                  sizeof(order.from) - 1);
    memcpy(order.root, strand->run->input.root, sizeof(order.root));
    run_make_work(strand, program_mix(key, 1), at->x, CALL_FLAKY, &order.work);
    err = weft_workflow_signal(strand->run->wf, (weft_target){"clerk", id},
                               "order", weft_bytes_of(&order, sizeof(order)));
    if (err == WEFT_OK) {
        err =
            weft_workflow_receive(strand->run->wf, answer, WEFT_FOREVER, &data);
    }
    if (err == WEFT_OK) {
        program_take(at, run_number(data), strand->registers);
    }
    return err;
}

// Several that come due at once, awaited in another order.
weft_err
run_timers(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    weft_future futures[3];
    weft_err err = WEFT_OK;

    for (int i = 0; i < 3 && err == WEFT_OK; i++) {
        err = weft_workflow_timer(wf, (at->x >> i * 4) % 3 * 5, &futures[i]);
    }
    if (err == WEFT_OK && at->how == 0) {
        return weft_workflow_await_all(wf, futures, 3);
    }
    for (int i = 2; i >= 0 && err == WEFT_OK; i--) {
        err = weft_workflow_await(wf, futures[i], NULL);
        if (err == WEFT_OK && !weft_workflow_is_known(wf, futures[i])) {
            return run_wrong(strand, "awaited_and_not_known");
        }
    }
    return err;
}

// Begin again. ----------------------------------------------------------------

// What is open is given up with the run.
static weft_err
leave_open(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    struct run_work work;
    weft_future future;
    weft_err err;

    run_make_work(strand, program_draw(strand->key, &strand->count), at->x,
                  CALL_OK, &work);
    err = weft_workflow_call_async(
        wf, "work", weft_bytes_of(&work, sizeof(work)), NULL, &future);
    if (err == WEFT_OK) {
        err = weft_workflow_timer(wf, at->x % 5, &future);
    }
    return err == WEFT_OK ? weft_workflow_receive_async(wf, "never", &future)
                          : err;
}

weft_err
run_restart(struct run_strand *strand, run_at *at)
{
    struct run *run = strand->run;
    weft_err err = WEFT_OK;

    if (run->input.restarts >= program_restarts(at)) {
        return WEFT_OK;
    }
    if (at->how == 2) {
        err = leave_open(strand, at);
    }
    if (at->how == 1 && run->program.attempts == 1) {
        run->input.inbox = at->x;
        err = signal_self(strand, at->x);
        if (err == WEFT_OK) {
            err = signal_self(strand, at->x + 1);
        }
    }
    strand->registers[0] = program_mix(strand->registers[0], 77);
    run->input.restarts++;
    run->is_restarting = true;
    return err;
}

weft_err
run_inbox(struct run_strand *strand)
{
    weft_bytes data = weft_nothing();
    weft_err err = WEFT_OK;

    if (strand->run->input.inbox == 0) {
        return WEFT_OK;
    }
    strand->run->input.inbox = 0;
    for (int i = 0; i < 2 && err == WEFT_OK; i++) {
        err =
            weft_workflow_receive(strand->run->wf, "self", WEFT_FOREVER, &data);
        if (err == WEFT_OK) {
            strand->registers[0] =
                program_mix(strand->registers[0], run_number(data));
        }
    }
    return err;
}

// Updates. --------------------------------------------------------------------

static weft_err
check_update(weft_bytes input, void *ctx, weft_failure *out_why)
{
    (void)ctx;
    out_why->name = "no_number";
    return input.len == sizeof(struct run_payload) ? WEFT_OK : WEFT_EINVAL;
}

// Something that takes time. Its name says in which run: one that is begun
// again by another run is another call.
static weft_err
work_for_update(struct run *run, uint64_t seq)
{
    struct run_strand strand = {.run = run};
    struct run_work work;
    uint64_t key =
        program_run_key(weft_workflow_id(run->wf), weft_workflow_run(run->wf));

    run_make_work(&strand, program_mix(key, 1000 + seq), seq, CALL_FLAKY,
                  &work);
    return weft_workflow_call(run->wf, "work",
                              weft_bytes_of(&work, sizeof(work)), NULL, NULL);
}

// Several may be under way. Each is done once, whatever ids it comes under.
static weft_err
take_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    struct run *run = ctx;
    struct run_payload payload;
    uint64_t answer;
    weft_err err = WEFT_OK;

    memcpy(&payload, input.data, sizeof(payload));
    if (payload.value % 3 == 0) {
        err = weft_workflow_sleep(wf, payload.value % 20);
    } else if (payload.value % 3 == 1) {
        err = work_for_update(run, payload.seq);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (payload.seq > 63 || (run->input.updates_done >> payload.seq & 1) != 0 ||
        payload.value !=
            program_update(run->program.source.seed, (uint32_t)payload.seq)) {
        return weft_workflow_fail(wf, "doubled", "", weft_nothing());
    }
    run->input.updates_done |= UINT64_C(1) << payload.seq;
    answer = program_work(payload.value);
    return weft_workflow_return(wf, weft_bytes_of(&answer, sizeof(answer)));
}

weft_err
run_take_updates(struct run *run)
{
    return weft_workflow_on_update(run->wf, "add", check_update, take_update,
                                   run);
}

static int
has_update(void *ctx)
{
    const struct run_input *input = ctx;

    return (int)(input->updates_done >> (input->updates_seen + 1) & 1);
}

weft_err
run_update(struct run_strand *strand, run_at *at)
{
    struct run_input *input = &strand->run->input;
    uint64_t ms = at->x % 10;
    weft_err err = WEFT_ETIMEDOUT;

    while (err == WEFT_ETIMEDOUT) {
        err = weft_workflow_await_condition(strand->run->wf, has_update, input,
                                            at->how == 0 ? WEFT_FOREVER : ms);
        ms = ms * 2 + 1;
    }
    if (err == WEFT_OK) {
        input->updates_seen++;
        program_take(at,
                     program_update(strand->run->program.source.seed,
                                    (uint32_t)input->updates_seen),
                     strand->registers);
    }
    return err;
}
