// SPDX-License-Identifier: Apache-2.0
//
// leave.c - is what leaves a partition what a crash would leave of it? See
// leave.h.

#include "sim/leave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/inspect_core.h"
#include "runtime/objects.h"
#include "runtime/partition_impl.h"
#include "runtime/stamp.h"
#include "runtime/task.h"
#include "sim/world_impl.h"

// Of a frame, as docs/formats says, and not as route.c reads it.
#define MESSAGES 1
#define ACK 2

struct leave {
    struct site *site;
    const struct wf_partition *live;
    struct wf_partition *durable; // what a crash would leave
};

_Noreturn static void
fail(const struct leave *leave, const char *what, const char *who,
     uint64_t number)
{
    (void)fprintf(stderr,
                  "sim: seed %llu, p%u, commit %llu: %s leaves before it is "
                  "durable: %s, %llu\n",
                  (unsigned long long)leave->site->world->options.seed,
                  leave->site->index,
                  (unsigned long long)leave->site->world->commits, what, who,
                  (unsigned long long)number);
    abort();
}

// NULL: there would be none.
static struct wf_actor *
find_actor(const struct leave *leave, const struct wf_key *key)
{
    struct wf_actor *actor;
    weft_err err =
        wf_inspect_core_actor(leave->durable, key, &leave->site->store, &actor);

    if (err == WEFT_ENOTFOUND) {
        return NULL;
    }
    world_must(err);
    return actor;
}

static void
drop_actor(const struct leave *leave, struct wf_actor *actor)
{
    if (actor != NULL) {
        wf_inspect_core_drop(leave->durable, actor);
    }
}

// The attempt that is to run.
static void
check_task(const struct leave *leave, const struct wf_task *task)
{
    const struct wf_token *token = &task->token;
    struct wf_actor *actor = find_actor(leave, &task->caller);
    const struct wf_command *command =
        actor == NULL ? NULL : wf_actor_find_command(actor, token->command);

    // One that waits for its time, or is paused, has not begun.
    if (command == NULL || wf_actor_stamp(actor) != token->run ||
        command->attempt != token->attempt || command->due != 0) {
        fail(leave, "an attempt", wf_key_id(&task->caller), token->attempt);
    }
    drop_actor(leave, actor);
}

// The message of that number; NULL: there would be none.
static const struct wf_outgoing *
find_message(const struct wf_route *route, uint64_t seq)
{
    const struct wf_list_node *node = wf_list_first(&route->unacked);

    for (; node != NULL; node = wf_list_next(&route->unacked, node)) {
        const struct wf_outgoing *message =
            WF_CONTAINER(node, const struct wf_outgoing, node);

        if (message->seq == seq) {
            return message;
        }
    }
    return NULL;
}

static void
check_messages(const struct leave *leave, const struct wf_route *route,
               uint64_t seq, struct wf_reader *reader)
{
    uint64_t count = wf_reader_varint(reader);

    for (; count > 0; count--, seq++) {
        weft_bytes envelope = wf_reader_bytes(reader);
        const struct wf_outgoing *message = find_message(route, seq);

        if (message == NULL
                ? seq > route->acked
                : !wf_bytes_equal(
                      envelope, weft_bytes_of(message->bytes, message->len))) {
            fail(leave, "a message", "to another partition", seq);
        }
    }
}

static void
check_frame(const struct leave *leave, const struct wf_frame *frame)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(&frame->bytes));
    const struct wf_route *route = leave->durable->routes[frame->destination];
    uint64_t generation;
    uint64_t seq;
    uint8_t type;

    (void)wf_reader_u8(&reader);
    type = wf_reader_u8(&reader);
    (void)wf_reader_u16(&reader);
    (void)wf_reader_u64(&reader);
    generation = wf_reader_u64(&reader);
    (void)wf_reader_u64(&reader);
    seq = wf_reader_u64(&reader);
    if (type == MESSAGES) {
        for (uint64_t bases = wf_reader_varint(&reader); bases > 0; bases--) {
            (void)wf_reader_varint(&reader);
            (void)wf_reader_varint(&reader);
        }
        if (route == NULL || generation != leave->durable->generation) {
            fail(leave, "a message", "over a new link", seq);
        }
        check_messages(leave, route, seq, &reader);
    } else if (type == ACK && seq > 0) {
        if (route == NULL || generation != route->in_generation ||
            seq > route->seen) {
            fail(leave, "an acknowledgement", "of a message", seq);
        }
    }
}

static const struct wf_answer *
find_answer(const struct wf_partition *partition,
            const struct wf_request *request)
{
    const struct wf_window *window = wf_window_find(partition, request->client);

    return window == NULL ? NULL
                          : wf_window_find_answer(window, request->number);
}

// What would be answered if it were asked again.
static void
check_answer(const struct leave *leave, const struct wf_request *request)
{
    const struct wf_answer *now = find_answer(leave->live, request);
    const struct wf_answer *then = find_answer(leave->durable, request);

    if (now == NULL || !now->is_answered ||
        (atomic_load(&request->is_withdrawn) &&
         request->reply.err == WEFT_ECANCELLED)) {
        return; // nothing was to be remembered of it, or it was confirmed
    }
    if (then == NULL || !then->is_answered || then->err != now->err ||
        !wf_bytes_equal(then->data, now->data)) {
        fail(leave, "an answer", wf_request_verb_name(request->verb),
             request->number);
    }
}

static bool
knows_update(const struct wf_actor *actor, const struct wf_request *request)
{
    const struct wf_update *update =
        wf_updates_find_id(&actor->updates, request->update_id);

    return update != NULL &&
           (update->is_done || (request->is_told_early && update->is_accepted));
}

static const struct wf_command *
command_of(const struct wf_actor *actor, const struct wf_request *request)
{
    return actor == NULL ? NULL
                         : wf_actor_find_command(actor, request->token.command);
}

static bool
has_lease(const struct wf_command *command, const struct wf_request *request)
{
    return command != NULL && command->worker != NULL &&
           strcmp(command->worker, request->worker) == 0;
}

// Is it the end of this life that is told? One before it may have ended, too.
static bool
tells_end(const struct wf_request *request, const struct wf_actor *now)
{
    static const weft_err errs[] = {
        [WEFT_STATUS_COMPLETED] = WEFT_OK,
        [WEFT_STATUS_FAILED] = WEFT_EFAILED,
        [WEFT_STATUS_CANCELLED] = WEFT_ECANCELLED,
        [WEFT_STATUS_TERMINATED] = WEFT_ETERMINATED,
        [WEFT_STATUS_TIMED_OUT] = WEFT_EOVERDUE,
    };
    const weft_reply *reply = &request->reply;
    const char *message = now->failure_message;

    return !wf_actor_is_live(now) && reply->err == errs[now->status] &&
           wf_bytes_equal(reply->data, now->result) &&
           strcmp(reply->failure.message, message == NULL ? "" : message) == 0;
}

// Then it had an end before that, which may be what is told.
static bool
was_reset(const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->operations);

    for (; node != NULL; node = wf_list_next(&actor->operations, node)) {
        const struct wf_operation *operation =
            WF_CONTAINER(node, const struct wf_operation, node);

        if (strncmp(operation->what, "reset:", 6) == 0 ||
            strncmp(operation->what, "retry:", 6) == 0) {
            return true;
        }
    }
    return false;
}

// What it tells of an instance, as long as that is the same life: that it has
// ended, what came of another's update, that a worker has an attempt of it.
static void
check_told(const struct leave *leave, const struct wf_request *request)
{
    const struct wf_actor *now =
        wf_residents_find(leave->live, wf_key_bytes(&request->key));
    struct wf_actor *then = find_actor(leave, &request->key);
    bool is_same = now != NULL && now->residency == WF_RESIDENCY_LOADED &&
                   then != NULL && now->seed == then->seed;

    // One that is withdrawn tells nothing of it.
    if (request->verb == WEFT_VERB_RESULT && is_same &&
        !atomic_load(&request->is_withdrawn) && tells_end(request, now) &&
        wf_actor_is_live(then) && !was_reset(then)) {
        fail(leave, "the end", wf_key_id(&request->key), then->run);
    }
    if (request->verb == WEFT_VERB_UPDATE && is_same &&
        request->reply.err == WEFT_OK && request->update_id[0] != '\0' &&
        knows_update(now, request) && !knows_update(then, request)) {
        fail(leave, "an update", request->update_id, request->number);
    }
    // A reset right behind it takes it away again.
    if (request->verb == WEFT_VERB_LEASE && request->reply.err == WEFT_OK &&
        is_same && has_lease(command_of(now, request), request) &&
        !has_lease(command_of(then, request), request)) {
        fail(leave, "a lease", request->worker, request->number);
    }
    drop_actor(leave, then);
}

static bool
has_ended(weft_status status)
{
    return status > WEFT_STATUS_RUNNING;
}

// What is shown of an instance: that it is there, and that it has ended, as
// long as it is the life that is there now.
static void
check_shown(const struct leave *leave, const struct wf_request *request)
{
    for (size_t i = 0; i < request->reply.items_count; i++) {
        const weft_description *item = &request->reply.items[i];
        const struct wf_actor *now;
        struct wf_actor *then;
        struct wf_key key;

        world_must(wf_key_make("default", item->kind, item->id, &key));
        now = wf_residents_find(leave->live, wf_key_bytes(&key));
        then = find_actor(leave, &key);
        if (now != NULL && now->residency == WF_RESIDENCY_LOADED &&
            now->status == item->status && now->run == item->run &&
            now->created_at_ms == item->created_at_ms &&
            (then == NULL || then->status == WEFT_STATUS_NONE ||
             (then->seed == now->seed && has_ended(item->status) &&
              !has_ended(then->status)))) {
            fail(leave, "a list or description", item->id,
                 (uint64_t)item->status);
        }
        drop_actor(leave, then);
        wf_key_fini(&key);
    }
}

static bool
is_about_one(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_RESULT ||
           request->verb == WEFT_VERB_UPDATE ||
           request->verb == WEFT_VERB_LEASE;
}

static bool
has_step(const struct wf_actor *actor, const char *name)
{
    const struct wf_list_node *node = wf_list_first(&actor->commands.list);

    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        const struct wf_command *command =
            WF_CONTAINER(node, const struct wf_command, node);

        if (command->kind == WF_COMMAND_STEP &&
            strcmp(command->name, name) == 0) {
            return true;
        }
    }
    return false;
}

void
leave_check_step(struct site *site, const struct wf_key *key, const char *name)
{
    static const struct wf_trace silent;
    struct leave leave = {.site = site, .live = site->partition};
    struct wf_list requests;
    struct wf_actor *actor =
        wf_residents_find(site->partition, wf_key_bytes(key));

    if (!has_step(actor, name)) {
        return; // it is told of the result of one, and this is that's name
    }
    wf_list_init(&requests);
    world_must(site_recover(site, &silent, &leave.durable));
    actor = find_actor(&leave, key);
    if (actor == NULL || !has_step(actor, name)) {
        fail(&leave, "a step", name, 0);
    }
    drop_actor(&leave, actor);
    wf_partition_destroy(leave.durable, &requests);
}

void
leave_check(struct site *site, const struct wf_outputs *outputs)
{
    static const struct wf_trace silent;
    struct leave leave = {.site = site, .live = site->partition};
    const struct wf_list_node *node;
    struct wf_list requests;

    if (outputs->tasks.count + outputs->frames.count + outputs->replies.count ==
        0) {
        return;
    }
    wf_list_init(&requests);
    world_must(site_recover(site, &silent, &leave.durable));
    for (node = wf_list_first(&outputs->tasks); node != NULL;
         node = wf_list_next(&outputs->tasks, node)) {
        check_task(&leave, WF_CONTAINER(node, const struct wf_task, node));
    }
    for (node = wf_list_first(&outputs->frames); node != NULL;
         node = wf_list_next(&outputs->frames, node)) {
        check_frame(&leave, WF_CONTAINER(node, const struct wf_frame, node));
    }
    for (node = wf_list_first(&outputs->replies); node != NULL;
         node = wf_list_next(&outputs->replies, node)) {
        const struct wf_request *request =
            WF_CONTAINER(node, const struct wf_request, wait);

        check_answer(&leave, request);
        check_shown(&leave, request);
        if (is_about_one(request)) {
            check_told(&leave, request);
        }
    }
    wf_partition_destroy(leave.durable, &requests);
}
