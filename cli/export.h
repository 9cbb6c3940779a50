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

#endif
