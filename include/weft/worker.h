// SPDX-License-Identifier: Apache-2.0
//
// worker.h - run the activities of a task queue (task_queue.h).
//
// A worker asks its queue for offers, leases what it gets, runs the functions
// of its definitions on threads of its own, and says how they ended. Their code
// is that of any activity. While one runs its lease is renewed; a worker that
// dies lets it pass, and another one gets the next attempt, with the same key.
// (Temporal: activity worker.)

#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include <stdint.h>

#include "weft/activity.h"
#include "weft/client.h"
#include "weft/task_queue.h"

#ifdef __cplusplus
extern "C" {
#endif

// Workers. --------------------------------------------------------------------

// Life:     open -> (drain) -> close, before its client is closed.
// Threads:  any thread may call drain at any time; close is the last call.
typedef struct weft_worker weft_worker;

// Start from WEFT_WORKER_OPTIONS_INIT. Zero means the default given.
typedef struct weft_worker_options {
    size_t struct_size;
    const char *task_queue; // required
    // Required: the activities that it runs. What else is in it is not looked
    // at. Borrowed until close; may be that of a node.
    const weft_definitions *definitions;
    uint32_t parallel;    // attempts at a time, to 1,000; default 16
    uint32_t lease_ms;    // 1,000 to 600,000; default 10,000
    const char *identity; // for people; 1 to 63 bytes; default "worker"
} weft_worker_options;

#define WEFT_WORKER_OPTIONS_INIT                                               \
    {                                                                          \
        .struct_size = sizeof(weft_worker_options)                             \
    }

// Begin to poll. The client is the worker's until close: nobody else submits
// requests to it or dispatches it.
//
// Waits for the queue's first answer, at most the client's timeout.
//
// WEFT_EINVAL    an option is missing or out of range
// WEFT_ENOTFOUND the client's node has no task queues
// WEFT_EBUSY     no thread can be made, or the node takes no calls just now;
//                with that, WEFT_EFULL and WEFT_ETIMEDOUT nothing has begun,
//                and it may be opened again
WEFT_API weft_err weft_worker_open(weft_client *client,
                                   const weft_worker_options *options,
                                   weft_worker **out_worker);

// Take nothing new, give back what has not begun, and wait until what runs has
// ended and its results are accepted. A worker that was drained stays so.
//
// WEFT_ETIMEDOUT  something still runs; it goes on
// WEFT_EINVAL     called from a handler, a workflow, a step or a query
WEFT_API weft_err weft_worker_drain(weft_worker *worker, uint32_t timeout_ms);

// Free the worker; NULL is allowed. What has not begun is given back. What runs
// is told to stop; this waits for its functions to return, and their outcomes
// are dropped: those attempts are lost when their lease is over. Drain first.
// From a handler, a workflow, a step or a query it does nothing.
WEFT_API void weft_worker_close(weft_worker *worker);

// The protocol, for workers that are made otherwise. --------------------------
//
// 1. Poll: ask (WEFT_VERB_ASK) the actor {"task_queue", NAME} "poll", with the
//    msgpack map
//      poller   bin of 16 bytes: this poller's own, the same for all its polls
//      credit   uint to 1,000: how many offers at most; 0: none, do not wait
//      taken    array of uint: ids of offers that were leased, or found to be
//               over, since the last poll (may be missing)
//      wait_ms  uint to 60,000: answer with none after so long; default 20,000
//      bye      true: forget this poller; what it was given goes to others
//    The answer is the map {offers: [{id: uint, token: str, activity: str}]}.
//    A poller has one poll that waits: a newer one has the older answered with
//    none.
// 2. WEFT_VERB_LEASE each offer by its token. WEFT_ENOTFOUND means that it is
//    over, another worker has it or it is paused: forget it. Either way its id
//    is in the `taken` of the next poll, which follows at once; with credit 0,
//    if nothing more is wanted.
// 3. WEFT_VERB_RENEW each lease in time. WEFT_ECANCELLED: its caller asks it to
//    stop; the lease was renewed. WEFT_ENOTFOUND: it is over, drop it.
//    WEFT_VERB_HEARTBEAT renews as well.
// 4. WEFT_VERB_COMPLETE or WEFT_VERB_FAIL, by token, until that is answered;
//    one that was asked to stop and did fails by the name "WEFT_ECANCELLED". Or
//    WEFT_VERB_RELEASE, if it was not begun, or WEFT_VERB_DEFER, if from now on
//    somebody else completes it by token, with no lease.
//
// `worker` of a request names who leases, and is the same in what follows. It
// should be one that no other worker has.

// The answer to WEFT_VERB_LEASE, in weft_reply.lease: all that running it
// takes. That of WEFT_VERB_RENEW has no input, headers and details.
typedef struct weft_lease {
    const char *activity;
    weft_bytes input;
    weft_bytes headers;    // pairs, read with weft_pairs_next (start.h)
    uint32_t attempt;      // from 1, again after a reset
    const char *key;       // idempotency key: 32 hexadecimal characters
    weft_bytes details;    // of the last heartbeat of an earlier attempt
    const char *caller_id; // "namespace/kind/id"
    weft_activity_timeouts timeouts; // 0: none
    uint64_t leased_at_ms;
    uint64_t deadline_ms; // when the attempt is over at the latest; 0: never
    uint32_t lease_ms;
    int is_paused; // by an operator: weft_activity_is_paused
    int is_cancel_requested;
} weft_lease;

#ifdef __cplusplus
}
#endif

#endif
