// SPDX-License-Identifier: Apache-2.0
//
// tokens.h - deferred activities of a world, which a client completes.

#ifndef WF_TESTS_SIM_TOKENS_H
#define WF_TESTS_SIM_TOKENS_H

#include "sim/world.h"

struct tokens;

struct tokens *tokens_create(void);
void tokens_destroy(struct tokens *tokens);
// failure NULL: it goes well, with that value. When there is no room its
// activity times out, and is tried again.
void tokens_add(struct tokens *tokens, const char *text, const char *failure,
                uint64_t value);
void tokens_complete(struct tokens *tokens, struct world *world);

#endif
