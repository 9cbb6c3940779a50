// SPDX-License-Identifier: Apache-2.0
//
// lives.c - instances that look at whose answers they get. See lives.h.

#include "sim/lives.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/tokens.h"
#include "weft/weft.h"

enum { STEPS = 6, ROUNDS_MAX = 3, ASKED_MAX = 4, KEPT_MAX = 8, KEEP_MS = 2000 };

static uint64_t
mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9U;
    return x ^ (x >> 32);
}

uint64_t
lives_answer(uint64_t question)
{
    return mix(question ^ 0xa5a5a5a5U);
}

uint64_t
lives_update(uint64_t life, uint64_t value)
{
    return mix(life * 1000003U ^ value);
}

static uint64_t
number_of(weft_bytes bytes)
{
    uint64_t number = 0;

    if (bytes.len == sizeof(number)) {
        memcpy(&number, bytes.data, sizeof(number));
    }
    return number;
}

static weft_bytes
bytes_of(const uint64_t *number)
{
    return weft_bytes_of(number, sizeof(*number));
}

static void
check_answer(const char *who, const char *id, uint64_t question, weft_bytes got)
{
    if (number_of(got) == lives_answer(question)) {
        return;
    }
    (void)fprintf(stderr,
                  "sim: %s %s asked %" PRIu64 ", and got the answer to another "
                  "question\n",
                  who, id, question);
    abort();
}

// Workflows. ------------------------------------------------------------------

struct life {
    uint64_t number;
    uint64_t round; // of restarts
};

// One step of it.
struct at {
    weft_workflow *wf;
    uint64_t question; // that nobody else asks
    uint64_t drawn;    // the same for each life that asks it
};

static weft_err
outcome_of(weft_err err)
{
    return err == WEFT_EFAILED ? WEFT_OK : err; // it may well fail
}

static weft_err
call(const struct at *at, const char *activity)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_bytes result;
    weft_err err;

    options.timeouts.start_to_close_ms = 3000;
    options.retry.maximum_attempts = 2;
    err = weft_workflow_call(at->wf, activity, bytes_of(&at->question),
                             &options, &result);
    if (err == WEFT_OK) {
        check_answer(activity, weft_workflow_id(at->wf), at->question, result);
    }
    return outcome_of(err);
}

// Those of all lives have the same id.
static weft_err
have_child(const struct at *at)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_target child = {"leaf", weft_workflow_id(at->wf)};
    weft_future future;
    weft_bytes result;
    weft_err err;

    options.parent_close = (weft_parent_close)(at->drawn / 8 % 3);
    err = weft_workflow_child_async(at->wf, child, bytes_of(&at->question),
                                    &options, &future);
    if (err != WEFT_OK || at->drawn / 32 % 3 == 0) {
        return err; // nobody waits for it
    }
    err = weft_workflow_await(at->wf, future, &result);
    if (err == WEFT_OK) {
        check_answer("child", child.id, at->question, result);
    }
    return outcome_of(err);
}

static weft_err
receive(const struct at *at)
{
    uint64_t ms = at->drawn / 8 % 400;
    weft_bytes signal;
    weft_err err = weft_workflow_receive(at->wf, "go",
                                         ms < 300 ? ms : WEFT_FOREVER, &signal);

    if (err == WEFT_OK) {
        return weft_workflow_signal(at->wf, (weft_target){"book", "b"}, "had",
                                    signal);
    }
    return err == WEFT_ETIMEDOUT ? WEFT_OK : err;
}

static weft_err
take_step(const struct at *at)
{
    switch (at->drawn % 8) {
    case 0:
    case 1:
        return call(at, "answer");
    case 2:
        return call(at, "answer_later");
    case 3:
    case 4:
        return have_child(at);
    case 5:
        return weft_workflow_sleep(at->wf, at->drawn / 8 % 200);
    default:
        return receive(at);
    }
}

static weft_err
handle_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    const struct life *life = ctx;
    uint64_t value = number_of(input);
    struct lives_answer answer = {
        .life = life->number,
        .value = lives_update(life->number, value),
    };
    weft_err err = weft_workflow_sleep(wf, value % 100);

    if (err != WEFT_OK) {
        return err;
    }
    return weft_workflow_return(wf, weft_bytes_of(&answer, sizeof(answer)));
}

static weft_err
end_life(weft_workflow *wf, struct life *life, uint64_t drawn)
{
    if (drawn % 4 == 0 && life->round < ROUNDS_MAX) {
        life->round++;
        return weft_workflow_restart(wf, weft_bytes_of(life, sizeof(*life)));
    }
    if (drawn % 4 == 1) {
        char why[32];

        (void)snprintf(why, sizeof(why), "life %" PRIu64, life->number);
        return weft_workflow_fail(wf, "worn", why, weft_nothing());
    }
    if (drawn % 4 == 2) {
        weft_err err = weft_workflow_await_updates(wf);

        if (err != WEFT_OK) {
            return err;
        }
    }
    return weft_workflow_return(wf, bytes_of(&life->number));
}

static weft_err
live(weft_workflow *wf, weft_bytes input)
{
    struct life *life = weft_workflow_alloc(wf, sizeof(*life));
    weft_err err;

    memset(life, 0, sizeof(*life));
    memcpy(life, input.data,
           input.len < sizeof(*life) ? input.len : sizeof(*life));
    err = weft_workflow_on_update(wf, "add", NULL, handle_update, life);
    for (uint64_t step = 0; step < STEPS && err == WEFT_OK; step++) {
        struct at at = {.wf = wf};

        at.question = (life->number * 16 + life->round) * 16 + step;
        at.drawn = mix(at.question);
        err = take_step(&at);
    }
    if (err != WEFT_OK) {
        return err;
    }
    return end_life(wf, life, mix(life->number * 16 + life->round));
}

static weft_err
live_as_leaf(weft_workflow *wf, weft_bytes input)
{
    uint64_t question = number_of(input);
    uint64_t answer = lives_answer(question);
    weft_err err = weft_workflow_sleep(wf, mix(question) % 300);

    return err == WEFT_OK ? weft_workflow_return(wf, bytes_of(&answer)) : err;
}

// Activities. -----------------------------------------------------------------

static weft_err
answer(weft_activity *activity, weft_bytes input)
{
    uint64_t number = lives_answer(number_of(input));

    return weft_activity_return(activity, bytes_of(&number));
}

static weft_err
answer_later(weft_activity *activity, weft_bytes input)
{
    char token[WEFT_TOKEN_CHARS_MAX];
    weft_err err = weft_activity_defer(activity, token, sizeof(token));

    if (err == WEFT_EDEFERRED) {
        tokens_add(weft_activity_context(activity), token, NULL,
                   lives_answer(number_of(input)));
    }
    return err;
}

// Actors. ---------------------------------------------------------------------

struct asker {
    uint64_t life;
    uint64_t asked;
    uint32_t calls[ASKED_MAX]; // by question
};

static weft_err
ask(weft_actor *actor, struct asker *asker)
{
    uint64_t question = asker->life * ASKED_MAX + asker->asked;
    uint32_t *call = &asker->calls[asker->asked++ % ASKED_MAX];
    weft_err err = weft_actor_ask(actor, (weft_target){"oracle", "o"}, "ask",
                                  bytes_of(&question), call);

    return err == WEFT_OK
               ? weft_actor_timer_set(actor, "next", mix(question) % 200)
               : err;
}

static weft_err
be_asker(weft_actor *actor, const weft_message *message, void *state)
{
    struct asker *asker = state;

    if (message->type == WEFT_MESSAGE_START) {
        asker->life = number_of(message->data);
        return ask(actor, asker);
    }
    if (message->type == WEFT_MESSAGE_TIMER && asker->asked < ASKED_MAX) {
        return ask(actor, asker);
    }
    for (uint64_t i = 0; message->type == WEFT_MESSAGE_REPLY &&
                         message->failure.name[0] == '\0' && i < asker->asked;
         i++) {
        if (asker->calls[i] == message->call) {
            check_answer("asker", weft_actor_id(actor),
                         asker->life * ASKED_MAX + i, message->data);
        }
    }
    return WEFT_OK;
}

struct oracle {
    uint32_t count;
    uint32_t questions[KEPT_MAX];
    uint64_t answers[KEPT_MAX];
};

static weft_err
answer_last(weft_actor *actor, struct oracle *oracle)
{
    weft_err err;

    if (oracle->count == 0) {
        return WEFT_OK;
    }
    oracle->count--;
    err = weft_actor_reply_to(actor, oracle->questions[oracle->count],
                              bytes_of(&oracle->answers[oracle->count]));
    // Who asked may be gone.
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

// The last one first, and all of them some time after it was last asked.
static weft_err
be_oracle(weft_actor *actor, const weft_message *message, void *state)
{
    struct oracle *oracle = state;
    weft_err err = WEFT_OK;

    if (message->type == WEFT_MESSAGE_SIGNAL) {
        if (oracle->count == KEPT_MAX) {
            err = answer_last(actor, oracle);
        }
        if (err == WEFT_OK) {
            err = weft_actor_reply_later(actor,
                                         &oracle->questions[oracle->count]);
        }
        if (err != WEFT_OK) {
            return err == WEFT_ENOTFOUND ? WEFT_OK : err;
        }
        oracle->answers[oracle->count++] =
            lives_answer(number_of(message->data));
        return weft_actor_timer_set(actor, "answer", KEEP_MS);
    }
    while (message->type == WEFT_MESSAGE_TIMER && oracle->count > 0 &&
           err == WEFT_OK) {
        err = answer_last(actor, oracle);
    }
    return err;
}

static weft_err
be_book(weft_actor *actor, const weft_message *message, void *state)
{
    struct lives_book *book = state;
    uint64_t number = number_of(message->data);

    (void)actor;
    if (number < LIVES_SIGNALS_MAX && book->times[number] < UINT8_MAX) {
        book->times[number]++;
    }
    return WEFT_OK;
}

static weft_err
show_book(weft_query *query, const char *name, weft_bytes args,
          const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

// All of them. ----------------------------------------------------------------

// What has ended is forgotten soon.
static weft_err
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *run, weft_early early)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    def.retention_ms = 1000;
    def.early_signals = early;
    return weft_definitions_add_workflow(definitions, &def);
}

static weft_err
add_actor(weft_definitions *definitions, const char *name,
          weft_actor_fn *receive_one, uint32_t state_bytes)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = name;
    def.receive = receive_one;
    def.state_bytes = state_bytes;
    def.query = show_book;
    def.retention_ms = 1000;
    def.creation = strcmp(name, "asker") == 0 ? WEFT_CREATION_ON_START
                                              : WEFT_CREATION_ON_MESSAGE;
    return weft_definitions_add_actor(definitions, &def);
}

static weft_err
add_activity(weft_definitions *definitions, const char *name,
             weft_activity_fn *run, void *context)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = run;
    def.context = context;
    return weft_definitions_add_activity(definitions, &def);
}

weft_err
lives_define(weft_definitions *definitions, struct tokens *tokens)
{
    weft_err errs[] = {
        add_workflow(definitions, "life", live, WEFT_EARLY_REFUSE),
        add_workflow(definitions, "late", live, WEFT_EARLY_KEEP),
        add_workflow(definitions, "leaf", live_as_leaf, WEFT_EARLY_REFUSE),
        add_actor(definitions, "asker", be_asker, sizeof(struct asker)),
        add_actor(definitions, "oracle", be_oracle, sizeof(struct oracle)),
        add_actor(definitions, "book", be_book, sizeof(struct lives_book)),
        add_activity(definitions, "answer", answer, NULL),
        add_activity(definitions, "answer_later", answer_later, tokens),
    };

    for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
        if (errs[i] != WEFT_OK) {
            return errs[i];
        }
    }
    return WEFT_OK;
}
