// SPDX-License-Identifier: Apache-2.0
//
// run_flow.c - branches, scopes and children.

#include <stdio.h>
#include <string.h>

#include "program/run_impl.h"

static bool
is_stopped(weft_err err)
{
    return err == WEFT_ECANCELLED || err == WEFT_ETIMEDOUT ||
           err == WEFT_EUNWIND;
}

// As another strand beside this one, and back: nothing of it is kept. Its
// failures do not matter.
weft_err
run_loose(struct run_strand *strand, uint8_t block)
{
    struct run_strand loose = *strand;
    weft_err err;

    loose.key = program_draw(strand->key, &strand->count);
    loose.count = 0;
    loose.is_loose = true;
    loose.own = NULL;
    err = run_block(&loose, block);
    return is_stopped(err) ? err : WEFT_OK;
}

// Branches. -------------------------------------------------------------------

struct branch {
    struct run_strand strand;
    run_at *at;
    int i;
};

static weft_err
do_branch(weft_workflow *wf, void *ctx)
{
    struct branch *branch = ctx;
    struct run_strand *strand = &branch->strand;
    uint64_t sum;
    weft_err err = run_block(strand, branch->at->blocks[branch->i]);

    if (branch->at->how == BRANCHES_RACE && branch->i > 0 && !is_stopped(err)) {
        err = weft_workflow_sleep(wf, PROGRAM_LONG_MS);
    }
    if (branch->at->how == BRANCHES_SUCCESS && branch->i == 0 &&
        err == WEFT_OK) {
        err = run_throw(strand, "lost");
    }
    if (err == WEFT_EFAILED && strand->own != NULL) {
        return weft_workflow_fail_with(wf,
                                       &(weft_failure){.name = strand->own,
                                                       .message = "",
                                                       .cause = strand->cause});
    }
    if (err != WEFT_OK) {
        return err;
    }
    sum = program_sum(strand->registers);
    return weft_workflow_return(wf, weft_bytes_of(&sum, sizeof(sum)));
}

// Whatever err is, none of them runs when this returns.
static weft_err
settle(weft_workflow *wf, const weft_future *futures, size_t count,
       bool cancels, weft_err err)
{
    if (err == WEFT_EUNWIND) {
        return err;
    }
    for (size_t i = 0; i < count && cancels; i++) {
        (void)weft_workflow_cancel(wf, futures[i]);
    }
    weft_workflow_shield_begin(wf);
    if (weft_workflow_await_settled(wf, futures, count) == WEFT_EUNWIND) {
        err = WEFT_EUNWIND;
    }
    weft_workflow_shield_end(wf);
    return err;
}

static weft_err
await_branches(struct run_strand *strand, uint32_t how,
               const weft_future futures[PROGRAM_BLOCKS])
{
    weft_workflow *wf = strand->run->wf;
    size_t index = 0;
    weft_err err = WEFT_OK;

    switch ((enum program_branches)how) {
    case BRANCHES_SETTLED:
        return weft_workflow_await_settled(wf, futures, PROGRAM_BLOCKS);
    case BRANCHES_ALL:
        return weft_workflow_await_all(wf, futures, PROGRAM_BLOCKS);
    case BRANCHES_REVERSE:
        for (int i = PROGRAM_BLOCKS - 1; i >= 0 && !is_stopped(err); i--) {
            err = weft_workflow_await(wf, futures[i], NULL);
        }
        return err;
    case BRANCHES_SUCCESS:
        err = weft_workflow_await_success(wf, futures, PROGRAM_BLOCKS,
                                          WEFT_FOREVER, &index);
        return err == WEFT_OK && index == 0 ? run_wrong(strand, "lost_has_won")
                                            : err;
    case BRANCHES_RACE:
        err = weft_workflow_race(wf, futures, PROGRAM_BLOCKS, WEFT_FOREVER,
                                 &index);
        // Unless all of them are stopped.
        if (err == WEFT_OK && index != 0) {
            err = weft_workflow_sleep(wf, 0);
            return err == WEFT_OK ? run_wrong(strand, "week_has_won") : err;
        }
        return err;
    default:
        return weft_workflow_race(wf, futures, PROGRAM_BLOCKS, WEFT_FOREVER,
                                  &index);
    }
}

// Each once more: all are known.
static weft_err
take_branches(struct run_strand *strand, run_at *at,
              const weft_future futures[PROGRAM_BLOCKS])
{
    uint32_t first = at->how == BRANCHES_SUCCESS ? 1 : 0;
    uint32_t last = at->how == BRANCHES_RACE ? 0 : PROGRAM_BLOCKS - 1;
    weft_bytes out = weft_nothing();
    weft_err err = WEFT_OK;

    if (at->how == BRANCHES_EVEN) {
        program_take(at, 2, strand->registers);
        return WEFT_OK;
    }
    strand->own = NULL;
    for (uint32_t i = first; i <= last && err == WEFT_OK; i++) {
        err = weft_workflow_await(strand->run->wf, futures[i], &out);
        if (err == WEFT_OK) {
            program_take(at, run_number(out), strand->registers);
        }
    }
    return err;
}

weft_err
run_branches(struct run_strand *strand, run_at *at)
{
    struct branch *branches = weft_workflow_alloc(
        strand->run->wf, PROGRAM_BLOCKS * sizeof(*branches));
    weft_branch_options options = WEFT_BRANCH_OPTIONS_INIT;
    weft_future futures[PROGRAM_BLOCKS];
    size_t count = 0;
    weft_err err = branches == NULL ? WEFT_ENOMEM : WEFT_OK;

    // What is not loose ends by itself, also if it is not told to.
    options.is_detached =
        !strand->is_loose && at->x / 64 % 4 == 0 && at->how <= BRANCHES_REVERSE;

    for (int i = 0; i < PROGRAM_BLOCKS && err == WEFT_OK; i++) {
        branches[i] = (struct branch){.strand = *strand, .at = at, .i = i};
        branches[i].strand.key = program_draw(strand->key, &strand->count);
        branches[i].strand.count = 0;
        branches[i].strand.own = NULL;
        branches[i].strand.is_loose = strand->is_loose ||
                                      at->how == BRANCHES_EVEN ||
                                      (at->how == BRANCHES_RACE && i > 0);
        err = weft_workflow_branch(strand->run->wf, "branch", do_branch,
                                   &branches[i], &options, &futures[i]);
        count += err == WEFT_OK;
    }
    if (err == WEFT_OK) {
        err = await_branches(strand, at->how, futures);
    }
    err = settle(strand->run->wf, futures, count, is_stopped(err), err);
    if (is_stopped(err) || (err == WEFT_EFAILED && strand->own != NULL)) {
        return err;
    }
    return take_branches(strand, at, futures);
}

// Scopes. ---------------------------------------------------------------------

struct cutter {
    uint64_t ms;
    weft_scope scope;
    bool has_cut;
};

static weft_err
cut(weft_workflow *wf, void *ctx)
{
    struct cutter *cutter = ctx;
    weft_err err = weft_workflow_sleep(wf, cutter->ms);

    cutter->has_cut = err == WEFT_OK;
    return err == WEFT_OK ? weft_workflow_scope_cancel(wf, cutter->scope) : err;
}

static weft_err
in_scope(struct run_strand *strand, run_at *at)
{
    weft_err err;

    if (at->how == SCOPE_IN_TIME) {
        return run_block(strand, at->blocks[0]);
    }
    err = run_loose(strand, at->blocks[0]);
    if (err == WEFT_OK && at->how != SCOPE_HOT) {
        err = weft_workflow_sleep(strand->run->wf, PROGRAM_LONG_MS);
    }
    return err;
}

// Has it ended as it should? What is around it may have been stopped instead.
static bool
has_ended(run_at *at, const struct cutter *cutter, weft_err err)
{
    switch ((enum program_scope)at->how) {
    case SCOPE_LATE:
        return err == WEFT_ETIMEDOUT;
    case SCOPE_HOT:
        return err == WEFT_OK || err == WEFT_ETIMEDOUT;
    case SCOPE_CUT:
        return err == WEFT_ECANCELLED && cutter->has_cut;
    default:
        return false;
    }
}

// Its second block is in a shield inside of it, where it is stopped already.
static weft_err
scoped(struct run_strand *strand, run_at *at, const struct cutter *cutter,
       weft_scope scope)
{
    weft_workflow *wf = strand->run->wf;
    weft_err err = in_scope(strand, at);
    weft_err cleaned = WEFT_OK;
    weft_err ended;

    if (err == WEFT_EUNWIND) {
        return err;
    }
    if (has_ended(at, cutter, err)) {
        weft_workflow_shield_begin(wf);
        cleaned = run_block(strand, at->blocks[1]);
        weft_workflow_shield_end(wf);
        err = cleaned;
    }
    ended = weft_workflow_scope_end(wf, scope);
    if (ended != WEFT_OK || at->how == SCOPE_IN_TIME || cleaned != WEFT_OK) {
        return ended != WEFT_OK ? ended : err;
    }
    ended = weft_workflow_sleep(wf, 0);
    return ended == WEFT_OK && err != WEFT_OK ? run_wrong(strand, "scope")
                                              : ended;
}

static weft_err
run_cut(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    struct cutter *cutter = weft_workflow_alloc(wf, sizeof(*cutter));
    weft_future future;
    weft_err err;

    if (cutter == NULL) {
        return WEFT_ENOMEM;
    }
    cutter->ms = at->x % 20;
    err = weft_workflow_branch(wf, "cut", cut, cutter, NULL, &future);
    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_scope_begin(wf, WEFT_FOREVER, &cutter->scope);
    if (err == WEFT_OK) {
        err = scoped(strand, at, cutter, cutter->scope);
    }
    return settle(wf, &future, 1, true, err);
}

weft_err
run_scope(struct run_strand *strand, run_at *at)
{
    uint64_t ms = at->how == SCOPE_IN_TIME ? PROGRAM_LONG_MS : at->x % 20;
    weft_scope scope;
    weft_err err;

    if (at->how == SCOPE_CUT) {
        return run_cut(strand, at);
    }
    err = weft_workflow_scope_begin(strand->run->wf, ms, &scope);
    return err == WEFT_OK ? scoped(strand, at, NULL, scope) : err;
}

// Children. -------------------------------------------------------------------

struct child {
    struct run_input input;
    weft_start_options start;
    weft_child_options options;
    weft_pair pair;
    char id[PROGRAM_ID_SIZE];
};

static struct child *
make_child(struct run_strand *strand, run_at *at, enum program_mode mode)
{
    struct run *run = strand->run;
    struct child *child = weft_workflow_alloc(run->wf, sizeof(*child));
    uint64_t key = program_draw(strand->key, &strand->count);

    if (child == NULL) {
        return NULL;
    }
    run_input_make(&run->program, run->input.root, &child->input);
    memcpy(child->input.registers, strand->registers,
           sizeof(strand->registers));
    child->input.block = at->blocks[0];
    child->input.mode = (uint8_t)mode;
    child->start = (weft_start_options)WEFT_START_OPTIONS_INIT;
    child->options = (weft_child_options)WEFT_CHILD_OPTIONS_INIT;
    child->options.start = &child->start;
    run_start_options(&run->program, &child->input, &child->start,
                      &child->pair);
    program_child_id(run->input.root, key, child->id);
    if (mode == MODE_READY) {
        child->input.cleanup = at->blocks[1];
        program_name("ready", key, child->input.ready);
        (void)snprintf(child->input.parent, sizeof(child->input.parent), "%s",
                       weft_workflow_id(run->wf));
    }
    return child;
}

static weft_err
begin_child(struct run_strand *strand, struct child *child, weft_future *out)
{
    return weft_workflow_child_async(
        strand->run->wf, (weft_target){"program", child->id},
        weft_bytes_of(&child->input, sizeof(child->input)), &child->options,
        out);
}

static weft_err
await_child(struct run_strand *strand, run_at *at, weft_future future)
{
    weft_bytes out = weft_nothing();
    weft_err err = weft_workflow_await(strand->run->wf, future, &out);

    if (err == WEFT_OK) {
        program_take(at, run_number(out), strand->registers);
    }
    return err;
}

// It has to end as cancelled; or this strand is stopped itself.
static weft_err
check_stopped(struct run_strand *strand, run_at *at, weft_err err)
{
    if (err != WEFT_ECANCELLED) {
        return err == WEFT_OK || err == WEFT_EFAILED
                   ? run_wrong(strand, "child_not_cancelled")
                   : err;
    }
    err = weft_workflow_sleep(strand->run->wf, 0);
    if (err == WEFT_OK) {
        program_take(at, 1, strand->registers);
    }
    return err;
}

static weft_err
run_ready(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    struct child *child = make_child(strand, at, MODE_READY);
    weft_future future;
    weft_err err;

    if (child == NULL) {
        return WEFT_ENOMEM;
    }
    child->options.cancellation =
        at->how == CHILD_READY ? WEFT_CANCELLATION_WAIT : WEFT_CANCELLATION_TRY;
    err = begin_child(strand, child, &future);
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, child->input.ready, WEFT_FOREVER, NULL);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_cancel(wf, future);
    }
    return err == WEFT_OK ? check_stopped(strand, at,
                                          weft_workflow_await(wf, future, NULL))
                          : err;
}

// Loose, and stopped by its parent or by its run timeout.
static weft_err
run_loose_child(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    struct child *child = make_child(strand, at, MODE_LOOSE);
    weft_future future;
    weft_err err;

    if (child == NULL) {
        return WEFT_ENOMEM;
    }
    if (at->how == CHILD_OVERDUE) {
        child->start.run_timeout_ms = 1 + at->x % 40;
        child->start.retry = (weft_retry_policy){0};
    } else {
        child->options.cancellation = at->x % 3 == 0 ? WEFT_CANCELLATION_WAIT
                                      : at->x % 3 == 1
                                          ? WEFT_CANCELLATION_TRY
                                          : WEFT_CANCELLATION_WAIT_REQUESTED;
    }
    err = begin_child(strand, child, &future);
    if (err == WEFT_OK && at->how == CHILD_ANYWHEN) {
        err = weft_workflow_sleep(wf, at->x / 8 % 20);
        if (err == WEFT_OK) {
            err = weft_workflow_cancel(wf, future);
        }
        return err == WEFT_OK
                   ? check_stopped(strand, at,
                                   weft_workflow_await(wf, future, NULL))
                   : err;
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await(wf, future, NULL);
    }
    if (err == WEFT_OK ||
        (err == WEFT_EFAILED &&
         strcmp(weft_workflow_failure(wf)->name, "timed_out") != 0)) {
        return run_wrong(strand, "child_not_overdue");
    }
    if (err == WEFT_EFAILED) {
        program_take(at, 1, strand->registers);
        return WEFT_OK;
    }
    return err;
}

// The same id once more is refused, whether the first has ended or not.
static weft_err
run_twice(struct run_strand *strand, struct child *child)
{
    weft_workflow *wf = strand->run->wf;
    weft_future second;
    weft_err err;

    child->start.reuse = WEFT_REUSE_REJECT;
    err = begin_child(strand, child, &second);
    if (err == WEFT_OK) {
        err = weft_workflow_await(wf, second, NULL);
    }
    if (err == WEFT_OK ||
        (err == WEFT_EFAILED &&
         strcmp(weft_workflow_failure(wf)->name, "WEFT_EEXISTS") != 0)) {
        return run_wrong(strand, "child_twice");
    }
    return err == WEFT_EFAILED ? WEFT_OK : err;
}

static weft_err
run_started(struct run_strand *strand, struct child *child, weft_future future)
{
    weft_workflow *wf = strand->run->wf;
    weft_future started;
    weft_bytes id = weft_nothing();
    weft_err err = weft_workflow_child_started(wf, future, &started);

    if (err == WEFT_OK) {
        err = weft_workflow_await(wf, started, &id);
    }
    if (err == WEFT_OK && (id.len != strlen(child->id) ||
                           memcmp(id.data, child->id, id.len) != 0)) {
        return run_wrong(strand, "child_of_another_id");
    }
    return err;
}

// It begins with them. One that is tried again could not receive them again.
static weft_err
signal_early(struct run_strand *strand, struct child *child, uint64_t x)
{
    weft_err err = WEFT_OK;

    if (strand->run->program.attempts > 1) {
        return WEFT_OK;
    }
    child->input.inbox = x;
    for (uint64_t i = 0; i < 2 && err == WEFT_OK; i++) {
        uint64_t value = x + i;

        err = weft_workflow_signal(strand->run->wf,
                                   (weft_target){"program", child->id}, "self",
                                   weft_bytes_of(&value, sizeof(value)));
    }
    return err;
}

weft_err
run_child(struct run_strand *strand, run_at *at)
{
    struct child *child;
    weft_future future;
    weft_err err;

    if (at->how == CHILD_READY || at->how == CHILD_READY_TRY) {
        return run_ready(strand, at);
    }
    if (at->how == CHILD_ANYWHEN || at->how == CHILD_OVERDUE) {
        return run_loose_child(strand, at);
    }
    child = make_child(strand, at, MODE_PLAIN);
    if (child == NULL) {
        return WEFT_ENOMEM;
    }
    child->options.tell_started = at->how == CHILD_STARTED;
    if (at->how == CHILD_ABANDON) {
        child->options.parent_close = WEFT_PARENT_CLOSE_ABANDON;
        child->options.cancellation = WEFT_CANCELLATION_ABANDON;
    }
    if (at->how == CHILD_EARLY) {
        err = signal_early(strand, child, at->x);
        if (err != WEFT_OK) {
            return err;
        }
    }
    child->start.start_delay_ms = at->how == CHILD_DELAYED ? at->x % 30 : 0;
    err = begin_child(strand, child, &future);
    if (err != WEFT_OK || at->how == CHILD_ABANDON) {
        return err;
    }
    if (at->how == CHILD_STARTED) {
        err = run_started(strand, child, future);
    } else if (at->how == CHILD_TWICE) {
        err = run_twice(strand, child);
    } else if (at->how == CHILD_BESIDE) {
        err = run_block(strand, at->blocks[1]);
        if (err == WEFT_EFAILED) { // as a whole it fails when both are over
            return settle(strand->run->wf, &future, 1, false, err);
        }
    }
    return err == WEFT_OK ? await_child(strand, at, future) : err;
}

// Left behind, to be cancelled or terminated when this run ends.
weft_err
run_doom(struct run_strand *strand, run_at *at)
{
    struct child *child = make_child(strand, at, MODE_LOOSE);
    weft_future future;
    weft_err err;

    if (child == NULL) {
        return WEFT_ENOMEM;
    }
    child->options.parent_close =
        at->how == 0 ? WEFT_PARENT_CLOSE_CANCEL : WEFT_PARENT_CLOSE_TERMINATE;
    child->options.tell_started = 1;
    err = begin_child(strand, child, &future);
    return err == WEFT_OK ? run_started(strand, child, future) : err;
}
