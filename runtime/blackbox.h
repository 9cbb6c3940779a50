// SPDX-License-Identifier: Apache-2.0
//
// blackbox.h - what was running when the process died.
//
// A mapped file with a slot for each thread that runs user code. A slot says
// whose code runs, and outlives the process. It blames only if a handler for
// fatal signals stamped it, on the thread that was at fault: a process that
// was killed, ran out of memory or lost power blames nobody.
//
// Threads: a slot is written by its own thread; any may look at it.

#ifndef WF_RUNTIME_BLACKBOX_H
#define WF_RUNTIME_BLACKBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "weft/error.h"

struct wf_blackbox;
struct wf_blackbox_slot;
struct wf_stack_pool;

enum wf_blackbox_kind {
    WF_BLACKBOX_TURN = 1,
    WF_BLACKBOX_ACTIVITY,
};

// What a slot says.
struct wf_blackbox_entry {
    enum wf_blackbox_kind kind;
    uint64_t generation; // of this run of user code; differs for each
    uint64_t started_ms; // as given to begin
    int signal;          // that ended the process; 0: none
    bool is_overflow;    // it had used up a workflow's stack
    struct wf_key key;   // owned
    char what[128];      // turn: message; activity: its name. Cut to fit
};

// "SIGSEGV in its turn (signal pay)", with what to do about it.
void wf_blackbox_explain(const struct wf_blackbox_entry *entry, char *out_text,
                         size_t size);

void wf_blackbox_entry_fini(struct wf_blackbox_entry *entry);

// Called for each stamped slot of an earlier process; borrowed for the call.
typedef void wf_blackbox_fn(void *ctx, const struct wf_blackbox_entry *entry);

// Open the file at path, or make it, and tell what an earlier process left in
// it. That stays in the file until wf_blackbox_clear. path NULL: memory only.
//
// WEFT_EIO   the file cannot be made or mapped
weft_err wf_blackbox_open(const char *path, uint32_t slots_count,
                          wf_blackbox_fn *blamed, void *ctx,
                          struct wf_blackbox **out_box);
// Forget what an earlier process left, and begin with slots of our own.
void wf_blackbox_clear(struct wf_blackbox *box);
// NULL is fine. Every thread must have left its slot.
void wf_blackbox_close(struct wf_blackbox *box);

struct wf_blackbox_slot *wf_blackbox_slot(struct wf_blackbox *box,
                                          uint32_t index);
uint32_t wf_blackbox_count(const struct wf_blackbox *box);

// User code begins on the slot's thread, and has ended. A begin may replace
// another.
void wf_blackbox_begin(struct wf_blackbox_slot *slot,
                       enum wf_blackbox_kind kind, const struct wf_key *key,
                       const char *what, uint64_t now_ms);
void wf_blackbox_end(struct wf_blackbox_slot *slot);

// Is user code running in the slot? *out_generation tells runs apart, and is
// cheap to compare.
bool wf_blackbox_is_running(const struct wf_blackbox_slot *slot,
                            uint64_t *out_generation, uint64_t *out_started_ms);
// Blame that run of user code for the end of the process, which the caller
// brings about: it runs too long. False: it has ended meanwhile. From a thread
// that is not the slot's.
bool wf_blackbox_stamp(struct wf_blackbox_slot *slot, uint64_t generation);
// What the slot says now. False: it changed meanwhile, or nothing runs.
bool wf_blackbox_read(const struct wf_blackbox_slot *slot,
                      struct wf_blackbox_entry *out_entry);

// Fatal signals. --------------------------------------------------------------

// Handle SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT in this process, in front
// of the handlers that are there, until as many releases. Without it slots are
// never stamped.
void wf_blackbox_handle_signals(void);
void wf_blackbox_release_signals(void);

// This thread runs user code for that slot, until leave. Gives the thread a
// stack for its signal handlers, if it has none. stacks: those the code may
// run on and use up; or NULL.
void wf_blackbox_enter(struct wf_blackbox_slot *slot,
                       const struct wf_stack_pool *stacks);
void wf_blackbox_leave(void);

#endif
