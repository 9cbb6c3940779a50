// SPDX-License-Identifier: Apache-2.0
//
// operate.c - what operators do to open activities, and the record that every
// operation leaves.
//
// An attempt that begins by an operation waits, as any other, until the record
// is durable: else it could run, be forgotten by a crash, and run again under
// the same number.

#include "runtime/operate.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "runtime/commands_impl.h"
#include "runtime/edge.h"
#include "runtime/partition_impl.h"
#include "weft/operate.h"

void
wf_operate_put(struct wf_buf *ops, const struct wf_request *request,
               const char *format, ...)
{
    char what[WF_WHAT_BYTES_MAX];
    va_list args;

    if (request->who[0] == '\0') {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    wf_buf_put_u8(ops, WF_OP_OPERATED);
    wf_buf_put_text(ops, request->who);
    wf_buf_put_text(ops, request->why);
    wf_buf_put_text(ops, what);
}

// Open activities. ----------------------------------------------------------

static const char *
name_of(weft_verb verb)
{
    switch (verb) {
    case WEFT_VERB_ACTIVITY_PAUSE:
        return "pause";
    case WEFT_VERB_ACTIVITY_RESUME:
        return "resume";
    case WEFT_VERB_ACTIVITY_RESET:
        return "reset";
    default:
        return "change";
    }
}

// The activity that the request means. NULL: the request is answered.
static struct wf_command *
find_open(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_command *command = wf_actor_find_command(actor, request->call);
    const char *id = wf_key_id(&actor->key);
    uint64_t record = actor->object.position;

    if (actor->status == WEFT_STATUS_NONE) {
        wf_edge_answer(partition, request, record, WEFT_ENOTFOUND,
                       "%s: no such instance", id);
    } else if (!wf_actor_is_live(actor)) {
        wf_edge_answer(partition, request, record, WEFT_EFINISHED,
                       "%s: the instance has finished", id);
    } else if (command == NULL || command->kind != WF_COMMAND_ACTIVITY) {
        wf_edge_answer(partition, request, record, WEFT_ENOTFOUND,
                       "%s: call %u is not an open activity", id,
                       request->call);
    } else {
        return command;
    }
    return NULL;
}

static void
put(struct wf_buf *ops, enum wf_op op, const struct wf_command *command)
{
    wf_buf_put_u8(ops, (uint8_t)op);
    wf_buf_put_varint(ops, command->id);
}

// One that waits is scheduled once more, as it is: so it is known after a crash
// that it cannot have run.
static void
put_pause(struct wf_buf *ops, const struct wf_command *command)
{
    put(ops, WF_OP_COMMAND_PAUSE, command);
    if (!wf_command_is_running(command)) {
        wf_commands_put_attempt(ops, command, command->attempt, command->lost,
                                command->due);
    }
}

static void
put_resume(struct wf_buf *ops, const struct wf_command *command)
{
    if (!command->is_paused) {
        return;
    }
    put(ops, WF_OP_COMMAND_RESUME, command);
    if (!wf_command_is_running(command)) {
        wf_commands_put_attempt(ops, command, command->attempt, command->lost,
                                0);
    }
}

static void
put_reset(struct wf_buf *ops, const struct wf_command *command)
{
    put(ops, WF_OP_COMMAND_RESET, command);
    if (command->is_paused) {
        put(ops, WF_OP_COMMAND_RESUME, command);
    }
    if (!wf_command_is_running(command)) {
        // A number is never used twice, not even one that did not begin.
        wf_commands_put_attempt(ops, command, command->attempt + 1, 0, 0);
    }
}

// When the next attempt begins under other options.
static uint64_t
changed_due(const struct wf_partition *partition,
            const struct wf_command *command, weft_bytes options,
            bool has_interval)
{
    uint32_t before = command->attempt - 1;
    struct wf_policy policy;
    uint64_t delay;

    if (wf_command_is_running(command) || command->is_offered ||
        command->due == 0 || command->failed_ms == 0 || !has_interval ||
        before <= command->base + command->lost) {
        return command->due;
    }
    policy = wf_commands_policy_with(partition, command, options);
    delay = wf_commands_delay_ms(&policy, command, before,
                                 before - command->base - command->lost);
    return delay > WF_NEVER_MS - command->failed_ms
               ? WF_NEVER_MS
               : command->failed_ms + delay;
}

static void
put_change(const struct wf_partition *partition, struct wf_buf *ops,
           const struct wf_command *command, weft_bytes over)
{
    struct wf_buf merged = {0};

    wf_policy_merge(command->options, over, &merged);
    put(ops, WF_OP_COMMAND_OPTIONS, command);
    wf_buf_put_bytes(ops, wf_buf_bytes(&merged));
    wf_buf_put_varint(ops,
                      changed_due(partition, command, wf_buf_bytes(&merged),
                                  wf_policy_has_interval(over)));
    wf_buf_fini(&merged);
}

void
wf_operate_activity(struct wf_partition *partition, struct wf_actor *actor,
                    struct wf_request *request)
{
    struct wf_command *command = find_open(partition, actor, request);
    struct wf_draft *draft = &partition->draft;

    if (command == NULL) {
        return;
    }
    wf_operate_put(&draft->ops, request, "%s activity %u \"%s\"",
                   name_of(request->verb), command->id, command->name);
    switch (request->verb) {
    case WEFT_VERB_ACTIVITY_PAUSE:
        put_pause(&draft->ops, command);
        break;
    case WEFT_VERB_ACTIVITY_RESUME:
        put_resume(&draft->ops, command);
        break;
    case WEFT_VERB_ACTIVITY_RESET:
        put_reset(&draft->ops, command);
        break;
    default:
        put_change(partition, &draft->ops, command, request->options);
        break;
    }
    wf_draft_actor(draft, &actor->key);
    wf_edge_answer_done(partition, request, draft);
    if (wf_command_is_running(command)) {
        wf_timeouts_watch(partition, command);
    }
    // What waits is looked at when this is durable.
    wf_gate_actor(partition, actor, partition->last_record);
}

static void
show(const struct wf_command *command, const char *queue,
     weft_open_activity *out_shown)
{
    bool is_running = wf_command_is_running(command);

    *out_shown = (weft_open_activity){
        .call = command->id,
        .name = command->name,
        .attempt = wf_command_attempt(command),
        .lost = command->lost,
        .opened_at_ms = command->opened_ms,
        .next_at_ms = is_running ? 0 : command->due,
        .is_running = is_running,
        .is_deferred = command->is_deferred,
        .is_paused = command->is_paused,
        .is_cancel_requested = command->is_cancel_asked,
        .is_abandoned = command->is_abandoned,
        .is_local = wf_policy_is_local(command->options),
        .task_queue = queue,
        .is_offered = command->is_offered,
        .worker = command->is_leased ? command->worker : "",
        .failed_at_ms = command->failed_ms,
        .failure =
            {
                .name = command->failure_name,
                .message = command->failure_message,
            },
        .details_len = command->details.len,
    };
}

void
wf_operate_list(struct wf_partition *partition, struct wf_actor *actor,
                struct wf_request *request)
{
    struct wf_list_node *node = wf_list_first(&actor->commands.list);
    char *queue = NULL;

    if (actor->status == WEFT_STATUS_NONE) {
        (void)find_open(partition, actor, request); // answers
        return;
    }
    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        const struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);
        weft_open_activity shown;

        if (command->kind == WF_COMMAND_ACTIVITY &&
            command->id > request->call &&
            request->reply.activities_count < request->list_limit) {
            wf_own_text(&queue, wf_policy_queue(command->options));
            show(command, queue, &shown);
            wf_request_answer_activity(request, &shown);
        }
    }
    wf_free(queue);
    wf_edge_answer(partition, request, actor->object.position, WEFT_OK, "%s",
                   "");
}
