// SPDX-License-Identifier: Apache-2.0
//
// run_call.c - activities, steps, values, sagas, and giving things up.

#include <stdio.h>
#include <string.h>

#include "program/run_impl.h"

void
run_make_work(const struct run_strand *strand, uint64_t key, uint64_t x,
              uint32_t how, struct run_work *out)
{
    *out =
        (struct run_work){.x = x, .how = how, .flaky = program_bad_attempts(x)};
    program_call_name(strand->run->input.root, key, out->name);
}

static void
make_options(uint32_t how, weft_call_options *options)
{
    static const char *const picky[] = {"picky", "late_bad", NULL};

    *options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    options->retry.non_retryable = picky;
    switch ((enum program_call)how) {
    case CALL_LOCAL:
        options->is_local = 1;
        break;
    case CALL_LOST_FAILS:
        options->on_lost = WEFT_ON_LOST_FAIL;
        break;
    case CALL_WORN:
        options->retry.maximum_attempts = 2;
        break;
    case CALL_SILENT:
        options->timeouts.start_to_close_ms = 15;
        options->retry.maximum_attempts = 1;
        break;
    case CALL_DEAF:
        options->timeouts.heartbeat_ms = 15;
        options->timeouts.start_to_close_ms = WEFT_FOREVER;
        options->retry.maximum_attempts = 2;
        break;
    case CALL_SLOW:
        options->timeouts.schedule_to_close_ms = 25;
        break;
    case CALL_LATER:
    case CALL_LATE_BAD:
        // A completion that is lost, or comes too early, is made up for.
        options->timeouts.start_to_close_ms = 3000;
        break;
    default:
        break;
    }
}

weft_err
run_call(struct run_strand *strand, run_at *at)
{
    weft_call_options options;
    struct run_work work;
    weft_bytes out = weft_nothing();
    weft_err err;

    run_make_work(strand, program_draw(strand->key, &strand->count), at->x,
                  at->how, &work);
    make_options(at->how, &options);
    err =
        weft_workflow_call(strand->run->wf, "work",
                           weft_bytes_of(&work, sizeof(work)), &options, &out);
    if (err == WEFT_OK) {
        program_take(at, run_number(out), strand->registers);
    }
    return err;
}

// Half of them each: of a worker's own, and of one that is not the only one.
weft_err
run_queue(struct run_strand *strand, run_at *at)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    struct run_work work;
    weft_bytes out = weft_nothing();
    weft_err err;

    run_make_work(strand, program_draw(strand->key, &strand->count), at->x,
                  CALL_COUNT + at->how, &work);
    options.task_queue = at->x / 2 % 2 == 0 ? RUN_QUEUE : RUN_QUEUE_OTHER;
    if (at->how == QUEUE_ALONE) {
        options.task_queue = "nobody";
        options.timeouts.schedule_to_start_ms = 30;
    }
    err =
        weft_workflow_call(strand->run->wf, "work",
                           weft_bytes_of(&work, sizeof(work)), &options, &out);
    if (err == WEFT_OK) {
        program_take(at, run_number(out), strand->registers);
    }
    return err;
}

// Await three, in one of four ways, until all are known.
static weft_err
await_calls(struct run_strand *strand, uint32_t how,
            const weft_future futures[3])
{
    weft_workflow *wf = strand->run->wf;
    weft_future left[3] = {futures[0], futures[1], futures[2]};
    size_t count = 3;
    size_t index = 0;
    weft_err err = WEFT_OK;

    switch (how) {
    case 0:
        return weft_workflow_await_settled(wf, futures, 3);
    case 1:
        return weft_workflow_await_all(wf, futures, 3);
    case 2:
        return weft_workflow_await(wf, futures[2], NULL);
    default:
        while (count > 0 && err == WEFT_OK) {
            err =
                weft_workflow_await_any(wf, left, count, WEFT_FOREVER, &index);
            if (err == WEFT_OK) {
                left[index] = left[--count];
            }
        }
        return err;
    }
}

weft_err
run_calls(struct run_strand *strand, run_at *at)
{
    weft_future futures[3];
    struct run_work work;
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; i < 3 && err == WEFT_OK; i++) {
        run_make_work(strand, program_draw(strand->key, &strand->count),
                      at->x + i, i == 1 ? CALL_FLAKY : CALL_OK, &work);
        err = weft_workflow_call_async(strand->run->wf, "work",
                                       weft_bytes_of(&work, sizeof(work)), NULL,
                                       &futures[i]);
    }
    if (err == WEFT_OK) {
        err = await_calls(strand, at->how, futures);
    }
    for (int i = 0; i < 3 && err == WEFT_OK; i++) {
        weft_bytes out = weft_nothing();

        err = weft_workflow_await(strand->run->wf, futures[i], &out);
        if (err == WEFT_OK) {
            program_take(at, run_number(out), strand->registers);
        }
    }
    return err;
}

// Inline. ---------------------------------------------------------------------

struct inline_code {
    const struct run_hooks *hooks;
    char name[PROGRAM_ID_SIZE];
    const char *mark; // of the copy that it is of
    uint64_t x;
    bool fails;
};

static weft_err
do_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    struct inline_code *code = ctx;
    char name[PROGRAM_ID_SIZE];

    program_copy_name(code->name, code->mark, name);
    code->hooks->called(code->hooks->ctx, step->key, step->attempt, name);
    if (code->fails) {
        return WEFT_ENOTFOUND;
    }
    code->x += 7;
    *out_result = weft_bytes_of(&code->x, sizeof(code->x));
    return WEFT_OK;
}

weft_err
run_step(struct run_strand *strand, run_at *at)
{
    struct inline_code code = {
        .hooks = strand->run->hooks,
        .mark = program_copy_mark(weft_workflow_id(strand->run->wf)),
        .x = at->x,
        .fails = at->how == 3};
    weft_bytes out = weft_nothing();
    weft_err err;

    program_call_name(strand->run->input.root,
                      program_draw(strand->key, &strand->count), code.name);
    err = weft_workflow_step(strand->run->wf, code.name, do_step, &code, &out);
    if (code.fails && err == WEFT_ENOTFOUND) {
        return run_throw(strand, "step");
    }
    if (err == WEFT_OK) {
        program_take(at, run_number(out), strand->registers);
    }
    return err;
}

static weft_err
do_value(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    struct inline_code *code = ctx;
    uint64_t *x = weft_workflow_alloc(wf, sizeof(*x));

    if (x == NULL || code->fails) {
        return code->fails ? WEFT_EBUSY : WEFT_ENOMEM;
    }
    (void)weft_workflow_random(wf);
    *x = code->x + 9;
    *out_value = weft_bytes_of(x, sizeof(*x));
    return WEFT_OK;
}

weft_err
run_value(struct run_strand *strand, run_at *at)
{
    struct inline_code code = {.x = at->x, .fails = at->how == 3};
    weft_bytes out = weft_nothing();
    weft_err err =
        weft_workflow_value(strand->run->wf, "value", do_value, &code, &out);

    if (code.fails && err == WEFT_EBUSY) {
        return run_throw(strand, "value");
    }
    if (err == WEFT_OK) {
        program_take(at, run_number(out), strand->registers);
    }
    return err;
}

// Give something up. ----------------------------------------------------------

enum when { WHEN_EARLY, WHEN_MIDDLE, WHEN_LATE, WHEN_HOT };

static weft_err
sleep_branch(weft_workflow *wf, void *ctx)
{
    return weft_workflow_sleep(wf, *(const uint64_t *)ctx);
}

// What is late, or hot, ends by itself.
static weft_err
begin(struct run_strand *strand, uint32_t what, enum when when, uint64_t x,
      uint64_t *ms, weft_future *out)
{
    bool ends = when == WHEN_LATE || when == WHEN_HOT;
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    uint64_t key = program_draw(strand->key, &strand->count);
    struct run_work work;

    *ms = ends ? x % 8 : PROGRAM_LONG_MS;
    switch (what) {
    case 0:
        return weft_workflow_timer(strand->run->wf, *ms, out);
    case 1:
        // Of this nobody sends any; so it is a timer when it has to end.
        return ends
                   ? weft_workflow_timer(strand->run->wf, *ms, out)
                   : weft_workflow_receive_async(strand->run->wf, "never", out);
    case 2:
        options.cancellation = when == WHEN_HOT && x % 2 == 0
                                   ? WEFT_CANCELLATION_WAIT
                                   : WEFT_CANCELLATION_TRY;
        run_make_work(strand, key, x, ends ? CALL_OK : CALL_SILENT, &work);
        return weft_workflow_call_async(strand->run->wf, "work",
                                        weft_bytes_of(&work, sizeof(work)),
                                        &options, out);
    default:
        return weft_workflow_branch(strand->run->wf, "sleeps", sleep_branch, ms,
                                    NULL, out);
    }
}

// However this ends, nothing of it goes on; a branch uses our memory.
static weft_err
settle(weft_workflow *wf, weft_future future, weft_err err)
{
    if (err != WEFT_EUNWIND) {
        (void)weft_workflow_cancel(wf, future);
        weft_workflow_shield_begin(wf);
        if (weft_workflow_await_settled(wf, &future, 1) == WEFT_EUNWIND) {
            err = WEFT_EUNWIND;
        }
        weft_workflow_shield_end(wf);
    }
    return err;
}

static weft_err
check_given_up(struct run_strand *strand, enum when when, weft_err err)
{
    bool is_fine =
        err == WEFT_ECANCELLED
            ? when != WHEN_LATE
            : err == WEFT_OK && (when == WHEN_LATE || when == WHEN_HOT);

    if (err == WEFT_EUNWIND || err == WEFT_ETIMEDOUT) {
        return err;
    }
    // Or the strand as a whole is stopped: the next wait will say so.
    if (!is_fine && err != WEFT_ECANCELLED) {
        return run_wrong(strand, "given_up_and_not");
    }
    return weft_workflow_sleep(strand->run->wf, 0);
}

weft_err
run_cancel(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    enum when when = (enum when)(at->how / 4);
    uint64_t *ms = weft_workflow_alloc(wf, sizeof(*ms));
    weft_future future;
    weft_err err;

    if (ms == NULL) {
        return WEFT_ENOMEM;
    }
    err = begin(strand, at->how % 4, when, at->x, ms, &future);
    if (err != WEFT_OK) {
        return err;
    }
    if (when == WHEN_MIDDLE || when == WHEN_HOT) {
        err = weft_workflow_sleep(wf, when == WHEN_HOT ? *ms : at->x % 8);
    } else if (when == WHEN_LATE) {
        err = weft_workflow_await(wf, future, NULL);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_cancel(wf, future);
    }
    if (err == WEFT_OK) {
        err =
            check_given_up(strand, when, weft_workflow_await(wf, future, NULL));
    }
    err = settle(wf, future, err);
    if (err == WEFT_OK) {
        program_take(at, when == WHEN_LATE ? at->x : 1, strand->registers);
    }
    return err;
}

// Failures and sagas. ---------------------------------------------------------

// A copy that outlives the next waits.
static const weft_failure *
keep(weft_workflow *wf, const weft_failure *failure)
{
    weft_failure *kept = weft_workflow_alloc(wf, sizeof(*kept));
    char *texts = weft_workflow_alloc(wf, 200);

    if (kept == NULL || texts == NULL) {
        return NULL;
    }
    (void)snprintf(texts, 100, "%s", failure->name);
    (void)snprintf(texts + 100, 100, "%s", failure->source);
    *kept = (weft_failure){.name = texts, .message = "", .source = texts + 100};
    return kept;
}

weft_err
run_throw_at(struct run_strand *strand, run_at *at)
{
    const struct program_statement bad = {.x = at->x, .how = CALL_BAD};
    weft_err err;

    if (at->how != 2) {
        return run_throw(strand, at->how == 0 ? "boom" : "bang");
    }
    err = run_call(strand, &bad);
    if (err != WEFT_EFAILED) {
        return err == WEFT_OK ? run_wrong(strand, "bad_and_well") : err;
    }
    (void)run_throw(strand, "wrapped");
    strand->cause =
        keep(strand->run->wf, weft_workflow_failure(strand->run->wf));
    return WEFT_EFAILED;
}

struct undo {
    struct run_strand *strand;
    const weft_err *why;
    uint64_t key;
};

static weft_err
undo_note(weft_workflow *wf, void *ctx)
{
    const struct undo *undo = ctx;

    (void)wf;
    // If it was stopped, it is not known how far the strand came.
    return *undo->why == WEFT_EFAILED
               ? run_note(undo->strand, undo->strand->key, undo->key)
               : WEFT_OK;
}

static weft_err
add_undo(struct run_strand *strand, weft_saga *saga, const weft_err *why,
         uint32_t i)
{
    struct undo *undo = weft_workflow_alloc(strand->run->wf, sizeof(*undo));
    struct run_work work;

    if (undo == NULL) {
        return WEFT_ENOMEM;
    }
    *undo = (struct undo){.strand = strand,
                          .why = why,
                          .key = program_draw(strand->key, &strand->count)};
    if (i % 2 != 0) {
        return weft_saga_add_fn(saga, undo_note, undo);
    }
    run_make_work(strand, undo->key, 0, CALL_OK, &work);
    return weft_saga_add(saga, "work", weft_bytes_of(&work, sizeof(work)),
                         NULL);
}

weft_err
run_saga(struct run_strand *strand, run_at *at)
{
    weft_saga *saga = weft_saga_create(strand->run->wf);
    weft_err *why = weft_workflow_alloc(strand->run->wf, sizeof(*why));
    weft_err err = saga == NULL || why == NULL ? WEFT_ENOMEM : WEFT_OK;

    for (uint32_t i = 0; i < program_times(at) && err == WEFT_OK; i++) {
        err = add_undo(strand, saga, why, i);
    }
    if (err == WEFT_OK) {
        err = run_block(strand, at->blocks[0]);
    }
    if (err == WEFT_OK && at->how == 1) {
        err = run_throw(strand, "undone");
    }
    if (why != NULL) {
        *why = err;
    }
    return weft_saga_end(saga, err);
}
