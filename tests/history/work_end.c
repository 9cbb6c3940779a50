// SPDX-License-Identifier: Apache-2.0
//
// work_end.c - when nothing disturbs any more: bring all to its end, read what
// the objects kept, and give it to the checkers.

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "history/fifo.h"
#include "history/linear.h"
#include "history/once.h"
#include "history/timers.h"
#include "history/work_impl.h"

enum {
    PARKED_MS = 7000,    // no note is refused longer
    PATIENCE_MS = 60000, // for what must come
};

static void
turn_until(struct work *work, uint64_t at_ms)
{
    while (work_now(work) < at_ms) {
        work->options.driver.turn(work->options.driver.ctx);
    }
}

// All that was asked is answered; what was lost is asked again at last.
static void
await_answers(struct work *work)
{
    uint64_t end_ms = work_now(work) + PATIENCE_MS;

    work->is_finishing = true;
    while ((work->calls != NULL || work->again_count > 0) &&
           work_now(work) < end_ms) {
        work_ask_again(work);
        work->options.driver.turn(work->options.driver.ctx);
    }
    for (const struct work_call *call = work->calls; call != NULL;
         call = call->next) {
        history_fault(&work->faults,
                      "op %" PRIu64 " of %" PRIu32 " (type %d) has no answer",
                      call->op, call->object, call->type);
    }
}

static void
resume_all(struct work *work)
{
    for (uint32_t i = 0; i < WORK_KEEPERS; i++) {
        (void)work_wait(work, WEFT_VERB_RESUME, KINDS_KEEPER + i, NULL,
                        weft_nothing(), NULL);
    }
}

// Reading. --------------------------------------------------------------------

static void
take_entries(struct work *work, uint32_t object, weft_bytes bytes)
{
    struct kinds_entry entry;

    for (size_t at = 0; at + sizeof(entry) <= bytes.len; at += sizeof(entry)) {
        bool is_timer;

        memcpy(&entry, (const uint8_t *)bytes.data + at, sizeof(entry));
        is_timer = entry.type >= HISTORY_TIMER_SET;
        work->counts.effects += entry.type == HISTORY_EFFECT;
        work->counts.sends += entry.type == HISTORY_SEND;
        work->counts.timers += entry.type == HISTORY_TIMER_SET;
        history_add(
            is_timer ? &work->timers : &work->notes_seen,
            (struct history_event){
                .at = entry.at,
                .type = (enum history_type)entry.type,
                .who = object,
                .object = entry.type == HISTORY_SEND ? entry.object : object,
                .op = entry.op,
                .a = entry.a,
            });
    }
}

static void
read_log(struct work *work, uint32_t object)
{
    size_t got = KINDS_LOG_PAGE;

    for (uint32_t first = 0; got == KINDS_LOG_PAGE; first += KINDS_LOG_PAGE) {
        weft_bytes page = weft_nothing();
        weft_err err = work_wait(work, WEFT_VERB_QUERY, object, "log",
                                 weft_bytes_of(&first, sizeof(first)), &page);

        got = page.len / sizeof(struct kinds_entry);
        if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
            history_fault(&work->faults, "log of %" PRIu32 ": %s", object,
                          weft_err_name(err));
        } else if (err == WEFT_OK) {
            take_entries(work, object, page);
        }
    }
}

// Until all that was sent has come, but not for ever: who is missing then is
// for the checkers to say.
static void
read_keepers(struct work *work)
{
    uint64_t end_ms = work_now(work) + PATIENCE_MS;
    size_t asked = work->notes_seen.count;
    struct work_counts before = work->counts;
    uint64_t effects = UINT64_MAX;

    for (;;) {
        work->notes_seen.count = asked;
        work->counts = before;
        for (uint32_t i = 0; i < WORK_KEEPERS; i++) {
            read_log(work, KINDS_KEEPER + i);
        }
        if (work->counts.effects == effects || work_now(work) >= end_ms) {
            return;
        }
        effects = work->counts.effects;
        turn_until(work, work_now(work) + 1500);
    }
}

static void
end_workflow(struct work *work, uint32_t object)
{
    weft_bytes result = weft_nothing();
    weft_err err = WEFT_OK;

    if (object < KINDS_SLEEPER) {
        err = work_wait(work, WEFT_VERB_SIGNAL, object, "end", weft_nothing(),
                        NULL);
    }
    if (err == WEFT_OK) {
        err = work_wait(work, WEFT_VERB_RESULT, object, NULL, weft_nothing(),
                        &result);
    }
    if (err != WEFT_OK) {
        history_fault(&work->faults, "%" PRIu32 " does not end: %s", object,
                      weft_err_name(err));
    }
    take_entries(work, object, result);
}

static void
read_purses(struct work *work)
{
    int64_t balances[KINDS_PURSES];
    struct bank_pair pairs[KINDS_PURSES * KINDS_PURSES];
    struct bank bank = {.count = KINDS_PURSES,
                        .begin = KINDS_PURSE_BEGIN,
                        .balances = balances,
                        .pairs = pairs};

    memset(pairs, 0, sizeof(pairs));
    for (uint32_t i = 0; i < KINDS_PURSES; i++) {
        struct kinds_purse purse = {0};
        weft_bytes state;
        weft_err err = work_wait(work, WEFT_VERB_QUERY, KINDS_PURSE + i, "all",
                                 weft_nothing(), &state);

        if (err == WEFT_OK && state.len == sizeof(purse)) {
            memcpy(&purse, state.data, sizeof(purse));
        }
        look_purse(pairs, balances, i, &purse);
    }
    for (uint32_t i = 0; i < KINDS_PURSES * KINDS_PURSES; i++) {
        work->counts.coins += pairs[i].got_count;
    }
    bank_check_end(&bank, &work->faults);
}

// What each cell and ledger says at last, as operations of its own.
static void
read_cells(struct work *work)
{
    for (uint32_t i = 0; i < WORK_CELLS + WORK_LEDGERS; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            struct work_call *call = work_call_create(
                work, WORK_CELL,
                i < WORK_CELLS ? KINDS_CELL + i
                               : KINDS_LEDGER + i - WORK_CELLS);

            call->op = ++work->next_op;
            call->verb = k == 0 ? LINEAR_READ : LINEAR_LIST;
            work_ask(work, call);
        }
    }
    await_answers(work);
}

// Checking. -------------------------------------------------------------------

static void
check_object(struct work *work, uint32_t object)
{
    switch (linear_check(&work->history, object)) {
    case LINEAR_NO:
        history_fault(&work->faults,
                      "no order explains what %" PRIu32 " answered", object);
        break;
    case LINEAR_TOO_LONG:
        work->counts.undecided++;
        break;
    default:
        break;
    }
    work->counts.histories++;
}

void
work_finish(struct work *work, uint64_t timer_bound_ms)
{
    uint64_t quiet_ms = work_now(work);

    await_answers(work);
    turn_until(work, quiet_ms + work->options.parked_ms);
    resume_all(work);
    read_cells(work);
    for (uint32_t i = 0; i < WORK_LOOPS; i++) {
        end_workflow(work, KINDS_LOOP + i);
    }
    for (uint32_t i = 0; i < WORK_SLEEPERS; i++) {
        end_workflow(work, KINDS_SLEEPER + i);
    }
    read_keepers(work);
    for (uint32_t i = 0; i < WORK_CLOCKS; i++) {
        read_log(work, KINDS_CLOCK + i);
    }
    read_purses(work);
    once_check(&work->notes_seen, &work->faults);
    fifo_check(&work->notes_seen, &work->faults);
    timers_check(&work->timers, timer_bound_ms, work_now(work), &work->faults);
    for (uint32_t i = 0; i < WORK_CELLS; i++) {
        check_object(work, KINDS_CELL + i);
    }
    for (uint32_t i = 0; i < WORK_LEDGERS; i++) {
        check_object(work, KINDS_LEDGER + i);
    }
}
