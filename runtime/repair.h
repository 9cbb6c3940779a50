// SPDX-License-Identifier: Apache-2.0
//
// repair.h - what operators do to instances: park them, edit what they
// published or remember, move them to other code.

#ifndef WF_RUNTIME_REPAIR_H
#define WF_RUNTIME_REPAIR_H

struct wf_actor;
struct wf_partition;
struct wf_request;

// An operator's request about an instance, of an actor that is loaded.
void wf_repair_request(struct wf_partition *partition, struct wf_actor *actor,
                       struct wf_request *request);

#endif
