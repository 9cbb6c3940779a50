// SPDX-License-Identifier: Apache-2.0
//
// create.c - a new life of an instance.

#include "runtime/create.h"

#include "base/hash.h"
#include "runtime/attributes.h"
#include "runtime/child.h"
#include "runtime/start.h"
#include "runtime/turn.h"

void
wf_create_by_letter(struct wf_partition *partition, struct wf_actor *actor,
                    const struct wf_letter *letter)
{
    bool is_start = letter->type == WF_LETTER_START;
    struct wf_create create = {.parent_run = letter->sender_run,
                               .parent_call = letter->call};
    struct wf_buf options = {0};
    struct wf_start start = {0};
    struct wf_turn turn;

    // The start is a message of its own; any other letter stays and is handled
    // as the first.
    wf_turn_init(&turn, partition, actor);
    if (is_start) {
        (void)wf_start_decode(letter->options, &start);
        wf_start_split(letter->options, &options);
        create.parent = letter->sender;
        create.input = letter->data;
        create.options = wf_buf_bytes(&options);
        create.attributes = start.attributes;
        wf_child_answer(&turn, letter);
        wf_buf_put_u8(&turn.ops, WF_OP_POP);
    }
    wf_create_put(partition, actor, &create, &turn.ops);
    if (!is_start) {
        wf_buf_put_u8(&turn.ops, WF_OP_STARTED);
    }
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
    wf_buf_fini(&options);
}

uint64_t
wf_create_seed(const struct wf_partition *partition,
               const struct wf_actor *actor)
{
    // Not the hash that tables have: its seed is this process's alone.
    return wf_hash64(&partition->last_record, sizeof(partition->last_record),
                     wf_key_hash(&actor->key) ^ partition->epoch);
}

void
wf_create_put(const struct wf_partition *partition,
              const struct wf_actor *actor, const struct wf_create *create,
              struct wf_buf *ops)
{
    struct wf_reader attributes = wf_reader_of(create->attributes);
    weft_attribute attribute;

    wf_tally_kind(partition->options.tally, actor->kind, WF_KIND_STARTED);
    wf_buf_put_u8(ops, WF_OP_CREATE);
    wf_buf_put_varint(ops,
                      wf_start_kind(actor->kind, create->options)->version);
    wf_buf_put_varint(ops, actor->run + 1);
    wf_buf_put_varint(ops, wf_create_seed(partition, actor));
    wf_buf_put_bytes(ops, create->parent);
    wf_buf_put_varint(ops, create->parent_run);
    wf_buf_put_varint(ops, create->parent_call);
    wf_buf_put_bytes(ops, create->input);
    wf_buf_put_bytes(ops, create->options);
    while (wf_attributes_next(&attributes, &attribute)) {
        wf_attributes_put_op(ops, &attribute);
    }
}
