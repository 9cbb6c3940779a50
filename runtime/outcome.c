// SPDX-License-Identifier: Apache-2.0
//
// outcome.c - how a run ends.
//
// A run that failed or took too long is followed by another one, if the retry
// policy of the start says so; then nobody learns of it but those who look:
// the parent and whoever waits for the result wait for the last run. All other
// runs end their instance.

#include "runtime/outcome.h"

#include <stdio.h>

#include "base/alloc.h"
#include "runtime/create.h"
#include "runtime/edge.h"
#include "runtime/start.h"
#include "runtime/update.h"
#include "runtime/workflow_impl.h"

weft_err
wf_outcome_err(weft_status status)
{
    switch (status) {
    case WEFT_STATUS_COMPLETED:
        return WEFT_OK;
    case WEFT_STATUS_CANCELLED:
        return WEFT_ECANCELLED;
    case WEFT_STATUS_TERMINATED:
        return WEFT_ETERMINATED;
    case WEFT_STATUS_TIMED_OUT:
        return WEFT_EOVERDUE;
    default:
        return WEFT_EFAILED;
    }
}

// Another run? --------------------------------------------------------------

static bool
is_before(uint64_t due, uint64_t limit)
{
    return limit == 0 || due < limit;
}

// Or its parent asks it in a letter: that of this turn, or one that waits. What
// is in rows cannot be looked at, but was when it came.
static bool
is_asked_to_stop(const struct wf_actor *actor)
{
    const struct wf_list *letters = &actor->mailbox.letters;
    const struct wf_list_node *node = wf_list_first(letters);
    bool is_asked = actor->is_cancel_asked ||
                    (actor->is_left && wf_mailbox_has_gone(&actor->mailbox));

    for (; node != NULL && !is_asked; node = wf_list_next(letters, node)) {
        const struct wf_waiting *waiting =
            WF_CONTAINER(node, const struct wf_waiting, node);
        weft_bytes bytes = weft_bytes_of(waiting->bytes, waiting->len);
        struct wf_letter letter;

        is_asked = wf_letter_type(bytes) == WF_LETTER_CANCEL &&
                   wf_letter_decode(bytes, &letter) &&
                   wf_turn_expects(actor, &letter);
    }
    return is_asked;
}

// When the next run begins, if there is to be one; 0: no. One that was asked
// to stop is not begun again.
static uint64_t
next_run(struct wf_turn *turn, weft_status status, const char *name)
{
    const struct wf_actor *actor = turn->actor;
    const weft_retry_policy *retry;
    struct wf_start start;
    uint64_t delay_ms;
    uint64_t due;

    if ((status != WEFT_STATUS_FAILED && status != WEFT_STATUS_TIMED_OUT) ||
        actor->options.len == 0 || is_asked_to_stop(actor) ||
        !wf_start_decode(actor->options, &start) || !start.has_retry) {
        return 0;
    }
    retry = &start.retry.retry;
    if ((retry->maximum_attempts != 0 &&
         actor->attempt >= retry->maximum_attempts) ||
        !wf_policy_is_retryable(&start.retry, weft_text(name))) {
        return 0;
    }
    delay_ms = wf_policy_delay_ms(&start.retry, actor->attempt + 1,
                                  wf_random_unit(&turn->random));
    due = wf_start_after(turn->partition->now_ms, turn->retry_after_ms > 0
                                                      ? turn->retry_after_ms
                                                      : delay_ms);
    return is_before(due, wf_start_deadline(actor->begins_at_ms,
                                            start.execution_timeout_ms)) &&
                   is_before(due, wf_start_deadline(actor->begins_at_ms,
                                                    retry->total_ms))
               ? due
               : 0;
}

static void
put_run_again(struct wf_turn *turn, uint64_t due, const char *name,
              const char *message)
{
    char reason[600];

    (void)snprintf(reason, sizeof(reason), "attempt %u failed: %s: %s",
                   turn->actor->attempt, name, message);
    wf_note(turn->partition, &turn->actor->key, "again", "in %llu ms, %s",
            (unsigned long long)(due - turn->partition->now_ms), reason);
    wf_buf_put_u8(&turn->end, WF_OP_RUN_AGAIN);
    wf_buf_put_varint(&turn->end, due);
    wf_buf_put_text(&turn->end, reason);
    if (turn->actor->kind != NULL && turn->actor->kind->is_workflow) {
        wf_version_put_restart(turn->actor, &turn->end);
    }
}

static void
put_finish(struct wf_turn *turn, weft_status status, weft_bytes data,
           const char *name, const char *message)
{
    const struct wf_actor *actor = turn->actor;

    wf_buf_put_u8(&turn->end, WF_OP_FINISH);
    wf_buf_put_varint(&turn->end, (uint64_t)status);
    wf_buf_put_bytes(&turn->end, data);
    wf_buf_put_text(&turn->end, name);
    wf_buf_put_text(&turn->end, message);
    wf_buf_put_bytes(&turn->end, wf_buf_bytes(&turn->causes));
    if (actor->parent.len > 0) {
        wf_turn_send(turn, &actor->parent,
                     &(struct wf_letter){
                         .type = WF_LETTER_CHILD,
                         .sender = wf_key_bytes(&actor->key),
                         .sender_run = actor->parent_run,
                         .call = actor->parent_call,
                         .err = wf_outcome_err(status),
                         .name = weft_text(name),
                         .text = weft_text(message),
                         .data = data,
                         .causes = wf_buf_bytes(&turn->causes),
                     });
    }
}

void
wf_turn_end(struct wf_turn *turn, weft_status status, weft_bytes data,
            const char *name, const char *message)
{
    uint64_t due = next_run(turn, status, name);

    turn->is_ending = true;
    turn->is_finishing = due == 0;
    wf_update_end_all(turn, turn->is_finishing ? UINT32_MAX : 0);
    if (due != 0) {
        put_run_again(turn, due, name, message);
    } else {
        put_finish(turn, status, data, name, message);
    }
}

// From outside. -------------------------------------------------------------

void
wf_outcome_commit(struct wf_turn *turn)
{
    struct wf_partition *partition = turn->partition;
    struct wf_actor *actor = turn->actor;

    if (actor->is_parked) {
        wf_turn_count_unparked(partition);
    }
    wf_turn_commit(turn);
    wf_turn_fini(turn);
    wf_workflow_kill(partition, actor);
}

void
wf_outcome_stop(struct wf_partition *partition, struct wf_actor *actor,
                weft_status status, const char *name, const char *message)
{
    struct wf_turn turn;

    wf_turn_init(&turn, partition, actor);
    wf_turn_end(&turn, status, weft_nothing(), name, message);
    wf_outcome_commit(&turn);
}

// Answer those who waited for the life that was replaced. Who waits for an
// empty mailbox goes on waiting.
static void
answer_replaced(struct wf_partition *partition, struct wf_actor *actor,
                struct wf_list *waiting, weft_err err,
                const weft_failure *failure)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(waiting)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        if (wf_request_waits_for_empty(request)) {
            wf_list_push_back(&actor->results, &request->wait);
        } else {
            wf_request_answer_failure(request, failure);
            wf_edge_answer(partition, request, partition->last_record, err,
                           "%s: %s", wf_key_id(&actor->key), failure->name);
        }
    }
}

static void
take_all(struct wf_list *from, struct wf_list *to)
{
    struct wf_list_node *node;

    wf_list_init(to);
    while ((node = wf_list_pop_front(from)) != NULL) {
        wf_list_push_back(to, node);
    }
}

void
wf_outcome_replace(struct wf_partition *partition, struct wf_actor *actor,
                   const struct wf_request *request, struct wf_draft *draft)
{
    static const weft_failure failure = {
        .name = "terminated",
        .message = WF_OUTCOME_REPLACED,
    };
    struct wf_list results;
    struct wf_list joined;
    struct wf_turn turn;

    take_all(&actor->results, &results);
    take_all(&actor->joined, &joined);
    wf_turn_init(&turn, partition, actor);
    wf_turn_end(&turn, WEFT_STATUS_TERMINATED, weft_nothing(), failure.name,
                failure.message);
    wf_buf_put_u8(&turn.end, WF_OP_OUTLIVED);
    wf_create_put(partition, actor,
                  &(struct wf_create){
                      .input = request->input,
                      .options = request->options,
                      .attributes = request->attributes,
                  },
                  &turn.end);
    wf_buf_put(&turn.sends.sections, draft->sections.data, draft->sections.len);
    wf_buf_reset(&draft->sections);
    wf_outcome_commit(&turn);
    wf_turn_count_end(partition, actor, WEFT_STATUS_TERMINATED, failure.name);
    answer_replaced(partition, actor, &results, WEFT_ETERMINATED, &failure);
    answer_replaced(partition, actor, &joined, WEFT_EFINISHED,
                    wf_update_unfinished());
}

// Time. ---------------------------------------------------------------------

static void
settle_alarm(struct wf_partition *partition, struct wf_alarm *alarm,
             uint64_t due)
{
    if (due != 0) {
        wf_alarm_set(partition, alarm, due);
    } else {
        wf_alarm_clear(partition, alarm);
    }
}

void
wf_outcome_watch(struct wf_partition *partition, struct wf_actor *actor)
{
    bool is_delayed = wf_actor_is_delayed(actor, partition->now_ms);

    settle_alarm(partition, &actor->begin,
                 is_delayed ? actor->run_begins_at_ms : 0);
    settle_alarm(partition, &actor->deadline, wf_actor_deadline(actor));
}

void
wf_outcome_time_out(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_start start;
    uint64_t deadline;
    char message[100];
    bool is_over;

    if (!wf_actor_is_live(actor) || !wf_start_decode(actor->options, &start)) {
        return;
    }
    deadline =
        wf_start_deadline(actor->begins_at_ms, start.execution_timeout_ms);
    is_over = deadline != 0 && deadline <= partition->now_ms;
    (void)snprintf(message, sizeof(message), "%s took more than %llu ms",
                   is_over ? "the instance" : "the run",
                   (unsigned long long)(is_over ? start.execution_timeout_ms
                                                : start.run_timeout_ms));
    wf_outcome_stop(partition, actor, WEFT_STATUS_TIMED_OUT, "timed_out",
                    message);
}
