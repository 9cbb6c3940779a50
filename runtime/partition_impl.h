// SPDX-License-Identifier: Apache-2.0
//
// partition_impl.h - what the files of the pure core share, and nobody else.
//
// Files of the core, in the order in which data flows through them:
//
//   partition.c  events and outputs        edge.c       requests (edge.h)
//   recover.c    meta, rows, log           route.c      frames to and from
//   residents.c  which actors are here     window.c     request ids
//   wake.c       what wakes the others     listing.c    pages of instances
//   retention.c  removal of who ended      alarm.c      what falls due
//   turn.c       ready actors run          absent.c     letters for nobody
//   handler.c    code of plain actors      create.c     a new life
//   workflow.c   code (workflow_impl.h)    outcome.c    how runs end
//   commands.c   activities, steps         results.c    what they come to
//   gate.c       what waits for commits    watch.c      what user code is for
//   draft.c      a record being made       apply.c      what records change
//   saver.c      seal: segment and rows    image.c      an actor's rows
//   timeouts.c   those that take long      audit.c      will each be woken?
//   offers.c     queues are told           leases.c     workers take from them
//   operate.c    what operators do         repair.c     the same, to instances
//   reset.c      back to a point
//
// Always true (wf_partition_audit asserts what it can):
//   P1  durable_record <= sealed_record <= last_record
//   P2  only the apply files change durable fields of actors, routes, windows
//   P3  an object is in the dirty list if and only if position is not saved
//   P4  the dirty list is ordered by dirty_record
//   P5  what is held at the gate has a record > durable_record

#ifndef WF_RUNTIME_PARTITION_IMPL_H
#define WF_RUNTIME_PARTITION_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/key.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/table.h"
#include "base/trace.h"
#include "runtime/actor.h"
#include "runtime/note.h"
#include "runtime/objects.h"
#include "runtime/partition.h"
#include "runtime/ready.h"
#include "runtime/record.h"
#include "runtime/request.h"
#include "runtime/tally.h"

struct wf_load;
struct wf_task;

struct wf_commit_mark {
    uint64_t commit;
    uint64_t first_record;
};

// Something that must not leave before its record is durable.
enum wf_held_type { WF_HELD_REPLY, WF_HELD_ACTOR, WF_HELD_SEND, WF_HELD_ACK };

struct wf_held {
    struct wf_list_node node;
    enum wf_held_type type;
    uint64_t record;
    void *subject;
    uint64_t seq; // ACK: up to which
};

// A record being made: sections are gathered, then written at once (draft.c).
struct wf_draft {
    struct wf_buf sections;
    struct wf_buf ops; // of the section being made
};

struct wf_partition {
    struct wf_partition_options options;
    char who[16]; // "p7", for traces
    uint64_t now_ms;

    // Position in the log.
    uint64_t epoch, given_epoch; // given: to be opened in, or 0
    uint64_t generation;         // of what it sends
    uint64_t last_record;
    uint64_t sealed_first;   // oldest record of what was cut last
    uint64_t sealed_record;  // newest record that was cut
    uint64_t durable_record; // newest record known durable
    uint64_t arrivals;       // of requests, so far
    uint32_t chain;          // checksum of the last segment
    uint64_t log_bytes;      // of the store, as last told, plus own since
    uint64_t paced_bytes;    // of log_bytes: saving has kept up with them
    uint64_t redo_record;    // records below are saved, durably
    uint64_t sealed_redo;    // the same, once what was cut is durable
    uint64_t redo_commit;    // as of the last commit
    uint64_t last_commit;
    uint64_t recovered_to;        // newest record read from the log
    uint64_t meta_record;         // newest record when the meta row was saved
    uint32_t recovered_chain;     // checksum of its segment
    struct wf_commit_mark *marks; // which commit holds which records
    size_t marks_count;
    size_t marks_cap;

    // The open segment.
    struct wf_buf records, blames; // blames: until it is open; keys, and how
    struct wf_draft draft; // for one that is written as soon as it is made
    uint32_t records_count;
    uint64_t record_ms;     // time of the newest of them; 0: there is none
    uint64_t lazy_since_ms; // oldest lazy record not sealed; 0: none
    bool has_urgent;        // a record that is not lazy
    bool is_awaited;        // something at the gate waits for it that hurries
    bool is_patient;        // what is done now need not hurry
    bool is_sealed;         // a seal is under way
    uint64_t seals;         // so many were cut
    bool is_open;           // recovery is over
    weft_err refusal;       // of requests; WEFT_OK: none
    bool is_pressed;        // there is too little memory

    // Objects.
    struct wf_table actors;
    struct wf_actor *recent; // of them: records are about it; or NULL
    struct wf_table windows;
    struct wf_route **routes; // by partition; NULL until used
    struct wf_list letters;   // dead letters not yet saved
    uint64_t next_letter;
    struct wf_object letters_object;
    struct wf_object meta_object;
    struct wf_list dirty;
    struct wf_buf dead_rows; // keys of images to be deleted

    // Who can run, load, be evicted.
    struct wf_ready ready;
    struct wf_list steps;
    struct wf_list idle;     // loaded, oldest first
    struct wf_list stacks;   // activations, oldest first
    size_t branches;         // their stacks; an activation has one at least
    struct wf_list loading;  // stubs that wait for a reader's turn
    struct wf_list overfull; // actors to be saved before the window makes them
    struct wf_list changed;  // actors that somebody watches, by this record
    struct wf_list spilled;  // those whose letters' rows are under way
    uint32_t loads_under_way;
    struct wf_heap alarms;

    // Wake index.
    uint64_t near_due;    // rows due up to this are read, or being read
    uint64_t wake_cursor; // there are no rows due before it
    bool is_reading_ahead;
    struct wf_buf ahead_from; // key where the next page begins
    struct wf_buf ready_from; // the same of who is ready; empty: all is read
    struct wf_alarm ahead;
    struct wf_alarm sweep;
    struct wf_buf sweep_from;
    struct wf_alarm silence;

    struct wf_list lists;       // requests whose page is being read
    struct wf_list lists_later; // those that came before recovery was over
    uint64_t recovering; // actors whose records wait for their first load

    // Gate.
    struct wf_list held;
    struct wf_list held_free;
    struct wf_list flush; // routes with frames to make

    struct wf_outputs outputs;
    struct wf_partition_stats stats;
};

void wf_draft_fini(struct wf_draft *draft);
// Close the section that draft->ops holds. Nothing if it is empty.
void wf_draft_actor(struct wf_draft *draft, const struct wf_key *key);
void wf_draft_partition(struct wf_draft *draft);
// A message for `target` of any partition: a section of its actor if that
// lives here, else of the route.
void wf_draft_send(struct wf_draft *draft, const struct wf_partition *partition,
                   const struct wf_key *target, const struct wf_letter *letter);
// Append as one record to the open segment and apply it. Returns its number.
// The draft is empty afterwards. Lazy: does not start a commit by itself.
uint64_t wf_draft_write(struct wf_draft *draft, struct wf_partition *partition,
                        bool is_lazy);
// The same for one section of one actor, from ops, which is emptied.
uint64_t wf_write_actor(struct wf_partition *partition, struct wf_actor *actor,
                        struct wf_buf *ops, bool is_lazy);
// Answer those who watch what a record has changed, and queries that waited for
// turns of who was held up by it. edge_read.c
void wf_edge_changed(struct wf_partition *partition);

// Change what a record changes. apply.c -------------------------------------

// False: it does not decode.
bool wf_apply_record(struct wf_partition *partition, uint64_t record,
                     uint64_t now_ms, struct wf_sections sections);
// The operations of one section, to an actor in memory. apply_actor.c
bool wf_apply_to_actor(struct wf_partition *partition, struct wf_actor *actor,
                       uint64_t record, uint64_t now_ms, weft_bytes ops);
// Forget of what waits for the image what it has already.
void wf_apply_forget(struct wf_actor *actor);
// Apply the rest.
bool wf_apply_pending(struct wf_partition *partition, struct wf_actor *actor);
// An object was changed by `record`: keep it in the dirty list.
void wf_mark_dirty(struct wf_partition *partition, struct wf_object *object,
                   uint64_t record);

// Actors in memory. residents.c ---------------------------------------------

// The actor, loaded or not; a new stub is not asked for by itself.
struct wf_actor *wf_residents_get(struct wf_partition *partition,
                                  const struct wf_key *key);
struct wf_actor *wf_residents_find(const struct wf_partition *partition,
                                   weft_bytes key);
// Ask a reader for a stub; nothing if it is loaded or being loaded. Hurry: for
// a caller who waits, before those that nobody waits for.
void wf_residents_want(struct wf_partition *partition, struct wf_actor *actor);
void wf_residents_hurry(struct wf_partition *partition, struct wf_actor *actor);
// Read back letters that are in rows only; nothing if that is under way.
void wf_residents_page(struct wf_partition *partition, struct wf_actor *actor,
                       uint32_t limit);
void wf_residents_loaded(struct wf_partition *partition, struct wf_load *load);
// It was used: evict others if there are too many.
void wf_residents_touch(struct wf_partition *partition, struct wf_actor *actor);
// For all that it waits for, once it is made from rows or a capsule.
void wf_residents_set_alarms(struct wf_partition *partition,
                             struct wf_actor *actor);
void wf_residents_evict(struct wf_partition *partition);
// A sweep found it: it goes, if it is time.
void wf_residents_sweep(struct wf_partition *partition,
                        const struct wf_key *key);
void wf_residents_fini(struct wf_partition *partition);

// What a load was for.
enum wf_purpose {
    WF_PURPOSE_ACTOR,
    WF_PURPOSE_MAILBOX, // letters that are in rows only
    WF_PURPOSE_READY,   // rows of the wake index: load these now
    WF_PURPOSE_SLEEP,   // rows of the wake index: due soon
    WF_PURPOSE_LIST,
    WF_PURPOSE_SWEEP,
};
struct wf_load *wf_load_begin(struct wf_partition *partition, int purpose,
                              void *subject);

// The wake index. wake.c ----------------------------------------------------

// Begin reading it: actors with work are loaded.
void wf_wake_open(struct wf_partition *partition);
// Read what falls due soon.
void wf_wake_read_ahead(struct wf_partition *partition);
void wf_wake_loaded(struct wf_partition *partition, const struct wf_load *load);
// Put the actor where the index should have it; with its image. key: scratch.
void wf_wake_save(const struct wf_partition *partition, struct wf_actor *actor,
                  struct wf_buf *key, struct wf_batch *rows);
// Load the actor in time for that.
void wf_wake_at(struct wf_partition *partition, const struct wf_key *key,
                uint64_t due);
// A WAKE alarm: load the actor; frees the alarm. Or only free it.
void wf_wake_fire(struct wf_partition *partition, struct wf_alarm *alarm);
void wf_wake_drop(struct wf_alarm *alarm);

// Turns. turn.c -------------------------------------------------------------

// Something changed: put it in the ready list, or take it out; set alarms.
void wf_turn_schedule(struct wf_partition *partition, struct wf_actor *actor);
// Run one turn of the actor.
void wf_turn_run(struct wf_partition *partition, struct wf_actor *actor);
// Park it, with a reason.
void wf_turn_park(struct wf_partition *partition, struct wf_actor *actor,
                  const char *reason);
// The same, because its code crashed the process too often.
void wf_turn_park_crashed(struct wf_partition *partition,
                          struct wf_actor *actor);

// Activities and steps. commands.c ------------------------------------------

// That record changes the command: it is looked at once that is durable. 0: it
// says nothing about when an attempt begins, so as soon as anything is.
void wf_commands_touch(struct wf_command *command, uint64_t record);
// Records of its commands became durable: start what may, of those that they
// changed. Of a hundred thousand that are open most wait for something else.
void wf_commands_released(struct wf_partition *partition,
                          struct wf_actor *actor);
// Start what may, of all.
void wf_commands_start(struct wf_partition *partition, struct wf_actor *actor);
// Set the alarms of all commands, after a load or a resume.
void wf_commands_rearm(struct wf_partition *partition, struct wf_actor *actor);
void wf_commands_alarm(struct wf_partition *partition,
                       struct wf_command *command);
// The attempt is over: tell the worker that its result will be dropped.
void wf_commands_drop(struct wf_command *command);
// The instance ended or gave the call up: ask the worker to stop, unless the
// call's options say not to.
void wf_commands_cancel(struct wf_command *command);
// Tell the worker whether it is asked to stop, and whether it is paused.
void wf_commands_tell(struct wf_command *command);
void wf_commands_key(const struct wf_actor *actor, uint32_t id,
                     char out_key[33]);
// What they come to. results.c
void wf_results_task(struct wf_partition *partition, struct wf_task *task);
void wf_results_beat(struct wf_partition *partition, struct wf_beat *beat);
void wf_results_step(struct wf_partition *partition, struct wf_actor *actor);
// A client's complete, fail or heartbeat.
void wf_results_request(struct wf_partition *partition, struct wf_actor *actor,
                        struct wf_request *request);
// A worker's lease, renew, release or defer. leases.c
void wf_leases_request(struct wf_partition *partition, struct wf_actor *actor,
                       struct wf_request *request);

// Gate. gate.c --------------------------------------------------------------

// Answer a request once `record` is durable.
void wf_gate_reply(struct wf_partition *partition, struct wf_request *request,
                   uint64_t record);
void wf_gate_actor(struct wf_partition *partition, struct wf_actor *actor,
                   uint64_t record);
void wf_gate_send(struct wf_partition *partition, struct wf_route *route);
void wf_gate_ack(struct wf_partition *partition, struct wf_route *route,
                 uint64_t record, uint64_t seq);
// Let out what durable_record covers.
void wf_gate_release(struct wf_partition *partition);
void wf_gate_fini(struct wf_partition *partition, struct wf_list *out_requests);

// Windows. window.c ---------------------------------------------------------

struct wf_window *wf_window_get(struct wf_partition *partition,
                                const uint8_t client[16]);
struct wf_window *wf_window_find(const struct wf_partition *partition,
                                 const uint8_t client[16]);
struct wf_answer *wf_window_find_answer(const struct wf_window *window,
                                        uint64_t number);
// Insert or find.
struct wf_answer *wf_window_put(struct wf_window *window, uint64_t number);
void wf_window_confirm(struct wf_window *window, uint64_t confirmed);
// Drop the answers, but remember that these numbers were used; of a window
// without answers, forget that too.
void wf_window_forget(struct wf_window *window);
// Its row was deleted: it is gone.
void wf_window_remove(struct wf_partition *partition, struct wf_window *window);
void wf_window_destroy(struct wf_window *window);
void wf_window_silence(struct wf_partition *partition);
// Fill in what was answered before.
void wf_window_answer(struct wf_request *request,
                      const struct wf_answer *answer);
// Operations for a draft's partition section.
void wf_window_put_accepted(struct wf_buf *ops,
                            const struct wf_request *request);
void wf_window_put_answered(struct wf_buf *ops, const uint8_t client[16],
                            uint64_t number, uint64_t confirmed, weft_err err,
                            weft_bytes data);
// Has the request been seen? Then it is answered, joined or refused here, and
// true is returned.
bool wf_window_settles(struct wf_partition *partition,
                       struct wf_request *request);

// Recovery. recover.c -------------------------------------------------------

void wf_partition_mark_commit(struct wf_partition *partition, uint64_t commit,
                              uint64_t first_record);

// Lists. listing.c ----------------------------------------------------------

void wf_listing_begin(struct wf_partition *partition,
                      struct wf_request *request);
void wf_listing_loaded(struct wf_partition *partition, struct wf_load *load);
// Every actor of the window is loaded: pages may be made.
void wf_listing_recovered(struct wf_partition *partition);
void wf_listing_drop(struct wf_load *load); // what a list load captured

// Retention. retention.c ----------------------------------------------------

// One that is loaded: remove it, if it was kept for as long as its kind says.
// False: it stays.
bool wf_retention_end(struct wf_partition *partition, struct wf_actor *actor);
// Look for more.
void wf_retention_sweep(struct wf_partition *partition);
void wf_retention_swept(struct wf_partition *partition, struct wf_load *load);

// Rows. saver.c, image.c ----------------------------------------------------

// Is the oldest change a whole window behind, and can it be saved? Then a
// commit is wanted even if nothing new happens: intake may have stopped for it.
// The oldest object that was changed and can be saved, or NULL.
const struct wf_object *wf_saver_first(const struct wf_partition *partition);
bool wf_saver_is_behind(const struct wf_partition *partition);
// So much was logged by its turns: who logs much is saved early, bit by bit.
void wf_saver_wrote(struct wf_partition *partition, struct wf_actor *actor,
                    uint64_t bytes);
void wf_saver_rows(struct wf_partition *partition, bool save_all,
                   struct wf_batch *rows);

// Alarms. alarm.c -----------------------------------------------------------

void wf_alarm_set(struct wf_partition *partition, struct wf_alarm *alarm,
                  uint64_t due);
void wf_alarm_clear(struct wf_partition *partition, struct wf_alarm *alarm);
// What is due goes off, but not all at once if it is very much.
void wf_alarm_tick(struct wf_partition *partition);
void wf_alarm_fini(struct wf_partition *partition);

#endif
