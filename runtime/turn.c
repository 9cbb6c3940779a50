// SPDX-License-Identifier: Apache-2.0
//
// turn.c - actors that have work run, one message at a time.
//
// A turn is a pure function of the message and the actor: its effects are
// gathered in a wf_turn and become one record, or are dropped. What comes for
// an instance that is not there, or no more, is answered or kept as a dead
// letter: nothing vanishes.

#include "runtime/turn.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "runtime/attributes.h"
#include "runtime/cause.h"
#include "runtime/child.h"
#include "runtime/edge.h"
#include "runtime/interceptor.h"
#include "runtime/outcome.h"
#include "runtime/start.h"
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
wf_turn_answer(struct wf_turn *turn, const struct wf_letter *letter,
               weft_err err, weft_bytes data)
{
    if (err == WEFT_OK && letter->type == WF_LETTER_SIGNAL) {
        wf_tally_kind(turn->partition->options.tally, turn->actor->kind,
                      WF_KIND_SIGNALS);
    }
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
wf_turn_finished(struct wf_partition *partition, struct wf_actor *actor)
{
    size_t count = actor->results.count;

    wf_note(partition, &actor->key, weft_status_name(actor->status), "%s",
            actor->failure_name == NULL ? "" : actor->failure_name);
    wf_tally_kind(partition->options.tally, actor->kind,
                  count_of(actor->status));
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
    struct wf_draft draft = {.ops = turn->ops};
    uint64_t record;

    turn->ops = (struct wf_buf){0};
    wf_buf_put(&draft.ops, turn->end.data, turn->end.len);
    wf_draft_actor(&draft, &actor->key);
    wf_buf_put(&draft.sections, turn->sends.sections.data,
               turn->sends.sections.len);
    wf_buf_reset(&turn->sends.sections);
    record = wf_draft_write(&draft, partition, false);
    wf_draft_fini(&draft);
    partition->stats.turns++;
    if (turn->has_commands) {
        wf_gate_actor(partition, actor, record);
    }
    settle_clients(partition, &turn->answered);
    if (actor->joined.count > 0) {
        wf_update_settle(partition, actor);
    }
    if (turn->is_finishing && !wf_actor_is_live(actor)) {
        wf_turn_finished(partition, actor);
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

// The handler failed: try again later, or give up for now.
static void
fail_turn(struct wf_partition *partition, struct wf_actor *actor,
          uint32_t attempts_max, weft_err err)
{
    uint32_t attempts = actor->failed_attempts + 1;
    struct wf_buf ops = {0};
    uint64_t delay = WF_TURN_RETRY_MS;
    char reason[600];

    wf_tally_kind(partition->options.tally, actor->kind, WF_KIND_TURNS_FAILED);
    (void)snprintf(reason, sizeof(reason), "turn failed %u times: %s %s",
                   attempts, weft_err_name(err), weft_err_detail());
    if (attempts >= attempts_max) {
        wf_turn_park(partition, actor, reason);
        return;
    }
    for (uint32_t i = 1; i < attempts && delay < WF_TURN_RETRY_MAX_MS; i++) {
        delay *= 2;
    }
    wf_note(partition, &actor->key, "retry", "in %llu ms, %s",
            (unsigned long long)delay, reason);
    wf_buf_put_u8(&ops, WF_OP_RETRY);
    wf_buf_put_varint(&ops, attempts);
    wf_buf_put_varint(&ops, partition->now_ms + delay);
    wf_buf_put_text(&ops, reason);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
}

static void
bring_state(struct wf_turn *turn, weft_bytes old, const void *state, size_t len)
{
    const uint8_t *before = old.data;
    const uint8_t *after = state;
    size_t from = 0;
    size_t to = len;

    if (old.len != len || turn->actor->version != turn->actor->kind->version) {
        wf_buf_put_u8(&turn->ops, WF_OP_STATE);
        wf_buf_put_varint(&turn->ops, turn->actor->kind->version);
        wf_buf_put_bytes(&turn->ops, weft_bytes_of(state, len));
        return;
    }
    while (from < to && before[from] == after[from]) {
        from++;
    }
    while (to > from && before[to - 1] == after[to - 1]) {
        to--;
    }
    if (from < to) {
        wf_buf_put_u8(&turn->ops, WF_OP_STATE_PATCH);
        wf_buf_put_varint(&turn->ops, from);
        wf_buf_put_bytes(&turn->ops, weft_bytes_of(after + from, to - from));
    }
}

// A copy of the state for the handler to change, brought up to the kind's
// version.
//
// WEFT_EDIVERGED   it is of another version and there is no way up
static weft_err
copy_state(const struct wf_partition *partition, const struct wf_actor *actor,
           void **out_state)
{
    const weft_actor_def *def = &actor->kind->actor;
    void *state;
    weft_err err = WEFT_OK;

    *out_state = NULL;
    if (def->state_bytes == 0) {
        return WEFT_OK;
    }
    state = wf_calloc(def->state_bytes);
    if (actor->state.len > 0 && actor->version != actor->kind->version) {
        wf_watch_begin(partition, actor, "upgrade", weft_nothing());
        err = def->upgrade == NULL
                  ? wf_error(WEFT_EDIVERGED,
                             "%s: state of version %u, the kind has version "
                             "%u and no upgrade",
                             actor->kind->name, actor->version,
                             actor->kind->version)
                  : def->upgrade(actor->version, actor->state, state);
        wf_watch_end(partition);
    } else if (actor->state.len == def->state_bytes) {
        memcpy(state, actor->state.data, actor->state.len);
    } else if (actor->state.len > 0) {
        err = wf_error(WEFT_EDIVERGED,
                       "%s: state of %zu bytes, the kind has %u; raise its "
                       "version and add an upgrade",
                       actor->kind->name, actor->state.len, def->state_bytes);
    }
    if (err != WEFT_OK) {
        wf_free(state);
        return err;
    }
    *out_state = state;
    return WEFT_OK;
}

static weft_message_type
message_type(enum wf_letter_type type)
{
    switch (type) {
    case WF_LETTER_TIMER:
        return WEFT_MESSAGE_TIMER;
    case WF_LETTER_ACTIVITY:
        return WEFT_MESSAGE_ACTIVITY;
    case WF_LETTER_CHILD:
    case WF_LETTER_ASKED:
        return WEFT_MESSAGE_CHILD;
    case WF_LETTER_STARTED:
        return WEFT_MESSAGE_STARTED;
    case WF_LETTER_REPLY:
        return WEFT_MESSAGE_REPLY;
    case WF_LETTER_FAILED:
        return WEFT_MESSAGE_FAILED;
    case WF_LETTER_CANCEL:
        return WEFT_MESSAGE_CANCEL;
    case WF_LETTER_START:
        return WEFT_MESSAGE_START;
    default:
        return WEFT_MESSAGE_SIGNAL;
    }
}

// A message as the handler sees it, with its strings.
struct shown {
    weft_message message;
    char *name;
    char *text;
    struct wf_buf source; // of the failure
    struct wf_key sender;
    weft_failure causes[WF_CAUSES_MAX];
};

// Who failed: the sender, or the activity that was called.
static const char *
show_source(const struct wf_actor *actor, const struct wf_letter *letter,
            struct shown *shown)
{
    const struct wf_command *command =
        letter->type == WF_LETTER_ACTIVITY
            ? wf_actor_find_command(actor, letter->call)
            : NULL;

    if (command != NULL) {
        wf_buf_put(&shown->source, command->name, strlen(command->name));
    } else if (shown->sender.len > 0) {
        wf_cause_put_source(&shown->source, &shown->sender);
    }
    wf_buf_put_u8(&shown->source, 0);
    return (const char *)shown->source.data;
}

static void
show_letter(const struct wf_actor *actor, const struct wf_letter *letter,
            struct shown *shown)
{
    bool has_failed = letter->err != WEFT_OK;

    wf_own_text(&shown->name, letter->type == WF_LETTER_CANCEL ? weft_nothing()
                                                               : letter->name);
    wf_own_text(&shown->text, letter->text);
    if (letter->sender.len > 0) {
        (void)wf_key_decode(letter->sender, &shown->sender);
    }
    shown->message = (weft_message){
        .type = message_type(letter->type),
        .name = has_failed ? "" : shown->name,
        .data = has_failed ? weft_nothing() : letter->data,
        .call = letter->type == WF_LETTER_SIGNAL ||
                        letter->type == WF_LETTER_TIMER ||
                        letter->type == WF_LETTER_CANCEL
                    ? 0
                    : letter->call,
        .failure = {.name = has_failed ? shown->name : "",
                    .message = shown->text,
                    .details = has_failed ? letter->data : weft_nothing(),
                    .source =
                        has_failed ? show_source(actor, letter, shown) : "",
                    .cause = wf_cause_show(letter->causes, shown->causes)},
        .sender_kind = shown->sender.len > 0 ? wf_key_kind(&shown->sender) : "",
        .sender_id = shown->sender.len > 0 ? wf_key_id(&shown->sender) : "",
    };
}

static void
shown_fini(struct shown *shown)
{
    wf_free(shown->name);
    wf_free(shown->text);
    wf_buf_fini(&shown->source);
    wf_key_fini(&shown->sender);
}

static weft_err
call_handler(struct weft_actor *self, const struct wf_letter *letter,
             void *state)
{
    struct wf_partition *partition = self->turn.partition;
    const struct wf_actor *actor = self->turn.actor;
    struct shown shown = {0};
    weft_err err;

    show_letter(actor, letter, &shown);
    wf_error_clear();
    wf_watch_begin(partition, actor, wf_letter_type_name(letter->type),
                   letter->name);
    err = actor->kind->actor.receive(self, &shown.message, state);
    wf_watch_end(partition);
    shown_fini(&shown);
    return err;
}

static void
run_handler(struct wf_partition *partition, struct wf_actor *actor,
            const struct wf_letter *letter, bool is_start)
{
    struct weft_actor self = {0};
    void *state = NULL;
    weft_err err;

    wf_turn_init(&self.turn, partition, actor);
    self.turn.letter = *letter;
    wf_buf_put_u8(&self.turn.ops, is_start ? WF_OP_STARTED : WF_OP_POP);
    if (letter->type == WF_LETTER_CHILD || letter->type == WF_LETTER_REPLY ||
        letter->type == WF_LETTER_FAILED) {
        wf_turn_call_close(&self.turn, letter->call);
    } else if (letter->type == WF_LETTER_ASKED) {
        wf_child_drop_result(&self.turn, letter->call);
    }
    err = copy_state(partition, actor, &state);
    if (err == WEFT_OK) {
        err = call_handler(&self, letter, state);
    }
    if (err == WEFT_OK) {
        if (state != NULL) {
            bring_state(&self.turn, actor->state, state,
                        actor->kind->actor.state_bytes);
        } else if (self.is_state_set) {
            bring_state(&self.turn, actor->state, self.state.data,
                        self.state.len);
        }
        if (!is_start) {
            wf_turn_answer(&self.turn, letter, WEFT_OK, self.turn.reply);
        }
        wf_turn_commit(&self.turn);
    } else {
        fail_turn(partition, actor, actor->kind->actor.turn_attempts_max, err);
    }
    if (self.is_state_set) {
        wf_own_bytes(&self.state, weft_nothing());
    }
    wf_own_bytes(&self.memo, weft_nothing());
    wf_buf_fini(&self.timers);
    wf_buf_fini(&self.attributes);
    wf_free(state);
    wf_turn_fini(&self.turn);
}

// Is it about a call that is open?
static bool
is_of_call(const struct wf_actor *actor, const struct wf_letter *letter)
{
    const struct wf_call *call = wf_actor_find_call(actor, letter->call);

    return call != NULL && letter->sender_run == call->run;
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
        return is_of_call(actor, letter) &&
               !wf_actor_find_call(actor, letter->call)->is_given_up;
    case WF_LETTER_TIMER:
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

// Letters that no instance takes. -------------------------------------------

static void
put_dead_letter(struct wf_turn *turn, weft_bytes letter, const char *reason)
{
    struct wf_buf body = {0};

    wf_buf_put_bytes(&body, wf_key_bytes(&turn->actor->key));
    wf_buf_put_bytes(&body, letter);
    wf_buf_put_text(&body, reason);
    wf_buf_put_u8(&turn->sends.ops, WF_OP_LETTER);
    wf_buf_put_bytes(&turn->sends.ops, wf_buf_bytes(&body));
    wf_draft_partition(&turn->sends);
    wf_buf_fini(&body);
    if (turn->partition->options.tally != NULL) {
        wf_counter_add(&turn->partition->options.tally->dead_letters, 1);
    }
    wf_note(turn->partition, &turn->actor->key, "dead", "signal %.*s: %s",
            (int)turn->letter.name.len, (const char *)turn->letter.name.data,
            reason);
}

// Was the first letter sent to a life before this one?
static bool
is_outlived(const struct wf_actor *actor)
{
    return actor->mailbox.first_seq < actor->outlived_to;
}

// Its sender learns that it was not delivered, or operators do.
static void
refuse_letter(struct wf_partition *partition, struct wf_actor *actor,
              const struct wf_letter *letter, weft_bytes bytes, weft_err err,
              const char *reason)
{
    struct wf_turn turn;

    wf_turn_init(&turn, partition, actor);
    turn.letter = *letter;
    wf_buf_put_u8(&turn.ops, WF_OP_POP);
    if (letter->type == WF_LETTER_CHILD && is_of_call(actor, letter)) {
        wf_turn_call_close(&turn, letter->call); // it was given up
    } else if (letter->type == WF_LETTER_START) {
        struct wf_key sender;

        if (wf_key_decode(letter->sender, &sender)) {
            wf_turn_send(&turn, &sender,
                         &(struct wf_letter){
                             .type = WF_LETTER_CHILD,
                             .sender = wf_key_bytes(&actor->key),
                             .sender_run = letter->sender_run,
                             .call = letter->call,
                             .err = WEFT_EFAILED,
                             .name = weft_text(weft_err_name(err)),
                             .text = weft_text(reason),
                         });
            wf_key_fini(&sender);
        }
    } else if (letter->client.len > 0 ||
               (letter->type == WF_LETTER_SIGNAL && letter->call != 0)) {
        // Updates are counted anew in each life.
        if (letter->type == WF_LETTER_UPDATE && !is_outlived(actor)) {
            wf_update_put_drop(&turn, letter->call);
        }
        wf_turn_answer(&turn, letter, err, weft_nothing());
    } else if (letter->type == WF_LETTER_SIGNAL) {
        put_dead_letter(&turn, bytes, reason);
    }
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
}

static void
create_instance(struct wf_partition *partition, struct wf_actor *actor,
                const struct wf_letter *letter)
{
    bool is_start = letter->type == WF_LETTER_START;
    struct wf_create create = {.parent_run = letter->sender_run,
                               .parent_call = letter->call};
    struct wf_buf options = {0};
    struct wf_start start = {0};
    struct wf_turn turn;

    // The start is a message of its own; any other letter stays and is handled
    // as the first.
    wf_turn_init(&turn, partition, actor);
    if (is_start) {
        (void)wf_start_decode(letter->options, &start);
        wf_start_split(letter->options, &options);
        create.parent = letter->sender;
        create.input = letter->data;
        create.options = wf_buf_bytes(&options);
        create.attributes = start.attributes;
        wf_child_answer(&turn, letter);
        wf_buf_put_u8(&turn.ops, WF_OP_POP);
    }
    wf_create_put(partition, actor, &create, &turn.ops);
    if (!is_start) {
        wf_buf_put_u8(&turn.ops, WF_OP_STARTED);
    }
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
    wf_buf_fini(&options);
}

// It came before the start, and is kept for it, where the signals of a run are
// kept that nobody received.
static void
keep_early(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_buf ops = {0};

    wf_buf_put_u8(&ops, WF_OP_JOURNAL_LETTER);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
}

// The instance does not exist, or has finished.
static void
handle_absent(struct wf_partition *partition, struct wf_actor *actor,
              const struct wf_letter *letter, weft_bytes bytes)
{
    bool is_new = actor->status == WEFT_STATUS_NONE;
    bool is_start = letter->type == WF_LETTER_START;
    const char *why;
    weft_err err;

    if (actor->kind == NULL) {
        refuse_letter(partition, actor, letter, bytes, WEFT_ENOTFOUND,
                      "its kind is not registered here");
        return;
    }
    err = is_start ? wf_child_may_start(actor, letter->options, &why) : WEFT_OK;
    if (err != WEFT_OK) {
        refuse_letter(partition, actor, letter, bytes, err, why);
    } else if (is_start ||
               (letter->type == WF_LETTER_SIGNAL && is_new &&
                actor->kind->creation == WEFT_CREATION_ON_MESSAGE)) {
        create_instance(partition, actor, letter);
    } else if (letter->type == WF_LETTER_SIGNAL && letter->call == 0 &&
               letter->client.len == 0 && wf_actor_keeps_early(actor)) {
        keep_early(partition, actor);
    } else {
        refuse_letter(partition, actor, letter, bytes,
                      is_new ? WEFT_ENOTFOUND : WEFT_EFINISHED,
                      is_new ? "no such instance"
                             : "the instance has finished");
    }
}

void
wf_create_put(const struct wf_partition *partition,
              const struct wf_actor *actor, const struct wf_create *create,
              struct wf_buf *ops)
{
    // A new life has a new seed: its keys and numbers are not those of the
    // last one.
    uint64_t seed =
        wf_hash64(&partition->last_record, sizeof(partition->last_record),
                  actor->hash ^ partition->epoch);
    struct wf_reader attributes = wf_reader_of(create->attributes);
    weft_attribute attribute;

    wf_tally_kind(partition->options.tally, actor->kind, WF_KIND_STARTED);
    wf_buf_put_u8(ops, WF_OP_CREATE);
    wf_buf_put_varint(ops,
                      wf_start_kind(actor->kind, create->options)->version);
    wf_buf_put_varint(ops, actor->run + 1);
    wf_buf_put_varint(ops, seed);
    wf_buf_put_bytes(ops, create->parent);
    wf_buf_put_varint(ops, create->parent_run);
    wf_buf_put_varint(ops, create->parent_call);
    wf_buf_put_bytes(ops, create->input);
    wf_buf_put_bytes(ops, create->options);
    while (wf_attributes_next(&attributes, &attribute)) {
        wf_attributes_put_op(ops, &attribute);
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
        run_handler(partition, actor, letter, is_start);
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
    bool is_start = actor->is_start_pending;
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
        handle_absent(partition, actor, &letter, bytes);
    } else if (is_letter && letter.type == WF_LETTER_START &&
               wf_child_replaces(letter.options)) {
        wf_outcome_stop(partition, actor, WEFT_STATUS_TERMINATED, "terminated",
                        "another start took its place");
    } else if (is_letter && letter.type == WF_LETTER_START) {
        refuse_letter(partition, actor, &letter, bytes, WEFT_EEXISTS,
                      "an instance of this id is running");
    } else if (is_letter && is_outlived(actor)) {
        refuse_letter(partition, actor, &letter, bytes, WEFT_EFINISHED,
                      "the instance has finished");
    } else if (is_letter && !wf_turn_expects(actor, &letter)) {
        refuse_letter(partition, actor, &letter, bytes, WEFT_ENOTFOUND, "late");
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
    wf_residents_touch(partition, actor);
}

void
wf_turn_schedule(struct wf_partition *partition, struct wf_actor *actor)
{
    bool is_due =
        actor->residency == WF_RESIDENCY_LOADED && wf_actor_is_due(actor);
    bool has_work =
        actor->residency == WF_RESIDENCY_LOADED && !is_due &&
        (wf_actor_has_code(actor) || actor->status == WEFT_STATUS_NONE) &&
        wf_actor_may_run(actor) &&
        wf_actor_has_work(actor, partition->now_ms) &&
        !wf_heap_has(&actor->retry.heap);
    bool is_here = actor->is_start_pending || wf_actor_goes_on(actor) ||
                   wf_mailbox_head(&actor->mailbox) != NULL;
    bool is_ready = is_due || (has_work && is_here);

    wf_outcome_watch(partition, actor);
    if (is_ready && !wf_list_has(&actor->ready)) {
        wf_list_push_back(&partition->ready, &actor->ready);
    } else if (!is_ready && wf_list_has(&actor->ready)) {
        wf_list_remove(&partition->ready, &actor->ready);
    }
    if (has_work && !is_here) {
        wf_residents_page(partition, actor, WF_MAILBOX_PAGE);
    }
}

void
wf_turn_deliver(struct wf_partition *partition, struct wf_actor *actor,
                weft_bytes letter)
{
    struct wf_buf ops = {0};

    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_buf_put_bytes(&ops, letter);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
}
