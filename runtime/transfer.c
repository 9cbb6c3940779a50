// SPDX-License-Identifier: Apache-2.0
//
// transfer.c - an instance leaves a partition as a capsule, or comes as one.
//
// A copy of a life that goes on elsewhere would do everything twice, so an
// import never touches one that runs here. What it may replace is a finished
// one. That the two places do not both let it run is the caller's care.

#include "runtime/transfer.h"

#include "base/error.h"
#include "runtime/capsule.h"
#include "runtime/edge.h"
#include "runtime/partition_impl.h"

void
wf_transfer_export(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request)
{
    struct wf_buf bytes = {0};
    weft_err err = WEFT_OK;

    if (actor->status == WEFT_STATUS_NONE) {
        err = wf_error(WEFT_ENOTFOUND, "%s: no such instance",
                       wf_key_id(&actor->key));
    } else {
        err = wf_capsule_encode(actor, partition->now_ms, &bytes);
    }
    if (err == WEFT_OK) {
        wf_request_answer_data(request, wf_buf_bytes(&bytes));
    }
    wf_edge_answer(partition, request, actor->object.position, err, "%s",
                   err == WEFT_OK ? "" : weft_err_detail());
    wf_buf_fini(&bytes);
}

void
wf_transfer_import(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request)
{
    struct wf_draft draft = {0};

    if (wf_actor_is_live(actor)) {
        wf_edge_answer(partition, request, actor->object.position, WEFT_EEXISTS,
                       "%s: an instance of this id is running",
                       wf_key_id(&actor->key));
        return;
    }
    wf_buf_put_u8(&draft.ops, WF_OP_IMPORT);
    wf_buf_put_bytes(&draft.ops, request->data);
    wf_draft_actor(&draft, &actor->key);
    wf_edge_answer_done(partition, request, &draft);
    wf_commands_rearm(partition, actor);
}
