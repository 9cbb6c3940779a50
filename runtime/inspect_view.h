// SPDX-License-Identifier: Apache-2.0
//
// inspect_view.h - an actor as inspect.h shows it.
//
// A view owns what the shown struct points to, but for what it borrows from the
// actor. It is used again and again.

#ifndef WF_RUNTIME_INSPECT_VIEW_H
#define WF_RUNTIME_INSPECT_VIEW_H

#include <stdbool.h>

#include "base/key.h"
#include "weft/inspect.h"

struct wf_actor;
struct wf_view_block;

struct wf_view {
    struct wf_view_block *blocks; // private
    weft_inspect_actor shown;
};

// All zero is an empty view.
void wf_view_fini(struct wf_view *view); // leaves it empty and usable

// Fill in view->shown; borrowed from view, key and actor.
void wf_view_actor(struct wf_view *view, const struct wf_key *key,
                   const struct wf_actor *actor);
// The same for one that cannot be read.
void wf_view_problem(struct wf_view *view, const struct wf_key *key,
                     const char *problem);

// The body of a dead letter. False: it does not decode.
bool wf_view_dead_letter(struct wf_view *view, weft_bytes body,
                         weft_inspect_dead_letter *out_shown);

#endif
