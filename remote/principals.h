// SPDX-License-Identifier: Apache-2.0
//
// principals.h - who may do what: the file that lists public keys, with whose
// they are. docs/security.md describes it:
//
//     [billing]
//     key = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7
//     namespaces = shop, returns
//     roles = writer
//
// Threads: read by any once it is there; nothing of it changes.

#ifndef WF_REMOTE_PRINCIPALS_H
#define WF_REMOTE_PRINCIPALS_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/error.h"

// More would be cut off by libinih.
#define WF_PRINCIPAL_BYTES_MAX 47

struct wf_principals;

struct wf_principal {
    char name[WF_PRINCIPAL_BYTES_MAX + 1];
    unsigned roles;     // of enum wf_role
    bool is_everywhere; // namespaces = *
    char **namespaces;  // owned, each too; in the order of the file
    size_t namespaces_count;
    size_t keys_count;
    unsigned line; // where it begins
};

// WEFT_EINVAL     something is wrong in the file; the detail names file, line
//                 and thing
// WEFT_ENOTFOUND  there is no such file
// WEFT_EDENIED, WEFT_EIO   it cannot be read
weft_err wf_principals_read(const char *path,
                            struct wf_principals **out_principals);
void wf_principals_destroy(struct wf_principals *principals); // NULL is fine
size_t wf_principals_count(const struct wf_principals *principals);

// Whose key is it? NULL: nobody's.
const struct wf_principal *
wf_principals_find(const struct wf_principals *principals, const char *key);

bool wf_principal_may_use(const struct wf_principal *principal,
                          const char *name_space);
// The namespace of who names none.
const char *wf_principal_namespace(const struct wf_principal *principal);

#endif
