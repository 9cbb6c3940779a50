// SPDX-License-Identifier: Apache-2.0
//
// reset.c - see reset.h.
//
// The code is replayed by an actor made for this alone, whose journal is what
// will be kept. Each command that it gives is noted with its effect; at the end
// the effects of those that have no result are what the record needs.

#include "runtime/reset.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/child.h"
#include "runtime/edge.h"
#include "runtime/operate.h"
#include "runtime/stamp.h"
#include "runtime/update.h"
#include "runtime/workflow_impl.h"
#include "weft/operate.h"

// Points. -------------------------------------------------------------------

#define NOWHERE UINT64_MAX

// What a journal has: indices of entries, NOWHERE if it has none.
struct points {
    uint64_t turn_of_entry; // where the turn of the wanted entry begins
    uint64_t first_failed;  // results
    uint64_t last_failed;
    uint64_t last_activity; // the turn that called it
};

static bool
is_failed_result(const struct wf_entry *entry)
{
    struct wf_letter letter;

    return entry->type == WF_ENTRY_LETTER &&
           wf_letter_decode(entry->letter, &letter) && letter.err != WEFT_OK &&
           (letter.type == WF_LETTER_ACTIVITY ||
            letter.type == WF_LETTER_CHILD || letter.type == WF_LETTER_FAILED);
}

static struct points
find_points(const struct wf_journal *journal, uint64_t wanted)
{
    struct points points = {NOWHERE, NOWHERE, NOWHERE, NOWHERE};
    struct wf_journal_cursor cursor = {.journal = journal};
    struct wf_entry entry;
    uint64_t turn = 0;
    uint64_t index = 0;

    for (; wf_journal_next(&cursor, &entry); index = cursor.index) {
        if (wf_entry_is_event(&entry) || entry.type == WF_ENTRY_CHANCE) {
            turn = index;
        }
        if (index == wanted) {
            points.turn_of_entry = turn;
        }
        if (entry.type == WF_ENTRY_OPEN && entry.kind == WF_COMMAND_ACTIVITY) {
            points.last_activity = turn;
        }
        if (is_failed_result(&entry)) {
            points.last_failed = index;
            points.first_failed =
                points.first_failed == NOWHERE ? index : points.first_failed;
        }
    }
    return points;
}

static weft_err
find_entry(const struct wf_actor *actor, const struct wf_request *request,
           const struct points *points)
{
    uint64_t entry = request->point_entry;

    if (request->verb == WEFT_VERB_FORK && entry == actor->journal.count) {
        return WEFT_OK; // the next one begins there
    }
    if (points->turn_of_entry == NOWHERE) {
        return wf_error(WEFT_EINVAL,
                        "its journal has %llu entries, there is "
                        "no entry %llu",
                        (unsigned long long)actor->journal.count,
                        (unsigned long long)entry);
    }
    return points->turn_of_entry == entry
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "entry %llu is inside of a turn that begins at "
                          "entry %llu",
                          (unsigned long long)entry,
                          (unsigned long long)points->turn_of_entry);
}

// How many entries are kept.
static weft_err
find_kept(const struct wf_actor *actor, const struct wf_request *request,
          uint64_t *out_kept)
{
    struct points points = find_points(&actor->journal, request->point_entry);

    if (request->verb == WEFT_VERB_RETRY_FAILED) {
        *out_kept = points.last_failed;
        return actor->status == WEFT_STATUS_FAILED && *out_kept != NOWHERE
                   ? WEFT_OK
                   : wf_error(WEFT_EINVAL,
                              "it was not ended by an activity or child that "
                              "failed");
    }
    switch (request->point_type) {
    case WEFT_POINT_ENTRY:
        *out_kept = request->point_entry;
        return find_entry(actor, request, &points);
    case WEFT_POINT_FIRST_FAILED:
        *out_kept = points.first_failed;
        break;
    case WEFT_POINT_LAST_ACTIVITY:
        *out_kept = points.last_activity;
        break;
    default:
        *out_kept = 0;
        break;
    }
    return *out_kept != NOWHERE
               ? WEFT_OK
               : wf_error(WEFT_EINVAL, "its journal has no such point");
}

// What has to be begun again. -----------------------------------------------

struct note {
    uint32_t id;
    bool replaces;    // a child's start that ends one that runs
    bool asks;        // what was begun before to stop
    weft_bytes ops;   // owned
    weft_bytes sends; // owned: sections
};

struct wf_remade {
    struct wf_turn turn; // that effects go to, one after the other
    struct note *notes;
    size_t count;
    size_t cap;
};

bool
wf_reset_keeps(const struct wf_letter *letter, uint32_t ordinal)
{
    return (letter->type == WF_LETTER_ACTIVITY ||
            letter->type == WF_LETTER_STEP ||
            letter->type == WF_LETTER_STARTED ||
            letter->type == WF_LETTER_CHILD) &&
           letter->err == WEFT_OK && letter->call <= ordinal;
}

struct wf_turn *
wf_reset_turn(weft_workflow *wf)
{
    if (!wf->is_replaying) {
        return wf->turn;
    }
    return wf->remade == NULL ? NULL : &wf->remade->turn;
}

static weft_bytes
take(struct wf_buf *buf)
{
    weft_bytes taken =
        buf->len == 0 ? weft_nothing() : wf_bytes_copy(wf_buf_bytes(buf));

    wf_buf_reset(buf);
    return taken;
}

void
wf_reset_note(weft_workflow *wf, uint32_t id)
{
    struct wf_remade *remade = wf->remade;

    if (remade == NULL) {
        return;
    }
    if (remade->count == remade->cap) {
        remade->cap = remade->cap == 0 ? 16 : remade->cap * 2;
        remade->notes =
            wf_realloc(remade->notes, remade->cap * sizeof(*remade->notes));
    }
    remade->notes[remade->count++] = (struct note){
        .id = id,
        .ops = take(&remade->turn.ops),
        .sends = take(&remade->turn.sends.sections),
    };
}

void
wf_reset_note_replaces(weft_workflow *wf)
{
    if (wf->remade != NULL) {
        wf->remade->notes[wf->remade->count - 1].replaces = true;
    }
}

void
wf_reset_note_asks(weft_workflow *wf)
{
    if (wf->remade != NULL) {
        wf->remade->notes[wf->remade->count - 1].asks = true;
    }
}

static void
remade_fini(struct wf_remade *remade)
{
    for (size_t i = 0; i < remade->count; i++) {
        wf_own_bytes(&remade->notes[i].ops, weft_nothing());
        wf_own_bytes(&remade->notes[i].sends, weft_nothing());
    }
    wf_free(remade->notes);
    wf_turn_fini(&remade->turn);
}

// As the actor was when that much of its journal was written, in the run that
// will follow.
static struct wf_actor *
make_earlier(const struct wf_actor *actor, uint64_t kept)
{
    struct wf_actor *earlier = wf_actor_create(&actor->key, actor->hash);

    earlier->kind = actor->kind;
    earlier->status = WEFT_STATUS_RUNNING;
    earlier->version = actor->version;
    earlier->run = actor->run + 1;
    earlier->origin_run = actor->origin_run;
    earlier->seed = actor->seed;
    earlier->origin_seed = actor->origin_seed;
    earlier->attempt = actor->attempt;
    wf_own_bytes(&earlier->input, actor->input);
    wf_own_bytes(&earlier->options, actor->options);
    wf_own_bytes(&earlier->attributes_begun, actor->attributes_begun);
    wf_journal_copy(&actor->journal, kept, &earlier->journal);
    return earlier;
}

// What is there of a call that is kept: a result that is used again, or a
// failure that nobody has handled yet.
enum outcome { OUTCOME_NONE, OUTCOME_KNOWN, OUTCOME_FAILED };

uint8_t *
wf_reset_known(const struct wf_actor *actor, uint64_t kept, uint32_t ordinal)
{
    struct wf_journal_cursor cursor = {.journal = &actor->journal};
    uint8_t *known = wf_calloc((size_t)ordinal + 1);
    struct wf_entry entry;
    struct wf_letter letter;

    while (wf_journal_next(&cursor, &entry)) {
        if (cursor.index > kept && entry.type == WF_ENTRY_LETTER &&
            wf_letter_decode(entry.letter, &letter) &&
            letter.type != WF_LETTER_STARTED &&
            wf_reset_keeps(&letter, ordinal)) {
            known[letter.call] = OUTCOME_KNOWN;
        }
    }
    return known;
}

// Put a result once more, as one that the run which follows waits for: as it
// is, it is about the run before.
static void
put_again(struct wf_turn *turn, const struct wf_actor *from,
          struct wf_letter letter)
{
    bool is_of_child =
        letter.type == WF_LETTER_CHILD || letter.type == WF_LETTER_STARTED;

    letter.sender_run =
        is_of_child ? wf_run_stamp(from->seed, from->run + 1) : from->run + 1;
    wf_buf_put_u8(&turn->ops, WF_OP_PUSH);
    wf_letter_put(&letter, &turn->ops);
}

// What a letter that waits says of a call that is kept. A child's result needs
// nothing in a reset: its call is open, and waits for it. A fork has no call.
static enum outcome
outcome_of(const struct wf_actor *from, const struct wf_letter *letter,
           uint32_t ordinal, bool is_fork)
{
    const struct wf_call *call;

    if (letter->call > ordinal) {
        return OUTCOME_NONE;
    }
    switch (letter->type) {
    case WF_LETTER_ACTIVITY:
    case WF_LETTER_STEP:
        return letter->sender_run == from->run && letter->err == WEFT_OK
                   ? OUTCOME_KNOWN
                   : OUTCOME_NONE;
    case WF_LETTER_CHILD:
        call = wf_actor_find_call(from, letter->call);
        if (call == NULL || call->run != letter->sender_run) {
            return OUTCOME_NONE;
        }
        return letter->err != WEFT_OK ? OUTCOME_FAILED
               : is_fork              ? OUTCOME_KNOWN
                                      : OUTCOME_NONE;
    default:
        return OUTCOME_NONE;
    }
}

static bool
read_waiting(const struct wf_list_node *node, struct wf_letter *out_letter)
{
    const struct wf_waiting *waiting =
        WF_CONTAINER(node, struct wf_waiting, node);

    return wf_letter_decode(weft_bytes_of(waiting->bytes, waiting->len),
                            out_letter);
}

// That the child had started comes before how it ended.
static void
put_started(struct wf_turn *turn, const struct wf_actor *from, uint32_t child)
{
    const struct wf_list *list = &from->mailbox.letters;
    const struct wf_list_node *node = wf_list_first(list);
    struct wf_letter letter;

    for (; node != NULL; node = wf_list_next(list, node)) {
        if (read_waiting(node, &letter) && letter.type == WF_LETTER_STARTED &&
            letter.call == child) {
            put_again(turn, from, letter);
            return;
        }
    }
}

// Add what is in the mailbox. What is in rows only, or too much for one record,
// is as if it had not come.
static void
put_waiting(struct wf_turn *turn, const struct wf_actor *from, uint32_t ordinal,
            uint8_t *known)
{
    const struct wf_list *list = &from->mailbox.letters;
    const struct wf_list_node *node = wf_list_first(list);
    struct wf_letter letter;

    for (; node != NULL && turn->ops.len < WF_TURN_BYTES_MAX / 2;
         node = wf_list_next(list, node)) {
        enum outcome outcome =
            read_waiting(node, &letter)
                ? outcome_of(from, &letter, ordinal, from != turn->actor)
                : OUTCOME_NONE;

        if (outcome == OUTCOME_KNOWN && letter.type == WF_LETTER_CHILD) {
            put_started(turn, from, letter.call);
        }
        if (outcome == OUTCOME_KNOWN) {
            put_again(turn, from, letter);
        }
        if (outcome != OUTCOME_NONE) {
            known[letter.call] = (uint8_t)outcome;
        }
    }
}

// A child that still runs is awaited as before; one whose result is used again
// needs its call. One that was asked to stop is asked again: what it said to
// that may be cut.
static void
put_note(struct wf_turn *turn, const struct note *note,
         enum wf_command_kind kind, enum outcome outcome)
{
    bool is_child = kind == WF_COMMAND_CHILD;
    const struct wf_call *call =
        is_child ? wf_actor_find_call(turn->actor, note->id) : NULL;

    if (is_child && note->asks) {
        if (outcome != OUTCOME_KNOWN) {
            wf_buf_put(&turn->ops, note->ops.data, note->ops.len);
        }
        return;
    }
    if (call != NULL && outcome == OUTCOME_FAILED) {
        wf_turn_call_close(turn, note->id);
    } else if (call != NULL) {
        if (call->is_given_up) {
            wf_child_want(turn, note->id);
        }
        return;
    }
    if (outcome != OUTCOME_KNOWN || is_child) {
        wf_buf_put(&turn->ops, note->ops.data, note->ops.len);
        turn->has_commands = true;
    }
    if (outcome != OUTCOME_KNOWN) {
        wf_buf_put(&turn->sends.sections, note->sends.data, note->sends.len);
    }
}

// The last command of what is kept. That at which its last turn broke off comes
// behind that, and has not begun.
static uint32_t
last_ordinal(const weft_workflow *wf)
{
    return wf->ordinal - (wf->broken != NULL ? 1 : 0);
}

// What is known is that of `from`; what is open, that of turn->actor. Returns a
// child that a fork may not start, for it would end the one that runs; 0: there
// is none.
static uint32_t
put_notes(struct wf_turn *turn, const weft_workflow *wf,
          const struct wf_actor *from, uint64_t kept)
{
    uint32_t ordinal = last_ordinal(wf);
    uint8_t *known = wf_reset_known(from, kept, ordinal);
    uint32_t refused = 0;

    put_waiting(turn, from, ordinal, known);
    for (size_t i = 0; i < wf->remade->count; i++) {
        const struct note *note = &wf->remade->notes[i];
        const struct wf_future *future = &wf->futures[note->id - 1];
        enum outcome outcome = (enum outcome)known[note->id];

        if (future->state != WF_FUTURE_PENDING) {
            continue;
        }
        if (note->replaces && outcome != OUTCOME_KNOWN && from != turn->actor) {
            refused = note->id;
        }
        put_note(turn, note, future->kind, outcome);
    }
    wf_free(known);
    return refused;
}

static const char *
name_of(weft_verb verb)
{
    switch (verb) {
    case WEFT_VERB_RESET:
        return "reset";
    case WEFT_VERB_FORK:
        return "fork";
    default:
        return "retry";
    }
}

// The newest update that was accepted in what is kept: up to there their
// handlers go on, and do nothing twice. 0: none was.
static uint32_t
last_update(const struct wf_actor *from, uint64_t kept)
{
    struct wf_journal_cursor cursor = {.journal = &from->journal};
    struct wf_letter letter;
    struct wf_entry entry;
    uint32_t last = 0;

    while (cursor.index < kept && wf_journal_next(&cursor, &entry)) {
        if (entry.type == WF_ENTRY_LETTER &&
            wf_letter_decode(entry.letter, &letter) &&
            letter.type == WF_LETTER_UPDATE && letter.call > last) {
            last = letter.call;
        }
    }
    return last;
}

static void
put_reset(struct wf_turn *turn, const struct wf_actor *from,
          const struct wf_request *request, uint64_t kept, uint32_t ordinal)
{
    bool is_fork = request->verb == WEFT_VERB_FORK;

    wf_operate_put(&turn->ops, request,
                   "%s: run %llu keeps %llu of %llu entries of run %llu%s%s",
                   name_of(request->verb), (unsigned long long)from->run + 1,
                   (unsigned long long)kept,
                   (unsigned long long)from->journal.count,
                   (unsigned long long)from->run, is_fork ? " of " : "",
                   is_fork ? request->name : "");
    wf_update_end_all(turn, last_update(from, kept));
    wf_buf_put_u8(&turn->ops, WF_OP_RESET);
    wf_buf_put_varint(&turn->ops, kept);
    wf_buf_put_varint(&turn->ops, ordinal);
}

// Replay what is kept, and put what follows from it.
static weft_err
put_earlier(struct wf_turn *turn, const struct wf_actor *from,
            const struct wf_request *request, const struct wf_kind *kind,
            uint64_t kept)
{
    struct wf_partition *partition = turn->partition;
    struct wf_actor *earlier = make_earlier(from, kept);
    weft_workflow *wf = wf_workflow_create(partition, earlier, kind);
    struct wf_remade remade = {0};
    uint32_t refused = 0;
    weft_err err = WEFT_OK;

    wf_turn_init(&remade.turn, partition, earlier);
    if (wf == NULL) {
        err = wf_error(WEFT_ENOMEM, "no memory for a stack");
    } else {
        wf->remade = &remade;
        if (wf_replay_journal(wf)) {
            put_reset(turn, from, request, kept, last_ordinal(wf));
            refused = put_notes(turn, wf, from, kept);
        } else if (wf->is_done && kept == from->journal.count) {
            err = wf_error(WEFT_EINVAL, "its code ends with entry %llu",
                           (unsigned long long)kept - 1);
        } else if (wf->is_starved) {
            err = wf_error(WEFT_ENOMEM, "no memory for the stack of a branch");
        } else {
            err = wf_error(WEFT_EDIVERGED, "%s", wf->divergence);
        }
        wf_workflow_drop(partition, earlier);
    }
    remade_fini(&remade);
    wf_actor_destroy(earlier);
    if (refused != 0) {
        err = wf_error(WEFT_EINVAL,
                       "call %u, a child, would end the one of its id that "
                       "runs; choose a point before it",
                       refused);
    }
    return err;
}

weft_err
wf_reset_put(struct wf_turn *turn, const struct wf_actor *from,
             const struct wf_request *request)
{
    size_t before = wf_turn_bytes(turn);
    const struct wf_kind *kind;
    uint64_t kept = 0;
    weft_err err;

    if (!from->kind->is_workflow) {
        return wf_error(WEFT_EINVAL, "%s is no workflow and has no journal",
                        from->kind->name);
    }
    err = find_kept(from, request, &kept);
    if (err != WEFT_OK) {
        return err;
    }
    if (kept == 0) {
        put_reset(turn, from, request, 0, 0);
        return WEFT_OK;
    }
    kind = wf_kind_version(from->kind, from->version);
    if (kind == NULL) {
        return wf_error(WEFT_ENOTFOUND,
                        "version %u of %s is not registered here",
                        from->version, from->kind->name);
    }
    err = put_earlier(turn, from, request, kind, kept);
    if (err == WEFT_OK && wf_turn_bytes(turn) - before > WF_TURN_BYTES_MAX) {
        err = wf_error(WEFT_ETOOBIG,
                       "what has to be begun again has over %u bytes",
                       WF_TURN_BYTES_MAX);
    }
    return err;
}

void
wf_reset_request(struct wf_partition *partition, struct wf_actor *actor,
                 struct wf_request *request)
{
    bool was_parked = actor->is_parked;
    struct wf_turn turn;
    weft_err err;

    if (request->point_run != 0 && request->point_run != actor->run) {
        wf_edge_answer(partition, request, actor->object.position,
                       WEFT_EFINISHED, "%s: another run has begun meanwhile",
                       wf_key_id(&actor->key));
        return;
    }
    // What the last run left goes first: it would be taken for new.
    if (actor->status != WEFT_STATUS_NONE && !wf_actor_is_live(actor) &&
        wf_actor_has_work(actor, partition->now_ms)) {
        request->point_run = actor->run;
        wf_list_push_back(&actor->results, &request->wait);
        return;
    }
    wf_turn_init(&turn, partition, actor);
    err = actor->status == WEFT_STATUS_NONE
              ? wf_error(WEFT_ENOTFOUND, "no such instance")
              : wf_reset_put(&turn, actor, request);
    if (err != WEFT_OK) {
        wf_turn_fini(&turn);
        wf_edge_answer(partition, request, actor->object.position, err,
                       "%s: %s", wf_key_id(&actor->key), weft_err_detail());
        return;
    }
    wf_workflow_drop(partition, actor);
    wf_edge_put_done(request, &turn.sends);
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
    if (was_parked) {
        wf_turn_count_unparked(partition);
    }
    wf_edge_answer(partition, request, partition->last_record, WEFT_OK, "%s",
                   "");
}
