// SPDX-License-Identifier: Apache-2.0
//
// sim_lives.c - a few ids that live again and again, under faults: started in
// every way, restarted, reset, retried, held up, ended and deleted, each at any
// moment. What comes late - tokens, answers, results of children, updates - is
// never taken by another life than the one that it is of, and whoever waits is
// answered in the end.
//
// SIM_FROM and SIM_SEEDS say which seeds; SIM_SEEDS=1 repeats one.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "sim/world.h"
#include "support/test.h"
#include "weft/weft.h"

enum { IDS = 3, STEPS = 160, CALLS_MAX = 1200, TOKENS_MAX = 200, KEPT = 40 };

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SEEDS 4
#else
#define SEEDS 40
#endif

// Of which life an attempt is.
struct token {
    char text[WEFT_TOKEN_CHARS_MAX];
    char life[12];
};

struct lives {
    struct world *world;
    struct wf_random random;
    uint64_t seed;
    uint32_t last_life;
    struct world_call *calls[CALLS_MAX];
    size_t calls_count;
    struct token tokens[TOKENS_MAX];
    size_t tokens_count;
    const struct world_call *capsule; // the newest; or NULL
};

static struct lives *lives;

static uint32_t
draw(uint32_t below)
{
    return (uint32_t)wf_random_below(&lives->random, below);
}

// Code. -----------------------------------------------------------------------

static bool
is_same(weft_bytes left, weft_bytes right)
{
    return left.len == right.len &&
           memcmp(left.data, right.data, left.len) == 0;
}

static void
must_be_own(const char *what, const char *id, weft_bytes got, weft_bytes life)
{
    if (!is_same(got, life)) {
        (void)fprintf(
            stderr, "seed %" PRIu64 ": %s of %s: %.*s, and it is %.*s\n",
            lives->seed, what, id, (int)got.len, (const char *)got.data,
            (int)life.len, (const char *)life.data);
        abort();
    }
}

static weft_err
hand_on(weft_activity *activity, weft_bytes input)
{
    struct token *token = &lives->tokens[lives->tokens_count % TOKENS_MAX];

    lives->tokens_count++;
    (void)snprintf(token->life, sizeof(token->life), "%.*s", (int)input.len,
                   (const char *)input.data);
    return weft_activity_defer(activity, token->text, sizeof(token->text));
}

static weft_err
tell_life(weft_workflow *wf, weft_bytes input, void *ctx)
{
    const weft_bytes *life = ctx;

    (void)input;
    return weft_workflow_return(wf, *life);
}

static weft_err
kid_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes *life = weft_workflow_alloc(wf, sizeof(*life));
    weft_err err;

    *life = input;
    err = weft_workflow_on_update(wf, "life", NULL, tell_life, life);
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

static weft_err
await_own(weft_workflow *wf, const char *what, weft_future future,
          weft_bytes life)
{
    weft_bytes result;
    weft_err err = weft_workflow_await(wf, future, &result);

    if (err == WEFT_OK) {
        must_be_own(what, weft_workflow_id(wf), result, life);
    }
    return err == WEFT_EUNWIND || err == WEFT_ECANCELLED ? err : WEFT_OK;
}

static weft_err
begin_kid(weft_workflow *wf, weft_bytes life, weft_future *out_kid)
{
    const char *digits = life.data;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    int how = digits[life.len - 1] - '0';
    char id[40];

    (void)snprintf(id, sizeof(id), how % 2 == 0 ? "%s/kid" : "kid-%s",
                   weft_workflow_id(wf));
    options.start = &start;
    options.parent_close = how % 3 == 0   ? WEFT_PARENT_CLOSE_ABANDON
                           : how % 3 == 1 ? WEFT_PARENT_CLOSE_CANCEL
                                          : WEFT_PARENT_CLOSE_TERMINATE;
    if (how > 6) {
        start.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    }
    return weft_workflow_child_async(wf, (weft_target){"kid", id}, life,
                                     &options, out_kid);
}

static weft_err
life_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"look", "end", "again", "fail"};
    weft_bytes *life = weft_workflow_alloc(wf, sizeof(*life));
    weft_future attempt;
    weft_future kid;
    size_t which = 0;
    weft_err err;

    *life = input;
    err = weft_workflow_on_update(wf, "life", NULL, tell_life, life);
    err = err != WEFT_OK ? err : weft_workflow_publish(wf, "life", input);
    err = err != WEFT_OK
              ? err
              : weft_workflow_call_async(wf, "hand_on", input, NULL, &attempt);
    err = err != WEFT_OK ? err : begin_kid(wf, input, &kid);
    while (err == WEFT_OK && which == 0) {
        err =
            weft_workflow_receive_any(wf, names, 4, WEFT_FOREVER, &which, NULL);
        if (err == WEFT_OK && weft_workflow_is_known(wf, attempt)) {
            err = await_own(wf, "result", attempt, input);
        }
        if (err == WEFT_OK && weft_workflow_is_known(wf, kid)) {
            err = await_own(wf, "child", kid, input);
        }
    }
    if (err != WEFT_OK) {
        return err;
    }
    return which == 1   ? weft_workflow_return(wf, input)
           : which == 2 ? weft_workflow_restart(wf, input)
                        : weft_workflow_fail(wf, "Broken", "", weft_nothing());
}

// Of asker: its life, and what it has asked.
struct asker {
    char life[12];
};

static weft_err
asker_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct asker *asker = state;
    uint32_t call;

    if (message->type == WEFT_MESSAGE_START) {
        (void)snprintf(asker->life, sizeof(asker->life), "%.*s",
                       (int)message->data.len,
                       (const char *)message->data.data);
    } else if (message->type == WEFT_MESSAGE_SIGNAL) {
        return weft_actor_ask(actor, (weft_target){"keeper", "k"}, "what",
                              weft_text(asker->life), &call);
    } else if (message->type == WEFT_MESSAGE_REPLY) {
        must_be_own("answer", weft_actor_id(actor), message->data,
                    weft_text(asker->life));
    }
    return WEFT_OK;
}

// Answers what it was asked later, the newest first.
struct keeper {
    uint32_t count;
    struct {
        uint32_t question;
        char life[12];
    } kept[KEPT];
};

static weft_err
keeper_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct keeper *keeper = state;
    weft_err err = WEFT_OK;

    if (strcmp(message->name, "what") == 0 && keeper->count < KEPT) {
        (void)snprintf(
            keeper->kept[keeper->count].life, sizeof(keeper->kept[0].life),
            "%.*s", (int)message->data.len, (const char *)message->data.data);
        err = weft_actor_reply_later(actor,
                                     &keeper->kept[keeper->count].question);
        keeper->count += err == WEFT_OK;
        return WEFT_OK;
    }
    for (int i = 0; i < 2 && keeper->count > 0 && err == WEFT_OK; i++) {
        keeper->count--;
        err = weft_actor_reply_to(actor, keeper->kept[keeper->count].question,
                                  weft_text(keeper->kept[keeper->count].life));
    }
    return err;
}

static void
add_actor(weft_definitions *definitions, const char *name, size_t state_bytes,
          weft_actor_fn *receive, weft_creation creation)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = name;
    def.state_bytes = (uint32_t)state_bytes;
    def.receive = receive;
    def.creation = creation;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
}

static void
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

static weft_definitions *
define(void)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    add_workflow(definitions, "life", life_run);
    add_workflow(definitions, "kid", kid_run);
    add_actor(definitions, "asker", sizeof(struct asker), asker_receive,
              WEFT_CREATION_ON_START);
    add_actor(definitions, "keeper", sizeof(struct keeper), keeper_receive,
              WEFT_CREATION_ALWAYS);
    def.name = "hand_on";
    def.run = hand_on;
    def.timeouts.start_to_close_ms = 600000;
    CHECK_OK(weft_definitions_add_activity(definitions, &def));
    return definitions;
}

// The client. -----------------------------------------------------------------

static const weft_operator operator_by = {"sim", "to see what happens"};

static struct world_call *
submit(const weft_request *request)
{
    struct world_call *call = world_submit(lives->world, request);

    CHECK(lives->calls_count < CALLS_MAX);
    lives->calls[lives->calls_count++] = call;
    return call;
}

static struct world_call *
ask(weft_verb verb, weft_target target, const char *name, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_point point = {.type = WEFT_POINT_BEGINNING};

    request.verb = verb;
    request.target = target;
    request.name = name;
    request.data = weft_text(data);
    request.by = &operator_by;
    request.point = &point;
    request.call = 1;
    request.terminate_first = verb == WEFT_VERB_DELETE;
    if (verb == WEFT_VERB_UPDATE) {
        static const char *const update_ids[] = {NULL, "a", "b"};

        request.update_id = update_ids[draw(3)];
        request.update_accepted = draw(4) == 0;
    }
    return submit(&request);
}

// In one of the ways in which a life may begin.
static void
start(weft_verb verb, weft_target target)
{
    static const weft_conflict conflicts[] = {WEFT_CONFLICT_FAIL,
                                              WEFT_CONFLICT_USE_EXISTING,
                                              WEFT_CONFLICT_TERMINATE_EXISTING};
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    char life[12];

    (void)snprintf(life, sizeof(life), "%" PRIu32, ++lives->last_life);
    options.conflict = conflicts[draw(3)];
    options.start_delay_ms = draw(4) == 0 ? draw(3000) : 0;
    options.run_timeout_ms = draw(6) == 0 ? 1 + draw(5000) : 0;
    options.execution_timeout_ms = draw(6) == 0 ? 1 + draw(9000) : 0;
    if (draw(2) == 0) {
        options.retry.maximum_attempts = 1 + draw(4);
        options.retry.initial_interval_ms = 1 + draw(2000);
    }
    request.verb = verb;
    request.target = target;
    request.start = &options;
    request.input = weft_text(life);
    request.name = verb == WEFT_VERB_UPDATE_WITH_START   ? "life"
                   : verb == WEFT_VERB_SIGNAL_WITH_START ? "look"
                                                         : "";
    (void)submit(&request);
}

static void
complete_one(void)
{
    size_t count =
        lives->tokens_count < TOKENS_MAX ? lives->tokens_count : TOKENS_MAX;
    weft_request request = WEFT_REQUEST_INIT;
    const struct token *token;

    if (count == 0) {
        return;
    }
    token = &lives->tokens[draw((uint32_t)count)];
    request.verb = draw(5) == 0 ? WEFT_VERB_HEARTBEAT : WEFT_VERB_COMPLETE;
    request.token = token->text;
    request.data = weft_text(token->life);
    (void)submit(&request);
}

// What was exported begins anew under its own id or another one.
static void
copy_one(weft_target life)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_point point = {.type = (weft_point_type)draw(WEFT_POINT_COUNT)};

    if (lives->capsule == NULL || draw(3) == 0) {
        lives->capsule = ask(WEFT_VERB_EXPORT, life, "", "");
        return;
    }
    if (lives->capsule->is_answered && lives->capsule->err == WEFT_OK) {
        request.verb = WEFT_VERB_FORK;
        request.target = life;
        request.data = lives->capsule->capsule;
        request.point = &point;
        request.by = &operator_by;
        (void)submit(&request);
    }
}

static void
withdraw_one(void)
{
    struct world_call **call;

    if (lives->calls_count > 0) {
        call = &lives->calls[draw((uint32_t)lives->calls_count)];
        if (!(*call)->is_answered && *call != lives->capsule) {
            world_withdraw(lives->world, *call);
            *call = lives->calls[--lives->calls_count];
        }
    }
}

static void
act_on_life(weft_target life)
{
    static const char *const signals[] = {"look", "end", "again", "fail"};
    static const weft_verb begins[] = {WEFT_VERB_START, WEFT_VERB_START,
                                       WEFT_VERB_SIGNAL_WITH_START,
                                       WEFT_VERB_UPDATE_WITH_START};
    static const weft_verb others[] = {WEFT_VERB_DELETE,
                                       WEFT_VERB_DELETE,
                                       WEFT_VERB_TERMINATE,
                                       WEFT_VERB_CANCEL,
                                       WEFT_VERB_PAUSE,
                                       WEFT_VERB_RESUME,
                                       WEFT_VERB_RESUME,
                                       WEFT_VERB_RESET,
                                       WEFT_VERB_RETRY_FAILED,
                                       WEFT_VERB_ACTIVITY_PAUSE,
                                       WEFT_VERB_ACTIVITY_RESUME,
                                       WEFT_VERB_ACTIVITY_RESET,
                                       WEFT_VERB_ACTIVITIES,
                                       WEFT_VERB_PARK,
                                       WEFT_VERB_DESCRIBE,
                                       WEFT_VERB_RESULT,
                                       WEFT_VERB_WATCH};

    switch (draw(8)) {
    case 0:
    case 1:
        start(begins[draw(4)], life);
        break;
    case 2:
    case 3:
        (void)ask(WEFT_VERB_SIGNAL, life, signals[draw(4)], "");
        break;
    case 4:
        (void)ask(WEFT_VERB_UPDATE, life, "life", "");
        break;
    case 5:
        (void)ask(WEFT_VERB_QUERY, life, "life", "");
        break;
    default:
        (void)ask(others[draw(sizeof(others) / sizeof(others[0]))], life, "",
                  "");
        break;
    }
}

static void
act_on_kid(weft_target kid)
{
    static const weft_verb verbs[] = {WEFT_VERB_UPDATE, WEFT_VERB_UPDATE,
                                      WEFT_VERB_PAUSE, WEFT_VERB_RESUME};

    if (draw(2) == 0) {
        (void)ask(WEFT_VERB_SIGNAL, kid, "go", "");
    } else {
        (void)ask(verbs[draw(4)], kid, "life", "");
    }
}

static void
act_on_asker(weft_target asker)
{
    switch (draw(5)) {
    case 0:
        start(WEFT_VERB_START, asker);
        break;
    case 1:
        (void)ask(WEFT_VERB_DELETE, asker, "", "");
        break;
    case 2:
        (void)ask(WEFT_VERB_SIGNAL, (weft_target){"keeper", "k"}, "flush", "");
        break;
    default:
        (void)ask(WEFT_VERB_SIGNAL, asker, "go", "");
        break;
    }
}

static void
act(void)
{
    uint32_t number = draw(IDS);
    char id[24];
    char kid[40];

    (void)snprintf(id, sizeof(id), "w%" PRIu32, number);
    (void)snprintf(kid, sizeof(kid), draw(2) == 0 ? "%s/kid" : "kid-%s", id);
    switch (draw(10)) {
    case 0:
    case 1:
        act_on_asker((weft_target){"asker", id});
        break;
    case 2:
        complete_one();
        break;
    case 3:
        act_on_kid((weft_target){"kid", kid});
        break;
    case 4:
        withdraw_one();
        break;
    case 5:
        // So much of others that what is gone is forgotten.
        for (uint32_t i = 0; i < 4; i++) {
            (void)snprintf(id, sizeof(id), "crowd%" PRIu32, draw(20));
            (void)ask(WEFT_VERB_SIGNAL, (weft_target){"keeper", id}, "flush",
                      "");
        }
        break;
    case 6:
        copy_one((weft_target){"life", id});
        break;
    default:
        act_on_life((weft_target){"life", id});
        break;
    }
}

// The end: what is still there is deleted, so that all who wait are told.
static void
end_all(void)
{
    static const char *const kinds[] = {"life", "kid", "asker"};
    char id[40];

    world_calm(lives->world);
    world_run_ms(lives->world, 60000);
    for (uint32_t i = 0; i < IDS * 4; i++) {
        (void)snprintf(id, sizeof(id),
                       i % 4 == 2   ? "w%" PRIu32 "/kid"
                       : i % 4 == 1 ? "kid-w%" PRIu32
                                    : "w%" PRIu32,
                       i / 4);
        (void)ask(WEFT_VERB_DELETE,
                  (weft_target){kinds[i % 4 == 0   ? 0
                                      : i % 4 == 3 ? 2
                                                   : 1],
                                id},
                  "", "");
    }
    world_run_ms(lives->world, 60000);
    for (size_t i = 0; i < lives->calls_count; i++) {
        if (!lives->calls[i]->is_answered) {
            (void)fprintf(stderr,
                          "seed %" PRIu64 ": call %zu is not answered\n",
                          lives->seed, i);
            abort();
        }
    }
    CHECK_EQ(world_audit(lives->world), 0);
}

static void
run(uint64_t seed, const weft_definitions *definitions)
{
    static const int64_t windows[] = {1 << 20, 4096, 0};
    uint32_t sites;

    lives = wf_calloc(sizeof(*lives));
    lives->seed = seed;
    wf_random_init(&lives->random, seed);
    sites = 1 + draw(4);
    lives->world = world_create(&(struct world_options){
        .seed = seed,
        .sites = sites,
        .nodes = 1 + draw(sites),
        .window_bytes = windows[draw(3)],
        .residents_max = draw(2) == 0 ? 3 : 0,
        .stacks_max = draw(2) == 0 ? 1 : 0,
        .is_paranoid = draw(4) == 0,
        .definitions = definitions,
        .frame_loss = 30,
        .frame_double = 30,
        .crash_at_commit = draw(2) == 0 ? 20 : 0,
        .commit_in_doubt = draw(2) == 0 ? 10 : 0,
        .audit_ms = 500,
        .again_ms = draw(2) == 0 ? 300 : 0,
        .storm_ms = draw(2) == 0 ? 500 + draw(3000) : 0,
        .twin_every = 20,
    });
    for (uint32_t i = 0; i < STEPS; i++) {
        act();
        if (draw(3) != 0) {
            world_run_ms(lives->world, draw(4) == 0 ? draw(2000) : draw(20));
        }
    }
    end_all();
    world_destroy(lives->world);
    wf_free(lives);
    lives = NULL;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(lives, nothing_of_one_is_taken_by_another)
{
    uint64_t from = number("SIM_FROM", 1 + wf_random_os_seed() % 1000000000);
    uint64_t count = number("SIM_SEEDS", SEEDS);
    weft_definitions *definitions = define();

    for (uint64_t i = 0; i < count; i++) {
        if (getenv("SIM_SAY") != NULL) {
            (void)fprintf(stderr, "seed %" PRIu64 "\n", from + i);
        }
        run(from + i, definitions);
    }
    weft_definitions_destroy(definitions);
}
