// SPDX-License-Identifier: Apache-2.0
//
// play.c - programs in the simulator. See play.h.

#include "sim/play.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "program/expect.h"
#include "program/record.h"
#include "program/run.h"
#include "sim/crew.h"
#include "sim/ending.h"
#include "sim/tokens.h"
#include "weft/capsule.h"

enum {
    ROOTS_MAX = 64,
    SLICE_MS = 20,
    LONG_MS = 100000, // who waits so long may well look less often
    SETTLE_MS = 60000,
    ENDS_MS = 3600000, // until all must have ended that was begun
    LOOK_MS = 1000,    // whether they have
    AHEAD = 4,
    SIZE_MAX_DRAWN = 32
};

// What a program wants of the client.
struct ask {
    struct world_call *call; // under way; NULL: none
    uint32_t again;          // times that it was made before
    bool is_done;
};

struct root {
    char id[PROGRAM_ID_SIZE];
    struct program program;
    struct expect expect;
    struct world_call *start;
    struct ask *asks; // as the program expects them
    size_t asked;     // all before it are done
    struct world_call *hold;
    struct world_call *capsule; // that is asked for; NULL: none
    uint64_t stop_at_ms;
    bool is_stopped;
    bool is_reset;  // now and then to an earlier point
    bool is_copied; // now and then there is one more of it
    bool is_held;
    bool is_repaired; // the last thing that was done to it is a move or a reset
};

struct play {
    struct run_hooks hooks;
    const weft_definitions *definitions;
    struct record record;
    struct crew *crew;
    struct copies *copies; // or NULL
    struct root *roots[ROOTS_MAX];
    size_t roots_count;
    struct tokens *tokens; // to be completed
    const char *faulty;    // root
    uint32_t faults;
};

// What the programs do. -------------------------------------------------------

static void
called(void *ctx, const char *key, uint32_t attempt, const char *name)
{
    struct play *play = ctx;

    // What a reset repeats has another key.
    if (name[0] != 'r') {
        record_ran(&play->record, key, attempt, name);
    }
}

static void
deferred(void *ctx, const char *text, const char *failure, uint64_t value)
{
    struct play *play = ctx;
    tokens_add(play->tokens, text, failure, value);
}

struct play *
play_create(void)
{
    struct play *play = wf_calloc(sizeof(*play));

    play->hooks =
        (struct run_hooks){.called = called, .deferred = deferred, .ctx = play};
    play->crew = crew_create(&play->hooks);
    play->tokens = tokens_create();
    return play;
}

void
play_destroy(struct play *play)
{
    for (size_t i = 0; i < play->roots_count; i++) {
        expect_fini(&play->roots[i]->expect);
        wf_free(play->roots[i]->asks);
        wf_free(play->roots[i]);
    }
    tokens_destroy(play->tokens);
    record_fini(&play->record);
    crew_destroy(play->crew);
    wf_free(play);
}

weft_err
play_define(struct play *play, weft_definitions *definitions)
{
    play->definitions = definitions;
    return run_define(definitions, &play->hooks);
}

void
play_copy(struct play *play, struct copies *copies)
{
    play->copies = copies;
}

// The client. -----------------------------------------------------------------

// Zeros leave statements out.
static void
draw_program(struct root *root, struct choice *choice)
{
    struct program_source source = {
        .seed = choice_u64(choice),
        .size = (uint32_t)choice_below(choice, SIZE_MAX_DRAWN),
        .is_alone = root->is_stopped,
        .is_plain = root->is_reset,
        .has_queues = true,
        .is_copied = root->is_copied,
    };

    program_make(&source, &root->program);
    for (uint32_t i = 1; i <= root->program.count; i++) {
        if (choice_below(choice, 32) == 0) {
            program_drop(&source, i);
        }
    }
    program_make(&source, &root->program);
    expect_make(&root->program, root->id, &root->expect);
    root->asks = wf_calloc((root->expect.asks_count + 1) * sizeof(*root->asks));
}

static struct world_call *
submit(struct world *world, weft_verb verb, const char *id)
{
    return world_call(world, verb, "program", id, "", weft_nothing());
}

static struct world_call *
start(struct world *world, const struct root *root)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct run_input input;
    weft_pair pair;

    run_input_make(&root->program, root->id, &input);
    run_start_options(&root->program, &input, &options, &pair);
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"program", root->id};
    request.start = &options;
    request.input = weft_bytes_of(&input, sizeof(input));
    return world_submit(world, &request);
}

void
play_begin(struct play *play, struct world *world, struct choice *choice,
           bool is_stopped)
{
    struct root *root = wf_calloc(sizeof(*root));

    play->roots[play->roots_count] = root;
    root->is_stopped = is_stopped;
    if (!is_stopped) {
        uint64_t sort = choice_below(choice, 6);

        root->is_reset = sort == 5;
        root->is_copied = sort >= 3 && sort < 5 && play->copies != NULL;
    }
    (void)snprintf(root->id, sizeof(root->id), "%c%zu",
                   root->is_reset    ? 'r'
                   : root->is_copied ? 'f'
                                     : 'p',
                   play->roots_count);
    play->roots_count++;
    draw_program(root, choice);
    root->stop_at_ms = world_now_ms(world) + choice_below(choice, 400);
    root->start = start(world, root);
}

bool
play_was_refused(const struct play *play, size_t index)
{
    return play->roots[index]->start->was_refused;
}

const char *
play_root(const struct play *play, size_t index)
{
    return play->roots[index]->id;
}

static struct world_call *
submit_ask(struct world *world, const struct root *root, size_t i)
{
    const struct expect_ask *ask = &root->expect.asks[i];
    uint64_t seed = root->program.source.seed;
    struct run_payload payload = {.seq = ask->seq};
    weft_request request = WEFT_REQUEST_INIT;
    char update_id[40];

    payload.value = ask->is_update ? program_update(seed, ask->seq)
                                   : program_go(seed, ask->seq);
    request.target = (weft_target){"program", root->id};
    request.data = weft_bytes_of(&payload, sizeof(payload));
    request.verb = ask->is_update ? WEFT_VERB_UPDATE : WEFT_VERB_SIGNAL;
    request.name = ask->is_update ? "add" : "go";
    if (ask->is_update) {
        (void)snprintf(update_id, sizeof(update_id), "%" PRIu32 "-%" PRIu32,
                       ask->seq, root->asks[i].again);
        request.update_id = update_id;
    }
    return world_submit(world, &request);
}

// An update whose run began again was not done, and is asked for anew.
static void
take_answer(struct root *root, size_t i)
{
    const struct expect_ask *expected = &root->expect.asks[i];
    struct ask *ask = &root->asks[i];
    const struct world_call *call = ask->call;
    uint64_t value = program_update(root->program.source.seed, expected->seq);
    uint64_t answer = 0;

    ask->call = NULL;
    if (expected->is_update && call->err == WEFT_EFINISHED) {
        ask->again++;
        return;
    }
    if (call->err != WEFT_OK) {
        ending_fail(root->id, &root->program,
                    "%s: %s %" PRIu32 " is answered %s %s", root->id,
                    expected->is_update ? "update" : "go", expected->seq,
                    weft_err_name(call->err), call->failure);
    }
    if (expected->is_update) {
        memcpy(&answer, call->data, sizeof(answer));
        if (answer != program_work(value)) {
            ending_fail(root->id, &root->program,
                        "%s: update %" PRIu32 " has another answer", root->id,
                        expected->seq);
        }
    }
    ask->is_done = true;
}

// Signals one after the other, since a refused one is overtaken; updates beside
// each other.
static void
tend_asks(struct root *root, struct world *world)
{
    bool may_go = true;

    while (root->asked < root->expect.asks_count &&
           root->asks[root->asked].is_done) {
        root->asked++;
    }
    for (size_t i = root->asked;
         i < root->expect.asks_count && i < root->asked + AHEAD; i++) {
        struct ask *ask = &root->asks[i];
        bool is_update = root->expect.asks[i].is_update;

        if (ask->call != NULL && ask->call->is_answered) {
            take_answer(root, i);
        }
        if (!ask->is_done && ask->call == NULL && (is_update || may_go)) {
            ask->call = submit_ask(world, root, i);
        }
        may_go = may_go && (is_update || ask->is_done);
    }
}

static void
tend_root(struct root *root, struct world *world)
{
    if (!root->start->is_answered) {
        return;
    }
    if (root->stop_at_ms != 0 && root->is_stopped &&
        world_now_ms(world) >= root->stop_at_ms) {
        root->stop_at_ms = 0;
        (void)submit(world, WEFT_VERB_CANCEL, root->id);
    }
    tend_asks(root, world);
}

// Whenever it is taken out, its journal fits its code.
static void
check_capsule(const struct play *play, struct root *root)
{
    const struct world_call *call = root->capsule;

    if (call == NULL || !call->is_answered) {
        return;
    }
    root->capsule = NULL;
    if (call->err == WEFT_OK &&
        weft_replay_check(play->definitions, call->capsule) != WEFT_OK) {
        ending_fail(root->id, &root->program, "%s: its capsule: %s", root->id,
                    weft_err_detail());
    }
    if (call->err != WEFT_OK && call->err != WEFT_ENOTFOUND) {
        ending_fail(root->id, &root->program, "%s: no capsule: %s %s", root->id,
                    weft_err_name(call->err), call->detail);
    }
}

static void
tend(struct play *play, struct world *world)
{
    for (size_t i = 0; i < play->roots_count; i++) {
        tend_root(play->roots[i], world);
        check_capsule(play, play->roots[i]);
    }
    crew_tend(play->crew, world);
    tokens_complete(play->tokens, world);
}

static const weft_operator operator_by = {"sim", "to see what happens"};

// What must make no difference: it goes on with other code that is the same, or
// does something again.
static struct world_call *
repair(struct world *world, struct choice *choice, const struct root *root)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_point point = {.type = WEFT_POINT_BEGINNING};

    request.verb = WEFT_VERB_MOVE_VERSION;
    request.target = (weft_target){"program", root->id};
    request.by = &operator_by;
    request.version = 1 + (uint32_t)choice_below(choice, 2);
    if (root->is_reset && choice_below(choice, 4) != 0) {
        request.verb = WEFT_VERB_RESET;
        request.point = &point;
        point.type = (weft_point_type)choice_below(choice, WEFT_POINT_COUNT);
        point.entry = choice_below(choice, 30);
    }
    return world_submit(world, &request);
}

// The code is the same, and does the same each time.
static void
check_hold(const struct root *root)
{
    if (root->hold != NULL && root->is_repaired &&
        root->hold->err == WEFT_EDIVERGED) {
        ending_fail(root->id, &root->program, "%s does not fit: %s", root->id,
                    root->hold->detail);
    }
}

// By a client, or by an operator; or it goes on.
static struct world_call *
hold(struct world *world, struct choice *choice, const struct root *root)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = !root->is_held                 ? WEFT_VERB_RESUME
                   : choice_below(choice, 2) == 1 ? WEFT_VERB_PARK
                                                  : WEFT_VERB_PAUSE;
    request.target = (weft_target){"program", root->id};
    request.by = &operator_by;
    return world_submit(world, &request);
}

// What must make no difference: it is held up for a while, or repaired, or
// looked at.
static void
disturb(struct play *play, struct world *world, struct choice *choice)
{
    struct root *root;

    if (play->roots_count == 0 || choice_below(choice, 3) == 0) {
        return;
    }
    root = play->roots[choice_below(choice, play->roots_count)];
    if (root->is_copied && choice_below(choice, 3) != 0) {
        copies_begin(play->copies, world, choice, root->id, &root->program,
                     &root->expect);
        return;
    }
    if (root->capsule == NULL && choice_below(choice, 4) == 0) {
        root->capsule = submit(world, WEFT_VERB_EXPORT, root->id);
    }
    if (root->hold != NULL && !root->hold->is_answered) {
        return;
    }
    check_hold(root);
    root->is_repaired = !root->is_held && choice_below(choice, 2) == 1;
    if (root->is_repaired) {
        root->hold = repair(world, choice, root);
        return;
    }
    root->is_held = !root->is_held;
    root->hold = hold(world, choice, root);
}

void
play_run_ms(struct play *play, struct world *world, struct choice *choice,
            uint64_t ms)
{
    uint64_t slice_ms = ms >= LONG_MS ? 5 * SLICE_MS : SLICE_MS;

    tend(play, world);
    if (choice != NULL) {
        disturb(play, world, choice);
    }
    while (ms > 0) {
        uint64_t slice = ms < slice_ms ? ms : slice_ms;

        world_run_ms(world, slice);
        if (play->copies != NULL) {
            copies_run_ms(play->copies, world, slice);
        }
        tend(play, world);
        ms -= slice;
    }
}

// What came of them. ----------------------------------------------------------

// Without the ids of children: one that is reset to its beginning is another
// run, and gives them others.
static void
leave_ids_out(const char *text, char out[EXPECT_TEXT_SIZE])
{
    static const char kind[] = "@program/";
    size_t len = 0;

    while (*text != '\0' && len < EXPECT_TEXT_SIZE - 1) {
        if (strncmp(text, kind, sizeof(kind) - 1) == 0) {
            text += strcspn(text, "<");
        } else {
            out[len++] = *text++;
        }
    }
    out[len] = '\0';
}

static bool
fits(const struct root *root, const char *expected, const char *outcome)
{
    char texts[2][EXPECT_TEXT_SIZE];

    if (!root->is_reset) {
        return expect_fits(expected, outcome);
    }
    leave_ids_out(expected, texts[0]);
    leave_ids_out(outcome, texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

static void
check_end(const struct root *root, struct world *world, const char *id,
          const char *expected)
{
    char outcome[EXPECT_TEXT_SIZE];

    ending_say(
        world_ask(world, WEFT_VERB_RESULT, "program", id, "", weft_nothing()),
        outcome);
    if (root->is_stopped && strcmp(outcome, "cancelled") == 0) {
        return;
    }
    // Once it was asked to stop, a run that fails is not tried again.
    if (root->is_stopped && root->program.attempts > 1 &&
        strncmp(outcome, "failed ", 7) == 0) {
        return;
    }
    // What nobody awaits of one that was stopped may never have begun.
    if (root->is_stopped && strcmp(id, root->id) != 0) {
        return;
    }
    if (!fits(root, expected, outcome)) {
        ending_fail(root->id, &root->program, "%s ended: %s, and must end: %s",
                    id, outcome, expected);
    }
}

static void
check_log(const struct play *play, const struct root *root, struct world *world)
{
    char id[PROGRAM_ID_SIZE];
    const struct world_call *call;
    size_t expected = expect_strands(&root->expect);
    size_t strands = 0;
    size_t copied = 0;
    size_t count;

    program_log_id(root->id, id);
    call = world_ask(world, WEFT_VERB_QUERY, "log", id, "all", weft_nothing());
    if (call->err == WEFT_OK) {
        strands = call->data_len / sizeof(struct run_tally);
    }
    for (size_t i = 0;
         i < strands && (i + 1) * sizeof(struct run_tally) < sizeof(call->data);
         i++) {
        struct run_tally tally;
        const char *wrong;

        memcpy(&tally, call->data + i * sizeof(tally), sizeof(tally));
        if (root->is_copied &&
            copies_have_strand(play->copies, root->id, tally.key, tally.count,
                               tally.fold)) {
            copied++;
            continue;
        }
        wrong = expect_strand(&root->expect, tally.key, tally.count, tally.fold,
                              root->is_stopped);
        if (wrong != NULL) {
            ending_fail(root->id, &root->program,
                        "%s: strand %016" PRIx64 ", %" PRIu64 " notes: %s",
                        root->id, tally.key, tally.count, wrong);
        }
    }
    count = strands - copied;
    if (count > expected || (count < expected && !root->is_stopped)) {
        ending_fail(root->id, &root->program,
                    "%s: %zu strands have notes, and %zu must", root->id, count,
                    expected);
    }
}

static void
fault(void *ctx, const char *text)
{
    struct play *play = ctx;

    (void)fprintf(stderr, "sim: program: %s\n", text);
    play->faults++;
}

static void
check_calls(struct play *play)
{
    for (size_t i = 0; i < play->roots_count; i++) {
        if (!play->roots[i]->is_reset) {
            record_expect(&play->record, &play->roots[i]->expect,
                          play->roots[i]->is_stopped);
        }
    }
    record_check(&play->record, fault, play);
    if (play->faults > 0) {
        for (size_t i = 0; i < play->roots_count; i++) {
            ending_print(play->roots[i]->id, &play->roots[i]->program);
        }
        abort();
    }
}

void
play_calm(struct play *play, struct world *world)
{
    crew_calm(play->crew);
    if (play->copies != NULL) {
        copies_calm(play->copies);
    }
    for (size_t i = 0; i < play->roots_count; i++) {
        struct root *root = play->roots[i];

        if (root->is_held) {
            (void)submit(world, WEFT_VERB_RESUME, root->id);
        }
    }
}

// Some take long though nothing goes wrong any more: each attempt of a call may
// be of a worker that does not come back, each call of a run that is repeated,
// and that of a child that is. So workers go on until all have ended.
static void
await_ends(struct play *play, struct world *world)
{
    uint64_t until_ms = world_now_ms(world) + ENDS_MS;

    for (size_t i = 0; i < play->roots_count; i++) {
        const struct world_call *call =
            world_call(world, WEFT_VERB_RESULT, "program", play->roots[i]->id,
                       "", weft_nothing());

        while (!call->is_answered && world_now_ms(world) < until_ms) {
            play_run_ms(play, world, NULL, LOOK_MS);
        }
    }
}

void
play_check(struct play *play, struct world *world)
{
    play_run_ms(play, world, NULL, SETTLE_MS);
    await_ends(play, world);
    for (size_t i = 0; i < play->roots_count; i++) {
        const struct root *root = play->roots[i];

        if (!root->start->is_answered || root->start->err != WEFT_OK) {
            ending_fail(root->id, &root->program,
                        "%s: its start is not answered", root->id);
        }
        if (root->asked < root->expect.asks_count) {
            ending_fail(root->id, &root->program,
                        "%s: it was asked %zu times, and must be %zu", root->id,
                        root->asked, root->expect.asks_count);
        }
        check_end(root, world, root->id, root->expect.outcome);
        for (size_t k = 0; k < root->expect.children_count && !root->is_reset;
             k++) {
            check_end(root, world, root->expect.children[k].id,
                      root->expect.children[k].outcome);
        }
        if (!root->is_reset) {
            check_log(play, root, world);
        }
        if (!root->is_stopped) {
            ending_check_shown(root->id, &root->program, &root->expect, world);
        }
    }
    if (play->copies != NULL) {
        copies_check(play->copies, world, &play->record);
    }
    check_calls(play);
}
