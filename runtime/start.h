// SPDX-License-Identifier: Apache-2.0
//
// start.h - the options of a start: checked.

#ifndef WF_RUNTIME_START_H
#define WF_RUNTIME_START_H

#include "weft/error.h"
#include "weft/start.h"

// WEFT_EINVAL   a field is out of range; the detail names it
weft_err wf_start_check(const weft_start_options *options);

#endif
