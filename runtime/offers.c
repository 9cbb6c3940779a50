// SPDX-License-Identifier: Apache-2.0
//
// offers.c - attempts that a task queue is told of.
//
// In one record the attempt becomes offered and the message leaves for the
// queue, so that neither is without the other. The queue knows offers by token
// and keeps each once: one that was offered long ago is offered again, which
// heals a queue that somebody removed.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "runtime/commands_impl.h"
#include "runtime/letter.h"
#include "runtime/partition_impl.h"
#include "runtime/stamp.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

uint64_t
wf_offers_next(const struct wf_command *command)
{
    uint64_t after = WF_OFFER_MS;

    for (uint32_t i = 1; i < command->offers && after < WF_OFFER_MS_MAX; i++) {
        after *= 2;
    }
    return command->offered_ms +
           (after < WF_OFFER_MS_MAX ? after : WF_OFFER_MS_MAX);
}

static struct wf_key
queue_key(const struct wf_command *command)
{
    struct wf_key key;
    char *name = NULL;
    weft_err err;

    wf_own_text(&name, wf_policy_queue(command->options));
    err = wf_key_make(wf_key_namespace(&command->actor->key),
                      WEFT_TASK_QUEUE_KIND, name, &key);
    WF_ASSERT(err == WEFT_OK); // the call was checked
    wf_free(name);
    return key;
}

// What the queue is told: not the input, which the worker gets from here.
static void
put_message(struct wf_draft *draft, const struct wf_partition *partition,
            const struct wf_command *command)
{
    const struct wf_actor *actor = command->actor;
    struct wf_token token = {
        .run = wf_actor_stamp(actor),
        .command = command->id,
        .attempt = command->attempt,
    };
    struct wf_key queue = queue_key(command);
    char text[WEFT_TOKEN_CHARS_MAX];
    weft_payload *data = NULL;
    weft_err err;

    wf_token_encode(&actor->key, &token, text);
    err = weft_payload_create(&data);
    if (err == WEFT_OK) {
        err = weft_payload_pack(data, "{'token':s, 'activity':s, 'priority':d}",
                                text, command->name, 0);
    }
    WF_ASSERT(err == WEFT_OK); // but for memory, without which nothing goes on
    wf_draft_send(draft, partition, &queue,
                  &(struct wf_letter){
                      .type = WF_LETTER_SIGNAL,
                      .sender = wf_key_bytes(&actor->key),
                      .name = weft_text("offer"),
                      .data = weft_payload_bytes(data),
                  });
    weft_payload_destroy(data);
    wf_key_fini(&queue);
}

static void
offer(struct wf_partition *partition, struct wf_command *command)
{
    struct wf_draft *draft = &partition->draft;

    wf_buf_put_u8(&draft->ops, WF_OP_COMMAND_OFFER);
    wf_buf_put_varint(&draft->ops, command->id);
    wf_draft_actor(draft, &command->actor->key);
    put_message(draft, partition, command);
    wf_note(partition, &command->actor->key, "offer", "%s attempt %u",
            command->name, wf_command_attempt(command));
    (void)wf_draft_write(draft, partition, false);
}

void
wf_offers_make(struct wf_partition *partition, struct wf_command *command)
{
    const char *name = "";
    bool is_final = false;
    uint64_t due;

    if (wf_definitions_find(partition->options.definitions,
                            WEFT_TASK_QUEUE_KIND) == NULL) {
        wf_note(partition, &command->actor->key, "wait",
                "task queues are not registered here");
    } else if (!command->is_offered ||
               wf_offers_next(command) <= partition->now_ms) {
        offer(partition, command);
    }
    due = wf_timeouts_next(partition, command, &name, &is_final);
    if (command->is_offered && wf_offers_next(command) < due) {
        due = wf_offers_next(command);
    }
    if (due != UINT64_MAX) {
        wf_alarm_set(partition, &command->alarm, due);
    }
}
