// SPDX-License-Identifier: Apache-2.0
//
// gateway_lease.h - attempts that a client's workers have leased, kept for them
// while their connection is alive.

#ifndef WF_REMOTE_GATEWAY_LEASE_H
#define WF_REMOTE_GATEWAY_LEASE_H

#include "remote/gateway_impl.h"

// Who leases: the name that people know, or NULL for the session's, and the
// client, so that no other worker has it.
#define WF_GATEWAY_WORKER_CHARS (WF_WORKER_BYTES_MAX + 1)
void wf_gateway_lease_worker(const struct wf_gateway_session *session,
                             const char *name,
                             char out_worker[WF_GATEWAY_WORKER_CHARS]);

// It was leased, or renewed, for this session: see that it is kept.
void wf_gateway_lease_keep(weft_server *server,
                           struct wf_gateway_session *session,
                           const char *token, const char *worker,
                           uint64_t lease_ms);
// Is it kept for this session?
bool wf_gateway_lease_has(const struct wf_gateway_session *session,
                          const char *token);
// Tell its caller that it was not begun.
void wf_gateway_lease_give_back(weft_server *server, const char *name_space,
                                const char *token, const char *worker);
// The session's connection is gone.
void wf_gateway_lease_forget_all(weft_server *server,
                                 struct wf_gateway_session *session);

// A request by token: say who its worker is, if it does not. *worker is where
// that can be kept as long as the request.
void wf_gateway_lease_name(const struct wf_gateway_session *session,
                           weft_request *request,
                           char worker[WF_GATEWAY_WORKER_CHARS]);
// One was answered: perhaps nothing is to be kept any more.
void wf_gateway_lease_answered(weft_server *server,
                               struct wf_gateway_session *session,
                               const struct wf_request *request, weft_err err);

// The verb renew.
weft_err wf_gateway_lease_renew(struct wf_gateway_call *call,
                                const struct wf_wire_message *message);

// Time has passed.
void wf_gateway_lease_tick(weft_server *server);

#endif
