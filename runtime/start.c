// SPDX-License-Identifier: Apache-2.0
//
// start.c - see start.h.

#include "runtime/start.h"

#include "base/error.h"

weft_err
wf_start_check(const weft_start_options *options)
{
    if (options->struct_size != sizeof(*options)) {
        return wf_error(WEFT_EINVAL,
                        "start options: start from WEFT_START_OPTIONS_INIT");
    }
    if (options->reuse != WEFT_REUSE_ALLOW &&
        options->reuse != WEFT_REUSE_AFTER_FAILURE &&
        options->reuse != WEFT_REUSE_REJECT) {
        return wf_error(WEFT_EINVAL,
                        "start options: reuse is %d, which is none",
                        (int)options->reuse);
    }
    if (options->conflict != WEFT_CONFLICT_FAIL &&
        options->conflict != WEFT_CONFLICT_USE_EXISTING) {
        return wf_error(WEFT_EINVAL,
                        "start options: conflict is %d, which is none",
                        (int)options->conflict);
    }
    return WEFT_OK;
}
