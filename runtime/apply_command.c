// SPDX-License-Identifier: Apache-2.0
//
// apply_command.c - what each operation of an activity or a step changes. See
// record.h for their fields.
//
// What is written depends on nothing volatile: applied again after a crash, a
// record gives the same command.

#include "base/alloc.h"
#include "runtime/apply_impl.h"

// Was the record read at recovery? Sections of actors whose image came later
// are applied when the partition is open already.
static bool
is_recovered(const struct wf_apply *apply)
{
    return !apply->partition->is_open ||
           apply->record <= apply->partition->recovered_to;
}

void
wf_apply_command_remove(struct wf_apply *apply, struct wf_command *command)
{
    wf_alarm_clear(apply->partition, &command->alarm);
    wf_commands_cancel(command);
    wf_opened_remove(&apply->actor->commands, &command->node);
    wf_command_destroy(command);
}

void
wf_apply_command_open(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint32_t id = (uint32_t)wf_reader_varint(&apply->ops);
    struct wf_command *command;

    if (wf_actor_find_command(actor, id) != NULL) {
        apply->ops.failed = true;
        return;
    }
    command = wf_calloc(sizeof(*command));
    command->actor = actor;
    command->alarm = (struct wf_alarm){
        .type = WF_ALARM_COMMAND,
        .owner = command,
    };
    command->id = id;
    command->kind = (enum wf_command_kind)wf_reader_varint(&apply->ops);
    wf_own_text(&command->name, wf_reader_bytes(&apply->ops));
    wf_own_bytes(&command->input, wf_reader_bytes(&apply->ops));
    wf_own_bytes(&command->options, wf_reader_bytes(&apply->ops));
    wf_own_bytes(&command->headers, wf_reader_bytes(&apply->ops));
    command->attempt = 1;
    command->opened_ms = apply->now_ms;
    command->attempt_ms = apply->now_ms;
    command->is_recovered = is_recovered(apply);
    wf_opened_add(&actor->commands, &command->node);
    wf_commands_touch(command, apply->record);
    if (command->id >= actor->next_id) {
        actor->next_id = command->id + 1;
    }
}

static void
apply_attempt(struct wf_apply *apply, struct wf_command *command)
{
    command->attempt = (uint32_t)wf_reader_varint(&apply->ops);
    command->lost = (uint32_t)wf_reader_varint(&apply->ops);
    command->due = wf_reader_varint(&apply->ops);
    command->attempt_ms = command->due > 0 ? command->due : apply->now_ms;
    command->is_held = command->is_paused;
    command->is_recovered = is_recovered(apply);
    command->is_started = false;
    command->is_deferred = false;
    command->beat_ms = 0;
    command->is_offered = false;
    command->is_leased = false;
    command->offers = 0;
    command->offered_ms = 0;
    command->leased_ms = 0;
    command->lease_ms = 0;
    wf_free(command->worker);
    command->worker = NULL;
}

static void
apply_offer(struct wf_apply *apply, struct wf_command *command)
{
    command->is_offered = true;
    command->offers++;
    command->offered_ms = apply->now_ms;
}

static void
apply_lease(struct wf_apply *apply, struct wf_command *command)
{
    command->is_offered = false;
    command->is_leased = true;
    command->leased_ms = apply->now_ms;
    command->renewed_ms = apply->now_ms;
    command->lease_ms = wf_reader_varint(&apply->ops);
    wf_own_text(&command->worker, wf_reader_bytes(&apply->ops));
}

static void
apply_failed(struct wf_apply *apply, struct wf_command *command)
{
    command->failed_ms = apply->now_ms;
    wf_own_text(&command->failure_name, wf_reader_bytes(&apply->ops));
    wf_own_text(&command->failure_message, wf_reader_bytes(&apply->ops));
}

// Attempts and time count from here.
static void
apply_reset(struct wf_apply *apply, struct wf_command *command)
{
    command->base = command->attempt;
    command->lost = 0;
    command->opened_ms = apply->now_ms;
}

static void
apply_options(struct wf_apply *apply, struct wf_command *command)
{
    uint64_t due;

    wf_own_bytes(&command->options, wf_reader_bytes(&apply->ops));
    due = wf_reader_varint(&apply->ops);
    if (due != command->due) {
        command->due = due;
        command->attempt_ms = due;
    }
}

static void
set_paused(struct wf_command *command, bool is_paused)
{
    command->is_paused = is_paused;
    wf_commands_tell(command);
}

// Does it say whether, or when, an attempt begins? Then none does before that
// is durable.
static bool
is_decision(enum wf_op op)
{
    return op == WF_OP_COMMAND_ATTEMPT || op == WF_OP_COMMAND_CANCEL ||
           op == WF_OP_COMMAND_ABANDON || op == WF_OP_COMMAND_PAUSE ||
           op == WF_OP_COMMAND_RESUME || op == WF_OP_COMMAND_RESET ||
           op == WF_OP_COMMAND_OPTIONS;
}

// tidy: long, one case per operation
void
wf_apply_command(struct wf_apply *apply, enum wf_op op)
{
    struct wf_command *command = wf_actor_find_command(
        apply->actor, (uint32_t)wf_reader_varint(&apply->ops));

    if (command == NULL) {
        // To give up what has ended is legal: its result came meanwhile.
        apply->ops.failed = op != WF_OP_COMMAND_CLOSE &&
                            op != WF_OP_COMMAND_CANCEL &&
                            op != WF_OP_COMMAND_ABANDON;
        return;
    }
    wf_commands_touch(command, is_decision(op) ? apply->record : 0);
    switch (op) {
    case WF_OP_COMMAND_ATTEMPT:
        apply_attempt(apply, command);
        break;
    case WF_OP_COMMAND_DETAILS:
        wf_own_bytes(&command->details, wf_reader_bytes(&apply->ops));
        break;
    case WF_OP_COMMAND_DEFER:
        command->is_deferred = true;
        command->is_leased = false;
        break;
    case WF_OP_COMMAND_OFFER:
        apply_offer(apply, command);
        break;
    case WF_OP_COMMAND_LEASE:
        apply_lease(apply, command);
        break;
    case WF_OP_COMMAND_CANCEL:
        command->is_cancel_asked = true;
        wf_commands_tell(command);
        break;
    case WF_OP_COMMAND_ABANDON:
        command->is_abandoned = true;
        break;
    case WF_OP_COMMAND_FAILED:
        apply_failed(apply, command);
        break;
    case WF_OP_COMMAND_PAUSE:
        set_paused(command, true);
        break;
    case WF_OP_COMMAND_RESUME:
        set_paused(command, false);
        break;
    case WF_OP_COMMAND_RESET:
        apply_reset(apply, command);
        break;
    case WF_OP_COMMAND_OPTIONS:
        apply_options(apply, command);
        break;
    default:
        wf_apply_command_remove(apply, command);
        break;
    }
}
