// SPDX-License-Identifier: Apache-2.0
//
// apply.c - the only code that changes durable memory: live turns, recovery
// and late loads all come through here, with the same bytes.
//
// Each object remembers the newest record it reflects, and skips what it has
// seen; so a record may be applied any number of times. A section for an actor
// whose image is not in memory waits beside its stub and is applied when the
// image arrives.

#include "runtime/partition_impl.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/image.h"

struct apply {
    struct wf_partition *partition;
    struct wf_actor *actor;
    uint64_t record;
    uint64_t now_ms;
    struct wf_reader ops;
};

void
wf_mark_dirty(struct wf_partition *partition, struct wf_object *object,
              uint64_t record)
{
    object->position = record;
    object->applied = record;
    if (!wf_list_has(&object->dirty)) {
        object->dirty_record = record;
        object->dirty_bytes = partition->log_bytes;
        wf_list_push_back(&partition->dirty, &object->dirty);
    }
}

// Does the record change an object that does not reflect it yet? One record may
// have several sections for one object, so what this very record has begun to
// change is not old; but an object that was read at this position is.
static bool
is_news(const struct wf_object *object, uint64_t record)
{
    return record > object->position || record == object->applied;
}

static void
remove_timer(struct apply *apply, struct wf_timer *timer)
{
    wf_alarm_clear(apply->partition, &timer->alarm);
    wf_list_remove(&apply->actor->timers, &timer->node);
    wf_timer_destroy(timer);
}

static void
remove_command(struct apply *apply, struct wf_command *command)
{
    wf_alarm_clear(apply->partition, &command->alarm);
    wf_commands_cancel(command);
    wf_list_remove(&apply->actor->commands, &command->node);
    wf_command_destroy(command);
}

static void
remove_call(struct apply *apply, struct wf_call *call)
{
    wf_list_remove(&apply->actor->calls, &call->node);
    wf_call_destroy(call);
}

// What an instance was waiting for, when it waits no more.
static void
remove_waits(struct apply *apply)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&apply->actor->timers)) != NULL) {
        remove_timer(apply, WF_CONTAINER(node, struct wf_timer, node));
    }
    while ((node = wf_list_first(&apply->actor->commands)) != NULL) {
        remove_command(apply, WF_CONTAINER(node, struct wf_command, node));
    }
    while ((node = wf_list_first(&apply->actor->calls)) != NULL) {
        remove_call(apply, WF_CONTAINER(node, struct wf_call, node));
    }
}

// The first letter was handled. False: it is not here.
static bool
pop_letter(struct wf_actor *actor)
{
    actor->failed_attempts = 0;
    actor->crashes = 0;
    return wf_mailbox_pop(&actor->mailbox);
}

static void
end_retry(struct apply *apply)
{
    apply->actor->retry_due = 0;
    wf_alarm_clear(apply->partition, &apply->actor->retry);
}

// The lifetime of an instance. ----------------------------------------------

static void
apply_create(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_reader *ops = &apply->ops;
    weft_bytes parent;

    remove_waits(apply);
    wf_actor_clear(actor);
    actor->status = WEFT_STATUS_RUNNING;
    actor->version = (uint32_t)wf_reader_varint(ops);
    actor->run = wf_reader_varint(ops);
    actor->seed = wf_reader_varint(ops);
    parent = wf_reader_bytes(ops);
    actor->parent_run = wf_reader_varint(ops);
    actor->parent_call = (uint32_t)wf_reader_varint(ops);
    if (parent.len > 0 && !wf_key_decode(parent, &actor->parent)) {
        ops->failed = true;
    }
    wf_own_bytes(&actor->input, wf_reader_bytes(ops));
    actor->created_at_ms = apply->now_ms;
    actor->is_start_pending = true;
    end_retry(apply);
}

// Signals that were not received come before what is in the mailbox, in the
// order in which they came.
static void
put_back(struct apply *apply, uint64_t count)
{
    struct wf_mailbox *mailbox = &apply->actor->mailbox;
    struct wf_reader all = apply->ops;
    weft_bytes *letters;

    if (count > wf_reader_left(&all) || count >= mailbox->first_seq) {
        apply->ops.failed = true;
        return;
    }
    letters = wf_alloc((count + 1) * sizeof(*letters));
    for (uint64_t i = 0; i < count; i++) {
        letters[i] = wf_reader_bytes(&apply->ops);
    }
    for (uint64_t i = count; i > 0 && !apply->ops.failed; i--) {
        wf_mailbox_push_first(mailbox, letters[i - 1]);
    }
    wf_free(letters);
}

static void
apply_restart(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    weft_bytes input = wf_reader_bytes(&apply->ops);

    put_back(apply, wf_reader_varint(&apply->ops));
    remove_waits(apply);
    wf_journal_fini(&actor->journal);
    wf_own_bytes(&actor->input, input);
    actor->run++;
    actor->next_id = 0;
    actor->is_start_pending = true;
}

static void
apply_finish(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    weft_bytes name;
    weft_bytes text;
    weft_bytes data;

    remove_waits(apply);
    actor->status = (weft_status)wf_reader_varint(&apply->ops);
    data = wf_reader_bytes(&apply->ops);
    name = wf_reader_bytes(&apply->ops);
    text = wf_reader_bytes(&apply->ops);
    if (actor->status == WEFT_STATUS_COMPLETED) {
        wf_own_bytes(&actor->result, data);
    } else {
        wf_own_bytes(&actor->failure_details, data);
        wf_own_text(&actor->failure_name, name);
        wf_own_text(&actor->failure_message, text);
    }
    actor->finished_at_ms = apply->now_ms;
    actor->is_start_pending = false;
    actor->is_parked = false;
    actor->is_paused = false;
    wf_own_text(&actor->reason, weft_nothing());
    end_retry(apply);
}

static void
apply_retry(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;

    actor->failed_attempts = (uint32_t)wf_reader_varint(&apply->ops);
    actor->retry_due = wf_reader_varint(&apply->ops);
    wf_own_text(&actor->reason, wf_reader_bytes(&apply->ops));
    wf_alarm_set(apply->partition, &actor->retry, actor->retry_due);
}

static void
apply_resume(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;

    actor->is_parked = false;
    actor->is_paused = false;
    actor->failed_attempts = 0;
    actor->crashes = 0;
    wf_own_text(&actor->reason, weft_nothing());
    end_retry(apply);
}

// State and waits. ----------------------------------------------------------

static void
apply_state_patch(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint64_t offset = wf_reader_varint(&apply->ops);
    weft_bytes patch = wf_reader_bytes(&apply->ops);

    if (offset > actor->state.len || patch.len > actor->state.len - offset) {
        apply->ops.failed = true;
        return;
    }
    if (patch.len > 0) {
        memcpy((uint8_t *)(uintptr_t)actor->state.data + offset, patch.data,
               patch.len);
    }
}

static void
apply_journal_letter(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    const struct wf_waiting *waiting = wf_mailbox_head(&actor->mailbox);
    struct wf_buf bytes = {0};

    if (waiting == NULL) {
        apply->ops.failed = true;
        return;
    }
    wf_entry_encode(
        &(struct wf_entry){
            .type = WF_ENTRY_LETTER,
            .now_ms = apply->now_ms,
            .letter = weft_bytes_of(waiting->bytes, waiting->len),
        },
        &bytes);
    (void)wf_journal_append(&actor->journal, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
    (void)pop_letter(actor);
}

static void
apply_timer_set(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_timer *timer;
    uint32_t id = (uint32_t)wf_reader_varint(&apply->ops);

    timer = wf_actor_find_timer(actor, id);
    if (timer == NULL) {
        timer = wf_calloc(sizeof(*timer));
        timer->actor = actor;
        timer->id = id;
        timer->alarm = (struct wf_alarm){
            .type = WF_ALARM_TIMER,
            .owner = timer,
        };
        wf_list_push_back(&actor->timers, &timer->node);
    }
    timer->due = wf_reader_varint(&apply->ops);
    wf_own_text(&timer->name, wf_reader_bytes(&apply->ops));
    wf_alarm_set(apply->partition, &timer->alarm, timer->due);
    if (id >= actor->next_id) {
        actor->next_id = id + 1;
    }
}

static void
apply_timer_clear(struct apply *apply)
{
    struct wf_timer *timer = wf_actor_find_timer(
        apply->actor, (uint32_t)wf_reader_varint(&apply->ops));

    if (timer != NULL) {
        remove_timer(apply, timer);
    }
}

static void
apply_command_open(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_command *command = wf_calloc(sizeof(*command));

    command->actor = actor;
    command->alarm = (struct wf_alarm){
        .type = WF_ALARM_COMMAND,
        .owner = command,
    };
    command->id = (uint32_t)wf_reader_varint(&apply->ops);
    command->kind = (enum wf_command_kind)wf_reader_varint(&apply->ops);
    wf_own_text(&command->name, wf_reader_bytes(&apply->ops));
    wf_own_bytes(&command->input, wf_reader_bytes(&apply->ops));
    wf_own_bytes(&command->options, wf_reader_bytes(&apply->ops));
    command->attempt = 1;
    command->opened_ms = apply->now_ms;
    command->attempt_ms = apply->now_ms;
    command->record = apply->record;
    command->is_recovered = !apply->partition->is_open;
    wf_list_push_back(&actor->commands, &command->node);
    if (command->id >= actor->next_id) {
        actor->next_id = command->id + 1;
    }
}

static void
apply_command_attempt(struct apply *apply, struct wf_command *command)
{
    command->attempt = (uint32_t)wf_reader_varint(&apply->ops);
    command->lost = (uint32_t)wf_reader_varint(&apply->ops);
    command->due = wf_reader_varint(&apply->ops);
    command->attempt_ms = command->due > 0 ? command->due : apply->now_ms;
    command->record = apply->record;
    command->is_recovered = !apply->partition->is_open;
    command->is_started = false;
    command->is_deferred = false;
}

static void
apply_command(struct apply *apply, enum wf_op op)
{
    struct wf_command *command = wf_actor_find_command(
        apply->actor, (uint32_t)wf_reader_varint(&apply->ops));

    if (command == NULL) {
        // Closing twice is legal: its result came while the code gave it up.
        apply->ops.failed = op != WF_OP_COMMAND_CLOSE;
        return;
    }
    switch (op) {
    case WF_OP_COMMAND_ATTEMPT:
        apply_command_attempt(apply, command);
        break;
    case WF_OP_COMMAND_DETAILS:
        wf_own_bytes(&command->details, wf_reader_bytes(&apply->ops));
        break;
    case WF_OP_COMMAND_DEFER:
        command->is_deferred = true;
        break;
    case WF_OP_COMMAND_CANCEL:
        command->is_cancel_asked = true;
        break;
    default:
        remove_command(apply, command);
        break;
    }
}

static void
apply_call_open(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_call *call = wf_calloc(sizeof(*call));

    call->id = (uint32_t)wf_reader_varint(&apply->ops);
    call->type = (enum wf_call_type)wf_reader_varint(&apply->ops);
    if (!wf_key_decode(wf_reader_bytes(&apply->ops), &call->target)) {
        apply->ops.failed = true;
    }
    wf_list_push_back(&actor->calls, &call->node);
    if (call->id >= actor->next_id) {
        actor->next_id = call->id + 1;
    }
}

static void
apply_call_close(struct apply *apply)
{
    struct wf_call *call = wf_actor_find_call(
        apply->actor, (uint32_t)wf_reader_varint(&apply->ops));

    if (call != NULL) {
        remove_call(apply, call);
    }
}

static void
apply_publish(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;
    weft_bytes name = wf_reader_bytes(&apply->ops);
    char *text = NULL;
    struct wf_published *published;

    wf_own_text(&text, name);
    published = wf_actor_find_published(actor, text);
    if (published == NULL) {
        published = wf_calloc(sizeof(*published));
        published->name = text;
        wf_list_push_back(&actor->published, &published->node);
    } else {
        wf_free(text);
    }
    wf_own_bytes(&published->value, wf_reader_bytes(&apply->ops));
}

static void
apply_push(struct apply *apply)
{
    struct wf_actor *actor = apply->actor;

    wf_mailbox_push(&actor->mailbox, wf_reader_bytes(&apply->ops));
    if (wf_mailbox_is_overfull(&actor->mailbox) &&
        !wf_list_has(&actor->spill)) {
        wf_list_push_back(&apply->partition->overfull, &actor->spill);
    }
}

// tidy: long, one case per operation
static void
apply_actor_op(struct apply *apply, enum wf_op op)
{
    struct wf_actor *actor = apply->actor;
    struct wf_reader *ops = &apply->ops;

    switch (op) {
    case WF_OP_CREATE: apply_create(apply); break;
    case WF_OP_PUSH: apply_push(apply); break;
    case WF_OP_POP:
        ops->failed = !pop_letter(actor) || ops->failed;
        end_retry(apply);
        break;
    case WF_OP_STARTED:
        actor->is_start_pending = false;
        actor->failed_attempts = 0;
        actor->crashes = 0;
        end_retry(apply);
        break;
    case WF_OP_RETRY: apply_retry(apply); break;
    case WF_OP_PARK:
        actor->is_parked = true;
        wf_own_text(&actor->reason, wf_reader_bytes(ops));
        break;
    case WF_OP_RESUME: apply_resume(apply); break;
    case WF_OP_PAUSE: actor->is_paused = true; break;
    case WF_OP_CRASHED: actor->crashes++; break;
    case WF_OP_CANCEL_ASKED: actor->is_cancel_asked = true; break;
    case WF_OP_STATE:
        actor->version = (uint32_t)wf_reader_varint(ops);
        wf_own_bytes(&actor->state, wf_reader_bytes(ops));
        break;
    case WF_OP_STATE_PATCH: apply_state_patch(apply); break;
    case WF_OP_JOURNAL:
        (void)wf_journal_append(&actor->journal, wf_reader_bytes(ops));
        break;
    case WF_OP_JOURNAL_LETTER:
        apply_journal_letter(apply);
        end_retry(apply);
        break;
    case WF_OP_RESTART: apply_restart(apply); break;
    case WF_OP_TIMER_SET: apply_timer_set(apply); break;
    case WF_OP_TIMER_CLEAR: apply_timer_clear(apply); break;
    case WF_OP_COMMAND_OPEN: apply_command_open(apply); break;
    case WF_OP_COMMAND_ATTEMPT:
    case WF_OP_COMMAND_DETAILS:
    case WF_OP_COMMAND_DEFER:
    case WF_OP_COMMAND_CANCEL:
    case WF_OP_COMMAND_CLOSE: apply_command(apply, op); break;
    case WF_OP_CALL_OPEN: apply_call_open(apply); break;
    case WF_OP_CALL_CLOSE: apply_call_close(apply); break;
    case WF_OP_PUBLISH: apply_publish(apply); break;
    case WF_OP_FINISH: apply_finish(apply); break;
    case WF_OP_REMOVE:
        remove_waits(apply);
        end_retry(apply);
        wf_actor_clear(actor);
        break;
    default: ops->failed = true; break;
    }
}

static bool
apply_to_actor(struct wf_partition *partition, struct wf_actor *actor,
               uint64_t record, uint64_t now_ms, weft_bytes ops)
{
    struct apply apply = {
        .partition = partition,
        .actor = actor,
        .record = record,
        .now_ms = now_ms,
        .ops = wf_reader_of(ops),
    };

    while (wf_reader_left(&apply.ops) > 0 && !apply.ops.failed) {
        apply_actor_op(&apply, (enum wf_op)wf_reader_u8(&apply.ops));
    }
    return !apply.ops.failed;
}

static void
keep_for_later(struct wf_actor *actor, uint64_t record, uint64_t now_ms,
               weft_bytes ops)
{
    struct wf_pending *pending = wf_alloc(sizeof(*pending) + ops.len);

    *pending = (struct wf_pending){
        .record = record,
        .now_ms = now_ms,
        .len = (uint32_t)ops.len,
    };
    memcpy(pending->ops, ops.data, ops.len);
    wf_list_push_back(&actor->pending, &pending->node);
}

bool
wf_apply_pending(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node;
    uint64_t position = actor->object.position;
    uint64_t newest = position;
    bool is_whole = true;

    while ((node = wf_list_pop_front(&actor->pending)) != NULL) {
        struct wf_pending *pending =
            WF_CONTAINER(node, struct wf_pending, node);
        if (pending->record > position && is_whole) {
            is_whole = apply_to_actor(
                partition, actor, pending->record, pending->now_ms,
                weft_bytes_of(pending->ops, pending->len));
            newest = pending->record;
        }
        wf_free(pending);
    }
    actor->object.position = newest;
    return is_whole;
}

static bool
apply_actor_section(struct wf_partition *partition, uint64_t record,
                    uint64_t now_ms, const struct wf_section *section)
{
    struct wf_actor *actor = wf_residents_find(partition, section->key);

    if (actor == NULL) {
        struct wf_key key;

        if (!wf_key_decode(section->key, &key)) {
            return false;
        }
        actor = wf_residents_get(partition, &key);
        wf_key_fini(&key);
    }
    if (actor->residency != WF_RESIDENCY_LOADED) {
        keep_for_later(actor, record, now_ms, section->ops);
        if (!wf_list_has(&actor->object.dirty)) {
            wf_mark_dirty(partition, &actor->object, record);
            actor->object.position = 0; // its image will tell
        }
        if (partition->is_open) {
            wf_residents_want(partition, actor);
        }
        return true;
    }
    if (!is_news(&actor->object, record)) {
        return true;
    }
    if (!apply_to_actor(partition, actor, record, now_ms, section->ops)) {
        return false;
    }
    wf_mark_dirty(partition, &actor->object, record);
    if (partition->is_open && !actor->is_in_turn) {
        wf_turn_schedule(partition, actor);
    }
    return true;
}

// The partition's own objects. ----------------------------------------------

static bool
apply_send(struct wf_partition *partition, uint64_t record,
           struct wf_reader *ops)
{
    uint64_t destination = wf_reader_varint(ops);
    weft_bytes envelope = wf_reader_bytes(ops);
    struct wf_route *route;

    if (ops->failed || destination >= partition->options.count) {
        return false;
    }
    route = wf_route_get(partition, (uint32_t)destination);
    if (!is_news(&route->object, record)) {
        return true;
    }
    wf_route_add_outgoing(route, route->next_seq++, record, envelope, false);
    wf_mark_dirty(partition, &route->object, record);
    if (partition->is_open) {
        wf_gate_send(partition, route, record);
    }
    return true;
}

static bool
apply_acked(struct wf_partition *partition, uint64_t record,
            struct wf_reader *ops)
{
    uint64_t destination = wf_reader_varint(ops);
    uint64_t seq = wf_reader_varint(ops);
    struct wf_route *route;

    if (ops->failed || destination >= partition->options.count) {
        return false;
    }
    route = wf_route_get(partition, (uint32_t)destination);
    if (!is_news(&route->object, record)) {
        return true;
    }
    if (seq > route->acked) {
        route->acked = seq;
        wf_route_drop_acked(route);
    }
    wf_mark_dirty(partition, &route->object, record);
    return true;
}

static bool
apply_seen(struct wf_partition *partition, uint64_t record,
           struct wf_reader *ops)
{
    uint64_t source = wf_reader_varint(ops);
    uint64_t generation = wf_reader_varint(ops);
    uint64_t seq = wf_reader_varint(ops);
    struct wf_route *route;

    if (ops->failed || source >= partition->options.count) {
        return false;
    }
    route = wf_route_get(partition, (uint32_t)source);
    if (is_news(&route->object, record)) {
        route->in_generation = generation;
        route->seen = seq;
        wf_mark_dirty(partition, &route->object, record);
    }
    return true;
}

// The log lost its end, or was restored: what the others have seen of it from
// here on is not what it will send from here on.
static bool
apply_generation(struct wf_partition *partition, uint64_t record,
                 struct wf_reader *ops)
{
    uint64_t generation = wf_reader_varint(ops);

    if (ops->failed) {
        return false;
    }
    partition->generation = generation;
    for (uint32_t i = 0; i < partition->options.count; i++) {
        struct wf_route *route = partition->routes[i];

        if (route != NULL && is_news(&route->object, record)) {
            route->base = route->next_seq;
            wf_mark_dirty(partition, &route->object, record);
        }
    }
    wf_mark_dirty(partition, &partition->meta_object, record);
    return true;
}

static bool
apply_window(struct wf_partition *partition, enum wf_op op, uint64_t record,
             uint64_t now_ms, struct wf_reader *ops)
{
    weft_bytes client = wf_reader_take(ops, 16);
    uint64_t number = wf_reader_varint(ops);
    uint64_t confirmed = wf_reader_varint(ops);
    weft_err err = WEFT_OK;
    weft_bytes data = weft_nothing();
    struct wf_window *window;
    struct wf_answer *answer;

    if (op == WF_OP_ANSWERED) {
        err = (weft_err)wf_reader_varint(ops);
        data = wf_reader_bytes(ops);
    }
    if (ops->failed) {
        return false;
    }
    window = wf_window_get(partition, client.data);
    if (!is_news(&window->object, record)) {
        return true;
    }
    answer = wf_window_put(window, number);
    answer->is_answered = op == WF_OP_ANSWERED;
    answer->err = err;
    wf_own_bytes(&answer->data, data);
    wf_window_confirm(window, confirmed);
    window->is_forgotten = false;
    window->heard_ms = now_ms;
    wf_mark_dirty(partition, &window->object, record);
    return true;
}

static bool
apply_forget(struct wf_partition *partition, uint64_t record,
             struct wf_reader *ops)
{
    weft_bytes client = wf_reader_take(ops, 16);
    struct wf_window *window;

    if (ops->failed) {
        return false;
    }
    window = wf_window_get(partition, client.data);
    if (is_news(&window->object, record)) {
        wf_window_confirm(window, UINT64_MAX);
        window->confirmed = 0;
        window->is_forgotten = true;
        wf_mark_dirty(partition, &window->object, record);
    }
    return true;
}

static bool
apply_letter(struct wf_partition *partition, uint64_t record,
             struct wf_reader *ops)
{
    weft_bytes body = wf_reader_bytes(ops);
    struct wf_dead_letter *letter;

    if (ops->failed) {
        return false;
    }
    if (!is_news(&partition->letters_object, record)) {
        return true;
    }
    letter = wf_alloc(sizeof(*letter) + body.len);
    *letter = (struct wf_dead_letter){
        .seq = partition->next_letter++,
        .len = (uint32_t)body.len,
    };
    memcpy(letter->bytes, body.data, body.len);
    wf_list_push_back(&partition->letters, &letter->node);
    partition->stats.dead_letters++;
    wf_mark_dirty(partition, &partition->letters_object, record);
    return true;
}

static bool
apply_partition_op(struct wf_partition *partition, enum wf_op op,
                   uint64_t record, uint64_t now_ms, struct wf_reader *ops)
{
    switch (op) {
    case WF_OP_EPOCH:
        partition->epoch = wf_reader_varint(ops);
        wf_mark_dirty(partition, &partition->meta_object, record);
        return !ops->failed;
    case WF_OP_GENERATION: return apply_generation(partition, record, ops);
    case WF_OP_SEND: return apply_send(partition, record, ops);
    case WF_OP_ACKED: return apply_acked(partition, record, ops);
    case WF_OP_SEEN: return apply_seen(partition, record, ops);
    case WF_OP_ACCEPTED:
    case WF_OP_ANSWERED:
        return apply_window(partition, op, record, now_ms, ops);
    case WF_OP_FORGET: return apply_forget(partition, record, ops);
    case WF_OP_LETTER: return apply_letter(partition, record, ops);
    default: return false;
    }
}

bool
wf_apply_record(struct wf_partition *partition, uint64_t record,
                uint64_t now_ms, struct wf_reader sections)
{
    struct wf_section section;

    while (wf_section_next(&sections, &section)) {
        struct wf_reader ops = wf_reader_of(section.ops);

        if (section.object == WF_SECTION_ACTOR) {
            if (!apply_actor_section(partition, record, now_ms, &section)) {
                return false;
            }
            continue;
        }
        while (wf_reader_left(&ops) > 0) {
            enum wf_op op = (enum wf_op)wf_reader_u8(&ops);
            if (!apply_partition_op(partition, op, record, now_ms, &ops)) {
                return false;
            }
        }
    }
    return !sections.failed;
}
