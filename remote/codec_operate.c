// SPDX-License-Identifier: Apache-2.0
//
// codec_operate.c - see codec_operate.h.

#include "remote/codec_operate.h"

#include "base/limits.h"
#include "weft/operate.h"

static const char *const points[] = {"beginning", "entry", "first_failed",
                                     "last_activity", NULL};

#define IN(member) .at = offsetof(weft_operator, member)
const struct wf_codec_field wf_codec_operate_by[] = {
    {"who", WF_CODEC_TEXT, IN(who), .max = WF_NAME_BYTES_MAX},
    {"why", WF_CODEC_TEXT, IN(why), .max = WF_WHY_BYTES_MAX},
    {NULL},
};
#undef IN

#define IN(member) .at = offsetof(weft_point, member)
const struct wf_codec_field wf_codec_operate_point[] = {
    {"type", WF_CODEC_NAMED, IN(type), .names = points},
    {"entry", WF_CODEC_U64, IN(entry)},
    {NULL},
};
#undef IN

#define IN(member) .at = offsetof(weft_activity_timeouts, member)
const struct wf_codec_field wf_codec_operate_timeouts[] = {
    {"schedule_to_start_ms", WF_CODEC_U64, IN(schedule_to_start_ms)},
    {"start_to_close_ms", WF_CODEC_U64, IN(start_to_close_ms)},
    {"schedule_to_close_ms", WF_CODEC_U64, IN(schedule_to_close_ms)},
    {"heartbeat_ms", WF_CODEC_U64, IN(heartbeat_ms)},
    {NULL},
};
#undef IN
