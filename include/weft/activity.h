// SPDX-License-Identifier: Apache-2.0
//
// activity.h - ordinary blocking code that the outside world can see.
//
// An activity is a function on the node's worker pool. It may block, call
// services and take its time. It is attempted at least once: after a crash or
// a lost worker it runs again, with the same idempotency key and the next
// attempt number. Hand the key to whatever you call, so that a second attempt
// has no second effect. (Temporal: activity; Durable Functions: activity
// function; Step Functions: task.)

#ifndef WEFT_ACTIVITY_H
#define WEFT_ACTIVITY_H

#include <stdint.h>

#include "weft/bytes.h"
#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// "No limit" for every timeout and interval in milliseconds, and for a count of
// attempts: also what a call says to take back a limit of the definition.
#define WEFT_FOREVER UINT64_MAX
#define WEFT_UNLIMITED UINT32_MAX

// One attempt, valid until its function returns, on that function's thread.
typedef struct weft_activity weft_activity;

// The code of an activity. Return WEFT_OK for success (the result is what
// weft_activity_return was given, else empty), what weft_activity_fail
// returned for a failure with a name, WEFT_EDEFERRED after
// weft_activity_defer. Any other error is a failure named after it.
typedef weft_err weft_activity_fn(weft_activity *activity, weft_bytes input);

// How failed attempts are repeated. Zero means the default given.
typedef struct weft_retry_policy {
    uint64_t initial_interval_ms; // before the second attempt; default 1000
    double coefficient;           // each next interval; at least 1; default 2
    uint64_t maximum_interval_ms; // default 100 times the initial interval
    uint32_t maximum_attempts;    // default 0: no limit
    uint64_t total_ms;            // from scheduling; default 0: no limit
    double jitter;                // 0 to 1: share of the interval; default 0
    const char *const *non_retryable; // failure names, NULL-terminated; or NULL
} weft_retry_policy;

// Zero means "none" for each, except that start_to_close defaults to 60 s.
typedef struct weft_activity_timeouts {
    uint64_t schedule_to_start_ms; // waiting for a worker
    uint64_t start_to_close_ms;    // one attempt
    uint64_t schedule_to_close_ms; // all attempts together
    uint64_t heartbeat_ms;         // between two heartbeats
} weft_activity_timeouts;

// Register an activity: start from WEFT_ACTIVITY_DEF_INIT.
typedef struct weft_activity_def {
    size_t struct_size;
    const char *name; // 1 to 127 bytes, no control characters
    weft_activity_fn *run;
    void *context;         // what weft_activity_context returns; may be NULL
    uint32_t max_parallel; // of this kind on this node; default 0: the pool's
    weft_retry_policy retry;
    weft_activity_timeouts timeouts;
    int fail_when_lost; // 1: an attempt whose process died counts as failed
    // Whose workers run it (task_queue.h), where it is called; 1 to 127 bytes.
    // NULL: the node's own threads.
    const char *task_queue;
} weft_activity_def;

#define WEFT_ACTIVITY_DEF_INIT                                                 \
    {                                                                          \
        .struct_size = sizeof(weft_activity_def)                               \
    }

// What becomes of an activity or a child (child.h) whose caller is cancelled or
// gives it up. (The cancellation types of Temporal.)
typedef enum weft_cancellation {
    WEFT_CANCELLATION_TRY,     // ask it to stop, and go on at once
    WEFT_CANCELLATION_WAIT,    // ask, and wait until it has really ended
    WEFT_CANCELLATION_ABANDON, // do not tell it: it goes on, its result is lost
    // A child only: ask, and wait until it has taken notice, in a turn of its
    // own, or has ended.
    WEFT_CANCELLATION_WAIT_REQUESTED
} weft_cancellation;

// What becomes of an attempt whose process died, or whose worker let its lease
// pass.
typedef enum weft_on_lost {
    WEFT_ON_LOST_DEFAULT, // as the definition's fail_when_lost says
    WEFT_ON_LOST_REPEAT,  // the next one begins; it does not count
    WEFT_ON_LOST_FAIL     // it counts as failed, by the name "lost"
} weft_on_lost;

// A jitter of none, where the definition has one.
#define WEFT_NO_JITTER (-1.0)

// What may differ from the activity's definition for one call. Zero fields
// keep the definition's value; WEFT_FOREVER, WEFT_UNLIMITED, WEFT_NO_JITTER and
// a list of names that is empty take it back. A list of names replaces the
// definition's. Only max_parallel cannot differ: it is the node's.
typedef struct weft_call_options {
    size_t struct_size;
    weft_retry_policy retry;
    weft_activity_timeouts timeouts;
    weft_cancellation cancellation;
    weft_on_lost on_lost;
    // 1: on the caller's own node, never through a task queue, and on worker
    // threads that others cannot take (local_worker_count, node.h). Begun once
    // the call is durable, and repeated, timed out and operated like any other.
    // (Temporal: local activity.)
    int is_local;
    // Run by the workers of that queue (task_queue.h); 1 to 127 bytes. The
    // activity need not be registered on this node. NULL: as the definition
    // says. Not together with is_local.
    const char *task_queue;
} weft_call_options;

#define WEFT_CALL_OPTIONS_INIT                                                 \
    {                                                                          \
        .struct_size = sizeof(weft_call_options)                               \
    }

// Copies the definition, strings too.
//
// WEFT_EINVAL   no name or function, or a policy is out of range
// WEFT_EEXISTS  an activity of that name is there already; the detail names it
WEFT_API weft_err weft_definitions_add_activity(weft_definitions *definitions,
                                                const weft_activity_def *def);

// Everything below is called from the activity's own function and thread.
// Anywhere else, and after it has returned, a function does nothing: it returns
// WEFT_EINVAL, or 0, "", NULL, nothing. Other threads work by token
// (weft_activity_defer).

// Set the result; copied. The last call wins. At most 2 MiB.
//
// WEFT_ETOOBIG  over the limit; the result is unchanged
WEFT_API weft_err weft_activity_return(weft_activity *activity,
                                       weft_bytes result);

// Fail this attempt, by name. The name decides whether it is retried (the
// policy's non_retryable list) and is what the workflow sees. All copied.
// Returns WEFT_EFAILED, so that `return weft_activity_fail(...)` reads well.
WEFT_API weft_err weft_activity_fail(weft_activity *activity, const char *name,
                                     const char *message, weft_bytes details);

// The same, and no more attempts, whatever the policy.
WEFT_API weft_err weft_activity_fail_for_good(weft_activity *activity,
                                              const char *name,
                                              const char *message,
                                              weft_bytes details);

// The same as weft_activity_fail, and if there is another attempt, it begins so
// much later, whatever the policy's interval: what a service answers that says
// when to come again. 0: as the policy says. Limits of attempts and of time
// hold all the same. (Temporal: next retry delay.)
WEFT_API weft_err weft_activity_fail_after(weft_activity *activity,
                                           const char *name,
                                           const char *message,
                                           weft_bytes details,
                                           uint64_t retry_after_ms);

// Say that the attempt is alive, and leave details for the next attempt to
// read. Never blocks; details are copied and durable soon after (about 50 ms),
// not before the call returns.
//
// WEFT_ECANCELLED  the workflow asks it to stop: clean up and return this
// WEFT_ETIMEDOUT   the attempt is no longer wanted; its result will be dropped
WEFT_API weft_err weft_activity_heartbeat(weft_activity *activity,
                                          weft_bytes details);

// What the last heartbeat of an earlier attempt left; empty if none. Borrowed
// until the function returns.
WEFT_API weft_bytes weft_activity_last_details(const weft_activity *activity);

// 1 for the first attempt, also after an operator's reset.
WEFT_API uint32_t weft_activity_attempt(const weft_activity *activity);

// The same for all attempts of this activity call and for no other: 32
// hexadecimal characters. Borrowed until the function returns.
WEFT_API const char *weft_activity_key(const weft_activity *activity);

// A header of whoever called (start.h); empty if there is none of that name.
// Borrowed until the function returns.
WEFT_API weft_bytes weft_activity_header(const weft_activity *activity,
                                         const char *name);

WEFT_API void *weft_activity_context(const weft_activity *activity);

// Who called: "namespace/kind/id" of the actor or workflow. Borrowed until the
// function returns.
WEFT_API const char *weft_activity_caller_id(const weft_activity *activity);

// 1 while an operator holds the activity up (operate.h). The attempt may go on,
// and its result counts; if it fails, the next one waits to be resumed.
WEFT_API int weft_activity_is_paused(const weft_activity *activity);

// 1 once cancellation was requested or the attempt timed out.
WEFT_API int weft_activity_is_cancelled(const weft_activity *activity);

#define WEFT_TOKEN_CHARS_MAX 1024

// Complete this attempt later, from any thread or process, by token:
// weft_client_complete or weft_client_fail (client.h). Writes a printable
// token and its final NUL. Return what this returns. The attempt keeps
// its timeouts and survives restarts of the node.
//
// Returns WEFT_EDEFERRED; WEFT_EINVAL if token_size < WEFT_TOKEN_CHARS_MAX.
WEFT_API weft_err weft_activity_defer(weft_activity *activity, char *out_token,
                                      size_t token_size);

#ifdef __cplusplus
}
#endif

#endif
