// SPDX-License-Identifier: Apache-2.0
//
// client.h - start, signal, ask, query and watch actors and workflows.
//
// Two forms of every call. The blocking form waits for the answer, at most the
// client's timeout. The other gives a request to weft_client_submit and is
// called back from weft_client_dispatch; weft_client_fd becomes readable when
// there is something to dispatch.
//
// An answer of WEFT_OK means: durable. Every call that changes something has a
// request id (client id, number), which stands for one request: repeated with
// the same id, verb and target, it is done once and answered the same. A call
// that was refused (class RETRY) did nothing, and its number is used up: call
// again under a new one. What was submitted behind it may have been done before
// that: who needs an order waits for each answer. Numbers grow; those a client
// chooses itself may be any that it has not used, not more than 65,536 below
// its newest. To repeat a call after a restart, open the client with the same
// client_id; its own numbers then begin above all earlier ones, by the clock:
// choose all of them, or none. Answers are kept for a day of silence, and that
// a number was used for a month.

#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H

#include <stdint.h>

#include "weft/actor.h"
#include "weft/attributes.h"
#include "weft/bytes.h"
#include "weft/error.h"
#include "weft/node.h"
#include "weft/start.h"

#ifdef __cplusplus
extern "C" {
#endif

// Life:     open -> close, before its node is closed.
// Threads:  any thread may call anything at any time, except close. From a
//           handler, a workflow, a step or a query, the calls that wait return
//           WEFT_EINVAL: they would wait for themselves. Activities may wait.
typedef struct weft_client weft_client;

typedef struct weft_client_options {
    size_t struct_size;
    const char *name_space; // default "default"; 1 to 63 bytes
    uint32_t timeout_ms;    // of blocking calls; default 30000
    uint8_t client_id[16];  // zero: a new random one
    // Seals payloads and opens them (cipher.h); borrowed until close. NULL:
    // none. An answer that does not open is WEFT_EFORMAT or WEFT_ECORRUPT, and
    // payloads may be 51 bytes less.
    const struct weft_cipher *cipher;
} weft_client_options;

#define WEFT_CLIENT_OPTIONS_INIT                                               \
    {                                                                          \
        .struct_size = sizeof(weft_client_options)                             \
    }

// options may be NULL.
//
// WEFT_EINVAL   an option is out of range
WEFT_API weft_err weft_client_open(weft_node *node,
                                   const weft_client_options *options,
                                   weft_client **out_client);

// NULL is allowed. Requests still under way are answered with WEFT_ECLOSED to
// their callbacks, within this call. Called from a handler, a workflow, a step
// or a query it does nothing, as weft_node_close; weft_err_detail says so.
WEFT_API void weft_client_close(weft_client *client);

typedef enum weft_status {
    WEFT_STATUS_NONE, // does not exist
    WEFT_STATUS_RUNNING,
    WEFT_STATUS_COMPLETED,
    WEFT_STATUS_FAILED,
    WEFT_STATUS_CANCELLED,
    WEFT_STATUS_TERMINATED,
    WEFT_STATUS_TIMED_OUT, // a timeout of weft_start_options passed
    WEFT_STATUS_COUNT
} weft_status;

// "running" and so on; never NULL.
WEFT_API const char *weft_status_name(weft_status status);

typedef enum weft_verb {
    WEFT_VERB_START,
    WEFT_VERB_SIGNAL,
    WEFT_VERB_SIGNAL_WITH_START, // name, data: the signal; input: the start
    WEFT_VERB_ASK,               // a signal that wants weft_actor_reply
    WEFT_VERB_QUERY,
    WEFT_VERB_RESULT, // wait until it has finished
    WEFT_VERB_CANCEL,
    WEFT_VERB_TERMINATE,
    WEFT_VERB_DESCRIBE,
    WEFT_VERB_LIST,
    WEFT_VERB_PAUSE,
    WEFT_VERB_RESUME,    // also un-parks
    WEFT_VERB_COMPLETE,  // a deferred activity, by token
    WEFT_VERB_FAIL,      // the same
    WEFT_VERB_HEARTBEAT, // the same
    WEFT_VERB_EXPORT,
    WEFT_VERB_UPDATE, // name, data; update_id
    WEFT_VERB_UPDATE_WITH_START,
    WEFT_VERB_IMPORT, // data: a capsule; the target is in it
    // operate.h
    WEFT_VERB_ACTIVITIES,      // a page of the open activities
    WEFT_VERB_ACTIVITY_PAUSE,  // one of them
    WEFT_VERB_ACTIVITY_RESUME, // the same
    WEFT_VERB_ACTIVITY_RESET,  // the same
    WEFT_VERB_ACTIVITY_CHANGE, // the same: its options
    WEFT_VERB_PARK,            // until it is resumed; the reason is `by`
    WEFT_VERB_PUBLISH,         // name, data: a published value
    WEFT_VERB_SET_STATE,       // data, version: of a plain actor
    WEFT_VERB_MOVE_VERSION,    // version: of a workflow
    WEFT_VERB_RESET,           // point: of a workflow
    WEFT_VERB_RETRY_FAILED,    // a workflow that an activity has failed
    WEFT_VERB_DELETE,          // remove an instance that has finished
    WEFT_VERB_COUNT_MATCHING,  // how many instances a filter matches
    // worker.h: an attempt that a task queue offers, by token
    WEFT_VERB_LEASE,   // take it
    WEFT_VERB_RENEW,   // keep it
    WEFT_VERB_RELEASE, // give it back, not begun
    WEFT_VERB_DEFER,   // from now on it only completes by token
    // operate.h
    WEFT_VERB_FORK,  // data: a capsule of a workflow; target: the fork; point
    WEFT_VERB_WATCH, // watch.h: wait until it has changed
    WEFT_VERB_COUNT
} weft_verb;

struct weft_operator;
struct weft_point;

// One call. Only the fields that the verb needs are read; all are copied.
typedef struct weft_request {
    size_t struct_size;
    weft_verb verb;
    weft_target target;
    const char *name; // of the signal, question, query; reason of terminate
    weft_bytes data;  // payload of the signal, question, query; result
    weft_bytes input; // of a start
    const weft_start_options *start; // of a start; NULL: the defaults
    // Of a signal or question alone: what travels along, as start.h has it.
    const weft_pair *headers;
    size_t headers_count;
    int update_accepted;    // of an update: answer when it is accepted
    const char *update_id;  // of an update; NULL: none, see weft_client_update
    const char *token;      // complete, fail, heartbeat
    const char *error_name; // fail
    const char *error_message;
    uint64_t retry_after_ms; // fail: as for weft_activity_fail_after
    weft_status status;      // list, count: only of this one; 0 (none) for all
    const char *cursor;      // list: where the page before ended; NULL to begin
    uint32_t limit;          // list: at most so many; default 100, to 1000
    uint64_t number;         // request number to repeat; 0: a new one
    // Who does it and why: needed for the verbs of operate.h; pause, resume,
    // cancel and terminate record it if it is not NULL.
    const struct weft_operator *by;   // operate.h
    uint32_t call;                    // activity_*: which; activities: after it
    const weft_call_options *options; // activity_change
    const char *filter;               // list, count: docs/filter.md; NULL: all
    const char *group_by; // count: a field, as in a filter; NULL: no groups
    int terminate_first;  // delete: 1 if it may still run
    uint32_t version;     // set_state, move_version
    const struct weft_point *point; // reset, fork; NULL: the beginning
    int is_for_good;                // fail: 1: no attempt after it
    const char *worker; // lease, renew, release, defer: 1 to 127 bytes
    uint32_t lease_ms;  // lease: 1,000 to 600,000; default 10,000
    uint64_t after;     // watch: what was seen of it; 0: nothing
} weft_request;

#define WEFT_REQUEST_INIT                                                      \
    {                                                                          \
        .struct_size = sizeof(weft_request)                                    \
    }

// What is known of one instance. Strings live as long as the reply.
typedef struct weft_description {
    const char *kind;
    const char *id;
    const char *parent_kind; // "" if it is nobody's child
    const char *parent_id;
    weft_status status;
    uint32_t version; // of the kind
    uint64_t run;     // 1, plus 1 for every restart and reuse
    uint32_t attempt; // runs with this input: 1, plus 1 for every retry
    uint64_t created_at_ms;
    uint64_t begins_at_ms;   // this run: later than now if it is delayed
    uint64_t deadline_ms;    // when the next timeout ends the run; 0: never
    uint64_t finished_at_ms; // 0 while it runs
    weft_bytes memo;         // pairs, read with weft_pairs_next (start.h)
    uint64_t mailbox_count;  // messages waiting
    uint32_t timers_count, activities_count, children_count;
    uint64_t journal_count; // entries of this run
    int is_parked, is_paused, is_cancel_requested;
    // Why it is parked, waits for its version, why its last run failed, or
    // which timeout ended it; or "".
    const char *reason;
    const weft_attribute *attributes; // in order of name
    size_t attributes_count;
} weft_description;

struct weft_open_activity;
struct weft_lease;

// The answer to a request. Borrowed until the callback returns, or until
// weft_reply_free for the blocking calls that give one.
typedef struct weft_reply {
    weft_err err;
    const char *detail;            // in words, if it failed; else ""
    uint64_t number;               // the request's
    weft_bytes data;               // answer, result or value
    weft_failure failure;          // of a result: why it failed
    int is_created;                // start: 1 if this call made the instance
    uint32_t retry_after_ms;       // with WEFT_EBUSY and WEFT_EFULL: a hint
    const weft_description *items; // describe: 1; list: a page
    size_t items_count;
    const char *cursor; // list: for the next page; NULL after the last
    const struct weft_open_activity *activities; // activities: operate.h
    size_t activities_count;
    uint64_t count;           // count: instances
    const weft_group *groups; // count: in order of type and value
    size_t groups_count;
    const struct weft_lease *lease; // lease, renew: worker.h
    uint64_t after;                 // watch: what to say next; watch.h
} weft_reply;

typedef void weft_reply_fn(void *ctx, const weft_reply *reply);

// Give a request to the node. fn is called once, from weft_client_dispatch or
// weft_client_close. out_number may be NULL.
//
// WEFT_EINVAL    a field is missing or malformed; the detail names it
// WEFT_ETOOBIG   a payload is over 2 MiB or an id over 511 bytes
// WEFT_ENOTFOUND no such kind is registered
// WEFT_EBUSY     100,000 requests of this client are under way
WEFT_API weft_err weft_client_submit(weft_client *client,
                                     const weft_request *request,
                                     weft_reply_fn *fn, void *ctx,
                                     uint64_t *out_number);

// Readable when weft_client_dispatch has something to do. Owned by the client.
// -1 for NULL.
WEFT_API int weft_client_fd(const weft_client *client);

// Call back for up to max_count answers; returns how many. Never blocks.
WEFT_API size_t weft_client_dispatch(weft_client *client, size_t max_count);

// Submit and wait. *out_reply is released with weft_reply_free. Returns
// reply->err, or an error of the call itself with *out_reply set to NULL.
//
// WEFT_ETIMEDOUT  the outcome is not known; repeat with the same number
WEFT_API weft_err weft_client_call(weft_client *client,
                                   const weft_request *request,
                                   uint32_t timeout_ms, weft_reply **out_reply);
WEFT_API void weft_reply_free(weft_reply *reply); // NULL is fine

// The blocking form of each verb. They return what the answer says; besides
// the errors named, those of weft_client_submit and WEFT_ETIMEDOUT.

// WEFT_EEXISTS  one of that id runs already, or may not be reused
WEFT_API weft_err weft_client_start(weft_client *client, weft_target target,
                                    weft_bytes input);

// The same with options. out_reply may be NULL; its is_created tells whether
// this call made the instance.
//
// WEFT_EINVAL   an option is out of range; the detail names it
WEFT_API weft_err weft_client_start_with(weft_client *client,
                                         weft_target target, weft_bytes input,
                                         const weft_start_options *options,
                                         weft_reply **out_reply);

// WEFT_ENOTFOUND  no such instance, and its kind does not create one
// WEFT_EFINISHED  it has finished
// WEFT_EBUSY      its mailbox is full
WEFT_API weft_err weft_client_signal(weft_client *client, weft_target target,
                                     const char *name, weft_bytes data);
WEFT_API weft_err weft_client_signal_with_start(weft_client *client,
                                                weft_target target,
                                                const char *name,
                                                weft_bytes data,
                                                weft_bytes input);

// Wait for an instance to finish; the reply has its result or failure, and is
// given for WEFT_EFAILED, WEFT_ECANCELLED and WEFT_ETERMINATED too.
// out_reply may be NULL.
WEFT_API weft_err weft_client_result(weft_client *client, weft_target target,
                                     uint32_t timeout_ms,
                                     weft_reply **out_reply);

// What is published under that name, or else what the kind's query function
// says. It shows what the start and all messages have done that came before it,
// and waits for their turns; so of an instance that has much to do it takes as
// long as that. One that is paused, parked, delayed or about to try again is
// shown as it is. (Cadence: strong consistency.)
//
// WEFT_ENOTFOUND  no such instance, or it has no such query or value
WEFT_API weft_err weft_client_query(weft_client *client, weft_target target,
                                    const char *name, weft_bytes args,
                                    weft_reply **out_reply);
WEFT_API weft_err weft_client_ask(weft_client *client, weft_target target,
                                  const char *name, weft_bytes data,
                                  weft_reply **out_reply);

// Ask a workflow to do something now (update.h), and wait until it has. With
// an id of the caller's, the workflow does it once in its life: whoever asks
// again with that id gets the same answer, the newest 1,000 of them. id may be
// NULL; out_reply too.
//
// WEFT_EFAILED    refused, or failed; the reply's failure says why
// WEFT_ENOTFOUND  no such instance, or it takes no updates of that name
// WEFT_EFINISHED  it has finished, or its run has (a restart, a retry, a reset
//                 to before it), before the update was done: asked again with
//                 the same id, a run that follows does it
// WEFT_ECANCELLED the handler was cancelled
// WEFT_EINVAL     a plain actor
WEFT_API weft_err weft_client_update(weft_client *client, weft_target target,
                                     const char *name, weft_bytes data,
                                     const char *id, weft_reply **out_reply);
// The same, and return once it is accepted: durable, and checked. The outcome
// comes from weft_client_update with the same id, which is required.
WEFT_API weft_err weft_client_update_begin(weft_client *client,
                                           weft_target target, const char *name,
                                           weft_bytes data, const char *id);
// The same, and start it first if it does not run. A start delay of one that
// does is over.
WEFT_API weft_err weft_client_update_with_start(
    weft_client *client, weft_target target, const char *name, weft_bytes data,
    const char *id, weft_bytes input, weft_reply **out_reply);

WEFT_API weft_err weft_client_describe(weft_client *client, weft_target target,
                                       weft_reply **out_reply);
WEFT_API weft_err weft_client_cancel(weft_client *client, weft_target target);
WEFT_API weft_err weft_client_terminate(weft_client *client, weft_target target,
                                        const char *reason);
WEFT_API weft_err weft_client_pause(weft_client *client, weft_target target);
WEFT_API weft_err weft_client_resume(weft_client *client, weft_target target);

// Remove an instance that has finished, now and not when its retention is over:
// no list, query or result has it any more. Messages that it left are dead
// letters first. (Temporal: delete workflow execution.)
//
// terminate_first  1: if it still runs it is terminated
//
// WEFT_ENOTFOUND  no such instance
// WEFT_EBUSY      it still runs
WEFT_API weft_err weft_client_delete(weft_client *client, weft_target target,
                                     int terminate_first);

// Finish a deferred activity. The first one counts.
//
// WEFT_ENOTFOUND  that attempt is over
// WEFT_EINVAL     not a token
WEFT_API weft_err weft_client_complete(weft_client *client, const char *token,
                                       weft_bytes result);
WEFT_API weft_err weft_client_fail(weft_client *client, const char *token,
                                   const char *name, const char *message);
WEFT_API weft_err weft_client_fail_after(weft_client *client, const char *token,
                                         const char *name, const char *message,
                                         uint64_t retry_after_ms);

// Say that it is alive, and keep details (may be empty) for the next attempt.
//
// WEFT_ECANCELLED  its caller asks it to stop; it was kept alive all the same
// WEFT_ENOTFOUND, WEFT_EINVAL   as for weft_client_complete
WEFT_API weft_err weft_client_heartbeat(weft_client *client, const char *token,
                                        weft_bytes details);

// A page of instances, in order of kind and id within each partition. kind
// NULL: all kinds; status WEFT_STATUS_NONE: all. Shows every write that was
// acknowledged before the call. find.h has lists by filter, counts and batches.
WEFT_API weft_err weft_client_list(weft_client *client, const char *kind,
                                   weft_status status, const char *cursor,
                                   weft_reply **out_reply);

// One instance as a capsule (capsule.h), in reply->data; it goes on as before.
// To move it, pause it first, and terminate it when it runs elsewhere.
//
// WEFT_ENOTFOUND  no such instance
// WEFT_ETOOBIG    its mailbox is longer than what is kept in memory (1,000)
WEFT_API weft_err weft_client_export(weft_client *client, weft_target target,
                                     weft_reply **out_reply);

// Let the instance of a capsule go on here, in this client's namespace, under
// its kind and id; one that has finished is replaced. Timers keep their
// instants. Attempts of activities that were open count as lost, and the next
// ones begin, with the same keys. Children and questions that are open stay so:
// bring the children too. Paused it stays paused.
//
// WEFT_EEXISTS   one of that id runs
// WEFT_ECORRUPT, WEFT_EFORMAT   it is no capsule, or of another version
// WEFT_ETOOBIG   over 8 MiB
WEFT_API weft_err weft_client_import(weft_client *client, weft_bytes capsule);

#ifdef __cplusplus
}
#endif

#endif
