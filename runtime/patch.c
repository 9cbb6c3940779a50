// SPDX-License-Identifier: Apache-2.0
//
// patch.c - code that was changed while instances ran: which way do they go?
//
// A marker in the journal says that the new code was passed first by a live
// turn. It is looked up by name and takes no ordinal, so that a journal from
// before the change, which has none, still fits the old code. What the code was
// told once, it is told for the rest of the run: else a loop would change its
// way in the middle of the history that a replay has to repeat.

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/workflow_impl.h"

static struct wf_patch *
find(const weft_workflow *wf, weft_bytes id)
{
    struct wf_patch *patch = wf->patches;

    while (patch != NULL && !wf_bytes_equal(weft_text(patch->id), id)) {
        patch = patch->next;
    }
    return patch;
}

static struct wf_patch *
add(weft_workflow *wf, weft_bytes id)
{
    struct wf_patch *patch = wf_workflow_memory(wf, sizeof(*patch));

    *patch = (struct wf_patch){
        .next = wf->patches,
        .id = wf_workflow_keep_text(wf, id),
    };
    wf->patches = patch;
    return patch;
}

// Those of the journal, once, and only if it has any.
static void
read_patches(weft_workflow *wf)
{
    const struct wf_journal *journal = &wf->actor->journal;
    struct wf_journal_cursor cursor = {.journal = journal};
    uint64_t left = wf->has_read_patches ? 0 : journal->patches;
    struct wf_entry entry;

    wf->has_read_patches = true;
    while (left > 0 && wf_journal_next(&cursor, &entry)) {
        if (entry.type == WF_ENTRY_PATCH) {
            add(wf, entry.name)->is_recorded = true;
            left--;
        }
    }
}

// What the code is told from now on. NULL: it may not ask, or is unwinding.
static struct wf_patch *
decide(weft_workflow *wf, const char *id, bool is_deprecated)
{
    struct wf_patch *patch;

    if (wf_name_check("patch", id, WF_NAME_BYTES_MAX) != WEFT_OK) {
        // Whichever way it went, it would be the wrong one for somebody.
        if (wf->divergence == NULL) {
            wf->divergence = wf_strdup(weft_err_detail());
        }
        wf->is_unwinding = true;
        return NULL;
    }
    read_patches(wf);
    patch = find(wf, weft_text(id));
    if (patch == NULL) {
        patch = add(wf, weft_text(id));
    }
    if (!patch->is_known) {
        patch->is_known = true;
        patch->is_new =
            is_deprecated || patch->is_recorded || !wf->is_replaying;
    }
    if (patch->is_new && !patch->is_recorded && !wf->is_replaying) {
        patch->is_recorded = true;
        wf_replay_record(wf, &(struct wf_entry){
                                 .type = WF_ENTRY_PATCH,
                                 .name = weft_text(id),
                             });
    }
    return patch;
}

int
weft_workflow_patched(weft_workflow *wf, const char *id)
{
    const struct wf_patch *patch = NULL;
    weft_err err = wf_replay_check_caller(wf);

    if (err == WEFT_OK) {
        patch = decide(wf, id, false);
    } else if (err == WEFT_EUNWIND && id != NULL) {
        patch = find(wf, weft_text(id)); // clean-up goes the way the code went
    }
    return patch != NULL && patch->is_new;
}

weft_err
weft_workflow_deprecate_patch(weft_workflow *wf, const char *id)
{
    weft_err err = wf_replay_check_caller(wf);

    if (err == WEFT_OK && decide(wf, id, true) == NULL) {
        err = WEFT_EUNWIND;
    }
    return err;
}
