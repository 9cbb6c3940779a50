// SPDX-License-Identifier: Apache-2.0
//
// edge_end.c - requests that hold an instance up, or end it: cancel, terminate,
// pause and resume, delete.

#include "runtime/edge.h"

#include "runtime/note.h"
#include "runtime/operate.h"
#include "runtime/outcome.h"
#include "runtime/reset.h"
#include "runtime/transfer.h"
#include "runtime/turn.h"

void
wf_edge_cancel(struct wf_partition *partition, struct wf_actor *actor,
               struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    if (!wf_edge_is_live(partition, actor, request)) {
        return;
    }
    wf_operate_put(&draft->ops, request, "cancel");
    if (!actor->is_cancel_asked) { // twice is once
        wf_buf_put_u8(&draft->ops, WF_OP_CANCEL_ASKED);
        wf_buf_put_u8(&draft->ops, WF_OP_PUSH);
        wf_letter_put(
            &(struct wf_letter){
                .type = WF_LETTER_CANCEL,
                .sender_run = actor->seed,
            },
            &draft->ops);
    }
    wf_draft_actor(draft, &actor->key);
    wf_edge_answer_done(partition, request, draft);
}

void
wf_edge_terminate(struct wf_partition *partition, struct wf_actor *actor,
                  struct wf_request *request)
{
    struct wf_turn turn;
    struct wf_draft *sends = &turn.sends;

    if (!wf_edge_is_live(partition, actor, request)) {
        return;
    }
    wf_turn_init(&turn, partition, actor);
    wf_operate_put(&turn.ops, request, "terminate");
    wf_turn_end(&turn, WEFT_STATUS_TERMINATED, weft_nothing(), "terminated",
                request->name);
    wf_window_put_answered(&sends->ops, request->client, request->number,
                           request->confirmed, WEFT_OK, weft_nothing());
    wf_draft_partition(sends);
    wf_outcome_commit(&turn);
    wf_edge_answer(partition, request, partition->last_record, WEFT_OK, "%s",
                   "");
}

void
wf_edge_pause(struct wf_partition *partition, struct wf_actor *actor,
              struct wf_request *request, enum wf_op op)
{
    struct wf_draft *draft = &partition->draft;
    bool was_parked = actor->is_parked;

    if (!wf_edge_is_live(partition, actor, request)) {
        return;
    }
    wf_operate_put(&draft->ops, request, "%s",
                   op == WF_OP_PAUSE ? "pause" : "resume");
    wf_buf_put_u8(&draft->ops, (uint8_t)op);
    wf_draft_actor(draft, &actor->key);
    wf_edge_answer_done(partition, request, draft);
    if (op == WF_OP_RESUME) {
        wf_gate_actor(partition, actor, partition->last_record);
        wf_commands_rearm(partition, actor);
        if (was_parked) {
            wf_turn_count_unparked(partition);
        }
    }
}

// Messages that the instance left become dead letters before it goes, a turn
// each: until then the request waits.
void
wf_edge_delete(struct wf_partition *partition, struct wf_actor *actor,
               struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    if (!wf_edge_is_there(partition, actor, request)) {
        return;
    }
    if (request->life != 0 && request->life != actor->seed) {
        // Another life has begun meanwhile, in the place of what was to go.
        wf_edge_answer_done(partition, request, draft);
        return;
    }
    if (wf_actor_is_live(actor) && !request->is_terminating) {
        wf_edge_answer_now(partition, actor, request, WEFT_EBUSY,
                           "it runs; terminate it first");
        return;
    }
    if (wf_actor_is_live(actor)) {
        wf_outcome_stop(partition, actor, WEFT_STATUS_TERMINATED, "terminated",
                        "it was deleted");
    }
    if (wf_actor_has_work(actor, partition->now_ms)) {
        request->life = actor->seed;
        wf_list_push_back(&actor->results, &request->wait);
        return;
    }
    wf_note(partition, &actor->key, "remove", "it was deleted");
    wf_buf_put_u8(&draft->ops, WF_OP_REMOVE);
    wf_draft_actor(draft, &actor->key);
    wf_edge_answer_done(partition, request, draft);
}

// A delete may find an instance that one before it has reset, and end it: then
// those that wait for the result leave the list meanwhile.
void
wf_edge_emptied(struct wf_partition *partition, struct wf_actor *actor)
{
    size_t count = actor->results.count;

    while (count-- > 0 && actor->results.count > 0 &&
           !wf_actor_has_work(actor, partition->now_ms)) {
        struct wf_request *request = WF_CONTAINER(
            wf_list_pop_the_first(&actor->results), struct wf_request, wait);

        if (wf_request_waits_for_empty(request) &&
            wf_window_settles(partition, request)) {
            continue; // the same had come twice
        }
        if (request->verb == WEFT_VERB_DELETE) {
            wf_edge_delete(partition, actor, request);
        } else if (request->verb == WEFT_VERB_FORK) {
            wf_transfer_fork(partition, actor, request);
        } else if (request->verb == WEFT_VERB_IMPORT) {
            wf_transfer_import(partition, actor, request);
        } else if (wf_request_waits_for_empty(request)) {
            wf_reset_request(partition, actor, request);
        } else {
            wf_list_push_back(&actor->results, &request->wait);
        }
    }
}

bool
wf_edge_is_withdrawn(struct wf_partition *partition, struct wf_request *request)
{
    if (!atomic_load(&request->is_withdrawn)) {
        return false;
    }
    wf_edge_answer(partition, request, 0, WEFT_ECANCELLED, "withdrawn");
    return true;
}

// A question or update that was accepted: its answer will be kept, for whoever
// asks again.
static void
withdraw_accepted(struct wf_partition *partition, const uint8_t client[16],
                  uint64_t number)
{
    struct wf_window *window = wf_window_find(partition, client);
    struct wf_answer *answer =
        window == NULL ? NULL : wf_window_find_answer(window, number);
    struct wf_request *request = answer == NULL ? NULL : answer->request;

    if (request != NULL && wf_edge_is_withdrawn(partition, request)) {
        answer->request = NULL;
    }
}

static void
sweep(struct wf_partition *partition, struct wf_list *waiting)
{
    size_t count = waiting->count;

    while (count-- > 0) {
        struct wf_request *request =
            WF_CONTAINER(wf_list_pop_front(waiting), struct wf_request, wait);

        if (!wf_edge_is_withdrawn(partition, request)) {
            wf_list_push_back(waiting, &request->wait);
        }
    }
}

// Many may wait for one actor, and all of them leave one by one. So the lists
// are gone through only when half of it has left: each costs a few steps,
// however many there are, and no more wait than twice those who want to.
void
wf_edge_withdraw(struct wf_partition *partition, const struct wf_key *key,
                 const uint8_t client[16], uint64_t number)
{
    struct wf_actor *actor = wf_residents_find(partition, wf_key_bytes(key));
    size_t count = actor == NULL
                       ? 0
                       : actor->results.count + actor->queries.count +
                             actor->watches.count + actor->joined.count;

    withdraw_accepted(partition, client, number);
    if (count == 0 || ++actor->withdrawn < (count + 1) / 2) {
        return;
    }
    actor->withdrawn = 0;
    sweep(partition, &actor->results);
    sweep(partition, &actor->queries);
    sweep(partition, &actor->watches);
    sweep(partition, &actor->joined);
    wf_residents_touch(partition, actor);
}
