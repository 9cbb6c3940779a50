// SPDX-License-Identifier: Apache-2.0
//
// gateway_batch.c - see gateway_batch.h.
//
// A batch lists its page, then asks for each instance, so many at a time, and
// is answered when the last of them is. Nothing waits for it. What it asks has
// an id of the server's own, so that it does not use up its client's numbers;
// so a batch that its client sends once more after the server has ended does
// its page again, as one that goes on from its cursor would.
//
// At a rate: each tick gives it as many as may go in that time.

#include "remote/gateway_batch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "remote/codec_batch.h"
#include "remote/gateway_ask.h"
#include "runtime/client_batch.h"

enum {
    PAGE_DEFAULT = 1000,
    UNDER_WAY_MAX = 100, // requests of one
    BATCHES_MAX = 100,   // at a time: each has its page in memory
};

struct wf_gateway_batch {
    struct wf_gateway_call *call;
    struct wf_list_node node; // in the server's
    struct wf_buf frame;      // that `asked` points into
    struct wf_arena memory;   // the same, and of the targets
    struct wf_codec_batch asked;
    weft_batch_result result;
    weft_target *targets; // of the page
    size_t targets_count;
    size_t next;
    size_t under_way;
    uint64_t began_ms; // for the rate
    char who[WF_NAME_BYTES_MAX + 1];
    weft_operator by;
};

static void
destroy_batch(struct wf_gateway_batch *batch)
{
    wf_list_remove(&batch->call->server->batches, &batch->node);
    wf_arena_fini(&batch->memory);
    wf_buf_fini(&batch->frame);
    wf_free(batch);
}

// Answer it, if there is somebody, and forget it.
static void
finish(struct wf_gateway_batch *batch, weft_err err, const char *detail)
{
    struct wf_gateway_call *call = batch->call;

    if (err != WEFT_OK) {
        (void)wf_error(err, "%s", detail);
    } else if (wf_gateway_call_is_heard(call)) {
        wf_codec_batch_result_encode(&batch->result, call->number,
                                     &call->server->out);
    }
    destroy_batch(batch);
    wf_gateway_call_end(call, err);
}

// Asking. -------------------------------------------------------------------

static weft_err
ask(struct wf_gateway_batch *batch, const weft_request *request,
    weft_reply_fn *fn)
{
    struct wf_gateway_call *call = batch->call;
    weft_err err = wf_gateway_ask(call->server, call->space->name, request, fn,
                                  batch, NULL);

    batch->under_way += err == WEFT_OK ? 1 : 0;
    return err;
}

static void step(struct wf_gateway_batch *batch);

static void
on_item(void *ctx, const weft_reply *reply)
{
    struct wf_gateway_batch *batch = ctx;

    batch->under_way--;
    wf_client_batch_count(&batch->result, reply->err);
    step(batch);
}

// How many more may go now.
static size_t
allowance(const struct wf_gateway_batch *batch)
{
    const weft_server *server = batch->call->server;
    uint64_t rate = batch->asked.options.per_second;
    uint64_t due = (server->now_ms - batch->began_ms) * rate / 1000 + 1;
    size_t room = UNDER_WAY_MAX - batch->under_way;

    if (rate == 0) {
        return room;
    }
    if (due <= batch->next) {
        return 0;
    }
    return due - batch->next < room ? (size_t)(due - batch->next) : room;
}

static void
step(struct wf_gateway_batch *batch)
{
    bool is_closing =
        wf_gateway_mode(batch->call->server) == WF_GATEWAY_CLOSING;
    size_t count = is_closing ? 0 : allowance(batch);

    for (; count > 0 && batch->next < batch->targets_count; count--) {
        weft_request request = wf_client_batch_request(
            &batch->asked.options, batch->targets[batch->next++]);
        weft_err err = ask(batch, &request, on_item);

        if (err != WEFT_OK) {
            wf_client_batch_count(&batch->result, err);
        }
    }
    if (batch->under_way == 0 &&
        (is_closing || batch->next == batch->targets_count)) {
        finish(batch, WEFT_OK, "");
    }
}

// The page. -----------------------------------------------------------------

// False: there is no memory.
static bool
copy_targets(struct wf_gateway_batch *batch, const weft_reply *page)
{
    struct wf_arena *memory = &batch->memory;

    batch->targets =
        wf_arena_alloc(memory, page->items_count * sizeof(*batch->targets));
    if (batch->targets == NULL) {
        return false;
    }
    for (size_t i = 0; i < page->items_count; i++) {
        weft_target target = {
            wf_arena_text(memory, weft_text(page->items[i].kind)),
            wf_arena_text(memory, weft_text(page->items[i].id)),
        };

        if (target.kind == NULL || target.id == NULL) {
            return false;
        }
        batch->targets[batch->targets_count++] = target;
    }
    return true;
}

static void
on_page(void *ctx, const weft_reply *page)
{
    struct wf_gateway_batch *batch = ctx;

    batch->under_way--;
    if (page->err != WEFT_OK) {
        finish(batch, page->err, page->detail);
    } else if (page->items_count > 0 && !copy_targets(batch, page)) {
        finish(batch, WEFT_ENOMEM, "");
    } else {
        wf_client_batch_set_cursor(&batch->result, page->cursor);
        batch->began_ms = batch->call->server->now_ms;
        step(batch);
    }
}

static weft_err
ask_page(struct wf_gateway_batch *batch)
{
    const struct wf_codec_batch *asked = &batch->asked;
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_LIST;
    request.filter = asked->options.filter;
    request.cursor = asked->options.cursor;
    request.limit = asked->limit == 0 ? PAGE_DEFAULT : asked->limit;
    return ask(batch, &request, on_page);
}

// Who does it is the principal.
static void
set_who(struct wf_gateway_batch *batch)
{
    const struct wf_access_guest *guest = &batch->call->session->peer->guest;
    const weft_operator *by = batch->asked.options.by;

    if (by != NULL) {
        wf_access_who(guest, by->who == NULL ? "" : by->who, batch->who);
        batch->by = (weft_operator){.who = batch->who, .why = by->why};
        batch->asked.options.by = &batch->by;
    }
}

weft_err
wf_gateway_batch_begin(struct wf_gateway_call *call,
                       const struct wf_wire_message *message)
{
    struct wf_gateway_batch *batch;
    struct wf_wire_message copy = *message;
    weft_err err;

    if (call->server->batches.count >= BATCHES_MAX) {
        return wf_error(WEFT_EBUSY, "%d batches are under way", BATCHES_MAX);
    }
    batch = wf_calloc(sizeof(*batch));
    batch->call = call;
    wf_list_push_back(&call->server->batches, &batch->node);
    // Its payloads are read from the frame as long as it lasts.
    wf_buf_put(&batch->frame, message->fields.data, message->fields.len);
    copy.fields = wf_buf_bytes(&batch->frame);
    err = wf_codec_batch_decode(&copy, &batch->memory, &batch->asked);
    if (err == WEFT_OK) {
        set_who(batch);
        err =
            wf_client_batch_check(call->server->client, &batch->asked.options);
    }
    if (err == WEFT_OK) {
        err = ask_page(batch);
    }
    if (err != WEFT_OK) {
        destroy_batch(batch);
    }
    return err;
}

void
wf_gateway_batch_tick(weft_server *server)
{
    struct wf_list_node *node = wf_list_first(&server->batches);

    while (node != NULL) {
        struct wf_gateway_batch *batch =
            WF_CONTAINER(node, struct wf_gateway_batch, node);

        node = wf_list_next(&server->batches, node);
        if (batch->targets_count > batch->next) {
            step(batch);
        }
    }
}
