// SPDX-License-Identifier: Apache-2.0
//
// groups.h - how many instances there are, by what one of their fields is.

#ifndef WF_RUNTIME_GROUPS_H
#define WF_RUNTIME_GROUPS_H

#include "runtime/filter.h"

// All zero is empty.
struct wf_groups {
    uint64_t count;
    weft_group *groups; // owned, texts too; sorted; names are not set
    size_t groups_count;
    size_t groups_cap;
};

void wf_groups_fini(struct wf_groups *groups); // leaves it empty and usable

// One instance more. group NULL: it is only counted.
//
// WEFT_ETOOBIG  it would be in a group beyond WF_GROUPS_MAX
weft_err wf_groups_add(struct wf_groups *groups,
                       const struct wf_filter_value *group);
// The same for all of another.
weft_err wf_groups_merge(struct wf_groups *groups,
                         const struct wf_groups *more);

#endif
