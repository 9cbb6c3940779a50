// SPDX-License-Identifier: Apache-2.0
//
// job_rig.h - a worker without a thread of its own, whose node is played by the
// test, on a clock of the test's own.

#ifndef WF_TESTS_UNIT_JOB_RIG_H
#define WF_TESTS_UNIT_JOB_RIG_H

#include <stdint.h>

#include "base/list.h"
#include "runtime/request.h"
#include "runtime/worker_impl.h"
#include "runtime/workers.h"
#include "weft/definitions.h"

#define RIG_MS_NS 1000000ULL
#define RIG_LEASE_MS 3000

extern struct rig {
    weft_definitions *definitions;
    weft_client *client;
    struct wf_list posted; // requests that wait for an answer
    weft_err prepare_err;  // of a request that is made
    weft_worker worker;
    uint64_t now_ns;
    weft_err outcome; // of the activity
    uint32_t runs;
} rig;

// It has one activity, "work", which gives back its input, "in".
void rig_open(void);
void rig_close(void);

// The oldest of this verb that waits for an answer; fails the test if none
// does.
struct wf_request *rig_posted(weft_verb verb);
void rig_answer(weft_verb verb, weft_err err);
// lease may be NULL.
void rig_answer_with(weft_verb verb, weft_err err, const weft_lease *lease);
// The lease that it asks for is its own.
void rig_grant(const char *activity);

// Its queue offers it an attempt of that caller; the first of caller "1".
void rig_offer_of(uint64_t offer, const char *caller, struct wf_token attempt);
void rig_offer(uint64_t number);

// The only one that it has; NULL: there is none.
struct wf_worker_job *rig_job(void);
// Everything that is due now. When it wants to be looked at again, in ms.
uint64_t rig_step(void);

#endif
