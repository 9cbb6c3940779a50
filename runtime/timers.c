// SPDX-License-Identifier: Apache-2.0
//
// timers.c - see timers.h.
//
//   T1  the index has all timers that have a name, or none
//
// Those of workflows have no names worth finding, and there may be a hundred
// thousand: "" is not indexed.

#include "runtime/timers.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "runtime/actor.h"

// Shorter lists are walked.
#define INDEXED_MIN 32

static uint64_t
hash_of(const struct wf_actor *actor, const char *name)
{
    return wf_hash64(name, strlen(name), actor->hash);
}

static bool
has_name(const void *item, const void *name)
{
    return strcmp(((const struct wf_timer *)item)->name, name) == 0;
}

static void
index_one(struct wf_actor *actor, struct wf_timer *timer)
{
    if (timer->name[0] != '\0') {
        wf_table_add(&actor->timer_names, hash_of(actor, timer->name), timer);
    }
}

static void
index_all(struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->timers.list);

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        index_one(actor, WF_CONTAINER(node, struct wf_timer, node));
    }
}

struct wf_timer *
wf_timers_add(struct wf_actor *actor, uint32_t id, weft_bytes name)
{
    struct wf_timer *timer = wf_calloc(sizeof(*timer));

    timer->actor = actor;
    timer->id = id;
    timer->alarm = (struct wf_alarm){.type = WF_ALARM_TIMER, .owner = timer};
    wf_own_text(&timer->name, name);
    wf_opened_add(&actor->timers, &timer->node);
    if (actor->timer_names.count > 0) {
        index_one(actor, timer);
    } else if (timer->name[0] != '\0' &&
               actor->timers.list.count >= INDEXED_MIN) {
        index_all(actor);
    }
    return timer;
}

static void
forget_index(struct wf_actor *actor)
{
    wf_table_fini(&actor->timer_names); // which leaves it empty and usable
}

void
wf_timers_remove(struct wf_actor *actor, struct wf_timer *timer)
{
    if (actor->timer_names.count > 0 && timer->name[0] != '\0') {
        wf_table_remove(&actor->timer_names, hash_of(actor, timer->name),
                        timer);
    }
    wf_opened_remove(&actor->timers, &timer->node);
    wf_timer_destroy(timer);
    if (actor->timers.list.count == 0) {
        forget_index(actor);
    }
}

void
wf_timers_clear(struct wf_actor *actor)
{
    struct wf_list_node *node;

    forget_index(actor);
    while ((node = wf_opened_pop(&actor->timers)) != NULL) {
        wf_timer_destroy(WF_CONTAINER(node, struct wf_timer, node));
    }
}

struct wf_timer *
wf_timers_find(const struct wf_actor *actor, const char *name)
{
    struct wf_list_node *node = wf_list_first(&actor->timers.list);

    WF_ASSERT(name[0] != '\0');
    if (actor->timer_names.count > 0) {
        return wf_table_find(&actor->timer_names, hash_of(actor, name),
                             has_name, name);
    }
    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        struct wf_timer *timer = WF_CONTAINER(node, struct wf_timer, node);

        if (has_name(timer, name)) {
            return timer;
        }
    }
    return NULL;
}
