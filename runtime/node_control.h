// SPDX-License-Identifier: Apache-2.0
//
// node_control.h - backups of a running node that are asked for from outside,
// by the files of storage/control.h.

#ifndef WF_RUNTIME_NODE_CONTROL_H
#define WF_RUNTIME_NODE_CONTROL_H

#include "weft/node.h"

struct wf_node_control;

struct wf_node_control *wf_node_control_create(weft_node *node);
// Waits for a copy that is being made. NULL is fine.
void wf_node_control_destroy(struct wf_node_control *control);

// Look whether somebody asks, and begin, or take note of the end of, a copy.
// Does not block; a manual node's copy is made within the call.
void wf_node_control_step(struct wf_node_control *control);

// Wait for a copy that is being made, and answer.
void wf_node_control_finish(struct wf_node_control *control);

#endif
