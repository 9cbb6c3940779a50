// SPDX-License-Identifier: Apache-2.0
//
// codec_instance.h - the table of a weft_description.

#ifndef WF_REMOTE_CODEC_INSTANCE_H
#define WF_REMOTE_CODEC_INSTANCE_H

#include "remote/codec_field.h"

// "", "running" and so on, in order of weft_status.
extern const char *const wf_codec_instance_statuses[];

extern const struct wf_codec_field wf_codec_instance_fields[];

#endif
