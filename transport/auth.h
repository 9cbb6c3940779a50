// SPDX-License-Identifier: Apache-2.0
//
// auth.h - who is let in. ZeroMQ asks about the public key of each client that
// has proven to have the secret one, before anything else of it is heard (ZAP,
// RFC 27).
//
// Who is let in has its key as the user of its messages (socket.h), so that
// what it may do is looked up with each message, and changes at once.
//
// Threads: one, which must call step often: until then nobody gets in.

#ifndef WF_TRANSPORT_AUTH_H
#define WF_TRANSPORT_AUTH_H

#include <stdbool.h>

#include "weft/error.h"

struct wf_auth;
struct wf_context;

// May the owner of this key come in? key is Z85 text; address is where it
// comes from, as ZeroMQ says it, for people.
typedef bool wf_auth_fn(void *ctx, const char *key, const char *address);

// Answer for all sockets of the context that have keys. To be made before one
// of them is bound, and destroyed after them, before the context.
//
// WEFT_EBUSY   somebody answers already
weft_err wf_auth_create(struct wf_context *context, wf_auth_fn *may_enter,
                        void *ctx, struct wf_auth **out_auth);
void wf_auth_destroy(struct wf_auth *auth); // NULL is fine

// Readable when step may have something to do. (Only then: ZeroMQ tells of a
// question once, so step must answer all there are, and does.)
int wf_auth_fd(const struct wf_auth *auth);
void wf_auth_step(struct wf_auth *auth);

#endif
