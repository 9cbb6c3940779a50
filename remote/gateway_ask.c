// SPDX-License-Identifier: Apache-2.0
//
// gateway_ask.c - see gateway_ask.h.

#include "remote/gateway_ask.h"

#include <string.h>

#include "base/alloc.h"
#include "runtime/client_as.h"

struct ask {
    weft_server *server;
    uint64_t number;
    weft_reply_fn *fn;
    void *ctx;
    bool is_wait; // of a watch: a drain does not wait for those
};

static void
end(struct ask *ask)
{
    wf_client_numbers_close(&ask->server->numbers, ask->number);
    ask->server->asks -= ask->is_wait ? 0 : 1;
    wf_free(ask);
}

static void
on_reply(void *ctx, const weft_reply *reply)
{
    struct ask *ask = ctx;
    weft_reply_fn *fn = ask->fn;
    void *fn_ctx = ask->ctx;

    end(ask);
    fn(fn_ctx, reply);
}

weft_err
wf_gateway_ask(weft_server *server, const char *name_space,
               const weft_request *request, weft_reply_fn *fn, void *ctx,
               struct wf_request **out_request)
{
    struct ask *ask = wf_alloc(sizeof(*ask));
    struct wf_client_as as = {
        .name_space = name_space,
        .number = wf_client_numbers_take(&server->numbers),
    };
    struct wf_request *made;
    weft_err err;

    *ask = (struct ask){server, as.number, fn, ctx,
                        request->verb == WEFT_VERB_WATCH};
    as.confirmed = wf_client_numbers_confirmed(&server->numbers, as.number);
    if (ask->is_wait) {
        // No partition remembers it, and it may last: it must not keep them
        // from forgetting what was answered.
        wf_client_numbers_close(&server->numbers, as.number);
    }
    memcpy(as.client_id, server->client_id, sizeof(as.client_id));
    server->asks += ask->is_wait ? 0 : 1;
    err =
        wf_client_submit_as(server->client, &as, request, on_reply, ask, &made);
    if (err != WEFT_OK) {
        end(ask);
    } else if (out_request != NULL) {
        *out_request = made;
    }
    return err;
}
