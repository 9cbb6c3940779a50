// SPDX-License-Identifier: Apache-2.0
//
// run.c - the workflow that does a program.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "program/run_impl.h"

uint64_t
run_number(weft_bytes bytes)
{
    uint64_t x = 0;

    if (bytes.len == sizeof(x)) {
        memcpy(&x, bytes.data, sizeof(x));
    }
    return x;
}

weft_err
run_throw(struct run_strand *strand, const char *name)
{
    strand->own = name;
    strand->cause = NULL;
    return WEFT_EFAILED;
}

weft_err
run_wrong(struct run_strand *strand, const char *what)
{
    strand->run->hooks->called(strand->run->hooks->ctx, "wrong", 0, what);
    return run_throw(strand, what);
}

weft_err
run_note(struct run_strand *strand, uint64_t key, uint64_t value)
{
    uint64_t note[2] = {key, value};
    char id[PROGRAM_ID_SIZE];

    program_log_id(strand->run->input.root, id);
    return weft_workflow_signal(strand->run->wf, (weft_target){"log", id},
                                "note", weft_bytes_of(note, sizeof(note)));
}

// What shows, and what is looked at. ------------------------------------------

static weft_err
show_number(struct run_strand *strand, int64_t number)
{
    weft_workflow *wf = strand->run->wf;
    weft_attribute seen;
    weft_err err =
        weft_workflow_set_attribute(wf, weft_attribute_int("number", number));

    if (err == WEFT_OK) {
        err = weft_workflow_get_attribute(wf, "number", &seen);
    }
    if (err == WEFT_OK &&
        (seen.type != WEFT_ATTRIBUTE_INT || seen.value.integer != number)) {
        return run_wrong(strand, "wrong_attribute");
    }
    return err;
}

static weft_err
show_memo(struct run_strand *strand, uint64_t value)
{
    weft_workflow *wf = strand->run->wf;
    weft_err err = weft_workflow_memo_set(wf, "memo",
                                          weft_bytes_of(&value, sizeof(value)));

    if (err == WEFT_OK && run_number(weft_workflow_memo(wf, "memo")) != value) {
        return run_wrong(strand, "wrong_memo");
    }
    return err;
}

static weft_err
show(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    uint64_t value = strand->registers[at->x % PROGRAM_REGISTERS];
    weft_attribute seen;
    weft_err err;

    switch (at->how) {
    case 0:
        return weft_workflow_publish(wf, "value",
                                     weft_bytes_of(&value, sizeof(value)));
    case 1:
        return show_number(strand, (int64_t)value);
    case 2:
        return show_memo(strand, value);
    default:
        err = weft_workflow_clear_attribute(wf, "number");
        if (err == WEFT_OK &&
            weft_workflow_get_attribute(wf, "number", &seen) == WEFT_OK) {
            return run_wrong(strand, "cleared_attribute");
        }
        return err;
    }
}

// What any run must find as it is.
static weft_err
look(struct run_strand *strand, run_at *at)
{
    weft_workflow *wf = strand->run->wf;
    uint64_t before = weft_workflow_now_ms(wf);
    weft_bytes root;
    weft_err err;

    switch (at->how) {
    case 0:
        err = weft_workflow_sleep(wf, weft_workflow_random(wf) % 10);
        if (err == WEFT_OK && weft_workflow_now_ms(wf) < before) {
            return run_wrong(strand, "time_went_back");
        }
        return err;
    case 1:
        return weft_workflow_patched(wf, "new way") == 1
                   ? WEFT_OK
                   : run_wrong(strand, "not_patched");
    case 2:
        root = weft_workflow_header(wf, "root");
        if (root.len != strlen(strand->run->input.root) ||
            memcmp(root.data, strand->run->input.root, root.len) != 0) {
            return run_wrong(strand, "wrong_header");
        }
        return WEFT_OK;
    default:
        return weft_workflow_deprecate_patch(wf, "newer way");
    }
}

// Statements. -----------------------------------------------------------------

static weft_err
run_if(struct run_strand *strand, run_at *at)
{
    bool is_odd = strand->registers[at->x % PROGRAM_REGISTERS] % 2 != 0;

    return run_block(strand, at->blocks[is_odd ? 0 : 1]);
}

static weft_err
run_loop(struct run_strand *strand, run_at *at)
{
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; i < program_times(at) && err == WEFT_OK; i++) {
        err = run_block(strand, at->blocks[0]);
    }
    return err;
}

static weft_err
run_shield(struct run_strand *strand, run_at *at)
{
    weft_err err;

    weft_workflow_shield_begin(strand->run->wf);
    err = run_block(strand, at->blocks[0]);
    weft_workflow_shield_end(strand->run->wf);
    return err;
}

static weft_err
run_try(struct run_strand *strand, run_at *at)
{
    weft_err err = run_block(strand, at->blocks[0]);
    const char *name = strand->own;

    if (err != WEFT_EFAILED) {
        return err;
    }
    if (name == NULL) {
        name = weft_workflow_failure(strand->run->wf)->name;
    }
    program_take(at, program_hash(name), strand->registers);
    strand->own = NULL;
    return WEFT_OK;
}

static weft_err
run_flaky(struct run_strand *strand, run_at *at)
{
    return weft_workflow_attempt(strand->run->wf) <= program_flaky(at)
               ? run_throw(strand, "flaky_run")
               : WEFT_OK;
}

// tidy: long, one case per statement
static weft_err
run_statement(struct run_strand *strand, run_at *at)
{
    switch ((enum program_op)at->op) {
    case OP_MIX:
        program_take(at, strand->registers[at->x / 4 % 4] ^ at->x,
                     strand->registers);
        return WEFT_OK;
    case OP_IF:
        return run_if(strand, at);
    case OP_LOOP:
        return run_loop(strand, at);
    case OP_CALL:
        return run_call(strand, at);
    case OP_CALLS:
        return run_calls(strand, at);
    case OP_QUEUE:
        return run_queue(strand, at);
    case OP_STEP:
        return run_step(strand, at);
    case OP_VALUE:
        return run_value(strand, at);
    case OP_SLEEP:
        return weft_workflow_sleep(strand->run->wf, at->x % 25);
    case OP_TIMERS:
        return run_timers(strand, at);
    case OP_CANCEL:
        return run_cancel(strand, at);
    case OP_GO:
        return run_go(strand, at);
    case OP_UPDATE:
        return run_update(strand, at);
    case OP_SELF:
        return run_self(strand, at);
    case OP_CHILD:
        return run_child(strand, at);
    case OP_BRANCHES:
        return run_branches(strand, at);
    case OP_SCOPE:
        return run_scope(strand, at);
    case OP_SHIELD:
        return run_shield(strand, at);
    case OP_TRY:
        return run_try(strand, at);
    case OP_THROW:
        return run_throw_at(strand, at);
    case OP_SAGA:
        return run_saga(strand, at);
    case OP_NOTE:
        return run_note(strand, strand->key,
                        at->x ^ program_sum(strand->registers));
    case OP_SHOW:
        return show(strand, at);
    case OP_TALK:
        return run_talk(strand, at);
    case OP_LOOK:
        return look(strand, at);
    case OP_DOOM:
        return run_doom(strand, at);
    case OP_FLAKY:
        return run_flaky(strand, at);
    case OP_RESTART:
        return run_restart(strand, at);
    default:
        return WEFT_OK;
    }
}

weft_err
run_block(struct run_strand *strand, uint8_t index)
{
    const struct program *program = &strand->run->program;
    run_at *at = program_at(program, index);
    weft_err err = WEFT_OK;

    for (; at != NULL && err == WEFT_OK && !strand->run->is_restarting;
         at = program_at(program, at->next)) {
        err = run_statement(strand, at);
    }
    return err;
}

// Instances. ------------------------------------------------------------------

// Then it only ends by being cancelled, or not at all.
static weft_err
stay(struct run_strand *strand, weft_err err)
{
    struct run *run = strand->run;
    weft_err cleaned;

    if ((err != WEFT_OK && err != WEFT_EFAILED) || run->is_restarting) {
        return err;
    }
    strand->own = NULL;
    if (run->input.mode == MODE_READY) {
        err = weft_workflow_signal(run->wf,
                                   (weft_target){"program", run->input.parent},
                                   run->input.ready, weft_nothing());
        if (err != WEFT_OK) {
            return err;
        }
    }
    err = weft_workflow_sleep(run->wf, PROGRAM_LONG_MS);
    if (run->input.mode == MODE_READY && err == WEFT_ECANCELLED) {
        weft_workflow_shield_begin(run->wf);
        cleaned = run_block(strand, run->input.cleanup);
        weft_workflow_shield_end(run->wf);
        return cleaned == WEFT_OK || cleaned == WEFT_EFAILED ? err : cleaned;
    }
    return err;
}

static weft_err
end_run(struct run_strand *strand, weft_err err)
{
    struct run *run = strand->run;
    uint64_t sum = program_sum(strand->registers);

    if (err == WEFT_OK && run->is_restarting) {
        memcpy(run->input.registers, strand->registers,
               sizeof(strand->registers));
        return weft_workflow_restart(
            run->wf, weft_bytes_of(&run->input, sizeof(run->input)));
    }
    if (err == WEFT_OK) {
        return weft_workflow_return(run->wf, weft_bytes_of(&sum, sizeof(sum)));
    }
    if (err == WEFT_EFAILED && strand->own != NULL) {
        return weft_workflow_fail_with(run->wf,
                                       &(weft_failure){.name = strand->own,
                                                       .message = "",
                                                       .cause = strand->cause});
    }
    return err;
}

static weft_err
run_program(weft_workflow *wf, weft_bytes input)
{
    struct run *run = weft_workflow_alloc(wf, sizeof(*run));
    struct run_strand *strand = weft_workflow_alloc(wf, sizeof(*strand));
    weft_err err;

    if (run == NULL || strand == NULL) {
        return WEFT_ENOMEM;
    }
    if (input.len != sizeof(run->input)) {
        return WEFT_EINVAL;
    }
    run->wf = wf;
    run->hooks = weft_workflow_context(wf);
    memcpy(&run->input, input.data, sizeof(run->input));
    program_make(&run->input.source, &run->program);
    strand->run = run;
    // A copy has the names of what it is a copy of.
    strand->key =
        run->input.source.is_copied != 0
            ? program_run_key(run->input.root, 1)
            : program_run_key(weft_workflow_id(wf), weft_workflow_run(wf));
    strand->is_loose = run->input.mode == MODE_LOOSE;
    memcpy(strand->registers, run->input.registers, sizeof(strand->registers));
    err = run_take_updates(run);
    if (err == WEFT_OK) {
        err = run_inbox(strand);
    }
    if (err == WEFT_OK) {
        err = run_block(strand, run->input.block);
    }
    if (run->input.mode != MODE_PLAIN) {
        err = stay(strand, err);
    }
    return end_run(strand, err);
}

void
run_input_make(const struct program *program, const char *root,
               struct run_input *out)
{
    memset(out, 0, sizeof(*out)); // its hash is compared
    out->source = program->source;
    out->block = program->first;
    (void)snprintf(out->root, sizeof(out->root), "%s", root);
}

void
run_start_options(const struct program *program, const struct run_input *input,
                  weft_start_options *options, weft_pair *pair)
{
    *pair = (weft_pair){.name = "root", .value = weft_text(input->root)};
    options->headers = pair;
    options->headers_count = 1;
    options->retry.initial_interval_ms = 20;
    options->retry.coefficient = 1;
    options->retry.maximum_attempts = program->attempts;
}

void
run_outcome(weft_err err, const weft_reply *reply, char out[EXPECT_TEXT_SIZE])
{
    uint64_t value = 0;

    (void)snprintf(out, EXPECT_TEXT_SIZE, "%s",
                   err == WEFT_ECANCELLED    ? "cancelled"
                   : err == WEFT_ETERMINATED ? "terminated"
                                             : weft_err_name(err));
    if (err == WEFT_OK && reply->data.len == sizeof(value)) {
        memcpy(&value, reply->data.data, sizeof(value));
        expect_say_ok(value, out);
    } else if (err == WEFT_EFAILED) {
        out[0] = '\0';
        for (const weft_failure *at = &reply->failure; at != NULL;
             at = at->cause) {
            expect_say_level(at->name, at->source, out);
        }
    }
}

weft_err
run_define(weft_definitions *definitions, const struct run_hooks *hooks)
{
    weft_workflow_def program = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def work = run_work_def;
    weft_err err;

    program.name = "program";
    program.run = run_program;
    program.context = (void *)(uintptr_t)hooks;
    program.early_signals = WEFT_EARLY_KEEP;
    work.context = (void *)(uintptr_t)hooks;
    err = weft_definitions_add_workflow(definitions, &program);
    // The same code again, for whoever moves instances between the two.
    program.version = 2;
    if (err == WEFT_OK) {
        err = weft_definitions_add_workflow(definitions, &program);
    }
    if (err == WEFT_OK) {
        err = weft_definitions_add_activity(definitions, &work);
    }
    if (err == WEFT_OK) {
        err = weft_definitions_add_task_queues(definitions);
    }
    return err == WEFT_OK ? run_add_actors(definitions) : err;
}
