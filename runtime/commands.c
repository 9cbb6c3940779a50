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
// One that was due later is recorded as due at once when its time comes, and
// starts when that is durable: what is read back with a due time has not begun,
// whatever the clock says then.
//
// One that has a task queue is offered to it (offers.c) and leased by a worker
// (leases.c) in place of being started.
//
// An attempt whose process died may have run, so it is never repeated under
// its own number: the next one is recorded first.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/random.h"
#include "runtime/commands_impl.h"
#include "runtime/policy.h"
#include "runtime/stamp.h"
#include "runtime/start.h"
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
    if (command->task != NULL &&
        wf_policy_cancellation(command->options) != WEFT_CANCELLATION_ABANDON) {
        atomic_store(&command->task->is_cancelled, true);
    }
    command->task = NULL;
}

void
wf_commands_tell(struct wf_command *command)
{
    if (command->task != NULL) {
        atomic_store(&command->task->is_paused, command->is_paused);
        if (command->is_cancel_asked) {
            atomic_store(&command->task->is_cancelled, true);
        }
    }
}

const struct wf_activity_kind *
wf_commands_kind(const struct wf_partition *partition,
                 const struct wf_command *command)
{
    if (command->kind == WF_COMMAND_STEP) {
        return NULL;
    }
    return wf_definitions_find_activity(partition->options.definitions,
                                        command->name);
}

struct wf_policy
wf_commands_policy_with(const struct wf_partition *partition,
                        const struct wf_command *command, weft_bytes options)
{
    const struct wf_activity_kind *kind = wf_commands_kind(partition, command);
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    if (kind != NULL) {
        return wf_policy_of(&kind->def, options);
    }
    (void)wf_retry_policy_normalise(command->name, &def.retry);
    if (wf_policy_queue(options).len > 0) {
        def.timeouts.start_to_close_ms = WF_START_TO_CLOSE_MS_DEFAULT;
    }
    return wf_policy_of(&def, options);
}

struct wf_policy
wf_commands_policy(const struct wf_partition *partition,
                   const struct wf_command *command)
{
    return wf_commands_policy_with(partition, command, command->options);
}

// Records. ------------------------------------------------------------------

void
wf_commands_close(struct wf_partition *partition, struct wf_command *command,
                  weft_err err, weft_bytes name, weft_bytes text,
                  weft_bytes data)
{
    struct wf_actor *actor = command->actor;
    bool is_step = command->kind == WF_COMMAND_STEP;
    struct wf_buf ops = {0};

    wf_tally_activity(
        partition->options.tally, wf_commands_kind(partition, command),
        err == WEFT_OK ? WF_ACTIVITY_COMPLETED : WF_ACTIVITY_FAILED);
    wf_buf_put_u8(&ops, WF_OP_COMMAND_CLOSE);
    wf_buf_put_varint(&ops, command->id);
    if (command->is_abandoned) { // nobody wants to know
        (void)wf_write_actor(partition, actor, &ops, false);
        wf_buf_fini(&ops);
        return;
    }
    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_letter_put(
        &(struct wf_letter){
            .type = is_step ? WF_LETTER_STEP : WF_LETTER_ACTIVITY,
            .sender_run = actor->run,
            .call = command->id,
            .err = err,
            .name = name,
            .text = text,
            .data = data,
        },
        &ops);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
}

static struct wf_failed
failed_for(const char *name, const char *text)
{
    return (struct wf_failed){
        .err = WEFT_EFAILED,
        .name = weft_text(name),
        .text = weft_text(text),
    };
}

// What operators see of it until the next one fails.
static void
put_failed(struct wf_buf *ops, const struct wf_command *command,
           const struct wf_failed *failed)
{
    size_t len = failed->text.len;

    wf_buf_put_u8(ops, WF_OP_COMMAND_FAILED);
    wf_buf_put_varint(ops, command->id);
    wf_buf_put_bytes(ops, failed->name);
    wf_buf_put_bytes(
        ops,
        weft_bytes_of(failed->text.data,
                      len < WF_FAILURE_TEXT_MAX ? len : WF_FAILURE_TEXT_MAX));
}

void
wf_commands_put_attempt(struct wf_buf *ops, const struct wf_command *command,
                        uint32_t attempt, uint32_t lost, uint64_t due)
{
    wf_buf_put_u8(ops, WF_OP_COMMAND_ATTEMPT);
    wf_buf_put_varint(ops, command->id);
    wf_buf_put_varint(ops, attempt);
    wf_buf_put_varint(ops, lost);
    wf_buf_put_varint(ops, due);
}

// It is looked at again when the record is durable. Empties ops.
static void
write_attempt(struct wf_partition *partition, struct wf_command *command,
              struct wf_buf *ops)
{
    struct wf_actor *actor = command->actor;

    wf_gate_actor(partition, actor,
                  wf_write_actor(partition, actor, ops, false));
    wf_buf_fini(ops);
}

// due 0: at once, when it is durable. lost: of those that count.
static void
next_attempt(struct wf_partition *partition, struct wf_command *command,
             const struct wf_failed *failed, uint32_t lost, uint64_t due)
{
    struct wf_buf ops = {0};

    wf_commands_drop(command);
    wf_alarm_clear(partition, &command->alarm);
    put_failed(&ops, command, failed);
    wf_commands_put_attempt(&ops, command, command->attempt + 1, lost, due);
    write_attempt(partition, command, &ops);
}

// The time that it waited for has come.
static void
begin_attempt(struct wf_partition *partition, struct wf_command *command)
{
    struct wf_buf ops = {0};

    wf_commands_put_attempt(&ops, command, command->attempt, command->lost, 0);
    write_attempt(partition, command, &ops);
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

// How many attempts were used up, this one too. 0: it was reset meanwhile.
static uint32_t
used_attempts(const struct wf_command *command)
{
    return command->attempt - command->base - command->lost;
}

uint64_t
wf_commands_delay_ms(const struct wf_policy *policy,
                     const struct wf_command *command, uint32_t attempt,
                     uint32_t used)
{
    struct wf_random random;

    wf_random_init(&random, command->actor->seed ^ command->id ^
                                ((uint64_t)attempt << 32));
    return wf_policy_delay_ms(policy, used + 1, wf_random_unit(&random));
}

// When the next attempt may begin; 0: at once.
static uint64_t
next_due(const struct wf_partition *partition, const struct wf_policy *policy,
         const struct wf_command *command, const struct wf_failed *failed)
{
    uint32_t used = used_attempts(command);
    uint64_t delay = failed->retry_after_ms;

    if (delay == 0 && used == 0) {
        return 0;
    }
    if (delay == 0) {
        delay = wf_commands_delay_ms(policy, command, command->attempt, used);
    }
    return delay > WF_NEVER_MS - partition->now_ms ? WF_NEVER_MS
                                                   : partition->now_ms + delay;
}

static void
count_failure(const struct wf_partition *partition,
              const struct wf_command *command, weft_bytes name)
{
    static const char timeout[] = "timeout.";
    const struct wf_activity_kind *kind = wf_commands_kind(partition, command);
    size_t len = sizeof(timeout) - 1;

    wf_tally_activity(partition->options.tally, kind,
                      WF_ACTIVITY_ATTEMPTS_FAILED);
    if (name.len > len && memcmp(name.data, timeout, len) == 0) {
        wf_tally_activity(partition->options.tally, kind, WF_ACTIVITY_TIMEOUTS);
    }
}

void
wf_commands_fail(struct wf_partition *partition, struct wf_command *command,
                 const struct wf_failed *failed)
{
    struct wf_policy policy = wf_commands_policy(partition, command);
    uint32_t used = used_attempts(command);
    uint64_t due = next_due(partition, &policy, command, failed);
    bool is_over =
        failed->is_final || failed->err == WEFT_ECANCELLED ||
        !wf_policy_is_retryable(&policy, failed->name) ||
        (policy.retry.maximum_attempts > 0 &&
         used >= policy.retry.maximum_attempts) ||
        is_out_of_time(&policy, command, due > 0 ? due : partition->now_ms) ||
        command->is_cancel_asked;

    wf_commands_drop(command);
    count_failure(partition, command, failed->name);
    wf_note(partition, &command->actor->key, is_over ? "fail" : "retry",
            "%s attempt %u: %.*s", command->name, wf_command_attempt(command),
            (int)failed->name.len, (const char *)failed->name.data);
    if (is_over) {
        wf_commands_close(partition, command, failed->err, failed->name,
                          failed->text, failed->data);
    } else {
        next_attempt(partition, command, failed, command->lost, due);
    }
}

// Starting. -----------------------------------------------------------------

static void
hand_out(struct wf_partition *partition, struct wf_command *command)
{
    const struct wf_activity_kind *kind = wf_commands_kind(partition, command);
    struct wf_actor *actor = command->actor;
    struct wf_task *task;

    if (kind == NULL) {
        wf_note(partition, &actor->key, "wait",
                "activity %s is not registered here", command->name);
        wf_timeouts_watch(partition, command); // its time passes
        return;
    }
    task = wf_task_create();
    task->partition = partition->options.index;
    task->incarnation = partition->options.incarnation;
    task->caller = wf_key_copy(&actor->key);
    task->token = (struct wf_token){
        .run = wf_actor_stamp(actor),
        .command = command->id,
        .attempt = command->attempt,
    };
    task->attempt = wf_command_attempt(command);
    task->kind = kind;
    task->is_local = wf_policy_is_local(command->options);
    task->given_at_ms = partition->now_ms;
    wf_own_bytes(&task->input, command->input);
    wf_own_bytes(&task->details, command->details);
    wf_own_bytes(&task->headers, command->headers.len > 0
                                     ? command->headers
                                     : wf_start_headers(actor->options));
    wf_commands_key(actor, command->id, task->key);
    command->task = task;
    command->is_started = true;
    partition->stats.activities_started++;
    partition->stats.activities_running++;
    wf_tally_activity(partition->options.tally, kind, WF_ACTIVITY_ATTEMPTS);
    wf_list_push_back(&partition->outputs.tasks, &task->node);
    wf_timeouts_watch(partition, command);
}

// An activity that waits for its next attempt: begin it, or see to it that it
// is looked at again when it may begin or is too late.
static void
start_activity(struct wf_partition *partition, struct wf_command *command)
{
    const char *name = "";
    bool is_final = false;
    uint64_t limit;
    struct wf_failed failed;

    wf_alarm_clear(partition, &command->alarm);
    if (command->is_cancel_asked) {
        failed = failed_for(weft_err_name(WEFT_ECANCELLED),
                            "no attempt was under way when it was asked to "
                            "stop");
        failed.err = WEFT_ECANCELLED;
        wf_commands_fail(partition, command, &failed);
        return;
    }
    limit = wf_timeouts_next(partition, command, &name, &is_final);
    if (limit <= partition->now_ms) {
        failed = failed_for(name, "its time was over before it could begin");
        failed.is_final = is_final;
        wf_commands_fail(partition, command, &failed);
    } else if (command->is_paused || command->due > partition->now_ms) {
        uint64_t due = command->is_paused ? UINT64_MAX : command->due;

        due = limit < due ? limit : due;
        if (due != UINT64_MAX) {
            wf_alarm_set(partition, &command->alarm, due);
        }
    } else if (wf_policy_queue(command->options).len > 0) {
        wf_offers_make(partition, command);
    } else if (command->due > 0) {
        begin_attempt(partition, command);
    } else {
        hand_out(partition, command);
    }
}

void
wf_commands_start_one(struct wf_partition *partition,
                      struct wf_command *command)
{
    struct wf_actor *actor = command->actor;

    if (wf_command_is_running(command) ||
        command->record > partition->durable_record) {
        return;
    }
    if (command->kind != WF_COMMAND_STEP) {
        start_activity(partition, command);
    } else if (!wf_list_has(&actor->steps)) {
        wf_list_push_back(&partition->steps, &actor->steps);
    }
}

static bool
may_start(const struct wf_actor *actor)
{
    return wf_actor_is_live(actor) && wf_actor_may_run(actor) &&
           actor->kind != NULL;
}

void
wf_commands_start(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->commands.list);

    while (node != NULL && may_start(actor)) {
        struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);

        node = wf_list_next(&actor->commands.list, node); // it may be closed
        wf_commands_start_one(partition, command);
    }
}

// Those that are touched are in order of their records, so that nobody waits
// behind what is durable later. A command that is not among them has been
// looked at, so its record is durable.
void
wf_commands_touch(struct wf_command *command, uint64_t record)
{
    struct wf_list *touched = &command->actor->touched;

    if (record == 0) {
        if (!wf_list_has(&command->touched)) {
            wf_list_push_front(touched, &command->touched);
        }
        return;
    }
    command->record = record;
    if (wf_list_has(&command->touched)) {
        wf_list_remove(touched, &command->touched);
    }
    wf_list_push_back(touched, &command->touched);
}

void
wf_commands_released(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&actor->touched)) != NULL &&
           may_start(actor)) {
        struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, touched);

        if (command->record > partition->durable_record) {
            break;
        }
        wf_list_remove(&actor->touched, node);
        wf_commands_start_one(partition, command);
    }
}

// The process died that may have run it, or its worker was not heard.
static void
lose_attempt(struct wf_partition *partition, struct wf_command *command)
{
    struct wf_failed lost = failed_for(
        "lost", command->is_leased ? "its worker let the lease pass"
                                   : "the process of this attempt died");
    bool counts = command->attempt > command->base;

    wf_tally_activity(partition->options.tally,
                      wf_commands_kind(partition, command), WF_ACTIVITY_LOST);
    if (wf_commands_policy(partition, command).fail_when_lost) {
        wf_commands_fail(partition, command, &lost);
    } else {
        next_attempt(partition, command, &lost,
                     command->lost + (counts ? 1 : 0), 0);
    }
}

// A command that was read back, or was open when its actor was held up.
static void
recover_command(struct wf_partition *partition, struct wf_command *command)
{
    // What has a queue runs only where it is leased.
    bool may_have_run = command->is_recovered && !command->is_held &&
                        command->due == 0 &&
                        wf_policy_queue(command->options).len == 0;

    command->is_recovered = false;
    if (command->is_deferred || command->is_leased) {
        command->beat_ms = partition->now_ms; // nobody could be heard
        command->renewed_ms = partition->now_ms;
        wf_timeouts_watch(partition, command);
    } else if (command->task != NULL) {
        wf_timeouts_watch(partition, command); // they did not strike meanwhile
    } else if (!may_have_run) {
        wf_commands_start_one(partition, command);
    } else {
        lose_attempt(partition, command);
    }
}

void
wf_commands_rearm(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->commands.list);

    if (!wf_actor_is_live(actor) || !wf_actor_may_run(actor)) {
        return;
    }
    while (node != NULL) {
        struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);

        node = wf_list_next(&actor->commands.list, node); // it may be closed
        recover_command(partition, command);
    }
}

void
wf_commands_alarm(struct wf_partition *partition, struct wf_command *command)
{
    const char *name = "";
    struct wf_failed failed;
    bool is_final = false;

    if (!wf_actor_may_run(command->actor)) {
        return; // resume sets alarms again
    }
    if (!wf_command_is_running(command)) {
        wf_commands_start_one(partition, command);
        return;
    }
    if (wf_timeouts_next(partition, command, &name, &is_final) >
            partition->now_ms ||
        name[0] == '\0') {
        wf_timeouts_watch(partition, command);
        return;
    }
    if (strcmp(name, WF_TIMEOUT_LEASE) == 0) {
        lose_attempt(partition, command);
        return;
    }
    failed = failed_for(name, "the attempt took too long");
    failed.is_final = is_final;
    wf_commands_fail(partition, command, &failed);
}
