// SPDX-License-Identifier: Apache-2.0
//
// access.h - who is connected, and what they may do, as one server sees it: the
// door (transport/auth.h), the list of principals, the table of roles, and the
// account of all that (audit.h).
//
// A connection is known by its user, which is its public key. Whose that is,
// and what it may, is looked up with each message, in the newest list; nothing
// is remembered of an older one. Without keys everybody is nobody, and may do
// everything.
//
// Threads: the server's, except reload: any.

#ifndef WF_REMOTE_ACCESS_H
#define WF_REMOTE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/limits.h"
#include "remote/audit.h"
#include "remote/principals.h"
#include "remote/roles.h"

struct wf_access;
struct wf_context;

// A line of JSON for each event; one at a time, but on any thread.
typedef void wf_access_audit_fn(void *ctx, const char *line);

struct wf_access_options {
    const char *server_key_file; // NULL: there are no keys
    const char *principals_file;
    wf_access_audit_fn *audit; // NULL: nobody wants to know
    void *audit_ctx;
    struct wf_clock clock;
};

// Read the files. Errors are those of wf_curve_read and wf_principals_read, and
//
// WEFT_EINVAL   one of the files is named without the other
weft_err wf_access_create(const struct wf_access_options *options,
                          struct wf_access **out_access);
void wf_access_destroy(struct wf_access *access); // NULL is fine

// The server's own; NULL without keys. Wiped by destroy.
const char *wf_access_secret_key(const struct wf_access *access);

// Guard the sockets of the context: before one of them is bound; close after
// them.
weft_err wf_access_open_door(struct wf_access *access,
                             struct wf_context *context);
void wf_access_close_door(struct wf_access *access);
int wf_access_fd(const struct wf_access *access); // -1: nothing to wait for

// Let in who may come in. Call it when the descriptor is readable, and after a
// reload; true: there is a new list, and wf_access_stays is to be asked about
// all who are there.
bool wf_access_step(struct wf_access *access);
// Has there been a reload since? Cheap: a message that comes after it is looked
// at by the new list.
bool wf_access_is_behind(const struct wf_access *access);

// Read the list again, for the next step; nothing to do without keys. The old
// one holds if it fails.
weft_err wf_access_reload(struct wf_access *access);

// Who says hello. name_space: what it asks for; NULL: nothing.
struct wf_access_guest {
    char principal[WF_PRINCIPAL_BYTES_MAX + 1]; // "" without keys
    char name_space[WF_NAMESPACE_BYTES_MAX + 1];
    unsigned roles;
};

// WEFT_EDENIED  its key is not in the list, or has not this namespace
// WEFT_EINVAL   it is no namespace
weft_err wf_access_hello(struct wf_access *access, const char *user,
                         const char *name_space, const char *label,
                         struct wf_access_guest *out_guest);

// Is it still whom it was when it said hello, and may it be where it is? Roles
// may have changed. False: its connection is to end, as revoked.
bool wf_access_stays(struct wf_access *access, const char *user,
                     const struct wf_access_guest *guest);

// What is asked of the node; strings may be NULL.
struct wf_access_request {
    weft_bytes verb;
    const char *kind, *id;
    const char *who, *why; // of `by`, as the client says it
};

// WEFT_EDENIED  the detail names the role that it takes
weft_err wf_access_check(struct wf_access *access, const char *user,
                         const struct wf_access_guest *guest,
                         const struct wf_access_request *request);

// What operators and admins do is accounted for with what became of it. NULL:
// it is nothing of theirs, or nobody wants to know. Everything is copied.
struct wf_access_record *
wf_access_record_begin(const struct wf_access *access,
                       const struct wf_access_guest *guest,
                       const struct wf_access_request *request);
// Frees the record; NULL is fine.
void wf_access_record_end(struct wf_access *access,
                          struct wf_access_record *record, weft_err err);

// The client as the node knows it: another principal's same 16 bytes are
// another client. Without a principal they are what they are.
void wf_access_client_id(const struct wf_access_guest *guest,
                         const uint8_t client[16], uint8_t out_id[16]);

// The operator as instances keep it: the principal, and in brackets what the
// client says. out_who has WF_NAME_BYTES_MAX + 1 bytes.
void wf_access_who(const struct wf_access_guest *guest, const char *who,
                   char *out_who);

uint64_t wf_access_refused(const struct wf_access *access); // keys, ever; any
uint64_t wf_access_denied(const struct wf_access *access);  // messages, ever

#endif
