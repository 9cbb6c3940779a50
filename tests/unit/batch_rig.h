// SPDX-License-Identifier: Apache-2.0
//
// batch_rig.h - a node for batches, and a client of it: batch_near.c in memory
// on a clock that skips, batch_far.c on a disk and over the wire.

#ifndef WF_TESTS_UNIT_BATCH_RIG_H
#define WF_TESTS_UNIT_BATCH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "support/test.h"
#include "weft/client.h"
#include "weft/definitions.h"

weft_client *batch_rig_open(weft_definitions *definitions);
void batch_rig_close(void);
// For what is under way to go on.
void batch_rig_go_on(void);
// Its clock goes on by itself from now on, and says this.
void batch_rig_tick(void);
uint64_t batch_rig_now_ms(void);
// Is it the real time?
extern const bool batch_rig_is_far;

#endif
