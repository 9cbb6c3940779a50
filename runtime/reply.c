// SPDX-License-Identifier: Apache-2.0
//
// reply.c - replies as callers see them: part of the request they answer.

#include "base/list.h"
#include "runtime/request.h"

void
weft_reply_free(weft_reply *reply)
{
    if (reply != NULL) {
        wf_request_destroy(WF_CONTAINER(reply, struct wf_request, reply));
    }
}

const char *
weft_status_name(weft_status status)
{
    switch (status) {
    case WEFT_STATUS_NONE:
        return "none";
    case WEFT_STATUS_RUNNING:
        return "running";
    case WEFT_STATUS_COMPLETED:
        return "completed";
    case WEFT_STATUS_FAILED:
        return "failed";
    case WEFT_STATUS_CANCELLED:
        return "cancelled";
    case WEFT_STATUS_TERMINATED:
        return "terminated";
    case WEFT_STATUS_TIMED_OUT:
        return "timed_out";
    case WEFT_STATUS_COUNT:
        break;
    }
    return "unknown";
}
