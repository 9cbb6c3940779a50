// SPDX-License-Identifier: Apache-2.0
//
// ready.c - the actors that have something to do. See ready.h.

#include "runtime/ready.h"

#include "base/assert.h"
#include "base/limits.h"
#include "runtime/actor.h"

// So many turns without a rest are what a burst of messages makes.
#define PATIENT_TURNS 64

void
wf_ready_init(struct wf_ready *ready, uint32_t share_bytes)
{
    *ready = (struct wf_ready){
        .segment = 1,
        .share_bytes = share_bytes > 0 ? share_bytes : WF_SHARE_BYTES,
    };
    wf_list_init(&ready->fresh);
    wf_list_init(&ready->again);
    wf_list_init(&ready->spent);
}

static void
put(struct wf_list *list, struct wf_actor *actor)
{
    actor->ready.list = list;
    wf_list_push_back(list, &actor->ready.node);
}

void
wf_ready_add(struct wf_ready *ready, struct wf_actor *actor)
{
    struct wf_ready_place *place = &actor->ready;

    if (place->segment == ready->segment && place->used > ready->share_bytes) {
        put(&ready->spent, actor);
    } else if (actor == ready->running) {
        put(&ready->again, actor);
    } else {
        put(&ready->fresh, actor);
    }
}

void
wf_ready_remove(struct wf_actor *actor)
{
    wf_list_remove(actor->ready.list, &actor->ready.node);
}

struct wf_actor *
wf_ready_take(struct wf_ready *ready)
{
    bool is_again = ready->again.count > 0 && (ready->fresh.count == 0 ||
                                               ready->passed >= WF_READY_AGAIN);
    struct wf_list_node *node =
        wf_list_pop_front(is_again ? &ready->again : &ready->fresh);
    struct wf_actor *actor;

    WF_ASSERT(ready->running == NULL);
    if (node == NULL) {
        return NULL;
    }
    actor = WF_CONTAINER(node, struct wf_actor, ready.node);
    actor->ready.turns = is_again ? actor->ready.turns + 1 : 0;
    ready->passed = is_again ? 0 : ready->passed + 1;
    ready->running = actor;
    return actor;
}

void
wf_ready_ran(struct wf_ready *ready, struct wf_actor *actor, uint64_t bytes)
{
    struct wf_ready_place *place = &actor->ready;

    WF_ASSERT(ready->running == actor);
    ready->running = NULL;
    if (place->segment != ready->segment) {
        place->segment = ready->segment;
        place->used = 0;
    }
    place->used = ready->is_spent || bytes > UINT32_MAX - place->used
                      ? UINT32_MAX
                      : place->used + (uint32_t)bytes;
    ready->is_spent = false;
    if (place->used > ready->share_bytes && wf_ready_has(place)) {
        wf_ready_remove(actor);
        put(&ready->spent, actor);
    }
}

void
wf_ready_spend(struct wf_ready *ready)
{
    ready->is_spent = ready->running != NULL;
}

bool
wf_ready_is_patient(const struct wf_ready *ready)
{
    return ready->running != NULL &&
           ready->running->ready.turns >= PATIENT_TURNS;
}

void
wf_ready_renew(struct wf_ready *ready)
{
    struct wf_list_node *node;

    ready->segment++;
    while ((node = wf_list_pop_front(&ready->spent)) != NULL) {
        put(&ready->again, WF_CONTAINER(node, struct wf_actor, ready.node));
    }
}
