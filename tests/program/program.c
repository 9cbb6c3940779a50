// SPDX-License-Identifier: Apache-2.0
//
// program.c - draw a program from a number.

#include "program/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHILD_DEPTH_MAX 2
#define DEPTH_MAX 6

// Numbers. --------------------------------------------------------------------

uint64_t
program_mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15U + b + 0x7f4a7c159e3779b9U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

uint64_t
program_hash(const char *text)
{
    uint64_t hash = 1;

    for (; *text != '\0'; text++) {
        hash = program_mix(hash, (uint8_t)*text);
    }
    return hash;
}

uint64_t
program_sum(const uint64_t registers[PROGRAM_REGISTERS])
{
    uint64_t sum = 0;

    for (int i = 0; i < PROGRAM_REGISTERS; i++) {
        sum = program_mix(sum, registers[i]);
    }
    return sum;
}

void
program_take(const struct program_statement *statement, uint64_t value,
             uint64_t registers[PROGRAM_REGISTERS])
{
    uint64_t *to = &registers[statement->x % PROGRAM_REGISTERS];

    *to = program_mix(*to, value);
}

uint64_t
program_work(uint64_t x)
{
    return x * 3 + 1;
}

uint64_t
program_go(uint64_t seed, uint32_t seq)
{
    return program_mix(seed, 5000 + seq);
}

uint64_t
program_update(uint64_t seed, uint32_t seq)
{
    return program_mix(seed, 9000 + seq);
}

uint32_t
program_times(const struct program_statement *statement)
{
    return 1 + (uint32_t)(statement->x >> 8) % 3;
}

uint32_t
program_flaky(const struct program_statement *statement)
{
    return (uint32_t)(statement->x >> 8) % 3;
}

uint32_t
program_bad_attempts(uint64_t x)
{
    return 1 + (uint32_t)(x % 2);
}

uint32_t
program_restarts(const struct program_statement *statement)
{
    return 1 + (uint32_t)(statement->x >> 8) % 2;
}

// Names. ----------------------------------------------------------------------

uint64_t
program_run_key(const char *id, uint64_t run)
{
    return program_mix(program_hash(id), run);
}

uint64_t
program_draw(uint64_t key, uint32_t *count)
{
    return program_mix(key, ++*count);
}

void
program_call_name(const char *root, uint64_t key, char name[PROGRAM_ID_SIZE])
{
    (void)snprintf(name, PROGRAM_ID_SIZE, "%.40s:%016" PRIx64, root, key);
}

void
program_child_id(const char *root, uint64_t key, char id[PROGRAM_ID_SIZE])
{
    (void)snprintf(id, PROGRAM_ID_SIZE, "%.40s%c%016" PRIx64, root,
                   key % 2 == 0 ? '/' : '-', key);
}

void
program_name(const char *what, uint64_t key, char name[PROGRAM_ID_SIZE])
{
    (void)snprintf(name, PROGRAM_ID_SIZE, "%.40s-%016" PRIx64, what, key);
}

void
program_log_id(const char *root, char id[PROGRAM_ID_SIZE])
{
    (void)snprintf(id, PROGRAM_ID_SIZE, "%.40s%s", root,
                   program_hash(root) % 2 == 0 ? "/log" : "-log");
}

void
program_copy_id(const char *root, uint32_t n, char id[PROGRAM_ID_SIZE])
{
    (void)snprintf(id, PROGRAM_ID_SIZE, "%.40s~%" PRIu32, root, n);
}

const char *
program_copy_mark(const char *id)
{
    const char *mark = strchr(id, '~');

    return mark == NULL ? "" : mark;
}

void
program_copy_name(const char *name, const char *mark, char out[PROGRAM_ID_SIZE])
{
    int root = (int)strcspn(name, ":");

    (void)snprintf(out, PROGRAM_ID_SIZE, "%.*s%.8s%.20s", root, name, mark,
                   name + root);
}

uint64_t
program_copy_strand(uint64_t strand, const char *mark)
{
    return mark[0] == '\0' ? strand : strand ^ program_hash(mark);
}

// Statements. -----------------------------------------------------------------

const struct program_statement *
program_at(const struct program *program, uint8_t index)
{
    const uint8_t *dropped = program->source.dropped;

    while (index != 0 && (dropped[index / 8] >> (index % 8) & 1) != 0) {
        index = program->statements[index].next;
    }
    return index == 0 ? NULL : &program->statements[index];
}

uint32_t
program_index(const struct program *program,
              const struct program_statement *statement)
{
    return (uint32_t)(statement - program->statements);
}

void
program_drop(struct program_source *source, uint32_t index)
{
    source->dropped[index / 8] |= (uint8_t)(1U << (index % 8));
}

static const uint8_t ways[] = {
#define X(name, count, text) count,
    PROGRAM_OP_TABLE(X)
#undef X
};

const char *
program_op_name(enum program_op op)
{
    static const char *const names[] = {
#define X(name, count, text) text,
        PROGRAM_OP_TABLE(X)
#undef X
    };

    return names[op];
}

// Drawing. --------------------------------------------------------------------

// Where a statement is.
struct place {
    bool is_top;       // not in another statement of its instance
    bool is_main;      // of an instance, not in a branch of it
    bool is_root;      // of the program's instance
    bool is_loose;     // may be stopped anywhere
    bool may_fail;     // a failure is caught
    uint32_t children; // parents above it
    uint32_t depth;    // statements above it
};

struct drawing {
    struct program *program;
    uint64_t random;
    uint32_t left; // statements to be drawn
};

static uint32_t
draw(struct drawing *drawing, uint32_t below)
{
    drawing->random = program_mix(drawing->random, 1);
    return (uint32_t)(drawing->random >> 33) % below;
}

static uint8_t draw_block(struct drawing *drawing, const struct place *place,
                          uint32_t count);

// How likely each is: on the main strand at the top, elsewhere, when loose.
struct weight {
    uint8_t op;
    uint8_t top;
    uint8_t inner;
    uint8_t loose;
};

static const struct weight weights[] = {
    {OP_MIX, 1, 1, 1},    {OP_IF, 1, 1, 1},     {OP_LOOP, 1, 1, 0},
    {OP_CALL, 5, 5, 5},   {OP_CALLS, 2, 2, 2},  {OP_STEP, 2, 2, 2},
    {OP_VALUE, 1, 1, 1},  {OP_SLEEP, 2, 2, 4},  {OP_TIMERS, 1, 1, 1},
    {OP_CANCEL, 4, 4, 3}, {OP_GO, 4, 0, 0},     {OP_UPDATE, 4, 0, 0},
    {OP_SELF, 2, 0, 0},   {OP_CHILD, 6, 4, 2},  {OP_BRANCHES, 6, 2, 2},
    {OP_SCOPE, 5, 4, 2},  {OP_SHIELD, 1, 1, 0}, {OP_TRY, 5, 4, 1},
    {OP_THROW, 0, 0, 0},  {OP_SAGA, 2, 2, 0},   {OP_NOTE, 4, 6, 0},
    {OP_SHOW, 2, 0, 0},   {OP_TALK, 3, 2, 0},   {OP_LOOK, 1, 1, 1},
    {OP_DOOM, 1, 0, 0},   {OP_FLAKY, 2, 0, 0},  {OP_RESTART, 3, 0, 0},
    {OP_QUEUE, 5, 5, 4},
};
#define WEIGHTS_COUNT (sizeof(weights) / sizeof(weights[0]))

static uint32_t
weight_of(const struct drawing *drawing, const struct weight *weight,
          const struct place *place)
{
    bool is_top = place->is_top && place->is_main;
    bool is_alone = drawing->program->source.is_copied != 0 ||
                    drawing->program->source.is_alone != 0;
    bool is_copied = drawing->program->source.is_copied != 0;
    bool is_plain = is_copied || drawing->program->source.is_plain != 0;
    bool has_attempts = drawing->program->attempts > 1;

    switch (weight->op) {
    case OP_SELF:
    case OP_TALK:
    case OP_DOOM:
    case OP_RESTART:
        if (is_plain) {
            return 0;
        }
        break;
    case OP_GO:
        return is_top && place->is_root && !is_alone ? weight->top : 0;
    case OP_UPDATE:
        // A run that fails forgets updates that it had not looked at.
        return is_top && place->is_root && !is_alone && !has_attempts &&
                       !is_plain
                   ? weight->top
                   : 0;
    case OP_FLAKY:
        return is_top && has_attempts ? weight->top : 0;
    case OP_QUEUE:
        if (drawing->program->source.has_queues == 0) {
            return 0;
        }
        break;
    case OP_CHILD:
        if (place->children >= CHILD_DEPTH_MAX || is_copied) {
            return 0;
        }
        break;
    case OP_THROW:
        return place->may_fail ? 3 : 0;
    default:
        break;
    }
    if (place->is_loose) {
        return weight->loose;
    }
    return is_top ? weight->top : weight->inner;
}

static enum program_op
draw_op(struct drawing *drawing, const struct place *place)
{
    bool is_deep = place->depth >= DEPTH_MAX;
    uint32_t sum = 0;
    uint32_t at;

    if (is_deep) {
        return place->is_loose ? OP_STEP : OP_NOTE;
    }
    for (size_t i = 0; i < WEIGHTS_COUNT; i++) {
        sum += weight_of(drawing, &weights[i], place);
    }
    at = draw(drawing, sum);
    for (size_t i = 0; i < WEIGHTS_COUNT; i++) {
        uint32_t weight = weight_of(drawing, &weights[i], place);

        if (at < weight) {
            return (enum program_op)weights[i].op;
        }
        at -= weight;
    }
    return OP_MIX;
}

static uint8_t
draw_how(struct drawing *drawing, enum program_op op, const struct place *place)
{
    uint32_t how = draw(drawing, ways[op]);

    // What is not caught fails seldom: little would come after it.
    if (op == OP_CALL && how >= CALL_BAD && !place->may_fail &&
        draw(drawing, 12) != 0) {
        how = draw(drawing, CALL_BAD);
    }
    if (op == OP_QUEUE && how >= QUEUE_BAD && !place->may_fail &&
        draw(drawing, 12) != 0) {
        how = draw(drawing, QUEUE_BAD);
    }
    if ((op == OP_STEP || op == OP_VALUE) && how == 3 && !place->may_fail &&
        draw(drawing, 8) != 0) {
        how = 0;
    }
    if (op == OP_SAGA && !place->may_fail && draw(drawing, 8) != 0) {
        how = 0;
    }
    // What is abandoned goes on, and is no longer loose; it tells its parent.
    if (op == OP_CHILD && drawing->program->source.is_plain != 0 &&
        (how == CHILD_ABANDON || how == CHILD_TWICE || how == CHILD_EARLY)) {
        how = CHILD_AWAIT;
    }
    if (op == OP_CHILD && place->is_loose) {
        how = draw(drawing, 2) == 0 ? CHILD_AWAIT : CHILD_ANYWHEN;
    }
    return (uint8_t)how;
}

static struct place
inside(const struct place *place)
{
    struct place in = *place;

    in.is_top = false;
    in.depth++;
    return in;
}

static void
draw_child_blocks(struct drawing *drawing, struct program_statement *statement,
                  const struct place *place)
{
    struct place in = inside(place);
    struct place child = {.is_top = true,
                          .is_main = true,
                          .depth = place->depth + 1,
                          .children = place->children + 1,
                          .is_loose = place->is_loose ||
                                      statement->how == CHILD_ANYWHEN ||
                                      statement->how == CHILD_OVERDUE};

    child.may_fail = statement->how == CHILD_READY ||
                     statement->how == CHILD_READY_TRY || place->may_fail ||
                     child.is_loose;
    statement->blocks[0] = draw_block(drawing, &child, 3);
    if (statement->how == CHILD_BESIDE) {
        statement->blocks[1] = draw_block(drawing, &in, 2);
    } else if (statement->how == CHILD_READY ||
               statement->how == CHILD_READY_TRY) {
        child.is_top = false;
        child.may_fail = false;
        statement->blocks[1] = draw_block(drawing, &child, 2);
    }
}

static void
draw_branch_blocks(struct drawing *drawing, struct program_statement *statement,
                   const struct place *place)
{
    struct place in = inside(place);
    int count = 2 + (int)draw(drawing, PROGRAM_BLOCKS - 1);

    in.is_main = false;
    for (int i = 0; i < count; i++) {
        in.is_loose = place->is_loose || statement->how == BRANCHES_EVEN ||
                      (statement->how == BRANCHES_RACE && i > 0);
        in.may_fail = in.is_loose || place->may_fail ||
                      (statement->how == BRANCHES_SUCCESS && i == 0);
        statement->blocks[i] = draw_block(drawing, &in, 2);
    }
}

static void
draw_blocks(struct drawing *drawing, struct program_statement *statement,
            const struct place *place)
{
    struct place in = inside(place);

    switch (statement->op) {
    case OP_IF:
        statement->blocks[0] = draw_block(drawing, &in, 2);
        statement->blocks[1] = draw_block(drawing, &in, 2);
        break;
    case OP_LOOP:
    case OP_SHIELD:
        statement->blocks[0] = draw_block(drawing, &in, 2);
        break;
    case OP_TRY:
        in.may_fail = true;
        statement->blocks[0] = draw_block(drawing, &in, 3);
        break;
    case OP_SAGA:
        statement->blocks[0] = draw_block(drawing, &in, 2);
        break;
    case OP_SCOPE:
        in.is_loose = place->is_loose || statement->how != SCOPE_IN_TIME;
        in.may_fail = place->may_fail || in.is_loose;
        statement->blocks[0] = draw_block(drawing, &in, 2);
        if (!place->is_loose && statement->how != SCOPE_IN_TIME) {
            in.is_loose = false;
            in.may_fail = place->may_fail;
            statement->blocks[1] = draw_block(drawing, &in, 2);
        }
        break;
    case OP_CHILD:
        draw_child_blocks(drawing, statement, place);
        break;
    case OP_DOOM:
        in = (struct place){.is_top = true,
                            .is_main = true,
                            .is_loose = true,
                            .may_fail = true,
                            .children = CHILD_DEPTH_MAX,
                            .depth = place->depth + 1};
        statement->blocks[0] = draw_block(drawing, &in, 2);
        break;
    case OP_BRANCHES:
        draw_branch_blocks(drawing, statement, place);
        break;
    default:
        break;
    }
}

// Returns its first; 0 if there is no room.
static uint8_t
draw_block(struct drawing *drawing, const struct place *place, uint32_t count)
{
    struct program *program = drawing->program;
    uint8_t first = 0;
    uint8_t last = 0;

    count = 1 + draw(drawing, count);
    while (count-- > 0 && drawing->left > 0 &&
           program->count + 1 < PROGRAM_STATEMENTS_MAX) {
        uint8_t at = (uint8_t)++program->count;
        struct program_statement *statement = &program->statements[at];

        drawing->left--;
        statement->op = (uint8_t)draw_op(drawing, place);
        statement->how =
            draw_how(drawing, (enum program_op)statement->op, place);
        statement->x = program_mix(drawing->random, 7);
        first = first == 0 ? at : first;
        program->statements[last].next = last == 0 ? 0 : at;
        last = at;
        draw_blocks(drawing, statement, place);
    }
    return first;
}

void
program_make(const struct program_source *source, struct program *out)
{
    struct drawing drawing = {.program = out,
                              .random = program_mix(source->seed, source->size),
                              .left = source->size};
    struct place place = {.is_top = true, .is_main = true, .is_root = true};

    *out = (struct program){.source = *source};
    out->attempts = 1;
    if (draw(&drawing, 3) == 0 && source->is_copied == 0) {
        out->attempts += 1 + draw(&drawing, 3);
    }
    if (source->size > 0) {
        out->first = draw_block(&drawing, &place, source->size);
    }
}
