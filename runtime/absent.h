// SPDX-License-Identifier: Apache-2.0
//
// absent.h - letters for an instance that is not there, or no more.

#ifndef WF_RUNTIME_ABSENT_H
#define WF_RUNTIME_ABSENT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "weft/error.h"

struct wf_actor;
struct wf_letter;
struct wf_partition;

// The first letter, decoded and as bytes, of an actor that does not exist or
// has finished: one turn.
void wf_absent_take(struct wf_partition *partition, struct wf_actor *actor,
                    const struct wf_letter *letter, weft_bytes bytes);

// The first letter is taken by nobody: its sender learns that it was not
// delivered, or operators do. One turn.
void wf_absent_refuse(struct wf_partition *partition, struct wf_actor *actor,
                      const struct wf_letter *letter, weft_bytes bytes,
                      weft_err err, const char *reason);

#endif
