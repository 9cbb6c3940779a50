// SPDX-License-Identifier: Apache-2.0
//
// edge.c - requests from clients, to an actor that is loaded.
//
// A request waits until its actor is in memory, keeps its place among the
// others for that actor, and is answered through the gate. What starts an
// instance or is a message to it is here; edge_read.c and edge_end.c have the
// verbs that change nothing, and those that hold up or end.

#include "runtime/edge.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "runtime/cause.h"
#include "runtime/create.h"
#include "runtime/operate.h"
#include "runtime/outcome.h"
#include "runtime/repair.h"
#include "runtime/reset.h"
#include "runtime/start.h"
#include "runtime/transfer.h"
#include "runtime/update.h"

void
wf_edge_answer(struct wf_partition *partition, struct wf_request *request,
               uint64_t record, weft_err err, const char *format, ...)
{
    char detail[512];
    va_list args;

    detail[0] = '\0';
    if (err != WEFT_OK) {
        va_start(args, format);
        (void)vsnprintf(detail, sizeof(detail), format, args);
        va_end(args);
    }
    wf_request_answer(request, err, detail);
    wf_gate_reply(partition, request, record);
}

void
wf_edge_answer_now(struct wf_partition *partition, const struct wf_actor *actor,
                   struct wf_request *request, weft_err err, const char *what)
{
    wf_edge_answer(partition, request, actor->object.position, err, "%s: %s",
                   wf_key_id(&actor->key), what);
}

void
wf_edge_answer_result(struct wf_partition *partition,
                      struct wf_request *request, const struct wf_actor *actor)
{
    weft_failure causes[WF_CAUSES_MAX];
    weft_err err = WEFT_OK;

    if (actor->status == WEFT_STATUS_COMPLETED) {
        wf_request_answer_data(request, actor->result);
    } else {
        wf_request_answer_failure(
            request, &(weft_failure){
                         .name = actor->failure_name,
                         .message = actor->failure_message,
                         .details = actor->failure_details,
                         .cause = wf_cause_show(actor->failure_causes, causes),
                     });
        err = wf_outcome_err(actor->status);
    }
    wf_edge_answer_now(partition, actor, request, err, actor->failure_name);
}

bool
wf_edge_is_there(struct wf_partition *partition, const struct wf_actor *actor,
                 struct wf_request *request)
{
    if (actor->status == WEFT_STATUS_NONE) {
        wf_edge_answer_now(partition, actor, request, WEFT_ENOTFOUND,
                           "no such instance");
        return false;
    }
    return true;
}

bool
wf_edge_is_live(struct wf_partition *partition, const struct wf_actor *actor,
                struct wf_request *request)
{
    if (!wf_edge_is_there(partition, actor, request)) {
        return false;
    }
    if (!wf_actor_is_live(actor)) {
        wf_edge_answer_now(partition, actor, request, WEFT_EFINISHED,
                           "the instance has finished");
        return false;
    }
    return true;
}

// Records that answer a request. --------------------------------------------

void
wf_edge_put_done(const struct wf_request *request, struct wf_draft *draft)
{
    wf_window_put_answered(
        &draft->ops, request->client, request->number, request->confirmed,
        WEFT_OK, request->reply.is_created ? weft_text("c") : weft_nothing());
    wf_draft_partition(draft);
}

void
wf_edge_answer_done(struct wf_partition *partition, struct wf_request *request,
                    struct wf_draft *draft)
{
    uint64_t record;

    wf_edge_put_done(request, draft);
    record = wf_draft_write(draft, partition, false);
    wf_edge_answer(partition, request, record, WEFT_OK, "%s", "");
}

static void
put_signal(struct wf_draft *draft, const struct wf_actor *actor,
           const struct wf_request *request, bool wants_answer)
{
    wf_buf_put_u8(&draft->ops, WF_OP_PUSH);
    wf_letter_put(
        &(struct wf_letter){
            .type = WF_LETTER_SIGNAL,
            .client = wants_answer ? weft_bytes_of(request->client, 16)
                                   : weft_nothing(),
            .number = wants_answer ? request->number : 0,
            .name = weft_text(request->name),
            .data = request->data,
            .options = wf_start_headers(request->options),
        },
        &draft->ops);
    wf_draft_actor(draft, &actor->key);
}

// What was sent to the life before and is still in the mailbox stays its own.
static void
put_create(struct wf_partition *partition, struct wf_draft *draft,
           const struct wf_actor *actor, const struct wf_request *request)
{
    if (actor->status != WEFT_STATUS_NONE &&
        wf_mailbox_count(&actor->mailbox) > 0) {
        wf_buf_put_u8(&draft->ops, WF_OP_OUTLIVED);
    }
    wf_create_put(partition, actor,
                  &(struct wf_create){
                      .input = request->input,
                      .options = request->options,
                      .attributes = request->attributes,
                  },
                  &draft->ops);
    wf_draft_actor(draft, &actor->key);
}

static struct wf_start
options_of(const struct wf_request *request)
{
    struct wf_start start;

    WF_ASSERT(wf_start_decode(request->options, &start)); // we encoded them
    return start;
}

// May a new life of this instance begin, once the old one is over?
static bool
may_start(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_start start = options_of(request);

    if (actor->kind->creation == WEFT_CREATION_NEVER) {
        wf_edge_answer_now(partition, actor, request, WEFT_EINVAL,
                           "its kind is created by other actors only");
        return false;
    }
    if (wf_start_kind(actor->kind, request->options) == NULL) {
        wf_edge_answer_now(
            partition, actor, request, WEFT_ENOTFOUND,
            wf_start_is_pinned(request->options)
                ? "that version of its kind is not registered here"
                : "every version of its kind is retired");
        return false;
    }
    if (actor->status == WEFT_STATUS_NONE || wf_actor_is_live(actor) ||
        wf_start_may_reuse(&start, actor->status)) {
        return true;
    }
    wf_edge_answer_now(
        partition, actor, request, WEFT_EEXISTS,
        "an instance of this id has finished and may not be reused");
    return false;
}

// Can it take a signal? If not, the request is answered.
static bool
takes_signal(struct wf_partition *partition, struct wf_actor *actor,
             struct wf_request *request)
{
    bool is_early =
        request->verb == WEFT_VERB_SIGNAL && wf_actor_keeps_early(actor);
    bool is_creating = wf_actor_is_made_by_message(actor);
    uint64_t kept = is_early ? actor->journal.count : 0;

    if (wf_mailbox_count(&actor->mailbox) + kept >= WF_MAILBOX_MESSAGES_MAX) {
        wf_edge_answer_now(partition, actor, request, WEFT_EBUSY,
                           "its mailbox holds 1000000 messages");
        return false;
    }
    return is_creating || is_early ||
           wf_edge_is_live(partition, actor, request);
}

static void
do_signal(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    if (takes_signal(partition, actor, request)) {
        put_signal(draft, actor, request, false);
        wf_edge_answer_done(partition, request, draft);
    }
}

// Whoever signals or updates with a start wants it to begin: the delay of an
// instance that is there already is over. A pause between two runs is not.
static void
put_begin(const struct wf_partition *partition, const struct wf_actor *actor,
          const struct wf_request *request, struct wf_draft *draft)
{
    if (!request->reply.is_created && actor->attempt == 1 &&
        wf_actor_is_delayed(actor, partition->now_ms)) {
        wf_buf_put_u8(&draft->ops, WF_OP_BEGIN);
        wf_draft_actor(draft, &actor->key);
    }
}

// Does a call that may start find an instance that runs, or does it begin one?
// Neither: false, and it is answered. What it begins comes first in the draft,
// unless it takes the place of one that runs (write_call).
static bool
finds_instance(struct wf_partition *partition, struct wf_actor *actor,
               struct wf_request *request)
{
    if (wf_actor_is_live(actor) &&
        options_of(request).conflict != WEFT_CONFLICT_TERMINATE_EXISTING) {
        return takes_signal(partition, actor, request);
    }
    request->reply.is_created = may_start(partition, actor, request) ? 1 : 0;
    if (request->reply.is_created && !wf_actor_is_live(actor)) {
        put_create(partition, &partition->draft, actor, request);
    }
    return request->reply.is_created != 0;
}

// Write what a call does; what it begins may take the place of one that runs.
static void
write_call(struct wf_partition *partition, struct wf_actor *actor,
           struct wf_request *request, struct wf_draft *draft)
{
    if (request->reply.is_created && wf_actor_is_live(actor)) {
        wf_outcome_replace(partition, actor, request, draft);
    } else {
        (void)wf_draft_write(draft, partition, false);
    }
}

// The same, and it is done.
static void
answer_call(struct wf_partition *partition, struct wf_actor *actor,
            struct wf_request *request, struct wf_draft *draft)
{
    wf_edge_put_done(request, draft);
    write_call(partition, actor, request, draft);
    wf_edge_answer(partition, request, partition->last_record, WEFT_OK, "%s",
                   "");
}

static void
do_start(struct wf_partition *partition, struct wf_actor *actor,
         struct wf_request *request)
{
    weft_conflict conflict = options_of(request).conflict;
    struct wf_draft *draft = &partition->draft;

    if (wf_actor_is_live(actor) &&
        conflict != WEFT_CONFLICT_TERMINATE_EXISTING) {
        wf_edge_answer_now(
            partition, actor, request,
            conflict == WEFT_CONFLICT_USE_EXISTING ? WEFT_OK : WEFT_EEXISTS,
            "an instance of this id is running");
    } else if (finds_instance(partition, actor, request)) {
        answer_call(partition, actor, request, draft);
    }
}

static void
do_signal_with_start(struct wf_partition *partition, struct wf_actor *actor,
                     struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    if (finds_instance(partition, actor, request)) {
        put_begin(partition, actor, request, draft);
        put_signal(draft, actor, request, false);
        answer_call(partition, actor, request, draft);
    }
}

// The answer comes from a turn: the window remembers who waits.
static void
put_waiting(const struct wf_request *request, struct wf_draft *draft)
{
    wf_window_put_accepted(&draft->ops, request);
    wf_draft_partition(draft);
}

// That is written.
static void
wait_for_turn(struct wf_partition *partition, struct wf_request *request)
{
    struct wf_answer *answer = wf_window_find_answer(
        wf_window_find(partition, request->client), request->number);

    WF_ASSERT(answer != NULL);
    if (!wf_edge_is_withdrawn(partition, request)) {
        answer->request = request;
    }
}

static void
do_ask(struct wf_partition *partition, struct wf_actor *actor,
       struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    if (takes_signal(partition, actor, request)) {
        put_signal(draft, actor, request, true);
        put_waiting(request, draft);
        write_call(partition, actor, request, draft);
        wait_for_turn(partition, request);
    }
}

// Who asks for one that is known waits for it, and may want it to begin.
static bool
joins_update(struct wf_partition *partition, struct wf_actor *actor,
             struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;

    if (wf_updates_find_id(&actor->updates, request->update_id) == NULL) {
        return false;
    }
    if (request->verb == WEFT_VERB_UPDATE_WITH_START) {
        put_begin(partition, actor, request, draft);
    }
    if (draft->sections.len > 0) {
        (void)wf_draft_write(draft, partition, false);
    }
    return wf_update_joins(partition, actor, request);
}

static void
do_update(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    bool may_create = request->verb == WEFT_VERB_UPDATE_WITH_START;
    struct wf_draft *draft = &partition->draft;

    if (!actor->kind->is_workflow) {
        wf_edge_answer_now(partition, actor, request, WEFT_EINVAL,
                           "plain actors take no updates; ask them");
        return;
    }
    if (joins_update(partition, actor, request) ||
        !(may_create ? finds_instance(partition, actor, request)
                     : takes_signal(partition, actor, request))) {
        return; // it is answered, or will be
    }
    if (may_create) {
        put_begin(partition, actor, request, draft);
    }
    wf_update_put(actor, request, draft);
    put_waiting(request, draft);
    write_call(partition, actor, request, draft);
    wait_for_turn(partition, request);
}

// Routing. ------------------------------------------------------------------

// Verbs whose request id is kept. A heartbeat can be repeated as it is, and so
// can a lease.
static bool
has_window(const struct wf_request *request)
{
    return !wf_request_is_read(request) &&
           request->verb != WEFT_VERB_HEARTBEAT &&
           request->verb != WEFT_VERB_LEASE && request->verb != WEFT_VERB_RENEW;
}

// tidy: long, one case per verb
static void
do_request(struct wf_partition *partition, struct wf_actor *actor,
           struct wf_request *request)
{
    if (actor->kind == NULL) {
        wf_edge_answer_now(partition, actor, request, WEFT_ENOTFOUND,
                           "its kind is not registered here");
        return;
    }
    switch (request->verb) {
    case WEFT_VERB_START:
        do_start(partition, actor, request);
        break;
    case WEFT_VERB_SIGNAL:
        do_signal(partition, actor, request);
        break;
    case WEFT_VERB_SIGNAL_WITH_START:
        do_signal_with_start(partition, actor, request);
        break;
    case WEFT_VERB_ASK:
        do_ask(partition, actor, request);
        break;
    case WEFT_VERB_UPDATE:
    case WEFT_VERB_UPDATE_WITH_START:
        do_update(partition, actor, request);
        break;
    case WEFT_VERB_QUERY:
        wf_edge_query(partition, actor, request);
        break;
    case WEFT_VERB_WATCH:
        wf_edge_watch(partition, actor, request);
        break;
    case WEFT_VERB_RESULT:
        wf_edge_result(partition, actor, request);
        break;
    case WEFT_VERB_CANCEL:
        wf_edge_cancel(partition, actor, request);
        break;
    case WEFT_VERB_TERMINATE:
        wf_edge_terminate(partition, actor, request);
        break;
    case WEFT_VERB_DESCRIBE:
        wf_edge_describe(partition, actor, request);
        break;
    case WEFT_VERB_PAUSE:
        wf_edge_pause(partition, actor, request, WF_OP_PAUSE);
        break;
    case WEFT_VERB_RESUME:
        wf_edge_pause(partition, actor, request, WF_OP_RESUME);
        break;
    case WEFT_VERB_DELETE:
        wf_edge_delete(partition, actor, request);
        break;
    case WEFT_VERB_COMPLETE:
    case WEFT_VERB_FAIL:
    case WEFT_VERB_HEARTBEAT:
        wf_results_request(partition, actor, request);
        break;
    case WEFT_VERB_LEASE:
    case WEFT_VERB_RENEW:
    case WEFT_VERB_RELEASE:
    case WEFT_VERB_DEFER:
        wf_leases_request(partition, actor, request);
        break;
    case WEFT_VERB_EXPORT:
        wf_transfer_export(partition, actor, request);
        break;
    case WEFT_VERB_IMPORT:
        wf_transfer_import(partition, actor, request);
        break;
    case WEFT_VERB_ACTIVITIES:
        wf_operate_list(partition, actor, request);
        break;
    case WEFT_VERB_ACTIVITY_PAUSE:
    case WEFT_VERB_ACTIVITY_RESUME:
    case WEFT_VERB_ACTIVITY_RESET:
    case WEFT_VERB_ACTIVITY_CHANGE:
        wf_operate_activity(partition, actor, request);
        break;
    case WEFT_VERB_RESET:
    case WEFT_VERB_RETRY_FAILED:
        wf_reset_request(partition, actor, request);
        break;
    case WEFT_VERB_FORK:
        wf_transfer_fork(partition, actor, request);
        break;
    case WEFT_VERB_PARK:
    case WEFT_VERB_PUBLISH:
    case WEFT_VERB_SET_STATE:
    case WEFT_VERB_MOVE_VERSION:
        wf_repair_request(partition, actor, request);
        break;
    default:
        wf_edge_answer_now(partition, actor, request, WEFT_EINVAL,
                           "no such verb");
        break;
    }
}

// Is the redo window so far ahead of the rows that saving must catch up?
static bool
is_over_window(const struct wf_partition *partition)
{
    const struct wf_object *oldest = wf_saver_first(partition);
    int64_t window = partition->options.window_bytes;

    return window > 0 && oldest != NULL &&
           partition->log_bytes - oldest->dirty_bytes >
               (uint64_t)window * WF_WINDOW_HARD_FACTOR;
}

// An attempt that is under way elsewhere goes on as those of the node do: else
// it would time out, though it lives or has ended.
static bool
is_of_attempt(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_HEARTBEAT ||
           request->verb == WEFT_VERB_COMPLETE ||
           request->verb == WEFT_VERB_FAIL;
}

static weft_err
refusal(const struct wf_partition *partition, const struct wf_request *request)
{
    // A renewal writes nothing.
    if (wf_request_is_read(request) || request->verb == WEFT_VERB_RENEW) {
        return WEFT_OK;
    }
    if (partition->refusal != WEFT_ECLOSED && is_of_attempt(request)) {
        return WEFT_OK;
    }
    if (partition->refusal != WEFT_OK) {
        return partition->refusal;
    }
    return is_over_window(partition) ? WEFT_EBUSY : WEFT_OK;
}

void
wf_edge_request(struct wf_partition *partition, struct wf_request *request)
{
    struct wf_actor *actor;
    weft_err err;

    if (request->confirmed > request->number) {
        wf_edge_answer(partition, request, 0, WEFT_EINVAL,
                       "a request cannot confirm itself");
        return;
    }
    // One that was done already is answered, not refused: a refusal says that
    // nothing happened.
    if (has_window(request) && wf_window_settles(partition, request)) {
        return;
    }
    err = refusal(partition, request);
    if (err != WEFT_OK) {
        wf_edge_answer(partition, request, 0, err, "%s",
                       "intake is stopped for now");
        return;
    }
    if (wf_request_is_paged(request)) {
        wf_listing_begin(partition, request);
        return;
    }
    actor = wf_residents_get(partition, &request->key);
    if (actor->residency == WF_RESIDENCY_BROKEN) {
        wf_edge_answer_now(partition, actor, request, WEFT_ECORRUPT,
                           "its rows cannot be read");
    } else if (actor->residency != WF_RESIDENCY_LOADED) {
        wf_list_push_back(&actor->waiting, &request->wait);
        wf_residents_hurry(partition, actor);
    } else {
        do_request(partition, actor, request);
        wf_residents_touch(partition, actor);
    }
}

void
wf_edge_loaded(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&actor->waiting)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        // The same may have come twice meanwhile.
        if (!has_window(request) || !wf_window_settles(partition, request)) {
            do_request(partition, actor, request);
        }
    }
}
