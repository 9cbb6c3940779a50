// SPDX-License-Identifier: Apache-2.0
//
// item.c - encode and decode the parts of an actor. image.c decides where each
// is kept.

#include "runtime/item.h"

#include "base/alloc.h"
#include "runtime/attributes.h"
#include "runtime/image.h"
#include "runtime/question.h"
#include "runtime/timers.h"
#include "runtime/update.h"

void
wf_item_encode_timer(const struct wf_timer *timer, struct wf_buf *out)
{
    wf_buf_put_varint(out, timer->due);
    wf_buf_put_text(out, timer->name);
}

static bool
decode_timer(struct wf_actor *actor, uint32_t id, struct wf_reader *reader)
{
    uint64_t due = wf_reader_varint(reader);

    wf_timers_add(actor, id, wf_reader_bytes(reader))->due = due;
    return !reader->failed;
}

#define COMMAND_DEFERRED 1
#define COMMAND_CANCEL_ASKED 2
#define COMMAND_ABANDONED 4
#define COMMAND_PAUSED 8
#define COMMAND_FAILED 16
#define COMMAND_HELD 32
#define COMMAND_OFFERED 64
#define COMMAND_LEASED 128 // or was, before it was deferred

void
wf_item_encode_command(const struct wf_command *command, struct wf_buf *out)
{
    uint8_t bits = 0;

    bits |= command->is_deferred ? COMMAND_DEFERRED : 0;
    bits |= command->is_cancel_asked ? COMMAND_CANCEL_ASKED : 0;
    bits |= command->is_abandoned ? COMMAND_ABANDONED : 0;
    bits |= command->is_paused ? COMMAND_PAUSED : 0;
    bits |= command->is_held ? COMMAND_HELD : 0;
    bits |= command->failure_name != NULL ? COMMAND_FAILED : 0;
    bits |= command->is_offered ? COMMAND_OFFERED : 0;
    bits |= command->leased_ms > 0 ? COMMAND_LEASED : 0;
    wf_buf_put_u8(out, (uint8_t)command->kind);
    wf_buf_put_u8(out, bits);
    wf_buf_put_varint(out, command->attempt);
    wf_buf_put_varint(out, command->base);
    wf_buf_put_varint(out, command->lost);
    wf_buf_put_varint(out, command->opened_ms);
    wf_buf_put_varint(out, command->attempt_ms);
    wf_buf_put_varint(out, command->due);
    wf_buf_put_text(out, command->name);
    wf_buf_put_bytes(out, command->input);
    wf_buf_put_bytes(out, command->options);
    wf_buf_put_bytes(out, command->headers);
    wf_buf_put_bytes(out, command->details);
    if (command->failure_name != NULL) {
        wf_buf_put_varint(out, command->failed_ms);
        wf_buf_put_text(out, command->failure_name);
        wf_buf_put_text(out, command->failure_message);
    }
    if (command->is_offered || command->leased_ms > 0) {
        wf_buf_put_varint(out, command->offers);
        wf_buf_put_varint(out, command->offered_ms);
    }
    if (command->leased_ms > 0) {
        wf_buf_put_varint(out, command->leased_ms);
        wf_buf_put_varint(out, command->lease_ms);
        wf_buf_put_text(out, command->worker);
    }
}

static bool
decode_command(struct wf_actor *actor, uint32_t id, struct wf_reader *reader)
{
    struct wf_command *command = wf_calloc(sizeof(*command));
    uint8_t bits;

    command->actor = actor;
    command->id = id;
    command->alarm = (struct wf_alarm){
        .type = WF_ALARM_COMMAND,
        .owner = command,
    };
    command->kind = (enum wf_command_kind)wf_reader_u8(reader);
    bits = wf_reader_u8(reader);
    command->is_deferred = (bits & COMMAND_DEFERRED) != 0;
    command->is_cancel_asked = (bits & COMMAND_CANCEL_ASKED) != 0;
    command->is_abandoned = (bits & COMMAND_ABANDONED) != 0;
    command->is_paused = (bits & COMMAND_PAUSED) != 0;
    command->is_held = (bits & COMMAND_HELD) != 0;
    command->is_offered = (bits & COMMAND_OFFERED) != 0;
    command->attempt = (uint32_t)wf_reader_varint(reader);
    command->base = (uint32_t)wf_reader_varint(reader);
    command->lost = (uint32_t)wf_reader_varint(reader);
    command->opened_ms = wf_reader_varint(reader);
    command->attempt_ms = wf_reader_varint(reader);
    command->due = wf_reader_varint(reader);
    wf_own_text(&command->name, wf_reader_bytes(reader));
    wf_own_bytes(&command->input, wf_reader_bytes(reader));
    wf_own_bytes(&command->options, wf_reader_bytes(reader));
    wf_own_bytes(&command->headers, wf_reader_bytes(reader));
    wf_own_bytes(&command->details, wf_reader_bytes(reader));
    if ((bits & COMMAND_FAILED) != 0) {
        command->failed_ms = wf_reader_varint(reader);
        wf_own_text(&command->failure_name, wf_reader_bytes(reader));
        wf_own_text(&command->failure_message, wf_reader_bytes(reader));
    }
    if ((bits & (COMMAND_OFFERED | COMMAND_LEASED)) != 0) {
        command->offers = (uint32_t)wf_reader_varint(reader);
        command->offered_ms = wf_reader_varint(reader);
    }
    if ((bits & COMMAND_LEASED) != 0) {
        command->is_leased = !command->is_deferred;
        command->leased_ms = wf_reader_varint(reader);
        command->lease_ms = wf_reader_varint(reader);
        wf_own_text(&command->worker, wf_reader_bytes(reader));
    }
    // An actor with open commands stays in memory, so reading one back means
    // that the process, or this partition's life in it, is a new one.
    command->is_recovered = true;
    wf_opened_add(&actor->commands, &command->node);
    return !reader->failed;
}

// Made by an earlier run: see wf_call.
#define CALL_OLDER 0x80
#define CALL_ASKED 1
#define CALL_GIVEN_UP 2

void
wf_item_encode_call(const struct wf_call *call, uint64_t run,
                    struct wf_buf *out)
{
    bool is_older = call->run != run;
    uint8_t bits = 0;

    bits |= call->is_asked ? CALL_ASKED : 0;
    bits |= call->is_given_up ? CALL_GIVEN_UP : 0;
    wf_buf_put_u8(out, (uint8_t)call->type | (is_older ? CALL_OLDER : 0));
    if (is_older) {
        wf_buf_put_varint(out, call->run);
    }
    wf_buf_put_u8(out, bits);
    wf_buf_put_u8(out, (uint8_t)call->close);
    wf_buf_put_u8(out, (uint8_t)call->cancellation);
    wf_buf_put_bytes(out, wf_key_bytes(&call->target));
}

static bool
decode_call(struct wf_actor *actor, uint32_t id, struct wf_reader *reader)
{
    struct wf_call *call = wf_calloc(sizeof(*call));
    uint8_t type = wf_reader_u8(reader);
    uint8_t bits;
    bool is_key;

    call->id = id;
    call->run =
        (type & CALL_OLDER) != 0 ? wf_reader_varint(reader) : actor->run;
    call->type = (enum wf_call_type)(type & ~CALL_OLDER);
    bits = wf_reader_u8(reader);
    call->is_asked = (bits & CALL_ASKED) != 0;
    call->is_given_up = (bits & CALL_GIVEN_UP) != 0;
    call->close = (weft_parent_close)wf_reader_u8(reader);
    call->cancellation = (weft_cancellation)wf_reader_u8(reader);
    is_key = wf_key_decode(wf_reader_bytes(reader), &call->target);
    wf_opened_add(&actor->calls, &call->node);
    return is_key; // it came last: nothing ended early
}

void
wf_item_encode_order(const struct wf_order *order, struct wf_buf *out)
{
    wf_buf_put_u8(out, (uint8_t)order->type);
    wf_buf_put_varint(out, order->run);
    wf_buf_put_varint(out, order->call);
    wf_buf_put_bytes(out, wf_key_bytes(&order->target));
}

static bool
decode_order(struct wf_actor *actor, uint32_t number, struct wf_reader *reader)
{
    struct wf_order *order = wf_calloc(sizeof(*order));
    bool is_key;

    order->number = number;
    order->type = (enum wf_order_type)wf_reader_u8(reader);
    order->run = wf_reader_varint(reader);
    order->call = (uint32_t)wf_reader_varint(reader);
    is_key = wf_key_decode(wf_reader_bytes(reader), &order->target);
    wf_opened_add(&actor->orders, &order->node);
    return is_key && order->type >= WF_ORDER_CANCEL &&
           order->type < WF_ORDER_COUNT;
}

static bool
decode_question(struct wf_actor *actor, uint32_t id, weft_bytes letter)
{
    struct wf_question *question = wf_question_create(id, letter);
    struct wf_letter read;

    wf_opened_add(&actor->questions, &question->node);
    return wf_letter_decode(letter, &read);
}

void
wf_item_encode_published(const struct wf_published *published,
                         struct wf_buf *out)
{
    wf_buf_put_text(out, published->name);
    wf_buf_put_bytes(out, published->value);
}

static bool
decode_published(struct wf_actor *actor, uint64_t number,
                 struct wf_reader *reader, bool has_row)
{
    weft_bytes bytes = wf_reader_bytes(reader);
    weft_bytes value = wf_reader_bytes(reader);
    char *name = NULL;
    bool is_fine;

    wf_own_text(&name, bytes);
    is_fine = !reader->failed && wf_published_restore(&actor->published, number,
                                                      name, value, has_row);
    wf_free(name);
    return is_fine;
}

void
wf_item_encode_operation(const struct wf_operation *operation,
                         struct wf_buf *out)
{
    wf_buf_put_varint(out, operation->at_ms);
    wf_buf_put_varint(out, operation->run);
    wf_buf_put_varint(out, operation->journal_count);
    wf_buf_put_text(out, operation->who);
    wf_buf_put_text(out, operation->why);
    wf_buf_put_text(out, operation->what);
}

// The first operation that came later, or NULL. Items with rows of their own
// come first, and those in the image are the oldest.
static struct wf_list_node *
find_later(const struct wf_actor *actor, uint64_t number)
{
    struct wf_list_node *node = wf_list_first(&actor->operations);

    if (number > actor->operations_made) {
        return NULL; // the usual one
    }
    while (node != NULL &&
           WF_CONTAINER(node, struct wf_operation, node)->number < number) {
        node = wf_list_next(&actor->operations, node);
    }
    return node;
}

static bool
decode_operation(struct wf_actor *actor, uint64_t number,
                 struct wf_reader *reader)
{
    struct wf_operation *operation = wf_calloc(sizeof(*operation));

    operation->number = number;
    operation->at_ms = wf_reader_varint(reader);
    operation->run = wf_reader_varint(reader);
    operation->journal_count = wf_reader_varint(reader);
    wf_own_text(&operation->who, wf_reader_bytes(reader));
    wf_own_text(&operation->why, wf_reader_bytes(reader));
    wf_own_text(&operation->what, wf_reader_bytes(reader));
    wf_list_insert(&actor->operations, find_later(actor, number),
                   &operation->node);
    if (number > actor->operations_made) {
        actor->operations_made = number;
    }
    return !reader->failed;
}

// Two of one number are damage.
static bool
is_there(const struct wf_actor *actor, uint8_t class, uint32_t number)
{
    const struct wf_opened *opened =
        class == WF_ITEM_TIMER      ? &actor->timers
        : class == WF_ITEM_COMMAND  ? &actor->commands
        : class == WF_ITEM_CALL     ? &actor->calls
        : class == WF_ITEM_UPDATE   ? &actor->updates.all
        : class == WF_ITEM_ORDER    ? &actor->orders
        : class == WF_ITEM_QUESTION ? &actor->questions
                                    : NULL;

    return opened != NULL && wf_opened_find(opened, number) != NULL;
}

bool
wf_item_decode(struct wf_actor *actor, uint8_t class, uint64_t number,
               weft_bytes bytes, bool is_row)
{
    struct wf_reader reader = wf_reader_of(bytes);

    if (is_there(actor, class, (uint32_t)number)) {
        return false;
    }
    switch ((enum wf_item_class) class) {
    case WF_ITEM_INPUT:
        wf_own_bytes(&actor->input, bytes);
        return true;
    case WF_ITEM_STATE:
        wf_own_bytes(&actor->state, bytes);
        return true;
    case WF_ITEM_RESULT:
        wf_own_bytes(&actor->result, bytes);
        return true;
    case WF_ITEM_DETAILS:
        wf_own_bytes(&actor->failure_details, bytes);
        return true;
    case WF_ITEM_JOURNAL:
        return wf_journal_restore(&actor->journal, number, bytes, is_row);
    case WF_ITEM_LETTER:
        return wf_mailbox_restore(&actor->mailbox, number, bytes, false);
    case WF_ITEM_TIMER:
        return decode_timer(actor, (uint32_t)number, &reader);
    case WF_ITEM_COMMAND:
        return decode_command(actor, (uint32_t)number, &reader);
    case WF_ITEM_CALL:
        return decode_call(actor, (uint32_t)number, &reader);
    case WF_ITEM_PUBLISHED:
        return decode_published(actor, number, &reader, is_row);
    case WF_ITEM_OPERATION:
        return decode_operation(actor, number, &reader);
    case WF_ITEM_ATTRIBUTES:
        wf_own_bytes(&actor->attributes_begun, bytes);
        return wf_attributes_is_set(bytes);
    case WF_ITEM_UPDATE:
        return wf_update_decode(actor, (uint32_t)number, &reader);
    case WF_ITEM_CAUSES:
        wf_own_bytes(&actor->failure_causes, bytes);
        return true;
    case WF_ITEM_ORDER:
        return decode_order(actor, (uint32_t)number, &reader);
    case WF_ITEM_QUESTION:
        return decode_question(actor, (uint32_t)number, bytes);
    default:
        return false;
    }
}
