// SPDX-License-Identifier: Apache-2.0
//
// task.c - making and freeing activity attempts and heartbeats.

#include "runtime/task.h"

#include "base/alloc.h"

// What a struct owns through a pointer to const.
static void
free_bytes(weft_bytes *bytes)
{
    wf_free((void *)(uintptr_t)bytes->data);
    *bytes = weft_nothing();
}

void
wf_outcome_fini(struct wf_outcome *outcome)
{
    wf_free(outcome->name);
    wf_free(outcome->message);
    free_bytes(&outcome->data);
    *outcome = (struct wf_outcome){.err = WEFT_OK};
}

struct wf_task *
wf_task_create(void)
{
    return wf_calloc(sizeof(struct wf_task));
}

void
wf_task_destroy(struct wf_task *task)
{
    if (task == NULL) {
        return;
    }
    wf_key_fini(&task->caller);
    free_bytes(&task->input);
    free_bytes(&task->details);
    free_bytes(&task->headers);
    wf_outcome_fini(&task->outcome);
    wf_free(task);
}

void
wf_beat_destroy(struct wf_beat *beat)
{
    if (beat == NULL) {
        return;
    }
    wf_key_fini(&beat->caller);
    free_bytes(&beat->details);
    wf_free(beat);
}

uint64_t
wf_task_now_ms(const struct wf_task *task, const struct wf_clock *clock)
{
    uint64_t now_ns = clock->mono_ns(clock->self);
    uint64_t now_ms = task->given_at_ms + (now_ns - task->given_ns) / 1000000;

    return now_ms == 0 ? 1 : now_ms; // 0 means "not yet"
}
