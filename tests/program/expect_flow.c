// SPDX-License-Identifier: Apache-2.0
//
// expect_flow.c - what must come of instances, children, scopes and branches.

#include <stdio.h>
#include <string.h>

#include "program/expect_impl.h"

// Instances. ------------------------------------------------------------------

// However often it begins again. What is to be cancelled in the end does not
// mind failures.
static enum end
run_instance(struct instance *in, struct strand *strand, uint8_t block,
             enum program_mode mode)
{
    uint32_t attempts = mode == MODE_PLAIN ? in->walk->program->attempts : 1;
    uint64_t begun[PROGRAM_REGISTERS];
    uint64_t run = 0;
    enum end end;

    in->attempt = 1;
    in->mode = mode;
    memcpy(begun, strand->registers, sizeof(begun));
    for (;;) {
        strand->key = program_run_key(in->id, ++run);
        strand->count = 0;
        memcpy(strand->registers, begun, sizeof(begun));
        end = expect_block(strand, block);
        if (end == END_RESTART) {
            in->attempt = 1;
            in->restarts++;
            memcpy(begun, strand->registers, sizeof(begun));
        } else if (end == END_FAILED && in->attempt < attempts) {
            in->attempt++;
        } else {
            return end;
        }
    }
}

// How it ends, as its parent sees it, or who asks for its result.
enum end
expect_instance(struct instance *in, struct strand *strand, uint8_t block)
{
    enum end end = run_instance(in, strand, block, MODE_PLAIN);

    if (end == END_FAILED && !strand->is_own) {
        struct trouble inner = strand->trouble;

        expect_wrap(&strand->trouble, inner.levels[0].name, "");
    }
    return end;
}

// Children. -------------------------------------------------------------------

static enum end
await_child(struct strand *strand, const struct program_statement *at,
            const char *id, struct strand *child, enum end end)
{
    if (end == END_OK) {
        program_take(at, program_sum(child->registers), strand->registers);
        return END_OK;
    }
    (void)snprintf(child->trouble.levels[0].source,
                   sizeof(child->trouble.levels[0].source), "program/%s", id);
    return expect_pass_on(strand, &child->trouble);
}

enum end
expect_child_of(struct strand *strand, const struct program_statement *at)
{
    char id[PROGRAM_ID_SIZE];
    char outcome[EXPECT_TEXT_SIZE];
    struct instance in = {.walk = strand->in->walk, .id = id};
    struct strand child = {.in = &in, .is_loose = strand->is_loose};
    enum end end;

    program_child_id(strand->in->walk->root,
                     program_draw(strand->key, &strand->count), id);
    memcpy(child.registers, strand->registers, sizeof(child.registers));
    switch (at->how) {
    case CHILD_ANYWHEN:
    case CHILD_OVERDUE:
        child.is_loose = true;
        (void)run_instance(&in, &child, at->blocks[0], MODE_LOOSE);
        program_take(at, 1, strand->registers);
        return END_OK;
    case CHILD_READY:
    case CHILD_READY_TRY:
        (void)run_instance(&in, &child, at->blocks[0], MODE_READY);
        (void)expect_block(&child, at->blocks[1]);
        program_take(at, 1, strand->registers);
        expect_add_child(strand, id, "cancelled");
        return END_OK;
    case CHILD_ABANDON:
        end = expect_instance(&in, &child, at->blocks[0]);
        expect_say_end(&child, end, outcome);
        expect_add_child(strand, id, outcome);
        return END_OK;
    case CHILD_BESIDE: {
        struct strand own;

        end = expect_instance(&in, &child, at->blocks[0]);
        // A failure of its own code has to wait for the child.
        own = *strand;
        if (expect_block(&own, at->blocks[1]) != END_OK) {
            *strand = own;
            return END_FAILED;
        }
        *strand = own;
        return await_child(strand, at, id, &child, end);
    }
    case CHILD_EARLY:
        for (uint32_t i = 0; i < 2 && in.walk->program->attempts == 1; i++) {
            child.registers[0] = program_mix(child.registers[0], at->x + i);
        }
        end = expect_instance(&in, &child, at->blocks[0]);
        return await_child(strand, at, id, &child, end);
    default:
        end = expect_instance(&in, &child, at->blocks[0]);
        return await_child(strand, at, id, &child, end);
    }
}

// A child that this run leaves behind.
enum end
expect_doom(struct strand *strand, const struct program_statement *at)
{
    char id[PROGRAM_ID_SIZE];
    struct instance in = {.walk = strand->in->walk, .id = id};
    struct strand child = {.in = &in, .is_loose = true};

    program_child_id(strand->in->walk->root,
                     program_draw(strand->key, &strand->count), id);
    memcpy(child.registers, strand->registers, sizeof(child.registers));
    (void)run_instance(&in, &child, at->blocks[0], MODE_LOOSE);
    // What is cancelled itself asks it to stop, before it ends.
    expect_add_child(strand, id,
                     at->how == 0                     ? "cancelled"
                     : strand->in->mode == MODE_PLAIN ? "terminated"
                                                      : "stopped");
    return END_OK;
}

// Blocks of a strand. ---------------------------------------------------------

// As another strand beside this one, and back.
static void
do_loose(struct strand *strand, uint8_t block)
{
    struct strand loose = *strand;

    loose.key = program_draw(strand->key, &strand->count);
    loose.count = 0;
    loose.is_loose = true;
    (void)expect_block(&loose, block);
}

enum end
expect_scope(struct strand *strand, const struct program_statement *at)
{
    if (at->how == SCOPE_IN_TIME) {
        return expect_block(strand, at->blocks[0]);
    }
    do_loose(strand, at->blocks[0]);
    return strand->is_loose ? END_OK : expect_block(strand, at->blocks[1]);
}

static enum end
do_branch(const struct strand *strand, const struct program_statement *at,
          int i, struct strand *branch)
{
    enum end end;

    branch->count = 0;
    branch->is_loose = strand->is_loose || at->how == BRANCHES_EVEN ||
                       (at->how == BRANCHES_RACE && i > 0);
    end = expect_block(branch, at->blocks[i]);
    if (at->how == BRANCHES_SUCCESS && i == 0 && end == END_OK) {
        end = expect_throw(branch, "lost");
    }
    return end;
}

enum end
expect_branches(struct strand *strand, const struct program_statement *at)
{
    struct strand branches[PROGRAM_BLOCKS];
    enum end ends[PROGRAM_BLOCKS];
    uint32_t first = at->how == BRANCHES_SUCCESS ? 1 : 0;
    uint32_t last = at->how == BRANCHES_RACE ? 0 : PROGRAM_BLOCKS - 1;

    for (int i = 0; i < PROGRAM_BLOCKS; i++) {
        branches[i] = *strand;
        branches[i].key = program_draw(strand->key, &strand->count);
    }
    for (int i = 0; i < PROGRAM_BLOCKS; i++) {
        ends[i] = do_branch(strand, at, i, &branches[i]);
    }
    if (at->how == BRANCHES_EVEN) {
        program_take(at, 2, strand->registers);
        return END_OK;
    }
    for (uint32_t i = first; i <= last; i++) {
        if (ends[i] != END_OK) {
            return expect_pass_on(strand, &branches[i].trouble);
        }
        program_take(at, program_sum(branches[i].registers), strand->registers);
    }
    return END_OK;
}
