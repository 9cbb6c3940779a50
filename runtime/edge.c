// SPDX-License-Identifier: Apache-2.0
//
// edge.c - requests from clients: each verb, for an actor that is loaded.
//
// A request waits until its actor is in memory, keeps its place among the
// others for that actor, and is answered through the gate.

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/attributes.h"
#include "runtime/cause.h"
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

    va_start(args, format);
    (void)vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    wf_request_answer(request, err, detail);
    wf_gate_reply(partition, request, record);
}

// Answer with what the actor is now.
static void
answer_now(struct wf_partition *partition, const struct wf_actor *actor,
           struct wf_request *request, weft_err err, const char *what)
{
    wf_edge_answer(partition, request, actor->object.position, err,
                   err == WEFT_OK ? "%s%s" : "%s: %s",
                   err == WEFT_OK ? "" : wf_key_id(&actor->key),
                   err == WEFT_OK ? "" : what);
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
    answer_now(partition, actor, request, err, actor->failure_name);
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
    wf_draft_fini(draft);
}

static void
put_signal(struct wf_draft *draft, const struct wf_actor *actor,
           const struct wf_request *request, bool wants_answer)
{
    struct wf_buf letter = {0};

    wf_letter_encode(
        &(struct wf_letter){
            .type = WF_LETTER_SIGNAL,
            .client = wants_answer ? weft_bytes_of(request->client, 16)
                                   : weft_nothing(),
            .number = wants_answer ? request->number : 0,
            .name = weft_text(request->name),
            .data = request->data,
            .options = wf_start_headers(request->options),
        },
        &letter);
    wf_buf_put_u8(&draft->ops, WF_OP_PUSH);
    wf_buf_put_bytes(&draft->ops, wf_buf_bytes(&letter));
    wf_draft_actor(draft, &actor->key);
    wf_buf_fini(&letter);
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
        answer_now(partition, actor, request, WEFT_EINVAL,
                   "its kind is created by other actors only");
        return false;
    }
    if (wf_start_kind(actor->kind, request->options) == NULL) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
                   wf_start_is_pinned(request->options)
                       ? "that version of its kind is not registered here"
                       : "every version of its kind is retired");
        return false;
    }
    if (actor->status == WEFT_STATUS_NONE || wf_actor_is_live(actor) ||
        wf_start_may_reuse(&start, actor->status)) {
        return true;
    }
    answer_now(partition, actor, request, WEFT_EEXISTS,
               "an instance of this id has finished and may not be reused");
    return false;
}

static void
do_start(struct wf_partition *partition, struct wf_actor *actor,
         struct wf_request *request)
{
    struct wf_draft draft = {0};

    weft_conflict conflict = options_of(request).conflict;

    if (wf_actor_is_live(actor) &&
        conflict != WEFT_CONFLICT_TERMINATE_EXISTING) {
        answer_now(partition, actor, request,
                   conflict == WEFT_CONFLICT_USE_EXISTING ? WEFT_OK
                                                          : WEFT_EEXISTS,
                   "an instance of this id is running");
    } else if (!may_start(partition, actor, request)) {
        return;
    } else if (wf_actor_is_live(actor)) {
        wf_outcome_replace(partition, actor, request, &draft);
    } else {
        request->reply.is_created = 1;
        put_create(partition, &draft, actor, request);
        wf_edge_answer_done(partition, request, &draft);
    }
}

// Can it take a signal? If not, the request is answered.
static bool
takes_signal(struct wf_partition *partition, struct wf_actor *actor,
             struct wf_request *request)
{
    bool is_early =
        request->verb == WEFT_VERB_SIGNAL && wf_actor_keeps_early(actor);
    bool is_creating = actor->status == WEFT_STATUS_NONE &&
                       actor->kind->creation == WEFT_CREATION_ON_MESSAGE;
    uint64_t kept = is_early ? actor->journal.count : 0;

    if (wf_mailbox_count(&actor->mailbox) + kept >= WF_MAILBOX_MESSAGES_MAX) {
        answer_now(partition, actor, request, WEFT_EBUSY,
                   "its mailbox holds 1000000 messages");
    } else if (wf_actor_is_live(actor) || is_creating || is_early) {
        return true;
    } else if (actor->status == WEFT_STATUS_NONE) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
                   "no such instance");
    } else {
        answer_now(partition, actor, request, WEFT_EFINISHED,
                   "the instance has finished");
    }
    return false;
}

static void
do_signal(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_draft draft = {0};

    if (takes_signal(partition, actor, request)) {
        put_signal(&draft, actor, request, false);
        wf_edge_answer_done(partition, request, &draft);
    }
}

// Whoever signals with a start wants it to begin: the delay of an instance that
// is there already is over. A pause between two runs is not.
static void
put_begin(const struct wf_partition *partition, const struct wf_actor *actor,
          struct wf_draft *draft)
{
    if (wf_actor_is_delayed(actor, partition->now_ms) && actor->attempt == 1) {
        wf_buf_put_u8(&draft->ops, WF_OP_BEGIN);
        wf_draft_actor(draft, &actor->key);
    }
}

static void
do_signal_with_start(struct wf_partition *partition, struct wf_actor *actor,
                     struct wf_request *request)
{
    struct wf_draft draft = {0};
    bool is_live = wf_actor_is_live(actor);
    bool is_replaced = is_live && options_of(request).conflict ==
                                      WEFT_CONFLICT_TERMINATE_EXISTING;

    if (is_live && !is_replaced) {
        if (!takes_signal(partition, actor, request)) {
            return;
        }
        put_begin(partition, actor, &draft);
    } else if (!may_start(partition, actor, request)) {
        return;
    } else if (is_replaced) {
        put_signal(&draft, actor, request, false);
        wf_outcome_replace(partition, actor, request, &draft);
        return;
    } else {
        request->reply.is_created = 1;
        put_create(partition, &draft, actor, request);
    }
    put_signal(&draft, actor, request, false);
    wf_edge_answer_done(partition, request, &draft);
}

// The answer comes from a turn: the window remembers who waits.
static void
do_ask(struct wf_partition *partition, struct wf_actor *actor,
       struct wf_request *request)
{
    struct wf_draft draft = {0};
    struct wf_answer *answer;

    if (!takes_signal(partition, actor, request)) {
        return;
    }
    put_signal(&draft, actor, request, true);
    wf_window_put_accepted(&draft.ops, request);
    wf_draft_partition(&draft);
    (void)wf_draft_write(&draft, partition, false);
    wf_draft_fini(&draft);
    answer = wf_window_find_answer(wf_window_find(partition, request->client),
                                   request->number);
    WF_ASSERT(answer != NULL);
    answer->request = request;
}

static void
do_update(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_draft draft = {0};

    if (!actor->kind->is_workflow) {
        answer_now(partition, actor, request, WEFT_EINVAL,
                   "plain actors take no updates; ask them");
        return;
    }
    if (wf_update_joins(partition, actor, request)) {
        return;
    }
    if (wf_actor_is_live(actor) ||
        request->verb != WEFT_VERB_UPDATE_WITH_START) {
        if (!takes_signal(partition, actor, request)) {
            return;
        }
    } else if (may_start(partition, actor, request)) {
        request->reply.is_created = 1;
        put_create(partition, &draft, actor, request);
    } else {
        return;
    }
    wf_update_put(partition, actor, request, &draft);
}

static void
do_cancel(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_draft draft = {0};
    struct wf_buf letter = {0};

    if (!wf_actor_is_live(actor)) {
        bool is_new = actor->status == WEFT_STATUS_NONE;

        answer_now(partition, actor, request,
                   is_new ? WEFT_ENOTFOUND : WEFT_EFINISHED,
                   is_new ? "no such instance" : "the instance has finished");
        return;
    }
    wf_operate_put(&draft.ops, request, "cancel");
    if (!actor->is_cancel_asked) { // twice is once
        wf_letter_encode(
            &(struct wf_letter){
                .type = WF_LETTER_CANCEL,
                .sender_run = actor->seed,
            },
            &letter);
        wf_buf_put_u8(&draft.ops, WF_OP_CANCEL_ASKED);
        wf_buf_put_u8(&draft.ops, WF_OP_PUSH);
        wf_buf_put_bytes(&draft.ops, wf_buf_bytes(&letter));
        wf_buf_fini(&letter);
    }
    wf_draft_actor(&draft, &actor->key);
    wf_edge_answer_done(partition, request, &draft);
}

static void
do_terminate(struct wf_partition *partition, struct wf_actor *actor,
             struct wf_request *request)
{
    struct wf_turn turn;
    struct wf_draft *sends = &turn.sends;

    if (!wf_actor_is_live(actor)) {
        do_cancel(partition, actor, request); // answers that it cannot
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

static void
do_pause(struct wf_partition *partition, struct wf_actor *actor,
         struct wf_request *request, enum wf_op op)
{
    struct wf_draft draft = {0};
    bool was_parked = actor->is_parked;

    if (!wf_actor_is_live(actor)) {
        do_cancel(partition, actor, request); // answers that it cannot
        return;
    }
    wf_operate_put(&draft.ops, request, "%s",
                   op == WF_OP_PAUSE ? "pause" : "resume");
    wf_buf_put_u8(&draft.ops, (uint8_t)op);
    wf_draft_actor(&draft, &actor->key);
    wf_edge_answer_done(partition, request, &draft);
    if (op == WF_OP_RESUME) {
        partition->stats.actors_parked -= was_parked ? 1 : 0;
        wf_commands_rearm(partition, actor);
    }
}

// Messages that the instance left become dead letters before it goes, a turn
// each: until then the request waits.
static void
do_delete(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    struct wf_draft draft = {0};

    if (actor->status == WEFT_STATUS_NONE) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
                   "no such instance");
        return;
    }
    if (wf_actor_is_live(actor) && !request->is_terminating) {
        answer_now(partition, actor, request, WEFT_EBUSY,
                   "it runs; terminate it first");
        return;
    }
    if (wf_actor_is_live(actor)) {
        wf_outcome_stop(partition, actor, WEFT_STATUS_TERMINATED, "terminated",
                        "it was deleted");
    }
    if (wf_actor_has_work(actor, partition->now_ms)) {
        wf_list_push_back(&actor->results, &request->wait);
        return;
    }
    wf_note(partition, &actor->key, "remove", "it was deleted");
    wf_buf_put_u8(&draft.ops, WF_OP_REMOVE);
    wf_draft_actor(&draft, &actor->key);
    wf_edge_answer_done(partition, request, &draft);
}

void
wf_edge_emptied(struct wf_partition *partition, struct wf_actor *actor)
{
    size_t count = actor->results.count;

    while (count-- > 0 && !wf_actor_has_work(actor, partition->now_ms)) {
        struct wf_request *request = WF_CONTAINER(
            wf_list_pop_front(&actor->results), struct wf_request, wait);

        if (request->verb == WEFT_VERB_DELETE) {
            do_delete(partition, actor, request);
        } else if (wf_request_waits_for_empty(request)) {
            wf_reset_request(partition, actor, request);
        } else {
            wf_list_push_back(&actor->results, &request->wait);
        }
    }
}

// Reads. --------------------------------------------------------------------

// The answer of a query function, while it runs.
struct weft_query {
    weft_bytes answer; // owned
    bool has_answer;
};

weft_err
weft_query_return(weft_query *query, weft_bytes answer)
{
    if (answer.len > WF_PAYLOAD_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "answer: %zu bytes, the limit is %u",
                        answer.len, WF_PAYLOAD_BYTES_MAX);
    }
    wf_own_bytes(&query->answer, answer);
    query->has_answer = true;
    return WEFT_OK;
}

static weft_err
ask_query_function(struct wf_partition *partition, const struct wf_actor *actor,
                   struct wf_request *request)
{
    weft_query query = {0};
    weft_bytes state = actor->state;
    void *zeroes = NULL; // for the state of one that had no turn yet
    weft_err err;

    if (actor->kind->is_workflow || actor->kind->actor.query == NULL ||
        actor->version != actor->kind->version) {
        return WEFT_ENOTFOUND;
    }
    wf_watch_begin(partition, actor, "query", weft_text(request->name));
    if (state.len == 0 && actor->kind->actor.state_bytes > 0) {
        zeroes = wf_calloc(actor->kind->actor.state_bytes);
        state = weft_bytes_of(zeroes, actor->kind->actor.state_bytes);
    }
    err = actor->kind->actor.query(&query, request->name, request->data,
                                   state.data, state.len);
    wf_free(zeroes);
    wf_watch_end(partition);
    if (err == WEFT_OK && query.has_answer) {
        wf_request_answer_data(request, query.answer);
    }
    wf_own_bytes(&query.answer, weft_nothing());
    return err;
}

static void
do_query(struct wf_partition *partition, struct wf_actor *actor,
         struct wf_request *request)
{
    const struct wf_published *published =
        wf_actor_find_published(actor, request->name);
    weft_err err = WEFT_OK;

    if (actor->status == WEFT_STATUS_NONE) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
                   "no such instance");
        return;
    }
    if (published != NULL) {
        wf_request_answer_data(request, published->value);
    } else {
        err = ask_query_function(partition, actor, request);
    }
    answer_now(partition, actor, request, err, request->name);
}

static void
do_result(struct wf_partition *partition, struct wf_actor *actor,
          struct wf_request *request)
{
    if (actor->status == WEFT_STATUS_NONE) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
                   "no such instance");
    } else if (wf_actor_is_live(actor)) {
        wf_list_push_back(&actor->results, &request->wait);
    } else {
        wf_edge_answer_result(partition, request, actor);
    }
}

// Why it waits although nobody holds it up.
static void
describe_missing(const struct wf_actor *actor, char *text, size_t size)
{
    int len = snprintf(text, size, "version %u of %s is not registered here",
                       actor->version, wf_key_kind(&actor->key));

    if (actor->unfit != NULL && (size_t)len < size) {
        (void)snprintf(text + len, size - (size_t)len,
                       "; version %u does not fit: %s", actor->unfit_version,
                       actor->unfit);
    }
}

static void
do_describe(struct wf_partition *partition, struct wf_actor *actor,
            struct wf_request *request)
{
    weft_attribute attributes[WF_ATTRIBUTES_MAX];
    weft_description description;
    char missing[1400];

    if (actor->status == WEFT_STATUS_NONE) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
                   "no such instance");
        return;
    }
    wf_actor_describe(actor, &description);
    if (!wf_actor_has_code(actor) && !actor->is_parked) {
        describe_missing(actor, missing, sizeof(missing));
        description.reason = missing;
    }
    description.attributes = attributes;
    description.attributes_count =
        wf_attributes_list(actor->attributes, attributes);
    wf_request_answer_item(request, &description);
    answer_now(partition, actor, request, WEFT_OK, "");
}

// Routing. ------------------------------------------------------------------

// Verbs whose request id is kept. A heartbeat can be repeated as it is.
static bool
has_window(const struct wf_request *request)
{
    return !wf_request_is_read(request) && request->verb != WEFT_VERB_HEARTBEAT;
}

// tidy: long, one case per verb
static void
do_request(struct wf_partition *partition, struct wf_actor *actor,
           struct wf_request *request)
{
    if (has_window(request) && wf_window_settles(partition, request)) {
        return;
    }
    if (actor->kind == NULL) {
        answer_now(partition, actor, request, WEFT_ENOTFOUND,
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
        do_query(partition, actor, request);
        break;
    case WEFT_VERB_RESULT:
        do_result(partition, actor, request);
        break;
    case WEFT_VERB_CANCEL:
        do_cancel(partition, actor, request);
        break;
    case WEFT_VERB_TERMINATE:
        do_terminate(partition, actor, request);
        break;
    case WEFT_VERB_DESCRIBE:
        do_describe(partition, actor, request);
        break;
    case WEFT_VERB_PAUSE:
        do_pause(partition, actor, request, WF_OP_PAUSE);
        break;
    case WEFT_VERB_RESUME:
        do_pause(partition, actor, request, WF_OP_RESUME);
        break;
    case WEFT_VERB_DELETE:
        do_delete(partition, actor, request);
        break;
    case WEFT_VERB_COMPLETE:
    case WEFT_VERB_FAIL:
    case WEFT_VERB_HEARTBEAT:
        wf_results_request(partition, actor, request);
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
    case WEFT_VERB_PARK:
    case WEFT_VERB_PUBLISH:
    case WEFT_VERB_SET_STATE:
    case WEFT_VERB_MOVE_VERSION:
        wf_repair_request(partition, actor, request);
        break;
    default:
        answer_now(partition, actor, request, WEFT_EINVAL, "no such verb");
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

static weft_err
refusal(const struct wf_partition *partition, const struct wf_request *request)
{
    if (wf_request_is_read(request)) {
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
        answer_now(partition, actor, request, WEFT_ECORRUPT,
                   "its rows cannot be read");
    } else if (actor->residency != WF_RESIDENCY_LOADED) {
        wf_list_push_back(&actor->waiting, &request->wait);
        wf_residents_want(partition, actor);
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
        do_request(partition, actor,
                   WF_CONTAINER(node, struct wf_request, wait));
    }
}
