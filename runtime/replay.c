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
#include "runtime/signals.h"
#include "runtime/stack.h"
#include "runtime/workflow_impl.h"

static void
show_entry(const struct wf_entry *entry, char *text, size_t size)
{
    if (wf_entry_is_event(entry)) {
        (void)snprintf(text, size, "an event");
    } else {
        (void)snprintf(text, size, "%s \"%.*s\" at 0.%u (input %08x)",
                       wf_command_kind_name(entry->kind), (int)entry->name.len,
                       (const char *)entry->name.data, entry->ordinal,
                       (unsigned)entry->input_hash);
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
    struct wf_buf bytes = {0};

    wf_entry_encode(entry, &bytes);
    wf_buf_put_u8(&wf->turn->ops, WF_OP_JOURNAL);
    wf_buf_put_bytes(&wf->turn->ops, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

static void
add_future(weft_workflow *wf, enum wf_command_kind kind)
{
    wf->ordinal++;
    if (wf->ordinal > wf->futures_cap) {
        wf->futures_cap = wf->futures_cap == 0 ? 16 : wf->futures_cap * 2;
        wf->futures =
            wf_realloc(wf->futures, wf->futures_cap * sizeof(*wf->futures));
    }
    wf->futures[wf->ordinal - 1] = (struct wf_future){
        .kind = kind,
        .state = kind == WF_COMMAND_SIGNAL || kind == WF_COMMAND_ABANDON ||
                         kind == WF_COMMAND_VALUE
                     ? WF_FUTURE_NONE
                     : WF_FUTURE_PENDING,
        .name = "",
        .text = "",
    };
}

// What the code must do next, or what happens to it. Patches are looked up by
// name, wherever they are.
static bool
next_entry(weft_workflow *wf, struct wf_entry *out_entry)
{
    while (wf_journal_next(&wf->cursor, out_entry)) {
        if (out_entry->type != WF_ENTRY_PATCH) {
            return true;
        }
    }
    return false;
}

weft_err
wf_replay_check_caller(const weft_workflow *wf)
{
    if (wf_stack_current(wf->partition->options.stacks) != wf->stack) {
        return wf_error(WEFT_EINVAL,
                        "%s: called outside of its workflow function",
                        wf_key_id(&wf->actor->key));
    }
    return wf->is_unwinding ? WEFT_EUNWIND : WEFT_OK;
}

weft_err
wf_replay_command(weft_workflow *wf, enum wf_command_kind kind,
                  const char *name, weft_bytes input)
{
    struct wf_entry entry = {
        .type = WF_ENTRY_OPEN,
        .kind = kind,
        .name = weft_text(name),
        .input_hash = wf_hash64(input.data, input.len, 0),
    };
    struct wf_entry recorded;
    weft_err err = wf_replay_check_caller(wf);

    if (err != WEFT_OK) {
        return err;
    }
    add_future(wf, kind);
    entry.ordinal = wf->ordinal;
    if (!wf->is_replaying) {
        wf_replay_record(wf, &entry);
        return WEFT_OK;
    }
    if (!next_entry(wf, &recorded)) {
        diverge(wf, NULL, &entry);
        return WEFT_EUNWIND;
    }
    if (!is_same(&recorded, &entry)) {
        diverge(wf, &recorded, &entry);
        return WEFT_EUNWIND;
    }
    return WEFT_OK;
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
    struct wf_entry recorded;
    weft_err err = wf_replay_check_caller(wf);

    if (err != WEFT_OK) {
        return err;
    }
    add_future(wf, WF_COMMAND_VALUE);
    entry.ordinal = wf->ordinal;
    *out_is_recorded = wf->is_replaying;
    if (!wf->is_replaying) {
        return WEFT_OK;
    }
    if (!next_entry(wf, &recorded)) {
        diverge(wf, NULL, &entry);
        return WEFT_EUNWIND;
    }
    if (!is_same(&recorded, &entry)) {
        diverge(wf, &recorded, &entry);
        return WEFT_EUNWIND;
    }
    *out_err = recorded.err;
    *out_data = recorded.data;
    return WEFT_OK;
}

void
wf_replay_record_value(weft_workflow *wf, const char *name, weft_err err,
                       weft_bytes data)
{
    wf_replay_record(wf, &(struct wf_entry){
                             .type = WF_ENTRY_VALUE,
                             .kind = WF_COMMAND_VALUE,
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
            is_agreed = wf_bytes_equal(
                signals.entries[i].letter,
                WF_CONTAINER(node, struct wf_signal, node)->bytes);
            node = wf_list_next(&wf->signals, node);
        }
    }
    wf_signals_fini(&signals);
    return is_agreed;
}

bool
wf_replay_journal(weft_workflow *wf)
{
    struct wf_entry entry;

    wf->is_replaying = true;
    wf->cursor = (struct wf_journal_cursor){.journal = &wf->actor->journal};
    while (wf->divergence == NULL && next_entry(wf, &entry)) {
        if (!wf_entry_is_event(&entry) || wf->is_done) {
            diverge(wf, &entry, NULL);
            break;
        }
        wf_workflow_event(wf, &entry);
        wf_workflow_resume(wf);
    }
    if (wf->cursor.index < wf->actor->journal.count && wf->divergence == NULL) {
        wf->divergence = wf_strdup("an entry of its journal does not decode");
        wf->is_unwinding = true;
    }
    if (wf->is_done && wf->divergence == NULL) {
        diverge(wf, NULL, NULL);
    }
    WF_ASSERT_SLOW(wf->divergence != NULL || wf_replay_knows_signals(wf));
    wf->is_replaying = false;
    wf->partition->stats.replays++;
    return wf->divergence == NULL;
}
