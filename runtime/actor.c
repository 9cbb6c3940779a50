// SPDX-License-Identifier: Apache-2.0
//
// actor.c - making, clearing and looking into actors. What changes them is
// apply.c.

#include "runtime/actor.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/question.h"
#include "runtime/start.h"
#include "runtime/timers.h"
#include "runtime/update.h"

void
wf_own_bytes(weft_bytes *owned, weft_bytes bytes)
{
    weft_bytes copy = weft_nothing();

    if (bytes.len > 0) {
        copy = weft_bytes_of(wf_memdup(bytes.data, bytes.len), bytes.len);
    }
    wf_free((void *)(uintptr_t)owned->data);
    *owned = copy;
}

void
wf_own_text(char **owned, weft_bytes text)
{
    char *copy = wf_alloc(text.len + 1);

    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    wf_free(*owned);
    *owned = copy;
}

static uint32_t
id_of_timer(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct wf_timer, node)->id;
}

static uint32_t
id_of_command(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct wf_command, node)->id;
}

static uint32_t
id_of_call(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct wf_call, node)->id;
}

static uint32_t
number_of_order(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct wf_order, node)->number;
}

struct wf_actor *
wf_actor_create(const struct wf_key *key, uint64_t hash)
{
    struct wf_actor *actor = wf_calloc(sizeof(*actor));

    actor->object.type = WF_OBJECT_ACTOR;
    actor->key = wf_key_copy(key);
    actor->hash = hash;
    actor->retry = (struct wf_alarm){.type = WF_ALARM_RETRY, .owner = actor};
    actor->begin = actor->retry;
    actor->deadline =
        (struct wf_alarm){.type = WF_ALARM_DEADLINE, .owner = actor};
    actor->reason = wf_strdup("");
    wf_list_init(&actor->pending);
    wf_mailbox_init(&actor->mailbox);
    wf_opened_init(&actor->timers, id_of_timer);
    wf_table_init(&actor->timer_names);
    wf_opened_init(&actor->commands, id_of_command);
    wf_opened_init(&actor->calls, id_of_call);
    wf_opened_init(&actor->orders, number_of_order);
    wf_updates_init(&actor->updates, hash);
    wf_list_init(&actor->touched);
    wf_published_init(&actor->published, hash);
    wf_opened_init(&actor->questions, wf_question_id);
    wf_list_init(&actor->operations);
    wf_list_init(&actor->waiting);
    wf_list_init(&actor->results);
    wf_list_init(&actor->queries);
    wf_list_init(&actor->watches);
    wf_list_init(&actor->joined);
    wf_journal_init(&actor->journal);
    return actor;
}

void
wf_timer_destroy(struct wf_timer *timer)
{
    WF_ASSERT(!wf_heap_has(&timer->alarm.heap));
    wf_free(timer->name);
    wf_free(timer);
}

void
wf_command_destroy(struct wf_command *command)
{
    WF_ASSERT(!wf_heap_has(&command->alarm.heap));
    if (wf_list_has(&command->touched)) {
        wf_list_remove(&command->actor->touched, &command->touched);
    }
    wf_free(command->name);
    wf_own_bytes(&command->input, weft_nothing());
    wf_own_bytes(&command->options, weft_nothing());
    wf_own_bytes(&command->headers, weft_nothing());
    wf_own_bytes(&command->details, weft_nothing());
    wf_free(command->failure_name);
    wf_free(command->failure_message);
    wf_free(command->worker);
    wf_free(command);
}

void
wf_call_destroy(struct wf_call *call)
{
    wf_key_fini(&call->target);
    wf_free(call);
}

void
wf_order_destroy(struct wf_order *order)
{
    wf_key_fini(&order->target);
    wf_free(order);
}

void
wf_operation_destroy(struct wf_operation *operation)
{
    wf_free(operation->who);
    wf_free(operation->why);
    wf_free(operation->what);
    wf_free(operation);
}

static void
clear_lists(struct wf_actor *actor)
{
    struct wf_list_node *node;

    wf_timers_clear(actor);
    while ((node = wf_opened_pop(&actor->commands)) != NULL) {
        wf_command_destroy(WF_CONTAINER(node, struct wf_command, node));
    }
    wf_updates_clear(&actor->updates);
    while ((node = wf_opened_pop(&actor->calls)) != NULL) {
        wf_call_destroy(WF_CONTAINER(node, struct wf_call, node));
    }
    while ((node = wf_opened_pop(&actor->questions)) != NULL) {
        wf_question_destroy(WF_CONTAINER(node, struct wf_question, node));
    }
    wf_published_clear(&actor->published);
    while ((node = wf_list_pop_front(&actor->operations)) != NULL) {
        wf_operation_destroy(WF_CONTAINER(node, struct wf_operation, node));
    }
}

void
wf_actor_clear(struct wf_actor *actor)
{
    clear_lists(actor);
    wf_journal_fini(&actor->journal);
    wf_key_fini(&actor->parent);
    wf_own_bytes(&actor->input, weft_nothing());
    wf_own_bytes(&actor->options, weft_nothing());
    wf_own_bytes(&actor->memo, weft_nothing());
    wf_own_bytes(&actor->state, weft_nothing());
    wf_own_bytes(&actor->result, weft_nothing());
    wf_own_bytes(&actor->failure_details, weft_nothing());
    wf_own_bytes(&actor->failure_causes, weft_nothing());
    wf_own_bytes(&actor->attributes, weft_nothing());
    wf_own_bytes(&actor->attributes_begun, weft_nothing());
    wf_free(actor->failure_name);
    wf_free(actor->failure_message);
    wf_own_text(&actor->reason, weft_nothing());
    actor->failure_name = NULL;
    actor->failure_message = NULL;
    actor->status = WEFT_STATUS_NONE;
    actor->version = 0;
    actor->seed = 0;
    actor->origin_seed = 0;
    actor->created_at_ms = 0;
    actor->finished_at_ms = 0;
    actor->parent_run = 0;
    actor->parent_call = 0;
    actor->attempt = 0;
    actor->begins_at_ms = 0;
    actor->run_begins_at_ms = 0;
    actor->is_start_pending = false;
    actor->is_parked = false;
    actor->is_paused = false;
    actor->is_cancel_asked = false;
    actor->is_end_asked = false;
    actor->is_left = false;
    actor->failed_attempts = 0;
    actor->crashes = 0;
    actor->retry_due = 0;
    actor->next_id = 0;
    actor->unfit_version = 0;
    actor->operations_made = 0;
}

void
wf_actor_destroy(struct wf_actor *actor)
{
    struct wf_list_node *node;

    WF_ASSERT(actor->activation == NULL);
    WF_ASSERT(actor->waiting.count == 0 && actor->results.count == 0 &&
              actor->joined.count == 0 && actor->queries.count == 0 &&
              actor->watches.count == 0);
    WF_ASSERT(!wf_list_has(&actor->changed));
    WF_ASSERT(!wf_heap_has(&actor->retry.heap) &&
              !wf_heap_has(&actor->begin.heap) &&
              !wf_heap_has(&actor->deadline.heap));
    while ((node = wf_list_pop_front(&actor->pending)) != NULL) {
        wf_free(WF_CONTAINER(node, struct wf_pending, node));
    }
    wf_actor_clear(actor);
    wf_published_fini(&actor->published);
    while ((node = wf_opened_pop(&actor->orders)) != NULL) {
        wf_order_destroy(WF_CONTAINER(node, struct wf_order, node));
    }
    wf_mailbox_fini(&actor->mailbox);
    wf_free(actor->reason);
    wf_free(actor->unfit);
    wf_item_rows_fini(&actor->item_rows);
    wf_key_fini(&actor->key);
    wf_free(actor);
}

struct wf_timer *
wf_actor_find_timer(const struct wf_actor *actor, uint32_t id)
{
    struct wf_list_node *node = wf_opened_find(&actor->timers, id);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_timer, node);
}

uint32_t
wf_actor_timers_count(const struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->timers.list);
    uint32_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        count += WF_CONTAINER(node, struct wf_timer, node)->due > 0;
    }
    return count;
}

struct wf_command *
wf_actor_find_command(const struct wf_actor *actor, uint32_t id)
{
    struct wf_list_node *node = wf_opened_find(&actor->commands, id);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_command, node);
}

struct wf_call *
wf_actor_find_call(const struct wf_actor *actor, uint32_t id)
{
    struct wf_list_node *node = wf_opened_find(&actor->calls, id);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_call, node);
}

bool
wf_actor_keeps_early(const struct wf_actor *actor)
{
    return actor->status == WEFT_STATUS_NONE && actor->kind != NULL &&
           actor->kind->is_workflow &&
           actor->kind->workflow.early_signals == WEFT_EARLY_KEEP;
}

bool
wf_actor_is_made_by_message(const struct wf_actor *actor)
{
    return !wf_actor_is_live(actor) && actor->kind != NULL &&
           (actor->kind->creation == WEFT_CREATION_ALWAYS ||
            (actor->kind->creation == WEFT_CREATION_ON_MESSAGE &&
             actor->status == WEFT_STATUS_NONE));
}

const struct wf_kind *
wf_actor_next_code(const struct wf_actor *actor)
{
    const struct wf_kind *next =
        wf_kind_upgrade(actor->kind, actor->version, WEFT_UPGRADE_NOW_IF_FITS);

    return next == NULL || next->version == actor->unfit_version ||
                   wf_start_is_pinned(actor->options)
               ? NULL
               : next;
}

bool
wf_actor_has_code(const struct wf_actor *actor)
{
    if (actor->kind == NULL || !actor->kind->is_workflow ||
        !wf_actor_is_live(actor)) {
        return actor->kind != NULL;
    }
    return wf_kind_version(actor->kind, actor->version) != NULL ||
           wf_actor_next_code(actor) != NULL;
}

uint64_t
wf_actor_deadline(const struct wf_actor *actor)
{
    return wf_actor_is_live(actor)
               ? wf_start_first_deadline(actor->options, actor->begins_at_ms,
                                         actor->run_begins_at_ms)
               : 0;
}

uint64_t
wf_actor_wakes_at(const struct wf_actor *actor, uint64_t now_ms)
{
    struct wf_list_node *node = wf_list_first(&actor->timers.list);
    uint64_t at = wf_actor_deadline(actor);

    at = at == 0 ? UINT64_MAX : at;
    if (wf_actor_is_delayed(actor, now_ms) && actor->run_begins_at_ms < at) {
        at = actor->run_begins_at_ms;
    }
    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        uint64_t due = WF_CONTAINER(node, struct wf_timer, node)->due;

        at = due > 0 && due < at ? due : at;
    }
    return at;
}

void
wf_actor_check(const struct wf_actor *actor)
{
    if (wf_ready_has(&actor->ready)) {
        WF_ASSERT(actor->residency == WF_RESIDENCY_LOADED);           // I1
        WF_ASSERT(wf_actor_may_run(actor) || wf_actor_is_due(actor)); // I1
    }
    wf_mailbox_check(&actor->mailbox); // I2
    if (actor->residency == WF_RESIDENCY_LOADED && wf_actor_is_live(actor) &&
        wf_actor_may_run(actor)) {
        struct wf_list_node *node = wf_list_first(&actor->timers.list);
        for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
            const struct wf_timer *timer =
                WF_CONTAINER(node, const struct wf_timer, node);
            WF_ASSERT(timer->due == 0 || wf_heap_has(&timer->alarm.heap)); // I3
        }
    }
}

void
wf_actor_describe(const struct wf_actor *actor,
                  weft_description *out_description)
{
    bool has_parent = actor->parent.len > 0;
    uint32_t activities = 0;
    struct wf_list_node *node = wf_list_first(&actor->commands.list);

    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        activities += WF_CONTAINER(node, struct wf_command, node)->kind ==
                              WF_COMMAND_ACTIVITY
                          ? 1
                          : 0;
    }
    const char *reason = actor->reason;

    if (actor->status == WEFT_STATUS_TIMED_OUT && actor->failure_message) {
        reason = actor->failure_message;
    }
    *out_description = (weft_description){
        .kind = wf_key_kind(&actor->key),
        .id = wf_key_id(&actor->key),
        .parent_kind = has_parent ? wf_key_kind(&actor->parent) : "",
        .parent_id = has_parent ? wf_key_id(&actor->parent) : "",
        .status = actor->status,
        .version = actor->version,
        .run = actor->run,
        .attempt = actor->attempt,
        .created_at_ms = actor->created_at_ms,
        .begins_at_ms = actor->run_begins_at_ms,
        .deadline_ms = wf_actor_deadline(actor),
        .memo = actor->memo,
        .finished_at_ms = actor->finished_at_ms,
        .mailbox_count = wf_mailbox_count(&actor->mailbox),
        .timers_count = wf_actor_timers_count(actor),
        .activities_count = activities,
        .children_count = (uint32_t)actor->calls.list.count,
        .journal_count = actor->journal.count,
        .is_parked = actor->is_parked,
        .is_paused = actor->is_paused,
        .is_cancel_requested = actor->is_cancel_asked,
        .reason = reason,
    };
}
