// SPDX-License-Identifier: Apache-2.0
//
// errand.c - workflows that sleep, and actors that count them. See errand.h.

#include "support/errand.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
errand_id(uint32_t index, char id[ERRAND_ID_SIZE])
{
    (void)snprintf(id, ERRAND_ID_SIZE, "errand-%" PRIu32, index);
}

void
ledger_id(uint32_t index, char id[ERRAND_ID_SIZE])
{
    (void)snprintf(id, ERRAND_ID_SIZE, "ledger-%" PRIu32, index);
}

static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    struct errand errand;
    char id[ERRAND_ID_SIZE];
    weft_err err = WEFT_OK;

    if (input.len != sizeof(errand)) {
        return WEFT_EINVAL;
    }
    memcpy(&errand, input.data, sizeof(errand));
    for (uint32_t i = 0; err == WEFT_OK && i < errand.rounds; i++) {
        err = weft_workflow_sleep(wf, errand.pause_ms);
    }
    if (err != WEFT_OK) {
        return err;
    }
    ledger_id(errand.index % LEDGERS, id);
    return weft_workflow_signal(
        wf, (weft_target){"ledger", id}, "done",
        weft_bytes_of(&errand.index, sizeof(errand.index)));
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct ledger *ledger = state;
    uint32_t index;

    (void)actor;
    if (strcmp(message->name, "done") == 0 &&
        message->data.len == sizeof(index)) {
        memcpy(&index, message->data.data, sizeof(index));
        if (index / LEDGERS < LEDGER_ERRANDS &&
            ledger->counts[index / LEDGERS] < UINT8_MAX) {
            ledger->counts[index / LEDGERS]++;
        }
    }
    return WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

weft_err
errand_define(weft_definitions *definitions)
{
    weft_workflow_def errand = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def ledger = WEFT_ACTOR_DEF_INIT;
    weft_err err;

    errand.name = "errand";
    errand.run = run;
    err = weft_definitions_add_workflow(definitions, &errand);
    if (err != WEFT_OK) {
        return err;
    }
    ledger.name = "ledger";
    ledger.state_bytes = sizeof(struct ledger);
    ledger.receive = receive;
    ledger.query = show;
    return weft_definitions_add_actor(definitions, &ledger);
}
