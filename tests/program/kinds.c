// SPDX-License-Identifier: Apache-2.0
//
// kinds.c - whom programs talk to: the activity, the log and the clerk.

#include <string.h>
#include <time.h>

#include "program/expect.h"
#include "program/run_impl.h"

// The activity. ---------------------------------------------------------------

static weft_err
give(weft_activity *activity, const struct run_work *work)
{
    uint64_t result = program_work(work->x);

    return weft_activity_return(activity,
                                weft_bytes_of(&result, sizeof(result)));
}

static weft_err
defer(weft_activity *activity, const struct run_work *work, bool is_awaited)
{
    const struct run_hooks *hooks = weft_activity_context(activity);
    char token[WEFT_TOKEN_CHARS_MAX];
    weft_err err = weft_activity_defer(activity, token, sizeof(token));

    if (is_awaited) {
        hooks->deferred(hooks->ctx, token,
                        work->how == CALL_LATE_BAD ? "late_bad" : NULL,
                        program_work(work->x));
    }
    return err;
}

// Details come late, or are lost with the process; never others.
static weft_err
beat(weft_activity *activity, const struct run_work *work)
{
    weft_bytes seen = weft_activity_last_details(activity);
    weft_bytes details = weft_bytes_of(&work->x, sizeof(work->x));

    if (seen.len != 0 &&
        (seen.len != details.len || memcmp(seen.data, details.data, 8) != 0)) {
        return weft_activity_fail_for_good(activity, "wrong_details", "",
                                           weft_nothing());
    }
    (void)weft_activity_heartbeat(activity, details);
    return weft_activity_attempt(activity) <= work->flaky
               ? weft_activity_fail(activity, "flaky", "", weft_nothing())
               : give(activity, work);
}

static weft_err
flaky(weft_activity *activity, const struct run_work *work)
{
    if (weft_activity_attempt(activity) > work->flaky) {
        return give(activity, work);
    }
    return work->how == CALL_FLAKY_AFTER
               ? weft_activity_fail_after(activity, "flaky", "again",
                                          weft_nothing(), 1 + work->x % 10)
               : weft_activity_fail(activity, "flaky", "again", weft_nothing());
}

// So long that its process may well be gone by then.
static void
dawdle(void)
{
    struct timespec time = {.tv_nsec = 200000000};

    (void)nanosleep(&time, NULL);
}

// As a weft_worker does it. What dies, comes back and is given back, is so with
// all of the worker.
static weft_err
work_for_queue(weft_activity *activity, const struct run_work *work)
{
    switch ((enum program_queue)(work->how - CALL_COUNT)) {
    case QUEUE_FLAKY:
        return flaky(activity, work);
    case QUEUE_LATER:
        return defer(activity, work, true);
    case QUEUE_BAD:
        return weft_activity_fail_for_good(activity, "bad", "", weft_nothing());
    case QUEUE_DEAD:
    case QUEUE_LATE:
        dawdle();
        return give(activity, work);
    default:
        return give(activity, work);
    }
}

static weft_err
work(weft_activity *activity, weft_bytes input)
{
    const struct run_hooks *hooks = weft_activity_context(activity);
    struct run_work work;
    char name[PROGRAM_ID_SIZE];

    if (input.len != sizeof(work)) {
        return WEFT_EINVAL;
    }
    memcpy(&work, input.data, sizeof(work));
    program_copy_name(
        work.name, program_copy_mark(weft_activity_caller_id(activity)), name);
    hooks->called(hooks->ctx, weft_activity_key(activity),
                  weft_activity_attempt(activity), name);
    if (work.how >= CALL_COUNT) {
        return work_for_queue(activity, &work);
    }
    switch ((enum program_call)work.how) {
    case CALL_FLAKY:
    case CALL_FLAKY_AFTER:
        return flaky(activity, &work);
    case CALL_LATER:
    case CALL_LATE_BAD:
        return defer(activity, &work, true);
    case CALL_SILENT:
    case CALL_DEAF:
    case CALL_SLOW:
        return defer(activity, &work, false);
    case CALL_BEATS:
        return beat(activity, &work);
    case CALL_BAD:
        return weft_activity_fail_for_good(activity, "bad", "", weft_nothing());
    case CALL_PICKY:
        return weft_activity_fail(activity, "picky", "", weft_nothing());
    case CALL_WORN:
        return weft_activity_fail(activity, "worn", "", weft_nothing());
    default:
        return give(activity, &work);
    }
}

const weft_activity_def run_work_def = {
    .struct_size = sizeof(weft_activity_def),
    .name = "work",
    .run = work,
    .retry = {.initial_interval_ms = 20, .coefficient = 1},
};

// The log. --------------------------------------------------------------------

#define TALLIES_MAX 2000 // more than any program has strands

// Its state is an array of tallies, in order of their first notes.
static weft_err
log_receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_bytes old = weft_actor_state(actor);
    size_t count = old.len / sizeof(struct run_tally);
    struct run_tally tallies[TALLIES_MAX];
    uint64_t note[2];
    size_t i = 0;

    (void)state;
    if (message->data.len != sizeof(note) || count >= TALLIES_MAX) {
        return WEFT_EINVAL;
    }
    memcpy(note, message->data.data, sizeof(note));
    note[0] =
        program_copy_strand(note[0], program_copy_mark(message->sender_id));
    if (count > 0) {
        memcpy(tallies, old.data, old.len);
    }
    while (i < count && tallies[i].key != note[0]) {
        i++;
    }
    if (i == count) {
        tallies[count++] = (struct run_tally){.key = note[0]};
    }
    tallies[i].count++;
    tallies[i].fold = expect_fold(tallies[i].fold, note[1]);
    return weft_actor_state_set(
        actor, weft_bytes_of(tallies, count * sizeof(tallies[0])));
}

static weft_err
show_state(weft_query *query, const char *name, weft_bytes args,
           const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

// The clerk. ------------------------------------------------------------------

struct clerk {
    struct run_order order;
    uint64_t value;
    uint32_t did; // bits, as order.how
    uint32_t question;
    uint32_t call;
    uint32_t is_answered;
};

static weft_err
answer(weft_actor *actor, struct clerk *clerk)
{
    uint64_t note[2] = {clerk->order.key, clerk->order.work.x};
    char name[PROGRAM_ID_SIZE];
    char log[PROGRAM_ID_SIZE];
    weft_err err;

    program_name("answer", clerk->order.key, name);
    program_log_id(clerk->order.root, log);
    clerk->is_answered++;
    err = weft_actor_send(actor, (weft_target){"log", log}, "note",
                          weft_bytes_of(note, sizeof(note)));
    if (err == WEFT_OK) {
        err = weft_actor_send(
            actor, (weft_target){"program", clerk->order.from}, name,
            weft_bytes_of(&clerk->value, sizeof(clerk->value)));
    }
    if (err == WEFT_OK) {
        err = weft_actor_publish(
            actor, "value", weft_bytes_of(&clerk->value, sizeof(clerk->value)));
    }
    return err == WEFT_OK && clerk->order.key % 2 == 0
               ? weft_actor_stop(actor, weft_nothing())
               : err;
}

static weft_err
ask_another(weft_actor *actor, struct clerk *clerk)
{
    char id[PROGRAM_ID_SIZE];

    program_name("clerk", program_mix(clerk->order.key, 2), id);
    return weft_actor_ask(actor, (weft_target){"clerk", id}, "add",
                          weft_bytes_of(&clerk->value, sizeof(clerk->value)),
                          &clerk->call);
}

// One thing after the other; each ends in a message that goes on.
static weft_err
go_on(weft_actor *actor, struct clerk *clerk)
{
    uint32_t left = clerk->order.how & ~clerk->did;

    if ((left & 1) != 0) {
        clerk->did |= 1;
        return weft_actor_timer_set(actor, "pause", clerk->order.work.x % 10);
    }
    if ((left & 4) != 0) {
        clerk->did |= 4;
        return ask_another(actor, clerk);
    }
    if ((left & 2) != 0) {
        clerk->did |= 2;
        return weft_actor_call(
            actor, "work",
            weft_bytes_of(&clerk->order.work, sizeof(clerk->order.work)), NULL,
            &clerk->call);
    }
    clerk->value = program_work(clerk->order.work.x);
    return answer(actor, clerk);
}

// Another one's question: one more than what it says, a little later.
static weft_err
take_question(weft_actor *actor, const weft_message *message,
              struct clerk *clerk)
{
    clerk->value = run_number(message->data) + 1;
    if (clerk->value % 2 == 0) {
        return weft_actor_reply(
            actor, weft_bytes_of(&clerk->value, sizeof(clerk->value)));
    }
    if (weft_actor_timer_set(actor, "answer", 3) != WEFT_OK) {
        return WEFT_EINVAL;
    }
    return weft_actor_reply_later(actor, &clerk->question);
}

static weft_err
clerk_signal(weft_actor *actor, const weft_message *message,
             struct clerk *clerk)
{
    if (strcmp(message->name, "add") == 0) {
        return take_question(actor, message, clerk);
    }
    if (message->data.len != sizeof(clerk->order) || clerk->order.key != 0) {
        return WEFT_EINVAL; // parks it: it came twice
    }
    memcpy(&clerk->order, message->data.data, sizeof(clerk->order));
    clerk->value = clerk->order.work.x;
    return go_on(actor, clerk);
}

static weft_err
clerk_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct clerk *clerk = state;

    switch (message->type) {
    case WEFT_MESSAGE_SIGNAL:
        return clerk_signal(actor, message, clerk);
    case WEFT_MESSAGE_TIMER:
        if (strcmp(message->name, "answer") == 0) {
            return weft_actor_reply_to(
                actor, clerk->question,
                weft_bytes_of(&clerk->value, sizeof(clerk->value)));
        }
        return go_on(actor, clerk);
    case WEFT_MESSAGE_REPLY:
        if (message->call != clerk->call ||
            run_number(message->data) != clerk->value + 1) {
            return WEFT_EINVAL;
        }
        return go_on(actor, clerk);
    case WEFT_MESSAGE_ACTIVITY:
        if (message->call != clerk->call || message->failure.name[0] != '\0' ||
            run_number(message->data) != program_work(clerk->order.work.x)) {
            return WEFT_EINVAL;
        }
        return go_on(actor, clerk);
    default:
        return WEFT_OK;
    }
}

weft_err
run_add_actors(weft_definitions *definitions)
{
    weft_actor_def log = WEFT_ACTOR_DEF_INIT;
    weft_actor_def clerk = WEFT_ACTOR_DEF_INIT;
    weft_err err;

    log.name = "log";
    log.receive = log_receive;
    log.query = show_state;
    err = weft_definitions_add_actor(definitions, &log);
    if (err != WEFT_OK) {
        return err;
    }
    clerk.name = "clerk";
    clerk.state_bytes = sizeof(struct clerk);
    clerk.receive = clerk_receive;
    clerk.query = show_state;
    return weft_definitions_add_actor(definitions, &clerk);
}
