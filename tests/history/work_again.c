// SPDX-License-Identifier: Apache-2.0
//
// work_again.c - answers, and what is asked again because there was none, or a
// refusal.

#include <inttypes.h>
#include <string.h>

#include "history/work_impl.h"
#include "weft/capsule.h"

// Asking again. ---------------------------------------------------------------

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

void
work_lose(struct work *work, struct work_call *call)
{
    work_note_event(work, HISTORY_LOSE, call, 0);
    work->counts.lost++;
    if (work_draw(work, 2) == 0 && call->number != 0 &&
        !work_is_reading(call)) {
        (void)plan_again(work, call, false);
    }
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
        work_note_event(work, HISTORY_REFUSE, call, 0);
        (void)plan_again(work, call, true);
    } else if (err == WEFT_OK ||
               (err == WEFT_ENOTFOUND && work_is_reading(call))) {
        work_note_event(work, HISTORY_ANSWER, call, number_of(data));
    } else if (err == WEFT_EIO || err == WEFT_ETIMEDOUT ||
               err == WEFT_ECLOSED) {
        work_lose(work, call);
    } else if (err == WEFT_EEXPIRED && call->is_again) {
        work_note_event(work, HISTORY_LOSE, call, 0); // too late to be told
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
    work_call_destroy(call);
}

void
work_call_again(struct work_call *call)
{
    if (call->type == WORK_NOTE) {
        work_note_event(call->work, HISTORY_AGAIN, call, 0);
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
