// SPDX-License-Identifier: Apache-2.0
//
// apply_reset.c - what RESET changes: the run that follows has the beginning of
// the journal, and what came behind it is to come again.

#include "base/alloc.h"
#include "runtime/apply_impl.h"
#include "runtime/child.h"
#include "runtime/reset.h"

// Letters of what is cut that are to come again, in their order.
struct again {
    weft_bytes *letters; // borrowed from the journal
    size_t count;
    size_t cap;
};

static void
add_letter(struct again *again, weft_bytes letter)
{
    if (again->count == again->cap) {
        again->cap = again->cap == 0 ? 16 : again->cap * 2;
        again->letters =
            wf_realloc(again->letters, again->cap * sizeof(*again->letters));
    }
    again->letters[again->count++] = letter;
}

// Signals, and the results of calls that are kept. Sets whether cancellation
// was asked for in what is kept.
static void
find_letters(struct wf_actor *actor, uint64_t kept, uint32_t ordinal,
             struct again *again)
{
    struct wf_journal_cursor cursor = {.journal = &actor->journal};
    struct wf_entry entry;

    actor->is_cancel_asked = false;
    while (wf_journal_next(&cursor, &entry)) {
        struct wf_letter letter;

        if (entry.type != WF_ENTRY_LETTER ||
            !wf_letter_decode(entry.letter, &letter)) {
            continue;
        }
        if (cursor.index <= kept) {
            actor->is_cancel_asked |= letter.type == WF_LETTER_CANCEL;
        } else if (letter.type == WF_LETTER_SIGNAL ||
                   wf_reset_keeps(&letter, ordinal)) {
            add_letter(again, entry.letter);
        }
    }
}

// By this run, but for a child that still runs.
static uint64_t
awaited_by(const struct wf_actor *actor, const struct wf_letter *letter)
{
    const struct wf_call *call = letter->type == WF_LETTER_STARTED
                                     ? wf_actor_find_call(actor, letter->call)
                                     : NULL;

    return call == NULL ? actor->run : call->run;
}

static void
put_back(struct wf_apply *apply, const struct again *again)
{
    for (size_t i = again->count; i > 0 && !apply->ops.failed; i--) {
        struct wf_buf bytes = {0};
        struct wf_letter letter;

        apply->ops.failed = !wf_letter_decode(again->letters[i - 1], &letter) ||
                            apply->ops.failed;
        if (letter.type != WF_LETTER_SIGNAL) {
            letter.sender_run = awaited_by(apply->actor, &letter);
        }
        wf_letter_encode(&letter, &bytes);
        wf_apply_put_first(apply, wf_buf_bytes(&bytes));
        wf_buf_fini(&bytes);
    }
}

// Children that were called in what is kept are still awaited.
static void
remove_waits(struct wf_apply *apply, uint32_t ordinal)
{
    struct wf_list_node *node = wf_list_first(&apply->actor->calls.list);

    wf_child_owe_all(apply->actor, ordinal);
    while (node != NULL) {
        struct wf_call *call = WF_CONTAINER(node, struct wf_call, node);

        node = wf_list_next(&apply->actor->calls.list, node);
        if (call->id > ordinal) {
            wf_apply_remove_call(apply, call);
        }
    }
    wf_apply_remove_own_waits(apply);
}

static void
live_again(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;

    actor->status = WEFT_STATUS_RUNNING;
    actor->finished_at_ms = 0;
    wf_own_bytes(&actor->result, weft_nothing());
    wf_own_bytes(&actor->failure_details, weft_nothing());
    wf_own_bytes(&actor->failure_causes, weft_nothing());
    wf_free(actor->failure_name);
    wf_free(actor->failure_message);
    actor->failure_name = NULL;
    actor->failure_message = NULL;
    actor->begins_at_ms = apply->now_ms;
    actor->run_begins_at_ms = apply->now_ms;
    actor->is_parked = false;
    actor->failed_attempts = 0;
    actor->crashes = 0;
    actor->unfit_version = 0; // a shorter journal may fit
    wf_own_text(&actor->reason, weft_nothing());
    wf_apply_end_retry(apply);
}

void
wf_apply_reset(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint64_t kept = wf_reader_varint(&apply->ops);
    uint32_t ordinal = (uint32_t)wf_reader_varint(&apply->ops);
    struct again again = {0};

    if (kept > actor->journal.count) {
        apply->ops.failed = true;
        return;
    }
    actor->run++;
    find_letters(actor, kept, ordinal, &again);
    put_back(apply, &again);
    wf_free(again.letters);
    wf_journal_cut(&actor->journal, kept);
    remove_waits(apply, ordinal);
    live_again(apply);
    actor->is_start_pending = kept == 0;
    if (kept == 0) {
        actor->origin_run = actor->run;
    }
}
