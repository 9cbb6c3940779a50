// SPDX-License-Identifier: Apache-2.0
//
// effects.c - what a turn does, gathered as operations and sections until it
// ends. See turn.h.

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "runtime/attributes.h"
#include "runtime/stamp.h"
#include "runtime/start.h"
#include "runtime/turn.h"

void
wf_turn_init(struct wf_turn *turn, struct wf_partition *partition,
             struct wf_actor *actor)
{
    *turn = (struct wf_turn){.partition = partition, .actor = actor};
    turn->next_id = actor->next_id > 0 ? actor->next_id : 1;
    // The same numbers when the turn is tried again, others in the next one;
    // the start and the first letter after it have the same first_seq.
    wf_random_init(&turn->random,
                   actor->seed ^
                       wf_hash64(&actor->mailbox.first_seq, sizeof(uint64_t),
                                 actor->run * 2 + actor->is_start_pending));
}

static bool
is_taken(const struct wf_actor *actor, uint32_t id)
{
    return wf_actor_find_timer(actor, id) != NULL ||
           wf_actor_find_command(actor, id) != NULL ||
           wf_actor_find_call(actor, id) != NULL ||
           wf_opened_find(&actor->questions, id) != NULL;
}

// They come round at last.
uint32_t
wf_turn_take_id(struct wf_turn *turn)
{
    uint32_t id = turn->next_id++;

    while (id == 0 || is_taken(turn->actor, id)) {
        id = turn->next_id++;
    }
    return id;
}

void
wf_turn_fini(struct wf_turn *turn)
{
    wf_buf_fini(&turn->ops);
    wf_buf_fini(&turn->end);
    wf_buf_fini(&turn->causes);
    wf_draft_fini(&turn->sends);
    wf_buf_fini(&turn->answered);
    wf_buf_fini(&turn->updates_done);
    wf_buf_fini(&turn->questions_answered);
    wf_own_bytes(&turn->reply, weft_nothing());
}

weft_err
wf_turn_check_payload(const char *what, weft_bytes payload)
{
    if (payload.len > WF_PAYLOAD_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "%s: %zu bytes, the limit is %u", what,
                        payload.len, WF_PAYLOAD_BYTES_MAX);
    }
    if (payload.len > 0 && payload.data == NULL) {
        return wf_error(WEFT_EINVAL,
                        "%s: the payload has a length and no bytes", what);
    }
    return WEFT_OK;
}

weft_err
wf_turn_check(const struct wf_turn *turn, const char *what, weft_bytes payload)
{
    size_t size = wf_turn_bytes(turn) + payload.len;
    weft_err err = wf_turn_check_payload(what, payload);

    if (err != WEFT_OK) {
        return err;
    }
    if (size > WF_TURN_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG,
                        "%s: this turn has %zu bytes of effects, the limit is "
                        "%u",
                        what, size, WF_TURN_BYTES_MAX);
    }
    return WEFT_OK;
}

weft_err
wf_turn_target(const struct wf_turn *turn, weft_target target,
               struct wf_key *out_key)
{
    weft_err err = wf_key_make(wf_key_namespace(&turn->actor->key), target.kind,
                               target.id, out_key);

    if (err == WEFT_OK &&
        wf_definitions_find(turn->partition->options.definitions,
                            target.kind) == NULL) {
        wf_key_fini(out_key);
        err = wf_error(WEFT_EINVAL, "no kind is named %s", target.kind);
    }
    return err;
}

// The message's own headers, if it has any.
static weft_bytes
headers_of_message(const struct wf_turn *turn)
{
    const struct wf_kind *kind = turn->actor->kind;

    return kind == NULL || kind->is_workflow
               ? weft_nothing()
               : wf_start_headers(turn->letter.options);
}

weft_bytes
wf_turn_headers(const struct wf_turn *turn)
{
    weft_bytes own = headers_of_message(turn);

    return own.len > 0 ? own : wf_start_headers(turn->actor->options);
}

void
wf_turn_send(struct wf_turn *turn, const struct wf_key *target,
             const struct wf_letter *letter)
{
    wf_draft_send(&turn->sends, turn->partition, target, letter);
}

void
wf_turn_timer(struct wf_turn *turn, uint32_t id, uint64_t due, const char *name)
{
    wf_buf_put_u8(&turn->ops, WF_OP_TIMER_SET);
    wf_buf_put_varint(&turn->ops, id);
    wf_buf_put_varint(&turn->ops, due);
    wf_buf_put_text(&turn->ops, name);
}

void
wf_turn_timer_clear(struct wf_turn *turn, uint32_t id)
{
    wf_buf_put_u8(&turn->ops, WF_OP_TIMER_CLEAR);
    wf_buf_put_varint(&turn->ops, id);
}

void
wf_turn_command(struct wf_turn *turn, uint32_t id, enum wf_command_kind kind,
                const char *name, weft_bytes input, weft_bytes options)
{
    wf_buf_put_u8(&turn->ops, WF_OP_COMMAND_OPEN);
    wf_buf_put_varint(&turn->ops, id);
    wf_buf_put_varint(&turn->ops, (uint64_t)kind);
    wf_buf_put_text(&turn->ops, name);
    wf_buf_put_bytes(&turn->ops, input);
    wf_buf_put_bytes(&turn->ops, options);
    wf_buf_put_bytes(&turn->ops, headers_of_message(turn));
    turn->has_commands = true;
}

void
wf_turn_command_cancel(struct wf_turn *turn, uint32_t id, weft_cancellation how)
{
    wf_buf_put_u8(&turn->ops,
                  how == WEFT_CANCELLATION_WAIT      ? WF_OP_COMMAND_CANCEL
                  : how == WEFT_CANCELLATION_ABANDON ? WF_OP_COMMAND_ABANDON
                                                     : WF_OP_COMMAND_CLOSE);
    wf_buf_put_varint(&turn->ops, id);
    turn->has_commands = true;
}

void
wf_turn_call_open(struct wf_turn *turn, uint32_t id, enum wf_call_type type,
                  const struct wf_key *target, weft_parent_close close,
                  weft_cancellation cancellation)
{
    wf_buf_put_u8(&turn->ops, WF_OP_CALL_OPEN);
    wf_buf_put_varint(&turn->ops, id);
    wf_buf_put_varint(&turn->ops, (uint64_t)type | WF_CALL_STAMPED);
    wf_buf_put_bytes(&turn->ops, wf_key_bytes(target));
    wf_buf_put_varint(&turn->ops, (uint64_t)close);
    wf_buf_put_varint(&turn->ops, (uint64_t)cancellation);
}

void
wf_turn_ask(struct wf_turn *turn, uint32_t id, const struct wf_key *target,
            const char *name, weft_bytes data)
{
    wf_turn_call_open(turn, id, WF_CALL_ASK, target, 0, 0);
    wf_turn_send(turn, target,
                 &(struct wf_letter){
                     .type = WF_LETTER_SIGNAL,
                     .sender = wf_key_bytes(&turn->actor->key),
                     .sender_run = wf_actor_stamp(turn->actor),
                     .call = id,
                     .name = weft_text(name),
                     .data = data,
                     .options = wf_turn_headers(turn),
                 });
}

void
wf_turn_call_close(struct wf_turn *turn, uint32_t id)
{
    wf_buf_put_u8(&turn->ops, WF_OP_CALL_CLOSE);
    wf_buf_put_varint(&turn->ops, id);
}

void
wf_turn_memo(struct wf_turn *turn, const char *name, weft_bytes value)
{
    wf_buf_put_u8(&turn->ops, WF_OP_MEMO);
    wf_buf_put_text(&turn->ops, name);
    wf_buf_put_bytes(&turn->ops, value);
}

void
wf_turn_publish(struct wf_turn *turn, const char *name, weft_bytes value)
{
    wf_buf_put_u8(&turn->ops, WF_OP_PUBLISH);
    wf_buf_put_text(&turn->ops, name);
    wf_buf_put_bytes(&turn->ops, value);
}

void
wf_turn_unpublish(struct wf_turn *turn, const char *name)
{
    wf_buf_put_u8(&turn->ops, WF_OP_UNPUBLISH);
    wf_buf_put_text(&turn->ops, name);
}

void
wf_turn_attribute(struct wf_turn *turn, const weft_attribute *change)
{
    wf_attributes_put_op(&turn->ops, change);
}
