// SPDX-License-Identifier: Apache-2.0
//
// actor.h - actors with explicit handlers: a message and the state in, the
// new state and effects out.
//
// One message is one turn. The handler changes the state it was given and
// calls the functions below; nothing of it is seen by anyone before the turn
// has ended well and is durable. If the handler returns an error, all of it is
// dropped, and the message is tried again with backoff; after that the actor is
// parked: kept whole, with its reason, until somebody resumes it.
//
// Handlers must be quick and must not block: no I/O, no locks, no clock of
// their own. What takes time or touches the world is an activity.

#ifndef WEFT_ACTOR_H
#define WEFT_ACTOR_H

#include <stdint.h>

#include "weft/activity.h"
#include "weft/bytes.h"
#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// The actor whose turn it is; valid until the handler returns, on its thread.
typedef struct weft_actor weft_actor;

// How a child starts: child.h.
typedef struct weft_child_options weft_child_options;

// A name for one actor or workflow instance. Strings are borrowed for the
// call. The part of the id before the first '/' decides where the actor
// lives: "order-17/ship" is beside "order-17".
typedef struct weft_target {
    const char *kind;
    const char *id;
} weft_target;

typedef enum weft_message_type {
    WEFT_MESSAGE_START,    // first message of an instance; data is the input
    WEFT_MESSAGE_SIGNAL,   // name and data from a client or another actor
    WEFT_MESSAGE_TIMER,    // name of a timer that came due
    WEFT_MESSAGE_ACTIVITY, // call has the number weft_actor_call returned
    WEFT_MESSAGE_CHILD,    // call has the number weft_actor_spawn returned
    WEFT_MESSAGE_REPLY,    // answer to a request; call as for the others
    WEFT_MESSAGE_FAILED,   // what was sent could not be delivered
    WEFT_MESSAGE_CANCEL,   // somebody asks this actor to stop
    WEFT_MESSAGE_STARTED   // a child that was to tell exists; data is its id
} weft_message_type;

// What went wrong, for activity, child, reply and failed messages and for
// results. Never partly filled.
typedef struct weft_failure {
    const char *name;    // "" if nothing failed
    const char *message; // for people
    weft_bytes details;  // what the failing code attached
    // Who failed: the name of an activity or a step, "KIND/ID" of a child; ""
    // if it is the instance itself.
    const char *source;
    // What it passed on, or says that it came from; NULL: nothing. A workflow
    // that returns the error of a failed wait passes that failure on: it has
    // the same name, message and details, and is its cause. At most 16, the
    // first one always among them; of a cause texts are cut to 1 KiB, and
    // details over 4 KiB are left out. (Temporal: cause of a failure.)
    const struct weft_failure *cause;
} weft_failure;

// Everything is borrowed until the handler returns.
typedef struct weft_message {
    weft_message_type type;
    const char *name;        // of the signal or timer; else ""
    weft_bytes data;         // payload or result
    uint32_t call;           // which call this answers; 0 if none
    weft_failure failure;    // name is "" when it went well
    const char *sender_kind; // "" if a client sent it
    const char *sender_id;
} weft_message;

// One turn. `state` is state_bytes long and may be changed freely; it is NULL
// for kinds whose state is bytes (weft_actor_state).
typedef weft_err weft_actor_fn(weft_actor *actor, const weft_message *message,
                               void *state);

// Answer a question from the state, without changing it. Write the answer
// with weft_query_return. Runs between turns and must be as quick as one; the
// weft_query is valid until it returns, on its thread.
typedef struct weft_query weft_query;
typedef weft_err weft_query_fn(weft_query *query, const char *name,
                               weft_bytes args, const void *state,
                               size_t state_len);

// Make a state of this version from one that an older version left. The new
// state is zeroed before the call. Not called when versions are equal.
typedef weft_err weft_upgrade_fn(uint32_t from_version, weft_bytes old_state,
                                 void *new_state);

// What happens to a message for an actor that does not exist.
typedef enum weft_creation {
    WEFT_CREATION_ON_MESSAGE, // it is created by its first message
    WEFT_CREATION_ON_START,   // only a start creates it; others fail
    WEFT_CREATION_NEVER,      // only another actor's spawn creates it
    // Any message, also when one of that id has finished: it is never away.
    // (Orleans: virtual actor.)
    WEFT_CREATION_ALWAYS
} weft_creation;

// Register an actor kind: start from WEFT_ACTOR_DEF_INIT.
typedef struct weft_actor_def {
    size_t struct_size;
    const char *name;     // 1 to 127 bytes, no control characters
    uint32_t version;     // of the state's layout; default 1
    uint32_t state_bytes; // size of the state struct, zeroed at creation; or 0
    weft_actor_fn *receive;
    weft_query_fn *query;     // may be NULL
    weft_upgrade_fn *upgrade; // may be NULL: older versions then park
    void *context;            // what weft_actor_context returns
    weft_creation creation;
    uint32_t turn_attempts_max; // before it is parked; default 5
    uint64_t retention_ms; // finished instances are kept so long; default 7 d
    uint64_t retention_failed_ms;  // the same of those that failed or timed out
    uint64_t retention_stopped_ms; // ... that were cancelled or terminated;
                                   // both default to retention_ms
} weft_actor_def;

#define WEFT_ACTOR_DEF_INIT                                                    \
    {                                                                          \
        .struct_size = sizeof(weft_actor_def)                                  \
    }

// Copies the definition, strings too.
//
// WEFT_EINVAL   no name or handler, or state_bytes over 1 MiB
// WEFT_EEXISTS  a kind of that name is there already; the detail names it
WEFT_API weft_err weft_definitions_add_actor(weft_definitions *definitions,
                                             const weft_actor_def *def);

// Everything below is called from the handler, on its thread. Anywhere else,
// and after it has returned, a function does nothing: it returns WEFT_EINVAL,
// or 0, "", NULL, nothing. Payloads and strings are copied. Functions that add
// an effect return
//   WEFT_EINVAL   a name or id is missing, too long, or of an unknown kind
//   WEFT_ETOOBIG  the payload is over 2 MiB, or the turn as a whole over 8 MiB
// and then add nothing.

// Send a message to an actor or workflow of this namespace. Delivered once,
// in order of sending. If it cannot be delivered it becomes a dead letter.
WEFT_API weft_err weft_actor_send(weft_actor *actor, weft_target to,
                                  const char *name, weft_bytes data);

// Start a child. Its result arrives as WEFT_MESSAGE_CHILD with the same call
// number. options (child.h) may be NULL.
WEFT_API weft_err weft_actor_spawn(weft_actor *actor, weft_target child,
                                   weft_bytes input,
                                   const weft_child_options *options,
                                   uint32_t *out_call);

// Run an activity; its result arrives as WEFT_MESSAGE_ACTIVITY. options
// (activity.h) may be NULL.
WEFT_API weft_err weft_actor_call(weft_actor *actor, const char *activity,
                                  weft_bytes input,
                                  const weft_call_options *options,
                                  uint32_t *out_call);

// Give a call of an activity or a child up, as its options->cancellation says:
// no message comes of it, but with WEFT_CANCELLATION_WAIT the one that tells
// how it ended; the failure of an activity that stopped is named
// WEFT_ECANCELLED, that of a child "cancelled". With
// WEFT_CANCELLATION_WAIT_REQUESTED a WEFT_MESSAGE_CHILD with that failure says
// that the child was asked.
//
// WEFT_ENOTFOUND  that activity or child is not open: it has ended, or never
//                 began
WEFT_API weft_err weft_actor_call_cancel(weft_actor *actor, uint32_t call);

// Answer the message of this turn, if its sender asked for an answer
// (weft_client_ask, weft_actor_ask); else nothing happens.
WEFT_API weft_err weft_actor_reply(weft_actor *actor, weft_bytes data);

// Answer it in a later turn: keep *out_question, and give it to
// weft_actor_reply_to then. Those that are open when the instance finishes are
// answered WEFT_EFINISHED. (Erlang: noreply, and gen_server:reply.)
//
// WEFT_ENOTFOUND  the sender asked for no answer; of reply_to: it is not open
WEFT_API weft_err weft_actor_reply_later(weft_actor *actor,
                                         uint32_t *out_question);
WEFT_API weft_err weft_actor_reply_to(weft_actor *actor, uint32_t question,
                                      weft_bytes data);
// Does somebody wait for the answer to a question that an earlier turn kept?
// Not 0 of one that an actor asked. Of a client's, 0: it gave up, or its
// connection or node is gone, or this one began anew since; it may yet come and
// ask again, and then gets what it was answered.
WEFT_API int weft_actor_is_awaited(const weft_actor *actor, uint32_t question);

// Send and ask for an answer, which arrives as WEFT_MESSAGE_REPLY.
WEFT_API weft_err weft_actor_ask(weft_actor *actor, weft_target to,
                                 const char *name, weft_bytes data,
                                 uint32_t *out_call);

// Set the timer of that name to come due after_ms from now; replaces the one
// it had, whose message does not come, not even if it came due and the message
// waits in the mailbox. Names are the actor's own.
WEFT_API weft_err weft_actor_timer_set(weft_actor *actor, const char *name,
                                       uint64_t after_ms);

// The same, and set none. WEFT_OK also if there is none.
WEFT_API weft_err weft_actor_timer_clear(weft_actor *actor, const char *name);

// Publish a value for queries of that name; readable even when the actor is
// asleep, finished or parked.
WEFT_API weft_err weft_actor_publish(weft_actor *actor, const char *name,
                                     weft_bytes value);

// What it has published is state by key: each value is stored on its own, so
// that a hundred thousand cost a turn no more than those that it touches. Read
// one as of now, empty if there is none (borrowed until it is published or the
// turn ends), and remove one. An actor's values are in memory while it is; they
// may be 256 MiB, then publishing fails with WEFT_ETOOBIG. (Restate: state of a
// virtual object.)
WEFT_API weft_bytes weft_actor_published(const weft_actor *actor,
                                         const char *name);
WEFT_API weft_err weft_actor_unpublish(weft_actor *actor, const char *name);

// The memo that describes this instance (start.h): the value of that name, as
// of now, empty if there is none; borrowed until it is set. Set one; an empty
// value removes it.
WEFT_API weft_bytes weft_actor_memo(const weft_actor *actor, const char *name);
WEFT_API weft_err weft_actor_memo_set(weft_actor *actor, const char *name,
                                      weft_bytes value);

// For kinds with state_bytes 0: the state as bytes. The pointer is borrowed
// until the turn ends or the state is set.
WEFT_API weft_bytes weft_actor_state(const weft_actor *actor);
WEFT_API weft_err weft_actor_state_set(weft_actor *actor, weft_bytes state);

// Finish after this turn, well or not. Whoever waits gets the result, open
// activities are cancelled, later messages become dead letters.
WEFT_API weft_err weft_actor_stop(weft_actor *actor, weft_bytes result);
WEFT_API weft_err weft_actor_stop_failed(weft_actor *actor, const char *name,
                                         const char *message,
                                         weft_bytes details);
// The same with a cause: &message->failure, for example. Its source is not
// looked at; all of it is copied.
WEFT_API weft_err weft_actor_stop_failed_with(weft_actor *actor,
                                              const weft_failure *failure);

// Milliseconds since 1970, sampled once for the turn; never goes back.
WEFT_API uint64_t weft_actor_now_ms(const weft_actor *actor);

// Random bits; the same when the turn is tried again.
WEFT_API uint64_t weft_actor_random(weft_actor *actor);

WEFT_API const char *weft_actor_namespace(const weft_actor *actor);
WEFT_API const char *weft_actor_kind(const weft_actor *actor);
WEFT_API const char *weft_actor_id(const weft_actor *actor);

// A header that this message brought or, if it brought none at all (timers,
// results), the instance's start; empty if there is none of that name. What
// the turn sends and calls takes the same headers along.
WEFT_API weft_bytes weft_actor_header(const weft_actor *actor,
                                      const char *name);
WEFT_API void *weft_actor_context(const weft_actor *actor);

// From a query function: set the answer; copied; at most 2 MiB.
//
// WEFT_EINVAL  not called from the query function that was given it
WEFT_API weft_err weft_query_return(weft_query *query, weft_bytes answer);

#ifdef __cplusplus
}
#endif

#endif
