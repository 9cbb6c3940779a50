// SPDX-License-Identifier: Apache-2.0
//
// repair.c - what operators do to instances. Each is one record, with who and
// why in it (operate.c).

#include "runtime/repair.h"

#include <stdio.h>

#include "base/error.h"
#include "runtime/edge.h"
#include "runtime/operate.h"
#include "runtime/partition_impl.h"
#include "runtime/version.h"

static weft_err
check_live(const struct wf_actor *actor)
{
    if (actor->status == WEFT_STATUS_NONE) {
        return wf_error(WEFT_ENOTFOUND, "no such instance");
    }
    return wf_actor_is_live(actor)
               ? WEFT_OK
               : wf_error(WEFT_EFINISHED, "the instance has finished");
}

static weft_err
put_park(struct wf_partition *partition, const struct wf_actor *actor,
         const struct wf_request *request, struct wf_buf *ops)
{
    char reason[WF_NAME_BYTES_MAX + WF_WHY_BYTES_MAX + 20];
    weft_err err = check_live(actor);

    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(reason, sizeof(reason), "parked by %s: %s", request->who,
                   request->why);
    wf_operate_put(ops, request, "park");
    wf_buf_put_u8(ops, WF_OP_PARK);
    wf_buf_put_text(ops, reason);
    partition->stats.actors_parked += actor->is_parked ? 0 : 1;
    return WEFT_OK;
}

static weft_err
put_publish(const struct wf_actor *actor, const struct wf_request *request,
            struct wf_buf *ops)
{
    if (actor->status == WEFT_STATUS_NONE) {
        return check_live(actor);
    }
    wf_operate_put(ops, request, "publish \"%s\"", request->name);
    wf_buf_put_u8(ops, WF_OP_PUBLISH);
    wf_buf_put_text(ops, request->name);
    wf_buf_put_bytes(ops, request->data);
    return WEFT_OK;
}

// Bytes that the handler could not take for its state are refused.
static weft_err
check_state(const struct wf_actor *actor, const struct wf_request *request)
{
    const struct wf_kind *kind = actor->kind;
    weft_err err = check_live(actor);

    if (err != WEFT_OK) {
        return err;
    }
    if (kind->is_workflow) {
        return wf_error(WEFT_EINVAL,
                        "%s is a workflow, its state is its "
                        "journal: reset it",
                        kind->name);
    }
    if (request->version != actor->version) {
        return wf_error(WEFT_EDIVERGED,
                        "its state is of version %u, the one given of %u",
                        actor->version, request->version);
    }
    if (actor->version == kind->version && kind->actor.state_bytes != 0 &&
        request->data.len != kind->actor.state_bytes) {
        return wf_error(WEFT_EINVAL, "%zu bytes; the state of %s has %u",
                        request->data.len, kind->name, kind->actor.state_bytes);
    }
    return WEFT_OK;
}

static weft_err
put_state(const struct wf_actor *actor, const struct wf_request *request,
          struct wf_buf *ops)
{
    weft_err err = check_state(actor, request);

    if (err == WEFT_OK) {
        wf_operate_put(ops, request, "set state, %zu bytes of version %u",
                       request->data.len, request->version);
        wf_buf_put_u8(ops, WF_OP_STATE);
        wf_buf_put_varint(ops, request->version);
        wf_buf_put_bytes(ops, request->data);
    }
    return err;
}

static weft_err
put_move(struct wf_partition *partition, struct wf_actor *actor,
         const struct wf_request *request, struct wf_buf *ops)
{
    wf_operate_put(ops, request, "move from version %u to %u", actor->version,
                   request->version);
    return wf_version_move(partition, actor, request->version, ops);
}

static weft_err
put_request(struct wf_partition *partition, struct wf_actor *actor,
            const struct wf_request *request, struct wf_buf *ops)
{
    switch (request->verb) {
    case WEFT_VERB_PARK:
        return put_park(partition, actor, request, ops);
    case WEFT_VERB_PUBLISH:
        return put_publish(actor, request, ops);
    case WEFT_VERB_SET_STATE:
        return put_state(actor, request, ops);
    default:
        return put_move(partition, actor, request, ops);
    }
}

void
wf_repair_request(struct wf_partition *partition, struct wf_actor *actor,
                  struct wf_request *request)
{
    struct wf_draft *draft = &partition->draft;
    weft_err err = put_request(partition, actor, request, &draft->ops);

    if (err != WEFT_OK) {
        wf_buf_reset(&draft->ops);
        wf_edge_answer(partition, request, actor->object.position, err,
                       "%s: %s", wf_key_id(&actor->key), weft_err_detail());
        return;
    }
    wf_draft_actor(draft, &actor->key);
    wf_edge_answer_done(partition, request, draft);
    if (request->verb == WEFT_VERB_MOVE_VERSION) {
        wf_commands_start(partition, actor); // a step that had no code
    }
}
