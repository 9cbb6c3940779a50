// SPDX-License-Identifier: Apache-2.0
//
// operate.h - what operators do to running instances: a person, or a tool that
// acts for one.
//
// Whoever does something here says who and why. Both are recorded together with
// what was done, in the same record: it happened and is explained, or neither.
// The newest 1,000 operations of an instance are kept with it, over restarts
// and its end, and shown by weft/inspect.h and `weft inspect`. The requests of
// weft_client_submit for pause, resume, cancel and terminate may say it too
// (weft_request.by).
//
// Threads and errors are those of client.h: any thread; besides the errors
// named here, those of weft_client_submit and WEFT_ETIMEDOUT.

#ifndef WEFT_OPERATE_H
#define WEFT_OPERATE_H

#include <stdint.h>

#include "weft/activity.h"
#include "weft/client.h"

#ifdef __cplusplus
extern "C" {
#endif

// Who operates, and why. Copied.
typedef struct weft_operator {
    const char *who; // 1 to 255 bytes, no control characters
    const char *why; // 1 to 1,023 bytes
} weft_operator;

// Instances. ------------------------------------------------------------------
//
// They mean what the calls of client.h without who and why mean.
//
// WEFT_ENOTFOUND  no such instance
// WEFT_EFINISHED  it has finished
// WEFT_EINVAL     who or why is missing or too long

// Hold it up: it runs no turns and begins no attempts, takes messages, and its
// timers fire into the mailbox. Twice is once.
WEFT_API weft_err weft_operate_pause(weft_client *client, weft_target target,
                                     const weft_operator *by);
// The same, as an instance that weft itself parked: the reason is who and why.
WEFT_API weft_err weft_operate_park(weft_client *client, weft_target target,
                                    const weft_operator *by);
// Let it go on, paused or parked, whoever did that. The turn that failed is
// tried again.
WEFT_API weft_err weft_operate_resume(weft_client *client, weft_target target,
                                      const weft_operator *by);
WEFT_API weft_err weft_operate_cancel(weft_client *client, weft_target target,
                                      const weft_operator *by);
// Its failure's message is why.
WEFT_API weft_err weft_operate_terminate(weft_client *client,
                                         weft_target target,
                                         const weft_operator *by);

// Publish a value in its name, also of one that has finished. The code is not
// told, and replaces it when it publishes that name again.
WEFT_API weft_err weft_operate_publish(weft_client *client, weft_target target,
                                       const char *name, weft_bytes value,
                                       const weft_operator *by);

// Replace the whole state of a plain actor, between two of its turns. `version`
// is that of the kind which the bytes are of, and has to be the one that its
// state has now (weft_description.version). Park or pause it first if the old
// state must not be used any more.
//
// WEFT_EDIVERGED  its state is of another version; the detail names it
// WEFT_EINVAL     it is a workflow, or the kind's state has another size
WEFT_API weft_err weft_operate_set_state(weft_client *client,
                                         weft_target target, uint32_t version,
                                         weft_bytes state,
                                         const weft_operator *by);

// Move a workflow to that version of its code, newer or older, also if it is
// parked or paused, which it stays. It is moved only if the code fits its
// journal. (Temporal: update workflow options, versioning override.)
//
// WEFT_ENOTFOUND  also: that version is not registered here
// WEFT_EDIVERGED  the code does not fit; the detail has both sides
// WEFT_EINVAL     also: it is no workflow
WEFT_API weft_err weft_operate_move_version(weft_client *client,
                                            weft_target target,
                                            uint32_t version,
                                            const weft_operator *by);

// Back to an earlier point. ---------------------------------------------------

typedef enum weft_point_type {
    WEFT_POINT_BEGINNING,     // all code runs again
    WEFT_POINT_ENTRY,         // before that entry of the journal
    WEFT_POINT_FIRST_FAILED,  // before the first result of an activity or child
                              // that has failed
    WEFT_POINT_LAST_ACTIVITY, // before the turn that called an activity last
    WEFT_POINT_COUNT
} weft_point_type;

// A place between two turns of a run.
typedef struct weft_point {
    weft_point_type type;
    // ENTRY: counted from 0, as inspection and capsules show the journal. It is
    // one with which a turn begins: the start, or an event.
    uint64_t entry;
} weft_point;

// Let a workflow go on from an earlier point of its run, running, parked or
// finished: the next run of the instance begins with the journal up to there.
// (Temporal: reset.) What came after that point:
//
// - Signals come again, in their order, before what is in the mailbox.
// - Calls that were made there are undone: activities are told to stop, timers
//   are cleared, children end as their parent_close says.
// - Calls made before it that were open at it: those that went well afterwards
//   give the same result again; activities and steps that failed or have no
//   result run again, from attempt 1 under a new key; timers keep their
//   instants. Children that run are awaited as before, those that failed or
//   were asked to cancel when their parent finished are started again.
// - Updates under way are answered WEFT_EFINISHED. Cancellation is forgotten.
// - What was published, memo and attributes stay until the code sets them. Of
//   memo and attributes it goes when what the code sets has no room beside it.
//
// Timeouts count from here. Its parent is not told a second time how it ended.
// One that has finished goes on when its mailbox is empty.
//
// point  NULL: the beginning
//
// WEFT_ENOTFOUND  also: its version of the code is not registered here
// WEFT_EINVAL     also: a plain actor; no such point; inside of a turn, the
//                 detail says where that begins
// WEFT_EDIVERGED  the code does not fit what would be kept
// WEFT_ETOOBIG    what has to be begun again is more than a turn may do
WEFT_API weft_err weft_operate_reset(weft_client *client, weft_target target,
                                     const weft_point *point,
                                     const weft_operator *by);

// Reset a workflow that has failed to just before the last result that was a
// failure of an activity or child: that one runs again, and nothing that has
// gone well beside it does. What the code did to clean up afterwards is not
// undone.
//
// WEFT_EINVAL  also: it has not failed, or not by an activity or child
// else         as weft_operate_reset
WEFT_API weft_err weft_operate_retry_failed(weft_client *client,
                                            weft_target target,
                                            const weft_operator *by);

// Beside it, from an earlier point. -------------------------------------------

// Make a new instance that begins with the journal of another workflow up to a
// point, and goes on from there on its own. `source` may be running, parked,
// paused or finished, and is not touched: it is exported
// (weft_client_export), and the fork is made from that. `new_id` is of the same
// kind and namespace. Its point may also be the entry that comes next: then all
// of the journal is kept, of one that has not finished. (No known system has
// it: Temporal's reset ends the run.)
//
// What came after the point is as for weft_operate_reset, but that all of it is
// the fork's own:
//
// - Signals come again, as copies, also those in the source's mailbox.
// - Calls made before the point that were open at it: good results that the
//   source has, handled or not, are used again; else activities and steps run
//   again, and children are started again, under their ids and as children of
//   the fork. If one of that id runs, the source's own most likely, that call
//   fails with WEFT_EEXISTS, as the code sees it; one that has finished is
//   replaced if its start allows it. Idempotency keys have the new id in them.
//   Timers keep their instants.
// - Updates, done or under way, and questions are the source's.
// - What was published, memo and attributes are copied, as they are now.
// - It has no parent, and is neither paused nor parked. Timeouts count from
//   here, as does its creation. Its run is the source's plus 1.
//
// The code sees what the source's saw, but its id: if that is in what it gave
// before the point - an id of a child, an input - it does not fit. From the
// point on weft_workflow_random gives other numbers. Who, why and where it came
// from are in the fork's operations.
//
// new_id  in use by one that runs or has finished: refused, whatever the start
//         of the source says of reuse. Delete that one first.
//
// After WEFT_ETIMEDOUT WEFT_EEXISTS says that it had been done. To repeat it
// under one number, call WEFT_VERB_EXPORT, then WEFT_VERB_FORK with what that
// gave as its data; a capsule that was kept, or is of a backup, does as well.
//
// WEFT_ENOTFOUND  no such source, or its version of the code is not registered
// WEFT_EEXISTS    one of the new id exists, or signals wait there for a start
// WEFT_EINVAL     also: a plain actor; no such point; inside of a turn; a child
//                 that would terminate the one that runs would be started again
// WEFT_EDIVERGED  the code does not fit what would be kept; the detail has both
//                 sides
// WEFT_ETOOBIG    the source's capsule is over 8 MiB, or cannot be exported; or
//                 as for a reset
// WEFT_ECORRUPT, WEFT_EFORMAT  WEFT_VERB_FORK: its data is no capsule
WEFT_API weft_err weft_operate_fork(weft_client *client, weft_target source,
                                    const weft_point *point, const char *new_id,
                                    const weft_operator *by);

// Open activities. ------------------------------------------------------------

// An activity without a result. Strings live as long as the reply.
typedef struct weft_open_activity {
    uint32_t call; // which call of its instance; what the calls below want
    const char *name;
    uint32_t attempt; // under way, or the next; from 1, again after a reset
    uint32_t lost;    // attempts that died with their process
    uint64_t opened_at_ms; // when it was called, or reset last
    uint64_t next_at_ms;   // when the next attempt may begin; 0: at once
    int is_running;        // an attempt is under way
    int is_deferred;       // it is, and completes by token
    int is_paused;
    int is_cancel_requested;
    int is_abandoned; // its caller does not want the result any more
    int is_local;
    const char *task_queue; // ""; none
    int is_offered;         // to its queue: it waits for a worker
    const char *worker;     // that has it now; "": none
    uint64_t failed_at_ms;  // when an attempt failed last; 0: none did
    weft_failure failure;   // of that one: name and message (cut to 1 KiB)
    size_t details_len;     // of what its last heartbeat left
} weft_open_activity;

// The open activities of an instance, in order of their calls: a page of those
// whose call is above `after`, which is 0 for the first page. A page of less
// than 100 is the last.
//
// WEFT_ENOTFOUND  no such instance
WEFT_API weft_err weft_operate_activities(weft_client *client,
                                          weft_target target, uint32_t after,
                                          weft_reply **out_reply);

// The four below are about one open activity, by its call. They mean what they
// mean in Temporal (activity operations: pause, unpause, reset, update
// options), but that changed options hold at once.
//
// WEFT_ENOTFOUND  no such instance, or that call is not an open activity
// WEFT_EFINISHED  the instance has finished, and all its activities with it
// WEFT_EINVAL     who or why is missing or too long

// Begin no attempt until it is resumed. One under way goes on: its result
// counts, weft_activity_is_paused tells it, and if it fails the next one waits.
// Timeouts are not paused, nor is the instance. Twice is once.
WEFT_API weft_err weft_operate_activity_pause(weft_client *client,
                                              weft_target target, uint32_t call,
                                              const weft_operator *by);

// Begin the next attempt at once, if it was paused and none is under way.
// Attempts and time go on counting. Nothing if it was not paused.
WEFT_API weft_err weft_operate_activity_resume(weft_client *client,
                                               weft_target target,
                                               uint32_t call,
                                               const weft_operator *by);

// Count attempts and time from here, resume it, and begin attempt 1 at once; if
// one is under way it goes on, its result counts, and if it fails attempt 1
// begins at once. What heartbeats left is kept.
WEFT_API weft_err weft_operate_activity_reset(weft_client *client,
                                              weft_target target, uint32_t call,
                                              const weft_operator *by);

// Change its retry policy, timeouts and on_lost; what options leave zero stays
// as it is, and what they may take back (activity.h) they take back here too.
// It holds at once, also for the attempt under way; a pause between attempts is
// measured anew if the options say anything about it.
//
// WEFT_EINVAL   also: an option is out of range or cannot be changed any more
//               (cancellation, is_local, task_queue), or none is set
WEFT_API weft_err weft_operate_activity_change(weft_client *client,
                                               weft_target target,
                                               uint32_t call,
                                               const weft_call_options *options,
                                               const weft_operator *by);

#ifdef __cplusplus
}
#endif

#endif
