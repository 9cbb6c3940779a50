// SPDX-License-Identifier: Apache-2.0
//
// version.h - move an instance to another version of its code, by an operator.

#ifndef WF_RUNTIME_VERSION_H
#define WF_RUNTIME_VERSION_H

#include "runtime/partition_impl.h"

// Append the operation that moves a live instance to that version, newer or
// older, if its code fits the journal. It need not run: parked and paused ones
// move too. To be written at once; afterwards wf_commands_start begins a step
// that waited for the code.
//
// WEFT_ENOTFOUND  there is no such instance, or that version is not registered
// WEFT_EFINISHED  the instance has finished
// WEFT_EINVAL     it is no workflow
// WEFT_EDIVERGED  the code does not fit; the detail has both sides
// WEFT_ENOMEM     no memory for a stack
weft_err wf_version_move(struct wf_partition *partition, struct wf_actor *actor,
                         uint32_t version, struct wf_buf *ops);

#endif
