// SPDX-License-Identifier: Apache-2.0
//
// update.h - requests to a running workflow that it checks, does and answers.
//
// Unlike a signal an update can be refused before anything of it is recorded,
// and whoever sends it gets an answer. (Temporal: workflow update.) A client
// sends one with weft_client_update (client.h).
//
// Threads: called from the workflow's own function or a branch of it.

#ifndef WEFT_UPDATE_H
#define WEFT_UPDATE_H

#include "weft/workflow.h"

#ifdef __cplusplus
extern "C" {
#endif

// May it be done now? Looks at what the workflow knows, changes nothing and
// calls nothing of weft. WEFT_OK: yes. Anything else: the sender gets
// WEFT_EFAILED with *out_why, whose strings must outlive the return (else the
// error's name and text), and the workflow has no trace of it.
typedef weft_err weft_update_check_fn(weft_bytes input, void *ctx,
                                      weft_failure *out_why);

// Does it, in a branch of its own, and may wait. What it sets with
// weft_workflow_return is the answer; what it returns, the outcome.
typedef weft_err weft_update_fn(weft_workflow *wf, weft_bytes input, void *ctx);

// Take updates of that name from now on, in the order in which they come; they
// begin in that order and may overlap. Call it before the workflow first waits:
// updates of a name that nobody takes are refused with WEFT_ENOTFOUND. check
// may be NULL. ctx must outlive the workflow's function: memory of
// weft_workflow_alloc, or of the program. Again for a name: the last one
// counts.
//
// Handlers that still run when the function returns are unwound, and the
// senders get WEFT_EFINISHED; see weft_workflow_await_updates.
//
// WEFT_EINVAL   no name or handler
WEFT_API weft_err weft_workflow_on_update(weft_workflow *wf, const char *name,
                                          weft_update_check_fn *check,
                                          weft_update_fn *handle, void *ctx);

// Wait until no update is being handled.
WEFT_API weft_err weft_workflow_await_updates(weft_workflow *wf);

#ifdef __cplusplus
}
#endif

#endif
