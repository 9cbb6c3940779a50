// SPDX-License-Identifier: Apache-2.0
//
// look.c - what an instance shows of itself, turned into what checkers read.

#include "history/look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/wakes.h"

static char *
name_of(const char *kind, const char *id)
{
    size_t size = strlen(kind) + strlen(id) + 2;
    char *name = history_alloc(1, size);

    if (kind[0] != '\0') {
        (void)snprintf(name, size, "%s/%s", kind, id);
    }
    return name;
}

// Clocks. ---------------------------------------------------------------------

// A timer of that name and instant is set, or has fired into the mailbox.
static bool
has_timer(const weft_inspect_actor *actor, const char *name, uint64_t due_ms)
{
    for (size_t i = 0; i < actor->timers_count; i++) {
        if (strcmp(actor->timers[i].name, name) == 0 &&
            actor->timers[i].due_at_ms == due_ms) {
            return true;
        }
    }
    for (size_t i = 0; i < actor->mailbox_count; i++) {
        if (strcmp(actor->mailbox[i].type, "timer") == 0 &&
            strcmp(actor->mailbox[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
look_at_clock(const struct look *look, const weft_inspect_actor *actor)
{
    struct kinds_entry last[KINDS_TIMER_NAMES] = {{0}};
    struct kinds_entry entry;
    size_t set = 0;

    for (size_t at = 0; at + sizeof(entry) <= actor->state.len;
         at += sizeof(entry)) {
        memcpy(&entry, (const uint8_t *)actor->state.data + at, sizeof(entry));
        if (entry.object < KINDS_TIMER_NAMES) {
            last[entry.object] = entry;
        }
    }
    for (uint32_t i = 0; i < KINDS_TIMER_NAMES; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "%" PRIu32, i);
        set += last[i].type == HISTORY_TIMER_SET;
        if (last[i].type == HISTORY_TIMER_SET &&
            !has_timer(actor, name, (uint64_t)last[i].a) && !look->is_cut) {
            history_fault(look->faults,
                          "%s: its timer %s, due %" PRId64 ", is nowhere",
                          actor->head.id, name, last[i].a);
        }
    }
    if (actor->timers_count > set) {
        history_fault(look->faults, "%s: %zu timers, and %zu are set",
                      actor->head.id, actor->timers_count, set);
    }
}

// Purses. ---------------------------------------------------------------------

void
look_purse(struct bank_pair *pairs, int64_t *balances, uint32_t place,
           const struct kinds_purse *purse)
{
    balances[place] = KINDS_PURSE_BEGIN - purse->spent;
    for (uint32_t i = 0; i < KINDS_PURSES; i++) {
        struct bank_pair *to = &pairs[place * KINDS_PURSES + i];
        struct bank_pair *from = &pairs[i * KINDS_PURSES + place];

        to->sent_count = purse->others[i].sent_count;
        to->sent = purse->others[i].sent;
        from->got_count = purse->others[i].got_count;
        from->got = purse->others[i].got;
    }
}

static void
look_at_purse(struct look *look, const weft_inspect_actor *actor)
{
    struct kinds_purse purse = {0};
    char id[KINDS_ID_SIZE];

    if (actor->state.len == sizeof(purse)) {
        memcpy(&purse, actor->state.data, sizeof(purse));
    }
    for (uint32_t i = 0; i < KINDS_PURSES; i++) {
        (void)kinds_target(KINDS_PURSE + i, id);
        if (strcmp(id, actor->head.id) == 0) {
            look_purse(look->pairs, look->balances, i, &purse);
            look->has_purse[i] = true;
        }
    }
    for (size_t i = 0; i < actor->mailbox_count; i++) {
        look->coins_waiting += strcmp(actor->mailbox[i].name, "coin") == 0;
    }
}

// All of them. ----------------------------------------------------------------

static void
add_actor(struct look *look, const weft_inspect_actor *actor)
{
    const weft_description *head = &actor->head;
    struct wakes_call *calls =
        history_alloc(actor->calls_count, sizeof(*calls));
    // A loop and a ledger always wait for somebody, at the end of their code.
    bool waits =
        strcmp(head->kind, "loop") == 0 || strcmp(head->kind, "ledger") == 0;

    if (look->count == look->cap) {
        look->cap = look->cap == 0 ? 16 : look->cap * 2;
        look->actors = realloc(look->actors, look->cap * sizeof(*look->actors));
        if (look->actors == NULL) {
            abort();
        }
    }
    for (size_t i = 0; i < actor->calls_count; i++) {
        calls[i] = (struct wakes_call){
            .callee = name_of(actor->calls[i].kind, actor->calls[i].id),
            .is_child = actor->calls[i].is_child != 0,
        };
    }
    look->actors[look->count++] = (struct wakes_actor){
        .name = name_of(head->kind, head->id),
        .parent = name_of(head->parent_kind, head->parent_id),
        .is_running = head->status == WEFT_STATUS_RUNNING,
        .is_held = head->is_parked || head->is_paused,
        .is_sequential = waits || strcmp(head->kind, "sleeper") == 0,
        .mailbox = head->mailbox_count,
        .timers = head->timers_count,
        .activities = head->activities_count,
        .receives = waits,
        .has_alarm = actor->retry_at_ms != 0,
        .calls = calls,
        .calls_count = actor->calls_count,
    };
}

int
look_at(void *ctx, const weft_inspect_actor *actor)
{
    struct look *look = ctx;

    look->is_cut = actor->mailbox_count < actor->head.mailbox_count;
    look->is_any_cut |= look->is_cut;
    if (actor->problem[0] != '\0') {
        history_fault(look->faults, "%s: %s", actor->head.id, actor->problem);
    }
    add_actor(look, actor);
    if (strcmp(actor->head.kind, "clock") == 0) {
        look_at_clock(look, actor);
    } else if (strcmp(actor->head.kind, "purse") == 0) {
        look_at_purse(look, actor);
    }
    return 0;
}

void
look_check_wakes(struct look *look, uint64_t under_way)
{
    wakes_check(look->actors, look->count, under_way, look->faults);
}

void
look_check_bank(struct look *look, uint64_t under_way)
{
    struct bank bank = {.count = KINDS_PURSES,
                        .begin = KINDS_PURSE_BEGIN,
                        .balances = look->balances,
                        .pairs = look->pairs,
                        .has_letters = !look->is_any_cut,
                        .in_mailboxes = look->coins_waiting,
                        .elsewhere = under_way};

    for (uint32_t i = 0; i < KINDS_PURSES; i++) {
        if (!look->has_purse[i]) { // it was never asked
            look->balances[i] = KINDS_PURSE_BEGIN;
        }
    }
    bank_check(&bank, look->faults);
}

void
look_fini(struct look *look)
{
    for (size_t i = 0; i < look->count; i++) {
        struct wakes_actor *actor = &look->actors[i];

        free((void *)(uintptr_t)actor->name);
        free((void *)(uintptr_t)actor->parent);
        for (size_t k = 0; k < actor->calls_count; k++) {
            free((void *)(uintptr_t)actor->calls[k].callee);
        }
        free((void *)(uintptr_t)actor->calls);
    }
    free(look->actors);
    *look = (struct look){0};
}
