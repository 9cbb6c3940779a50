// SPDX-License-Identifier: Apache-2.0
//
// kinds_flow.c - the workflows of kinds.h.

#include <stddef.h>
#include <string.h>

#include "history/history.h"
#include "history/kinds_impl.h"
#include "weft/branch.h"
#include "weft/update.h"

enum {
    LEDGER_UPDATES = 15, // before it begins anew
    LOOP_NOTES = 12,     // the same
    LOG_MAX = 120,       // entries: what a result may show in the simulator
    SLEEPS = 24,
    SLEEPS_OF_RUN = 9,
};

// Ledgers. --------------------------------------------------------------------

struct ledger {
    struct kinds_cell cell;
    uint32_t updates;
};

static weft_err
ledger_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    struct ledger *ledger = ctx;
    struct kinds_op op;
    int64_t gives;
    weft_err err;

    if (input.len != sizeof(op)) {
        return WEFT_EINVAL;
    }
    memcpy(&op, input.data, sizeof(op));
    gives = kinds_do(&ledger->cell, &op);
    ledger->updates++;
    err = weft_workflow_publish(
        wf, "view",
        weft_bytes_of(&ledger->cell.number, sizeof(ledger->cell.number)));
    if (err == WEFT_OK) {
        err = weft_workflow_publish(
            wf, "list",
            weft_bytes_of(&ledger->cell.hash, sizeof(ledger->cell.hash)));
    }
    return err == WEFT_OK
               ? weft_workflow_return(wf, weft_bytes_of(&gives, sizeof(gives)))
               : err;
}

static int
is_long(void *ctx)
{
    const struct ledger *ledger = ctx;

    return ledger->updates >= LEDGER_UPDATES;
}

static weft_err
ledger_run(weft_workflow *wf, weft_bytes input)
{
    struct ledger *ledger = weft_workflow_alloc(wf, sizeof(*ledger));
    weft_err err;

    if (ledger == NULL) {
        return WEFT_ENOMEM;
    }
    if (input.len == sizeof(ledger->cell)) {
        memcpy(&ledger->cell, input.data, sizeof(ledger->cell));
    }
    err = weft_workflow_on_update(wf, "op", NULL, ledger_update, ledger);
    if (err == WEFT_OK) {
        err = weft_workflow_await_condition(wf, is_long, ledger, WEFT_FOREVER);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_updates(wf);
    }
    return err == WEFT_OK
               ? weft_workflow_restart(
                     wf, weft_bytes_of(&ledger->cell, sizeof(ledger->cell)))
               : err;
}

// Loops and sleepers keep a log, and give it on from run to run.
// -----------------

struct log {
    uint32_t count;
    uint32_t begun; // what the run began with
    struct kinds_entry entries[LOG_MAX];
};

static struct log *
log_open(weft_workflow *wf, weft_bytes input)
{
    struct log *log = weft_workflow_alloc(wf, sizeof(*log));

    if (log != NULL && input.len > 0 &&
        input.len <= LOG_MAX * sizeof(log->entries[0])) {
        memcpy(log->entries, input.data, input.len);
        log->count = (uint32_t)(input.len / sizeof(log->entries[0]));
        log->begun = log->count;
    }
    return log;
}

static weft_bytes
log_bytes(const struct log *log)
{
    return weft_bytes_of(log->entries, log->count * sizeof(log->entries[0]));
}

static void
log_add(struct log *log, struct kinds_entry entry)
{
    if (log->count < LOG_MAX) {
        log->entries[log->count++] = entry;
    }
}

static weft_err
take_note(weft_workflow *wf, struct log *log, weft_bytes data)
{
    struct kinds_note note;
    char id[KINDS_ID_SIZE];
    uint32_t to;

    if (data.len != sizeof(note)) {
        return WEFT_OK;
    }
    memcpy(&note, data.data, sizeof(note));
    log_add(log, (struct kinds_entry){.type = HISTORY_EFFECT, .op = note.op});
    if (!kinds_next_hop(&note, &to)) {
        return WEFT_OK;
    }
    log_add(log, (struct kinds_entry){
                     .type = HISTORY_SEND, .object = to, .op = note.op});
    return weft_workflow_signal(wf, kinds_target(to, id), "note",
                                weft_bytes_of(&note, sizeof(note)));
}

static weft_err
loop_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"note", "end"};
    struct log *log = log_open(wf, input);
    weft_err err = log == NULL ? WEFT_ENOMEM : WEFT_OK;
    weft_bytes data;
    size_t name;

    for (int i = 0; i < LOOP_NOTES && err == WEFT_OK; i++) {
        err =
            weft_workflow_receive_any(wf, names, 2, WEFT_FOREVER, &name, &data);
        if (err == WEFT_OK && name == 1) {
            return weft_workflow_return(wf, log_bytes(log));
        }
        if (err == WEFT_OK) {
            err = take_note(wf, log, data);
        }
    }
    return err == WEFT_OK ? weft_workflow_restart(wf, log_bytes(log)) : err;
}

// One timer, in one of the ways in which a workflow waits.
static weft_err
sleep_once(weft_workflow *wf, struct log *log, uint64_t base)
{
    uint64_t ms = weft_workflow_random(wf) % 300;
    uint64_t way = weft_workflow_random(wf) % 4;
    uint64_t now_ms = weft_workflow_now_ms(wf);
    struct kinds_entry entry = {.type = HISTORY_TIMER_SET,
                                .op = base + log->count,
                                .at = now_ms,
                                .a = (int64_t)(now_ms + ms)};
    weft_future timer;
    weft_err err;

    log_add(log, entry);
    if (way == 0) {
        err = weft_workflow_sleep(wf, ms);
    } else if (way == 1) {
        err = weft_workflow_receive(wf, "nothing", ms, NULL);
        err = err == WEFT_ETIMEDOUT ? WEFT_OK : err;
    } else {
        err = weft_workflow_timer(wf, ms, &timer);
        if (err == WEFT_OK && way == 2) {
            err = weft_workflow_sleep(wf, ms / 2);
            entry.type = HISTORY_TIMER_CLEAR;
            if (err == WEFT_OK && !weft_workflow_is_known(wf, timer)) {
                err = weft_workflow_cancel(wf, timer);
                entry.at = weft_workflow_now_ms(wf);
                log_add(log, entry);
            }
        }
        err = err == WEFT_OK ? weft_workflow_await(wf, timer, NULL) : err;
        if (err == WEFT_ECANCELLED && entry.type == HISTORY_TIMER_CLEAR) {
            return WEFT_OK;
        }
    }
    entry.type = HISTORY_TIMER_FIRE;
    entry.at = weft_workflow_now_ms(wf);
    log_add(log, entry);
    return err;
}

static weft_err
sleeper_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t base = 0; // ops of this sleeper begin here
    struct log *log = log_open(wf, input);
    weft_err err = log == NULL ? WEFT_ENOMEM : WEFT_OK;

    for (const char *at = weft_workflow_id(wf); *at != '\0'; at++) {
        base = base * 131 + (uint8_t)*at;
    }
    base = base % 1000000007 * 1000 + 1000000000;
    for (int i = 0; i < SLEEPS_OF_RUN && err == WEFT_OK; i++) {
        err = sleep_once(wf, log, base);
        if (err == WEFT_OK && log->count >= SLEEPS * 2) {
            return weft_workflow_return(wf, log_bytes(log));
        }
    }
    return err == WEFT_OK ? weft_workflow_restart(wf, log_bytes(log)) : err;
}

weft_err
kinds_define_flows(weft_definitions *definitions)
{
    const struct {
        const char *name;
        weft_workflow_fn *run;
    } kinds[] = {
        {"ledger", ledger_run}, {"loop", loop_run}, {"sleeper", sleeper_run}};
    weft_err err = WEFT_OK;

    for (size_t i = 0; i < 3 && err == WEFT_OK; i++) {
        weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

        def.name = kinds[i].name;
        def.run = kinds[i].run;
        def.early_signals = WEFT_EARLY_KEEP;
        err = weft_definitions_add_workflow(definitions, &def);
    }
    return err;
}
