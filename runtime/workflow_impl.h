// SPDX-License-Identifier: Apache-2.0
//
// workflow_impl.h - one activation: shared by workflow.c (events and turns),
// replay.c (journal against code) and workflow_api.c (what the code calls).

#ifndef WF_RUNTIME_WORKFLOW_IMPL_H
#define WF_RUNTIME_WORKFLOW_IMPL_H

#include "base/random.h"
#include "runtime/turn.h"
#include "runtime/workflow.h"
#include "weft/workflow.h"

struct wf_stack;

enum wf_future_state {
    WF_FUTURE_NONE, // the command has no result
    WF_FUTURE_PENDING,
    WF_FUTURE_KNOWN,
};

// What became of a command; its ordinal is its place in the list, from 1.
struct wf_future {
    enum wf_future_state state;
    enum wf_command_kind kind;
    weft_err err;
    const char *name; // of the signal waited for; of the failure
    const char *text;
    weft_bytes data; // in the arena
};

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
    struct wf_list_node node;
    struct wf_letter letter;
    weft_bytes bytes;
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

struct weft_workflow {
    struct wf_partition *partition;
    struct wf_actor *actor;
    const struct wf_kind *kind; // the code it runs
    struct wf_stack *stack;
    struct wf_list_node lru; // in the partition's stacks

    // Replay.
    struct wf_journal_cursor cursor;
    bool is_replaying;
    char *divergence; // the code does not fit: both sides, in words

    // Where the code is.
    struct wf_turn *turn; // while live code runs
    uint64_t now_ms;
    struct wf_random random;
    uint32_t ordinal; // of the last command
    struct wf_patch *patches;
    bool has_read_patches; // those of the journal
    struct wf_future *futures;
    size_t futures_cap;
    struct wf_list signals;
    bool is_cancel_asked;
    uint32_t shields;
    bool is_unwinding;
    uint32_t refusals; // waits refused in a row: code that ignores them
    bool is_done;
    weft_err outcome;

    // The inline step that the code waits for; ordinal 0: none.
    uint32_t step_ordinal;
    weft_step_fn *step_run;
    void *step_ctx;

    // What it will end with.
    weft_bytes result; // in the arena
    bool is_restarting;
    weft_bytes restart_input; // in the arena
    weft_failure failing;     // by weft_workflow_fail; name NULL: none
    weft_failure failure;     // of the last await; name "": none

    struct wf_arena_block *arena;
    struct wf_deferred *deferred;
};

// Memory that lives as long as the activation.
void *wf_workflow_memory(weft_workflow *wf, size_t size);
weft_bytes wf_workflow_keep(weft_workflow *wf, weft_bytes bytes);
const char *wf_workflow_keep_text(weft_workflow *wf, weft_bytes text);

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
// Is this the workflow's own function? WEFT_EINVAL, WEFT_EUNWIND.
weft_err wf_replay_check_caller(const weft_workflow *wf);
// An entry of the turn that runs.
void wf_replay_record(weft_workflow *wf, const struct wf_entry *entry);
// Run the code over the whole journal. False: it does not fit.
bool wf_replay_journal(weft_workflow *wf);
// Does the journal alone tell which signals the code did not receive? It has to
// when this run ends. For asserting.
bool wf_replay_knows_signals(const weft_workflow *wf);

// await.c -------------------------------------------------------------------

// The future of that number, or NULL. Adding a command may move it.
struct wf_future *wf_await_future(const weft_workflow *wf, weft_future future);
// May the code wait now? WEFT_EINVAL, WEFT_EUNWIND, WEFT_ECANCELLED.
weft_err wf_await_check(weft_workflow *wf);
// Wait until it is known.
weft_err wf_await_known(weft_workflow *wf, weft_future future);
// What awaiting a known future gives. out_result may be NULL.
weft_err wf_await_result(weft_workflow *wf, const struct wf_future *future,
                         weft_bytes *out_result);
// Wait for a future that nobody else knows: an interrupted wait gives it up.
weft_err wf_await_own(weft_workflow *wf, weft_future future,
                      weft_bytes *out_result);

// workflow.c ----------------------------------------------------------------

// An activation of that code, before its first line. NULL: no memory for a
// stack.
weft_workflow *wf_workflow_create(struct wf_partition *partition,
                                  struct wf_actor *actor,
                                  const struct wf_kind *kind);
// Build it, and drop idle ones if there is no memory. NULL: there is none even
// so, and the actor will be tried again.
weft_workflow *wf_workflow_build(struct wf_partition *partition,
                                 struct wf_actor *actor,
                                 const struct wf_kind *kind);
// An event happens to the code: futures become known, signals arrive.
void wf_workflow_event(weft_workflow *wf, const struct wf_entry *entry);
// Let the code run until it waits or ends.
void wf_workflow_resume(weft_workflow *wf);
// Give a signal to the first receiver that waits for it, or keep it.
void wf_workflow_settle_signals(weft_workflow *wf);

#endif
