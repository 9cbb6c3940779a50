// SPDX-License-Identifier: Apache-2.0
//
// work_impl.h - what the files of the clients share.
//
//   work.c         calls, what is written down of them, and the whole
//   work_ask.c     what is done, at random
//   work_again.c   answers, and what is asked again
//   work_end.c     when nothing disturbs any more

#ifndef WF_TESTS_HISTORY_WORK_IMPL_H
#define WF_TESTS_HISTORY_WORK_IMPL_H

#include "history/look.h"
#include "history/work.h"

enum {
    WORK_CELLS = 4, // the odd ones are read beside their turns
    WORK_LEDGERS = 2,
    WORK_KEEPERS = 6,
    WORK_LOOPS = 4, // the odd ones are reset, and send nothing on
    WORK_CLOCKS = 3,
    WORK_SLEEPERS = 3,
    WORK_CELL_CLIENTS = 5, // the first clients
    WORK_NOTE_CLIENTS = 3, // the next
    WORK_CLIENTS = WORK_CELL_CLIENTS + WORK_NOTE_CLIENTS,
    WORK_TURNS_MAX = 4000000, // of waiting for one answer
};

enum work_type {
    WORK_CELL,  // an operation that is checked
    WORK_NOTE,  // a note that is checked
    WORK_PLAIN, // answered or not: its effects are checked
    WORK_LOOK,  // an export: what it shows is looked at
    WORK_WAIT,  // somebody waits for it, and for nothing else
};

// What a cell client or a note client has under way.
struct work_client {
    uint32_t open;
    uint64_t lose_at_ms; // gives up then; 0: never
    uint64_t rest_until_ms;
    struct work_call *call;
};

// What was lost or refused, and is to be asked again.
struct work_again {
    struct work_call *call; // a copy of what it was
    uint64_t at_ms;
    bool is_refused; // under a new number
};

struct work {
    struct work_options options;
    struct history history;    // of cells and ledgers
    struct history notes_seen; // asks, sends and effects of notes
    struct history timers;
    struct history_faults faults;
    struct work_counts counts;
    uint64_t chance;
    uint64_t next_op;
    uint32_t ops[KINDS_END];     // on each cell and ledger
    uint32_t started[KINDS_END]; // by asking so often
    uint32_t loop_notes[KINDS_END];
    uint32_t notes;
    uint32_t timers_asked;
    uint32_t pays;
    uint32_t bursts;
    bool is_finishing; // what is to be asked again is asked now
    struct work_client clients[WORK_CLIENTS];
    struct work_again again[64];
    uint32_t again_count;
    struct work_call *calls; // all that are under way
    uint64_t next_operation_ms;
};

uint32_t work_draw(struct work *work, uint32_t below);
uint64_t work_now(struct work *work);
// Into the history of what the call is about. gave: of an answer.
void work_note_event(struct work *work, enum history_type type,
                     const struct work_call *call, int64_t gave);
weft_request work_request(weft_verb verb, const char *name, weft_bytes data);
// Does the operation change nothing?
bool work_is_reading(const struct work_call *call);
// Submit; call is from work_call_create.
struct work_call *work_call_create(struct work *work, enum work_type type,
                                   uint32_t object);
void work_call_destroy(struct work_call *call);
void work_submit(struct work *work, struct work_call *call,
                 weft_request *request);
// Ask and wait. data is valid until the next of these. name may be NULL.
weft_err work_wait(struct work *work, weft_verb verb, uint32_t object,
                   const char *name, weft_bytes data, weft_bytes *out_data);
// Ask this note or operation; the call has all of it, and its number if it is
// a repetition.
void work_ask(struct work *work, struct work_call *call);
// As an operator does; nobody looks at the answer.
void work_operate(struct work *work, weft_verb verb, uint32_t object);
void work_ask_again(struct work *work); // what is due
// Nobody knows what became of it; one of two is asked again later.
void work_lose(struct work *work, struct work_call *call);

#endif
