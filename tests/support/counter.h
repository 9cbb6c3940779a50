// SPDX-License-Identifier: Apache-2.0
//
// counter.h - a kind "counter": every signal adds one, any query gives the
// number as a uint64_t.

#ifndef WF_TESTS_SUPPORT_COUNTER_H
#define WF_TESTS_SUPPORT_COUNTER_H

#include "weft/weft.h"

weft_err counter_define(weft_definitions *definitions);
// Ask for the number; 0 with an error.
weft_err counter_read(weft_client *client, const char *id, uint64_t *out_value);
weft_err counter_add(weft_client *client, const char *id);

#endif
