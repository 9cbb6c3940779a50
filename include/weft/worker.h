// SPDX-License-Identifier: Apache-2.0
//
// worker.h - what a worker of a task queue (task_queue.h) says to its queue and
// to the callers of the activities that it runs.

#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include <stdint.h>

#include "weft/activity.h"
#include "weft/client.h"
#include "weft/task_queue.h"

#ifdef __cplusplus
extern "C" {
#endif

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
