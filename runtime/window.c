// SPDX-License-Identifier: Apache-2.0
//
// window.c - request ids: what each client asked of this partition lately, so
// that a request that comes twice is done once and answered the same.
//
// The client says which of its numbers are confirmed: all below were answered
// and will not come again. So a window holds no more than what is under way,
// plus what was answered out of order.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "runtime/edge.h"
#include "runtime/partition_impl.h"
#include "runtime/update.h"

#define CLIENT_BYTES 16

static bool
is_client(const void *item, const void *key)
{
    const struct wf_window *window = item;

    return memcmp(window->client, key, CLIENT_BYTES) == 0;
}

static uint64_t
hash_of(const struct wf_partition *partition, const uint8_t client[16])
{
    return wf_hash64(client, CLIENT_BYTES, partition->options.hash_seed);
}

struct wf_window *
wf_window_find(const struct wf_partition *partition, const uint8_t client[16])
{
    return wf_table_find(&partition->windows, hash_of(partition, client),
                         is_client, client);
}

struct wf_window *
wf_window_get(struct wf_partition *partition, const uint8_t client[16])
{
    struct wf_window *window = wf_window_find(partition, client);

    if (window == NULL) {
        window = wf_calloc(sizeof(*window));
        window->object.type = WF_OBJECT_WINDOW;
        memcpy(window->client, client, CLIENT_BYTES);
        wf_table_add(&partition->windows, hash_of(partition, client), window);
    }
    return window;
}

// Where the number is, or belongs.
static size_t
place_of(const struct wf_window *window, uint64_t number)
{
    size_t low = 0;
    size_t high = window->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (window->answers[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct wf_answer *
wf_window_find_answer(const struct wf_window *window, uint64_t number)
{
    size_t at = place_of(window, number);

    if (at == window->count || window->answers[at].number != number) {
        return NULL;
    }
    return &window->answers[at];
}

struct wf_answer *
wf_window_put(struct wf_window *window, uint64_t number)
{
    size_t at = place_of(window, number);

    if (at < window->count && window->answers[at].number == number) {
        return &window->answers[at];
    }
    if (window->count == window->cap) {
        window->cap = window->cap == 0 ? 4 : window->cap * 2;
        window->answers =
            wf_realloc(window->answers, window->cap * sizeof(*window->answers));
    }
    memmove(&window->answers[at + 1], &window->answers[at],
            (window->count - at) * sizeof(*window->answers));
    window->answers[at] = (struct wf_answer){.number = number};
    window->count++;
    return &window->answers[at];
}

// What has no answer yet stays, whatever the client says of it: it may be asked
// again by a successor of the client that sent newer requests meanwhile, and
// whoever waits for the answer must get it. UINT64_MAX: all, answered or not.
void
wf_window_confirm(struct wf_window *window, uint64_t confirmed)
{
    size_t below = place_of(window, confirmed);
    size_t kept = 0;

    if (confirmed <= window->confirmed) {
        return;
    }
    window->confirmed = confirmed;
    for (size_t i = 0; i < below; i++) {
        struct wf_answer *answer = &window->answers[i];

        if (answer->is_answered || confirmed == UINT64_MAX) {
            wf_own_bytes(&answer->data, weft_nothing());
        } else {
            window->answers[kept++] = *answer;
        }
    }
    if (kept < below) {
        memmove(window->answers + kept, window->answers + below,
                (window->count - below) * sizeof(*window->answers));
        window->count -= below - kept;
    }
}

void
wf_window_forget(struct wf_window *window)
{
    if (window->count == 0) {
        window->is_forgotten = true;
    } else {
        wf_window_confirm(window,
                          window->answers[window->count - 1].number + 1);
    }
}

void
wf_window_remove(struct wf_partition *partition, struct wf_window *window)
{
    wf_table_remove(&partition->windows, hash_of(partition, window->client),
                    window);
    wf_window_destroy(window);
}

void
wf_window_destroy(struct wf_window *window)
{
    wf_window_confirm(window, UINT64_MAX);
    for (size_t i = 0; i < window->count; i++) {
        wf_own_bytes(&window->answers[i].data, weft_nothing());
    }
    wf_free(window->answers);
    wf_free(window);
}

static void
put_id(struct wf_buf *ops, enum wf_op op, const uint8_t client[16],
       uint64_t number, uint64_t confirmed)
{
    wf_buf_put_u8(ops, (uint8_t)op);
    wf_buf_put(ops, client, CLIENT_BYTES);
    wf_buf_put_varint(ops, number);
    wf_buf_put_varint(ops, confirmed);
}

void
wf_window_put_accepted(struct wf_buf *ops, const struct wf_request *request)
{
    put_id(ops, WF_OP_ACCEPTED, request->client, request->number,
           request->confirmed);
}

void
wf_window_put_answered(struct wf_buf *ops, const uint8_t client[16],
                       uint64_t number, uint64_t confirmed, weft_err err,
                       weft_bytes data)
{
    put_id(ops, WF_OP_ANSWERED, client, number, confirmed);
    wf_buf_put_varint(ops, (uint64_t)err);
    wf_buf_put_bytes(ops, data);
}

void
wf_window_answer(struct wf_request *request, const struct wf_answer *answer)
{
    switch (request->verb) {
    case WEFT_VERB_ASK:
        wf_request_answer_data(request, answer->data);
        break;
    case WEFT_VERB_UPDATE:
    case WEFT_VERB_UPDATE_WITH_START:
        wf_update_answer(request, answer->err, answer->data);
        break;
    default:
        request->reply.is_created = answer->data.len > 0; // edge.c
        break;
    }
}

// One that was not said to be sent again was sent before one that was. It may
// come after it, if the way that it took broke meanwhile.
static bool
comes_late(const struct wf_request *request, const struct wf_request *waiting)
{
    return waiting != NULL && waiting->is_repeat && !request->is_repeat &&
           !atomic_load(&waiting->is_withdrawn);
}

// It was accepted and has no answer yet: whoever asked last gets that. A client
// may have come over another server, or before its older connection was missed.
// A refusal would say that nothing happened, and it would ask for it anew.
static void
take_over(struct wf_partition *partition, struct wf_answer *answer,
          struct wf_request *request)
{
    struct wf_request *left = answer->request;

    if (wf_edge_is_withdrawn(partition, request)) {
        return;
    }
    if (comes_late(request, left)) {
        left = request;
    } else {
        answer->request = request;
    }
    if (left != NULL) {
        wf_edge_answer(partition, left, 0, WEFT_ETIMEDOUT,
                       "request %llu was asked again, and is answered there",
                       (unsigned long long)request->number);
    }
}

bool
wf_window_settles(struct wf_partition *partition, struct wf_request *request)
{
    struct wf_window *window = wf_window_find(partition, request->client);
    struct wf_answer *answer;

    if (window == NULL) {
        return false;
    }
    answer = wf_window_find_answer(window, request->number);
    if (answer == NULL && request->number < window->confirmed) {
        wf_edge_answer(partition, request, 0, WEFT_EEXPIRED,
                       "request %llu was confirmed by its client before",
                       (unsigned long long)request->number);
        return true;
    }
    if (answer == NULL) {
        if (window->count < WF_CLIENT_WINDOW_MAX) {
            return false;
        }
        wf_edge_answer(partition, request, 0, WEFT_EBUSY,
                       "%u requests of this client are not confirmed",
                       WF_CLIENT_WINDOW_MAX);
        return true;
    }
    if (answer->is_answered) {
        wf_window_answer(request, answer);
        wf_edge_answer(partition, request, window->object.position, answer->err,
                       "%s", "");
    } else {
        take_over(partition, answer, request);
    }
    return true;
}

// Is a request under way whose answer the client will want?
static bool
has_open(const struct wf_window *window)
{
    for (size_t i = 0; i < window->count; i++) {
        if (!window->answers[i].is_answered) {
            return true;
        }
    }
    return false;
}

// A silent client's answers are dropped after a day, the rest after a month.
void
wf_window_silence(struct wf_partition *partition)
{
    struct wf_draft *draft = &partition->draft;
    struct wf_window *window;
    size_t cursor = 0;

    while ((window = wf_table_next(&partition->windows, &cursor)) != NULL) {
        uint64_t silence_ms = partition->now_ms - window->heard_ms;
        uint64_t limit_ms =
            window->count > 0 ? WF_CLIENT_SILENCE_MS : WF_CLIENT_MEMORY_MS;

        if (!window->is_forgotten && !has_open(window) &&
            silence_ms >= limit_ms) {
            wf_buf_put_u8(&draft->ops, WF_OP_FORGET);
            wf_buf_put(&draft->ops, window->client, CLIENT_BYTES);
        }
    }
    wf_draft_partition(draft);
    if (draft->sections.len > 0) {
        (void)wf_draft_write(draft, partition, true);
    }
}
