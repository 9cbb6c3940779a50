// SPDX-License-Identifier: Apache-2.0
//
// timers.h - an actor's timers by name.
//
// They are kept by number, as all that an actor has open is. The code of a
// plain actor knows them by names, one timer for each; a task queue has one for
// each of its pollers. A long list has an index of names too.

#ifndef WF_RUNTIME_TIMERS_H
#define WF_RUNTIME_TIMERS_H

#include <stdint.h>

#include "weft/bytes.h"

struct wf_actor;
struct wf_timer;

// A new one, which has no alarm yet. There is none of that number.
struct wf_timer *wf_timers_add(struct wf_actor *actor, uint32_t id,
                               weft_bytes name);
// Its alarm is cleared. Destroys it.
void wf_timers_remove(struct wf_actor *actor, struct wf_timer *timer);
// Remove and destroy all; their alarms are cleared.
void wf_timers_clear(struct wf_actor *actor);

// NULL if there is none.
struct wf_timer *wf_timers_find(const struct wf_actor *actor, const char *name);

#endif
