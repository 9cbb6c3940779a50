// SPDX-License-Identifier: Apache-2.0
//
// exchange_view.c - what this node knows is told to the others, and what they
// know is heard.

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "cluster/exchange_impl.h"

enum { TELL_MS = 500 };

void
wf_exchange_tell_all(struct wf_exchange *exchange)
{
    struct wf_buf body = {0};

    wf_ledger_view_encode(&exchange->view, &body);
    exchange->told_crc = wf_crc32c(0, body.data, body.len);
    for (uint32_t i = 0; i < exchange->peers_count; i++) {
        (void)wf_exchange_send(exchange, &exchange->peers[i], WF_EXCHANGE_VIEW,
                               ++exchange->numbers, wf_buf_bytes(&body));
    }
    wf_buf_fini(&body);
    exchange->tell_ms = wf_exchange_now_ms(exchange) + TELL_MS;
}

static void
be_lost(struct wf_exchange *exchange)
{
    bool is_new;

    pthread_mutex_lock(&exchange->lock);
    is_new = exchange->lost == WEFT_OK;
    exchange->lost = WEFT_ELOST;
    if (is_new) {
        exchange->lost_text = wf_strdup(weft_err_detail());
    }
    pthread_mutex_unlock(&exchange->lock);
    wf_exchange_complain(exchange, "lost", weft_err_detail());
}

static void
hear_told(struct wf_exchange *exchange, const struct wf_ledger_view *told)
{
    weft_err err = wf_ledger_hear(exchange->options.ledger, told);
    struct wf_exchange_peer *peer = wf_exchange_peer(exchange, told->teller);

    if (err == WEFT_ELOST) {
        be_lost(exchange);
    } else if (err != WEFT_OK) {
        wf_exchange_complain(exchange, "exchange", weft_err_detail());
        return;
    }
    pthread_mutex_lock(&exchange->lock);
    exchange->has_heard = true;
    if (peer != NULL) {
        peer->heard_ms = wf_exchange_now_ms(exchange);
    }
    pthread_mutex_unlock(&exchange->lock);
}

// Something that this node did not know changes what it is to do.
void
wf_exchange_look_anew(struct wf_exchange *exchange)
{
    struct wf_buf bytes = {0};
    uint32_t crc;

    wf_ledger_view(exchange->options.ledger, &exchange->view);
    wf_ledger_view_encode(&exchange->view, &bytes);
    crc = wf_crc32c(0, bytes.data, bytes.len);
    wf_buf_fini(&bytes);
    if (crc != exchange->told_crc) {
        exchange->told_crc = crc;
        exchange->options.changed(exchange->options.ctx);
    }
}

void
wf_exchange_hear_view(struct wf_exchange *exchange, weft_bytes body)
{
    struct wf_ledger_view told;

    if (body.len == 0) {
        return; // an operator's
    }
    if (wf_ledger_view_decode(body, &told) != WEFT_OK) {
        wf_exchange_complain(exchange, "exchange", weft_err_detail());
        return;
    }
    if (told.teller[0] != '\0' && strcmp(told.teller, exchange->node_id) != 0) {
        hear_told(exchange, &told);
    }
    wf_ledger_view_fini(&told);
    wf_exchange_look_anew(exchange);
}
