// SPDX-License-Identifier: Apache-2.0
//
// interceptor.h - see, and in part change, every call that passes a node: for
// tracing, authorisation, encryption of payloads and counts of one's own.
//
// Interceptors form a chain. What is on its way in - a request, an attempt, the
// begin of a turn, a command - meets the first one added first; what is on its
// way out, answers and ends, meets it last. (Temporal: interceptors.)
//
// Turns and commands can only be watched, and what watches them must be quick
// and take no part: it runs on a shard's thread, where everything else of the
// shard waits for it, and what it does is not undone when a crash undoes the
// turn. The same work is seen again, with is_replaying set, whenever a
// workflow's stack is rebuilt; a turn that failed, or was lost in a crash, runs
// again and is seen again without.

#ifndef WEFT_INTERCEPTOR_H
#define WEFT_INTERCEPTOR_H

#include <stddef.h>
#include <stdint.h>

#include "weft/activity.h"
#include "weft/client.h"
#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// A client's request before it is made; what it points to is borrowed for the
// call, and what is put there instead must live until the call of the client
// returns. May change it. An error ends the call: it is returned, with the
// error's detail, those behind are not asked, and nobody sees an answer. On the
// caller's thread; may block.
typedef weft_err weft_intercept_request_fn(void *ctx, weft_request *request);

// What became of a request. Borrowed for the call.
typedef struct weft_intercepted_reply {
    weft_verb verb;
    const char *kind; // of the target; "" if the request has none
    const char *id;
    weft_err err;            // WEFT_ETIMEDOUT: the caller waits no longer
    const weft_reply *reply; // NULL if it timed out
} weft_intercepted_reply;

// On the caller's thread, or on that which dispatches; not for what is cut
// short by closing the client. May block.
typedef void weft_intercept_reply_fn(void *ctx,
                                     const weft_intercepted_reply *reply);

// What is behind an interceptor of attempts: others, and at last the code.
typedef struct weft_activity_next weft_activity_next;

typedef struct weft_intercepted_attempt {
    const char *name; // of the activity
    weft_activity *activity;
    weft_bytes input;
} weft_intercepted_attempt;

// Around an attempt. Calls weft_activity_next_run - with another input, more
// than once or not at all, as it likes - and returns what the attempt is to
// return. All functions of activity.h may be called; weft_activity_return and
// weft_activity_fail replace what the code gave. On a worker's thread; may
// block.
typedef weft_err
weft_intercept_attempt_fn(void *ctx, const weft_intercepted_attempt *attempt,
                          const weft_activity_next *next);

// Valid until the interceptor that was given `next` returns.
WEFT_API weft_err weft_activity_next_run(const weft_activity_next *next,
                                         weft_bytes input);

// What weft_activity_return was given last; empty: nothing. Borrowed until it
// is called again.
WEFT_API weft_bytes weft_activity_result(const weft_activity *activity);

// A turn of an actor or a workflow. Borrowed for the call.
typedef struct weft_intercepted_turn {
    const char *name_space;
    const char *kind;
    const char *id;
    uint64_t run;
    const char *message; // "start", "signal", "timer", "activity", ...; "": a
                         // workflow's journal is replayed, as one turn
    int is_replaying;
    int is_end;     // 0: it begins
    int has_failed; // at the end: it is tried again, or was parked
} weft_intercepted_turn;

typedef void weft_intercept_turn_fn(void *ctx,
                                    const weft_intercepted_turn *turn);

// Something that a workflow asked for. Borrowed for the call.
typedef struct weft_intercepted_command {
    const char *name_space;
    const char *kind;
    const char *id;
    uint64_t run;
    const char *type; // "activity", "timer", "child", "signal", ... as in its
                      // journal (inspect.h)
    const char *name; // of the activity, signal, child; else ""
    uint32_t branch;
    uint32_t ordinal; // place among the run's commands, from 1
    int is_replaying;
} weft_intercepted_command;

// On the workflow's own stack: it must be content with a few hundred bytes.
typedef void weft_intercept_command_fn(void *ctx,
                                       const weft_intercepted_command *command);

// Each may be NULL.
typedef struct weft_interceptor {
    size_t struct_size;
    weft_intercept_request_fn *request;
    weft_intercept_reply_fn *reply;
    weft_intercept_attempt_fn *attempt;
    weft_intercept_turn_fn *turn;
    weft_intercept_command_fn *command;
    void *ctx; // of all of these; called from several threads at once
} weft_interceptor;

#define WEFT_INTERCEPTOR_INIT                                                  \
    {                                                                          \
        .struct_size = sizeof(weft_interceptor)                                \
    }

// Add one to the end of the chain. Where there is none nothing is slower.
//
// WEFT_EINVAL   struct_size is not set, or all functions are NULL
WEFT_API weft_err weft_definitions_add_interceptor(
    weft_definitions *definitions, const weft_interceptor *interceptor);

#ifdef __cplusplus
}
#endif

#endif
