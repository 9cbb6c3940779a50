// SPDX-License-Identifier: Apache-2.0
//
// definitions.h - the kinds that were registered, as the runtime sees them.
//
// Threads: read by all; changed by nobody once a node is open.

#ifndef WF_RUNTIME_DEFINITIONS_H
#define WF_RUNTIME_DEFINITIONS_H

#include <stdbool.h>

#include "weft/activity.h"
#include "weft/actor.h"
#include "weft/workflow.h"

// An actor or workflow kind. Exactly one of actor.receive and workflow.run is
// set.
struct wf_kind {
    char *name;
    uint32_t index; // of the name, the same for all its versions
    uint32_t version;
    bool is_workflow;
    weft_actor_def actor;       // defaults filled in
    weft_workflow_def workflow; // the same
    weft_creation creation;     // a workflow's is ON_START
    uint64_t retention_ms;      // of those that completed
    uint64_t retention_failed_ms;
    uint64_t retention_stopped_ms;
    const struct wf_kind *older; // of the same name, the next lower version
};

struct wf_interceptors;

struct wf_activity_kind {
    char *name;
    uint32_t index;        // place in the list, for per-kind counts
    weft_activity_def def; // defaults filled in; strings owned
};

// The highest version of that name; NULL if there is none.
const struct wf_kind *wf_definitions_find(const weft_definitions *definitions,
                                          const char *name);
// Of the versions from this one down: that one; NULL if it is not registered.
const struct wf_kind *wf_kind_version(const struct wf_kind *kind,
                                      uint32_t version);
// The one that new instances get; NULL if all are retired.
const struct wf_kind *wf_kind_current(const struct wf_kind *kind);
// The one that an instance of that version is to move to, by a policy at least
// as eager as this; NULL: none.
const struct wf_kind *wf_kind_upgrade(const struct wf_kind *kind,
                                      uint32_t version, weft_upgrade policy);
const struct wf_activity_kind *
wf_definitions_find_activity(const weft_definitions *definitions,
                             const char *name);
// How many names of actors and workflows there are; and one, of any version.
uint32_t wf_definitions_kinds_count(const weft_definitions *definitions);
const struct wf_kind *
wf_definitions_kind_at(const weft_definitions *definitions, uint32_t index);
uint32_t wf_definitions_activities_count(const weft_definitions *definitions);
const struct wf_activity_kind *
wf_definitions_activity_at(const weft_definitions *definitions, uint32_t index);

// Those that were added; never NULL.
struct wf_interceptors *
wf_definitions_interceptors(const weft_definitions *definitions);

// Check a policy and fill in its defaults.
//
// WEFT_EINVAL   out of range; the detail names `what` and the field
weft_err wf_retry_policy_normalise(const char *what, weft_retry_policy *policy);

#endif
