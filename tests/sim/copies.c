// SPDX-License-Identifier: Apache-2.0
//
// copies.c - programs that go on twice. See copies.h.

#include "sim/copies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "program/run.h"
#include "sim/crew.h"
#include "sim/ending.h"
#include "sim/tokens.h"
#include "weft/capsule.h"

enum { ALL_MAX = 200, ENTRIES = 30 };

struct copy {
    char root[PROGRAM_ID_SIZE];
    char source[PROGRAM_ID_SIZE]; // the root, or a fork of it
    char id[PROGRAM_ID_SIZE];
    const struct program *program;
    const struct expect *expect;
    bool is_elsewhere;
    weft_point point;
    struct world_call *capsule;
    struct world_call *made; // NULL: not asked for yet
    bool is_looked_at;       // what it was answered
    bool is_none;            // nothing came of it
    bool is_behind_end;      // the point, of one that has finished
};

struct copies {
    struct run_hooks hooks; // elsewhere
    struct world *elsewhere;
    struct crew *crew;
    struct tokens *tokens;
    struct record record;
    uint32_t faults;
    struct copy copies[ALL_MAX];
    size_t count;
    bool is_calm;
};

static void
called(void *ctx, const char *key, uint32_t attempt, const char *name)
{
    struct copies *copies = ctx;

    record_ran(&copies->record, key, attempt, name);
}

static void
deferred(void *ctx, const char *text, const char *failure, uint64_t value)
{
    struct copies *copies = ctx;

    tokens_add(copies->tokens, text, failure, value);
}

struct copies *
copies_create(void)
{
    struct copies *copies = wf_calloc(sizeof(*copies));

    copies->hooks = (struct run_hooks){
        .called = called, .deferred = deferred, .ctx = copies};
    copies->crew = crew_create(&copies->hooks);
    copies->tokens = tokens_create();
    return copies;
}

void
copies_destroy(struct copies *copies)
{
    crew_destroy(copies->crew);
    tokens_destroy(copies->tokens);
    record_fini(&copies->record);
    wf_free(copies);
}

weft_err
copies_define(struct copies *copies, weft_definitions *elsewhere)
{
    return run_define(elsewhere, &copies->hooks);
}

void
copies_open(struct copies *copies, struct world *elsewhere)
{
    copies->elsewhere = elsewhere;
}

// Making them. ----------------------------------------------------------------

static uint32_t
count_of(const struct copies *copies, const char *root, bool is_elsewhere)
{
    uint32_t count = 0;

    for (size_t i = 0; i < copies->count; i++) {
        count += strcmp(copies->copies[i].root, root) == 0 &&
                 copies->copies[i].is_elsewhere == is_elsewhere;
    }
    return count;
}

// The root, or the copy that was made last.
static const char *
source_of(const struct copies *copies, const char *root, bool is_last)
{
    for (size_t i = copies->count; is_last && i-- > 0;) {
        const struct copy *copy = &copies->copies[i];

        if (!copy->is_elsewhere && strcmp(copy->root, root) == 0 &&
            copy->made != NULL && copy->made->is_answered &&
            copy->made->err == WEFT_OK) {
            return copy->id;
        }
    }
    return root;
}

void
copies_begin(struct copies *copies, struct world *here, struct choice *choice,
             const char *root, const struct program *program,
             const struct expect *expect)
{
    struct copy *copy = &copies->copies[copies->count];
    uint32_t forks = count_of(copies, root, false);
    const char *source;

    *copy = (struct copy){.program = program, .expect = expect};
    copy->is_elsewhere =
        choice_below(choice, 3) == 1 && count_of(copies, root, true) == 0;
    source = source_of(copies, root, choice_below(choice, 3) == 1);
    copy->point.type = (weft_point_type)choice_below(choice, WEFT_POINT_COUNT);
    copy->point.entry = choice_below(choice, ENTRIES);
    if (copies->count == ALL_MAX - 1 ||
        (forks >= COPIES_MAX && !copy->is_elsewhere)) {
        return;
    }
    copies->count++;
    (void)snprintf(copy->root, sizeof(copy->root), "%s", root);
    (void)snprintf(copy->source, sizeof(copy->source), "%s",
                   copy->is_elsewhere ? root : source);
    program_copy_id(root, forks + 1, copy->id);
    if (copy->is_elsewhere) {
        (void)snprintf(copy->id, sizeof(copy->id), "%s", root);
    }
    copy->capsule = world_call(here, WEFT_VERB_EXPORT, "program", copy->source,
                               "", weft_nothing());
}

static void
make(struct copies *copies, struct world *here, struct copy *copy)
{
    static const weft_operator by = {"sim", "to see both"};
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = copy->is_elsewhere ? WEFT_VERB_IMPORT : WEFT_VERB_FORK;
    request.target = (weft_target){"program", copy->id};
    request.data = copy->capsule->capsule;
    request.point = &copy->point;
    request.by = &by;
    copy->made =
        world_submit(copy->is_elsewhere ? copies->elsewhere : here, &request);
}

static int
is_behind_end(void *ctx, const weft_inspect_actor *actor)
{
    struct copy *copy = ctx;

    copy->is_behind_end = actor->head.status != WEFT_STATUS_RUNNING &&
                          copy->point.type == WEFT_POINT_ENTRY &&
                          copy->point.entry == actor->journal_count;
    return 0;
}

// Not every point is there; the beginning is. Behind the end of one that has
// ended its code does not go on.
static void
look(struct copy *copy)
{
    weft_err err = copy->made->err;

    (void)weft_capsule_each(copy->capsule->capsule, is_behind_end, copy);
    if (!copy->is_elsewhere &&
        ((err == WEFT_EINVAL && copy->point.type != WEFT_POINT_BEGINNING) ||
         (err == WEFT_EDIVERGED && copy->is_behind_end))) {
        copy->is_none = true;
    } else if (err != WEFT_OK) {
        ending_fail(copy->root, copy->program,
                    "%s: copy %s, point %d %u: %s %s", copy->source, copy->id,
                    (int)copy->point.type, (unsigned)copy->point.entry,
                    weft_err_name(err), copy->made->detail);
    }
}

// It may be a copy of one that is paused.
static void
resume(struct copies *copies, const struct copy *copy)
{
    if (copy->is_elsewhere && !copy->is_none) {
        (void)world_call(copies->elsewhere, WEFT_VERB_RESUME, "program",
                         copy->id, "", weft_nothing());
    }
}

static void
tend_copy(struct copies *copies, struct world *here, struct copy *copy)
{
    if (copy->is_none) {
        return;
    }
    if (copy->made != NULL) {
        if (copy->made->is_answered && !copy->is_looked_at) {
            copy->is_looked_at = true;
            look(copy);
            if (copies->is_calm) {
                resume(copies, copy);
            }
        }
        return;
    }
    if (!copy->capsule->is_answered) {
        return;
    }
    if (copy->capsule->err == WEFT_OK) {
        make(copies, here, copy);
    } else if (copy->capsule->err == WEFT_ENOTFOUND) {
        copy->is_none = true; // not even its root is there
    } else {
        ending_fail(copy->root, copy->program, "%s: no capsule: %s %s",
                    copy->source, weft_err_name(copy->capsule->err),
                    copy->capsule->detail);
    }
}

void
copies_run_ms(struct copies *copies, struct world *here, uint64_t ms)
{
    world_run_ms(copies->elsewhere, ms);
    for (size_t i = 0; i < copies->count; i++) {
        tend_copy(copies, here, &copies->copies[i]);
    }
    crew_tend(copies->crew, copies->elsewhere);
    tokens_complete(copies->tokens, copies->elsewhere);
}

void
copies_calm(struct copies *copies)
{
    world_calm(copies->elsewhere);
    crew_calm(copies->crew);
    copies->is_calm = true; // those that are made from now on go on as well
    for (size_t i = 0; i < copies->count; i++) {
        resume(copies, &copies->copies[i]);
    }
}

// What came of them. ----------------------------------------------------------

bool
copies_have_strand(const struct copies *copies, const char *root, uint64_t key,
                   uint64_t count, uint64_t fold)
{
    for (size_t i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->copies[i];

        if (strcmp(copy->root, root) == 0 && !copy->is_elsewhere &&
            expect_strand_end(
                copy->expect,
                program_copy_strand(key, program_copy_mark(copy->id)), count,
                fold) == NULL) {
            return true;
        }
    }
    return false;
}

static void
check_log(const struct copy *copy, struct world *elsewhere)
{
    char id[PROGRAM_ID_SIZE];
    const struct world_call *call;
    struct run_tally tally;

    program_log_id(copy->root, id);
    call =
        world_ask(elsewhere, WEFT_VERB_QUERY, "log", id, "all", weft_nothing());
    for (size_t at = 0;
         call->err == WEFT_OK && at + sizeof(tally) <= call->data_len &&
         at + sizeof(tally) < sizeof(call->data);
         at += sizeof(tally)) {
        const char *wrong;

        memcpy(&tally, call->data + at, sizeof(tally));
        wrong =
            expect_strand_end(copy->expect, tally.key, tally.count, tally.fold);
        if (wrong != NULL) {
            ending_fail(copy->root, copy->program,
                        "%s elsewhere: strand %016" PRIx64 ", %" PRIu64
                        " notes: %s",
                        copy->id, tally.key, tally.count, wrong);
        }
    }
}

static void
check_copy(const struct copies *copies, const struct copy *copy,
           struct world *here)
{
    struct world *world = copy->is_elsewhere ? copies->elsewhere : here;
    char outcome[EXPECT_TEXT_SIZE];

    if (copy->made == NULL || !copy->made->is_answered) {
        ending_fail(copy->root, copy->program, "copy %s is not answered",
                    copy->id);
    }
    ending_say(world_ask(world, WEFT_VERB_RESULT, "program", copy->id, "",
                         weft_nothing()),
               outcome);
    if (!expect_fits(copy->expect->outcome, outcome)) {
        ending_fail(copy->root, copy->program,
                    "copy %s of %s %s ended: %s, and must end: %s", copy->id,
                    copy->source, copy->is_elsewhere ? "elsewhere" : "here",
                    outcome, copy->expect->outcome);
    }
    ending_check_shown(copy->id, copy->program, copy->expect, world);
    if (copy->is_elsewhere) {
        check_log(copy, world);
    }
}

static void
fault(void *ctx, const char *text)
{
    struct copies *copies = ctx;

    (void)fprintf(stderr, "sim: program: elsewhere: %s\n", text);
    copies->faults++;
}

void
copies_check(struct copies *copies, struct world *here, struct record *record)
{
    for (size_t i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->copies[i];

        if (copy->is_none) {
            continue;
        }
        check_copy(copies, copy, here);
        record_expect_copy(copy->is_elsewhere ? &copies->record : record,
                           copy->expect, program_copy_mark(copy->id));
    }
    record_check(&copies->record, fault, copies);
    if (copies->faults > 0) {
        abort();
    }
}
