// SPDX-License-Identifier: Apache-2.0
//
// victim_worker.h - who works for the task queues of the victim's programs, on
// its own node.

#ifndef WF_TESTS_CRASH_VICTIM_WORKER_H
#define WF_TESTS_CRASH_VICTIM_WORKER_H

#include "crash/victim_client.h"

struct victim_workers;

// definitions are borrowed until the join.
struct victim_workers *
victim_workers_start(struct victim_run *run,
                     const weft_definitions *definitions);
// Waits until the run's mode says stop.
void victim_workers_join(struct victim_workers *workers);

#endif
