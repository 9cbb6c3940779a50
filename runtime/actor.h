// SPDX-License-Identifier: Apache-2.0
//
// actor.h - one actor in memory: its durable state and what hangs on it.
//
// Durable fields are changed by apply.c alone. Fields under "volatile" belong
// to whoever is named there; they are rebuilt after a crash.
//
// Always true (wf_actor_check):
//   I1  a node is in the ready list only while the actor may run a turn, or is
//       due
//   I2  its mailbox keeps M1 to M3 (mailbox.h)
//   I3  every timer to come, of an actor that may run, has an alarm
//   I4  position <= the partition's last record

#ifndef WF_RUNTIME_ACTOR_H
#define WF_RUNTIME_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/list.h"
#include "runtime/alarm.h"
#include "runtime/child.h"
#include "runtime/definitions.h"
#include "runtime/item_rows.h"
#include "runtime/journal.h"
#include "runtime/letter.h"
#include "runtime/mailbox.h"
#include "runtime/opened.h"
#include "runtime/published.h"
#include "runtime/ready.h"
#include "runtime/updates.h"
#include "weft/client.h"

struct weft_workflow;
struct wf_task;

// What every durable object has: the record it reflects, and its place among
// those not yet saved.
enum wf_object_type {
    WF_OBJECT_ACTOR,
    WF_OBJECT_LINK,
    WF_OBJECT_WINDOW,
    WF_OBJECT_LETTERS,
    WF_OBJECT_META,
};

struct wf_object {
    enum wf_object_type type;
    uint64_t position;         // newest record it reflects
    uint64_t applied;          // newest record applied in this life
    uint64_t dirty_record;     // oldest record not yet saved
    uint64_t dirty_bytes;      // where in the log that is
    uint64_t unsaved_bytes;    // that its turns have logged since it was saved
    uint64_t saved_seal;       // the seal that carried its row last
    struct wf_list_node dirty; // in the partition's list while not saved
};

// One of a plain actor stays until the turn of its letter, so that it can still
// be cleared or replaced when it has come due.
struct wf_timer {
    struct wf_list_node node;
    struct wf_alarm alarm;
    uint32_t id;
    uint64_t due; // 0: it came due, and its letter is in the mailbox
    struct wf_actor *actor;
    char *name;
};

// An activity or inline step that has no result yet.
struct wf_command {
    struct wf_list_node node;
    struct wf_alarm alarm;
    struct wf_actor *actor;
    uint32_t id;
    enum wf_command_kind kind;
    char *name;          // of the activity or step
    weft_bytes input;    // owned
    weft_bytes options;  // owned; empty: those of the definition
    weft_bytes headers;  // owned; as options; empty: those of the instance
    weft_bytes details;  // owned; of the last heartbeat
    uint32_t attempt;    // from 1; never the same twice
    uint32_t base;       // attempts before the last reset: they do not count
    uint32_t lost;       // since then: attempts that died with their process
    uint64_t opened_ms;  // when it was called, or reset
    uint64_t attempt_ms; // when this attempt was scheduled
    uint64_t due;        // when it may run; 0: at once, or it has begun
    bool is_deferred;    // it completes by token
    bool is_cancel_asked;
    bool is_abandoned;     // nobody wants its result
    bool is_paused;        // by an operator: no attempt begins
    bool is_held;          // this attempt came while it was: it did not run
    bool is_offered;       // its queue was told, and no worker has it yet
    bool is_leased;        // a worker has it
    uint32_t offers;       // how often the queue was told
    uint64_t offered_ms;   // when it was told last
    uint64_t leased_ms;    // 0: it was not
    uint64_t lease_ms;     // how long after each renewal
    char *worker;          // owned; who has it, or had; NULL: nobody
    uint64_t failed_ms;    // when an attempt failed last; 0: none did
    char *failure_name;    // owned; of that failure; NULL: none
    char *failure_message; // owned; cut
    // volatile (commands.c)
    struct wf_list_node touched; // in its actor's list
    uint64_t record;      // that says when it starts: durable before it does
    bool is_recovered;    // its attempt may have run in a dead process
    bool is_started;      // handed out, or run
    uint64_t beat_ms;     // newest heartbeat by token; 0: none
    uint64_t renewed_ms;  // when its lease was renewed last, or recovered
    struct wf_task *task; // while a worker has it
};

// A child or a question that has no answer yet.
enum wf_call_type { WF_CALL_CHILD = 1, WF_CALL_ASK };

struct wf_call {
    struct wf_list_node node;
    uint32_t id;
    enum wf_call_type type;
    uint64_t run;         // stamp of the one that made it; resets leave it open
    struct wf_key target; // owned
    weft_parent_close close;
    weft_cancellation cancellation;
    bool is_asked;    // the child was asked to stop
    bool is_given_up; // nobody waits for its result
};

// A letter that is owed to a child.
struct wf_order {
    struct wf_list_node node;
    uint32_t number; // in the list
    enum wf_order_type type;
    uint64_t run; // stamp of the parent's, when it opened the call
    uint32_t call;
    struct wf_key target; // owned
};

// Something that an operator did to the actor. operate.c
struct wf_operation {
    struct wf_list_node node;
    uint64_t number; // from 1
    uint64_t at_ms;
    uint64_t run;
    uint64_t journal_count; // entries of the run before it
    char *who;
    char *why;
    char *what;
};

// Is the actor in memory?
//
//   STUB ---> LOADING ---> LOADED ---> (evicted: the struct is freed)
//                 |
//                 +------> BROKEN      its rows cannot be read
enum wf_residency {
    WF_RESIDENCY_STUB,    // only its key, and records to be applied
    WF_RESIDENCY_LOADING, // a reader was asked
    WF_RESIDENCY_LOADED,
    WF_RESIDENCY_BROKEN, // kept, never saved; whoever asks is told
};

// A record's section that waits for the image it changes.
struct wf_pending {
    struct wf_list_node node;
    uint64_t record;
    uint64_t now_ms;
    uint32_t len;
    uint8_t ops[];
};

// Where the wake index has the actor.
enum wf_wake { WF_WAKE_NONE, WF_WAKE_READY, WF_WAKE_SLEEP };

struct wf_actor {
    struct wf_object object;
    struct wf_key key; // owned
    uint64_t hash;     // of its key, in its partition; seeds its own tables
    const struct wf_kind *kind; // its highest version; NULL: not registered
    enum wf_residency residency;
    struct wf_list pending; // while not loaded

    // durable
    weft_status status; // NONE: there is no instance
    uint32_t version;   // of the kind, when it was started or upgraded
    uint64_t run;
    uint64_t origin_run; // that its journal began with: less after a reset
    uint64_t seed, origin_seed; // the second: of the life that it is a fork of
    uint64_t created_at_ms;
    uint64_t finished_at_ms;
    struct wf_key parent; // owned; empty if none
    uint64_t parent_run;  // its stamp
    uint32_t parent_call;
    weft_bytes input;      // owned
    weft_bytes options;    // owned; of its start (start.h)
    weft_bytes memo;       // owned; pairs; that of options is as the run began
    uint32_t attempt;      // runs with this input, this one included
    uint64_t begins_at_ms; // its first run: timeouts count from there
    uint64_t run_begins_at_ms; // this run: its start waits until then
    bool is_start_pending;     // the start is to be handled
    bool is_parked;
    bool is_paused;
    bool is_cancel_asked;
    bool is_end_asked; // by its parent
    bool is_left;      // asked to cancel by its parent: makes way (child.h)
    char *reason;      // why parked, or why the last turn failed; never NULL
    uint32_t failed_attempts; // of the first letter
    uint32_t crashes;
    uint64_t retry_due; // 0: none
    struct wf_mailbox mailbox;
    uint64_t outlived_to; // letters before it were for a life that has ended
    weft_bytes state;     // owned
    struct wf_journal journal;
    struct wf_opened timers;
    struct wf_table timer_names; // volatile: timers.h
    struct wf_opened commands;
    struct wf_list touched; // volatile: commands that records have changed and
                            // nobody has looked at since, in order of these
    struct wf_opened calls;
    struct wf_opened orders; // they outlive the instance
    struct wf_publications published;
    struct wf_opened questions; // to be answered in a later turn
    struct wf_list operations;  // the newest; they outlive a restart
    uint64_t operations_made;
    struct wf_updates updates;
    uint32_t next_id;      // of timers, commands and calls of a plain actor
    weft_bytes result;     // owned
    weft_bytes attributes; // owned; a set (attributes.h)
    weft_bytes attributes_begun; // owned; as they were when the run began
    char *failure_name;          // owned; NULL if it did not fail
    char *failure_message;       // owned
    weft_bytes failure_details;  // owned
    weft_bytes failure_causes;   // owned (cause.h)

    // volatile: what store and log have (image.c)
    bool has_row;
    enum wf_wake wake;
    uint64_t wake_due;
    struct wf_item_rows item_rows;
    uint64_t named_seal; // the segment that has its key (draft.c),
    uint32_t named_at;   // and where; 0: it has not

    // volatile: places (residents.c, turn.c)
    struct wf_ready_place ready; // among those that are
    struct wf_list_node lru;     // in the idle list
    struct wf_list_node steps;   // in the list of steps to run
    struct wf_list_node spill;   // overfull, or its letters' rows are under way
    bool is_paging;              // letters are being read back
    bool is_recovering; // records of the window wait for its first load
    struct wf_alarm retry;
    struct wf_alarm begin;    // of a run that is delayed
    struct wf_alarm deadline; // of the run or the instance
    struct wf_list waiting;   // requests that wait for the load
    struct wf_list results;   // requests that wait for the end, or to delete it
    struct wf_list queries;   // requests that wait for what came before them
    struct wf_list watches;   // requests that wait until it has changed
    struct wf_list_node changed; // in the partition's list, when it has
    uint32_t withdrawn;    // said of so many of them since they were swept
    struct wf_list joined; // updates that wait for one of the same id
    uint64_t taken;        // letters that had their turn, less those that were
                           // put back, and turns without any
    bool is_in_turn;
    uint32_t holds;                   // outputs at the gate that point here
    struct weft_workflow *activation; // live stack of a workflow
    uint32_t unfit_version; // it was to move there, and does not fit; 0: none
    char *unfit;            // owned; both sides of the difference, or NULL
};

// A stub. The key is copied.
struct wf_actor *wf_actor_create(const struct wf_key *key, uint64_t hash);
void wf_actor_destroy(struct wf_actor *actor); // in no list but those inside it

// Forget the instance: everything durable but the key and the mailbox, which
// outlives it. Alarms must have been removed.
void wf_actor_clear(struct wf_actor *actor);

struct wf_timer *wf_actor_find_timer(const struct wf_actor *actor, uint32_t id);
// How many are still to come due.
uint32_t wf_actor_timers_count(const struct wf_actor *actor);
struct wf_command *wf_actor_find_command(const struct wf_actor *actor,
                                         uint32_t id);
struct wf_call *wf_actor_find_call(const struct wf_actor *actor, uint32_t id);

// The attempt as people count: from 1, again after a reset.
static inline uint32_t
wf_command_attempt(const struct wf_command *command)
{
    return command->attempt > command->base ? command->attempt - command->base
                                            : 1;
}

// Is an attempt under way?
static inline bool
wf_command_is_running(const struct wf_command *command)
{
    return command->is_started || command->is_deferred || command->is_leased;
}

void wf_timer_destroy(struct wf_timer *timer);
void wf_command_destroy(struct wf_command *command);
void wf_call_destroy(struct wf_call *call);
void wf_order_destroy(struct wf_order *order);
void wf_operation_destroy(struct wf_operation *operation);

static inline bool
wf_actor_is_live(const struct wf_actor *actor)
{
    return actor->status == WEFT_STATUS_RUNNING;
}

// There is no instance, and nothing waits for one. (Signals that came before a
// start are in the journal until it comes.)
static inline bool
wf_actor_is_nobody(const struct wf_actor *actor)
{
    return actor->status == WEFT_STATUS_NONE && actor->journal.count == 0;
}

// Are signals kept for a start that has not come yet?
bool wf_actor_keeps_early(const struct wf_actor *actor);

// Does a message make an instance of it?
bool wf_actor_is_made_by_message(const struct wf_actor *actor);

// May it run turns and activities?
static inline bool
wf_actor_may_run(const struct wf_actor *actor)
{
    return !actor->is_parked && !actor->is_paused;
}

// Is the code registered that it runs, or may move to? Else it waits.
bool wf_actor_has_code(const struct wf_actor *actor);
// Where it may move to when it runs next; NULL: nowhere.
const struct wf_kind *wf_actor_next_code(const struct wf_actor *actor);

// Does its run begin later? A cancellation does not wait for that.
static inline bool
wf_actor_is_delayed(const struct wf_actor *actor, uint64_t now_ms)
{
    return actor->is_start_pending && actor->run_begins_at_ms > now_ms &&
           !actor->is_cancel_asked;
}

// Is the first letter for a life that has ended?
static inline bool
wf_actor_has_outlived(const struct wf_actor *actor)
{
    return actor->mailbox.first_seq < actor->outlived_to;
}

// Was its last turn so large that the code goes on in the next one?
static inline bool
wf_actor_goes_on(const struct wf_actor *actor)
{
    return actor->journal.last == WF_ENTRY_BREAK && wf_actor_is_live(actor);
}

// Is there something to be done that needs none of its code and waits for no
// resume: letters that it owes, or its end?
static inline bool
wf_actor_is_due(const struct wf_actor *actor)
{
    return actor->orders.list.count > 0 ||
           (actor->is_end_asked && wf_actor_is_live(actor));
}

// Is there something for a turn to handle? What was sent to the life before
// does not wait for a delay of this one.
static inline bool
wf_actor_has_work(const struct wf_actor *actor, uint64_t now_ms)
{
    return wf_actor_is_due(actor) || wf_actor_has_outlived(actor) ||
           ((actor->is_start_pending || wf_actor_goes_on(actor) ||
             wf_mailbox_count(&actor->mailbox) > 0) &&
            !wf_actor_is_delayed(actor, now_ms));
}

// When its time is over, if it is live; 0: never.
uint64_t wf_actor_deadline(const struct wf_actor *actor);
// The next instant at which a timer, its begin or its deadline wakes it;
// UINT64_MAX if none does.
uint64_t wf_actor_wakes_at(const struct wf_actor *actor, uint64_t now_ms);

void wf_actor_check(const struct wf_actor *actor);

// Fill in a description but its attributes; borrowed from the actor.
void wf_actor_describe(const struct wf_actor *actor,
                       weft_description *out_description);

// Replace owned bytes or an owned string by a copy.
void wf_own_bytes(weft_bytes *owned, weft_bytes bytes);
void wf_own_text(char **owned, weft_bytes text);

#endif
