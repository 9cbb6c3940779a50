// SPDX-License-Identifier: Apache-2.0
//
// request.c - requests: making, answering and freeing them.
//
// Most strings of most requests are empty. Those all point to one shared empty
// string, which is never freed, so that a request costs no allocation for what
// it does not use; whoever sets a string sets its own allocation.
//
// The items of an answer are an array whose capacity is the next power of two
// of its count, and the strings and attributes of one item are one block, which
// begins at item->kind.
//
// Threads: whoever holds the request.

#include "runtime/request.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "runtime/cause.h"
#include "weft/operate.h"
#include "weft/worker.h"

static char empty[1];

const char *
wf_request_verb_name(weft_verb verb)
{
    static const char *const names[] = {
        [WEFT_VERB_START] = "start",
        [WEFT_VERB_SIGNAL] = "signal",
        [WEFT_VERB_SIGNAL_WITH_START] = "signal_with_start",
        [WEFT_VERB_ASK] = "ask",
        [WEFT_VERB_QUERY] = "query",
        [WEFT_VERB_RESULT] = "result",
        [WEFT_VERB_CANCEL] = "cancel",
        [WEFT_VERB_TERMINATE] = "terminate",
        [WEFT_VERB_DESCRIBE] = "describe",
        [WEFT_VERB_LIST] = "list",
        [WEFT_VERB_PAUSE] = "pause",
        [WEFT_VERB_RESUME] = "resume",
        [WEFT_VERB_COMPLETE] = "complete",
        [WEFT_VERB_FAIL] = "fail",
        [WEFT_VERB_HEARTBEAT] = "heartbeat",
        [WEFT_VERB_DELETE] = "delete",
        [WEFT_VERB_COUNT_MATCHING] = "count_matching",
        [WEFT_VERB_EXPORT] = "export",
        [WEFT_VERB_IMPORT] = "import",
        [WEFT_VERB_ACTIVITIES] = "activities",
        [WEFT_VERB_ACTIVITY_PAUSE] = "activity_pause",
        [WEFT_VERB_ACTIVITY_RESUME] = "activity_resume",
        [WEFT_VERB_ACTIVITY_RESET] = "activity_reset",
        [WEFT_VERB_ACTIVITY_CHANGE] = "activity_change",
        [WEFT_VERB_PARK] = "park",
        [WEFT_VERB_RESET] = "reset",
        [WEFT_VERB_RETRY_FAILED] = "retry_failed",
        [WEFT_VERB_FORK] = "fork",
        [WEFT_VERB_PUBLISH] = "publish",
        [WEFT_VERB_SET_STATE] = "set_state",
        [WEFT_VERB_MOVE_VERSION] = "move_version",
        [WEFT_VERB_UPDATE] = "update",
        [WEFT_VERB_UPDATE_WITH_START] = "update_with_start",
        [WEFT_VERB_LEASE] = "lease",
        [WEFT_VERB_RENEW] = "renew",
        [WEFT_VERB_RELEASE] = "release",
        [WEFT_VERB_DEFER] = "defer",
        [WEFT_VERB_WATCH] = "watch",
    };

    return (size_t)verb < sizeof(names) / sizeof(names[0]) ? names[verb] : NULL;
}

// What a request owns through a pointer to const.
static void
free_const(const void *memory)
{
    if (memory != empty) {
        wf_free((void *)(uintptr_t)memory);
    }
}

static void
clear_answer(struct wf_request *request)
{
    request->reply = (weft_reply){
        .detail = empty,
        .failure = {.name = empty, .message = empty, .source = empty},
    };
    request->list_next = weft_nothing();
    request->position = 0;
}

static void
free_failure(weft_failure *failure)
{
    free_const(failure->name);
    free_const(failure->message);
    free_const(failure->details.data);
    free_const(failure->cause); // and all of them
}

static void
free_answer(struct wf_request *request)
{
    weft_reply *reply = &request->reply;

    free_const(reply->detail);
    free_const(reply->data.data);
    free_failure(&reply->failure);
    for (size_t i = 0; i < reply->items_count; i++) {
        free_const(reply->items[i].kind); // and all else of it
    }
    free_const(reply->items);
    for (size_t i = 0; i < reply->activities_count; i++) {
        free_const(reply->activities[i].name); // and its other strings
    }
    free_const(reply->activities);
    free_const(reply->lease); // and what is in it
    free_const(reply->cursor);
    wf_groups_fini(&request->groups);
    free_const(request->list_next.data);
}

struct wf_request *
wf_request_create(void)
{
    struct wf_request *request = wf_calloc(sizeof(*request));

    request->name = empty;
    request->update_id = empty;
    request->error_name = empty;
    request->error_message = empty;
    request->worker = empty;
    request->who = empty;
    request->why = empty;
    request->list_namespace = empty;
    request->list_kind = empty;
    clear_answer(request);
    return request;
}

void
wf_request_destroy(struct wf_request *request)
{
    if (request == NULL) {
        return;
    }
    free_answer(request);
    wf_key_fini(&request->key);
    free_const(request->name);
    free_const(request->data.data);
    free_const(request->input.data);
    free_const(request->options.data);
    free_const(request->attributes.data);
    free_const(request->update_id);
    free_const(request->error_name);
    free_const(request->error_message);
    free_const(request->worker);
    free_const(request->who);
    free_const(request->why);
    free_const(request->list_namespace);
    free_const(request->list_kind);
    free_const(request->list_after.data);
    wf_filter_destroy(request->list_filter);
    wf_free(request);
}

void
wf_request_reset(struct wf_request *request)
{
    free_answer(request);
    clear_answer(request);
}

bool
wf_request_is_read(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_QUERY ||
           request->verb == WEFT_VERB_RESULT ||
           request->verb == WEFT_VERB_WATCH ||
           request->verb == WEFT_VERB_DESCRIBE ||
           request->verb == WEFT_VERB_ACTIVITIES ||
           request->verb == WEFT_VERB_EXPORT || wf_request_is_paged(request);
}

// A copy to be freed with free_const; nothing is allocated for "" or NULL.
static const char *
copy_text(const char *text)
{
    return text == NULL || text[0] == '\0' ? empty : wf_strdup(text);
}

static weft_bytes
copy_bytes(weft_bytes bytes)
{
    return bytes.len == 0 ? weft_nothing() : wf_bytes_copy(bytes);
}

void
wf_request_is_back(struct wf_request *request)
{
    if (request->away != NULL) {
        atomic_fetch_sub(request->away, 1);
        request->away = NULL;
    }
}

bool
wf_request_may_have_happened(const struct wf_request *request)
{
    return request->is_repeat || request->arrival != 0;
}

void
wf_request_answer(struct wf_request *request, weft_err err, const char *detail)
{
    const char *copy = copy_text(detail); // first: it may be the old one

    free_const(request->reply.detail);
    request->reply.err = err;
    request->reply.detail = copy;
    if (err == WEFT_EBUSY || err == WEFT_EFULL) {
        request->reply.retry_after_ms = 100;
    }
}

void
wf_request_answer_data(struct wf_request *request, weft_bytes data)
{
    weft_bytes copy = copy_bytes(data);

    free_const(request->reply.data.data);
    request->reply.data = copy;
}

// In one block, with the bytes that they point into behind them.
static const weft_failure *
copy_causes(const weft_failure *cause)
{
    struct wf_buf causes = {0};
    weft_failure *room;
    uint8_t *bytes;
    size_t size;

    if (cause == NULL) {
        return NULL;
    }
    wf_cause_put(&causes, cause);
    size = wf_cause_count(wf_buf_bytes(&causes)) * sizeof(*room);
    room = wf_alloc(size + causes.len);
    bytes = (uint8_t *)room + size;
    memcpy(bytes, causes.data, causes.len);
    (void)wf_cause_show(weft_bytes_of(bytes, causes.len), room);
    wf_buf_fini(&causes);
    return room;
}

void
wf_request_answer_failure(struct wf_request *request,
                          const weft_failure *failure)
{
    weft_failure copy = {
        .name = copy_text(failure->name),
        .message = copy_text(failure->message),
        .details = copy_bytes(failure->details),
        .source = empty,
        .cause = copy_causes(failure->cause),
    };

    free_failure(&request->reply.failure);
    request->reply.failure = copy;
}

// Room for one more in an array whose capacity is the next power of two.
static void *
grow(const void *array, size_t count, size_t size)
{
    void *memory = (void *)(uintptr_t)array;

    if ((count & (count - 1)) == 0) { // full: 0 or a power of two
        memory = wf_realloc(memory, (count == 0 ? 1 : count * 2) * size);
    }
    return memory;
}

void
wf_request_answer_activity(struct wf_request *request,
                           const weft_open_activity *activity)
{
    weft_reply *reply = &request->reply;
    weft_open_activity *all = grow(reply->activities, reply->activities_count,
                                   sizeof(weft_open_activity));
    const weft_failure *failure = &activity->failure;
    const char *texts[] = {
        activity->name,       failure->name,    failure->message,
        activity->task_queue, activity->worker,
    };
    weft_open_activity *copy = &all[reply->activities_count];
    const char **copies[] = {&copy->name, &copy->failure.name,
                             &copy->failure.message, &copy->task_queue,
                             &copy->worker};
    size_t size = 0;
    char *block;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        texts[i] = texts[i] == NULL ? empty : texts[i];
        size += strlen(texts[i]) + 1;
    }
    block = wf_alloc(size);
    *copy = *activity;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *copies[i] = block;
        block = stpcpy(block, texts[i]) + 1;
    }
    reply->activities = all;
    reply->activities_count++;
}

// Copies of what an item points to, one behind the other in a block.
struct block {
    char *bytes; // NULL: only the size is wanted
    size_t used;
};

static void *
put(struct block *block, const void *from, size_t size)
{
    char *at = NULL;

    if (block->bytes != NULL && size > 0) {
        at = block->bytes + block->used;
        memcpy(at, from, size);
    }
    block->used += size;
    return at;
}

static const char *
put_text(struct block *block, const char *text)
{
    return put(block, text, strlen(text) + 1);
}

static const char *
put_optional(struct block *block, const char *text)
{
    return put_text(block, text == NULL ? empty : text);
}

static void
put_attribute(struct block *block, weft_attribute *copy,
              const weft_attribute *attribute)
{
    weft_attribute made = *attribute;

    made.name = put_text(block, attribute->name);
    if (attribute->type == WEFT_ATTRIBUTE_KEYWORD ||
        attribute->type == WEFT_ATTRIBUTE_TEXT) {
        made.value.text = put_text(block, attribute->value.text);
    }
    if (copy != NULL) {
        *copy = made;
    }
}

// The kind comes first, so that it is where the block begins.
static void
put_item(struct block *block, const weft_description *item,
         weft_description *out_copy)
{
    size_t count = item->attributes_count;
    weft_attribute *list;

    out_copy->kind = put_text(block, item->kind);
    out_copy->id = put_text(block, item->id);
    out_copy->parent_kind = put_optional(block, item->parent_kind);
    out_copy->parent_id = put_optional(block, item->parent_id);
    out_copy->reason = put_optional(block, item->reason);
    out_copy->memo.data = put(block, item->memo.data, item->memo.len);
    block->used = (block->used + 15) & ~(size_t)15; // the list is aligned
    list = put(block, item->attributes, count * sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        put_attribute(block, list == NULL ? NULL : &list[i],
                      &item->attributes[i]);
    }
    out_copy->attributes = list;
}

// Point the item to copies in one block.
static void
own_item(weft_description *item)
{
    weft_description given = *item;
    struct block block = {0};

    put_item(&block, &given, item);
    block.bytes = wf_alloc(block.used);
    block.used = 0;
    put_item(&block, &given, item);
}

void
wf_request_answer_item(struct wf_request *request, const weft_description *item)
{
    weft_reply *reply = &request->reply;
    size_t count = reply->items_count;
    weft_description *items = grow(reply->items, count, sizeof(*items));

    WF_ASSERT(item->kind != NULL && item->id != NULL);
    items[count] = *item;
    own_item(&items[count]);
    reply->items = items;
    reply->items_count = count + 1;
}

void
wf_request_answer_groups(struct wf_request *request)
{
    struct wf_groups *groups = &request->groups;

    for (size_t i = 0; i < groups->groups_count; i++) {
        groups->groups[i].value.name = request->list_group.name;
    }
    request->reply.count = groups->count;
    request->reply.groups = groups->groups;
    request->reply.groups_count = groups->groups_count;
}

// A lease and all that it points to, in one block. Nothing points outside.
static void
put_lease(struct block *block, const weft_lease *lease)
{
    weft_lease *copy = put(block, lease, sizeof(*lease));
    weft_lease made = *lease;

    made.activity = put_text(block, lease->activity);
    made.key = put_text(block, lease->key);
    made.caller_id = put_text(block, lease->caller_id);
    made.input.data = put(block, lease->input.data, lease->input.len);
    made.headers.data = put(block, lease->headers.data, lease->headers.len);
    made.details.data = put(block, lease->details.data, lease->details.len);
    if (copy != NULL) {
        *copy = made;
    }
}

void
wf_request_answer_lease(struct wf_request *request, const weft_lease *lease)
{
    struct block block = {0};

    put_lease(&block, lease);
    block.bytes = wf_alloc(block.used);
    block.used = 0;
    put_lease(&block, lease);
    free_const(request->reply.lease);
    request->reply.lease = (const weft_lease *)(const void *)block.bytes;
}
