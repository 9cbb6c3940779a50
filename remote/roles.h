// SPDX-License-Identifier: Apache-2.0
//
// roles.h - which role each verb of the wire protocol needs
// (docs/formats/wire.md, sections 6 and 11): one table, in roles.c.
//
// Threads: any.

#ifndef WF_REMOTE_ROLES_H
#define WF_REMOTE_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/bytes.h"

// Bits, so that a principal may have several.
enum wf_role {
    WF_ROLE_READER = 1 << 0,
    WF_ROLE_WRITER = 1 << 1,
    WF_ROLE_WORKER = 1 << 2,
    WF_ROLE_OPERATOR = 1 << 3,
    WF_ROLE_ADMIN = 1 << 4,
};
#define WF_ROLES_COUNT 5
#define WF_ROLES_ALL ((1U << WF_ROLES_COUNT) - 1)

const char *wf_role_name(unsigned role); // of one
// 0: no role has that name.
unsigned wf_role_find(const char *name, size_t len);

// The least role that may say this verb, to an instance of this kind ("" if it
// has no target); 0: whoever is let in. What is in no table is for admins.
unsigned wf_roles_needed(weft_bytes verb, const char *kind);

// Does one of these roles include the needed one?
bool wf_roles_include(unsigned roles, unsigned needed);

#endif
