// SPDX-License-Identifier: Apache-2.0
//
// work.c - clients that ask at random, and write down what they were told.

#include "history/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/linear.h"
#include "history/work_impl.h"
#include "weft/capsule.h"
#include "weft/operate.h"

uint32_t
work_draw(struct work *work, uint32_t below)
{
    work->chance = history_mix(work->chance, 3);
    return (uint32_t)(work->chance >> 33) % below;
}

uint64_t
work_now(struct work *work)
{
    return work->options.driver.now_ms(work->options.driver.ctx);
}

static void
note_event(struct work *work, enum history_type type,
           const struct work_call *call, int64_t gave)
{
    bool is_ask = type == HISTORY_ASK;

    history_add(call->type == (int)WORK_NOTE ? &work->notes_seen
                                             : &work->history,
                (struct history_event){
                    .at = work_now(work),
                    .type = type,
                    .who = call->who,
                    .object = call->object,
                    .verb = call->verb,
                    .op = call->op,
                    .a = is_ask ? call->a : gave,
                    .b = is_ask ? call->b : 0,
                });
}

// Calls. ----------------------------------------------------------------------

struct work_call *
work_call_create(struct work *work, enum work_type type, uint32_t object)
{
    struct work_call *call = history_alloc(1, sizeof(*call));

    call->work = work;
    call->type = (int)type;
    call->object = object;
    return call;
}

static void
destroy_call(struct work_call *call)
{
    free((void *)(uintptr_t)call->data.data);
    free(call);
}

void
work_submit(struct work *work, struct work_call *call, weft_request *request)
{
    char id[KINDS_ID_SIZE];
    uint64_t number;

    call->next = work->calls;
    work->calls = call;
    request->target = kinds_target(call->object, id);
    request->number = call->number;
    number =
        work->options.driver.submit(work->options.driver.ctx, request, call);
    // It may be gone already.
    if (work->calls == call) {
        call->number = number;
    }
}

static weft_request
request_of(weft_verb verb, const char *name, weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.name = name;
    request.data = data;
    return request;
}

void
work_operate(struct work *work, weft_verb verb, uint32_t object)
{
    static const weft_operator by = {"history", "to see what becomes of it"};
    static const weft_point beginning = {.type = WEFT_POINT_ENTRY};
    weft_request request = request_of(verb, NULL, weft_nothing());

    request.by = &by;
    request.point = &beginning;
    work_submit(work, work_call_create(work, WORK_PLAIN, object), &request);
}

weft_err
work_wait(struct work *work, weft_verb verb, uint32_t object, const char *name,
          weft_bytes data, weft_bytes *out_data)
{
    static uint8_t answer[8192];
    struct work_call *call = work_call_create(work, WORK_WAIT, object);
    weft_request request = request_of(verb, name, data);
    uint32_t turns = 0;
    weft_err err;

    if (verb == WEFT_VERB_START) {
        request.data = weft_nothing();
        request.input = data;
    }
    work_submit(work, call, &request);
    while (!call->is_answered && turns++ < WORK_TURNS_MAX) {
        work->options.driver.turn(work->options.driver.ctx);
    }
    if (!call->is_answered) {
        history_fault(&work->faults, "%" PRIu32 " does not answer %s", object,
                      name == NULL ? "" : name);
        call->type = WORK_PLAIN;
        return WEFT_ETIMEDOUT;
    }
    err = call->err;
    if (out_data != NULL) {
        size_t len =
            call->data.len < sizeof(answer) ? call->data.len : sizeof(answer);

        if (len > 0) {
            memcpy(answer, call->data.data, len);
        }
        *out_data = weft_bytes_of(answer, len);
    }
    destroy_call(call);
    return err;
}

// Asking. ---------------------------------------------------------------------

static bool
is_reading(const struct work_call *call)
{
    return call->type == (int)WORK_CELL &&
           (call->verb == LINEAR_READ || call->verb == LINEAR_LIST);
}

// One of the ways to read beside the object's turns. text is of this request.
static weft_request
read_request(struct work *work, const struct work_call *call, char text[64])
{
    bool is_ledger = call->object >= KINDS_LEDGER;
    uint32_t way = is_ledger ? 0 : work_draw(work, 5);
    weft_request request = request_of(WEFT_VERB_QUERY, "view", weft_nothing());
    char id[KINDS_ID_SIZE];

    if (call->verb == LINEAR_LIST) {
        request.name = "list";
    } else if (way == 1) {
        request.name = "number";
    } else if (way == 2) {
        request.verb = WEFT_VERB_DESCRIBE;
    } else if (way > 2) {
        (void)kinds_target(call->object, id);
        (void)snprintf(text, 64, "id = \"%s\"", id);
        request.verb = WEFT_VERB_LIST;
        request.filter = text;
    }
    return request;
}

// How an operation is asked: by the object's turn, or beside it.
static void
ask_cell(struct work *work, struct work_call *call)
{
    struct kinds_op op = {.verb = call->verb, .a = call->a, .b = call->b};
    weft_request request =
        request_of(WEFT_VERB_ASK, "op", weft_bytes_of(&op, sizeof(op)));
    char text[64];

    if (is_reading(call) &&
        (call->object >= KINDS_LEDGER || call->object % 2 == 1)) {
        request = read_request(work, call, text);
    } else if (call->object >= KINDS_LEDGER) {
        request.verb = WEFT_VERB_UPDATE;
    } else if (call->verb >= LINEAR_SET) {
        request.verb = WEFT_VERB_SIGNAL;
    }
    work_submit(work, call, &request);
}

void
work_ask(struct work *work, struct work_call *call)
{
    weft_request request;

    note_event(work, HISTORY_ASK, call, 0);
    if (call->type == WORK_CELL) {
        ask_cell(work, call);
        return;
    }
    request = request_of(WEFT_VERB_SIGNAL, "note",
                         weft_bytes_of(&call->note, sizeof(call->note)));
    work_submit(work, call, &request);
}

// Numbers of operations are from a small range, so that answers are alike.
static void
draw_op(struct work *work, struct work_call *call)
{
    bool is_turn_only = call->object < KINDS_LEDGER && call->object % 2 == 0;
    uint32_t verb = work_draw(work, 12);

    if (verb >= LINEAR_SET && !is_turn_only) {
        verb = work_draw(work, 4) > 0 ? LINEAR_READ : LINEAR_LIST;
    } else if (verb >= LINEAR_VERB_COUNT) {
        verb = LINEAR_READ;
    }
    call->verb = verb;
    call->a = verb == LINEAR_APPEND || verb == LINEAR_PUSH
                  ? (int64_t)call->op
                  : (int64_t)work_draw(work, 5);
    call->b = work_draw(work, 5);
}

// Mostly the same one as all others, until it has had enough.
static uint32_t
draw_cell(struct work *work)
{
    uint32_t focus = work_draw(work, 4) == 0
                         ? work_draw(work, WORK_CELLS + WORK_LEDGERS)
                         : 0;

    for (uint32_t i = 0; i < WORK_CELLS + WORK_LEDGERS; i++) {
        uint32_t k = (focus + i) % (WORK_CELLS + WORK_LEDGERS);
        uint32_t object =
            k < WORK_CELLS ? KINDS_CELL + k : KINDS_LEDGER + k - WORK_CELLS;

        if (work->ops[object] < work->options.ops) {
            return object;
        }
    }
    return KINDS_END;
}

static void
begin_op(struct work *work, uint32_t who)
{
    struct work_client *client = &work->clients[who];
    uint32_t object = draw_cell(work);
    struct work_call *call;

    if (object == KINDS_END) {
        return;
    }
    work->ops[object]++;
    work->counts.operations++;
    call = work_call_create(work, WORK_CELL, object);
    call->who = who;
    call->op = ++work->next_op;
    draw_op(work, call);
    client->open++;
    client->call = call;
    client->rest_until_ms =
        work_draw(work, 3) != 0 ? 0 : work_now(work) + work_draw(work, 40);
    client->lose_at_ms =
        work_draw(work, 1000) < work->options.lose && !is_reading(call)
            ? work_now(work) + work_draw(work, 4)
            : 0;
    work_ask(work, call);
}

static void
draw_note(struct work *work, struct work_call *call)
{
    bool is_quiet_loop = call->object >= KINDS_LOOP && call->object % 2 == 1;

    call->note.op = call->op;
    if (call->object < KINDS_LOOP && work_draw(work, 80) == 0) {
        call->note.until_ms =
            work_now(work) +
            work_draw(work, work_draw(work, 2) ? work->options.parked_ms : 100);
    }
    if (is_quiet_loop || work_draw(work, 3) != 0) {
        return;
    }
    call->note.hops_count = 1 + work_draw(work, KINDS_HOPS);
    for (uint32_t i = 0; i < call->note.hops_count; i++) {
        call->note.hops[i] = KINDS_KEEPER + work_draw(work, WORK_KEEPERS);
    }
}

static void
begin_note(struct work *work, uint32_t who, uint32_t object)
{
    struct work_call *call;

    // What a loop keeps must fit into its result.
    if (object >= KINDS_LOOP && work->loop_notes[object]++ >= 40) {
        return;
    }
    work->notes++;
    call = work_call_create(work, WORK_NOTE, object);
    call->who = who;
    call->op = ++work->next_op;
    draw_note(work, call);
    work->clients[who].open++;
    work_ask(work, call);
}

static void
begin_notes(struct work *work, uint32_t who)
{
    uint32_t i = work_draw(work, WORK_KEEPERS + WORK_LOOPS);
    uint32_t object =
        i < WORK_KEEPERS ? KINDS_KEEPER + i : KINDS_LOOP + i - WORK_KEEPERS;
    uint32_t count = 1 + work_draw(work, 3);

    while (count-- > 0 && work->notes < work->options.notes) {
        begin_note(work, who, object);
    }
}

// More than a mailbox keeps in memory, for one that is held up.
static void
begin_burst(struct work *work)
{
    uint32_t object = KINDS_KEEPER + work_draw(work, WORK_KEEPERS);

    work_operate(work, WEFT_VERB_PAUSE, object);
    for (uint32_t i = 0; i < work->options.burst; i++) {
        begin_note(work, WORK_CLIENTS - 1, object);
    }
    work->bursts++;
}

static void
tell_clock(struct work *work)
{
    uint32_t object = KINDS_CLOCK + work_draw(work, WORK_CLOCKS);
    struct kinds_timer timer = {
        .op = ++work->next_op,
        .after_ms = work_draw(work, 4) == 0 ? work_draw(work, 20000)
                                            : work_draw(work, 300),
        .name = work_draw(work, KINDS_TIMER_NAMES),
        .is_clear = work_draw(work, 4) == 0,
    };
    weft_request request = request_of(WEFT_VERB_ASK, "timer",
                                      weft_bytes_of(&timer, sizeof(timer)));

    work->timers_asked++;
    work_submit(work, work_call_create(work, WORK_PLAIN, object), &request);
}

static void
pay(struct work *work)
{
    struct kinds_pay pay = {.to = work_draw(work, KINDS_PURSES),
                            .amount = 1 + work_draw(work, 50)};
    uint32_t object = KINDS_PURSE + work_draw(work, KINDS_PURSES);
    weft_request request =
        request_of(WEFT_VERB_SIGNAL, "pay", weft_bytes_of(&pay, sizeof(pay)));

    work->pays++;
    work_submit(work, work_call_create(work, WORK_PLAIN, object), &request);
}

static void
look_at_one(struct work *work, uint32_t object)
{
    weft_request request = request_of(WEFT_VERB_EXPORT, NULL, weft_nothing());

    work_submit(work, work_call_create(work, WORK_LOOK, object), &request);
}

// What operators do now and then.
static void
operate(struct work *work)
{
    uint32_t keeper = KINDS_KEEPER + work_draw(work, WORK_KEEPERS);

    work->next_operation_ms = work_now(work) + work_draw(work, 100);
    switch (work_draw(work, 8)) {
    case 0:
        work_operate(work, WEFT_VERB_PAUSE, keeper);
        break;
    case 1:
        work_operate(work, WEFT_VERB_PARK, keeper);
        break;
    case 2:
        if (work->options.has_resets) {
            work_operate(work, WEFT_VERB_RESET,
                         KINDS_LOOP + 1 + 2 * work_draw(work, WORK_LOOPS / 2));
        }
        break;
    case 3:
        look_at_one(work, KINDS_CLOCK + work_draw(work, WORK_CLOCKS));
        break;
    case 4:
        look_at_one(work, KINDS_SLEEPER + work_draw(work, WORK_SLEEPERS));
        break;
    default:
        for (uint32_t i = 0; i < WORK_KEEPERS; i++) {
            work_operate(work, WEFT_VERB_RESUME, KINDS_KEEPER + i);
        }
        break;
    }
}

// Giving up, and asking again. ------------------------------------------------

// Later, as it was. False: that is not remembered.
static bool
plan_again(struct work *work, const struct work_call *call, bool is_refused)
{
    struct work_call *copy;

    if (work->again_count == sizeof(work->again) / sizeof(work->again[0])) {
        return false;
    }
    copy = work_call_create(work, (enum work_type)call->type, call->object);
    *copy = *call;
    copy->next = NULL;
    copy->driver = NULL;
    copy->is_lost = false;
    work->again[work->again_count++] = (struct work_again){
        .call = copy,
        .at_ms = work_now(work) + 20 + work_draw(work, 300),
        .is_refused = is_refused,
    };
    return true;
}

// Nobody knows what became of it; one of two is asked again later.
static void
lose(struct work *work, struct work_call *call)
{
    note_event(work, HISTORY_LOSE, call, 0);
    work->counts.lost++;
    if (work_draw(work, 2) == 0 && call->number != 0 && !is_reading(call)) {
        (void)plan_again(work, call, false);
    }
}

static void
give_up(struct work *work, struct work_client *client)
{
    struct work_call *call = client->call;

    lose(work, call);
    call->is_lost = true;
    client->open--;
    client->call = NULL;
}

// That at i of those to be asked again.
static void
ask_now(struct work *work, uint32_t i)
{
    struct work_call *call = work->again[i].call;

    if (work->again[i].is_refused) {
        call->number = 0;
    } else {
        work->counts.repeated++;
    }
    call->is_again = true;
    work->again_count--;
    memmove(&work->again[i], &work->again[i + 1],
            (work->again_count - i) * sizeof(work->again[0]));
    work_ask(work, call);
}

void
work_ask_again(struct work *work)
{
    for (uint32_t i = 0; i < work->again_count;) {
        if (work->again[i].at_ms <= work_now(work) || work->is_finishing) {
            ask_now(work, i);
        } else {
            i++;
        }
    }
}

void
work_repeat(struct work *work, uint32_t who)
{
    for (uint32_t i = 0; i < work->again_count;) {
        if (work->again[i].call->who == who && !work->again[i].is_refused) {
            ask_now(work, i);
        } else {
            i++;
        }
    }
}

void
work_step(struct work *work)
{
    uint64_t now_ms = work_now(work);

    work_ask_again(work);
    for (uint32_t i = 0; i < WORK_CELL_CLIENTS; i++) {
        struct work_client *client = &work->clients[i];

        if (client->open > 0 && client->lose_at_ms > 0 &&
            now_ms >= client->lose_at_ms) {
            give_up(work, client);
        } else if (client->open == 0 && now_ms >= client->rest_until_ms) {
            begin_op(work, i);
        }
    }
    for (uint32_t i = WORK_CELL_CLIENTS; i < WORK_CLIENTS; i++) {
        if (work->clients[i].open < 4 && work_draw(work, 8) == 0) {
            begin_notes(work, i);
        }
    }
    if (work->timers_asked < work->options.timers && work_draw(work, 20) == 0) {
        tell_clock(work);
    }
    if (work->pays < work->options.pays && work_draw(work, 10) == 0) {
        pay(work);
    }
    if (now_ms >= work->next_operation_ms) {
        operate(work);
    }
    if (work->options.burst > 0 && work->bursts == 0 &&
        work->notes > work->options.notes / 2) {
        begin_burst(work);
    }
}

bool
work_is_done(const struct work *work)
{
    for (uint32_t i = 0; i < WORK_CELLS; i++) {
        if (work->ops[KINDS_CELL + i] < work->options.ops) {
            return false;
        }
    }
    for (uint32_t i = 0; i < WORK_LEDGERS; i++) {
        if (work->ops[KINDS_LEDGER + i] < work->options.ops) {
            return false;
        }
    }
    return work->notes >= work->options.notes &&
           work->timers_asked >= work->options.timers &&
           work->pays >= work->options.pays;
}

// Answers. --------------------------------------------------------------------

static void
remove_call(struct work *work, struct work_call *call)
{
    struct work_call **at = &work->calls;

    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
}

static int64_t
number_of(weft_bytes data)
{
    int64_t number = 0;

    if (data.len == sizeof(number)) {
        memcpy(&number, data.data, sizeof(number));
    }
    return number;
}

// The client has one call less under way. What was lost or refused, and is
// asked again, is nobody's.
static void
leave(struct work *work, const struct work_call *call)
{
    struct work_client *client = &work->clients[call->who];

    if (call->type == WORK_NOTE && !call->is_again) {
        client->open--;
    } else if (client->call == call) {
        client->open--;
        client->call = NULL;
    }
}

// Of an operation or a note.
static void
settle(struct work *work, struct work_call *call, weft_err err, weft_bytes data)
{
    if (call->is_lost) {
        return; // somebody may still ask again
    }
    leave(work, call);
    if (err == WEFT_EBUSY || err == WEFT_EFULL || err == WEFT_ENOMEM) {
        note_event(work, HISTORY_REFUSE, call, 0);
        (void)plan_again(work, call, true);
    } else if (err == WEFT_OK || (err == WEFT_ENOTFOUND && is_reading(call))) {
        note_event(work, HISTORY_ANSWER, call, number_of(data));
    } else if (err == WEFT_EIO || err == WEFT_ETIMEDOUT ||
               err == WEFT_ECLOSED) {
        lose(work, call);
    } else if (err == WEFT_EEXPIRED && call->is_again) {
        note_event(work, HISTORY_LOSE, call, 0); // too late to be told
    } else {
        history_fault(&work->faults,
                      "op %" PRIu64 " (verb %" PRIu32 ") of %" PRIu32 ": %s",
                      call->op, call->verb, call->object, weft_err_name(err));
    }
}

static void
look(struct work *work, weft_err err, weft_bytes data)
{
    struct look look = {.faults = &work->faults};

    if (err == WEFT_OK && data.len > 0) {
        if (weft_capsule_each(data, look_at, &look) != WEFT_OK) {
            history_fault(&work->faults, "a capsule cannot be read");
        }
        work->counts.wakes += look.count;
        look_check_wakes(&look, 0);
    }
    look_fini(&look);
}

void
work_answered(struct work_call *call, weft_err err, weft_bytes data)
{
    struct work *work = call->work;

    remove_call(work, call);
    if (call->type == WORK_WAIT) {
        call->is_answered = true;
        call->err = err;
        if (data.len > 0) {
            uint8_t *copy = history_alloc(1, data.len);

            memcpy(copy, data.data, data.len);
            call->data = weft_bytes_of(copy, data.len);
        }
        return; // who waits frees it
    }
    if (call->type == WORK_CELL || call->type == WORK_NOTE) {
        settle(work, call, err, data);
    } else if (call->type == WORK_LOOK) {
        look(work, err, data);
    }
    destroy_call(call);
}

void
work_call_again(struct work_call *call)
{
    if (call->type == WORK_NOTE) {
        note_event(call->work, HISTORY_AGAIN, call, 0);
    }
}

void
work_disturbed(struct work *work)
{
    for (struct work_call *call = work->calls; call != NULL;
         call = call->next) {
        work_call_again(call);
    }
}

void
work_quiet(struct work *work, bool is_quiet)
{
    history_add(&work->timers,
                (struct history_event){.at = work_now(work),
                                       .type = is_quiet ? HISTORY_QUIET
                                                        : HISTORY_STORM});
}

// The whole. ------------------------------------------------------------------

struct work *
work_create(const struct work_options *options)
{
    struct work *work = history_alloc(1, sizeof(*work));

    work->options = *options;
    if (work->options.parked_ms == 0) {
        work->options.parked_ms = 6000;
    }
    work->chance = options->seed;
    for (uint32_t i = 0; i < WORK_LEDGERS; i++) {
        (void)work_wait(work, WEFT_VERB_START, KINDS_LEDGER + i, NULL,
                        weft_nothing(), NULL);
    }
    for (uint32_t i = 0; i < WORK_LOOPS; i++) {
        (void)work_wait(work, WEFT_VERB_START, KINDS_LOOP + i, NULL,
                        weft_nothing(), NULL);
    }
    for (uint32_t i = 0; i < WORK_SLEEPERS; i++) {
        (void)work_wait(work, WEFT_VERB_START, KINDS_SLEEPER + i, NULL,
                        weft_nothing(), NULL);
    }
    return work;
}

void
work_destroy(struct work *work)
{
    while (work->calls != NULL) {
        struct work_call *call = work->calls;

        work->calls = call->next;
        destroy_call(call);
    }
    for (uint32_t i = 0; i < work->again_count; i++) {
        free(work->again[i].call);
    }
    history_fini(&work->history);
    history_fini(&work->notes_seen);
    history_fini(&work->timers);
    free(work);
}

void
work_counts_add(struct work_counts *sum, const struct work_counts *counts)
{
    const uint64_t *from = (const uint64_t *)counts;
    uint64_t *to = (uint64_t *)sum;

    for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++) {
        to[i] += from[i];
    }
}

struct history_faults *
work_faults(struct work *work)
{
    return &work->faults;
}

const struct work_counts *
work_counts(const struct work *work)
{
    return &work->counts;
}

void
work_write(const struct work *work, FILE *file)
{
    history_write(&work->history, file);
    history_write(&work->notes_seen, file);
    history_write(&work->timers, file);
}
