// SPDX-License-Identifier: Apache-2.0
//
// replay.c - the journal against the code.
//
// Commands are found by location (branch and ordinal) and compared by kind,
// name and hash of their input. The journal interleaves events with the
// commands that each led to, so replay feeds one event, lets the code run
// until it waits, and then expects the next event: a command too many, too
// few, or another one shows at the very turn where code and journal part.

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "runtime/interceptor.h"
#include "runtime/signals.h"
#include "runtime/workflow_impl.h"

static void
show_entry(const struct wf_entry *entry, char *text, size_t size)
{
    if (wf_entry_is_event(entry)) {
        (void)snprintf(text, size, "an event");
    } else if (entry->type == WF_ENTRY_BREAK) {
        (void)snprintf(text, size, "that it goes on");
    } else {
        (void)snprintf(text, size, "%s \"%.*s\" at %u.%u (input %08x)",
                       wf_command_kind_name(entry->kind), (int)entry->name.len,
                       (const char *)entry->name.data, entry->branch,
                       entry->ordinal, (unsigned)entry->input_hash);
    }
}

// Code and journal part: note both sides, and let the stack unwind.
static void
diverge(weft_workflow *wf, const struct wf_entry *recorded,
        const struct wf_entry *given)
{
    char left[512] = "nothing more";
    char right[512] = "waits or ends";
    char text[1200];

    if (recorded != NULL) {
        show_entry(recorded, left, sizeof(left));
    }
    if (given != NULL) {
        show_entry(given, right, sizeof(right));
    }
    (void)snprintf(text, sizeof(text),
                   "the code does not fit its journal at entry %llu: recorded "
                   "was %s; the code gives %s",
                   (unsigned long long)wf->cursor.index, left, right);
    if (wf->divergence == NULL) {
        wf->divergence = wf_strdup(text);
    }
    wf->is_unwinding = true;
}

static bool
is_same(const struct wf_entry *a, const struct wf_entry *b)
{
    return a->type == b->type && a->branch == b->branch &&
           a->ordinal == b->ordinal && a->kind == b->kind &&
           wf_bytes_equal(a->name, b->name) && a->input_hash == b->input_hash;
}

void
wf_replay_record(weft_workflow *wf, const struct wf_entry *entry)
{
    wf_entry_put_op(entry, &wf->turn->ops);
}

// Open futures are linked in order of their numbers.
static void
link_open(weft_workflow *wf, uint32_t id, struct wf_scope *scope)
{
    struct wf_future *future = &wf->futures[id - 1];

    future->scope = wf_scope_hold(scope);
    future->prev = wf->last_open;
    if (wf->last_open != 0) {
        wf->futures[wf->last_open - 1].next = id;
    } else {
        wf->first_open = id;
    }
    wf->last_open = id;
}

static void
unlink_open(weft_workflow *wf, const struct wf_future *future)
{
    if (future->prev != 0) {
        wf->futures[future->prev - 1].next = future->next;
    } else {
        wf->first_open = future->next;
    }
    if (future->next != 0) {
        wf->futures[future->next - 1].prev = future->prev;
    } else {
        wf->last_open = future->prev;
    }
}

void
wf_replay_settle(weft_workflow *wf, uint32_t id)
{
    struct wf_future *future = &wf->futures[id - 1];

    unlink_open(wf, future);
    future->state = WF_FUTURE_KNOWN;
    wf->failures += future->err == WEFT_OK ? 0 : 1;
    wf_scope_release(wf, future->scope);
    wf_scope_release(wf, future->deadline);
    future->scope = NULL;
    future->deadline = NULL;
    wf_branch_wake_number(wf, future->waiter);
    future->waiter = 0;
}

static bool
has_result(enum wf_command_kind kind)
{
    return kind != WF_COMMAND_SIGNAL && kind != WF_COMMAND_ABANDON &&
           kind != WF_COMMAND_VALUE;
}

static void
add_future(weft_workflow *wf, enum wf_command_kind kind, struct wf_scope *scope)
{
    wf->ordinal++;
    if (wf->ordinal > wf->futures_cap) {
        wf->futures_cap = wf->futures_cap == 0 ? 16 : wf->futures_cap * 2;
        wf->futures =
            wf_realloc(wf->futures, wf->futures_cap * sizeof(*wf->futures));
    }
    wf->futures[wf->ordinal - 1] = (struct wf_future){
        .kind = kind,
        .state = has_result(kind) ? WF_FUTURE_PENDING : WF_FUTURE_NONE,
        .name = "",
        .text = "",
        .source = "",
    };
    if (has_result(kind)) {
        link_open(wf, wf->ordinal, scope);
    }
}

// What the code must do next, or what happens to it. Patches are looked up by
// name, wherever they are.
static bool
next_entry(weft_workflow *wf, struct wf_entry *out_entry)
{
    while (wf_journal_next(&wf->cursor, out_entry)) {
        if (out_entry->type == WF_ENTRY_CHANCE) {
            wf_random_init(&wf->random, out_entry->seed);
        } else if (out_entry->type != WF_ENTRY_PATCH) {
            return true;
        }
    }
    return false;
}

bool
wf_replay_has_call(const weft_workflow *wf, const char *activity)
{
    struct wf_journal_cursor cursor = wf->cursor;
    struct wf_entry entry;

    while (wf->is_replaying && wf_journal_next(&cursor, &entry)) {
        if (entry.type == WF_ENTRY_OPEN) {
            return entry.kind == WF_COMMAND_ACTIVITY &&
                   entry.ordinal == wf->ordinal + 1 &&
                   wf_bytes_equal(entry.name, weft_text(activity));
        }
        if (entry.type != WF_ENTRY_CHANCE && entry.type != WF_ENTRY_PATCH &&
            entry.type != WF_ENTRY_BREAK && entry.type != WF_ENTRY_WENT_ON) {
            return false;
        }
    }
    return false;
}

weft_err
wf_replay_check_caller(const weft_workflow *wf)
{
    weft_err err = wf_branch_check(wf, NULL);

    return err == WEFT_OK && wf->is_unwinding ? WEFT_EUNWIND : err;
}

static const struct wf_interceptors *
interceptors_of(const weft_workflow *wf)
{
    return wf_definitions_interceptors(wf->partition->options.definitions);
}

static void
show_command(const weft_workflow *wf, const struct wf_entry *command)
{
    const struct wf_interceptors *interceptors = interceptors_of(wf);

    if (interceptors->has_command) {
        wf_interceptors_command(interceptors, &wf->actor->key, wf->actor->run,
                                command, wf->is_replaying);
    }
}

// The turn is large enough: the rest of what the code does before it waits is
// a turn of its own, and a record. So no number of commands is too large.
static weft_err
break_if_large(weft_workflow *wf)
{
    if (wf_branch_here(wf) == NULL ||
        wf_turn_bytes(wf->turn) < WF_TURN_BREAK_BYTES) {
        return WEFT_OK;
    }
    wf_replay_record(wf, &(struct wf_entry){.type = WF_ENTRY_BREAK});
    return wf_branch_break(wf);
}

// What is recorded of this command. The code broke off before it, perhaps: if
// it has not gone on since, it does so now, live.
static weft_err
recorded_command(weft_workflow *wf, const struct wf_entry *given,
                 struct wf_entry *out_recorded)
{
    bool is_there = next_entry(wf, out_recorded);

    if (is_there && out_recorded->type == WF_ENTRY_BREAK &&
        wf_branch_here(wf) != NULL) {
        is_there = next_entry(wf, out_recorded);
        if (!is_there && wf->cursor.index == wf->actor->journal.count) {
            return wf_branch_break(wf);
        }
        if (is_there && out_recorded->type == WF_ENTRY_WENT_ON) {
            wf->now_ms = out_recorded->now_ms;
            is_there = next_entry(wf, out_recorded);
        }
    }
    if (!is_there || !is_same(out_recorded, given)) {
        diverge(wf, is_there ? out_recorded : NULL, given);
        return WEFT_EUNWIND;
    }
    return WEFT_OK;
}

// Find what is recorded of it; false, if nothing is.
static weft_err
find_recorded(weft_workflow *wf, const struct wf_entry *given,
              struct wf_entry *out_recorded, bool *out_is_recorded)
{
    weft_err err = wf->is_replaying ? recorded_command(wf, given, out_recorded)
                                    : break_if_large(wf);

    // Code that goes on after its history is live.
    *out_is_recorded = wf->is_replaying;
    return err;
}

// Record it, or compare it with what is recorded.
static weft_err
give_command(weft_workflow *wf, const struct wf_entry *entry)
{
    struct wf_entry recorded;
    bool is_recorded;
    weft_err err = find_recorded(wf, entry, &recorded, &is_recorded);

    if (err != WEFT_OK) {
        return err;
    }
    if (!is_recorded) {
        wf_replay_record(wf, entry);
    }
    show_command(wf, entry);
    // What interceptors and a break leave there, a replay may not.
    wf_error_clear();
    return WEFT_OK;
}

weft_err
wf_replay_own_command(weft_workflow *wf, enum wf_command_kind kind,
                      const char *name, weft_bytes input)
{
    add_future(wf, kind, wf->root);
    return give_command(wf,
                        &(struct wf_entry){
                            .type = WF_ENTRY_OPEN,
                            .kind = kind,
                            .ordinal = wf->ordinal,
                            .name = weft_text(name),
                            .input_hash = wf_hash64(input.data, input.len, 0),
                        });
}

weft_err
wf_replay_command(weft_workflow *wf, enum wf_command_kind kind,
                  const char *name, weft_bytes input)
{
    const struct wf_branch *branch = wf_branch_here(wf);
    weft_err err = wf_replay_check_caller(wf);

    if (err != WEFT_OK) {
        return err;
    }
    add_future(wf, kind, branch->scope);
    return give_command(wf,
                        &(struct wf_entry){
                            .type = WF_ENTRY_OPEN,
                            .kind = kind,
                            .branch = branch->number,
                            .ordinal = wf->ordinal,
                            .name = weft_text(name),
                            .input_hash = wf_hash64(input.data, input.len, 0),
                        });
}

weft_err
wf_replay_value(weft_workflow *wf, const char *name, bool *out_is_recorded,
                weft_err *out_err, weft_bytes *out_data)
{
    struct wf_entry entry = {
        .type = WF_ENTRY_VALUE,
        .kind = WF_COMMAND_VALUE,
        .name = weft_text(name),
    };
    const struct wf_branch *branch = wf_branch_here(wf);
    struct wf_entry recorded = {0};
    weft_err err = wf_replay_check_caller(wf);

    if (err != WEFT_OK) {
        return err;
    }
    add_future(wf, WF_COMMAND_VALUE, branch->scope);
    entry.branch = branch->number;
    entry.ordinal = wf->ordinal;
    err = find_recorded(wf, &entry, &recorded, out_is_recorded);
    if (err == WEFT_OK && *out_is_recorded) {
        *out_err = recorded.err;
        *out_data = recorded.data;
        wf->bytes += recorded.data.len;
    }
    return err;
}

void
wf_replay_record_value(weft_workflow *wf, const char *name, weft_err err,
                       weft_bytes data)
{
    wf->bytes += data.len;
    wf_replay_record(wf, &(struct wf_entry){
                             .type = WF_ENTRY_VALUE,
                             .kind = WF_COMMAND_VALUE,
                             .branch = wf_branch_here(wf)->number,
                             .ordinal = wf->ordinal,
                             .name = weft_text(name),
                             .err = err,
                             .data = data,
                         });
}

bool
wf_replay_knows_signals(const weft_workflow *wf)
{
    const struct wf_list_node *node = wf_list_first(&wf->signals);
    struct wf_signals signals;
    bool is_agreed;

    wf_signals_init(&signals, &wf->actor->journal);
    is_agreed = signals.unreceived_count == wf->signals.count;
    for (size_t i = 0; i < signals.count && is_agreed; i++) {
        if (!signals.entries[i].is_received) {
            WF_ASSERT(node != NULL); // there are as many
            is_agreed = wf_bytes_equal(
                signals.entries[i].letter,
                WF_CONTAINER(node, struct wf_signal, node)->bytes);
            node = wf_list_next(&wf->signals, node);
        }
    }
    wf_signals_fini(&signals);
    return is_agreed;
}

static void
show_replay(const weft_workflow *wf, bool is_end)
{
    const struct wf_interceptors *interceptors = interceptors_of(wf);
    weft_intercepted_turn shown = {
        .run = wf->actor->run,
        .message = "",
        .is_replaying = 1,
        .is_end = is_end,
        .has_failed = is_end && wf->is_unwinding,
    };

    if (interceptors->has_turn) {
        wf_interceptors_turn(interceptors, &wf->actor->key, &shown);
    }
}

bool
wf_replay_journal(weft_workflow *wf)
{
    struct wf_entry entry;
    struct wf_letter letter;

    show_replay(wf, false);
    wf->is_replaying = true;
    wf->cursor = (struct wf_journal_cursor){.journal = &wf->actor->journal};
    while (!wf->is_unwinding && next_entry(wf, &entry)) {
        if (!wf_entry_is_event(&entry) || entry.type == WF_ENTRY_WENT_ON ||
            wf->is_done) {
            diverge(wf, &entry, NULL);
            break;
        }
        wf_workflow_event(wf, &entry,
                          entry.type == WF_ENTRY_LETTER &&
                                  wf_letter_decode(entry.letter, &letter)
                              ? &letter
                              : NULL);
        wf_branch_run(wf);
    }
    if (wf->cursor.index < wf->actor->journal.count && !wf->is_unwinding) {
        wf->divergence = wf_strdup("an entry of its journal does not decode");
        wf->is_unwinding = true;
    }
    if (wf->is_done && !wf->is_unwinding && wf_actor_is_live(wf->actor)) {
        diverge(wf, NULL, NULL);
    }
    WF_ASSERT_SLOW(wf->is_unwinding || wf_replay_knows_signals(wf));
    wf->is_replaying = false;
    show_replay(wf, true);
    wf->partition->stats.replays++;
    wf_tally_kind(wf->partition->options.tally, wf->kind, WF_KIND_REPLAYS);
    return !wf->is_unwinding;
}
