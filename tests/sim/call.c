// SPDX-License-Identifier: Apache-2.0
//
// call.c - calls of the simulated client.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "runtime/capsule.h"
#include "runtime/filter.h"
#include "runtime/policy.h"
#include "runtime/start.h"
#include "runtime/task.h"
#include "sim/world_impl.h"
#include "weft/operate.h"

// One call of the simulated client.
struct call {
    struct world_call shown; // first
    struct wf_list_node node;
    struct world *world;
    struct wf_request *request; // NULL once answered
};

static void
show_activity(const weft_reply *reply, struct world_call *shown)
{
    shown->activities_count = reply->activities_count;
    if (reply->activities_count == 0) {
        return;
    }
    shown->activity = reply->activities[0];
    (void)snprintf(shown->first_id, sizeof(shown->first_id), "%s",
                   shown->activity.name);
    (void)snprintf(shown->failure, sizeof(shown->failure), "%s",
                   shown->activity.failure.name);
    (void)snprintf(shown->message, sizeof(shown->message), "%s",
                   shown->activity.failure.message);
    (void)snprintf(shown->task_queue, sizeof(shown->task_queue), "%s",
                   shown->activity.task_queue);
    (void)snprintf(shown->worker, sizeof(shown->worker), "%s",
                   shown->activity.worker);
    shown->activity.task_queue = shown->task_queue;
    shown->activity.worker = shown->worker;
    shown->activity.name = shown->first_id;
    shown->activity.failure = (weft_failure){
        .name = shown->failure,
        .message = shown->message,
    };
}

static void
show_lease(const weft_lease *lease, struct world_call *shown)
{
    const char **texts[] = {&shown->lease.activity, &shown->lease.key,
                            &shown->lease.caller_id};
    size_t len;

    if (lease == NULL) {
        return;
    }
    shown->has_lease = true;
    shown->lease = *lease;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(shown->leased[i], sizeof(shown->leased[i]), "%s",
                       *texts[i]);
        *texts[i] = shown->leased[i];
    }
    len = lease->input.len < sizeof(shown->lease_input) - 1
              ? lease->input.len
              : sizeof(shown->lease_input) - 1;
    if (len > 0) {
        memcpy(shown->lease_input, lease->input.data, len);
    }
    (void)snprintf(shown->lease_details, sizeof(shown->lease_details), "%.*s",
                   (int)lease->details.len, (const char *)lease->details.data);
    shown->lease.input = weft_bytes_of(shown->lease_input, len);
    shown->lease.details = weft_text(shown->lease_details);
    shown->lease.headers = weft_nothing();
}

static weft_bytes
copy_memo(struct world_call *shown, weft_bytes memo)
{
    size_t len =
        memo.len < sizeof(shown->memo) ? memo.len : sizeof(shown->memo);

    if (len > 0) {
        memcpy(shown->memo, memo.data, len);
    }
    return weft_bytes_of(shown->memo, len);
}

static void
show_causes(const weft_failure *cause, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (; cause != NULL && len < size; cause = cause->cause) {
        size_t begin = len;

        len += (size_t)snprintf(text + len, size - len, "%s %s %s %.*s\n",
                                cause->source, cause->name, cause->message,
                                (int)cause->details.len,
                                (const char *)cause->details.data);
        for (size_t i = begin; i + 1 < len && i < size; i++) {
            text[i] = text[i] == '\n' ? ' ' : text[i]; // of the details
        }
    }
}

// The same request may be answered later. That a row cannot be read is over
// when the operator has been there.
static bool
is_for_now(const struct world *world, weft_err err)
{
    return err == WEFT_EBUSY || err == WEFT_EFULL ||
           (err == WEFT_ECORRUPT && world->weather.met[WEATHER_ROT_ROW] > 0);
}

static void
call_done(struct wf_request *request)
{
    struct call *call = request->done_ctx;
    struct world_call *shown = &call->shown;
    const weft_reply *reply = &request->reply;
    size_t len;

    if (is_for_now(call->world, reply->err)) { // as every client should
        shown->was_refused = true;
        wf_request_reset(request);
        world_send_later(call->world, COMING_RETRY, request->partition, 100)
            ->request = request;
        return;
    }
    len = reply->data.len < sizeof(shown->data) - 1 ? reply->data.len
                                                    : sizeof(shown->data) - 1;

    shown->is_answered = true;
    shown->err = reply->err;
    shown->is_created = reply->is_created != 0;
    shown->after = reply->after;
    (void)snprintf(shown->detail, sizeof(shown->detail), "%s", reply->detail);
    (void)snprintf(shown->failure, sizeof(shown->failure), "%s",
                   reply->failure.name);
    (void)snprintf(shown->message, sizeof(shown->message), "%s",
                   reply->failure.message);
    (void)snprintf(shown->details, sizeof(shown->details), "%.*s",
                   (int)reply->failure.details.len,
                   (const char *)reply->failure.details.data);
    show_causes(reply->failure.cause, shown->causes, sizeof(shown->causes));
    if (len > 0) {
        memcpy(shown->data, reply->data.data, len);
    }
    shown->data_len = reply->data.len;
    shown->items_count = reply->items_count;
    if (reply->items_count > 0) {
        world_show_attributes(&reply->items[0], shown->attributes,
                              sizeof(shown->attributes));
        shown->item = reply->items[0];
        shown->item.attributes = NULL;
        (void)snprintf(shown->first_id, sizeof(shown->first_id), "%s",
                       reply->items[0].id);
        (void)snprintf(shown->reason, sizeof(shown->reason), "%s",
                       reply->items[0].reason);
        shown->item.kind = "";
        (void)snprintf(shown->parent, sizeof(shown->parent), "%s/%s",
                       reply->items[0].parent_kind, reply->items[0].parent_id);
        shown->item.parent_kind = NULL;
        shown->item.parent_id = NULL;
        shown->item.id = shown->first_id;
        shown->item.reason = shown->reason;
        shown->item.memo = copy_memo(shown, reply->items[0].memo);
    }
    show_activity(reply, shown);
    show_lease(reply->lease, shown);
    if (request->verb == WEFT_VERB_EXPORT && reply->data.len > 0) {
        shown->capsule = wf_bytes_copy(reply->data);
    }
    call->request = NULL;
    wf_request_destroy(request);
}

static void
own(weft_bytes *bytes, weft_bytes from)
{
    *bytes = from.len == 0 ? weft_nothing() : wf_bytes_copy(from);
}

static void
own_text(char **text, const char *from)
{
    if (from != NULL && from[0] != '\0') {
        *text = wf_strdup(from);
    }
}

// As a client opens it.
static void
own_capsule(struct wf_request *request, weft_bytes bytes)
{
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_capsule capsule;

    world_must(wf_capsule_decode(&reader, &capsule));
    if (request->verb == WEFT_VERB_FORK) {
        own_text(&request->name, wf_key_id(&capsule.key));
    }
    own(&request->data, capsule.image);
    wf_capsule_fini(&capsule);
}

static struct wf_request *
make_request(const weft_request *given)
{
    struct wf_request *request = wf_request_create();
    struct wf_buf options = {0};

    request->verb = given->verb;
    request->after = given->after;
    if (given->token != NULL) {
        world_must(
            wf_token_decode(given->token, &request->key, &request->token));
    } else {
        world_must(wf_key_make("default", given->target.kind, given->target.id,
                               &request->key));
    }
    own_text(&request->name, given->name);
    own_text(&request->update_id, given->update_id);
    request->is_told_early = given->update_accepted != 0;
    own_text(&request->error_name, given->error_name);
    own_text(&request->error_message, given->error_message);
    request->retry_after_ms = given->retry_after_ms;
    request->is_for_good = given->is_for_good != 0;
    own_text(&request->worker, given->worker);
    request->lease_ms =
        given->lease_ms == 0 ? WF_LEASE_MS_DEFAULT : given->lease_ms;
    if (given->verb == WEFT_VERB_FORK || given->verb == WEFT_VERB_IMPORT) {
        own_capsule(request, given->data);
    } else {
        own(&request->data, given->data);
    }
    own(&request->input, given->input);
    if (given->verb == WEFT_VERB_ACTIVITY_CHANGE) {
        world_must(wf_policy_encode(given->options, &options));
    } else {
        world_must(wf_start_of_request(given, &options));
    }
    own(&request->options, wf_buf_bytes(&options));
    wf_buf_fini(&options);
    request->call = given->call;
    request->version = given->version;
    if (given->point != NULL) {
        request->point_type = (int)given->point->type;
        request->point_entry = given->point->entry;
    }
    if (given->by != NULL) {
        own_text(&request->who, given->by->who);
        own_text(&request->why, given->by->why);
    }
    if (given->start != NULL) {
        world_must(wf_start_attributes(given->start, &request->attributes));
    }
    request->is_terminating = given->terminate_first != 0;
    request->list_status = given->status;
    request->list_limit = given->limit > 0 ? given->limit : WF_LIST_PAGE_MAX;
    if (given->verb == WEFT_VERB_LIST) {
        request->list_namespace = wf_strdup("default");
        request->list_kind = wf_strdup(given->target.kind);
        if (given->filter != NULL) {
            world_must(wf_filter_parse(given->filter, &request->list_filter));
        }
    }
    return request;
}

struct world_call *
world_submit(struct world *world, const weft_request *given)
{
    struct call *call = wf_calloc(sizeof(*call));
    struct wf_request *request = make_request(given);

    request->partition = wf_key_partition(&request->key, world->options.sites);
    memcpy(request->client, world->client, sizeof(request->client));
    request->number = given->number != 0 ? given->number : world->next_number;
    if (request->number >= world->next_number) {
        world->next_number = request->number + 1;
    }
    // Never its own.
    request->confirmed =
        world->confirmed < request->number ? world->confirmed : request->number;
    request->done = call_done;
    request->done_ctx = call;
    call->world = world;
    call->request = request;
    wf_list_push_back(&world->calls, &call->node);
    site_request(&world->sites[request->partition], request);
    return &call->shown;
}

void
world_withdraw(struct world *world, struct world_call *shown)
{
    struct call *call = WF_CONTAINER(shown, struct call, shown);
    struct wf_request *request = call->request;

    if (request != NULL) {
        struct wf_key key = wf_key_copy(&request->key);

        struct site *site = &world->sites[request->partition];

        atomic_store(&request->is_withdrawn, true);
        if (node_is_running(site->node)) {
            wf_partition_withdraw(site->partition, node_now_ms(site->node),
                                  &key, request->client, request->number);
        }
        wf_key_fini(&key);
    }
}

struct world_call *
world_wait(struct world *world, struct world_call *shown)
{
    uint64_t limit = world->now_ms + 3600000;

    while (!shown->is_answered && world_step_until(world, limit)) {
    }
    if (!shown->is_answered) {
        (void)fprintf(stderr, "sim: seed %llu: no answer\n%s",
                      (unsigned long long)world->options.seed,
                      world_trace(world));
        abort();
    }
    return shown;
}

struct world_call *
world_call(struct world *world, weft_verb verb, const char *kind,
           const char *id, const char *name, weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.name = name;
    if (verb == WEFT_VERB_START) {
        request.input = data;
    } else {
        request.data = data;
    }
    return world_submit(world, &request);
}

struct world_call *
world_ask(struct world *world, weft_verb verb, const char *kind, const char *id,
          const char *name, weft_bytes data)
{
    return world_wait(world, world_call(world, verb, kind, id, name, data));
}

void
world_confirm(struct world *world, uint64_t number)
{
    world->confirmed = number;
}

uint64_t
world_next_number(const struct world *world)
{
    return world->next_number;
}

void
world_forget_calls(struct world *world)
{
    struct wf_list_node *node = wf_list_first(&world->calls);

    while (node != NULL) {
        struct call *call = WF_CONTAINER(node, struct call, node);

        node = wf_list_next(&world->calls, node);
        if (call->request == NULL) {
            wf_list_remove(&world->calls, &call->node);
            wf_free((void *)(uintptr_t)call->shown.capsule.data);
            wf_free(call);
        }
    }
}
