// SPDX-License-Identifier: Apache-2.0
//
// task_queue.h - activities that are run by the workers of a named queue.
//
// An activity whose definition or call has a task_queue (activity.h) is not
// run by its caller's node. Each of its attempts is offered to the queue, an
// actor of the kind "task_queue" whose id is the queue's name, and taken by a
// worker (worker.h), in this process or another one. Who called it sees no
// difference: retries, timeouts, heartbeats, cancellation, operations and the
// idempotency key are what they are for any activity. The truth about an
// attempt stays with its caller; the queue only brings the two together, and
// whatever it loses is offered again. (Temporal: task queue.)
//
//     caller --offer--> queue <--poll-- worker
//        ^                                |
//        +---- lease, renew, complete ----+
//
// Offers are handed out in the order in which they came, to the polls that wait
// longest, one each. One that was handed out and not confirmed goes back to the
// front: at the next poll of the same poller after 10 s, or when that was not
// heard for 10 s. A poll whose answer nobody waits for is handed nothing.
//
// What a queue answers to queries (weft_client_query): "depth", offers that
// wait; "handed", those handed out and not confirmed; "pollers", those heard in
// the last 30 s; "waiting", polls that wait. Each a msgpack integer. "stats" is
// a map of all of them, and of "offered", "taken" and "returned", which count
// since the queue began.

#ifndef WEFT_TASK_QUEUE_H
#define WEFT_TASK_QUEUE_H

#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_TASK_QUEUE_KIND "task_queue"

// Let nodes with these definitions have task queues. A queue needs no start: it
// begins with the first offer or poll, and anew if somebody terminates it.
//
// WEFT_EEXISTS  they are there already, or another kind has that name
WEFT_API weft_err
weft_definitions_add_task_queues(weft_definitions *definitions);

#ifdef __cplusplus
}
#endif

#endif
