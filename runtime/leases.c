// SPDX-License-Identifier: Apache-2.0
//
// leases.c - attempts that workers take from task queues, by token.
//
//     offered --lease--> leased --complete, fail--> as any other (results.c)
//        ^                 | \--defer--> deferred: no lease any more
//        +---- release ----+
//                          | not renewed in time: lost
//
// That somebody has a lease is a record; that it was renewed is not, so that
// after a recovery all leases count from there. What a worker may be told twice
// it may ask twice: a lease is repeated to the worker that has it.

#include "runtime/commands_impl.h"
#include "runtime/edge.h"
#include "runtime/partition_impl.h"
#include "runtime/start.h"
#include "runtime/task.h"
#include "weft/worker.h"

static bool
has_lease(const struct wf_command *command, const struct wf_request *request)
{
    return command->is_leased && strcmp(command->worker, request->worker) == 0;
}

// When the attempt is over, whatever its worker does; 0: never.
static uint64_t
deadline_of(const struct wf_command *command,
            const weft_activity_timeouts *timeouts)
{
    uint64_t attempt =
        wf_start_deadline(command->leased_ms, timeouts->start_to_close_ms);
    uint64_t all =
        wf_start_deadline(command->opened_ms, timeouts->schedule_to_close_ms);

    attempt = attempt < WF_NEVER_MS ? attempt : 0;
    all = all < WF_NEVER_MS ? all : 0;
    return attempt == 0 || (all != 0 && all < attempt) ? all : attempt;
}

static uint64_t
timeout_of(uint64_t ms)
{
    return ms == WEFT_FOREVER ? 0 : ms;
}

static weft_activity_timeouts
timeouts_of(const struct wf_partition *partition,
            const struct wf_command *command)
{
    weft_activity_timeouts timeouts =
        wf_commands_policy(partition, command).timeouts;

    return (weft_activity_timeouts){
        .schedule_to_start_ms = timeout_of(timeouts.schedule_to_start_ms),
        .start_to_close_ms = timeout_of(timeouts.start_to_close_ms),
        .schedule_to_close_ms = timeout_of(timeouts.schedule_to_close_ms),
        .heartbeat_ms = timeout_of(timeouts.heartbeat_ms),
    };
}

// Fill in what the worker learns; is_whole: also what it begins with.
static void
answer_lease(const struct wf_partition *partition,
             const struct wf_command *command, struct wf_request *request,
             bool is_whole)
{
    const struct wf_actor *actor = command->actor;
    weft_bytes headers = command->headers.len > 0
                             ? command->headers
                             : wf_start_headers(actor->options);
    weft_lease lease = {
        .activity = command->name,
        .attempt = wf_command_attempt(command),
        .timeouts = timeouts_of(partition, command),
        .leased_at_ms = command->leased_ms,
        .lease_ms = (uint32_t)command->lease_ms,
        .is_paused = command->is_paused,
        .is_cancel_requested = command->is_cancel_asked,
    };
    struct wf_start start = {0};
    char caller[WF_KEY_BYTES_MAX + 1];
    char key[33];

    if (is_whole) {
        (void)wf_start_decode(headers, &start);
        lease.input = command->input;
        lease.headers = start.headers;
        lease.details = command->details;
    }
    lease.deadline_ms = deadline_of(command, &lease.timeouts);
    wf_commands_key(actor, command->id, key);
    lease.key = key;
    lease.caller_id = wf_key_path(&actor->key, caller);
    wf_request_answer_lease(request, &lease);
}

// Lease. ----------------------------------------------------------------------

static void
give(struct wf_partition *partition, struct wf_command *command,
     struct wf_request *request)
{
    struct wf_buf ops = {0};
    uint64_t record;

    wf_buf_put_u8(&ops, WF_OP_COMMAND_LEASE);
    wf_buf_put_varint(&ops, command->id);
    wf_buf_put_varint(&ops, request->lease_ms);
    wf_buf_put_text(&ops, request->worker);
    record = wf_write_actor(partition, command->actor, &ops, false);
    wf_buf_fini(&ops);
    wf_tally_activity(partition->options.tally,
                      wf_commands_kind(partition, command),
                      WF_ACTIVITY_ATTEMPTS);
    wf_note(partition, &command->actor->key, "lease", "%s attempt %u to %s",
            command->name, wf_command_attempt(command), command->worker);
    wf_timeouts_watch(partition, command);
    answer_lease(partition, command, request, true);
    wf_edge_answer(partition, request, record, WEFT_OK, "%s", "");
}

// Scheduled once more, as it is: it waits, or is offered as a new one.
static void
put_back(struct wf_buf *ops, const struct wf_command *command)
{
    wf_commands_put_attempt(ops, command, command->attempt, command->lost, 0);
}

// The queue forgets it now. It is told again when the instance goes on.
static void
hold_up(struct wf_partition *partition, struct wf_command *command,
        struct wf_request *request)
{
    struct wf_buf ops = {0};

    put_back(&ops, command);
    (void)wf_write_actor(partition, command->actor, &ops, false);
    wf_buf_fini(&ops);
    wf_alarm_clear(partition, &command->alarm);
    wf_edge_answer_now(partition, command->actor, request, WEFT_ENOTFOUND,
                       "it is paused, and offered again when it is resumed");
}

static void
do_lease(struct wf_partition *partition, struct wf_command *command,
         struct wf_request *request)
{
    const struct wf_actor *actor = command->actor;

    if (has_lease(command, request)) {
        command->renewed_ms = partition->now_ms;
        wf_timeouts_watch(partition, command);
        answer_lease(partition, command, request, true);
        wf_edge_answer_now(partition, actor, request, WEFT_OK, "");
    } else if (!command->is_offered) {
        wf_edge_answer_now(partition, actor, request, WEFT_ENOTFOUND,
                           command->is_leased
                               ? "another worker has that attempt"
                               : "that attempt is not offered");
    } else if (!wf_actor_may_run(actor)) {
        hold_up(partition, command, request);
    } else {
        give(partition, command, request);
    }
}

// What follows it. ------------------------------------------------------------

static void
do_renew(struct wf_partition *partition, struct wf_command *command,
         struct wf_request *request)
{
    command->renewed_ms = partition->now_ms;
    wf_timeouts_watch(partition, command);
    answer_lease(partition, command, request, false);
    wf_edge_answer_now(partition, command->actor, request,
                       command->is_cancel_asked ? WEFT_ECANCELLED : WEFT_OK,
                       command->is_cancel_asked ? "it is asked to stop" : "");
}

static void
do_release(struct wf_partition *partition, struct wf_command *command,
           struct wf_request *request)
{
    struct wf_actor *actor = command->actor;
    struct wf_draft *draft = &partition->draft;

    put_back(&draft->ops, command);
    wf_draft_actor(draft, &actor->key);
    wf_alarm_clear(partition, &command->alarm);
    wf_edge_answer_done(partition, request, draft);
    wf_gate_actor(partition, actor, partition->last_record);
}

static void
do_defer(struct wf_partition *partition, struct wf_command *command,
         struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    wf_buf_put_u8(&draft->ops, WF_OP_COMMAND_DEFER);
    wf_buf_put_varint(&draft->ops, command->id);
    wf_draft_actor(draft, &command->actor->key);
    wf_edge_answer_done(partition, request, draft);
    wf_timeouts_watch(partition, command);
}

void
wf_leases_request(struct wf_partition *partition, struct wf_actor *actor,
                  struct wf_request *request)
{
    struct wf_command *command =
        wf_results_find(partition, &actor->key, &request->token);

    if (command == NULL || command->kind != WF_COMMAND_ACTIVITY) {
        wf_edge_answer_now(partition, actor, request, WEFT_ENOTFOUND,
                           "that attempt is over");
    } else if (request->verb == WEFT_VERB_LEASE) {
        do_lease(partition, command, request);
    } else if (!has_lease(command, request)) {
        wf_edge_answer_now(partition, actor, request, WEFT_ENOTFOUND,
                           "this worker has no lease of that attempt");
    } else if (request->verb == WEFT_VERB_RENEW) {
        do_renew(partition, command, request);
    } else if (request->verb == WEFT_VERB_RELEASE) {
        do_release(partition, command, request);
    } else {
        do_defer(partition, command, request);
    }
}
