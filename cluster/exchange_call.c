// SPDX-License-Identifier: Apache-2.0
//
// exchange_call.c - what operators ask nodes of a cluster without a database.
//
// Threads: the caller's; each call has sockets of its own.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/exchange_impl.h"

enum { TRY_MS = 20 }; // between tries to send

// Questions. ------------------------------------------------------------------

// The same question to several, and what each answered.
struct calls {
    const struct wf_exchange_list *list; // borrowed; whose keys are used
    struct wf_context *context;
    struct wf_socket *sockets[WF_EXCHANGE_LIST_MAX];
    bool are_sent[WF_EXCHANGE_LIST_MAX];
    char why[80]; // none can be sent: ": " and the reason, or ""
    struct wf_buf answers[WF_EXCHANGE_LIST_MAX]; // empty: none yet
    uint32_t count;
    struct wf_buf question;
};

static void
end_calls(struct calls *calls)
{
    for (uint32_t i = 0; i < calls->count; i++) {
        wf_socket_destroy(calls->sockets[i]);
        wf_buf_fini(&calls->answers[i]);
    }
    wf_buf_fini(&calls->question);
    wf_context_destroy(calls->context);
    wf_free(calls);
}

static weft_err
add_call(struct calls *calls, const char *endpoint)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .message_max = WF_EXCHANGE_BYTES_MAX,
    };
    struct wf_socket **socket = &calls->sockets[calls->count];
    weft_err err;

    wf_exchange_list_lend(calls->list, &options);
    err = wf_socket_create(calls->context, &options, socket);
    if (err != WEFT_OK) {
        return err;
    }
    calls->count++;
    return wf_socket_connect(*socket, endpoint);
}

// Nothing can be sent before there is a connection.
static void
send_call(struct calls *calls, uint32_t index)
{
    struct wf_buf frame = {0};

    if (!calls->are_sent[index]) {
        wf_buf_put(&frame, calls->question.data, calls->question.len);
        calls->are_sent[index] = wf_socket_send(calls->sockets[index], NULL,
                                                &frame, NULL) == WF_SENT;
        wf_buf_fini(&frame);
    }
}

static void
note_refusal(struct calls *calls, const char *refusal)
{
    if (refusal != NULL) {
        (void)snprintf(calls->why, sizeof(calls->why), ": %s", refusal);
    }
}

static uint32_t
hear_calls(struct calls *calls)
{
    struct wf_socket_event event;
    struct wf_message message;
    uint32_t answered = 0;

    for (uint32_t i = 0; i < calls->count; i++) {
        while (wf_socket_event(calls->sockets[i], &event)) {
            note_refusal(calls, wf_exchange_refusal(event.type));
        }
        send_call(calls, i);
        if (wf_socket_receive(calls->sockets[i], &message)) {
            wf_buf_reset(&calls->answers[i]);
            wf_buf_put(&calls->answers[i], message.frame.data,
                       message.frame.len);
            wf_message_fini(&message);
        }
        answered += calls->answers[i].len > 0;
    }
    return answered;
}

static void
await_calls(struct calls *calls, uint32_t ms)
{
    struct wf_clock clock = wf_clock_system();
    uint64_t now = clock.mono_ns(clock.self) / 1000000U;
    uint64_t until = now + ms;

    while (hear_calls(calls) < calls->count && now < until) {
        (void)wf_socket_wait_any(calls->sockets, calls->count, NULL, 0, TRY_MS);
        now = clock.mono_ns(clock.self) / 1000000U;
    }
}

static weft_err
begin_calls(struct calls **out_calls, const struct wf_exchange_list *list,
            enum wf_exchange_type type, weft_bytes body)
{
    *out_calls = wf_calloc(sizeof(struct calls));
    (*out_calls)->list = list;
    wf_exchange_encode(type, 1, body, &(*out_calls)->question);
    (*out_calls)->context = wf_context_create();
    return (*out_calls)->context == NULL ? WEFT_EIO : WEFT_OK;
}

static weft_err
take_view(struct wf_ledger_view *view, weft_bytes answer)
{
    struct wf_exchange_message message;
    struct wf_ledger_view told;
    weft_err err;

    if (!wf_exchange_decode(answer, &message) ||
        message.type != WF_EXCHANGE_VIEW) {
        return WEFT_OK; // it is no node that speaks so
    }
    err = wf_ledger_view_decode(message.body, &told);
    if (err == WEFT_OK) {
        err = wf_ledger_view_merge(view, &told);
        wf_ledger_view_fini(&told);
    }
    return err;
}

// Who has answered is live.
static void
mark_live(struct wf_ledger_view *view, const struct calls *calls,
          const struct wf_exchange_list *list)
{
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        struct wf_ledger_node *node = &view->nodes[i];

        node->row.lease_ms = 0;
        node->row.is_live = false;
        for (uint32_t k = 0; k < calls->count; k++) {
            if (calls->answers[k].len > 0 &&
                strcmp(list->entries[k].id, node->row.id) == 0) {
                node->row.is_live = true;
            }
        }
    }
}

// Those that the list does not have, and others know.
static bool
extend(struct wf_exchange_list *list, const struct wf_ledger_view *view)
{
    uint32_t before = list->count;

    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct wf_ledger_node *node = &view->nodes[i];

        if (node->ledger[0] != '\0' && list->count < WF_EXCHANGE_LIST_MAX &&
            wf_exchange_list_find(list, node->row.id) == NULL) {
            struct wf_exchange_entry *entry = &list->entries[list->count++];

            memcpy(entry->id, node->row.id, sizeof(entry->id));
            memcpy(entry->endpoint, node->ledger, sizeof(entry->endpoint));
        }
    }
    return list->count > before;
}

static weft_err
look_once(const struct wf_exchange_list *list, uint32_t ms,
          struct wf_ledger_view *view)
{
    struct calls *calls;
    weft_err err = begin_calls(&calls, list, WF_EXCHANGE_VIEW, weft_nothing());

    for (uint32_t i = 0; err == WEFT_OK && i < list->count; i++) {
        err = add_call(calls, list->entries[i].endpoint);
    }
    if (err == WEFT_OK) {
        await_calls(calls, ms);
        for (uint32_t i = 0; err == WEFT_OK && i < calls->count; i++) {
            if (calls->answers[i].len > 0) {
                err = take_view(view, wf_buf_bytes(&calls->answers[i]));
            }
        }
        mark_live(view, calls, list);
    }
    if (err == WEFT_OK && view->parts_count == 0) {
        err =
            wf_error(WEFT_EIO, "no node of the list answers, the first is %s%s",
                     list->entries[0].endpoint, calls->why);
    }
    end_calls(calls);
    return err;
}

weft_err
wf_exchange_look(const struct wf_exchange_list *list, uint32_t ms,
                 struct wf_ledger_view *out_view)
{
    struct wf_exchange_list all = *list;
    weft_err err;

    *out_view = (struct wf_ledger_view){0};
    err = look_once(&all, ms, out_view);
    if (err == WEFT_OK && extend(&all, out_view)) {
        err = look_once(&all, ms, out_view);
    }
    wf_exchange_list_wipe(&all);
    if (err != WEFT_OK) {
        wf_ledger_view_fini(out_view);
    }
    return err;
}

static weft_err
read_refusal(weft_bytes body)
{
    struct wf_reader reader = wf_reader_of(body);
    weft_err err = (weft_err)wf_reader_varint(&reader);
    weft_bytes text = wf_reader_bytes(&reader);

    return reader.failed || err == WEFT_OK
               ? wf_error(WEFT_EIO, "the node refused in words unknown")
               : wf_error(err, "%.*s", (int)(text.len < 300 ? text.len : 300),
                          text.len == 0 ? "" : (const char *)text.data);
}

static weft_err
call(const struct wf_exchange_list *list, const char *endpoint,
     enum wf_exchange_type type, weft_bytes body, uint32_t ms)
{
    struct wf_exchange_message message;
    struct calls *calls;
    weft_err err = begin_calls(&calls, list, type, body);

    if (err == WEFT_OK) {
        err = add_call(calls, endpoint);
    }
    if (err == WEFT_OK) {
        await_calls(calls, ms);
        if (!wf_exchange_decode(wf_buf_bytes(&calls->answers[0]), &message)) {
            err = wf_error(WEFT_EIO, "%s does not answer%s", endpoint,
                           calls->why);
        } else if (message.type == WF_EXCHANGE_REFUSED) {
            err = read_refusal(message.body);
        }
    }
    end_calls(calls);
    return err;
}

weft_err
wf_exchange_ask_want(const struct wf_exchange_list *list, const char *endpoint,
                     uint32_t partition, const char *node_id, uint32_t ms)
{
    struct wf_buf body = {0};
    weft_err err;

    wf_buf_put_varint(&body, partition);
    wf_buf_put_text(&body, node_id);
    err = call(list, endpoint, WF_EXCHANGE_WANT, wf_buf_bytes(&body), ms);
    wf_buf_fini(&body);
    return err;
}

weft_err
wf_exchange_ask_drain(const struct wf_exchange_list *list, const char *endpoint,
                      bool is_on, uint32_t ms)
{
    uint8_t flag = is_on ? 1 : 0;

    return call(list, endpoint, WF_EXCHANGE_DRAIN, weft_bytes_of(&flag, 1), ms);
}
