// SPDX-License-Identifier: Apache-2.0
//
// operate.h - what operators do: how it is recorded, and how it is done to open
// activities.
//
// Every operation is one record: OPERATED says who, why and what, and the
// operations behind it in the same section do it.

#ifndef WF_RUNTIME_OPERATE_H
#define WF_RUNTIME_OPERATE_H

struct wf_actor;
struct wf_buf;
struct wf_partition;
struct wf_request;

// Put who and why of the request, and what is done, in words. Nothing if the
// request does not say who: its verb need not be an operator's.
void wf_operate_put(struct wf_buf *ops, const struct wf_request *request,
                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// An operator's request about one open activity, of an actor that is loaded.
void wf_operate_activity(struct wf_partition *partition, struct wf_actor *actor,
                         struct wf_request *request);
// A page of the open activities.
void wf_operate_list(struct wf_partition *partition, struct wf_actor *actor,
                     struct wf_request *request);

#endif
