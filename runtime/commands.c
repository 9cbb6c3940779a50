// SPDX-License-Identifier: Apache-2.0
//
// commands.c - activities and inline steps: what is started once its command
// is durable, and what becomes of the result.
//
// An attempt's life:
//
//   opened --durable--> started --result--> closed, a letter to the actor
//      ^                   |  \--deferred--> closed by token
//      |                   | failed, timed out
//      +---- attempt + 1 <-+ (due after the policy's delay)
//
// An attempt whose process died may have run, so it is never repeated under
// its own number: the next one is recorded first.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/random.h"
#include "runtime/policy.h"
#include "runtime/task.h"
#include "runtime/turn.h"
#include "runtime/workflow.h"

void
wf_commands_key(const struct wf_actor *actor, uint32_t id, char out_key[33])
{
    struct wf_buf bytes = {0};

    wf_buf_put_bytes(&bytes, wf_key_bytes(&actor->key));
    wf_buf_put_u64(&bytes, actor->seed);
    wf_buf_put_u64(&bytes, actor->run);
    wf_buf_put_u32(&bytes, id);
    wf_hash128_hex(bytes.data, bytes.len, out_key);
    wf_buf_fini(&bytes);
}

void
wf_commands_drop(struct wf_command *command)
{
    if (command->task != NULL) {
        atomic_store(&command->task->is_abandoned, true);
        command->task = NULL;
    }
}

void
wf_commands_cancel(struct wf_command *command)
{
    if (command->task != NULL) {
        atomic_store(&command->task->is_cancelled, true);
        command->task = NULL;
    }
}

// NULL for a step, and for an activity that is not registered here.
static const struct wf_activity_kind *
kind_of(const struct wf_partition *partition, const struct wf_command *command)
{
    if (command->kind == WF_COMMAND_STEP) {
        return NULL;
    }
    return wf_definitions_find_activity(partition->options.definitions,
                                        command->name);
}

// The defaults, if it is not registered here.
static struct wf_policy
policy_of(const struct wf_partition *partition,
          const struct wf_command *command)
{
    const struct wf_activity_kind *kind = kind_of(partition, command);
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    if (kind != NULL) {
        return wf_policy_of(&kind->def, command->options);
    }
    (void)wf_retry_policy_normalise(command->name, &def.retry);
    return wf_policy_of(&def, command->options);
}

// Records. ------------------------------------------------------------------

static void
close_command(struct wf_partition *partition, struct wf_command *command,
              weft_err err, weft_bytes name, weft_bytes text, weft_bytes data)
{
    struct wf_actor *actor = command->actor;
    bool is_step = command->kind == WF_COMMAND_STEP;
    struct wf_buf ops = {0};
    struct wf_buf letter = {0};

    wf_letter_encode(
        &(struct wf_letter){
            .type = is_step ? WF_LETTER_STEP : WF_LETTER_ACTIVITY,
            .sender_run = actor->run,
            .call = command->id,
            .err = err,
            .name = name,
            .text = text,
            .data = data,
        },
        &letter);
    wf_buf_put_u8(&ops, WF_OP_COMMAND_CLOSE);
    wf_buf_put_varint(&ops, command->id);
    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_buf_put_bytes(&ops, wf_buf_bytes(&letter));
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&letter);
    wf_buf_fini(&ops);
}

// due 0: at once, when it is durable.
static void
begin_attempt(struct wf_partition *partition, struct wf_command *command,
              uint32_t attempt, uint32_t lost, uint64_t due)
{
    struct wf_actor *actor = command->actor;
    struct wf_buf ops = {0};
    uint64_t record;

    wf_commands_drop(command);
    wf_alarm_clear(partition, &command->alarm);
    wf_buf_put_u8(&ops, WF_OP_COMMAND_ATTEMPT);
    wf_buf_put_varint(&ops, command->id);
    wf_buf_put_varint(&ops, attempt);
    wf_buf_put_varint(&ops, lost);
    wf_buf_put_varint(&ops, due);
    record = wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
    wf_gate_actor(partition, actor, record);
}

// Would another attempt at that time come too late?
static bool
is_out_of_time(const struct wf_policy *policy, const struct wf_command *command,
               uint64_t at_ms)
{
    uint64_t total = policy->retry.total_ms;
    uint64_t limit = policy->timeouts.schedule_to_close_ms;

    return (total > 0 && at_ms - command->opened_ms > total) ||
           (limit > 0 && at_ms - command->opened_ms >= limit);
}

static void
fail_attempt(struct wf_partition *partition, struct wf_command *command,
             bool is_final, weft_bytes name, weft_bytes text, weft_bytes data)
{
    struct wf_policy policy = policy_of(partition, command);
    uint32_t used = command->attempt - command->lost;
    struct wf_random random;
    uint64_t delay;
    bool is_over;

    wf_commands_drop(command);
    wf_random_init(&random, command->actor->seed ^ command->id ^
                                ((uint64_t)command->attempt << 32));
    delay = wf_policy_delay_ms(&policy, used + 1, wf_random_unit(&random));
    is_over = is_final || !wf_policy_is_retryable(&policy, name) ||
              (policy.retry.maximum_attempts > 0 &&
               used >= policy.retry.maximum_attempts) ||
              is_out_of_time(&policy, command, partition->now_ms + delay) ||
              command->is_cancel_asked;
    wf_note(partition, &command->actor->key, is_over ? "fail" : "retry",
            "%s attempt %u: %.*s", command->name, command->attempt,
            (int)name.len, (const char *)name.data);
    if (is_over) {
        close_command(partition, command, WEFT_EFAILED, name, text, data);
    } else {
        begin_attempt(partition, command, command->attempt + 1, command->lost,
                      partition->now_ms + delay);
    }
}

// Starting. -----------------------------------------------------------------

// The earliest moment at which a timeout could strike, given what is known
// now; UINT64_MAX: never. *out_name: which one strikes if it is past.
static uint64_t
next_timeout(const struct wf_partition *partition,
             const struct wf_command *command, const char **out_name,
             bool *out_is_final)
{
    const weft_activity_timeouts timeouts =
        policy_of(partition, command).timeouts;
    const struct wf_task *task = command->task;
    uint64_t started = command->is_deferred ? command->attempt_ms : 0;
    uint64_t beat = command->beat_ms > started ? command->beat_ms : started;
    uint64_t due = UINT64_MAX;

    if (task != NULL) {
        started = atomic_load(&task->started_at_ms);
        beat = atomic_load(&task->beat_at_ms);
        beat = beat > started ? beat : started;
    }
#define CONSIDER(base, limit, name, is_final)                                  \
    if ((limit) != 0 && (limit) != WEFT_FOREVER && (base) + (limit) < due) {   \
        due = (base) + (limit);                                                \
        *out_name = (name);                                                    \
        *out_is_final = (is_final);                                            \
    }
    CONSIDER(command->opened_ms, timeouts.schedule_to_close_ms,
             "timeout.schedule_to_close", true)
    if (started == 0) {
        CONSIDER(command->attempt_ms, timeouts.schedule_to_start_ms,
                 "timeout.schedule_to_start", true)
        // It may start at any time: look again when it could be over.
        CONSIDER(partition->now_ms, timeouts.start_to_close_ms, "", false)
        CONSIDER(partition->now_ms, timeouts.heartbeat_ms, "", false)
    } else {
        CONSIDER(started, timeouts.start_to_close_ms, "timeout.start_to_close",
                 false)
        CONSIDER(beat, timeouts.heartbeat_ms, "timeout.heartbeat", false)
    }
#undef CONSIDER
    return due;
}

static void
watch_timeouts(struct wf_partition *partition, struct wf_command *command)
{
    const char *name = "";
    bool is_final = false;
    uint64_t due = next_timeout(partition, command, &name, &is_final);

    wf_alarm_clear(partition, &command->alarm);
    if (due != UINT64_MAX) {
        wf_alarm_set(partition, &command->alarm, due);
    }
}

static void
hand_out(struct wf_partition *partition, struct wf_command *command)
{
    const struct wf_activity_kind *kind = kind_of(partition, command);
    struct wf_actor *actor = command->actor;
    struct wf_task *task;

    if (kind == NULL) {
        wf_note(partition, &actor->key, "wait",
                "activity %s is not registered here", command->name);
        return;
    }
    task = wf_task_create();
    task->partition = partition->options.index;
    task->incarnation = partition->options.incarnation;
    task->caller = wf_key_copy(&actor->key);
    task->token = (struct wf_token){
        .run = actor->run,
        .command = command->id,
        .attempt = command->attempt,
    };
    task->kind = kind;
    task->given_at_ms = partition->now_ms;
    wf_own_bytes(&task->input, command->input);
    wf_own_bytes(&task->details, command->details);
    wf_commands_key(actor, command->id, task->key);
    command->task = task;
    command->is_started = true;
    partition->stats.activities_started++;
    partition->stats.activities_running++;
    wf_list_push_back(&partition->outputs.tasks, &task->node);
    watch_timeouts(partition, command);
}

static void
start_command(struct wf_partition *partition, struct wf_command *command)
{
    struct wf_actor *actor = command->actor;

    if (command->is_started || command->is_deferred ||
        command->record > partition->durable_record) {
        return;
    }
    if (command->kind == WF_COMMAND_STEP) {
        if (!wf_list_has(&actor->steps)) {
            wf_list_push_back(&partition->steps, &actor->steps);
        }
    } else if (command->due > partition->now_ms) {
        wf_alarm_clear(partition, &command->alarm);
        wf_alarm_set(partition, &command->alarm, command->due);
    } else {
        hand_out(partition, command);
    }
}

void
wf_commands_start(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->commands);

    if (!wf_actor_is_live(actor) || !wf_actor_may_run(actor) ||
        actor->kind == NULL) {
        return;
    }
    for (; node != NULL; node = wf_list_next(&actor->commands, node)) {
        start_command(partition, WF_CONTAINER(node, struct wf_command, node));
    }
}

// A command that was read back, or was open when its actor was held up.
static void
recover_command(struct wf_partition *partition, struct wf_command *command)
{
    const struct wf_activity_kind *kind = kind_of(partition, command);
    bool may_have_run =
        command->is_recovered && command->due <= partition->now_ms;

    command->is_recovered = false;
    if (command->is_deferred) {
        command->beat_ms = partition->now_ms; // nobody could be heard
        watch_timeouts(partition, command);
    } else if (command->task != NULL) {
        watch_timeouts(partition, command); // they did not strike meanwhile
    } else if (!may_have_run) {
        start_command(partition, command);
    } else if (kind != NULL && kind->def.fail_when_lost) {
        fail_attempt(partition, command, false, weft_text("lost"),
                     weft_text("the process of this attempt died"),
                     weft_nothing());
    } else {
        begin_attempt(partition, command, command->attempt + 1,
                      command->lost + 1, 0);
    }
}

void
wf_commands_rearm(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->commands);

    if (!wf_actor_is_live(actor) || !wf_actor_may_run(actor)) {
        return;
    }
    while (node != NULL) {
        struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);

        node = wf_list_next(&actor->commands, node); // it may be closed
        recover_command(partition, command);
    }
}

void
wf_commands_alarm(struct wf_partition *partition, struct wf_command *command)
{
    const char *name = "";
    bool is_final = false;

    if (!wf_actor_may_run(command->actor)) {
        return; // resume sets alarms again
    }
    if (!command->is_started && !command->is_deferred) {
        start_command(partition, command);
        return;
    }
    if (next_timeout(partition, command, &name, &is_final) >
            partition->now_ms ||
        name[0] == '\0') {
        watch_timeouts(partition, command);
        return;
    }
    fail_attempt(partition, command, is_final, weft_text(name),
                 weft_text("the attempt took too long"), weft_nothing());
}

// Results. ------------------------------------------------------------------

// The command whose current attempt the token means, or NULL.
static struct wf_command *
find_attempt(const struct wf_partition *partition, const struct wf_key *caller,
             const struct wf_token *token)
{
    const struct wf_actor *actor =
        wf_residents_find(partition, wf_key_bytes(caller));
    struct wf_command *command;

    if (actor == NULL || actor->run != token->run) {
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
    watch_timeouts(partition, command);
}

void
wf_commands_task(struct wf_partition *partition, struct wf_task *task)
{
    const struct wf_outcome *outcome = &task->outcome;
    struct wf_command *command =
        find_attempt(partition, &task->caller, &task->token);
    weft_bytes name = weft_text(outcome->name == NULL ? "" : outcome->name);
    weft_bytes text =
        weft_text(outcome->message == NULL ? "" : outcome->message);

    if (task->incarnation == partition->options.incarnation) {
        partition->stats.activities_running--;
    }
    if (command != NULL && command->task == task) {
        command->task = NULL;
        wf_alarm_clear(partition, &command->alarm);
        if (outcome->err == WEFT_OK) {
            close_command(partition, command, WEFT_OK, weft_nothing(),
                          weft_nothing(), outcome->data);
        } else if (outcome->err == WEFT_ECLOSED) {
            // The node is closing and never began it: the next one will.
        } else if (outcome->err == WEFT_EDEFERRED) {
            defer_attempt(partition, command);
        } else {
            fail_attempt(partition, command, outcome->is_final, name, text,
                         outcome->data);
        }
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
wf_commands_beat(struct wf_partition *partition, struct wf_beat *beat)
{
    struct wf_command *command =
        find_attempt(partition, &beat->caller, &beat->token);

    if (command != NULL) {
        keep_details(partition, command, beat->details);
    }
    wf_beat_destroy(beat);
}

// By token. -----------------------------------------------------------------

void
wf_commands_request(struct wf_partition *partition, struct wf_actor *actor,
                    struct wf_request *request)
{
    struct wf_command *command =
        find_attempt(partition, &actor->key, &request->token);
    struct wf_draft draft = {0};

    if (command == NULL || command->kind != WF_COMMAND_ACTIVITY) {
        wf_edge_answer(partition, request, actor->object.position,
                       WEFT_ENOTFOUND, "%s: that attempt is over",
                       wf_key_id(&actor->key));
        return;
    }
    switch (request->verb) {
    case WEFT_VERB_COMPLETE:
        wf_commands_drop(command);
        close_command(partition, command, WEFT_OK, weft_nothing(),
                      weft_nothing(), request->data);
        break;
    case WEFT_VERB_FAIL:
        fail_attempt(partition, command, false, weft_text(request->error_name),
                     weft_text(request->error_message), request->data);
        break;
    default:
        command->beat_ms = partition->now_ms;
        keep_details(partition, command, request->data);
        watch_timeouts(partition, command);
        wf_edge_answer(partition, request, partition->last_record, WEFT_OK,
                       "%s", "");
        return;
    }
    // In the same segment as what it did: repeated, it is answered the same.
    wf_edge_answer_done(partition, request, &draft);
}

// Inline steps. -------------------------------------------------------------

void
wf_commands_step(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->commands);
    struct wf_command *command = NULL;
    struct wf_step_result result = {0};

    for (; node != NULL; node = wf_list_next(&actor->commands, node)) {
        command = WF_CONTAINER(node, struct wf_command, node);
        if (command->kind == WF_COMMAND_STEP && !command->is_started) {
            break;
        }
    }
    if (node == NULL || !wf_actor_may_run(actor) || !wf_actor_has_code(actor)) {
        return;
    }
    if (!wf_workflow_step(partition, actor, command, &result)) {
        return; // it was parked, or waits for code: what there is does not fit
    }
    close_command(partition, command, result.err, weft_text(result.name),
                  weft_nothing(), wf_buf_bytes(&result.data));
    wf_buf_fini(&result.data);
}
