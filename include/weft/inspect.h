// SPDX-License-Identifier: Apache-2.0
//
// inspect.h - look into the directory of a stopped node, check it, copy it.
//
// What is seen is what the node would go on from: the rows of its stores, with
// the newest records of its log applied. No definitions are needed, and nothing
// in the directory is changed. While a node runs on a directory everything here
// but weft_inspect_backup answers WEFT_EBUSY, and while something here reads it
// no node can open it.
//
// Threads: one weft_inspect is used by one thread at a time.

#ifndef WEFT_INSPECT_H
#define WEFT_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "weft/actor.h"
#include "weft/bytes.h"
#include "weft/child.h"
#include "weft/client.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// Looking. ------------------------------------------------------------------

// Life:  open -> (each, find, letters, summary) ... -> close.
typedef struct weft_inspect weft_inspect;

typedef struct weft_inspect_options {
    size_t struct_size;
    const char *data_dir; // required
    int accept_loss;      // 1: also if its newest commits are missing
} weft_inspect_options;

#define WEFT_INSPECT_OPTIONS_INIT                                              \
    {                                                                          \
        .struct_size = sizeof(weft_inspect_options)                            \
    }

// Holds in memory what a node's redo window holds (64 MiB of log by default);
// of everything else one actor at a time.
//
// WEFT_EINVAL    an option is out of range
// WEFT_ENOTFOUND data_dir is not there, or no node ever used it
// WEFT_EBUSY     a node, or another process that copies it, holds data_dir
// WEFT_EFORMAT   it is of a format that this version does not read
// WEFT_ELOST     it is older or shorter than its beacon says; see accept_loss
// WEFT_ECORRUPT  it fails its checks; weft_inspect_verify says which
// WEFT_EIO       the disk failed
WEFT_API weft_err weft_inspect_open(const weft_inspect_options *options,
                                    weft_inspect **out_inspect);
WEFT_API void weft_inspect_close(weft_inspect *inspect); // NULL is allowed

// What the directory is.
typedef struct weft_inspect_summary {
    size_t struct_size; // to be set by the caller
    uint32_t format;
    uint32_t partition_count;
    uint32_t store_count;
    uint64_t created_at_ms;
    uint64_t restored_at_ms;    // by weft_inspect_restore; 0: never
    uint64_t newest_ms;         // time of the newest record
    uint64_t commits_count;     // durable ever, of all stores
    uint64_t outgoing_count;    // messages between partitions, under way
    uint64_t dead_letter_count; // kept for operators
} weft_inspect_summary;

// WEFT_EINVAL   struct_size is not set
WEFT_API weft_err weft_inspect_get_summary(weft_inspect *inspect,
                                           weft_inspect_summary *out_summary);

// A message in a mailbox, in a journal, or one that nobody took.
typedef struct weft_inspect_letter {
    uint64_t number;  // place in the mailbox or among the dead letters
    const char *type; // "start", "signal", "timer", "activity", "step",
                      // "child", "reply", "failed" or "cancel"
    const char *name; // of the signal or timer; else ""
    uint32_t call;   // which call it answers; for a question, the asker's; or 0
    weft_bytes data; // payload or result
    weft_failure failure;    // of an answer; name is "" when it went well
    const char *sender_kind; // "" if it came from a client or from weft itself
    const char *sender_id;
} weft_inspect_letter;

typedef enum weft_inspect_entry_type {
    WEFT_INSPECT_STARTED, // event: the run began
    WEFT_INSPECT_LETTER,  // event: a message was handled
    WEFT_INSPECT_COMMAND, // the code asked for something
    WEFT_INSPECT_VALUE,   // the code computed something on the spot
    WEFT_INSPECT_UNKNOWN, // it does not decode
    WEFT_INSPECT_BREAK,   // the turn was large: the code goes on in the next
    WEFT_INSPECT_WENT_ON, // ... which is this one
    WEFT_INSPECT_PATCH,   // the code went the new way; name is the patch's id
    WEFT_INSPECT_CHANCE   // random numbers are others from here on: a fork
} weft_inspect_entry_type;

// One entry of a workflow's journal. The result of a command is the event whose
// letter has the command's ordinal as its call.
typedef struct weft_inspect_entry {
    weft_inspect_entry_type type;
    uint64_t at_ms;             // of events; else 0
    weft_inspect_letter letter; // of LETTER; else zero
    const char *command; // of COMMAND: "activity", "timer", ...; VALUE: "value"
    const char *name;    // of the activity, signal, child or value; else ""
    uint32_t branch;
    uint32_t ordinal; // place among the run's commands, from 1
    uint64_t input_hash;
    weft_err err;    // of VALUE: what the code returned
    weft_bytes data; // of VALUE
} weft_inspect_entry;

typedef struct weft_inspect_timer {
    uint32_t id;
    const char *name; // "" for a workflow's
    uint64_t due_at_ms;
} weft_inspect_timer;

// An activity or an inline step without a result.
typedef struct weft_inspect_activity {
    uint32_t call;
    const char *name;
    int is_step;
    uint32_t attempt;       // from 1, again after a reset
    uint32_t lost;          // attempts that died with their process
    uint64_t opened_at_ms;  // or reset
    uint64_t attempt_at_ms; // when this attempt was scheduled
    uint64_t due_at_ms;     // when it may begin; 0: at once
    int is_deferred;        // it completes by token
    int is_cancel_requested;
    int is_abandoned; // its caller does not want the result any more
    int is_paused;    // by an operator
    int is_local;
    const char *task_queue; // "": none
    int is_offered;         // to its queue: it waits for a worker
    const char *worker;     // that had leased it; "": none
    uint64_t failed_at_ms;  // when an attempt failed last; 0: none did
    weft_failure failure;   // of that one, without details; else its name is ""
    char key[33];           // what weft_activity_key returns
    weft_bytes input;
    weft_bytes details; // of the last heartbeat
} weft_inspect_activity;

// A child without a result, or a question without an answer.
typedef struct weft_inspect_call {
    uint32_t call;
    int is_child; // 0: a question
    const char *kind;
    const char *id;
    weft_parent_close parent_close; // of a child, as the next one
    weft_cancellation cancellation;
    int is_cancel_requested; // the child was asked to stop
    int is_given_up;         // its caller does not want the result any more
} weft_inspect_call;

// Something that an operator did (operate.h).
typedef struct weft_inspect_operation {
    uint64_t number; // from 1; the newest 1,000 are kept
    uint64_t at_ms;
    uint64_t run;           // of the instance, then
    uint64_t journal_count; // entries of that run before it
    const char *who;
    const char *why;
    const char *what; // "pause activity 3 \"charge\"", and so on
} weft_inspect_operation;

typedef struct weft_inspect_published {
    const char *name;
    weft_bytes value;
} weft_inspect_published;

// All that is known of one actor or workflow.
typedef struct weft_inspect_actor {
    const char *name_space;
    weft_description head;
    // "", or why it cannot be read; then only names are filled in.
    const char *problem;
    int is_start_pending;     // its start was not handled yet
    uint32_t failed_attempts; // of the message at the head of the mailbox
    uint32_t crashes;         // of the process, in its code
    uint64_t retry_at_ms;     // 0: no retry is waited for
    weft_bytes headers;       // pairs, as head.memo
    weft_bytes input;
    weft_bytes state;     // of plain actors
    weft_bytes result;    // of completed ones
    weft_failure failure; // of others that finished; else its name is ""
    const weft_inspect_published *published;
    size_t published_count;
    const weft_inspect_entry *journal; // of this run
    size_t journal_count;
    const weft_inspect_letter *mailbox; // of a long one the oldest 1,000 or so
    size_t mailbox_count;
    const weft_inspect_timer *timers;
    size_t timers_count;
    const weft_inspect_activity *activities;
    size_t activities_count;
    const weft_inspect_call *calls;
    size_t calls_count;
    const weft_inspect_operation *operations; // oldest first
    size_t operations_count;
} weft_inspect_actor;

// Called for one actor; everything is borrowed until it returns. Return 0 to go
// on. It must not call the weft_inspect that calls it.
typedef int weft_inspect_fn(void *ctx, const weft_inspect_actor *actor);

// Which actors. All zero but struct_size: every one.
typedef struct weft_inspect_filter {
    size_t struct_size;
    const char *name_space; // only of this namespace; or NULL
    const char *kind;       // only of this kind; or NULL
    weft_status status;     // only of this status; or NONE
    const char *where;      // only what it matches (docs/filter.md); or NULL
} weft_inspect_filter;

#define WEFT_INSPECT_FILTER_INIT                                               \
    {                                                                          \
        .struct_size = sizeof(weft_inspect_filter)                             \
    }

// Call fn for each actor, in order of namespace, kind and id. filter may be
// NULL. One that does not exist, and for which messages wait, has the status
// NONE; signals that are kept for its start (WEFT_EARLY_KEEP) are its journal.
//
// WEFT_EINVAL               filter->where is no filter; the detail says why
// WEFT_ECORRUPT, WEFT_EIO   rows could not be read; what came before was shown
WEFT_API weft_err weft_inspect_each(weft_inspect *inspect,
                                    const weft_inspect_filter *filter,
                                    weft_inspect_fn *fn, void *ctx);

typedef int weft_inspect_group_fn(void *ctx, const weft_group *group);

// Count them, and if group_by is given (any field of docs/filter.md) call fn
// for each value of it, in order of type and value. fn may be NULL.
//
// WEFT_EINVAL    filter->where or group_by is none; the detail has the column
// WEFT_ETOOBIG   more than 1,000 groups
// WEFT_ECORRUPT, WEFT_EIO   rows could not be read; *out_count is 0
WEFT_API weft_err weft_inspect_count(weft_inspect *inspect,
                                     const weft_inspect_filter *filter,
                                     const char *group_by, uint64_t *out_count,
                                     weft_inspect_group_fn *fn, void *ctx);

// Call fn for one. name_space NULL: "default".
//
// WEFT_ENOTFOUND  there is none
// WEFT_ECORRUPT   it cannot be read; fn was called and problem says why
WEFT_API weft_err weft_inspect_find(weft_inspect *inspect,
                                    const char *name_space, weft_target target,
                                    weft_inspect_fn *fn, void *ctx);

// Borrowed for the call.
typedef void weft_inspect_bytes_fn(void *ctx, weft_bytes bytes);

// Call fn with one as a capsule (capsule.h).
//
// WEFT_ENOTFOUND  there is none
// WEFT_ETOOBIG    its mailbox is longer than what is kept in memory (1,000)
// WEFT_ECORRUPT   it cannot be read
WEFT_API weft_err weft_inspect_export(weft_inspect *inspect,
                                      const char *name_space,
                                      weft_target target,
                                      weft_inspect_bytes_fn *fn, void *ctx);

// A message that nobody took.
typedef struct weft_inspect_dead_letter {
    const char *name_space; // for whom it was
    const char *kind;
    const char *id;
    const char *reason;
    weft_inspect_letter letter;
    uint32_t partition; // with letter.number, its name
} weft_inspect_dead_letter;

typedef int weft_inspect_dead_letter_fn(void *ctx,
                                        const weft_inspect_dead_letter *letter);

// Call fn for each dead letter, oldest first within each partition.
//
// WEFT_ECORRUPT, WEFT_EIO   rows could not be read; what came before was shown
WEFT_API weft_err weft_inspect_letters(weft_inspect *inspect,
                                       weft_inspect_dead_letter_fn *fn,
                                       void *ctx);

// Checking. -----------------------------------------------------------------

// How much was checked.
typedef struct weft_inspect_counts {
    size_t struct_size; // to be set by the caller
    uint64_t stores, partitions;
    uint64_t commits, segments, records; // in the log
    uint64_t images, wakes;              // rows
    uint64_t items;                      // the same; letters of mailboxes too
    uint64_t links, outgoing, windows, dead_letters;
    uint64_t actors; // that records of the log change
    uint64_t problems;
} weft_inspect_counts;

// Told of each problem: where it is, and what. Borrowed for the call.
typedef void weft_inspect_problem_fn(void *ctx, const char *where,
                                     const char *what);

// Check everything that can be checked without running it: the beacons against
// stores and files, every block's checksum, the log without gaps, every
// segment's checksum and chain, that every record and every row decodes, that
// rows fit each other and are not newer than the log, that whatever is to be
// woken is in the wake index.
//
// fn and out_counts may be NULL.
//
// WEFT_ECORRUPT  there are problems; fn was told of each
// WEFT_EIO       the same, and something of it could not be read now
// else           as weft_inspect_open: nothing, or not all, was checked
WEFT_API weft_err weft_inspect_verify(const char *data_dir,
                                      weft_inspect_problem_fn *fn, void *ctx,
                                      weft_inspect_counts *out_counts);

// Copying. ------------------------------------------------------------------

// Called about twenty times a second while a running node is waited for.
typedef void weft_inspect_wait_fn(void *ctx, uint64_t waited_ms);

typedef struct weft_inspect_backup_options {
    size_t struct_size;
    const char *data_dir; // required
    const char *to;       // required
    uint32_t timeout_ms;  // for the answer of a running node; default 60000
    weft_inspect_wait_fn *wait; // may be NULL
    void *ctx;                  // of wait
} weft_inspect_backup_options;

#define WEFT_INSPECT_BACKUP_OPTIONS_INIT                                       \
    {                                                                          \
        .struct_size = sizeof(weft_inspect_backup_options)                     \
    }

// Copy the directory of a node, durably. `to` is there at the end either whole
// or not at all. A stopped node's is copied here. One that runs is asked, by a
// file in data_dir, to copy itself as weft_node_backup does: `to` is then made
// by the node, with its rights and as it sees the path, and who asks must be
// allowed to write in data_dir. Several who ask at once are served in turn.
//
// WEFT_EINVAL    an option is out of range, or `to` is inside of data_dir
// WEFT_EEXISTS   `to` exists
// WEFT_ENOTFOUND data_dir, or the directory of `to`, is not there
// WEFT_EBUSY     others asked first, and their copies took all of the time
// WEFT_ETIMEDOUT the node did not answer; it may still make the copy
// WEFT_EIO       the copy failed, here or in the node
// else           as weft_inspect_open, about data_dir: nothing was copied
WEFT_API weft_err
weft_inspect_backup(const weft_inspect_backup_options *options);

// Make a directory for a node from a backup: verify it, copy it, verify the
// copy, and mark it as restored. The backup stays as it is.
//
// WEFT_EEXISTS   data_dir exists
// WEFT_ECORRUPT  the backup has problems, of which fn is told; no copy is left
//                under the name data_dir
// else           as weft_inspect_open, about the backup
WEFT_API weft_err weft_inspect_restore(const char *backup, const char *data_dir,
                                       weft_inspect_problem_fn *fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
