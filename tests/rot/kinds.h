// SPDX-License-Identifier: Apache-2.0
//
// kinds.h - what lives in the directories that are damaged: something of each
// sort that a store keeps.
//
//   account   money and tallies (support/account.h): messages, timers
//   order     a workflow: activity, sleep, value, signal, child, published
//   leaf      its child
//   pile      a workflow that is paused while signals pile up, into rows
//   shelf     an actor with values by key, some of them large
//   note      an actor that has finished
//   offer     a workflow whose activity waits in a task queue
//   counter   support/counter.h

#ifndef WF_TESTS_ROT_KINDS_H
#define WF_TESTS_ROT_KINDS_H

#include <stdint.h>

#include "weft/weft.h"

weft_definitions *kinds_define(void);

// How much is done in one phase of a directory's life.
struct kinds_feed {
    uint32_t phase;     // 0, 1, 2, 3
    uint32_t scale;     // 1: some tens of instances
    uint32_t letters;   // into the pile
    uint32_t big_bytes; // of the largest value on the shelf
};

// The error of the first call that failed.
weft_err kinds_feed(weft_client *client, const struct kinds_feed *feed);

weft_err kinds_feed_more(weft_client *client, const struct kinds_feed *feed);

// What those wait for who wait for the world: then all can end by itself within
// KINDS_FINISH_MS. Calls that fail are counted; the last one's detail is
// weft_err_detail's.
#define KINDS_FINISH_MS (9ULL * 60 * 1000)
uint32_t kinds_finish(weft_client *client, const struct kinds_feed *last);

#endif
