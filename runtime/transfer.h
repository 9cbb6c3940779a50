// SPDX-License-Identifier: Apache-2.0
//
// transfer.h - an instance leaves a partition as a capsule, or comes as one.

#ifndef WF_RUNTIME_TRANSFER_H
#define WF_RUNTIME_TRANSFER_H

struct wf_actor;
struct wf_partition;
struct wf_request;

// Answer with the capsule of a loaded actor, which stays as it is.
void wf_transfer_export(struct wf_partition *partition, struct wf_actor *actor,
                        struct wf_request *request);

// Begin the life that the request's data is an image of, and answer.
void wf_transfer_import(struct wf_partition *partition, struct wf_actor *actor,
                        struct wf_request *request);

// Begin a life of its own with what the image of another workflow has up to a
// point, and answer.
void wf_transfer_fork(struct wf_partition *partition, struct wf_actor *actor,
                      struct wf_request *request);

#endif
