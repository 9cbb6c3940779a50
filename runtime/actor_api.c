// SPDX-License-Identifier: Apache-2.0
//
// actor_api.c - the functions of weft/actor.h that handlers call: check the
// arguments, then add an effect to the turn.

#include <inttypes.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/cause.h"
#include "runtime/child.h"
#include "runtime/inside.h"
#include "runtime/pairs.h"
#include "runtime/policy.h"
#include "runtime/question.h"
#include "runtime/start.h"
#include "runtime/timers.h"
#include "runtime/turn.h"

weft_err
weft_actor_send(weft_actor *actor, weft_target to, const char *name,
                weft_bytes data)
{
    struct wf_key key;
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_name_check("signal", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, name, data);
    }
    if (err == WEFT_OK) {
        err = wf_turn_target(&actor->turn, to, &key);
    }
    if (err != WEFT_OK) {
        return err;
    }
    wf_turn_send(&actor->turn, &key,
                 &(struct wf_letter){
                     .type = WF_LETTER_SIGNAL,
                     .sender = wf_key_bytes(&actor->turn.actor->key),
                     .name = weft_text(name),
                     .data = data,
                     .options = wf_turn_headers(&actor->turn),
                 });
    wf_key_fini(&key);
    return WEFT_OK;
}

weft_err
weft_actor_spawn(weft_actor *actor, weft_target child, weft_bytes input,
                 const weft_child_options *options, uint32_t *out_call)
{
    struct wf_buf start = {0};
    weft_child_options full;
    struct wf_key key;
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    WF_REQUIRE(out_call != NULL);
    err =
        wf_child_options(options, wf_turn_headers(&actor->turn), &full, &start);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, "child", input);
    }
    if (err == WEFT_OK) {
        err = wf_turn_target(&actor->turn, child, &key);
    }
    if (err == WEFT_OK) {
        *out_call = wf_turn_take_id(&actor->turn);
        wf_child_start(&actor->turn, *out_call, &key, &full,
                       wf_buf_bytes(&start), input);
        wf_key_fini(&key);
    }
    wf_buf_fini(&start);
    return err;
}

weft_err
weft_actor_ask(weft_actor *actor, weft_target to, const char *name,
               weft_bytes data, uint32_t *out_call)
{
    struct wf_key key;
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    WF_REQUIRE(out_call != NULL);
    err = wf_name_check("question", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, "call", data);
    }
    if (err == WEFT_OK) {
        err = wf_turn_target(&actor->turn, to, &key);
    }
    if (err != WEFT_OK) {
        return err;
    }
    *out_call = wf_turn_take_id(&actor->turn);
    wf_turn_ask(&actor->turn, *out_call, &key, name, data);
    wf_key_fini(&key);
    return WEFT_OK;
}

weft_err
weft_actor_call(weft_actor *actor, const char *activity, weft_bytes input,
                const weft_call_options *options, uint32_t *out_call)
{
    struct wf_buf bytes = {0};
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    WF_REQUIRE(out_call != NULL);
    err = wf_policy_of_call(actor->turn.partition->options.definitions,
                            activity, options, &bytes);
    if (err == WEFT_OK) {
        err = wf_policy_check_runner(actor->turn.partition->options.definitions,
                                     activity, wf_buf_bytes(&bytes));
    }
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, activity, input);
    }
    if (err == WEFT_OK) {
        *out_call = wf_turn_take_id(&actor->turn);
        wf_turn_command(&actor->turn, *out_call, WF_COMMAND_ACTIVITY, activity,
                        input, wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
    return err;
}

weft_err
weft_actor_call_cancel(weft_actor *actor, uint32_t call)
{
    const struct wf_command *command;
    const struct wf_call *child;

    WF_REQUIRE_INSIDE(actor);
    command = wf_actor_find_command(actor->turn.actor, call);
    child = wf_actor_find_call(actor->turn.actor, call);
    if (child != NULL && child->type == WF_CALL_CHILD) {
        wf_child_give_up(&actor->turn, call, child->cancellation);
        return WEFT_OK;
    }
    if (command == NULL) {
        return wf_error(WEFT_ENOTFOUND,
                        "%s: call %u is not an open activity or child",
                        wf_key_id(&actor->turn.actor->key), call);
    }
    wf_turn_command_cancel(&actor->turn, call,
                           wf_policy_cancellation(command->options));
    return WEFT_OK;
}

weft_err
weft_actor_reply(weft_actor *actor, weft_bytes data)
{
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_turn_check(&actor->turn, "reply", data);
    if (err == WEFT_OK) {
        wf_own_bytes(&actor->turn.reply, data);
    }
    return err;
}

weft_err
weft_actor_reply_later(weft_actor *actor, uint32_t *out_question)
{
    const struct wf_letter *letter;

    WF_REQUIRE_INSIDE(actor);
    WF_REQUIRE(out_question != NULL);
    letter = &actor->turn.letter;
    if (letter->type != WF_LETTER_SIGNAL ||
        (letter->client.len == 0 && letter->call == 0)) {
        return wf_error(WEFT_ENOTFOUND, "nobody waits for an answer");
    }
    if (actor->turn.question == 0) {
        wf_question_keep(&actor->turn, wf_turn_take_id(&actor->turn));
    }
    *out_question = actor->turn.question;
    return WEFT_OK;
}

weft_err
weft_actor_reply_to(weft_actor *actor, uint32_t question, weft_bytes data)
{
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_turn_check(&actor->turn, "reply", data);
    if (err != WEFT_OK) {
        return err;
    }
    return wf_question_answer(&actor->turn, question, data)
               ? WEFT_OK
               : wf_error(WEFT_ENOTFOUND, "%s: question %u is not open",
                          wf_key_id(&actor->turn.actor->key), question);
}

int
weft_actor_is_awaited(const weft_actor *actor, uint32_t question)
{
    return WF_IS_INSIDE(actor) &&
           wf_question_is_awaited(&actor->turn, question);
}

// The id of the timer of that name, also if this turn made it; 0: there is
// none yet.
static uint32_t
find_timer_id(const weft_actor *actor, const char *name)
{
    const struct wf_timer *timer = wf_timers_find(actor->turn.actor, name);
    struct wf_reader made = wf_reader_of(wf_buf_bytes(&actor->timers));

    if (timer != NULL) {
        return timer->id;
    }
    while (wf_reader_left(&made) > 0) {
        uint32_t id = (uint32_t)wf_reader_varint(&made);

        if (wf_bytes_equal(wf_reader_bytes(&made), weft_text(name))) {
            return id;
        }
    }
    return 0;
}

weft_err
weft_actor_timer_set(weft_actor *actor, const char *name, uint64_t after_ms)
{
    uint64_t now_ms;
    uint64_t due;
    uint32_t id;
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_name_check("timer", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, name, weft_nothing());
    }
    if (err != WEFT_OK) {
        return err;
    }
    now_ms = actor->turn.partition->now_ms;
    due = after_ms > UINT64_MAX - now_ms ? UINT64_MAX - 1 : now_ms + after_ms;
    id = find_timer_id(actor, name);
    if (id == 0) {
        id = wf_turn_take_id(&actor->turn);
        wf_buf_put_varint(&actor->timers, id);
        wf_buf_put_text(&actor->timers, name);
    }
    wf_turn_timer(&actor->turn, id, due, name);
    return WEFT_OK;
}

weft_err
weft_actor_timer_clear(weft_actor *actor, const char *name)
{
    uint32_t id;
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_name_check("timer", name, WF_NAME_BYTES_MAX);
    if (err != WEFT_OK) {
        return err;
    }
    id = find_timer_id(actor, name);
    if (id != 0) {
        wf_turn_timer_clear(&actor->turn, id);
    }
    return WEFT_OK;
}

// All of them are in memory while it is. What this turn has published already
// is little beside the limit.
static weft_err
check_room(const weft_actor *actor, const char *name, weft_bytes value)
{
    uint64_t bytes = actor->turn.actor->published.bytes;

    return bytes + value.len > WF_PUBLISHED_BYTES_MAX
               ? wf_error(WEFT_ETOOBIG,
                          "value %s: %" PRIu64
                          " bytes are published, and may be %u",
                          name, bytes, WF_PUBLISHED_BYTES_MAX)
               : WEFT_OK;
}

weft_err
weft_actor_publish(weft_actor *actor, const char *name, weft_bytes value)
{
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_name_check("value", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, name, value);
    }
    if (err == WEFT_OK) {
        err = check_room(actor, name, value);
    }
    if (err == WEFT_OK) {
        wf_turn_publish(&actor->turn, name, value);
        wf_published_put(&actor->published, name, value)->is_removed = false;
    }
    return err;
}

weft_err
weft_actor_unpublish(weft_actor *actor, const char *name)
{
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_name_check("value", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, name, weft_nothing());
    }
    if (err == WEFT_OK) {
        wf_turn_unpublish(&actor->turn, name);
        wf_published_put(&actor->published, name, weft_nothing())->is_removed =
            true;
    }
    return err;
}

weft_bytes
weft_actor_published(const weft_actor *actor, const char *name)
{
    const struct wf_published *published;

    if (!WF_IS_INSIDE(actor)) {
        return weft_nothing();
    }
    published = wf_published_find(&actor->published, name);
    if (published == NULL) {
        published = wf_published_find(&actor->turn.actor->published, name);
    }
    return published == NULL || published->is_removed ? weft_nothing()
                                                      : published->value;
}

weft_bytes
weft_actor_state(const weft_actor *actor)
{
    if (!WF_IS_INSIDE(actor)) {
        return weft_nothing();
    }
    return actor->is_state_set ? actor->state : actor->turn.actor->state;
}

weft_err
weft_actor_state_set(weft_actor *actor, weft_bytes state)
{
    WF_REQUIRE_INSIDE(actor);
    if (actor->turn.actor->kind->actor.state_bytes > 0) {
        return wf_error(WEFT_EINVAL, "%s: its state is a struct",
                        actor->turn.actor->kind->name);
    }
    if (state.len > WF_STATE_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "state: %zu bytes, the limit is %u",
                        state.len, WF_STATE_BYTES_MAX);
    }
    wf_own_bytes(&actor->state, state);
    actor->is_state_set = true;
    return WEFT_OK;
}

static weft_err
stop(weft_actor *actor, weft_status status, weft_bytes data, const char *name,
     const char *message)
{
    weft_err err = wf_turn_check(&actor->turn, "result", data);

    if (err != WEFT_OK) {
        return err;
    }
    if (actor->turn.is_ending) {
        return wf_error(WEFT_EINVAL, "%s: it was stopped in this turn already",
                        wf_key_id(&actor->turn.actor->key));
    }
    wf_turn_end(&actor->turn, status, data, name, message);
    return WEFT_OK;
}

weft_err
weft_actor_stop(weft_actor *actor, weft_bytes result)
{
    WF_REQUIRE_INSIDE(actor);
    return stop(actor, WEFT_STATUS_COMPLETED, result, "", "");
}

weft_err
weft_actor_stop_failed(weft_actor *actor, const char *name, const char *message,
                       weft_bytes details)
{
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_name_check("failure", name, WF_NAME_BYTES_MAX);
    return err != WEFT_OK ? err
                          : stop(actor, WEFT_STATUS_FAILED, details, name,
                                 message == NULL ? "" : message);
}

weft_err
weft_actor_stop_failed_with(weft_actor *actor, const weft_failure *failure)
{
    struct wf_buf causes = {0};
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    WF_REQUIRE(failure != NULL);
    if (failure->cause != NULL) {
        wf_cause_put(&causes, failure->cause);
    }
    wf_buf_reset(&actor->turn.causes);
    wf_buf_put(&actor->turn.causes, causes.data, causes.len);
    err = weft_actor_stop_failed(actor, failure->name, failure->message,
                                 failure->details);
    wf_buf_fini(&causes);
    return err;
}

uint64_t
weft_actor_now_ms(const weft_actor *actor)
{
    return WF_IS_INSIDE(actor) ? actor->turn.partition->now_ms : 0;
}

uint64_t
weft_actor_random(weft_actor *actor)
{
    return WF_IS_INSIDE(actor) ? wf_random_u64(&actor->turn.random) : 0;
}

const char *
weft_actor_namespace(const weft_actor *actor)
{
    return WF_IS_INSIDE(actor) ? wf_key_namespace(&actor->turn.actor->key) : "";
}

const char *
weft_actor_kind(const weft_actor *actor)
{
    return WF_IS_INSIDE(actor) ? wf_key_kind(&actor->turn.actor->key) : "";
}

const char *
weft_actor_id(const weft_actor *actor)
{
    return WF_IS_INSIDE(actor) ? wf_key_id(&actor->turn.actor->key) : "";
}

static weft_bytes
memo_of(const weft_actor *actor)
{
    return actor->is_memo_set ? actor->memo : actor->turn.actor->memo;
}

weft_bytes
weft_actor_memo(const weft_actor *actor, const char *name)
{
    return WF_IS_INSIDE(actor) ? weft_pairs_get(memo_of(actor), name)
                               : weft_nothing();
}

weft_err
weft_actor_memo_set(weft_actor *actor, const char *name, weft_bytes value)
{
    struct wf_buf memo = {0};
    weft_err err;

    WF_REQUIRE_INSIDE(actor);
    err = wf_pairs_set("memo", memo_of(actor), name, value, WF_MEMO_BYTES_MAX,
                       &memo);
    if (err == WEFT_OK) {
        err = wf_turn_check(&actor->turn, name, value);
    }
    if (err == WEFT_OK) {
        wf_own_bytes(&actor->memo, wf_buf_bytes(&memo));
        actor->is_memo_set = true;
        wf_turn_memo(&actor->turn, name, value);
    }
    wf_buf_fini(&memo);
    return err;
}

weft_bytes
weft_actor_header(const weft_actor *actor, const char *name)
{
    return WF_IS_INSIDE(actor)
               ? wf_start_header(wf_turn_headers(&actor->turn), name)
               : weft_nothing();
}

void *
weft_actor_context(const weft_actor *actor)
{
    return WF_IS_INSIDE(actor) ? actor->turn.actor->kind->actor.context : NULL;
}
