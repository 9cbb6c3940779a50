// SPDX-License-Identifier: Apache-2.0
//
// child.c - see child.h.

#include "runtime/child.h"

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/outcome.h"
#include "runtime/stamp.h"
#include "runtime/start.h"
#include "runtime/turn.h"
#include "runtime/versioned.h"

// The name of a start or a cancellation whose sender wants to hear of it.
#define TELL "tell"

// Starting one. ---------------------------------------------------------------

static weft_err
check(const weft_child_options *options)
{
    if ((int)options->parent_close < WEFT_PARENT_CLOSE_CANCEL ||
        options->parent_close > WEFT_PARENT_CLOSE_ABANDON) {
        return wf_error(WEFT_EINVAL,
                        "child options: parent_close is %d, which is none",
                        (int)options->parent_close);
    }
    if ((int)options->cancellation < WEFT_CANCELLATION_TRY ||
        options->cancellation > WEFT_CANCELLATION_WAIT_REQUESTED) {
        return wf_error(WEFT_EINVAL,
                        "child options: cancellation is %d, which is none",
                        (int)options->cancellation);
    }
    if (options->tell_started != 0 && options->tell_started != 1) {
        return wf_error(WEFT_EINVAL,
                        "child options: tell_started is not 0 or 1");
    }
    if (options->start != NULL &&
        options->start->conflict == WEFT_CONFLICT_USE_EXISTING) {
        return wf_error(WEFT_EINVAL,
                        "child options: an instance that runs is no child; "
                        "conflict cannot be USE_EXISTING");
    }
    return WEFT_OK;
}

weft_err
wf_child_options(const weft_child_options *given, weft_bytes headers,
                 weft_child_options *out_options, struct wf_buf *out_start)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_err err = WEFT_OK;

    if (given != NULL) {
        err = wf_versioned_copy("weft_child_options", given, &options,
                                sizeof(options));
    }
    if (err == WEFT_OK) {
        err = check(&options);
    }
    if (err == WEFT_OK) {
        err = wf_start_of_child(options.start, headers, out_start);
    }
    if (err == WEFT_OK) {
        *out_options = options;
    }
    return err;
}

void
wf_child_start(struct wf_turn *turn, uint32_t id, const struct wf_key *key,
               const weft_child_options *options, weft_bytes start,
               weft_bytes input)
{
    wf_turn_call_open(turn, id, WF_CALL_CHILD, key, options->parent_close,
                      options->cancellation);
    wf_turn_send(turn, key,
                 &(struct wf_letter){
                     .type = WF_LETTER_START,
                     .sender = wf_key_bytes(&turn->actor->key),
                     .sender_run = wf_actor_stamp(turn->actor),
                     .call = id,
                     .name = weft_text(options->tell_started ? TELL : ""),
                     .data = input,
                     .options = start,
                 });
}

// Telling them. ---------------------------------------------------------------

static void
put_ask(struct wf_turn *turn, uint32_t id, uint64_t how)
{
    wf_buf_put_u8(&turn->ops, WF_OP_CALL_ASK);
    wf_buf_put_varint(&turn->ops, id);
    wf_buf_put_varint(&turn->ops, how);
}

void
wf_child_give_up(struct wf_turn *turn, uint32_t id, weft_cancellation how)
{
    static const uint64_t bits[] = {
        [WEFT_CANCELLATION_TRY] = WF_ASK_CANCEL | WF_ASK_GIVEN_UP,
        [WEFT_CANCELLATION_WAIT] = WF_ASK_CANCEL,
        [WEFT_CANCELLATION_ABANDON] = WF_ASK_GIVEN_UP,
        [WEFT_CANCELLATION_WAIT_REQUESTED] = WF_ASK_CANCEL | WF_ASK_TELL,
    };

    put_ask(turn, id, bits[how]);
}

void
wf_child_drop_result(struct wf_turn *turn, uint32_t id)
{
    put_ask(turn, id, WF_ASK_GIVEN_UP);
}

void
wf_child_want(struct wf_turn *turn, uint32_t id)
{
    put_ask(turn, id, WF_ASK_WANTED);
}

static void
owe(struct wf_actor *actor, const struct wf_call *call, enum wf_order_type type)
{
    struct wf_list *list = &actor->orders.list;
    struct wf_order *order = wf_calloc(sizeof(*order));

    order->number =
        list->count == 0
            ? 1
            : WF_CONTAINER(list->head.prev, struct wf_order, node)->number + 1;
    order->type = type;
    order->run = call->run;
    order->call = call->id;
    order->target = wf_key_copy(&call->target);
    wf_opened_add(&actor->orders, &order->node);
}

void
wf_child_apply_ask(struct wf_actor *actor, uint32_t id, uint64_t how)
{
    struct wf_call *call = wf_actor_find_call(actor, id);

    if (call == NULL) {
        return; // it ended in the same turn
    }
    if ((how & WF_ASK_CANCEL) != 0 && !call->is_asked) {
        call->is_asked = true;
        owe(actor, call,
            (how & WF_ASK_TELL) != 0 ? WF_ORDER_CANCEL_AND_TELL
                                     : WF_ORDER_CANCEL);
    }
    call->is_given_up = (how & WF_ASK_WANTED) == 0 &&
                        (call->is_given_up || (how & WF_ASK_GIVEN_UP) != 0);
}

void
wf_child_owe_all(struct wf_actor *actor, uint32_t after)
{
    struct wf_list *calls = &actor->calls.list;
    struct wf_list_node *node = wf_list_first(calls);

    for (; node != NULL; node = wf_list_next(calls, node)) {
        const struct wf_call *call = WF_CONTAINER(node, struct wf_call, node);

        if (call->type != WF_CALL_CHILD || call->id <= after) {
            continue;
        }
        if (call->close == WEFT_PARENT_CLOSE_TERMINATE) {
            owe(actor, call, WF_ORDER_TERMINATE);
        } else if (call->close == WEFT_PARENT_CLOSE_CANCEL && !call->is_asked) {
            owe(actor, call, WF_ORDER_CANCEL);
        }
    }
}

bool
wf_child_apply_told(struct wf_actor *actor, uint64_t count)
{
    if (count > actor->orders.list.count) {
        return false;
    }
    while (count-- > 0) {
        wf_order_destroy(
            WF_CONTAINER(wf_opened_pop(&actor->orders), struct wf_order, node));
    }
    return true;
}

void
wf_child_tell(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->orders.list);
    struct wf_turn turn;
    uint64_t count = 0;

    wf_turn_init(&turn, partition, actor);
    for (; node != NULL && count < WF_ORDERS_RECORD_MAX; count++) {
        const struct wf_order *order =
            WF_CONTAINER(node, struct wf_order, node);
        bool is_told = order->type == WF_ORDER_CANCEL_AND_TELL;

        wf_turn_send(&turn, &order->target,
                     &(struct wf_letter){
                         .type = order->type == WF_ORDER_TERMINATE
                                     ? WF_LETTER_TERMINATE
                                     : WF_LETTER_CANCEL,
                         .sender = wf_key_bytes(&actor->key),
                         .sender_run = order->run,
                         .call = order->call,
                         .name = weft_text(is_told ? TELL : ""),
                     });
        node = wf_list_next(&actor->orders.list, node);
    }
    wf_buf_put_u8(&turn.ops, WF_OP_TOLD);
    wf_buf_put_varint(&turn.ops, count);
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
}

// The child. ------------------------------------------------------------------

void
wf_child_answer(struct wf_turn *turn, const struct wf_letter *letter)
{
    bool is_start = letter->type == WF_LETTER_START;
    struct wf_key parent;

    if ((!is_start && letter->type != WF_LETTER_CANCEL) ||
        letter->name.len == 0 || !wf_key_decode(letter->sender, &parent)) {
        return;
    }
    wf_turn_send(
        turn, &parent,
        &(struct wf_letter){
            .type = is_start ? WF_LETTER_STARTED : WF_LETTER_ASKED,
            .sender = wf_key_bytes(&turn->actor->key),
            .sender_run = letter->sender_run,
            .call = letter->call,
            .err = is_start ? WEFT_OK : WEFT_ECANCELLED,
            .name = weft_text(is_start ? "" : "cancelled"),
            .text = weft_text(is_start ? "" : "it was asked to cancel"),
            .data = is_start ? weft_text(wf_key_id(&turn->actor->key))
                             : weft_nothing(),
        });
    wf_key_fini(&parent);
}

void
wf_child_end(struct wf_partition *partition, struct wf_actor *actor,
             bool has_letter)
{
    struct wf_turn turn;

    wf_turn_init(&turn, partition, actor);
    if (has_letter) {
        wf_buf_put_u8(&turn.ops, WF_OP_POP);
    }
    wf_turn_end(&turn, WEFT_STATUS_TERMINATED, weft_nothing(), "terminated",
                "its parent ended");
    wf_outcome_commit(&turn);
}

// Has this very start ended it? Its letter is the next one then. What would
// have let it begin while that ran lets it begin now.
static bool
has_replaced(const struct wf_actor *actor, const struct wf_start *start)
{
    return start->conflict == WEFT_CONFLICT_TERMINATE_EXISTING &&
           actor->status == WEFT_STATUS_TERMINATED &&
           strcmp(actor->failure_message, WF_OUTCOME_REPLACED) == 0;
}

weft_err
wf_child_may_start(const struct wf_actor *actor, weft_bytes options,
                   const char **out_why)
{
    struct wf_start start = {0};

    *out_why = "its options do not decode";
    if (!wf_start_decode(options, &start)) {
        return WEFT_EINVAL;
    }
    if (wf_start_kind(actor->kind, options) == NULL) {
        *out_why = start.version != 0
                       ? "that version of its kind is not registered here"
                       : "every version of its kind is retired";
        return WEFT_ENOTFOUND;
    }
    *out_why = "an instance of this id has finished and may not be reused";
    return actor->status == WEFT_STATUS_NONE || wf_actor_is_live(actor) ||
                   wf_start_may_reuse(&start, actor->status) ||
                   has_replaced(actor, &start)
               ? WEFT_OK
               : WEFT_EEXISTS;
}

bool
wf_child_replaces(weft_bytes options)
{
    struct wf_start start;

    return wf_start_decode(options, &start) &&
           start.conflict == WEFT_CONFLICT_TERMINATE_EXISTING;
}
