// SPDX-License-Identifier: Apache-2.0
//
// shard_impl.h - what the files of the shard share.
//
//   shard.c        life, the step
//   shard_post.c   what each post does
//   shard_kept.c   what comes for partitions that are not there
//   shard_carry.c  what partitions have put out
//   shard_run.c    what of all that waits is done next
//   shard_seal.c   sealing, and what comes back

#ifndef WF_RUNTIME_SHARD_IMPL_H
#define WF_RUNTIME_SHARD_IMPL_H

#include <stdatomic.h>

#include "base/heap.h"
#include "base/list.h"
#include "runtime/committer.h"
#include "runtime/intake.h"
#include "runtime/shard.h"
#include "runtime/tally.h"

//   OPENING --serve--> SERVING --CLOSED--> CLOSING --FINISH--> FINISHING
//                         |                                        |
//                         +---------------FINISH-------------------+
//                                                                  v
//                                                              FINISHED
enum wf_shard_mode {
    WF_SHARD_OPENING,   // events and commits only: no user code, no timers
    WF_SHARD_SERVING,   // everything
    WF_SHARD_CLOSING,   // everything, but no new tasks for workers
    WF_SHARD_FINISHING, // events and commits only, and rows are saved
    WF_SHARD_FINISHED,  // no partition is left
};

struct wf_shard_lane;

// A partition's place in its shard.
struct wf_shard_place {
    uint32_t index;
    // Of a cluster: it comes from where it was later than here, and goes on
    // from there, alone. Its time is the shard's and this.
    uint64_t ahead_ms;
    struct wf_shard_lane *lane;
    struct wf_partition *partition; // NULL: its store is being opened anew, or
                                    // it is elsewhere
    struct wf_list_node ready;      // has turns to run
    struct wf_list *ready_in;       // the list that `ready` is in, or NULL
    struct wf_list_node sealing;    // wants to be committed
    struct wf_list *sealing_in;     // the same
    uint64_t patient_since_ms;      // when it came into `patient`
    struct wf_heap_node due;        // when it wants a tick
    uint64_t sealed_bytes;          // of the store's log, when last sealed
    bool is_laggard;                // seal it with all its rows
    // For housekeeping: commits below are not needed.
    _Atomic uint64_t redo;
    // What came while there was no partition.
    struct wf_list requests;
    struct wf_list tasks;
    struct wf_list loads;
    // Of a cluster: requests that went from here to another node and are not
    // answered, and those that came after them, while it runs here.
    _Atomic uint32_t away;
    struct wf_list behind;
    bool is_spent; // actors wait for the next segment
};

// The partitions of one shard that are in one store.
//
// Always true:
//   I1  while the job is away, exactly the places in `sealed` are sealed
//   I2  a place's redo is at most the number of any commit that holds records
//       of it which are not saved; so it is lowered before a job leaves
struct wf_shard_lane {
    struct wf_job job;
    bool is_away; // the job is with the committer
    uint64_t away_since_ms;
    bool is_fenced;         // nothing is sealed until RECOVER
    bool is_elsewhere;      // the same, and another node has the partition
    uint64_t last_commit;   // of a job that came back
    unsigned refusals;      // of enum wf_refusal
    uint64_t loads_away;    // given to the reader
    struct wf_list sealing; // places that somebody waits for
    struct wf_list patient; // places whose commit may wait for another's
    uint64_t awaited_ms;    // when a job left last that somebody waits for
    struct wf_shard_place **sealed;
    uint32_t sealed_count;
};

struct wf_shard {
    struct wf_shard_options options;
    enum wf_shard_mode mode;
    struct wf_mpsc inbox;
    struct wf_steady steady;
    uint64_t now_ms;
    struct wf_stack_pool *stacks;
    struct wf_shard_place *places;
    uint32_t places_count;
    struct wf_shard_lane *lanes; // by store
    struct wf_intake intake;     // requests not looked at yet
    struct wf_list frames;       // the same
    uint32_t behind;             // requests of all places that are in there
    uint32_t heavy_left;         // requests of heavy clients until the next job
    uint64_t heavy_ms;           // since when there are so many
    uint32_t spent;              // places with actors that are
    struct wf_list ready;        // of places with turns to run
    struct wf_list again;        // of those whose actors go on and on
    struct wf_heap due;          // of places
    struct wf_list orphans;      // tasks that came back unrun while closing
    struct wf_tally *tally;
    bool is_shedding;   // there is little memory left
    bool is_pressed;    // there is too little: requests are refused
    uint64_t turned_ns; // when a turn or a step last ended, or they began
    uint64_t audit_at_ms;
    uint32_t audit_next; // place
    uint64_t mark;       // newest that was seen
    _Atomic uint64_t settled_mark;
};

struct wf_shard_place *wf_shard_place_of(struct wf_shard *shard,
                                         uint32_t partition);
// Carry away what the place's partition has put out, and note what it wants.
void wf_shard_settle(struct wf_shard *shard, struct wf_shard_place *place);
// Destroy the place's partition; its requests are kept.
void wf_shard_drop(struct wf_shard *shard, struct wf_shard_place *place);
void wf_shard_open_place(struct wf_shard *shard, struct wf_shard_place *place);
void wf_shard_apply_refusals(struct wf_shard *shard, uint32_t store);
void wf_shard_refuse(struct wf_shard *shard, uint32_t store,
                     enum wf_refusal why, bool is_on);

uint64_t wf_shard_now_ns(const struct wf_shard *shard);
// The time of the place's partition.
static inline uint64_t
wf_shard_time(const struct wf_shard *shard, const struct wf_shard_place *place)
{
    return shard->now_ms + place->ahead_ms;
}

// shard_carry.c: what the place's partition has put out.
void wf_shard_carry(struct wf_shard *shard, struct wf_shard_place *place);

// shard_run.c: take in some of what waits. True: there was something.
bool wf_shard_admit(struct wf_shard *shard);
// Every request that waits: intake is about to end.
void wf_shard_admit_all(struct wf_shard *shard);
// A job leaves.
void wf_shard_renew_heavy(struct wf_shard *shard);
// When that may be, though no job leaves; UINT64_MAX: not before one does.
uint64_t wf_shard_heavy_due_ms(const struct wf_shard *shard);
// Run some turns. True: there were any.
bool wf_shard_run(struct wf_shard *shard);
// The place may have turns to run; has none any more.
void wf_shard_note_ready(struct wf_shard *shard, struct wf_shard_place *place);
void wf_shard_forget_ready(struct wf_shard_place *place);

// shard_post.c: give it to its partition, or keep it while that is not there.
void wf_shard_give_request(struct wf_shard *shard, struct wf_request *request);
// Those that waited behind others, of a cluster. True: there was one.
bool wf_shard_give_behind(struct wf_shard *shard);
void wf_shard_give_event(struct wf_shard *shard, struct wf_post *post);
// shard_post.c: up to a bounded number of posts. True: there was one.
bool wf_shard_drain(struct wf_shard *shard);
void wf_shard_answer_stats(struct wf_shard *shard,
                           const struct wf_post_stats *question);
// What requests of the lane are refused with; WEFT_OK: they are not.
weft_err wf_shard_refusal(const struct wf_shard_lane *lane);

// shard_kept.c: keep what came for a partition that is not there.
void wf_shard_keep(struct wf_shard_place *place, struct wf_post *post);
// Of its requests, answer those that intake refuses by now and no partition has
// seen.
void wf_shard_refuse_kept(struct wf_shard_place *place);
// Give all to the partition, which is there.
void wf_shard_give_kept(struct wf_shard *shard, struct wf_shard_place *place);
// The partition is on another node: requests go there, the rest is freed.
void wf_shard_hand_over(struct wf_shard *shard, struct wf_shard_place *place);
void wf_shard_send_elsewhere(struct wf_shard *shard,
                             struct wf_shard_place *place,
                             struct wf_request *request);
void wf_shard_send_all_elsewhere(struct wf_shard *shard,
                                 struct wf_shard_place *place,
                                 struct wf_list *requests);
// Give back what is left in the inbox and in places; nothing comes any more.
void wf_shard_abandon(struct wf_shard *shard, weft_err err);

// shard_seal.c: the place wants to be committed, or may; and no more.
void wf_shard_note_sealing(struct wf_shard *shard,
                           struct wf_shard_place *place);
void wf_shard_forget_sealing(struct wf_shard_place *place);
// Has anybody been waited for lately who asks for little?
bool wf_shard_is_shared(const struct wf_shard *shard);
// Until when, if nobody else comes.
uint64_t wf_shard_shared_until_ms(const struct wf_shard *shard);
// When somebody patient has waited long enough; UINT64_MAX: nobody is.
uint64_t wf_shard_patience_ms(const struct wf_shard *shard);
// shard_seal.c: seal what wants it, in every lane whose job is here. True: a
// job left.
bool wf_shard_seal(struct wf_shard *shard);
// The same for everything, rows too. True: not finished yet.
bool wf_shard_seal_all(struct wf_shard *shard);
void wf_shard_committed(struct wf_shard *shard, struct wf_job *job);
// So much was written to the store's log: who holds it up?
void wf_shard_find_laggards(struct wf_shard *shard, uint32_t store,
                            uint64_t log_bytes);

#endif
