// SPDX-License-Identifier: Apache-2.0
//
// transfer.c - an instance leaves a partition as a capsule, or comes as one.
//
// A copy of a life that goes on elsewhere would do everything twice, so an
// import never touches one that runs here. What it may replace is a finished
// one. That the two places do not both let it run is the caller's care.
//
// A fork is a life of its own from the beginning, so nobody needs that care:
// one record imports the image, cuts what ties it to the one that it is a copy
// of, and resets it to the point.

#include "runtime/transfer.h"

#include "base/error.h"
#include "runtime/capsule.h"
#include "runtime/create.h"
#include "runtime/edge.h"
#include "runtime/image.h"
#include "runtime/reset.h"
#include "runtime/signals.h"
#include "runtime/tally.h"
#include "runtime/turn.h"

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

// Signals that were kept here for a start come to what is there now, behind its
// own.
static weft_err
put_early(const struct wf_actor *actor, struct wf_buf *ops)
{
    size_t before = ops->len;
    struct wf_signals signals;

    if (actor->status != WEFT_STATUS_NONE) {
        return WEFT_OK;
    }
    wf_signals_init(&signals, &actor->journal);
    for (size_t i = 0; i < signals.count; i++) {
        wf_buf_put_u8(ops, WF_OP_PUSH);
        wf_buf_put_bytes(ops, signals.entries[i].letter);
    }
    wf_signals_fini(&signals);
    return ops->len - before <= WF_TURN_BYTES_MAX
               ? WEFT_OK
               : wf_error(WEFT_ETOOBIG,
                          "signals that wait for its start have over %u bytes",
                          WF_TURN_BYTES_MAX);
}

void
wf_transfer_import(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;
    weft_err err;

    if (wf_actor_is_live(actor)) {
        wf_edge_answer(partition, request, actor->object.position, WEFT_EEXISTS,
                       "%s: an instance of this id is running",
                       wf_key_id(&actor->key));
        return;
    }
    // What came for nobody, or for the life before, goes first: it would be
    // taken for what comes.
    if (wf_actor_has_work(actor, partition->now_ms)) {
        wf_list_push_back(&actor->results, &request->wait);
        return;
    }
    wf_buf_put_u8(&draft->ops, WF_OP_IMPORT);
    wf_buf_put_bytes(&draft->ops, request->data);
    err = put_early(actor, &draft->ops);
    if (err != WEFT_OK) {
        wf_buf_reset(&draft->ops);
        wf_edge_answer(partition, request, actor->object.position, err,
                       "%s: %s", wf_key_id(&actor->key), weft_err_detail());
        return;
    }
    wf_draft_actor(draft, &actor->key);
    wf_edge_answer_done(partition, request, draft);
    // What waits for its next attempt is looked at again when it is durable.
    wf_gate_actor(partition, actor, partition->last_record);
    wf_commands_rearm(partition, actor);
}

// Is the id free? Not if somebody had it who is still to be seen.
static weft_err
check_free(const struct wf_actor *actor)
{
    if (wf_actor_is_live(actor)) {
        return wf_error(WEFT_EEXISTS, "an instance of this id is running");
    }
    if (actor->status != WEFT_STATUS_NONE) {
        return wf_error(WEFT_EEXISTS,
                        "an instance of this id has finished; delete it first");
    }
    return wf_actor_is_nobody(actor)
               ? WEFT_OK
               : wf_error(WEFT_EEXISTS,
                          "signals to this id wait for its start");
}

static weft_err
put_fork(struct wf_turn *turn, const struct wf_request *request)
{
    struct wf_actor *actor = turn->actor;
    uint64_t seed = wf_create_seed(turn->partition, actor);
    struct wf_actor *source;
    weft_err err = check_free(actor);

    if (err != WEFT_OK) {
        return err;
    }
    wf_buf_put_u8(&turn->ops, WF_OP_IMPORT);
    wf_buf_put_bytes(&turn->ops, request->data);
    wf_buf_put_u8(&turn->ops, WF_OP_FORK);
    wf_buf_put_varint(&turn->ops, seed);
    // The other one as it was, under the name of the fork: that is what the
    // code sees.
    source = wf_actor_create(&actor->key, actor->hash);
    source->kind = actor->kind;
    if (wf_image_unpack(source, request->data)) {
        source->seed = seed; // by which its children will know it
        err = wf_reset_put(turn, source, request);
    } else {
        err = wf_error(WEFT_ECORRUPT, "the capsule's image does not decode");
    }
    wf_actor_destroy(source);
    return err;
}

void
wf_transfer_fork(struct wf_partition *partition, struct wf_actor *actor,
                 struct wf_request *request)
{
    struct wf_turn turn;
    weft_err err;

    // What came for nobody goes first: it would be taken for the fork's.
    if (actor->status == WEFT_STATUS_NONE &&
        wf_actor_has_work(actor, partition->now_ms)) {
        wf_list_push_back(&actor->results, &request->wait);
        return;
    }
    wf_turn_init(&turn, partition, actor);
    err = put_fork(&turn, request);
    if (err != WEFT_OK) {
        wf_turn_fini(&turn);
        wf_edge_answer(partition, request, actor->object.position, err,
                       "%s: %s", wf_key_id(&actor->key), weft_err_detail());
        return;
    }
    request->reply.is_created = 1;
    wf_edge_put_done(request, &turn.sends);
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
    wf_tally_kind(partition->options.tally, actor->kind, WF_KIND_STARTED);
    wf_edge_answer(partition, request, partition->last_record, WEFT_OK, "%s",
                   "");
}
