// SPDX-License-Identifier: Apache-2.0
//
// codec_operate.h - the tables of a weft_operator, a weft_point, and the
// timeouts of an activity.

#ifndef WF_REMOTE_CODEC_OPERATE_H
#define WF_REMOTE_CODEC_OPERATE_H

#include "remote/codec_field.h"

extern const struct wf_codec_field wf_codec_operate_by[];
extern const struct wf_codec_field wf_codec_operate_point[];
extern const struct wf_codec_field wf_codec_operate_timeouts[];

#endif
