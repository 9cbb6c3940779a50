// SPDX-License-Identifier: Apache-2.0
//
// version.c - an instance moves from one version of its code to another.
//
// Only to one that fits its journal; how is found out by replaying it. See
// docs/versions.md.

#include "runtime/version.h"

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/fit.h"
#include "runtime/start.h"
#include "runtime/workflow_impl.h"

static void
put_version(const struct wf_kind *kind, struct wf_buf *ops)
{
    wf_buf_put_u8(ops, WF_OP_VERSION);
    wf_buf_put_varint(ops, kind->version);
}

// Its journal will not get shorter: not tried again while it is in memory.
static void
note_unfit(struct wf_partition *partition, struct wf_actor *actor,
           const struct wf_kind *kind, const char *difference)
{
    actor->unfit_version = kind->version;
    wf_own_text(&actor->unfit, weft_text(difference));
    wf_note(partition, &actor->key, "stay", "at version %u: %s", actor->version,
            difference);
}

weft_workflow *
wf_version_move_on(struct wf_partition *partition, struct wf_actor *actor)
{
    const struct wf_kind *next = wf_actor_next_code(actor);
    weft_workflow *wf =
        next == NULL ? NULL : wf_workflow_build(partition, actor, next);
    struct wf_buf ops = {0};

    if (wf == NULL) {
        return NULL;
    }
    if (actor->journal.count > 0 && !wf_replay_journal(wf)) {
        if (wf->is_starved) {
            wf_workflow_try_later(partition, actor);
        } else {
            note_unfit(partition, actor, next, wf->divergence);
        }
        wf_workflow_drop(partition, actor);
        return NULL;
    }
    wf_note(partition, &actor->key, "move", "from version %u to %u",
            actor->version, next->version);
    // It goes with the record of the turn: without that nothing has moved.
    put_version(next, &ops);
    (void)wf_write_actor(partition, actor, &ops, true);
    wf_buf_fini(&ops);
    return wf;
}

void
wf_version_put_restart(const struct wf_actor *actor, struct wf_buf *ops)
{
    const struct wf_kind *next =
        wf_kind_upgrade(actor->kind, actor->version, WEFT_UPGRADE_ON_RESTART);

    if (next != NULL && !wf_start_is_pinned(actor->options)) {
        put_version(next, ops);
    }
}

weft_err
wf_version_move(struct wf_partition *partition, struct wf_actor *actor,
                uint32_t version, struct wf_buf *ops)
{
    const struct wf_kind *kind;
    char *difference = NULL;
    weft_err err;

    if (!wf_actor_is_live(actor)) {
        return actor->status == WEFT_STATUS_NONE
                   ? wf_error(WEFT_ENOTFOUND, "no such instance")
                   : wf_error(WEFT_EFINISHED, "the instance has finished");
    }
    if (actor->kind == NULL || !actor->kind->is_workflow) {
        return wf_error(WEFT_EINVAL, "%s is no workflow that is registered",
                        wf_key_kind(&actor->key));
    }
    kind = wf_kind_version(actor->kind, version);
    if (kind == NULL) {
        return wf_error(WEFT_ENOTFOUND,
                        "version %u of %s is not registered here", version,
                        actor->kind->name);
    }
    err = wf_fit_check(partition, actor, kind, &difference);
    wf_free(difference); // it is the error's detail
    if (err == WEFT_OK) {
        wf_workflow_drop(partition, actor);
        put_version(kind, ops);
    }
    return err;
}
