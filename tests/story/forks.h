// SPDX-License-Identifier: Apache-2.0
//
// forks.h - what the stories about forks share: an operator who makes them.

#ifndef WF_TESTS_STORY_FORKS_H
#define WF_TESTS_STORY_FORKS_H

#include "story/story.h"
#include "weft/operate.h"

extern const weft_operator fork_ada;

// One instance as a capsule, which lives as long as the story.
weft_bytes fork_export(const char *kind, const char *id);
// The same, as if it had finished just now and had not cleared its mailbox yet.
weft_bytes fork_export_finished(const char *kind, const char *id);
// What the capsule has of the instance itself; its length.
size_t fork_image(const char *kind, const char *id, char *buf, size_t size);

// A fork of `id` under `new_id`, as weft_operate_fork makes it: before an entry
// of the journal, or at a point of another type.
struct world_call *fork_at(const char *kind, const char *id, uint64_t entry,
                           const char *new_id);
struct world_call *fork_to(const char *kind, const char *id,
                           weft_point_type type, const char *new_id);

// From a capsule that was kept, to the beginning.
struct world_call *fork_capsule(const char *kind, weft_bytes capsule,
                                const char *new_id);

// The same operator does something else: a reset to before an entry, or
// something that says no more than who and why.
struct world_call *fork_reset(const char *kind, const char *id, uint64_t entry);
struct world_call *fork_operate(weft_verb verb, const char *kind,
                                const char *id);

#endif
