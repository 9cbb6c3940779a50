// SPDX-License-Identifier: Apache-2.0
//
// timeouts.c - when an attempt has taken too long.
//
// A worker's attempt begins and shows signs of life without telling: the task's
// stamps are looked at when a timeout could have struck.

#include "runtime/commands_impl.h"
#include "runtime/partition_impl.h"
#include "runtime/task.h"

// What strikes first of all that was considered.
struct first {
    uint64_t due;
    const char *name;
    bool is_final;
};

static void
consider(struct first *first, uint64_t base, uint64_t limit, const char *name,
         bool is_final)
{
    if (limit != 0 && limit < UINT64_MAX - base && base + limit < first->due) {
        *first = (struct first){base + limit, name, is_final};
    }
}

// Of an attempt that was given out.
static void
consider_attempt(struct first *first, const struct wf_partition *partition,
                 const struct wf_command *command,
                 const weft_activity_timeouts *timeouts)
{
    const struct wf_task *task = command->task;
    uint64_t started = command->leased_ms > 0 ? command->leased_ms
                       : command->is_deferred ? command->attempt_ms
                                              : 0;
    uint64_t beat = command->beat_ms;

    if (task != NULL) {
        started = atomic_load(&task->started_at_ms);
        beat = atomic_load(&task->beat_at_ms);
    }
    if (started == 0) {
        consider(first, command->attempt_ms, timeouts->schedule_to_start_ms,
                 "timeout.schedule_to_start", true);
        // It may start at any time: look again when it could be over.
        consider(first, partition->now_ms, timeouts->start_to_close_ms, "",
                 false);
        consider(first, partition->now_ms, timeouts->heartbeat_ms, "", false);
    } else {
        consider(first, started, timeouts->start_to_close_ms,
                 "timeout.start_to_close", false);
        consider(first, beat > started ? beat : started, timeouts->heartbeat_ms,
                 "timeout.heartbeat", false);
    }
    if (command->is_leased) {
        consider(first, command->renewed_ms, command->lease_ms,
                 WF_TIMEOUT_LEASE, false);
    }
}

uint64_t
wf_timeouts_next(const struct wf_partition *partition,
                 const struct wf_command *command, const char **out_name,
                 bool *out_is_final)
{
    const weft_activity_timeouts timeouts =
        wf_commands_policy(partition, command).timeouts;
    struct first first = {UINT64_MAX, *out_name, *out_is_final};

    consider(&first, command->opened_ms, timeouts.schedule_to_close_ms,
             "timeout.schedule_to_close", true);
    if (command->is_offered) {
        consider(&first, command->attempt_ms, timeouts.schedule_to_start_ms,
                 "timeout.schedule_to_start", true);
    }
    if (wf_command_is_running(command)) {
        consider_attempt(&first, partition, command, &timeouts);
    }
    *out_name = first.name;
    *out_is_final = first.is_final;
    return first.due;
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
