// SPDX-License-Identifier: Apache-2.0
//
// definitions.h - the set of kinds that a node can run.
//
// Fill one with weft_definitions_add_actor (actor.h), _add_workflow
// (workflow.h) and _add_activity (activity.h), then hand it to
// weft_node_open. Actor and workflow kinds share one space of names;
// activities have their own.

#ifndef WEFT_DEFINITIONS_H
#define WEFT_DEFINITIONS_H

#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// Life:     create -> add ... -> node opens -> node closes -> destroy.
// Threads:  fill it from one thread; once a node uses it, it must not change.
typedef struct weft_definitions weft_definitions;

// WEFT_ENOMEM   out of memory
WEFT_API weft_err weft_definitions_create(weft_definitions **out_definitions);

// NULL is allowed. Every node that uses it must be closed first.
WEFT_API void weft_definitions_destroy(weft_definitions *definitions);

#ifdef __cplusplus
}
#endif

#endif
