// SPDX-License-Identifier: Apache-2.0
//
// work_ask.c - what clients and operators do at random, and when.

#include <stdio.h>

#include "history/linear.h"
#include "history/work_impl.h"
#include "weft/operate.h"

// One of the ways to read beside the object's turns. text is of this request.
static weft_request
read_request(struct work *work, const struct work_call *call, char text[64])
{
    bool is_ledger = call->object >= KINDS_LEDGER;
    uint32_t way = is_ledger ? 0 : work_draw(work, 5);
    weft_request request =
        work_request(WEFT_VERB_QUERY, "view", weft_nothing());
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
        work_request(WEFT_VERB_ASK, "op", weft_bytes_of(&op, sizeof(op)));
    char text[64];

    if (work_is_reading(call) &&
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

    work_note_event(work, HISTORY_ASK, call, 0);
    if (call->type == WORK_CELL) {
        ask_cell(work, call);
        return;
    }
    request = work_request(WEFT_VERB_SIGNAL, "note",
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
        work_draw(work, 1000) < work->options.lose && !work_is_reading(call)
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
    weft_request request = work_request(WEFT_VERB_ASK, "timer",
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
        work_request(WEFT_VERB_SIGNAL, "pay", weft_bytes_of(&pay, sizeof(pay)));

    work->pays++;
    work_submit(work, work_call_create(work, WORK_PLAIN, object), &request);
}

static void
look_at_one(struct work *work, uint32_t object)
{
    weft_request request = work_request(WEFT_VERB_EXPORT, NULL, weft_nothing());

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

// Steps. ----------------------------------------------------------------------

static void
give_up(struct work *work, struct work_client *client)
{
    struct work_call *call = client->call;

    work_lose(work, call);
    call->is_lost = true;
    client->open--;
    client->call = NULL;
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
