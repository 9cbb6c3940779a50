// SPDX-License-Identifier: Apache-2.0
//
// apply_reset.c - what RESET changes: the run that follows has the beginning of
// the journal, and what came behind it is to come again. And what FORK changes:
// what was imported becomes a life of its own, before it is reset.

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/apply_impl.h"
#include "runtime/child.h"
#include "runtime/reset.h"
#include "runtime/stamp.h"
#include "runtime/update.h"

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

// Cancellation is asked for, or not, as it was at the point. Numbers of updates
// that were accepted before it are not given again: their handlers may run on.
static void
look_at_kept(struct wf_actor *actor, const struct wf_letter *letter,
             uint32_t *updates)
{
    if (letter->type == WF_LETTER_CANCEL) {
        actor->is_cancel_asked = true;
    } else if (letter->type == WF_LETTER_UPDATE && letter->call > *updates) {
        *updates = letter->call;
    }
}

// Signals, and the results of calls that are kept. That a child has started is
// told again if it is that child which is awaited, not one that is to come.
static bool
comes_again(const struct wf_actor *actor, const struct wf_letter *letter,
            uint32_t ordinal, const uint8_t *known)
{
    return letter->type == WF_LETTER_SIGNAL ||
           (wf_reset_keeps(letter, ordinal) &&
            (known[letter->call] != 0 ||
             wf_actor_find_call(actor, letter->call) != NULL));
}

static void
find_letters(struct wf_actor *actor, uint64_t kept, uint32_t ordinal,
             struct again *again)
{
    struct wf_journal_cursor cursor = {.journal = &actor->journal};
    uint8_t *known = wf_reset_known(actor, kept, ordinal);
    uint32_t updates = 0;
    struct wf_entry entry;

    actor->is_cancel_asked = false;
    while (wf_journal_next(&cursor, &entry)) {
        struct wf_letter letter;

        if (entry.type != WF_ENTRY_LETTER ||
            !wf_letter_decode(entry.letter, &letter)) {
            continue;
        }
        if (cursor.index <= kept) {
            look_at_kept(actor, &letter, &updates);
        } else if (comes_again(actor, &letter, ordinal, known)) {
            add_letter(again, entry.letter);
        }
    }
    wf_free(known);
    if (updates > 0) {
        wf_update_reserve(actor, updates);
    }
}

// By this run, but for a child that still runs.
static uint64_t
awaited_by(const struct wf_actor *actor, const struct wf_letter *letter)
{
    bool is_started = letter->type == WF_LETTER_STARTED;
    const struct wf_call *call =
        is_started ? wf_actor_find_call(actor, letter->call) : NULL;

    if (call != NULL) {
        return call->run;
    }
    return is_started || letter->type == WF_LETTER_CHILD ? wf_actor_stamp(actor)
                                                         : actor->run;
}

static void
put_back(struct wf_apply *apply, const struct again *again)
{
    for (size_t i = again->count; i > 0 && !apply->ops.failed; i--) {
        struct wf_buf bytes = {0};
        struct wf_letter letter;

        WF_ASSERT(wf_letter_decode(again->letters[i - 1], &letter)); // it did
        if (letter.type != WF_LETTER_SIGNAL) {
            letter.sender_run = awaited_by(apply->actor, &letter);
        }
        wf_letter_encode(&letter, &bytes);
        wf_apply_put_first(apply, wf_buf_bytes(&bytes));
        wf_buf_fini(&bytes);
    }
}

// Children that were called in what is kept are still awaited, and asked to
// stop if this run asks them, too.
static void
remove_waits(struct wf_apply *apply, uint32_t ordinal)
{
    struct wf_list_node *node = wf_list_first(&apply->actor->calls.list);

    wf_child_owe_all(apply->actor, ordinal);
    while (node != NULL) {
        struct wf_call *call = WF_CONTAINER(node, struct wf_call, node);

        node = wf_list_next(&apply->actor->calls.list, node);
        call->is_asked = false;
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

// What its code has seen of chance stays, what it will see is its own: else a
// fork would make the same names and numbers as the one that it came from.
static void
put_chance(struct wf_actor *actor)
{
    struct wf_buf bytes = {0};

    if (actor->origin_seed == actor->seed) {
        return;
    }
    wf_entry_encode(
        &(struct wf_entry){
            .type = WF_ENTRY_CHANCE,
            .seed = wf_run_chance(actor->seed, actor->run),
        },
        &bytes);
    (void)wf_journal_append(&actor->journal, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
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
        actor->origin_seed = actor->seed;
    } else {
        put_chance(actor);
    }
}

// Forks. --------------------------------------------------------------------

// Of what it did not handle yet a fork gets the signals, as what came behind
// the point. Results are of calls that it will make itself. Signals that the
// end of the other one had put back are in its journal too.
static bool
is_for_fork(const struct wf_actor *actor, const struct wf_waiting *waiting)
{
    struct wf_letter letter;

    return wf_actor_is_live(actor) && waiting->seq >= actor->outlived_to &&
           wf_letter_decode(weft_bytes_of(waiting->bytes, waiting->len),
                            &letter) &&
           letter.type == WF_LETTER_SIGNAL;
}

// As wf_apply_put_first: who asked is answered by the other one.
static void
push_copy(struct wf_mailbox *mailbox, const struct wf_waiting *waiting)
{
    struct wf_buf bytes = {0};
    struct wf_letter letter;

    (void)wf_letter_decode(weft_bytes_of(waiting->bytes, waiting->len),
                           &letter);
    letter.client = weft_nothing();
    letter.call = 0;
    wf_letter_encode(&letter, &bytes);
    wf_mailbox_push(mailbox, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

static void
keep_signals(struct wf_actor *actor)
{
    struct wf_mailbox *mailbox = &actor->mailbox;
    struct wf_list_node *node;
    struct wf_list taken;

    wf_mailbox_take(mailbox, &taken);
    // There is room for the letters of the journal, whatever the image said.
    mailbox->next_seq += actor->journal.count;
    mailbox->first_seq = mailbox->next_seq;
    while ((node = wf_list_pop_front(&taken)) != NULL) {
        struct wf_waiting *waiting =
            WF_CONTAINER(node, struct wf_waiting, node);

        if (is_for_fork(actor, waiting)) {
            push_copy(mailbox, waiting);
        }
        wf_free(waiting);
    }
}

// What is between the other one and others: nobody waits for the fork, no child
// hears of it, and what operators did was done to the other one.
static void
drop_ties(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_list_node *node;

    wf_key_fini(&actor->parent);
    actor->parent_run = 0;
    actor->parent_call = 0;
    while ((node = wf_list_first(&actor->calls.list)) != NULL) {
        wf_apply_remove_call(apply, WF_CONTAINER(node, struct wf_call, node));
    }
    while ((node = wf_opened_pop(&actor->orders)) != NULL) {
        wf_order_destroy(WF_CONTAINER(node, struct wf_order, node));
    }
    wf_updates_clear(&actor->updates);
    while ((node = wf_list_pop_front(&actor->operations)) != NULL) {
        wf_operation_destroy(WF_CONTAINER(node, struct wf_operation, node));
    }
    actor->operations_made = 0;
}

void
wf_apply_fork(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;

    actor->seed = wf_reader_varint(&apply->ops);
    actor->created_at_ms = apply->now_ms;
    actor->is_paused = false;
    actor->is_end_asked = false;
    actor->is_left = false;
    keep_signals(actor);
    actor->outlived_to = 0;
    drop_ties(apply);
}
