// SPDX-License-Identifier: Apache-2.0
//
// workflow_impl.h - one activation: shared by the files that run its code.
//
//   workflow.c   activations, turns, how it ends
//   branch.c     its stacks: which runs next     scope.c    cancellation
//   replay.c     journal against code            channel.c  who gets which
//   await.c      how the code waits              workflow_api.c  what it calls
//   version.c    moves between versions          workflow_child.c  children

#ifndef WF_RUNTIME_WORKFLOW_IMPL_H
#define WF_RUNTIME_WORKFLOW_IMPL_H

#include "base/random.h"
#include "runtime/turn.h"
#include "runtime/workflow.h"
#include "weft/branch.h"
#include "weft/saga.h"
#include "weft/workflow.h"

struct wf_remade;
struct wf_stack;

enum wf_future_state {
    WF_FUTURE_NONE, // the command has no result
    WF_FUTURE_PENDING,
    WF_FUTURE_KNOWN,
};

// Cancellation, as a tree: what is asked of a scope is asked of all in it, up
// to the next shield. Freed when nothing belongs to it any more.
struct wf_scope {
    struct wf_list_node node; // in wf->scopes
    struct wf_scope *parent;  // NULL: nobody above can cancel it
    uint32_t number;          // as the code knows it
    uint32_t refs;            // of its branch, of scopes and open futures in it
    weft_err ended; // why waits in it are interrupted; WEFT_OK: they are not
    bool is_shield; // what is asked of those above does not reach it
    uint32_t timer; // its deadline's future; 0: none
};

// What became of a command; its ordinal is its place in the list, from 1.
struct wf_future {
    enum wf_future_state state;
    enum wf_command_kind kind;
    weft_err err;
    bool is_given_up; // its err is the code's own doing
    uint32_t waiter;  // who waits for it: a branch's number + 1; 0: nobody
    uint32_t prev;    // among those that are open, by ordinal
    uint32_t next;
    struct wf_scope *scope;    // where it began, while it is open
    struct wf_scope *deadline; // the scope that ends when this timer fires
    const char *name;          // of the signal waited for; of the failure
    const char *text;
    const char *source;             // who gives it; of a failure
    const weft_failure *cause;      // of the failure; in the arena
    weft_bytes data;                // in the arena
    weft_cancellation cancellation; // how it is given up
    bool is_cancel_asked;           // given up, and its outcome is waited for
};

// More than one branch waits for it.
#define WF_WAITER_MANY UINT32_MAX

struct wf_arena_block {
    struct wf_arena_block *next;
    size_t size;
    size_t used;
    _Alignas(16) uint8_t bytes[];
};

struct wf_deferred {
    struct wf_deferred *next; // added before
    void (*fn)(void *ctx);
    void *ctx;
};

// A signal nobody received yet: its letter, in the arena.
struct wf_signal {
    struct wf_list_node node;    // in wf->signals, as they came
    struct wf_list_node channel; // among those of its name
    uint64_t number;             // of its arrival
    weft_bytes bytes;            // not decoded: a million may wait
};

// What the code was told about a change, for the rest of the run. In the
// arena.
struct wf_patch {
    struct wf_patch *next;
    const char *id;
    bool is_new;      // the new code runs
    bool is_recorded; // in the journal
    bool is_known;    // the code asked
};

// One line of execution with its own stack: the workflow's function is the
// first, weft_workflow_branch adds others.
//
//   ready <---> waiting        is_waiting: until what it waits for is known
//     \--> done                its stack is destroyed at once
struct wf_branch {
    struct wf_list_node node;  // in wf->branches, by number
    struct wf_list_node ready; // in wf->ready
    weft_workflow *wf;
    uint32_t number; // 0: the workflow's function
    uint32_t future; // known when it has returned; 0: nobody's
    uint32_t update; // that it handles; 0: none
    struct wf_stack *stack;
    char *name;
    weft_branch_fn *fn;
    void *ctx;
    struct wf_scope *scope; // the innermost it is in
    bool is_waiting;
    uint32_t awaits;              // this future, and nothing else; 0: no
    weft_condition_fn *condition; // waits for this; NULL: for futures
    void *condition_ctx;
    uint32_t unbreakable; // waits that cancellation does not interrupt
    uint32_t refusals;    // waits refused in a row: code that ignores them
    bool is_done;
    weft_err outcome;
    const char *message;     // of an outcome that is an error; in the arena
    weft_bytes result;       // in the arena
    weft_failure failing;    // by weft_workflow_fail; name NULL: none
    uint64_t retry_after_ms; // with it; 0: as the policy says
    weft_failure failure;    // of its last await; name "": none
    struct wf_deferred *deferred;
    // The inline step that it waits for; 0: none.
    uint32_t step;
    weft_step_fn *step_run;
    void *step_ctx;
};

// What code to the side has to leave as it was.
struct wf_aside {
    const void *handle;
    struct wf_random random;
    bool was_computing;
};

struct weft_workflow {
    struct wf_partition *partition;
    struct wf_actor *actor;
    const struct wf_kind *kind; // the code it runs
    struct wf_list_node lru;    // in the partition's stacks

    // Replay.
    struct wf_journal_cursor cursor;
    bool is_replaying;
    struct wf_remade *remade; // for a reset: effects are noted (reset.c)
    char *divergence;         // the code does not fit: both sides, in words

    // Where the code is.
    struct wf_turn *turn; // while live code runs
    uint64_t now_ms;
    struct wf_random random;
    weft_bytes memo; // as the code changed it; in the arena
    bool is_memo_set;
    uint32_t ordinal; // of the last command
    uint64_t events;  // that have happened to the code
    uint64_t bytes;   // of them and of values
    struct wf_patch *patches;
    bool has_read_patches; // those of the journal
    struct wf_future *futures;
    size_t futures_cap;
    uint32_t first_open; // futures that are not known
    uint32_t last_open;
    uint64_t failures;        // futures known not to have gone well
    struct wf_buf attributes; // a set, as the code has made it
    bool is_unwinding;
    bool is_computing; // code to the side, which may call little
    bool is_starved;   // no memory for a stack: the turn is tried again
    bool is_done;      // the function has returned

    struct wf_list branches; // by number, those that run
    struct wf_list ready;
    struct wf_branch *broken; // it broke the turn off, and goes on first
    struct wf_branch *main;
    uint32_t next_branch;

    struct wf_list scopes;
    struct wf_scope *root;
    uint32_t next_scope;

    struct wf_list signals;
    uint64_t signals_seen;
    struct wf_table channels; // by name

    struct wf_handler *handlers; // of updates; in the arena
    uint32_t handlers_running;

    bool is_restarting;
    weft_bytes restart_input; // in the arena

    weft_saga *sagas; // the newest

    struct wf_arena_block *arena;
};

// Memory that lives as long as the activation.
void *wf_workflow_memory(weft_workflow *wf, size_t size);
weft_bytes wf_workflow_keep(weft_workflow *wf, weft_bytes bytes);
const char *wf_workflow_keep_text(weft_workflow *wf, weft_bytes text);
const weft_failure *wf_workflow_keep_causes(weft_workflow *wf,
                                            weft_bytes causes);

// version.c -----------------------------------------------------------------

// The newest code, if the instance is to move to it now and it fits: a live
// stack of it, and the move is recorded. NULL: it stays where it is.
weft_workflow *wf_version_move_on(struct wf_partition *partition,
                                  struct wf_actor *actor);
// The operation that takes a run that begins anew to another version, if its
// kind says so.
void wf_version_put_restart(const struct wf_actor *actor, struct wf_buf *ops);

// replay.c ------------------------------------------------------------------

// The code gives a command: compare it with the journal, or record it. The
// ordinal is wf->ordinal afterwards.
//
// WEFT_EUNWIND    the stack is being dropped, or this command does not fit
// WEFT_EINVAL     not called from the workflow's own function
weft_err wf_replay_command(weft_workflow *wf, enum wf_command_kind kind,
                           const char *name, weft_bytes input);
// A value: true and filled in if it is recorded, else to be computed and given
// to wf_replay_record_value.
weft_err wf_replay_value(weft_workflow *wf, const char *name,
                         bool *out_is_recorded, weft_err *out_err,
                         weft_bytes *out_data);
void wf_replay_record_value(weft_workflow *wf, const char *name, weft_err err,
                            weft_bytes data);
// Is a call of that activity what is recorded next?
bool wf_replay_has_call(const weft_workflow *wf, const char *activity);
// Is this the workflow's own function? WEFT_EINVAL, WEFT_EUNWIND.
weft_err wf_replay_check_caller(const weft_workflow *wf);
// An entry of the turn that runs.
void wf_replay_record(weft_workflow *wf, const struct wf_entry *entry);
// Run the code over the whole journal. False: it does not fit.
bool wf_replay_journal(weft_workflow *wf);
// Does the journal alone tell which signals the code did not receive? It has to
// when this run ends. For asserting.
bool wf_replay_knows_signals(const weft_workflow *wf);

// Make a future known: whoever waits for it goes on.
void wf_replay_settle(weft_workflow *wf, uint32_t id);
// The same command on nobody's stack: what cancellation does by itself.
weft_err wf_replay_own_command(weft_workflow *wf, enum wf_command_kind kind,
                               const char *name, weft_bytes input);

// branch.c ------------------------------------------------------------------

// The branch whose code calls this, on this thread; NULL: not one of wf.
// Touches nothing of wf, so that calls from anywhere are found out.
struct wf_branch *wf_branch_here(const weft_workflow *wf);
// WEFT_EINVAL if there is none, with what to do. what NULL: not known.
weft_err wf_branch_check(const weft_workflow *wf, const char *what);
// Code of wf that a replay does not run, or not at the same moments: a value, a
// condition, a check, a step. It may look, and begins nothing; the random
// numbers that it takes are not missed by the code that is replayed.
struct wf_aside wf_branch_aside_begin(weft_workflow *wf);
void wf_branch_aside_end(weft_workflow *wf, const struct wf_aside *aside);
// The first branch, ready to run. False: no memory for a stack.
bool wf_branch_begin(weft_workflow *wf);
// Run all that are ready, in turn, until all wait or are done, or one has
// broken the turn off.
void wf_branch_run(weft_workflow *wf);
// Called by a branch: the turn ends here, and it goes on in the next one.
//
// WEFT_EUNWIND
weft_err wf_branch_break(weft_workflow *wf);
// It goes on waiting, or not: let it look.
void wf_branch_wake(weft_workflow *wf, struct wf_branch *branch);
void wf_branch_wake_number(weft_workflow *wf, uint32_t waiter);
// The branch that makes this future known, or NULL.
struct wf_branch *wf_branch_of_future(const weft_workflow *wf, uint32_t id);
// The branch that waits for this inline step, or NULL.
struct wf_branch *wf_branch_of_step(const weft_workflow *wf, uint32_t id);
// Let all code return, with WEFT_EUNWIND. False: some does not.
bool wf_branch_unwind(weft_workflow *wf);
// A branch that handles an update, ready to run.
void wf_branch_add_handler(weft_workflow *wf, const char *name, uint32_t update,
                           weft_branch_fn *fn, void *ctx);
// How one that did not end well has failed.
weft_failure wf_branch_failure(const struct wf_branch *branch);
// Running no code.
void wf_branch_destroy_all(weft_workflow *wf);

// scope.c -------------------------------------------------------------------

struct wf_scope *wf_scope_create(weft_workflow *wf, struct wf_scope *parent);
struct wf_scope *wf_scope_hold(struct wf_scope *scope);
void wf_scope_release(weft_workflow *wf, struct wf_scope *scope);
// Why waits in it are interrupted; WEFT_OK: they are not.
weft_err wf_scope_state(const struct wf_scope *scope);
// Interrupt all waits in it, and give up what began in it.
weft_err wf_scope_cancel(weft_workflow *wf, struct wf_scope *scope,
                         weft_err why);
// Stop waiting for a future: it is known from now on.
weft_err wf_scope_give_up(weft_workflow *wf, uint32_t id, weft_err why);

// channel.c -----------------------------------------------------------------

// A signal has come: its letter, as bytes too.
void wf_channel_take(weft_workflow *wf, weft_bytes bytes,
                     const struct wf_letter *letter);
// A RECEIVE of these names, separated by newlines, has begun.
void wf_channel_receive(weft_workflow *wf, uint32_t id, const char *names);
void wf_channel_fini(weft_workflow *wf);

// await.c -------------------------------------------------------------------

// The number that code has for a future, and back. NULL: not one of this run.
weft_future wf_await_number(const weft_workflow *wf, uint32_t id);
struct wf_future *wf_await_future(const weft_workflow *wf, weft_future future);
// WEFT_EINVAL, and why that is not one of this run.
weft_err wf_await_refuse(const weft_workflow *wf, const char *what,
                         weft_future future);
// May the code wait, or begin something? WEFT_EINVAL, WEFT_EUNWIND, and why
// the scope has ended. out_branch may be NULL.
weft_err wf_await_check(weft_workflow *wf, struct wf_branch **out_branch);
// Wait until it is known.
weft_err wf_await_known(weft_workflow *wf, uint32_t id);
// What awaiting a known future gives. out_result may be NULL.
weft_err wf_await_result(weft_workflow *wf, uint32_t id,
                         weft_bytes *out_result);
// Wait for a future that nobody else knows: an interrupted wait gives it up.
weft_err wf_await_own(weft_workflow *wf, uint32_t id, weft_bytes *out_result);

// workflow_api.c ------------------------------------------------------------

// Check what a command carries, then give it.
weft_err wf_workflow_begin(weft_workflow *wf, enum wf_command_kind kind,
                           const char *name, weft_bytes input);
// Is there room for so much more in this turn?
weft_err wf_workflow_room(weft_workflow *wf, const char *what,
                          weft_bytes payload);
// May the code give a value of that size to its turn? It begins nothing, so
// that cancelled code may too.
//
// WEFT_EINVAL, WEFT_ETOOBIG, WEFT_EUNWIND
weft_err wf_workflow_check_value(weft_workflow *wf, const char *what,
                                 weft_bytes value);

// workflow_child.c ----------------------------------------------------------

// A child is known: was it never started, then whoever waits for that learns
// the same.
void wf_workflow_refuse_started(weft_workflow *wf, uint32_t child);

// workflow.c ----------------------------------------------------------------

// An activation of that code, before its first line. NULL: no memory for a
// stack.
weft_workflow *wf_workflow_create(struct wf_partition *partition,
                                  struct wf_actor *actor,
                                  const struct wf_kind *kind);
// There is no memory for a stack: its next turn is a while from now.
void wf_workflow_try_later(struct wf_partition *partition,
                           struct wf_actor *actor);
// Build it, and drop idle ones if there is no memory. NULL: there is none even
// so, and the actor will be tried again.
weft_workflow *wf_workflow_build(struct wf_partition *partition,
                                 struct wf_actor *actor,
                                 const struct wf_kind *kind);
// An event happens to the code: futures become known, signals arrive. letter is
// the entry's, decoded; NULL: it has none that does.
void wf_workflow_event(weft_workflow *wf, const struct wf_entry *entry,
                       const struct wf_letter *letter);

#endif
