// SPDX-License-Identifier: Apache-2.0
//
// recovery.h - read a partition's own rows out of a store: what a node, an
// inspection and the simulator do before they read the log.
//
// Threads: the caller's. Blocks in the store.

#ifndef WF_RUNTIME_RECOVERY_H
#define WF_RUNTIME_RECOVERY_H

#include <stdint.h>

#include "weft/error.h"

struct wf_partition;
struct wf_store;

// Give the partition its meta row, if it has one, then its routes, outgoing
// messages and windows.
//
// WEFT_ECORRUPT, WEFT_EFORMAT   a row does not decode
// else                          what the store says
weft_err wf_recovery_read(const struct wf_store *store, uint32_t index,
                          struct wf_partition *partition);

#endif
