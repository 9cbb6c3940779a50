// SPDX-License-Identifier: Apache-2.0
//
// workflow.h - long-running business logic as ordinary sequential C.
//
// A workflow function runs on a stack of its own and calls the functions
// below. Whatever it awaits is durable; while it waits it costs nothing, and
// after a crash it is rebuilt by running it again over its journal. So it must
// be deterministic: time, randomness, I/O and shared data only through weft.
// If the code and the journal do not fit, the instance is parked with both
// sides in the reason; nothing is lost, and it goes on once the code fits.
// (Temporal: workflow; Durable Functions: orchestrator.)
//
// Threads: every function here is called from the workflow's own function, or
// a branch of it (branch.h). From anywhere else - an activity, another thread,
// other code, after it has returned - those that return an error return
// WEFT_EINVAL, the others 0, "", NULL, nothing, and they do nothing. A value, a
// condition, a check of an update and a step may look: time, random numbers,
// memory, names.
//
// Every function that waits or begins something can return, besides its own
// errors:
//   WEFT_ECANCELLED  cancellation was requested, of the workflow or of a scope
//                    that the code is in (not inside a shield)
//   WEFT_ETIMEDOUT   the deadline of a scope has passed (branch.h)
//   WEFT_EUNWIND     the stack is being dropped, to be rebuilt later: free
//                    what you hold and return; nothing you do now is recorded
// Code that ignores them and goes on waiting is parked after 10,000 times.

#ifndef WEFT_WORKFLOW_H
#define WEFT_WORKFLOW_H

#include <stdint.h>

#include "weft/activity.h"
#include "weft/actor.h"
#include "weft/bytes.h"
#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_workflow weft_workflow;

// Return WEFT_OK: completed, with what weft_workflow_return set. Return
// WEFT_ECANCELLED: cancelled. Return any other error: failed, with the failure
// of weft_workflow_fail; else, for WEFT_EFAILED, that of the last await that
// failed; else named after the error, with the detail of the call that gave it
// in the message. Open children are asked to cancel, also
// before a restart; signals nobody received become dead letters.
typedef weft_err weft_workflow_fn(weft_workflow *wf, weft_bytes input);

// Something that will be known later. A number: nothing to free. 0 is never
// one, nor is a future of another run or instance.
typedef uint64_t weft_future;

// What becomes of the instances of older versions, here where this version is
// the newest. docs/versions.md
typedef enum weft_upgrade {
    WEFT_UPGRADE_PIN,         // they stay. (Temporal: pinned)
    WEFT_UPGRADE_ON_RESTART,  // they take it with their next restart
    WEFT_UPGRADE_NOW_IF_FITS, // when they run next, if it fits their journal;
                              // if not, they stay. With a restart in any case
} weft_upgrade;

// What happens to a signal for an id that was never started, or is forgotten.
typedef enum weft_early {
    WEFT_EARLY_REFUSE, // WEFT_ENOTFOUND; a dead letter if an actor sent it
    WEFT_EARLY_KEEP    // it waits for the start, however long, in order
} weft_early;

// Register a workflow kind: start from WEFT_WORKFLOW_DEF_INIT. Several versions
// of one name may be registered, each an ordinary definition. New instances
// start on the highest that is not retired, and go on with the version they
// have. One whose version is not registered waits: nothing of it is lost, its
// description says so, and it goes on where that version is registered.
typedef struct weft_workflow_def {
    size_t struct_size;
    const char *name; // 1 to 127 bytes, no control characters
    uint32_t version; // default 1
    weft_workflow_fn *run;
    void *context;         // what weft_workflow_context returns
    uint32_t stack_bytes;  // 16 KiB to 8 MiB; default 64 KiB
    uint64_t retention_ms; // finished instances are kept so long; default 7 d.
                           // That of the highest version counts
    uint64_t retention_failed_ms;  // the same of those that failed or timed out
    uint64_t retention_stopped_ms; // ... that were cancelled or terminated;
                                   // both default to retention_ms
    weft_upgrade upgrade; // of instances of older versions; default: they stay
    int is_retired;       // 1: a new instance gets it only if its start says so
    weft_early early_signals; // default: refused
} weft_workflow_def;

#define WEFT_WORKFLOW_DEF_INIT                                                 \
    {                                                                          \
        .struct_size = sizeof(weft_workflow_def)                               \
    }

// Copies the definition, strings too.
//
// WEFT_EINVAL   no name or function, or a field out of range
// WEFT_EEXISTS  that version of it, or an actor kind of that name, is there
//               already; the detail names it
WEFT_API weft_err weft_definitions_add_workflow(weft_definitions *definitions,
                                                const weft_workflow_def *def);

// Activities. ---------------------------------------------------------------

// Run an activity and wait for its result, which stays valid until the
// workflow function returns. options (activity.h) and out_result may be NULL.
// If cancellation interrupts the wait, the activity is given up as
// options->cancellation says; with WEFT_CANCELLATION_WAIT this still returns
// how it ended.
//
// WEFT_EFAILED  it failed for good; weft_workflow_failure has the reason
// WEFT_EINVAL   no such activity, or a bad option
// WEFT_ETOOBIG  the input is over 2 MiB
WEFT_API weft_err weft_workflow_call(weft_workflow *wf, const char *activity,
                                     weft_bytes input,
                                     const weft_call_options *options,
                                     weft_bytes *out_result);

// Start it and go on. Errors of the arguments come at once, with *out_future
// not written; all others from the await. Cancelled code starts nothing more:
// outside of a shield this and all that begin something, signals too, return
// WEFT_ECANCELLED at once.
WEFT_API weft_err weft_workflow_call_async(weft_workflow *wf,
                                           const char *activity,
                                           weft_bytes input,
                                           const weft_call_options *options,
                                           weft_future *out_future);

// Inline code. --------------------------------------------------------------

// Computes something on the spot. Fill *out_value with memory from
// weft_workflow_alloc or memory that outlives the call; it is copied. Whatever
// begins, waits or sets something gives WEFT_EINVAL in it.
typedef weft_err weft_value_fn(weft_workflow *wf, void *ctx,
                               weft_bytes *out_value);

// Run `compute` now and record what it gives: a lookup, a random choice,
// whatever must not differ in a replay. It is not called again in a replay.
// No waiting and nothing to retry.
//
// Returns what compute returned, recorded as well.
WEFT_API weft_err weft_workflow_value(weft_workflow *wf, const char *name,
                                      weft_value_fn *compute, void *ctx,
                                      weft_bytes *out_value);

// One attempt of a step.
typedef struct weft_step {
    uint32_t attempt; // 1 for the first
    const char *key;  // 32 hexadecimal characters, the same for all attempts
} weft_step;

typedef weft_err weft_step_fn(const weft_step *step, void *ctx,
                              weft_bytes *out_result);

// Run short, non-blocking code with an effect of its own. What came before is
// durable before it runs; its result is durable before the workflow goes on.
// Runs at least once: again, with the next attempt and the same key, if the
// process dies before the result is durable. `ctx` may point into the
// workflow's stack; the result is copied when the function returns.
//
// Returns what `run` returned; it is not retried on an error.
WEFT_API weft_err weft_workflow_step(weft_workflow *wf, const char *name,
                                     weft_step_fn *run, void *ctx,
                                     weft_bytes *out_result);

// Time. ---------------------------------------------------------------------

WEFT_API weft_err weft_workflow_sleep(weft_workflow *wf, uint64_t ms);
WEFT_API weft_err weft_workflow_timer(weft_workflow *wf, uint64_t ms,
                                      weft_future *out_future);

// Milliseconds since 1970, fixed within a turn; never goes back.
WEFT_API uint64_t weft_workflow_now_ms(const weft_workflow *wf);

// Random bits that are the same in a replay.
WEFT_API uint64_t weft_workflow_random(weft_workflow *wf);

// Signals. ------------------------------------------------------------------

// Wait for the next signal of that name, oldest first; signals that arrived
// before anyone waited are kept. timeout_ms may be WEFT_FOREVER; 0 only looks.
// The data stays valid until the workflow function returns; out_data may be
// NULL.
//
// WEFT_ETIMEDOUT  none came in time
WEFT_API weft_err weft_workflow_receive(weft_workflow *wf, const char *name,
                                        uint64_t timeout_ms,
                                        weft_bytes *out_data);

// The same as a future: resolved by the next signal of that name that no
// earlier receiver took. It goes on waiting until then, whether or not anybody
// awaits it; weft_workflow_cancel ends that.
WEFT_API weft_err weft_workflow_receive_async(weft_workflow *wf,
                                              const char *name,
                                              weft_future *out_future);

// Wait for a signal of any of several names, the one that came first. out_index
// tells which name; it and out_data may be NULL.
//
// WEFT_EINVAL     more than 16 names
// WEFT_ETIMEDOUT  none came in time
WEFT_API weft_err weft_workflow_receive_any(weft_workflow *wf,
                                            const char *const *names,
                                            size_t count, uint64_t timeout_ms,
                                            size_t *out_index,
                                            weft_bytes *out_data);
WEFT_API weft_err weft_workflow_receive_any_async(weft_workflow *wf,
                                                  const char *const *names,
                                                  size_t count,
                                                  weft_future *out_future);

// Send a signal to another actor or workflow. Does not wait. Delivered once,
// in order; a dead letter if it cannot be.
WEFT_API weft_err weft_workflow_signal(weft_workflow *wf, weft_target to,
                                       const char *name, weft_bytes data);

// Futures. ------------------------------------------------------------------

// Wait for one. The result stays valid until the workflow function returns;
// out_result may be NULL.
//
// WEFT_EFAILED  it failed; weft_workflow_failure has the reason
// WEFT_EINVAL   no such future; or it is that of this branch, or of one that
//               awaits this one: neither would end
WEFT_API weft_err weft_workflow_await(weft_workflow *wf, weft_future future,
                                      weft_bytes *out_result);

// Wait until at least one is known and tell which: the first in the array
// among those known. The others go on. timeout_ms may be WEFT_FOREVER.
//
// WEFT_ETIMEDOUT  none in time
WEFT_API weft_err weft_workflow_await_any(weft_workflow *wf,
                                          const weft_future *futures,
                                          size_t count, uint64_t timeout_ms,
                                          size_t *out_index);

// Wait until all have gone well, or the first has failed; the others go on.
// Then ask each with await, which returns at once. (JavaScript: Promise.all)
//
// WEFT_EFAILED  one failed; weft_workflow_failure is its
WEFT_API weft_err weft_workflow_await_all(weft_workflow *wf,
                                          const weft_future *futures,
                                          size_t count);

// Wait until all are known, well or not. (JavaScript: Promise.allSettled)
WEFT_API weft_err weft_workflow_await_settled(weft_workflow *wf,
                                              const weft_future *futures,
                                              size_t count);

// 1 if awaiting it would not wait.
WEFT_API int weft_workflow_is_known(const weft_workflow *wf,
                                    weft_future future);

// Stop waiting for it: a timer is cleared, a receiver takes no more signals, an
// activity or child is asked to cancel. An await of it returns WEFT_ECANCELLED
// from then on, unless it was known already; a branch (branch.h) goes on until
// it has returned. Nothing if it is known.
//
// An activity or a child is given up as its options->cancellation says.
// Awaiting one that is asked and waited for is not interrupted by cancellation,
// and gives how it ended: WEFT_OK, WEFT_EFAILED, or WEFT_ECANCELLED if it
// stopped because it was asked. A child that is given up stays open, without a
// result, until it ends.
//
// WEFT_EINVAL  no such future
WEFT_API weft_err weft_workflow_cancel(weft_workflow *wf, weft_future future);

// What the last failed await (or call, step, child) ended with. Borrowed until
// the next call that waits. The name is "" if nothing failed yet.
WEFT_API const weft_failure *weft_workflow_failure(const weft_workflow *wf);

// Changing code that instances run. docs/versions.md -------------------------

// 1: go the new way; 0: go the old way. (Temporal: patched.)
//
//     if (weft_workflow_patched(wf, "check-stock-first")) {
//         new code
//     } else {
//         what was here before
//     }
//
// The first answer holds for the rest of the run, wherever it is asked again:
//   a run that has it recorded      1
//   history is being run again      0: it was recorded before the change
//   the code is at its live end     1, and that is recorded now
// A restart begins anew. The id is 1 to 255 bytes; with any other the instance
// is parked. Outside of the workflow's function it is 0.
WEFT_API int weft_workflow_patched(weft_workflow *wf, const char *id);

// Where the old way is gone from the code because no run needs it any more:
// what it records lets code that still has both ways run this instance too.
// Once no run has the old code's history, delete it.
//
// WEFT_EINVAL  called outside of the workflow's function
WEFT_API weft_err weft_workflow_deprecate_patch(weft_workflow *wf,
                                                const char *id);

// Outcome. ------------------------------------------------------------------

// Publish a value for queries of that name.
//
// WEFT_ETOOBIG  over 2 MiB
WEFT_API weft_err weft_workflow_publish(weft_workflow *wf, const char *name,
                                        weft_bytes value);

// The memo that describes this instance (start.h): the value of that name, as
// of now, empty if there is none; borrowed until the workflow function returns.
// Set one; an empty value removes it.
//
// WEFT_ETOOBIG  the memo would be over 8 KiB
WEFT_API weft_bytes weft_workflow_memo(const weft_workflow *wf,
                                       const char *name);
WEFT_API weft_err weft_workflow_memo_set(weft_workflow *wf, const char *name,
                                         weft_bytes value);

// Set the result; copied; the last call wins.
WEFT_API weft_err weft_workflow_return(weft_workflow *wf, weft_bytes result);

// Set the failure that a later error return ends with; returns WEFT_EFAILED.
WEFT_API weft_err weft_workflow_fail(weft_workflow *wf, const char *name,
                                     const char *message, weft_bytes details);
// The same; and if the start's policy retries it, the next run begins so much
// later, whatever the interval. 0: as the policy says. Limits of attempts and
// of time hold all the same. (Temporal: next retry delay.)
WEFT_API weft_err weft_workflow_fail_after(weft_workflow *wf, const char *name,
                                           const char *message,
                                           weft_bytes details,
                                           uint64_t retry_after_ms);

// As weft_workflow_fail, with a cause: weft_workflow_failure, for example,
// which is what it came from. Its source is not looked at; all of it is copied.
WEFT_API weft_err weft_workflow_fail_with(weft_workflow *wf,
                                          const weft_failure *failure);

// Begin again with a fresh journal, the same id and all signals not yet
// received, once the function returns. (Temporal: continue as new.) Returns
// WEFT_OK, so that `return weft_workflow_restart(...)` reads well.
WEFT_API weft_err weft_workflow_restart(weft_workflow *wf, weft_bytes input);

// Cancellation. -------------------------------------------------------------

// When cancellation is requested, waits are interrupted, and what was begun and
// is not known - activities, children, timers - is given up, awaited or not,
// as its own cancellation type says.
//
// Between begin and end awaits are not interrupted, and what is begun is not
// given up; the first wait after is interrupted. They nest.
WEFT_API void weft_workflow_shield_begin(weft_workflow *wf);
WEFT_API void weft_workflow_shield_end(weft_workflow *wf);

// 1 once cancellation was requested, in a shield too.
WEFT_API int weft_workflow_is_cancelled(const weft_workflow *wf);

// Memory. -------------------------------------------------------------------

// Memory that is freed when the function returns or its stack is dropped.
// Zeroed; NULL when out of memory, or called from elsewhere.
WEFT_API void *weft_workflow_alloc(weft_workflow *wf, size_t size);

// Call fn(ctx) when the function returns or its stack is dropped; last added,
// first called. For what weft_workflow_alloc does not cover. Not called when
// the instance is terminated: that runs no user code.
WEFT_API weft_err weft_workflow_defer(weft_workflow *wf, void (*fn)(void *ctx),
                                      void *ctx);

WEFT_API const char *weft_workflow_namespace(const weft_workflow *wf);
WEFT_API const char *weft_workflow_kind(const weft_workflow *wf);
WEFT_API const char *weft_workflow_id(const weft_workflow *wf);
// 1, plus 1 for every restart and every retry of the start's policy. A reset by
// an operator leaves it as it was, so that the code does again what it did; one
// to the beginning, where nothing has to fit, makes it 1 more.
WEFT_API uint64_t weft_workflow_run(const weft_workflow *wf);
// 1, plus 1 for every retry; a restart begins with 1 again.
WEFT_API uint32_t weft_workflow_attempt(const weft_workflow *wf);
// A header that its start brought; empty if there is none of that name.
// Borrowed until the workflow function returns. Those of signals are not seen.
WEFT_API weft_bytes weft_workflow_header(const weft_workflow *wf,
                                         const char *name);
WEFT_API void *weft_workflow_context(const weft_workflow *wf);

// 1 while recorded history is being run again. For logging only.
WEFT_API int weft_workflow_is_replaying(const weft_workflow *wf);

#ifdef __cplusplus
}
#endif

#endif
