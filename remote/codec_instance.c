// SPDX-License-Identifier: Apache-2.0
//
// codec_instance.c - see codec_instance.h.

#include "remote/codec_instance.h"

#include "weft/client.h"

const char *const wf_codec_instance_statuses[] = {
    "",          "running",    "completed", "failed",
    "cancelled", "terminated", "timed_out", NULL,
};

#define IN(member) .at = offsetof(weft_description, member)
const struct wf_codec_field wf_codec_instance_fields[] = {
    {"kind", WF_CODEC_TEXT, IN(kind)},
    {"id", WF_CODEC_TEXT, IN(id)},
    {"parent_kind", WF_CODEC_TEXT, IN(parent_kind)},
    {"parent_id", WF_CODEC_TEXT, IN(parent_id)},
    {"status", WF_CODEC_NAMED, IN(status), .names = wf_codec_instance_statuses},
    {"version", WF_CODEC_U32, IN(version)},
    {"run", WF_CODEC_U64, IN(run)},
    {"attempt", WF_CODEC_U32, IN(attempt)},
    {"created_at_ms", WF_CODEC_U64, IN(created_at_ms)},
    {"begins_at_ms", WF_CODEC_U64, IN(begins_at_ms)},
    {"deadline_ms", WF_CODEC_U64, IN(deadline_ms)},
    {"finished_at_ms", WF_CODEC_U64, IN(finished_at_ms)},
    {"mailbox_count", WF_CODEC_U64, IN(mailbox_count)},
    {"timers_count", WF_CODEC_U32, IN(timers_count)},
    {"activities_count", WF_CODEC_U32, IN(activities_count)},
    {"children_count", WF_CODEC_U32, IN(children_count)},
    {"journal_count", WF_CODEC_U64, IN(journal_count)},
    {"is_parked", WF_CODEC_FLAG, IN(is_parked)},
    {"is_paused", WF_CODEC_FLAG, IN(is_paused)},
    {"is_cancel_requested", WF_CODEC_FLAG, IN(is_cancel_requested)},
    {"reason", WF_CODEC_TEXT, IN(reason)},
    {"memo", WF_CODEC_PACKED, IN(memo)},
    {"attributes", WF_CODEC_ATTRIBUTES, IN(attributes),
     .more_at = offsetof(weft_description, attributes_count)},
    {NULL},
};
