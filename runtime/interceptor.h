// SPDX-License-Identifier: Apache-2.0
//
// interceptor.h - the chain of interceptors, for those who call it.
//
// Threads: changed by nobody once a node is open.

#ifndef WF_RUNTIME_INTERCEPTOR_H
#define WF_RUNTIME_INTERCEPTOR_H

#include <stdbool.h>

#include "base/key.h"
#include "runtime/journal.h"
#include "weft/interceptor.h"

struct wf_interceptors {
    weft_interceptor *list;
    size_t count;
    bool has_turn; // some interceptor has such a function
    bool has_command;
    bool has_attempt;
    bool has_reply;
};

void wf_interceptors_fini(struct wf_interceptors *chain);

// Of the edge. Errors as weft_intercept_request_fn says.
weft_err wf_interceptors_request(const struct wf_interceptors *chain,
                                 weft_request *request);
// reply NULL: it timed out. The strings of the target may be NULL.
void wf_interceptors_reply(const struct wf_interceptors *chain, weft_verb verb,
                           weft_target target, const weft_reply *reply);

// Run an attempt's code, with what is around it.
weft_err wf_interceptors_attempt(const struct wf_interceptors *chain,
                                 const weft_intercepted_attempt *attempt,
                                 weft_activity_fn *run);

// Of the core, which calls them only if the chain has such a function.
void wf_interceptors_turn(const struct wf_interceptors *chain,
                          const struct wf_key *key,
                          weft_intercepted_turn *turn);
void wf_interceptors_command(const struct wf_interceptors *chain,
                             const struct wf_key *key, uint64_t run,
                             const struct wf_entry *command, bool is_replaying);

#endif
