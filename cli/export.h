// SPDX-License-Identifier: Apache-2.0
//
// export.h - one actor, or one letter, as JSON.

#ifndef WEFT_CLI_EXPORT_H
#define WEFT_CLI_EXPORT_H

#include "weft/inspect.h"

// One line: an object with all that is known of the actor.
void export_actor(const weft_inspect_actor *actor);
// Members of the open object: which actor it is, and since when; all of a
// letter.
void export_identity(const weft_inspect_actor *actor);
void export_letter_fields(const weft_inspect_letter *letter);
// The same of one that is described by its node.
void export_description(const weft_description *head);
// With its causes; null if nothing failed.
void export_failure(const char *name, const weft_failure *failure);

#endif
