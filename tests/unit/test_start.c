// SPDX-License-Identifier: Apache-2.0
//
// Options of a start: what is refused.

#include "base/error.h"
#include "runtime/start.h"
#include "support/test.h"
#include "weft/weft.h"

static void
refuse(weft_start_options options, const char *detail)
{
    CHECK_ERR(wf_start_check(&options), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), detail);
}

TEST(start, options_out_of_range_are_refused_by_name)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    CHECK_OK(wf_start_check(&options));
    options.struct_size = 0;
    refuse(options, "start options: start from WEFT_START_OPTIONS_INIT");
    options = (weft_start_options)WEFT_START_OPTIONS_INIT;
    options.reuse = (weft_reuse)3;
    refuse(options, "start options: reuse is 3, which is none");
    options.reuse = WEFT_REUSE_REJECT;
    options.conflict = (weft_conflict)-1;
    refuse(options, "start options: conflict is -1, which is none");
}
