// SPDX-License-Identifier: Apache-2.0
//
// timeouts.c - when an attempt has taken too long.
//
// A worker's attempt begins and shows signs of life without telling: the task's
// stamps are looked at when a timeout could have struck.

#include "runtime/commands_impl.h"
#include "runtime/partition_impl.h"
#include "runtime/task.h"

uint64_t
wf_timeouts_next(const struct wf_partition *partition,
                 const struct wf_command *command, const char **out_name,
                 bool *out_is_final)
{
    const weft_activity_timeouts timeouts =
        wf_commands_policy(partition, command).timeouts;
    const struct wf_task *task = command->task;
    uint64_t started = command->leased_ms > 0 ? command->leased_ms
                       : command->is_deferred ? command->attempt_ms
                                              : 0;
    uint64_t beat = command->beat_ms > started ? command->beat_ms : started;
    uint64_t due = UINT64_MAX;

    if (task != NULL) {
        started = atomic_load(&task->started_at_ms);
        beat = atomic_load(&task->beat_at_ms);
        beat = beat > started ? beat : started;
    }
#define CONSIDER(base, limit, name, is_final)                                  \
    if ((limit) != 0 && (limit) < UINT64_MAX - (base) &&                       \
        (base) + (limit) < due) {                                              \
        due = (base) + (limit);                                                \
        *out_name = (name);                                                    \
        *out_is_final = (is_final);                                            \
    }
    CONSIDER(command->opened_ms, timeouts.schedule_to_close_ms,
             "timeout.schedule_to_close", true)
    if (command->is_offered) {
        CONSIDER(command->attempt_ms, timeouts.schedule_to_start_ms,
                 "timeout.schedule_to_start", true)
    }
    if (!wf_command_is_running(command)) {
        return due; // the others are about an attempt that was given out
    }
    if (started == 0) {
        CONSIDER(command->attempt_ms, timeouts.schedule_to_start_ms,
                 "timeout.schedule_to_start", true)
        // It may start at any time: look again when it could be over.
        CONSIDER(partition->now_ms, timeouts.start_to_close_ms, "", false)
        CONSIDER(partition->now_ms, timeouts.heartbeat_ms, "", false)
    } else {
        CONSIDER(started, timeouts.start_to_close_ms, "timeout.start_to_close",
                 false)
        CONSIDER(beat, timeouts.heartbeat_ms, "timeout.heartbeat", false)
    }
    if (command->is_leased) {
        CONSIDER(command->renewed_ms, command->lease_ms, WF_TIMEOUT_LEASE,
                 false)
    }
#undef CONSIDER
    return due;
}

void
wf_timeouts_watch(struct wf_partition *partition, struct wf_command *command)
{
    const char *name = "";
    bool is_final = false;
    uint64_t due = wf_timeouts_next(partition, command, &name, &is_final);

    wf_alarm_clear(partition, &command->alarm);
    if (due != UINT64_MAX) {
        wf_alarm_set(partition, &command->alarm, due);
    }
}
