// SPDX-License-Identifier: Apache-2.0
//
// turn.c - actors that have work run, one message at a time.
//
// A turn is a pure function of the message and the actor: its effects are
// gathered in a wf_turn and become one record, or are dropped.

#include "runtime/turn.h"

#include <stdio.h>

#include "base/assert.h"
#include "runtime/absent.h"
#include "runtime/child.h"
#include "runtime/edge.h"
#include "runtime/handler.h"
#include "runtime/interceptor.h"
#include "runtime/outcome.h"
#include "runtime/question.h"
#include "runtime/update.h"
#include "runtime/workflow.h"

// Answers. ------------------------------------------------------------------

void
wf_turn_answer_client(struct wf_turn *turn, weft_bytes client, uint64_t number,
                      weft_err err, weft_bytes data)
{
    wf_window_put_answered(&turn->sends.ops, client.data, number, 0, err, data);
    wf_draft_partition(&turn->sends);
    wf_buf_put(&turn->answered, client.data, client.len);
    wf_buf_put_varint(&turn->answered, number);
}

void
wf_turn_count(const struct wf_turn *turn, const struct wf_letter *letter)
{
    if (letter->type == WF_LETTER_SIGNAL) {
        wf_tally_kind(turn->partition->options.tally, turn->actor->kind,
                      WF_KIND_SIGNALS);
    }
}

void
wf_turn_answer(struct wf_turn *turn, const struct wf_letter *letter,
               weft_err err, weft_bytes data)
{
    if (err == WEFT_OK) {
        wf_turn_count(turn, letter);
    }
    wf_turn_answer_question(turn, letter, err, data);
}

void
wf_turn_answer_question(struct wf_turn *turn, const struct wf_letter *letter,
                        weft_err err, weft_bytes data)
{
    if (letter->client.len > 0) {
        wf_turn_answer_client(turn, letter->client, letter->number, err, data);
    }
    if (letter->type == WF_LETTER_CANCEL) {
        wf_child_answer(turn, letter);
    }
    if (letter->type == WF_LETTER_SIGNAL && letter->call != 0 &&
        letter->sender.len > 0) {
        struct wf_key sender;

        if (!wf_key_decode(letter->sender, &sender)) {
            return;
        }
        wf_turn_send(
            turn, &sender,
            &(struct wf_letter){
                .type = err == WEFT_OK ? WF_LETTER_REPLY : WF_LETTER_FAILED,
                .sender = wf_key_bytes(&turn->actor->key),
                .sender_run = letter->sender_run,
                .call = letter->call,
                .err = err,
                .name = weft_text(err == WEFT_OK ? "" : weft_err_name(err)),
                .data = data,
            });
        wf_key_fini(&sender);
    }
}

// The client that asked may be waiting here.
static void
settle_client(struct wf_partition *partition, weft_bytes client,
              uint64_t number)
{
    struct wf_window *window = wf_window_find(partition, client.data);
    struct wf_answer *answer =
        window == NULL ? NULL : wf_window_find_answer(window, number);
    struct wf_request *request = answer == NULL ? NULL : answer->request;

    if (request == NULL) {
        return;
    }
    answer->request = NULL;
    wf_window_answer(request, answer);
    wf_edge_answer(partition, request, partition->last_record, answer->err,
                   "%s",
                   answer->err == WEFT_OK ? ""
                   : request->reply.failure.message[0] != '\0'
                       ? request->reply.failure.message
                       : "nobody took it");
}

static void
settle_clients(struct wf_partition *partition, struct wf_buf *answered)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(answered));

    while (wf_reader_left(&reader) > 0) {
        weft_bytes client = wf_reader_take(&reader, 16);

        settle_client(partition, client, wf_reader_varint(&reader));
    }
    wf_buf_reset(answered);
}

static enum wf_kind_count
count_of(weft_status status)
{
    switch (status) {
    case WEFT_STATUS_COMPLETED:
        return WF_KIND_COMPLETED;
    case WEFT_STATUS_CANCELLED:
        return WF_KIND_CANCELLED;
    case WEFT_STATUS_TERMINATED:
        return WF_KIND_TERMINATED;
    default:
        return WF_KIND_FAILED;
    }
}

void
wf_turn_count_end(struct wf_partition *partition, const struct wf_actor *actor,
                  weft_status status, const char *failure)
{
    wf_note(partition, &actor->key, weft_status_name(status), "%s", failure);
    wf_tally_kind(partition->options.tally, actor->kind, count_of(status));
}

void
wf_turn_count_unparked(struct wf_partition *partition)
{
    // One that was parked before the node was opened was not counted.
    if (partition->stats.actors_parked > 0) {
        partition->stats.actors_parked--;
    }
}

static void
finished(struct wf_partition *partition, struct wf_actor *actor)
{
    size_t count = actor->results.count;

    wf_turn_count_end(partition, actor, actor->status,
                      actor->failure_name == NULL ? "" : actor->failure_name);
    while (count-- > 0) {
        struct wf_request *request = WF_CONTAINER(
            wf_list_pop_front(&actor->results), struct wf_request, wait);

        if (wf_request_waits_for_empty(request)) {
            wf_list_push_back(&actor->results, &request->wait);
        } else {
            wf_edge_answer_result(partition, request, actor);
        }
    }
}

void
wf_turn_commit(struct wf_turn *turn)
{
    struct wf_partition *partition = turn->partition;
    struct wf_actor *actor = turn->actor;
    struct wf_draft *draft = &partition->draft;
    uint64_t record;

    WF_ASSERT(draft->sections.len == 0);
    partition->recent = actor;
    if (turn->is_ending) {
        wf_question_end_all(turn);
    }
    wf_buf_put(&turn->ops, turn->end.data, turn->end.len);
    if (turn->ops.len > 0) {
        wf_section_put(&draft->sections, WF_SECTION_ACTOR,
                       wf_key_bytes(&actor->key), wf_buf_bytes(&turn->ops));
    }
    wf_buf_put(&draft->sections, turn->sends.sections.data,
               turn->sends.sections.len);
    wf_buf_reset(&turn->ops);
    wf_buf_reset(&turn->sends.sections);
    record = wf_draft_write(draft, partition, false);
    partition->stats.turns++;
    if (turn->has_commands) {
        wf_gate_actor(partition, actor, record);
    }
    settle_clients(partition, &turn->answered);
    if (actor->joined.count > 0) {
        wf_update_settle(partition, actor);
    }
    if (turn->is_finishing && !wf_actor_is_live(actor)) {
        finished(partition, actor);
    }
}

// Turns. --------------------------------------------------------------------

void
wf_turn_park(struct wf_partition *partition, struct wf_actor *actor,
             const char *reason)
{
    struct wf_buf ops = {0};

    wf_buf_put_u8(&ops, WF_OP_PARK);
    wf_buf_put_text(&ops, reason);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
    partition->stats.actors_parked++;
    wf_tally_kind(partition->options.tally, actor->kind, WF_KIND_PARKED);
    wf_warn(partition, &actor->key, "park", "%s", reason);
}

void
wf_turn_park_crashed(struct wf_partition *partition, struct wf_actor *actor)
{
    char reason[600];

    (void)snprintf(reason, sizeof(reason),
                   "its code crashed the process three times, last with %s",
                   actor->reason);
    wf_turn_park(partition, actor, reason);
}

bool
wf_turn_is_of_call(const struct wf_actor *actor, const struct wf_letter *letter)
{
    const struct wf_call *call = wf_actor_find_call(actor, letter->call);

    return call != NULL && letter->sender_run == call->run;
}

// What came due may have been cleared or set again meanwhile. A workflow knows
// that by itself.
static bool
is_of_timer(const struct wf_actor *actor, const struct wf_letter *letter)
{
    const struct wf_timer *timer = wf_actor_find_timer(actor, letter->call);

    return letter->sender_run == actor->run &&
           (actor->kind->is_workflow || (timer != NULL && timer->due == 0));
}

bool
wf_turn_expects(const struct wf_actor *actor, const struct wf_letter *letter)
{
    switch (letter->type) {
    case WF_LETTER_CHILD:
    case WF_LETTER_REPLY:
    case WF_LETTER_FAILED:
    case WF_LETTER_STARTED:
    case WF_LETTER_ASKED:
        return wf_turn_is_of_call(actor, letter) &&
               !wf_actor_find_call(actor, letter->call)->is_given_up;
    case WF_LETTER_TIMER:
        return is_of_timer(actor, letter);
    case WF_LETTER_ACTIVITY:
    case WF_LETTER_STEP:
        return letter->sender_run == actor->run;
    case WF_LETTER_CANCEL:
    case WF_LETTER_TERMINATE:
        // From a client that meant this life, or from the call that this
        // instance is the child of: one of the same id may have been here
        // before. A seed is that of a life, over all its runs.
        if (letter->sender.len == 0) {
            return letter->sender_run == actor->seed;
        }
        return (wf_bytes_equal(letter->sender, wf_key_bytes(&actor->parent)) &&
                letter->sender_run == actor->parent_run &&
                letter->call == actor->parent_call);
    default:
        return true;
    }
}

static void
run_code(struct wf_partition *partition, struct wf_actor *actor,
         const struct wf_letter *letter, bool is_start)
{
    if (actor->kind->is_workflow) {
        bool is_letter = !is_start && !wf_actor_goes_on(actor);

        wf_workflow_turn(partition, actor, is_letter ? letter : NULL);
    } else {
        wf_handler_turn(partition, actor, letter, is_start);
    }
}

// The same, with interceptors that watch.
static void
run_shown(struct wf_partition *partition, struct wf_actor *actor,
          const struct wf_letter *letter, bool is_start)
{
    const struct wf_interceptors *interceptors =
        wf_definitions_interceptors(partition->options.definitions);
    uint32_t failed_before = actor->failed_attempts;
    weft_intercepted_turn shown = {
        .run = actor->run,
        .message =
            wf_actor_goes_on(actor) ? "" : wf_letter_type_name(letter->type),
    };

    wf_interceptors_turn(interceptors, &actor->key, &shown);
    run_code(partition, actor, letter, is_start);
    shown.is_end = 1;
    shown.has_failed =
        actor->is_parked || actor->failed_attempts > failed_before;
    wf_interceptors_turn(interceptors, &actor->key, &shown);
}

// A start wants the instance that runs out of its way. One that may not begin
// ends nobody.
static void
replace(struct wf_partition *partition, struct wf_actor *actor,
        const struct wf_letter *letter, weft_bytes bytes)
{
    const char *why;
    weft_err err = wf_child_may_start(actor, letter->options, &why);

    if (err != WEFT_OK) {
        wf_absent_refuse(partition, actor, letter, bytes, err, why);
        return;
    }
    wf_outcome_stop(partition, actor, WEFT_STATUS_TERMINATED, "terminated",
                    WF_OUTCOME_REPLACED);
}

// The next letter of a live actor, or its start.
static void
run_letter(struct wf_partition *partition, struct wf_actor *actor)
{
    const struct wf_interceptors *interceptors =
        wf_definitions_interceptors(partition->options.definitions);
    struct wf_letter letter = {
        .type = WF_LETTER_START,
        .data = actor->input,
        .options = actor->options,
    };
    // What was sent to the life before goes first: this one may never go on.
    bool is_start = actor->is_start_pending && !wf_actor_has_outlived(actor);
    bool is_letter = !is_start && !wf_actor_goes_on(actor);
    weft_bytes bytes = weft_nothing();

    if (is_letter) {
        const struct wf_waiting *waiting = wf_mailbox_head(&actor->mailbox);

        bytes = weft_bytes_of(waiting->bytes, waiting->len);
        if (!wf_letter_decode(bytes, &letter)) {
            wf_turn_park(partition, actor, "a letter that does not decode");
            return;
        }
    }
    if (is_start && actor->is_cancel_asked &&
        actor->run_begins_at_ms > partition->now_ms) {
        wf_outcome_stop(partition, actor, WEFT_STATUS_CANCELLED, "cancelled",
                        "it was cancelled before it began");
    } else if (!wf_actor_is_live(actor)) {
        wf_absent_take(partition, actor, &letter, bytes);
    } else if (is_letter && letter.type == WF_LETTER_START &&
               wf_child_replaces(letter.options)) {
        replace(partition, actor, &letter, bytes);
    } else if (is_letter && letter.type == WF_LETTER_START) {
        wf_absent_refuse(partition, actor, &letter, bytes, WEFT_EEXISTS,
                         "an instance of this id is running");
    } else if (is_letter && (wf_actor_has_outlived(actor) ||
                             (letter.type == WF_LETTER_UPDATE &&
                              !wf_update_is_known(actor, &letter)))) {
        wf_absent_refuse(partition, actor, &letter, bytes, WEFT_EFINISHED,
                         "the instance has finished");
    } else if (is_letter && !wf_turn_expects(actor, &letter)) {
        wf_absent_refuse(partition, actor, &letter, bytes, WEFT_ENOTFOUND,
                         "late");
    } else if (letter.type == WF_LETTER_TERMINATE) {
        wf_child_end(partition, actor, true);
    } else if (interceptors->has_turn) {
        run_shown(partition, actor, &letter, is_start);
    } else {
        run_code(partition, actor, &letter, is_start);
    }
}

// Other than by its code.
static void
run_due(struct wf_partition *partition, struct wf_actor *actor)
{
    if (actor->orders.list.count > 0) {
        wf_child_tell(partition, actor);
    } else {
        wf_child_end(partition, actor, false);
    }
}

void
wf_turn_run(struct wf_partition *partition, struct wf_actor *actor)
{
    uint64_t before = partition->log_bytes;

    actor->taken += wf_mailbox_count(&actor->mailbox) == 0;
    // No code of one that is not there yet runs: it is parked when it is.
    if (wf_actor_is_due(actor)) {
        actor->is_in_turn = true;
        run_due(partition, actor);
        actor->is_in_turn = false;
    } else if (actor->crashes >= WF_CRASHES_MAX && wf_actor_is_live(actor)) {
        wf_turn_park_crashed(partition, actor);
    } else {
        actor->is_in_turn = true;
        run_letter(partition, actor);
        actor->is_in_turn = false;
    }
    if (!wf_actor_has_work(actor, partition->now_ms)) {
        wf_edge_emptied(partition, actor);
    }
    wf_turn_schedule(partition, actor);
    wf_edge_turned(partition, actor);
    wf_ready_ran(&partition->ready, actor, partition->log_bytes - before);
    wf_saver_wrote(partition, actor, partition->log_bytes - before);
    wf_residents_touch(partition, actor);
}

void
wf_turn_schedule(struct wf_partition *partition, struct wf_actor *actor)
{
    bool is_due =
        actor->residency == WF_RESIDENCY_LOADED && wf_actor_is_due(actor);
    bool has_work = actor->residency == WF_RESIDENCY_LOADED && !is_due &&
                    (wf_actor_has_code(actor) || !wf_actor_is_live(actor)) &&
                    wf_actor_may_run(actor) &&
                    wf_actor_has_work(actor, partition->now_ms) &&
                    !wf_heap_has(&actor->retry.heap);
    bool is_start = actor->is_start_pending && !wf_actor_has_outlived(actor);
    bool is_here = is_start || wf_actor_goes_on(actor) ||
                   wf_mailbox_head(&actor->mailbox) != NULL;
    bool is_ready = is_due || (has_work && is_here);

    wf_outcome_watch(partition, actor);
    if (is_ready && !wf_ready_has(&actor->ready)) {
        wf_ready_add(&partition->ready, actor);
    } else if (!is_ready && wf_ready_has(&actor->ready)) {
        wf_ready_remove(actor);
    }
    if (has_work && !is_here) {
        wf_residents_page(partition, actor, 0);
    }
}
