// SPDX-License-Identifier: Apache-2.0
//
// edge_read.c - requests that change nothing: query, result, describe, watch.

#include "runtime/edge.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/attributes.h"
#include "runtime/inside.h"
#include "runtime/pairs.h"

// The answer of a query function, while it runs.
struct weft_query {
    weft_bytes answer; // owned
    bool has_answer;
};

weft_err
weft_query_return(weft_query *query, weft_bytes answer)
{
    WF_REQUIRE_INSIDE(query);
    WF_REQUIRE(answer.len == 0 || answer.data != NULL);
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
    const void *before;
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
    before = wf_inside_enter(&query);
    err = actor->kind->actor.query(&query, request->name, request->data,
                                   state.data, state.len);
    wf_inside_leave(before);
    wf_free(zeroes);
    wf_watch_end(partition);
    if (err == WEFT_OK && query.has_answer) {
        wf_request_answer_data(request, query.answer);
    }
    wf_own_bytes(&query.answer, weft_nothing());
    return err;
}

static void
answer_query(struct wf_partition *partition, struct wf_actor *actor,
             struct wf_request *request)
{
    const struct wf_published *published =
        wf_published_find(&actor->published, request->name);
    weft_err err = WEFT_OK;

    if (!wf_edge_is_there(partition, actor, request)) {
        return;
    }
    if (published != NULL) {
        wf_request_answer_data(request, published->value);
    } else {
        err = ask_query_function(partition, actor, request);
    }
    wf_edge_answer_now(partition, actor, request, err, request->name);
}

// A query shows what all has done that came before it: the start, and messages
// that are in the mailbox. So it waits until each had its turn, and all records
// that such a turn is made of, if these come.
// Nobody knows when one goes on that is paused, parked, delayed, or tries again
// later: of such a one it shows what there is.
static bool
will_run(const struct wf_actor *actor)
{
    return wf_ready_has(&actor->ready) || actor->is_paging;
}

// More may have been put back than was taken since it was loaded.
static bool
is_to_come(const struct wf_actor *actor, const struct wf_request *request)
{
    return (int64_t)(request->after - actor->taken) > 0;
}

void
wf_edge_query(struct wf_partition *partition, struct wf_actor *actor,
              struct wf_request *request)
{
    uint64_t letters = wf_mailbox_count(&actor->mailbox);

    if (wf_edge_is_withdrawn(partition, request)) {
        return;
    }
    if (!will_run(actor)) {
        answer_query(partition, actor, request);
        return;
    }
    // Without letters there is a start to come, or more of a turn: one turn.
    request->after = actor->taken + (letters > 0 ? letters : 1);
    wf_list_push_back(&actor->queries, &request->wait);
}

void
wf_edge_turned(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&actor->queries)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        if (will_run(actor) &&
            (is_to_come(actor, request) || wf_actor_goes_on(actor))) {
            return;
        }
        wf_list_remove(&actor->queries, node);
        answer_query(partition, actor, request);
    }
}

void
wf_edge_result(struct wf_partition *partition, struct wf_actor *actor,
               struct wf_request *request)
{
    if (!wf_edge_is_there(partition, actor, request)) {
        return;
    }
    if (wf_edge_is_withdrawn(partition, request)) {
        return;
    }
    if (wf_actor_is_live(actor)) {
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
put_description(struct wf_request *request, const struct wf_actor *actor)
{
    weft_attribute attributes[WF_ATTRIBUTES_MAX];
    weft_description description;
    char missing[1400];

    wf_actor_describe(actor, &description);
    if (!wf_actor_has_code(actor) && !actor->is_parked) {
        describe_missing(actor, missing, sizeof(missing));
        description.reason = missing;
    }
    description.attributes = attributes;
    description.attributes_count =
        wf_attributes_list(actor->attributes, attributes);
    wf_request_answer_item(request, &description);
}

void
wf_edge_describe(struct wf_partition *partition, struct wf_actor *actor,
                 struct wf_request *request)
{
    if (wf_edge_is_there(partition, actor, request)) {
        put_description(request, actor);
        wf_edge_answer_now(partition, actor, request, WEFT_OK, "");
    }
}

// Watching.
// ---------------------------------------------------------------------
//
// What was seen of an instance is the newest record that it reflects, which is
// kept with it. So an answer of an earlier process or from before it left
// memory still counts, and one that does not fit has seen something else.

static void
put_values(struct wf_request *request, const struct wf_actor *actor)
{
    const struct wf_list *list = &actor->published.list;
    struct wf_list_node *node = wf_list_first(list);
    struct wf_buf values = {0};

    for (int i = 0; node != NULL && i < WF_WATCH_VALUES_MAX; i++) {
        const struct wf_published *value =
            WF_CONTAINER(node, struct wf_published, node);

        if (values.len + value->value.len > WF_WATCH_VALUES_BYTES_MAX) {
            break;
        }
        wf_pairs_put(&(weft_pair){value->name, value->value}, &values);
        node = wf_list_next(list, node);
    }
    wf_request_answer_data(request, wf_buf_bytes(&values));
    wf_buf_fini(&values);
}

static void
answer_watch(struct wf_partition *partition, const struct wf_actor *actor,
             struct wf_request *request)
{
    if (wf_edge_is_there(partition, actor, request)) {
        put_description(request, actor);
        put_values(request, actor);
        request->reply.after = actor->object.position;
        wf_edge_answer_now(partition, actor, request, WEFT_OK, "");
    }
}

void
wf_edge_watch(struct wf_partition *partition, struct wf_actor *actor,
              struct wf_request *request)
{
    if (wf_edge_is_withdrawn(partition, request)) {
        return;
    }
    if (actor->status == WEFT_STATUS_NONE ||
        actor->object.position != request->after) {
        answer_watch(partition, actor, request);
    } else {
        wf_list_push_back(&actor->watches, &request->wait);
    }
}

void
wf_edge_changed(struct wf_partition *partition)
{
    struct wf_list_node *changed;
    struct wf_list_node *node;

    while ((changed = wf_list_pop_front(&partition->changed)) != NULL) {
        struct wf_actor *actor =
            WF_CONTAINER(changed, struct wf_actor, changed);

        while ((node = wf_list_pop_front(&actor->watches)) != NULL) {
            answer_watch(partition, actor,
                         WF_CONTAINER(node, struct wf_request, wait));
        }
        if (!actor->is_in_turn) {
            wf_edge_turned(partition, actor);
        }
    }
}
