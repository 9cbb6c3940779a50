// SPDX-License-Identifier: Apache-2.0
//
// exchange_answer.c - what other nodes, and operators, ask this node.

#include <string.h>

#include "base/error.h"
#include "cluster/exchange_impl.h"

enum { CLOSE_COMMITS = 100 }; // behind, of who may have a partition

static weft_err
answer_move(struct wf_exchange *exchange, weft_bytes body, struct wf_buf *out)
{
    struct wf_ledger_ask ask;
    uint64_t lag;
    weft_err err = wf_ledger_ask_decode(body, &ask);

    if (err == WEFT_OK) {
        err = wf_ledger_serve(exchange->options.ledger, &ask,
                              WF_EXCHANGE_PIECE_BYTES, out, &lag);
    }
    if (err == WEFT_OK && lag <= CLOSE_COMMITS && ask.is_ready) {
        struct wf_exchange_close *close = &exchange->close[ask.partition];
        bool is_new;

        pthread_mutex_lock(&exchange->lock);
        is_new = strcmp(close->node, ask.node) != 0;
        memcpy(close->node, ask.node, sizeof(close->node));
        close->at_ms = wf_exchange_now_ms(exchange);
        pthread_mutex_unlock(&exchange->lock);
        if (is_new) {
            exchange->options.changed(exchange->options.ctx);
        }
    }
    return err;
}

static weft_err
answer_want(struct wf_exchange *exchange, weft_bytes body)
{
    struct wf_reader reader = wf_reader_of(body);
    uint64_t partition = wf_reader_varint(&reader);
    weft_bytes node = wf_reader_bytes(&reader);
    char id[WF_NODE_ID_CHARS_MAX + 1] = "";

    if (reader.failed || partition >= exchange->partition_count ||
        node.len > WF_NODE_ID_CHARS_MAX) {
        return wf_error(WEFT_EINVAL, "there is no such partition or node");
    }
    if (node.len > 0) {
        memcpy(id, node.data, node.len);
    }
    return wf_ledger_want(exchange->options.ledger, (uint32_t)partition, id);
}

static weft_err
answer_body(struct wf_exchange *exchange,
            const struct wf_exchange_message *message, struct wf_buf *out)
{
    struct wf_reader reader = wf_reader_of(message->body);
    weft_err err = WEFT_OK;

    switch (message->type) {
    case WF_EXCHANGE_VIEW:
        wf_exchange_hear_view(exchange, message->body);
        wf_ledger_view(exchange->options.ledger, &exchange->view);
        wf_ledger_view_encode(&exchange->view, out);
        return WEFT_OK;
    case WF_EXCHANGE_MOVE:
        return answer_move(exchange, message->body, out);
    case WF_EXCHANGE_FILE:
        return wf_exchange_fetch_serve(exchange, message->body, out);
    case WF_EXCHANGE_WANT:
        err = answer_want(exchange, message->body);
        break;
    case WF_EXCHANGE_DRAIN:
        wf_ledger_drain(exchange->options.ledger, wf_reader_u8(&reader) != 0);
        break;
    case WF_EXCHANGE_REFUSED:
    case WF_EXCHANGE_TYPES_END:
        return wf_error(WEFT_EINVAL, "there is no such question");
    }
    exchange->tell_ms = 0; // all are to know it
    exchange->options.changed(exchange->options.ctx);
    return err;
}

void
wf_exchange_answer(struct wf_exchange *exchange,
                   const struct wf_message *question)
{
    struct wf_exchange_message message;
    struct wf_buf body = {0};
    struct wf_buf frame = {0};
    enum wf_exchange_type type;
    weft_err err;

    if (!wf_exchange_decode(question->frame, &message)) {
        return;
    }
    type = message.type;
    err = answer_body(exchange, &message, &body);
    if (err != WEFT_OK) {
        wf_buf_reset(&body);
        wf_buf_put_varint(&body, (uint64_t)(uint32_t)err);
        wf_buf_put_text(&body, weft_err_detail());
        type = WF_EXCHANGE_REFUSED;
    }
    wf_exchange_encode(type, message.number, wf_buf_bytes(&body), &frame);
    (void)wf_socket_send(exchange->router, &question->peer, &frame, NULL);
    wf_buf_fini(&frame);
    wf_buf_fini(&body);
}
