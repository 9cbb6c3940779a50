// SPDX-License-Identifier: Apache-2.0
//
// apply_actor.c - what each operation of an actor changes. See record.h for
// their fields, and apply.c for when they are applied. What begins, ends and
// holds up its lives is in apply_life.c.

#include "base/alloc.h"
#include "runtime/apply_impl.h"
#include "runtime/attributes.h"
#include "runtime/child.h"
#include "runtime/pairs.h"
#include "runtime/partition_impl.h"
#include "runtime/question.h"
#include "runtime/stamp.h"
#include "runtime/timers.h"
#include "runtime/turn.h"
#include "runtime/update.h"

static void
remove_timer(struct wf_apply *apply, struct wf_timer *timer)
{
    wf_alarm_clear(apply->partition, &timer->alarm);
    wf_timers_remove(apply->actor, timer);
}

void
wf_apply_remove_call(struct wf_apply *apply, struct wf_call *call)
{
    wf_opened_remove(&apply->actor->calls, &call->node);
    wf_call_destroy(call);
}

void
wf_apply_remove_own_waits(struct wf_apply *apply)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&apply->actor->timers.list)) != NULL) {
        remove_timer(apply, WF_CONTAINER(node, struct wf_timer, node));
    }
    while ((node = wf_list_first(&apply->actor->commands.list)) != NULL) {
        wf_apply_command_remove(apply,
                                WF_CONTAINER(node, struct wf_command, node));
    }
}

void
wf_apply_remove_waits(struct wf_apply *apply)
{
    struct wf_list_node *node;

    wf_apply_remove_own_waits(apply);
    while ((node = wf_list_first(&apply->actor->calls.list)) != NULL) {
        wf_apply_remove_call(apply, WF_CONTAINER(node, struct wf_call, node));
    }
}

// The first letter was handled. False: it is not here.
static bool
pop_letter(struct wf_actor *actor)
{
    actor->failed_attempts = 0;
    if (actor->status != WEFT_STATUS_NONE) {
        actor->crashes = 0; // else they are those of the start to come
    }
    actor->taken++;
    return wf_mailbox_pop(&actor->mailbox);
}

void
wf_apply_end_retry(struct wf_apply *apply)
{
    apply->actor->retry_due = 0;
    wf_alarm_clear(apply->partition, &apply->actor->retry);
}

// Letters. ------------------------------------------------------------------

// Does its parent start another one of this id, in a later run?
static bool
is_next_start(const struct wf_actor *actor, const struct wf_letter *letter)
{
    return letter->type == WF_LETTER_START &&
           letter->sender_run != actor->parent_run &&
           wf_bytes_equal(letter->sender, wf_key_bytes(&actor->parent));
}

// A cancellation of what has not begun yet does not wait for its turn, nor does
// the parent's word that it is to end: in words, or by starting the next one.
static void
look_for_order(struct wf_apply *apply, weft_bytes bytes)
{
    struct wf_actor *actor = apply->actor;
    enum wf_letter_type type = wf_letter_type(bytes);
    struct wf_letter letter;

    if (type != WF_LETTER_CANCEL && type != WF_LETTER_TERMINATE &&
        type != WF_LETTER_START) {
        return; // of the many that are none
    }
    if (!wf_actor_is_live(actor) || !wf_letter_decode(bytes, &letter)) {
        return;
    }
    if (type == WF_LETTER_CANCEL && wf_turn_expects(actor, &letter)) {
        actor->is_cancel_asked |= wf_actor_is_delayed(actor, apply->now_ms);
        actor->is_left |= letter.sender.len > 0;
    } else if ((type == WF_LETTER_TERMINATE &&
                wf_turn_expects(actor, &letter)) ||
               (actor->is_left && is_next_start(actor, &letter))) {
        actor->is_end_asked = true;
    }
}

void
wf_apply_look_for_orders(struct wf_apply *apply)
{
    struct wf_list *letters = &apply->actor->mailbox.letters;
    struct wf_list_node *node = wf_list_first(letters);

    for (; node != NULL; node = wf_list_next(letters, node)) {
        const struct wf_waiting *waiting =
            WF_CONTAINER(node, struct wf_waiting, node);

        look_for_order(apply, weft_bytes_of(waiting->bytes, waiting->len));
    }
}

static void
check_overfull(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;

    if (wf_mailbox_is_overfull(&actor->mailbox) &&
        !wf_list_has(&actor->spill)) {
        wf_list_push_back(&apply->partition->overfull, &actor->spill);
    }
}

// A letter that was taken from the mailbox is its first again. A question was
// answered when it was taken.
void
wf_apply_put_first(struct wf_apply *apply, weft_bytes bytes)
{
    struct wf_mailbox *mailbox = &apply->actor->mailbox;
    struct wf_buf signal = {0};
    struct wf_letter letter;

    if (!wf_letter_decode(bytes, &letter) || mailbox->first_seq <= 1) {
        apply->ops.failed = true;
        return;
    }
    if (letter.type == WF_LETTER_SIGNAL) {
        letter.client = weft_nothing();
        letter.call = 0;
    }
    wf_letter_encode(&letter, &signal);
    wf_mailbox_push_first(mailbox, wf_buf_bytes(&signal));
    wf_buf_fini(&signal);
    apply->actor->taken--; // its turn is to come once more
    check_overfull(apply);
}

// State and waits. ----------------------------------------------------------

static void
apply_state_patch(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint64_t offset = wf_reader_varint(&apply->ops);
    weft_bytes patch = wf_reader_bytes(&apply->ops);

    if (offset > actor->state.len || patch.len > actor->state.len - offset) {
        apply->ops.failed = true;
        return;
    }
    if (patch.len > 0) {
        memcpy((uint8_t *)(uintptr_t)actor->state.data + offset, patch.data,
               patch.len);
    }
}

static void
apply_journal_letter(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    const struct wf_waiting *waiting = wf_mailbox_head(&actor->mailbox);
    struct wf_buf bytes = {0};

    if (waiting == NULL) {
        apply->ops.failed = true;
        return;
    }
    wf_entry_encode(
        &(struct wf_entry){
            .type = WF_ENTRY_LETTER,
            .now_ms = apply->now_ms,
            .letter = weft_bytes_of(waiting->bytes, waiting->len),
        },
        &bytes);
    (void)wf_journal_append(&actor->journal, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
    (void)pop_letter(actor);
}

static void
apply_timer_set(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint32_t id = (uint32_t)wf_reader_varint(&apply->ops);
    uint64_t due = wf_reader_varint(&apply->ops);
    weft_bytes name = wf_reader_bytes(&apply->ops);
    struct wf_timer *timer = wf_actor_find_timer(actor, id);

    if (timer != NULL && !wf_bytes_equal(weft_text(timer->name), name)) {
        remove_timer(apply, timer); // nobody makes such a record
        timer = NULL;
    }
    if (timer == NULL) {
        timer = wf_timers_add(actor, id, name);
    }
    timer->due = due;
    if (timer->due > 0) {
        wf_alarm_set(apply->partition, &timer->alarm, timer->due);
    } else {
        wf_alarm_clear(apply->partition, &timer->alarm);
    }
    if (id >= actor->next_id) {
        actor->next_id = id + 1;
    }
}

static void
apply_timer_clear(struct wf_apply *apply)
{
    struct wf_timer *timer = wf_actor_find_timer(
        apply->actor, (uint32_t)wf_reader_varint(&apply->ops));

    if (timer != NULL) {
        remove_timer(apply, timer);
    }
}

static void
apply_call_open(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint32_t id = (uint32_t)wf_reader_varint(&apply->ops);
    uint64_t type = wf_reader_varint(&apply->ops);
    bool is_stamped = (type & WF_CALL_STAMPED) != 0;
    struct wf_call *call;

    if (wf_actor_find_call(actor, id) != NULL) {
        apply->ops.failed = true;
        return;
    }
    call = wf_calloc(sizeof(*call));
    call->id = id;
    call->run = is_stamped ? wf_actor_stamp(actor) : actor->run;
    call->type = (enum wf_call_type)(type & ~(uint64_t)WF_CALL_STAMPED);
    if (!wf_key_decode(wf_reader_bytes(&apply->ops), &call->target)) {
        apply->ops.failed = true;
    }
    call->close = (weft_parent_close)wf_reader_varint(&apply->ops);
    call->cancellation = (weft_cancellation)wf_reader_varint(&apply->ops);
    wf_opened_add(&actor->calls, &call->node);
    if (call->id >= actor->next_id) {
        actor->next_id = call->id + 1;
    }
}

static void
apply_call_close(struct wf_apply *apply)
{
    struct wf_call *call = wf_actor_find_call(
        apply->actor, (uint32_t)wf_reader_varint(&apply->ops));

    if (call != NULL) {
        wf_apply_remove_call(apply, call);
    }
}

static void
apply_call_ask(struct wf_apply *apply)
{
    uint32_t id = (uint32_t)wf_reader_varint(&apply->ops);
    uint64_t how = wf_reader_varint(&apply->ops);

    wf_child_apply_ask(apply->actor, id, how);
}

static void
apply_publish(struct wf_apply *apply, bool is_there)
{
    struct wf_actor *actor = apply->actor;
    weft_bytes name = wf_reader_bytes(&apply->ops);
    char *text = NULL;

    wf_own_text(&text, name);
    if (is_there) {
        (void)wf_published_put(&actor->published, text,
                               wf_reader_bytes(&apply->ops));
    } else {
        wf_published_remove(&actor->published, text);
    }
    wf_free(text);
}

static void
apply_memo(struct wf_apply *apply)
{
    weft_bytes name = wf_reader_bytes(&apply->ops);
    weft_bytes value = wf_reader_bytes(&apply->ops);
    struct wf_buf memo = {0};
    char *text = NULL;

    wf_own_text(&text, name);
    if (wf_pairs_set("memo", apply->actor->memo, text, value, WF_MEMO_BYTES_MAX,
                     &memo) == WEFT_OK) {
        wf_own_bytes(&apply->actor->memo, wf_buf_bytes(&memo));
    } else {
        apply->ops.failed = true;
    }
    wf_buf_fini(&memo);
    wf_free(text);
}

// The oldest go when there are too many.
static void
apply_operated(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_operation *operation = wf_calloc(sizeof(*operation));

    operation->number = ++actor->operations_made;
    operation->at_ms = apply->now_ms;
    operation->run = actor->run;
    operation->journal_count = actor->journal.count;
    wf_own_text(&operation->who, wf_reader_bytes(&apply->ops));
    wf_own_text(&operation->why, wf_reader_bytes(&apply->ops));
    wf_own_text(&operation->what, wf_reader_bytes(&apply->ops));
    wf_list_push_back(&actor->operations, &operation->node);
    if (actor->operations.count > WF_OPERATIONS_MAX) {
        wf_operation_destroy(WF_CONTAINER(wf_list_pop_front(&actor->operations),
                                          struct wf_operation, node));
    }
}

static void
apply_attribute(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_reader entry = wf_reader_of(wf_reader_bytes(&apply->ops));
    struct wf_buf set = {0};
    weft_attribute change;

    if (apply->ops.failed || !wf_attributes_next(&entry, &change)) {
        apply->ops.failed = true;
        return;
    }
    wf_attributes_merge(actor->attributes, &change, &set);
    wf_own_bytes(&actor->attributes, wf_buf_bytes(&set));
    wf_buf_fini(&set);
}

static void
apply_push(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    weft_bytes letter = wf_reader_bytes(&apply->ops);

    look_for_order(apply, letter);
    wf_mailbox_push(&actor->mailbox, letter);
    check_overfull(apply);
}

// tidy: long, one case per operation
static void
apply_actor_op(struct wf_apply *apply, enum wf_op op)
{
    struct wf_actor *actor = apply->actor;
    struct wf_reader *ops = &apply->ops;

    switch (op) {
    case WF_OP_CREATE:
    case WF_OP_STARTED:
    case WF_OP_BEGIN:
    case WF_OP_RESTART:
    case WF_OP_RUN_AGAIN:
    case WF_OP_FINISH:
    case WF_OP_IMPORT:
    case WF_OP_FORK:
    case WF_OP_REMOVE:
    case WF_OP_OUTLIVED:
    case WF_OP_RETRY:
    case WF_OP_CRASHED:
    case WF_OP_PARK:
    case WF_OP_PAUSE:
    case WF_OP_RESUME:
    case WF_OP_CANCEL_ASKED:
        wf_apply_life(apply, op);
        break;
    case WF_OP_PUSH:
        apply_push(apply);
        break;
    case WF_OP_POP:
        ops->failed = !pop_letter(actor) || ops->failed;
        wf_apply_end_retry(apply);
        break;
    case WF_OP_STATE:
        actor->version = (uint32_t)wf_reader_varint(ops);
        wf_own_bytes(&actor->state, wf_reader_bytes(ops));
        break;
    case WF_OP_STATE_PATCH:
        apply_state_patch(apply);
        break;
    case WF_OP_JOURNAL:
        (void)wf_journal_append(&actor->journal, wf_reader_bytes(ops));
        break;
    case WF_OP_JOURNAL_LETTER:
        apply_journal_letter(apply);
        wf_apply_end_retry(apply);
        break;
    case WF_OP_VERSION:
        actor->version = (uint32_t)wf_reader_varint(ops);
        break;
    case WF_OP_TIMER_SET:
        apply_timer_set(apply);
        break;
    case WF_OP_TIMER_CLEAR:
        apply_timer_clear(apply);
        break;
    case WF_OP_COMMAND_OPEN:
        wf_apply_command_open(apply);
        break;
    case WF_OP_COMMAND_ATTEMPT:
    case WF_OP_COMMAND_DETAILS:
    case WF_OP_COMMAND_DEFER:
    case WF_OP_COMMAND_CANCEL:
    case WF_OP_COMMAND_CLOSE:
    case WF_OP_COMMAND_ABANDON:
    case WF_OP_COMMAND_FAILED:
    case WF_OP_COMMAND_PAUSE:
    case WF_OP_COMMAND_RESUME:
    case WF_OP_COMMAND_RESET:
    case WF_OP_COMMAND_OPTIONS:
    case WF_OP_COMMAND_OFFER:
    case WF_OP_COMMAND_LEASE:
        wf_apply_command(apply, op);
        break;
    case WF_OP_OPERATED:
        apply_operated(apply);
        break;
    case WF_OP_CALL_OPEN:
        apply_call_open(apply);
        break;
    case WF_OP_CALL_CLOSE:
        apply_call_close(apply);
        break;
    case WF_OP_CALL_ASK:
        apply_call_ask(apply);
        break;
    case WF_OP_TOLD:
        ops->failed =
            !wf_child_apply_told(actor, wf_reader_varint(ops)) || ops->failed;
        break;
    case WF_OP_PUBLISH:
        apply_publish(apply, true);
        break;
    case WF_OP_UNPUBLISH:
        apply_publish(apply, false);
        break;
    case WF_OP_QUESTION_KEEP:
        wf_question_apply_keep(actor, ops);
        break;
    case WF_OP_QUESTION_DROP:
        wf_question_apply_drop(actor, ops);
        break;
    case WF_OP_ATTRIBUTE:
        apply_attribute(apply);
        break;
    case WF_OP_MEMO:
        apply_memo(apply);
        break;
    case WF_OP_RESET:
        wf_apply_reset(apply);
        break;
    case WF_OP_UPDATE_OPEN:
        wf_update_apply_open(actor, ops);
        break;
    case WF_OP_UPDATE_ACCEPT:
    case WF_OP_UPDATE_DONE:
    case WF_OP_UPDATE_DROP:
        wf_update_apply(actor, op, ops);
        break;
    default:
        ops->failed = true;
        break;
    }
}

bool
wf_apply_to_actor(struct wf_partition *partition, struct wf_actor *actor,
                  uint64_t record, uint64_t now_ms, weft_bytes ops)
{
    struct wf_apply apply = {
        .partition = partition,
        .actor = actor,
        .record = record,
        .now_ms = now_ms,
        .ops = wf_reader_of(ops),
    };

    wf_updates_trim(&actor->updates);
    while (wf_reader_left(&apply.ops) > 0 && !apply.ops.failed) {
        apply_actor_op(&apply, (enum wf_op)wf_reader_u8(&apply.ops));
    }
    return !apply.ops.failed;
}
