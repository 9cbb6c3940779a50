// SPDX-License-Identifier: Apache-2.0
//
// turn.h - one turn of one actor, while its code runs: the effects so far.
//
// Nothing here has happened yet. If the code ends well, the effects become one
// record; else they are dropped.

#ifndef WF_RUNTIME_TURN_H
#define WF_RUNTIME_TURN_H

#include "base/random.h"
#include "runtime/partition_impl.h"

struct wf_turn {
    struct wf_partition *partition;
    struct wf_actor *actor;
    struct wf_buf ops;     // of the actor
    struct wf_buf causes;  // of the failure that it ends with
    struct wf_buf end;     // the operation that finishes it: after all others
    struct wf_draft sends; // sections of others
    uint32_t next_id;      // of a plain actor's timers, commands and calls
    struct wf_random random;
    bool has_commands;          // something is to be started once it is durable
    uint64_t retry_after_ms;    // of a run that failed; 0: by the policy
    bool is_ending;             // the run ends
    bool is_finishing;          // and the instance with it
    struct wf_buf answered;     // clients: 16 bytes, V number, ...
    struct wf_buf updates_done; // numbers of updates
    struct wf_buf questions_answered; // of earlier turns: u32 ...
    uint32_t question; // as which its letter is kept; 0: it is not
    // What a reset left there has made way for the code's.
    bool has_own_memo;
    bool has_own_attributes;
    // What the letter of this turn asks for, if anything.
    weft_bytes reply; // owned
    struct wf_letter letter;
};

// The weft_actor that handlers get. Its message is borrowed from `letter`.
struct weft_actor {
    struct wf_turn turn;
    weft_bytes state; // kinds whose state is bytes: as of now; owned if set
    bool is_state_set;
    weft_bytes memo; // as of now; owned if set
    bool is_memo_set;
    struct wf_buf timers;     // that this turn named first: V id, B name, ...
    struct wf_buf attributes; // a set, as of now, once has_attributes
    bool has_attributes;
    struct wf_publications published; // by this turn; those removed too
};

void wf_turn_init(struct wf_turn *turn, struct wf_partition *partition,
                  struct wf_actor *actor);
// A number for a timer, a command, a call or a question of a plain actor, that
// none of its open ones has.
uint32_t wf_turn_take_id(struct wf_turn *turn);
void wf_turn_fini(struct wf_turn *turn);

// Note and count that an instance of the actor ended so.
void wf_turn_count_end(struct wf_partition *partition,
                       const struct wf_actor *actor, weft_status status,
                       const char *failure);
// An actor that was parked is so no more.
void wf_turn_count_unparked(struct wf_partition *partition);

// Write everything as one record; the turn is empty afterwards.
void wf_turn_commit(struct wf_turn *turn);

// Of its effects so far.
static inline size_t
wf_turn_bytes(const struct wf_turn *turn)
{
    return turn->ops.len + turn->end.len + turn->sends.sections.len;
}

// Is there room for so much more?
//
// WEFT_ETOOBIG   the payload or the turn would be too large
// WEFT_EINVAL    the payload has a length and no bytes
weft_err wf_turn_check(const struct wf_turn *turn, const char *what,
                       weft_bytes payload);
weft_err wf_turn_check_payload(const char *what, weft_bytes payload);

// What a letter or command of this turn takes along: the headers of the message
// that is handled, else those of the instance. A workflow's turns are not about
// their messages: always those of the instance. As options (start.h).
weft_bytes wf_turn_headers(const struct wf_turn *turn);

// Effects. The caller has checked sizes and names.
void wf_turn_send(struct wf_turn *turn, const struct wf_key *target,
                  const struct wf_letter *letter);
void wf_turn_timer(struct wf_turn *turn, uint32_t id, uint64_t due,
                   const char *name);
void wf_turn_timer_clear(struct wf_turn *turn, uint32_t id);
void wf_turn_command(struct wf_turn *turn, uint32_t id,
                     enum wf_command_kind kind, const char *name,
                     weft_bytes input, weft_bytes options);
// Give an activity up, in one of the three ways.
void wf_turn_command_cancel(struct wf_turn *turn, uint32_t id,
                            weft_cancellation how);
// A child or a question. close and cancellation are those of a child.
void wf_turn_call_open(struct wf_turn *turn, uint32_t id,
                       enum wf_call_type type, const struct wf_key *target,
                       weft_parent_close close, weft_cancellation cancellation);
// A question: opens the call and sends it.
void wf_turn_ask(struct wf_turn *turn, uint32_t id, const struct wf_key *target,
                 const char *name, weft_bytes data);
void wf_turn_call_close(struct wf_turn *turn, uint32_t id);
void wf_turn_memo(struct wf_turn *turn, const char *name, weft_bytes value);
void wf_turn_publish(struct wf_turn *turn, const char *name, weft_bytes value);
void wf_turn_unpublish(struct wf_turn *turn, const char *name);
void wf_turn_attribute(struct wf_turn *turn, const weft_attribute *change);
// End the run; or, if it failed and its start says so, begin another one later:
// see outcome.c.
void wf_turn_end(struct wf_turn *turn, weft_status status, weft_bytes data,
                 const char *name, const char *message);
// Tell whoever sent the letter and wants an answer, if anybody does. err OK:
// data is the answer.
void wf_turn_answer(struct wf_turn *turn, const struct wf_letter *letter,
                    weft_err err, weft_bytes data);
// It was handled, and is not answered yet.
void wf_turn_count(const struct wf_turn *turn, const struct wf_letter *letter);
// The same for a question of an earlier turn, which was counted then.
void wf_turn_answer_question(struct wf_turn *turn,
                             const struct wf_letter *letter, weft_err err,
                             weft_bytes data);

// Is the letter about this run? What an earlier run waited for may come when a
// restart has given its numbers to other things. And is the call still open?
bool wf_turn_expects(const struct wf_actor *actor,
                     const struct wf_letter *letter);
// Is it about a call that is open?
bool wf_turn_is_of_call(const struct wf_actor *actor,
                        const struct wf_letter *letter);

// The same for a client's request.
void wf_turn_answer_client(struct wf_turn *turn, weft_bytes client,
                           uint64_t number, weft_err err, weft_bytes data);

// A key in the actor's namespace.
//
// WEFT_EINVAL   a part is missing, or no kind of that name is registered
// WEFT_ETOOBIG
weft_err wf_turn_target(const struct wf_turn *turn, weft_target target,
                        struct wf_key *out_key);

#endif
