// SPDX-License-Identifier: Apache-2.0
//
// kinds.h - a workflow that does as much of one thing as its input says.

#ifndef WF_SCALE_KINDS_H
#define WF_SCALE_KINDS_H

#include "weft/definitions.h"

// "scale", its children of kind "child", and the activity "work". Of the
// caller.
weft_definitions *scale_definitions(void);

#endif
