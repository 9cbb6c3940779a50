// SPDX-License-Identifier: Apache-2.0
//
// kinds.c - names of objects, and the plain actors among them. kinds_flow.c has
// the workflows.

#include "history/kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/history.h"
#include "history/kinds_impl.h"

weft_target
kinds_target(uint32_t object, char id[KINDS_ID_SIZE])
{
    static const char *const kinds[] = {"cell",  "ledger",  "keeper", "loop",
                                        "clock", "sleeper", "purse"};
    const char *kind = kinds[object / 100];

    (void)snprintf(id, KINDS_ID_SIZE, "%.2s%" PRIu32 "%s", kind,
                   object % 100 / 2, object % 2 == 0 ? "" : "/b");
    return (weft_target){kind, id};
}

// Cells. ----------------------------------------------------------------------

int64_t
kinds_do(struct kinds_cell *cell, const struct kinds_op *op)
{
    switch ((enum linear_verb)op->verb) {
    case LINEAR_READ:
        return cell->number;
    case LINEAR_WRITE:
    case LINEAR_SET:
        cell->number = op->a;
        return 0;
    case LINEAR_ADD:
    case LINEAR_INC:
        cell->number += op->a;
        return cell->number;
    case LINEAR_CAS:
        if (cell->number == op->a) {
            cell->number = op->b;
            return 1;
        }
        return 0;
    case LINEAR_APPEND:
    case LINEAR_PUSH:
        cell->hash = linear_list_hash(cell->hash, op->a);
        return (int64_t)++cell->length;
    default:
        return (int64_t)cell->hash;
    }
}

static weft_err
cell_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct kinds_cell *cell = state;
    struct kinds_op op;
    weft_attribute number;
    int64_t gives;
    weft_err err;

    if (message->data.len != sizeof(op)) {
        return WEFT_OK;
    }
    memcpy(&op, message->data.data, sizeof(op));
    gives = kinds_do(cell, &op);
    number = weft_attribute_int("n", cell->number);
    err = weft_actor_set_attribute(actor, number);
    if (err == WEFT_OK) {
        err = weft_actor_publish(
            actor, "view", weft_bytes_of(&cell->number, sizeof(cell->number)));
    }
    if (err == WEFT_OK) {
        err = weft_actor_reply(actor, weft_bytes_of(&gives, sizeof(gives)));
    }
    return err;
}

static weft_err
cell_query(weft_query *query, const char *name, weft_bytes args,
           const void *state, size_t state_len)
{
    const struct kinds_cell *cell = state;

    (void)args;
    (void)state_len;
    if (strcmp(name, "list") == 0) {
        return weft_query_return(
            query, weft_bytes_of(&cell->hash, sizeof(cell->hash)));
    }
    return weft_query_return(
        query, weft_bytes_of(&cell->number, sizeof(cell->number)));
}

// Logs. -----------------------------------------------------------------------

// Append to the state, which is the log.
static weft_err
append(weft_actor *actor, const struct kinds_entry *entries, size_t count)
{
    weft_bytes log = weft_actor_state(actor);
    size_t len = count * sizeof(*entries);
    uint8_t *longer = malloc(log.len + len);
    weft_err err;

    if (longer == NULL) {
        return WEFT_ENOMEM;
    }
    if (log.len > 0) {
        memcpy(longer, log.data, log.len);
    }
    memcpy(longer + log.len, entries, len);
    err = weft_actor_state_set(actor, weft_bytes_of(longer, log.len + len));
    free(longer);
    return err;
}

static weft_err
log_query(weft_query *query, const char *name, weft_bytes args,
          const void *state, size_t state_len)
{
    uint32_t first = 0;
    size_t at;
    size_t len;

    (void)name;
    if (args.len == sizeof(first)) {
        memcpy(&first, args.data, sizeof(first));
    }
    at = first * sizeof(struct kinds_entry);
    len = KINDS_LOG_PAGE * sizeof(struct kinds_entry);
    if (at >= state_len) {
        return weft_query_return(query, weft_nothing());
    }
    len = len < state_len - at ? len : state_len - at;
    return weft_query_return(query,
                             weft_bytes_of((const uint8_t *)state + at, len));
}

bool
kinds_next_hop(struct kinds_note *note, uint32_t *out_to)
{
    if (note->hops_count == 0 || note->hops_count > KINDS_HOPS) {
        return false;
    }
    *out_to = note->hops[0];
    note->op += KINDS_HOP;
    note->hops_count--;
    memmove(&note->hops[0], &note->hops[1],
            (KINDS_HOPS - 1) * sizeof(note->hops[0]));
    return true;
}

static weft_err
keeper_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct kinds_entry entries[2] = {{0}};
    struct kinds_note note;
    char id[KINDS_ID_SIZE];
    uint32_t to;
    weft_err err;

    (void)state;
    if (message->data.len != sizeof(note)) {
        return WEFT_OK;
    }
    memcpy(&note, message->data.data, sizeof(note));
    entries[0] = (struct kinds_entry){.type = HISTORY_EFFECT, .op = note.op};
    if (!kinds_next_hop(&note, &to)) {
        err = append(actor, entries, 1);
    } else {
        entries[1] = (struct kinds_entry){
            .type = HISTORY_SEND, .object = to, .op = note.op};
        err = append(actor, entries, 2);
        if (err == WEFT_OK) {
            err = weft_actor_send(actor, kinds_target(to, id), "note",
                                  weft_bytes_of(&note, sizeof(note)));
        }
    }
    // Last: what was done before it must be undone.
    return weft_actor_now_ms(actor) < note.until_ms ? WEFT_EFAILED : err;
}

// Clocks. ---------------------------------------------------------------------

// Which timer had that name last: it is set, or was cleared or has fired.
static bool
find_last(weft_bytes log, uint32_t name, struct kinds_entry *out_entry)
{
    for (size_t at = log.len; at > 0; at -= sizeof(*out_entry)) {
        memcpy(out_entry, (const uint8_t *)log.data + at - sizeof(*out_entry),
               sizeof(*out_entry));
        if (out_entry->object == name) {
            return true;
        }
    }
    return false;
}

static weft_err
clock_fires(weft_actor *actor, uint32_t name)
{
    struct kinds_entry entry = {.object = name};

    (void)find_last(weft_actor_state(actor), name, &entry);
    entry.type = HISTORY_TIMER_FIRE;
    entry.at = weft_actor_now_ms(actor);
    return append(actor, &entry, 1);
}

static weft_err
clock_told(weft_actor *actor, const struct kinds_timer *timer)
{
    struct kinds_entry entries[2] = {{0}};
    uint64_t now_ms = weft_actor_now_ms(actor);
    size_t count = 0;
    char name[16];
    weft_err err;

    (void)snprintf(name, sizeof(name), "%" PRIu32, timer->name);
    if (find_last(weft_actor_state(actor), timer->name, &entries[0]) &&
        entries[0].type == HISTORY_TIMER_SET) {
        entries[0].type = HISTORY_TIMER_CLEAR;
        entries[0].at = now_ms;
        count++;
    }
    if (timer->is_clear) {
        err = weft_actor_timer_clear(actor, name);
    } else {
        entries[count++] = (struct kinds_entry){
            .type = HISTORY_TIMER_SET,
            .object = timer->name,
            .op = timer->op,
            .at = now_ms,
            .a = (int64_t)(now_ms + timer->after_ms),
        };
        err = weft_actor_timer_set(actor, name, timer->after_ms);
    }
    if (err == WEFT_OK && count > 0) {
        err = append(actor, entries, count);
    }
    if (err == WEFT_OK) {
        err = weft_actor_reply(actor, weft_nothing());
    }
    return err;
}

static weft_err
clock_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct kinds_timer timer;

    (void)state;
    if (message->type == WEFT_MESSAGE_TIMER) {
        return clock_fires(actor, (uint32_t)strtoul(message->name, NULL, 10));
    }
    if (message->data.len != sizeof(timer)) {
        return WEFT_OK;
    }
    memcpy(&timer, message->data.data, sizeof(timer));
    return clock_told(actor, &timer);
}

// Purses. ---------------------------------------------------------------------

static weft_err
purse_pays(weft_actor *actor, struct kinds_purse *purse,
           const struct kinds_pay *pay)
{
    struct kinds_pay coin = *pay;
    char id[KINDS_ID_SIZE];

    if (purse->spent + pay->amount > KINDS_PURSE_BEGIN) {
        return WEFT_OK; // it has not so much
    }
    purse->spent += pay->amount;
    purse->others[pay->to].sent_count++;
    purse->others[pay->to].sent += pay->amount;
    coin.unused = 1;
    return weft_actor_send(actor, kinds_target(KINDS_PURSE + pay->to, id),
                           "coin", weft_bytes_of(&coin, sizeof(coin)));
}

static weft_err
purse_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct kinds_purse *purse = state;
    struct kinds_pay pay;
    char id[KINDS_ID_SIZE];

    if (message->data.len != sizeof(pay)) {
        return WEFT_OK;
    }
    memcpy(&pay, message->data.data, sizeof(pay));
    if (strcmp(message->name, "pay") == 0) {
        return pay.to < KINDS_PURSES ? purse_pays(actor, purse, &pay) : WEFT_OK;
    }
    for (uint32_t i = 0; i < KINDS_PURSES; i++) {
        (void)kinds_target(KINDS_PURSE + i, id);
        if (strcmp(id, message->sender_id) == 0) {
            purse->spent -= pay.amount;
            purse->others[i].got_count++;
            purse->others[i].got += pay.amount;
        }
    }
    return WEFT_OK;
}

static weft_err
purse_query(weft_query *query, const char *name, weft_bytes args,
            const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

weft_err
kinds_define(weft_definitions *definitions)
{
    const struct {
        const char *name;
        weft_actor_fn *receive;
        weft_query_fn *query;
        size_t state_bytes;
    } kinds[] = {
        {"cell", cell_receive, cell_query, sizeof(struct kinds_cell)},
        {"keeper", keeper_receive, log_query, 0},
        {"clock", clock_receive, log_query, 0},
        {"purse", purse_receive, purse_query, sizeof(struct kinds_purse)},
    };
    weft_err err = WEFT_OK;

    for (size_t i = 0; i < 4 && err == WEFT_OK; i++) {
        weft_actor_def def = WEFT_ACTOR_DEF_INIT;

        def.name = kinds[i].name;
        def.receive = kinds[i].receive;
        def.query = kinds[i].query;
        def.state_bytes = (uint32_t)kinds[i].state_bytes;
        err = weft_definitions_add_actor(definitions, &def);
    }
    return err == WEFT_OK ? kinds_define_flows(definitions) : err;
}
