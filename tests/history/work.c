// SPDX-License-Identifier: Apache-2.0
//
// work.c - calls of clients: how one is made and waited for, and what of it is
// written down; and the whole. What is asked is work_ask.c's, what is asked
// again work_again.c's.

#include "history/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/linear.h"
#include "history/work_impl.h"
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

void
work_note_event(struct work *work, enum history_type type,
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

void
work_call_destroy(struct work_call *call)
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

weft_request
work_request(weft_verb verb, const char *name, weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.name = name;
    request.data = data;
    return request;
}

bool
work_is_reading(const struct work_call *call)
{
    return call->type == (int)WORK_CELL &&
           (call->verb == LINEAR_READ || call->verb == LINEAR_LIST);
}

void
work_operate(struct work *work, weft_verb verb, uint32_t object)
{
    static const weft_operator by = {"history", "to see what becomes of it"};
    static const weft_point beginning = {.type = WEFT_POINT_ENTRY};
    weft_request request = work_request(verb, NULL, weft_nothing());

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
    weft_request request = work_request(verb, name, data);
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
    work_call_destroy(call);
    return err;
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
        work_call_destroy(call);
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
