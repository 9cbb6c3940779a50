// SPDX-License-Identifier: Apache-2.0
//
// alarm.c - what falls due in a partition, and what is done then.
//
// All alarms are in one heap. One that goes off is taken out first, so whoever
// it is for may set it again.

#include "runtime/alarm.h"

#include "runtime/edge.h"
#include "runtime/outcome.h"
#include "runtime/partition_impl.h"
#include "runtime/route.h"

void
wf_alarm_set(struct wf_partition *partition, struct wf_alarm *alarm,
             uint64_t due)
{
    if (wf_heap_has(&alarm->heap)) {
        wf_heap_remove(&partition->alarms, &alarm->heap);
    }
    wf_heap_add(&partition->alarms, &alarm->heap, due);
}

void
wf_alarm_clear(struct wf_partition *partition, struct wf_alarm *alarm)
{
    if (wf_heap_has(&alarm->heap)) {
        wf_heap_remove(&partition->alarms, &alarm->heap);
    }
}

// That of a plain actor stays until its letter is handled. Its kind may not be
// registered here, but without a journal it is no workflow's.
static void
fire_timer(struct wf_partition *partition, struct wf_timer *timer)
{
    struct wf_buf ops = {0};

    if (timer->actor->journal.count > 0) {
        wf_buf_put_u8(&ops, WF_OP_TIMER_CLEAR);
        wf_buf_put_varint(&ops, timer->id);
    } else {
        wf_buf_put_u8(&ops, WF_OP_TIMER_SET);
        wf_buf_put_varint(&ops, timer->id);
        wf_buf_put_varint(&ops, 0);
        wf_buf_put_text(&ops, timer->name);
    }
    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_letter_put(
        &(struct wf_letter){
            .type = WF_LETTER_TIMER,
            .sender_run = timer->actor->run,
            .call = timer->id,
            .name = weft_text(timer->name),
        },
        &ops);
    (void)wf_write_actor(partition, timer->actor, &ops, false);
    wf_buf_fini(&ops);
}

static void
count_timer(struct wf_partition *partition, const struct wf_timer *timer)
{
    struct wf_tally *tally = partition->options.tally;

    wf_tally_kind(tally, timer->actor->kind, WF_KIND_TIMERS);
    if (tally != NULL) {
        wf_histogram_add(&tally->timer_late_ns, WF_TALLY_NS,
                         (partition->now_ms - timer->due) * 1000000U);
    }
}

static void
fire(struct wf_partition *partition, struct wf_alarm *alarm)
{
    switch (alarm->type) {
    case WF_ALARM_TIMER:
        count_timer(partition, alarm->owner);
        fire_timer(partition, alarm->owner);
        break;
    case WF_ALARM_COMMAND:
        wf_commands_alarm(partition, alarm->owner);
        break;
    case WF_ALARM_RETRY:
        wf_turn_schedule(partition, alarm->owner);
        wf_edge_turned(partition, alarm->owner);
        wf_commands_start(partition, alarm->owner); // its step, too
        break;
    case WF_ALARM_DEADLINE:
        wf_outcome_time_out(partition, alarm->owner);
        break;
    case WF_ALARM_WAKE:
        wf_wake_fire(partition, alarm);
        break;
    case WF_ALARM_LINK:
        wf_route_resend(partition, alarm->owner);
        break;
    case WF_ALARM_AHEAD:
        wf_wake_read_ahead(partition);
        break;
    case WF_ALARM_SWEEP:
        wf_retention_sweep(partition);
        break;
    case WF_ALARM_WINDOWS:
        wf_window_silence(partition);
        wf_alarm_set(partition, alarm,
                     partition->now_ms + WF_CLIENT_SILENCE_MS / 24);
        break;
    }
}

void
wf_alarm_tick(struct wf_partition *partition)
{
    for (uint32_t i = 0; i < WF_TIMERS_PER_TICK; i++) {
        struct wf_heap_node *first = wf_heap_first(&partition->alarms);

        if (first == NULL || first->due > partition->now_ms) {
            break;
        }
        wf_heap_remove(&partition->alarms, first);
        fire(partition, WF_CONTAINER(first, struct wf_alarm, heap));
    }
}

void
wf_alarm_fini(struct wf_partition *partition)
{
    while (partition->alarms.count > 0) {
        struct wf_alarm *alarm = WF_CONTAINER(wf_heap_first(&partition->alarms),
                                              struct wf_alarm, heap);
        wf_heap_remove(&partition->alarms, &alarm->heap);
        if (alarm->type == WF_ALARM_WAKE) {
            wf_wake_drop(alarm);
        }
    }
    wf_heap_fini(&partition->alarms);
}
