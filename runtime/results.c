// SPDX-License-Identifier: Apache-2.0
//
// results.c - what attempts and inline steps come to: from workers, from
// clients by token, from the shard's own thread.
//
// Only the current attempt of an open command counts; whatever else comes is
// dropped.

#include "runtime/commands_impl.h"
#include "runtime/edge.h"
#include "runtime/stamp.h"
#include "runtime/task.h"
#include "runtime/turn.h"
#include "runtime/workflow.h"

struct wf_command *
wf_results_find(const struct wf_partition *partition,
                const struct wf_key *caller, const struct wf_token *token)
{
    const struct wf_actor *actor =
        wf_residents_find(partition, wf_key_bytes(caller));
    struct wf_command *command;

    if (actor == NULL || wf_actor_stamp(actor) != token->run) {
        return NULL;
    }
    command = wf_actor_find_command(actor, token->command);
    if (command == NULL || command->attempt != token->attempt) {
        return NULL;
    }
    return command;
}

static void
defer_attempt(struct wf_partition *partition, struct wf_command *command)
{
    struct wf_buf ops = {0};

    wf_buf_put_u8(&ops, WF_OP_COMMAND_DEFER);
    wf_buf_put_varint(&ops, command->id);
    (void)wf_write_actor(partition, command->actor, &ops, false);
    wf_buf_fini(&ops);
    wf_timeouts_watch(partition, command);
}

// A worker gave it back. It never began if the node is closing, which the next
// one will make good, or if it is paused.
static void
end_attempt(struct wf_partition *partition, struct wf_command *command,
            struct wf_outcome *outcome)
{
    command->task = NULL;
    wf_alarm_clear(partition, &command->alarm);
    if (outcome->err == WEFT_OK) {
        wf_commands_close(partition, command, WEFT_OK, weft_nothing(),
                          weft_nothing(), outcome->data);
    } else if (outcome->err == WEFT_EDEFERRED) {
        defer_attempt(partition, command);
    } else if (outcome->err == WEFT_EBUSY) {
        command->is_started = false;
        if (wf_actor_may_run(command->actor)) { // else when it is resumed
            wf_commands_start_one(partition, command);
        }
    } else if (outcome->err != WEFT_ECLOSED) {
        wf_commands_fail(
            partition, command,
            &(struct wf_failed){
                .err = outcome->err,
                .name = weft_text(outcome->name == NULL ? "" : outcome->name),
                .text =
                    weft_text(outcome->message == NULL ? "" : outcome->message),
                .data = outcome->data,
                .is_final = outcome->is_final,
                .retry_after_ms = outcome->retry_after_ms,
            });
    }
}

void
wf_results_task(struct wf_partition *partition, struct wf_task *task)
{
    struct wf_command *command =
        wf_results_find(partition, &task->caller, &task->token);

    if (task->incarnation == partition->options.incarnation) {
        partition->stats.activities_running--;
    }
    if (command != NULL && command->task == task) {
        end_attempt(partition, command, &task->outcome);
    }
    wf_task_destroy(task);
}

static void
keep_details(struct wf_partition *partition, struct wf_command *command,
             weft_bytes details)
{
    struct wf_buf ops = {0};

    if (details.len > 0 && !wf_bytes_equal(details, command->details)) {
        wf_buf_put_u8(&ops, WF_OP_COMMAND_DETAILS);
        wf_buf_put_varint(&ops, command->id);
        wf_buf_put_bytes(&ops, details);
        (void)wf_write_actor(partition, command->actor, &ops, true);
        wf_buf_fini(&ops);
    }
}

void
wf_results_beat(struct wf_partition *partition, struct wf_beat *beat)
{
    struct wf_command *command =
        wf_results_find(partition, &beat->caller, &beat->token);

    if (command != NULL) {
        keep_details(partition, command, beat->details);
    }
    wf_beat_destroy(beat);
}

// By token. -----------------------------------------------------------------

static void
beat_by_token(struct wf_partition *partition, struct wf_command *command,
              struct wf_request *request)
{
    command->beat_ms = partition->now_ms;
    command->renewed_ms = partition->now_ms;
    keep_details(partition, command, request->data);
    wf_timeouts_watch(partition, command);
    wf_edge_answer(partition, request, partition->last_record,
                   command->is_cancel_asked ? WEFT_ECANCELLED : WEFT_OK, "%s",
                   command->is_cancel_asked ? "it is asked to stop" : "");
}

// Cancelled only if it was asked to stop, as for an attempt of this node.
static void
fail_by_token(struct wf_partition *partition, struct wf_command *command,
              const struct wf_request *request)
{
    bool is_cancelled =
        command->is_cancel_asked &&
        strcmp(request->error_name, weft_err_name(WEFT_ECANCELLED)) == 0;

    wf_commands_fail(partition, command,
                     &(struct wf_failed){
                         .err = is_cancelled ? WEFT_ECANCELLED : WEFT_EFAILED,
                         .name = weft_text(request->error_name),
                         .text = weft_text(request->error_message),
                         .data = request->data,
                         .is_final = request->is_for_good,
                         .retry_after_ms = request->retry_after_ms,
                     });
}

void
wf_results_request(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request)
{
    struct wf_command *command =
        wf_results_find(partition, &actor->key, &request->token);
    struct wf_draft *draft = &partition->draft;

    if (command == NULL || command->kind != WF_COMMAND_ACTIVITY) {
        wf_edge_answer(partition, request, actor->object.position,
                       WEFT_ENOTFOUND, "%s: that attempt is over",
                       wf_key_id(&actor->key));
        return;
    }
    switch (request->verb) {
    case WEFT_VERB_COMPLETE:
        wf_commands_drop(command);
        wf_commands_close(partition, command, WEFT_OK, weft_nothing(),
                          weft_nothing(), request->data);
        break;
    case WEFT_VERB_FAIL:
        fail_by_token(partition, command, request);
        break;
    default:
        beat_by_token(partition, command, request);
        return;
    }
    // In the same segment as what it did: repeated, it is answered the same.
    wf_edge_answer_done(partition, request, draft);
}

// Inline steps. -------------------------------------------------------------

// The first step that may run. NULL: none.
static struct wf_command *
next_step(const struct wf_partition *partition, const struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->commands.list);

    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);

        if (command->kind == WF_COMMAND_STEP &&
            command->record <= partition->durable_record) {
            return command;
        }
    }
    return NULL;
}

void
wf_results_step(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_command *command = next_step(partition, actor);
    struct wf_step_result result = {0};

    if (command == NULL || !wf_actor_may_run(actor) ||
        !wf_actor_has_code(actor)) {
        return;
    }
    if (!wf_workflow_step(partition, actor, command, &result)) {
        return; // it was parked, or waits for code: what there is does not fit
    }
    wf_commands_close(partition, command, result.err, weft_text(result.name),
                      weft_nothing(), wf_buf_bytes(&result.data));
    wf_buf_fini(&result.data);
    if (next_step(partition, actor) != NULL) { // of another branch
        wf_list_push_back(&partition->steps, &actor->steps);
    }
}
