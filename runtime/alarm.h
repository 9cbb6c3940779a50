// SPDX-License-Identifier: Apache-2.0
//
// alarm.h - one thing that falls due, in a partition's heap.

#ifndef WF_RUNTIME_ALARM_H
#define WF_RUNTIME_ALARM_H

#include "base/heap.h"

// What can wake something at a time, in the partition's heap.
enum wf_alarm_type {
    WF_ALARM_TIMER,    // a timer of an actor
    WF_ALARM_COMMAND,  // a retry or a timeout of an activity
    WF_ALARM_RETRY,    // a turn that failed, or a run that begins later
    WF_ALARM_DEADLINE, // of an instance
    WF_ALARM_WAKE,     // an actor that is not in memory
    WF_ALARM_LINK,     // frames to be sent again
    WF_ALARM_WINDOWS,  // client windows to be dropped
    WF_ALARM_AHEAD,    // wake rows to be read ahead
    WF_ALARM_SWEEP,    // finished instances to be removed
};

struct wf_alarm {
    struct wf_heap_node heap;
    enum wf_alarm_type type;
    void *owner;
};

#endif
