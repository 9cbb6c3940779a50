// SPDX-License-Identifier: Apache-2.0
//
// wakes.c - every live actor has something that will wake it.

#include "history/wakes.h"

#include <string.h>

static const struct wakes_actor *
find(const struct wakes_actor *actors, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(actors[i].name, name) == 0) {
            return &actors[i];
        }
    }
    return NULL;
}

// Will the callee answer? One that runs will, if somebody wakes it, which is
// asked of it in its turn; or it will as soon as it has a mailbox.
static bool
will_answer(const struct wakes_actor *callee, const struct wakes_actor *caller,
            bool is_child)
{
    if (callee == NULL) {
        return false;
    }
    if (is_child && callee->is_running &&
        strcmp(callee->parent, caller->name) == 0) {
        return true;
    }
    return callee->mailbox > 0 || (!is_child && callee->is_running);
}

static bool
has_waker(const struct wakes_actor *actors, size_t count,
          const struct wakes_actor *actor, uint64_t under_way)
{
    bool is_waiting_for_call = false;

    if (actor->mailbox > 0 || actor->timers > 0 || actor->activities > 0 ||
        actor->receives > 0 || actor->has_alarm) {
        return true;
    }
    for (size_t i = 0; i < actor->calls_count; i++) {
        is_waiting_for_call |=
            under_way > 0 ||
            will_answer(find(actors, count, actor->calls[i].callee), actor,
                        actor->calls[i].is_child);
    }
    return is_waiting_for_call;
}

void
wakes_check(const struct wakes_actor *actors, size_t count, uint64_t under_way,
            struct history_faults *faults)
{
    for (size_t i = 0; i < count; i++) {
        const struct wakes_actor *actor = &actors[i];

        if (!actor->is_running || actor->is_held) {
            continue;
        }
        // An actor with handlers may rest: whoever sends to it wakes it.
        if (actor->is_sequential &&
            !has_waker(actors, count, actor, under_way)) {
            history_fault(faults, "nothing will wake %s", actor->name);
        }
        for (size_t k = 0; k < actor->calls_count; k++) {
            const struct wakes_call *call = &actor->calls[k];

            if (under_way == 0 && actor->mailbox == 0 &&
                !will_answer(find(actors, count, call->callee), actor,
                             call->is_child)) {
                history_fault(faults, "%s waits for %s, which will not answer",
                              actor->name, call->callee);
            }
        }
    }
}
