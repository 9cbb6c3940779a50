// SPDX-License-Identifier: Apache-2.0
//
// expect.c - what must come of a program, worked out without weft.
//
// It walks the tree as the workflow does, and draws the same names in the same
// order; all else follows from what the headers of weft promise.

#include "program/expect_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Lists. ----------------------------------------------------------------------

static void *
grow(void *items, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0) {
        return items;
    }
    items = realloc(items, (count == 0 ? 1 : count * 2) * size);
    if (items == NULL) {
        abort();
    }
    return items;
}

static void
add_call(const struct strand *strand, uint64_t key, bool must_run)
{
    struct expect *out = strand->in->walk->out;
    struct expect_call *call;

    out->calls = grow(out->calls, out->calls_count, sizeof(*out->calls));
    call = &out->calls[out->calls_count++];
    *call = (struct expect_call){.must_run = must_run && !strand->is_loose};
    program_call_name(strand->in->walk->root, key, call->name);
}

static void
add_note(const struct strand *strand, uint64_t value)
{
    struct expect *out = strand->in->walk->out;

    out->notes = grow(out->notes, out->notes_count, sizeof(*out->notes));
    out->notes[out->notes_count++] =
        (struct expect_note){.strand = strand->key, .value = value};
}

static uint32_t
add_ask(const struct strand *strand, bool is_update)
{
    struct walk *walk = strand->in->walk;
    struct expect *out = walk->out;
    uint32_t seq = is_update ? ++walk->updates : ++walk->goes;

    out->asks = grow(out->asks, out->asks_count, sizeof(*out->asks));
    out->asks[out->asks_count++] =
        (struct expect_ask){.is_update = is_update, .seq = seq};
    return seq;
}

void
expect_add_child(const struct strand *strand, const char *id,
                 const char *outcome)
{
    struct expect *out = strand->in->walk->out;
    struct expect_child *child;

    if (strand->is_loose) {
        return;
    }
    out->children =
        grow(out->children, out->children_count, sizeof(*out->children));
    child = &out->children[out->children_count++];
    (void)snprintf(child->id, sizeof(child->id), "%s", id);
    (void)snprintf(child->outcome, sizeof(child->outcome), "%s", outcome);
}

void
expect_fini(struct expect *expect)
{
    free(expect->calls);
    free(expect->notes);
    free(expect->asks);
    free(expect->children);
    *expect = (struct expect){0};
}

// Failures. -------------------------------------------------------------------

// A level around what there is.
void
expect_wrap(struct trouble *trouble, const char *name, const char *source)
{
    if (trouble->count == EXPECT_LEVELS_MAX) {
        abort();
    }
    memmove(&trouble->levels[1], &trouble->levels[0],
            trouble->count * sizeof(trouble->levels[0]));
    trouble->count++;
    (void)snprintf(trouble->levels[0].name, sizeof(trouble->levels[0].name),
                   "%s", name);
    (void)snprintf(trouble->levels[0].source, sizeof(trouble->levels[0].source),
                   "%s", source);
}

// The code makes a failure of its own.
enum end
expect_throw(struct strand *strand, const char *name)
{
    strand->trouble.count = 0;
    expect_wrap(&strand->trouble, name, "");
    strand->is_own = true;
    return END_FAILED;
}

// A wait has failed.
static enum end
fail_by(struct strand *strand, const char *name, const char *source)
{
    strand->trouble.count = 0;
    expect_wrap(&strand->trouble, name, source);
    strand->is_own = false;
    return END_FAILED;
}

enum end
expect_pass_on(struct strand *strand, const struct trouble *trouble)
{
    strand->trouble = *trouble;
    strand->is_own = false;
    return END_FAILED;
}

void
expect_say_ok(uint64_t value, char out[EXPECT_TEXT_SIZE])
{
    (void)snprintf(out, EXPECT_TEXT_SIZE, "ok %" PRIx64, value);
}

void
expect_say_level(const char *name, const char *source,
                 char out[EXPECT_TEXT_SIZE])
{
    size_t len = strlen(out);

    (void)snprintf(out + len, EXPECT_TEXT_SIZE - len, "%s%s@%s",
                   len == 0 ? "failed " : "<", name, source);
}

static void
say_trouble(const struct trouble *trouble, char out[EXPECT_TEXT_SIZE])
{
    out[0] = '\0';
    for (uint32_t i = 0; i < trouble->count; i++) {
        expect_say_level(trouble->levels[i].name, trouble->levels[i].source,
                         out);
    }
}

void
expect_say_end(const struct strand *strand, enum end end,
               char out[EXPECT_TEXT_SIZE])
{
    if (end == END_OK) {
        expect_say_ok(program_sum(strand->registers), out);
    } else {
        say_trouble(&strand->trouble, out);
    }
}

// Calls. ----------------------------------------------------------------------

static const char *const call_failures[CALL_COUNT] = {
    [CALL_BAD] = "bad",
    [CALL_PICKY] = "picky",
    [CALL_WORN] = "worn",
    [CALL_LATE_BAD] = "late_bad",
    [CALL_SILENT] = "timeout.start_to_close",
    [CALL_DEAF] = "timeout.heartbeat",
    [CALL_SLOW] = "timeout.schedule_to_close",
};

static enum end
do_call(struct strand *strand, const struct program_statement *at)
{
    const char *failure = call_failures[at->how];
    uint64_t key = program_draw(strand->key, &strand->count);
    // An attempt may time out before its code was ever begun.
    bool must_run =
        at->how != CALL_SILENT && at->how != CALL_DEAF && at->how != CALL_SLOW;

    add_call(strand, key, must_run);
    if (failure != NULL) {
        return fail_by(strand, failure, "work");
    }
    program_take(at, program_work(at->x), strand->registers);
    return END_OK;
}

static enum end
do_calls(struct strand *strand, const struct program_statement *at)
{
    for (uint64_t i = 0; i < 3; i++) {
        add_call(strand, program_draw(strand->key, &strand->count), true);
    }
    for (uint64_t i = 0; i < 3; i++) {
        program_take(at, program_work(at->x + i), strand->registers);
    }
    return END_OK;
}

// One that nobody takes must never run: it is not among the calls at all.
static enum end
do_queue(struct strand *strand, const struct program_statement *at)
{
    uint64_t key = program_draw(strand->key, &strand->count);

    if (at->how == QUEUE_ALONE) {
        return fail_by(strand, "timeout.schedule_to_start", "work");
    }
    add_call(strand, key, true);
    if (at->how == QUEUE_BAD) {
        return fail_by(strand, "bad", "work");
    }
    program_take(at, program_work(at->x), strand->registers);
    return END_OK;
}

static enum end
do_step(struct strand *strand, const struct program_statement *at)
{
    add_call(strand, program_draw(strand->key, &strand->count), true);
    if (at->how == 3) {
        return expect_throw(strand, "step");
    }
    program_take(at, at->x + 7, strand->registers);
    return END_OK;
}

static enum end
do_value(struct strand *strand, const struct program_statement *at)
{
    if (at->how == 3) {
        return expect_throw(strand, "value");
    }
    program_take(at, at->x + 9, strand->registers);
    return END_OK;
}

// Of these only what was known already has a value.
static enum end
do_cancel(struct strand *strand, const struct program_statement *at)
{
    uint32_t what = at->how % 4;
    bool is_late = at->how / 4 == 2;

    if (what == 2) {
        add_call(strand, program_draw(strand->key, &strand->count), is_late);
    } else {
        (void)program_draw(strand->key, &strand->count);
    }
    program_take(at, is_late ? at->x : 1, strand->registers);
    return END_OK;
}

// Signals. --------------------------------------------------------------------

static enum end
do_go(struct strand *strand, const struct program_statement *at)
{
    uint32_t seq = add_ask(strand, false);

    program_take(at, program_go(strand->in->walk->program->source.seed, seq),
                 strand->registers);
    return END_OK;
}

static enum end
do_update(struct strand *strand, const struct program_statement *at)
{
    uint32_t seq = add_ask(strand, true);

    // It may be begun by this run, or by one before it, and not ended there.
    for (uint64_t run = 1; run <= strand->in->restarts + 1U; run++) {
        add_call(strand,
                 program_mix(program_run_key(strand->in->id, run), 1000 + seq),
                 false);
    }
    program_take(at,
                 program_update(strand->in->walk->program->source.seed, seq),
                 strand->registers);
    return END_OK;
}

static enum end
do_self(struct strand *strand, const struct program_statement *at)
{
    for (uint32_t i = 0; i < program_times(at); i++) {
        program_take(at, at->x + i, strand->registers);
    }
    return END_OK;
}

// A clerk answers with what it was asked, and leaves a note of its own.
static enum end
do_talk(struct strand *strand, const struct program_statement *at)
{
    uint64_t key = program_draw(strand->key, &strand->count);
    struct strand clerk = {.in = strand->in, .key = key};

    if ((at->how & 2) != 0) {
        add_call(strand, program_mix(key, 1), true);
    }
    add_note(&clerk, at->x);
    program_take(at, program_work(at->x), strand->registers);
    return END_OK;
}

static enum end
do_show(struct strand *strand, const struct program_statement *at)
{
    struct expect *out = strand->in->walk->out;
    uint64_t value = strand->registers[at->x % PROGRAM_REGISTERS];

    if (!strand->in->is_root) {
        return END_OK;
    }
    switch (at->how) {
    case 0:
        out->has_value = true;
        out->value = value;
        break;
    case 1:
        out->has_number = true;
        out->number = (int64_t)value;
        break;
    case 2:
        out->has_memo = true;
        out->memo = value;
        break;
    default:
        out->has_number = false;
        break;
    }
    return END_OK;
}

// Blocks. ---------------------------------------------------------------------

static enum end
do_try(struct strand *strand, const struct program_statement *at)
{
    enum end end = expect_block(strand, at->blocks[0]);

    if (end == END_FAILED) {
        program_take(at, program_hash(strand->trouble.levels[0].name),
                     strand->registers);
        return END_OK;
    }
    return end;
}

static enum end
do_throw(struct strand *strand, const struct program_statement *at)
{
    if (at->how != 2) {
        return expect_throw(strand, at->how == 0 ? "boom" : "bang");
    }
    add_call(strand, program_draw(strand->key, &strand->count), true);
    (void)fail_by(strand, "bad", "work");
    expect_wrap(&strand->trouble, "wrapped", "");
    strand->is_own = true;
    return END_FAILED;
}

// Even steps are undone by a call, odd ones by code.
static enum end
do_saga(struct strand *strand, const struct program_statement *at)
{
    uint64_t keys[4];
    uint32_t count = program_times(at);
    enum end end;

    for (uint32_t i = 0; i < count; i++) {
        keys[i] = program_draw(strand->key, &strand->count);
    }
    end = expect_block(strand, at->blocks[0]);
    if (end == END_OK && at->how == 1) {
        end = expect_throw(strand, "undone");
    }
    // If all went well, one that is cancelled just then may undo.
    for (uint32_t i = count; i-- > 0;) {
        if (i % 2 == 0) {
            add_call(strand, keys[i], end != END_OK);
        } else if (end != END_OK) {
            add_note(strand, keys[i]);
        }
    }
    return end;
}

static enum end
do_if(struct strand *strand, const struct program_statement *at)
{
    bool is_odd = strand->registers[at->x % PROGRAM_REGISTERS] % 2 != 0;

    return expect_block(strand, at->blocks[is_odd ? 0 : 1]);
}

static enum end
do_loop(struct strand *strand, const struct program_statement *at)
{
    enum end end = END_OK;

    for (uint32_t i = 0; i < program_times(at) && end == END_OK; i++) {
        end = expect_block(strand, at->blocks[0]);
    }
    return end;
}

static enum end
do_restart(struct strand *strand, const struct program_statement *at)
{
    bool has_inbox = at->how == 1 && strand->in->walk->program->attempts == 1;

    if (strand->in->restarts >= program_restarts(at)) {
        return END_OK;
    }
    if (at->how == 2) {
        add_call(strand, program_draw(strand->key, &strand->count), false);
    }
    strand->registers[0] = program_mix(strand->registers[0], 77);
    // The next run begins with what this one sent to it.
    for (uint32_t i = 0; has_inbox && i < 2; i++) {
        strand->registers[0] = program_mix(strand->registers[0], at->x + i);
    }
    return END_RESTART;
}

// tidy: long, one case per statement
static enum end
do_statement(struct strand *strand, const struct program_statement *at)
{
    switch ((enum program_op)at->op) {
    case OP_MIX:
        program_take(at, strand->registers[at->x / 4 % 4] ^ at->x,
                     strand->registers);
        return END_OK;
    case OP_IF:
        return do_if(strand, at);
    case OP_LOOP:
        return do_loop(strand, at);
    case OP_CALL:
        return do_call(strand, at);
    case OP_CALLS:
        return do_calls(strand, at);
    case OP_QUEUE:
        return do_queue(strand, at);
    case OP_STEP:
        return do_step(strand, at);
    case OP_VALUE:
        return do_value(strand, at);
    case OP_CANCEL:
        return do_cancel(strand, at);
    case OP_GO:
        return do_go(strand, at);
    case OP_UPDATE:
        return do_update(strand, at);
    case OP_SELF:
        return do_self(strand, at);
    case OP_CHILD:
        return expect_child_of(strand, at);
    case OP_BRANCHES:
        return expect_branches(strand, at);
    case OP_SCOPE:
        return expect_scope(strand, at);
    case OP_SHIELD:
        return expect_block(strand, at->blocks[0]);
    case OP_TRY:
        return do_try(strand, at);
    case OP_THROW:
        return do_throw(strand, at);
    case OP_SAGA:
        return do_saga(strand, at);
    case OP_NOTE:
        add_note(strand, at->x ^ program_sum(strand->registers));
        return END_OK;
    case OP_SHOW:
        return do_show(strand, at);
    case OP_TALK:
        return do_talk(strand, at);
    case OP_DOOM:
        return expect_doom(strand, at);
    case OP_FLAKY:
        return strand->in->attempt <= program_flaky(at)
                   ? expect_throw(strand, "flaky_run")
                   : END_OK;
    case OP_RESTART:
        return do_restart(strand, at);
    default:
        return END_OK;
    }
}

enum end
expect_block(struct strand *strand, uint8_t index)
{
    const struct program *program = strand->in->walk->program;
    const struct program_statement *at = program_at(program, index);
    enum end end = END_OK;

    for (; at != NULL && end == END_OK; at = program_at(program, at->next)) {
        end = do_statement(strand, at);
    }
    return end;
}

void
expect_make(const struct program *program, const char *root, struct expect *out)
{
    struct walk walk = {.out = out, .program = program, .root = root};
    struct instance in = {.walk = &walk, .id = root, .is_root = true};
    struct strand strand = {.in = &in};
    enum end end;

    *out = (struct expect){0};
    end = expect_instance(&in, &strand, program->first);
    expect_say_end(&strand, end, out->outcome);
}
