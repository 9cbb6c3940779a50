// SPDX-License-Identifier: Apache-2.0
//
// handler.c - a turn of a plain actor: its handler gets the message and a copy
// of its state, and what it changed becomes durable with its effects.

#include "runtime/handler.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/cause.h"
#include "runtime/child.h"
#include "runtime/inside.h"
#include "runtime/turn.h"

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
    delay = delay < WF_TURN_RETRY_MAX_MS ? delay : WF_TURN_RETRY_MAX_MS;
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
    const void *before;
    weft_err err;

    show_letter(actor, letter, &shown);
    wf_error_clear();
    wf_watch_begin(partition, actor, wf_letter_type_name(letter->type),
                   letter->name);
    before = wf_inside_enter(self);
    err = actor->kind->actor.receive(self, &shown.message, state);
    wf_inside_leave(before);
    wf_watch_end(partition);
    shown_fini(&shown);
    return err;
}

void
wf_handler_turn(struct wf_partition *partition, struct wf_actor *actor,
                const struct wf_letter *letter, bool is_start)
{
    struct weft_actor self = {0};
    void *state = NULL;
    weft_err err;

    wf_turn_init(&self.turn, partition, actor);
    wf_published_init(&self.published, actor->hash);
    self.turn.letter = *letter;
    wf_buf_put_u8(&self.turn.ops, is_start ? WF_OP_STARTED : WF_OP_POP);
    if (letter->type == WF_LETTER_CHILD || letter->type == WF_LETTER_REPLY ||
        letter->type == WF_LETTER_FAILED) {
        wf_turn_call_close(&self.turn, letter->call);
    } else if (letter->type == WF_LETTER_TIMER) {
        wf_turn_timer_clear(&self.turn, letter->call);
    } else if (letter->type == WF_LETTER_ASKED) {
        wf_child_drop_result(&self.turn, letter->call);
    } else if (letter->type == WF_LETTER_CANCEL && !actor->is_cancel_asked) {
        wf_buf_put_u8(&self.turn.ops, WF_OP_CANCEL_ASKED); // by its parent
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
        if (self.turn.question != 0) {
            wf_turn_count(&self.turn, letter);
        } else if (!is_start) {
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
    wf_published_fini(&self.published);
    wf_buf_fini(&self.attributes);
    wf_free(state);
    wf_turn_fini(&self.turn);
}
