// SPDX-License-Identifier: Apache-2.0
//
// payload.h - fail a payload from outside payload.c.

#ifndef WF_RUNTIME_PAYLOAD_H
#define WF_RUNTIME_PAYLOAD_H

#include "weft/payload.h"

// Make this the payload's failure, unless it has one already.
void wf_payload_fail(weft_payload *payload, weft_err err, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

// The payload's failure with its detail, or WEFT_OK, also while it is
// unfinished.
weft_err wf_payload_failure(const weft_payload *payload);

#endif
