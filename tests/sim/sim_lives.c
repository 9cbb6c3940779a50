// SPDX-License-Identifier: Apache-2.0
//
// sim_lives.c - ids that are used again and again (lives.h), under all faults.
//
// Clients start, delete, replace, repair and ask them at random, without regard
// to each other. No life may get what another one asked for; each call must be
// answered, once the faults are over, and nothing be stuck.
//
// In the environment: SIM_SEED repeats a run; SIM_SEEDS says how many are
// tried, or SIM_SECONDS for how long, and SIM_FROM the first of them; SIM_TRACE
// is a file that the trace goes to.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "sim/lives.h"
#include "sim/repeat.h"
#include "sim/shown.h"
#include "sim/tokens.h"
#include "sim/world.h"
#include "support/test.h"

enum {
    IDS = 3,
    KINDS = 3,
    ROUNDS = 60,
    AT_ONCE = 6,
    CROWD = 8,
    CALLS_MAX = ROUNDS * AT_ONCE + 100,
    SEEDS = 60,
    FAULTS = 15, // of the whole world, about
    STORM_MS = 20000,
    CALM_MS = 600000
};

static const char *const kinds[KINDS] = {"life", "late", "asker"};
static const char *const ids[IDS] = {"a", "b", "c"};
static const weft_operator operator_by = {"sim", "to see what happens"};

struct asked {
    struct world_call *call;
    weft_verb verb;
    uint64_t value; // of an update
};

struct run {
    struct world *world;
    struct choice *choice;
    weft_definitions *definitions;
    struct tokens *tokens;
    struct asked asked[CALLS_MAX];
    size_t asked_count;
    uint64_t lives;
    uint64_t signals;
    bool is_repaired; // what is reset or copied receives a signal once more
};

// What clients ask. -----------------------------------------------------------

static uint64_t
draw(struct run *run, uint64_t limit)
{
    return choice_below(run->choice, limit);
}

static void
submit(struct run *run, const weft_request *request, uint64_t value)
{
    if (run->asked_count < CALLS_MAX) {
        run->asked[run->asked_count++] = (struct asked){
            .call = world_submit(run->world, request),
            .verb = request->verb,
            .value = value,
        };
    }
}

// Timeouts are those of one life alone, so that its end can be told from that
// of others.
static uint64_t
draw_timeout(struct run *run)
{
    static const uint64_t timeouts_ms[] = {0, 0, 100, 1000};
    uint64_t ms = timeouts_ms[draw(run, 4)];

    return ms == 0 ? 0 : ms + run->lives;
}

static void
draw_start(struct run *run, weft_start_options *start)
{
    static const uint64_t delays_ms[] = {0, 0, 0, 50, 500, WEFT_FOREVER};

    *start = (weft_start_options)WEFT_START_OPTIONS_INIT;
    start->conflict = (weft_conflict)draw(run, 3);
    start->reuse = (weft_reuse)(draw(run, 4) == 0 ? draw(run, 3) : 0);
    start->start_delay_ms = delays_ms[draw(run, 6)];
    start->run_timeout_ms = draw_timeout(run);
    start->execution_timeout_ms = draw_timeout(run) * 3;
    start->retry.maximum_attempts = (uint32_t)draw(run, 3);
}

static weft_verb
draw_verb(struct run *run)
{
    static const weft_verb usual[] = {
        WEFT_VERB_START,     WEFT_VERB_START,
        WEFT_VERB_SIGNAL,    WEFT_VERB_SIGNAL,
        WEFT_VERB_UPDATE,    WEFT_VERB_UPDATE,
        WEFT_VERB_CANCEL,    WEFT_VERB_SIGNAL_WITH_START,
        WEFT_VERB_TERMINATE, WEFT_VERB_UPDATE_WITH_START,
        WEFT_VERB_RESULT,    WEFT_VERB_DELETE,
        WEFT_VERB_DELETE,    WEFT_VERB_PAUSE,
        WEFT_VERB_RESUME,    WEFT_VERB_DESCRIBE,
        WEFT_VERB_PARK,      WEFT_VERB_QUERY,
        WEFT_VERB_WATCH,     WEFT_VERB_ACTIVITIES,
    };
    static const weft_verb repairs[] = {
        WEFT_VERB_RESET,           WEFT_VERB_FORK,
        WEFT_VERB_RETRY_FAILED,    WEFT_VERB_ACTIVITY_PAUSE,
        WEFT_VERB_ACTIVITY_RESUME, WEFT_VERB_ACTIVITY_RESET,
    };

    if (run->is_repaired && draw(run, 5) == 0) {
        return repairs[draw(run, sizeof(repairs) / sizeof(repairs[0]))];
    }
    return usual[draw(run, sizeof(usual) / sizeof(usual[0]))];
}

// A copy is made of what was taken out just before.
static bool
take_out(struct run *run, const char *kind, weft_request *request)
{
    const struct world_call *capsule =
        world_ask(run->world, WEFT_VERB_EXPORT, kind, ids[draw(run, IDS)], "",
                  weft_nothing());

    request->data = capsule->capsule;
    return capsule->err == WEFT_OK;
}

static void
ask_one(struct run *run)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_start_options start;
    weft_point point = {.type = WEFT_POINT_BEGINNING};
    const char *kind = kinds[draw(run, 5) % KINDS]; // actors more seldom
    uint64_t value = ++run->signals;
    uint64_t life = ++run->lives;
    char update_id[32];
    char why[32];

    request.verb = draw_verb(run);
    request.target = (weft_target){kind, ids[draw(run, IDS)]};
    request.name = "go";
    request.data = weft_bytes_of(&value, sizeof(value));
    request.input = weft_bytes_of(&life, sizeof(life));
    request.by = &operator_by;
    request.point = &point;
    request.call = 1;
    draw_start(run, &start);
    request.start = &start;
    switch (request.verb) {
    case WEFT_VERB_UPDATE:
    case WEFT_VERB_UPDATE_WITH_START:
        request.name = "add";
        value = draw(run, 4) == 0 ? value - 1 : value;
        (void)snprintf(update_id, sizeof(update_id), "%" PRIu64, value);
        request.update_id = draw(run, 2) == 0 ? NULL : update_id;
        break;
    case WEFT_VERB_TERMINATE: // so that each can be told from the others
        (void)snprintf(why, sizeof(why), "%" PRIu64, value);
        request.name = why;
        break;
    case WEFT_VERB_DELETE:
        request.terminate_first = (int)draw(run, 2);
        break;
    case WEFT_VERB_RESET:
        point.type = (weft_point_type)draw(run, WEFT_POINT_COUNT);
        point.entry = draw(run, 30);
        break;
    case WEFT_VERB_FORK:
        request.name = "";
        if (!take_out(run, kind, &request)) {
            return;
        }
        break;
    default:
        break;
    }
    submit(run, &request, value);
}

// Others push out of memory who has gone, and log so much that no record about
// him is read again.
static void
crowd_out(struct run *run)
{
    uint64_t number = LIVES_SIGNALS_MAX;

    for (int i = 0; i < CROWD; i++) {
        weft_request request = WEFT_REQUEST_INIT;
        char id[16];

        (void)snprintf(id, sizeof(id), "crowd%" PRIu64, draw(run, CROWD));
        request.verb = WEFT_VERB_SIGNAL;
        request.target = (weft_target){"book", id};
        request.name = "had";
        request.data = weft_bytes_of(&number, sizeof(number));
        (void)world_submit(run->world, &request);
    }
}

// Nobody waits for one any more.
static void
withdraw_one(struct run *run)
{
    const struct asked *asked = &run->asked[draw(run, run->asked_count)];

    if (!asked->call->is_answered) {
        world_withdraw(run->world, asked->call);
    }
}

// What comes of it. -----------------------------------------------------------

_Noreturn static void
fail(const char *what, uint64_t got, uint64_t wanted)
{
    (void)fprintf(stderr, "sim: %s: got %" PRIu64 ", wanted %" PRIu64 "\n",
                  what, got, wanted);
    abort();
}

static void
check_update(const struct run *run, const struct asked *asked)
{
    struct lives_answer answer;

    memcpy(&answer, asked->call->data, sizeof(answer));
    if (asked->call->data_len != sizeof(answer) || answer.life == 0 ||
        answer.life > run->lives) {
        fail("an update is answered by life", answer.life, run->lives);
    }
    if (answer.value != lives_update(answer.life, asked->value)) {
        fail("another update is answered, of life", answer.life, 0);
    }
}

static void
check_call(const struct run *run, const struct asked *asked)
{
    const struct world_call *call = asked->call;

    if (!call->is_answered) {
        fail("a call that is never answered, of verb", asked->verb, 0);
    }
    if (call->err == WEFT_EIO || call->err == WEFT_ECORRUPT) {
        fail(call->detail, (uint64_t)call->err, 0);
    }
    if (call->err == WEFT_OK && (asked->verb == WEFT_VERB_UPDATE ||
                                 asked->verb == WEFT_VERB_UPDATE_WITH_START)) {
        check_update(run, asked);
    }
}

// All was terminated, and nothing is kept for so long.
static void
check_gone(struct run *run)
{
    for (size_t i = run->asked_count - IDS * KINDS; i < run->asked_count; i++) {
        const struct asked *asked = &run->asked[i];

        if (asked->call->err != WEFT_ENOTFOUND) {
            fail("one that was terminated is there still, as",
                 (uint64_t)asked->call->err, (uint64_t)WEFT_ENOTFOUND);
        }
    }
}

static void
check_book(struct run *run)
{
    const struct world_call *call =
        world_ask(run->world, WEFT_VERB_QUERY, "book", "b", "", weft_nothing());

    for (size_t i = 0; i < call->data_len && i < sizeof(call->data); i++) {
        if ((uint8_t)call->data[i] > 1 && !run->is_repaired) {
            fail("a signal was received more than once", (uint8_t)call->data[i],
                 i);
        }
    }
}

static void
ask_all(struct run *run, weft_verb verb)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < IDS; i++) {
            weft_request request = WEFT_REQUEST_INIT;

            request.verb = verb;
            request.target = (weft_target){kinds[kind], ids[i]};
            request.by = &operator_by;
            submit(run, &request, 0);
        }
    }
}

// The whole. ------------------------------------------------------------------

static void
run_ms(struct run *run, uint64_t ms)
{
    enum { SLICE_MS = 50 };

    for (; ms > 0; ms -= ms < SLICE_MS ? ms : SLICE_MS) {
        world_run_ms(run->world, ms < SLICE_MS ? ms : SLICE_MS);
        // Later than the attempt may last, now and then.
        if (run->choice == NULL || draw(run, 20) == 0) {
            tokens_complete(run->tokens, run->world);
        }
    }
}

static void
work(struct run *run)
{
    for (int i = 0; i < ROUNDS && draw(run, 200) != 0; i++) {
        for (uint64_t left = draw(run, AT_ONCE); left > 0; left--) {
            ask_one(run);
        }
        if (draw(run, 8) == 0) {
            crowd_out(run);
        }
        if (run->asked_count > 0 && draw(run, 8) == 0) {
            withdraw_one(run);
        }
        run_ms(run, draw(run, 4) == 0 ? draw(run, 5000) : draw(run, 200));
    }
}

static void
end(struct run *run)
{
    world_calm(run->world);
    run->choice = NULL;
    ask_all(run, WEFT_VERB_RESUME);
    run_ms(run, 20000);
    // Twice: a start that was refused for a while may come behind the first.
    ask_all(run, WEFT_VERB_TERMINATE);
    run_ms(run, 60000);
    ask_all(run, WEFT_VERB_TERMINATE);
    run_ms(run, CALM_MS);
    ask_all(run, WEFT_VERB_DESCRIBE);
    run_ms(run, 1000);
    check_gone(run);
    for (size_t i = 0; i < run->asked_count; i++) {
        check_call(run, &run->asked[i]);
    }
    check_book(run);
    if (world_audit(run->world) != 0) {
        fail("stuck actors", world_audit(run->world), 0);
    }
}

static struct world *
make_world(struct choice *choice, const weft_definitions *definitions,
           FILE *trace)
{
    static const int64_t windows[] = {1 << 20, 4096, 0};
    uint32_t sites = 1 + (uint32_t)choice_below(choice, 4);

    return world_create(&(struct world_options){
        .choice = choice,
        .sites = sites,
        .nodes = 1 + (uint32_t)choice_below(choice, sites),
        .window_bytes = windows[choice_below(choice, 3)],
        .residents_max = choice_below(choice, 2) == 0 ? 1000 : 2,
        .stacks_max = choice_below(choice, 2) == 0 ? 100 : 2,
        .is_paranoid = choice_below(choice, 4) == 3,
        .definitions = definitions,
        .frame_loss = 60,
        .frame_double = 60,
        .crash_at_commit = 15,
        .commit_in_doubt = 8,
        .commit_stall = 8,
        .frame_late = 5,
        .storm_ms = STORM_MS / FAULTS,
        .audit_ms = 1000,
        .twin_every = 8,
        .trace = trace,
    });
}

static uint64_t
run_seed(uint64_t seed)
{
    const char *traced = getenv("SIM_TRACE");
    FILE *trace = traced == NULL ? NULL : fopen(traced, "we");
    struct choices choices;
    struct run *run = calloc(1, sizeof(*run));
    uint64_t hash;
    char how[40];

    CHECK(run != NULL);
    (void)snprintf(how, sizeof(how), "SIM_SEED=%" PRIu64, seed);
    choices_of_seed(&choices, seed);
    repeat_watch(how, &choices);
    run->tokens = tokens_create();
    CHECK_OK(weft_definitions_create(&run->definitions));
    CHECK_OK(lives_define(run->definitions, run->tokens));
    run->world = make_world(&choices.world, run->definitions, trace);
    run->choice = &choices.work;
    run->is_repaired = choice_below(run->choice, 2) == 1;
    work(run);
    end(run);
    hash = world_hash(run->world);
    world_destroy(run->world);
    weft_definitions_destroy(run->definitions);
    tokens_destroy(run->tokens);
    choices_fini(&choices);
    free(run);
    if (trace != NULL) {
        (void)fclose(trace);
    }
    return hash;
}

TEST(lives, nothing_of_one_is_taken_for_that_of_another)
{
    uint64_t from =
        shown_number("SIM_FROM", 1 + wf_random_os_seed() % 1000000000);
    uint64_t limit = shown_number("SIM_SECONDS", 0);
    uint64_t count = shown_number("SIM_SEEDS", limit > 0 ? 1000000000 : SEEDS);
    time_t ends_at = time(NULL) + (time_t)limit;
    uint64_t seeds = 0;

    if (shown_number("SIM_SEED", 0) != 0) {
        (void)printf("hash %016" PRIx64 "\n",
                     run_seed(shown_number("SIM_SEED", 0)));
        return;
    }
    (void)printf("seeds from %" PRIu64 "\n", from);
    (void)fflush(stdout);
    while (seeds < count && (limit == 0 || time(NULL) < ends_at)) {
        (void)run_seed(from + seeds++);
    }
    (void)printf("%" PRIu64 " seeds\n", seeds);
}

TEST(lives, the_same_seed_gives_the_same_run)
{
    uint64_t first = run_seed(11);

    CHECK_EQ(run_seed(11), first);
    CHECK(run_seed(12) != first);
}
