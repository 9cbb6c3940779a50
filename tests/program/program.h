// SPDX-License-Identifier: Apache-2.0
//
// program.h - workflow programs drawn from a number: what they are made of.
//
// A program is a tree of statements, and a function of its source alone. run.c
// lets a workflow do it with weft, expect.c says without weft what must come of
// it, text.c prints it. Nothing here knows weft.
//
// A strand is code that runs by itself: an instance, or a branch of one. It has
// four registers and a key that names it among all strands there are; what it
// does is named after that key and a count.
//
// Some blocks are loose: they may be stopped anywhere. What is in them may
// happen or not, and nothing that is checked depends on it.

#ifndef WF_TESTS_PROGRAM_PROGRAM_H
#define WF_TESTS_PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_STATEMENTS_MAX 200 // of one program; numbers from 1
#define PROGRAM_REGISTERS 4
#define PROGRAM_ID_SIZE 64
#define PROGRAM_BLOCKS 3
#define PROGRAM_LONG_MS (7ULL * 24 * 3600 * 1000) // nothing lasts so long

// X(op, how many ways there are, what it prints as)
#define PROGRAM_OP_TABLE(X)                                                    \
    X(NONE, 1, "")                                                             \
    X(MIX, 1, "mix")                                                           \
    X(IF, 1, "if odd")                                                         \
    X(LOOP, 1, "loop")                                                         \
    X(CALL, 14, "call")                                                        \
    X(CALLS, 4, "calls")                                                       \
    X(QUEUE, 8, "queue")                                                       \
    X(STEP, 4, "step")                                                         \
    X(VALUE, 4, "value")                                                       \
    X(SLEEP, 1, "sleep")                                                       \
    X(TIMERS, 2, "timers")                                                     \
    X(CANCEL, 16, "cancel")                                                    \
    X(GO, 5, "go")                                                             \
    X(UPDATE, 2, "update")                                                     \
    X(SELF, 4, "self")                                                         \
    X(CHILD, 11, "child")                                                      \
    X(BRANCHES, 6, "branches")                                                 \
    X(SCOPE, 4, "scope")                                                       \
    X(SHIELD, 1, "shield")                                                     \
    X(TRY, 1, "try")                                                           \
    X(THROW, 3, "throw")                                                       \
    X(SAGA, 2, "saga")                                                         \
    X(NOTE, 1, "note")                                                         \
    X(SHOW, 4, "show")                                                         \
    X(TALK, 8, "talk")                                                         \
    X(LOOK, 4, "look")                                                         \
    X(DOOM, 2, "doom")                                                         \
    X(FLAKY, 1, "flaky")                                                       \
    X(RESTART, 3, "restart")

enum program_op {
#define X(name, ways, text) OP_##name,
    PROGRAM_OP_TABLE(X)
#undef X
        OP_COUNT
};

// The ways of a call. Those from CALL_BAD on fail.
enum program_call {
    CALL_OK,
    CALL_FLAKY,       // fails once or twice, and then goes well
    CALL_FLAKY_AFTER, // the same, and says when to come again
    CALL_LATER,       // is completed by token
    CALL_LOCAL,
    CALL_BEATS,      // leaves details with its heartbeat, fails, and reads them
    CALL_LOST_FAILS, // an attempt that is lost counts as failed
    CALL_BAD,        // for good
    CALL_PICKY,      // by a name that is not retried
    CALL_WORN,       // two attempts, and no more
    CALL_LATE_BAD,   // by token
    CALL_SILENT,     // never ends: start to close
    CALL_DEAF,       // the same: heartbeat
    CALL_SLOW,       // the same: schedule to close
    CALL_COUNT
};

// The ways of a call that goes to the workers of a task queue: what becomes of
// it there. Those from QUEUE_BAD on fail.
enum program_queue {
    QUEUE_OK,
    QUEUE_FLAKY, // fails once or twice, and then goes well
    QUEUE_DEAD,  // whoever takes it first is not heard of again
    QUEUE_BACK,  // is given back, and taken by another, or again
    QUEUE_LATE,  // whoever takes it first comes back when it is too late
    QUEUE_LATER, // its worker leaves it to be completed by token
    QUEUE_BAD,   // for good
    QUEUE_ALONE, // nobody asks that queue: schedule to start
    QUEUE_COUNT
};

enum program_child {
    CHILD_AWAIT,
    CHILD_BESIDE,  // begun, its second block is done, awaited
    CHILD_STARTED, // is awaited to exist first
    CHILD_ABANDON, // goes on when its parent has ended
    CHILD_READY,   // says that it is ready, sleeps, is cancelled and cleans up
    CHILD_READY_TRY,
    CHILD_ANYWHEN, // loose, and cancelled at some time
    CHILD_OVERDUE, // loose, and its run timeout passes
    CHILD_TWICE,   // a second one under its id is refused
    CHILD_DELAYED, // starts later
    CHILD_EARLY,   // two signals for it are sent before it is begun
    CHILD_COUNT
};

enum program_branches {
    BRANCHES_SETTLED,
    BRANCHES_ALL,
    BRANCHES_REVERSE, // awaited last first
    BRANCHES_SUCCESS, // the first one fails
    BRANCHES_RACE,    // all but the first are loose, and too long
    BRANCHES_EVEN,    // a race of loose ones that anybody may win
};

enum program_scope {
    SCOPE_IN_TIME,
    SCOPE_LATE, // loose and too long; then its second block, in a shield
    SCOPE_HOT,  // loose; its deadline is somewhere in it
    SCOPE_CUT,  // as late, but another branch cancels it
};

// How an instance does its block.
enum program_mode {
    MODE_PLAIN,
    MODE_READY, // see CHILD_READY
    MODE_LOOSE, // and then sleeps
};

struct program_statement {
    uint64_t x; // operand
    uint8_t op; // enum program_op
    uint8_t how;
    uint8_t next;                   // 0: the last of its block
    uint8_t blocks[PROGRAM_BLOCKS]; // first statement of each; 0: empty
};

// What a program is drawn from.
struct program_source {
    uint64_t seed;
    uint32_t size; // about so many statements
    // 1: nobody but weft has a part in it: no signals and updates of a client
    uint8_t is_alone;
    // 1: it may be reset to an earlier point: nothing is in it that could not
    // be done again.
    uint8_t is_plain;
    // 1: its calls may go to task queues, which somebody has to work for.
    uint8_t has_queues;
    // 1: it may go on under another id, or elsewhere: alone, plain, in one run,
    // without children, and nothing that it says has its id in it.
    uint8_t is_copied;
    uint8_t dropped[32]; // bit: left out
};

struct program {
    struct program_source source;
    uint32_t attempts; // of each of its runs, at most
    uint32_t count;    // of statements; they begin at 1
    uint8_t first;
    struct program_statement statements[PROGRAM_STATEMENTS_MAX];
};

void program_make(const struct program_source *source, struct program *out);
// The first statement from this one on that is not left out; NULL: none.
const struct program_statement *program_at(const struct program *program,
                                           uint8_t index);
uint32_t program_index(const struct program *program,
                       const struct program_statement *statement);
void program_drop(struct program_source *source, uint32_t index);

// Numbers. --------------------------------------------------------------------

uint64_t program_mix(uint64_t a, uint64_t b);
uint64_t program_hash(const char *text);
uint64_t program_sum(const uint64_t registers[PROGRAM_REGISTERS]);
// Take a result in.
void program_take(const struct program_statement *statement, uint64_t value,
                  uint64_t registers[PROGRAM_REGISTERS]);

// What things give.
uint64_t program_work(uint64_t x); // an activity
uint64_t program_go(uint64_t seed, uint32_t seq);
uint64_t program_update(uint64_t seed, uint32_t seq);
// How many: calls, timers, signals, steps of a saga, turns of a loop.
uint32_t program_times(const struct program_statement *statement);
uint32_t program_flaky(const struct program_statement *statement);
// Of a call: so many of its attempts come to nothing, or end late.
uint32_t program_bad_attempts(uint64_t x);
uint32_t program_restarts(const struct program_statement *statement);

// Names. ----------------------------------------------------------------------

// Of a run of an instance; of a branch is what its parent draws.
uint64_t program_run_key(const char *id, uint64_t run);
uint64_t program_draw(uint64_t key, uint32_t *count);
// A call, a step.
void program_call_name(const char *root, uint64_t key,
                       char name[PROGRAM_ID_SIZE]);
// Half of the children live beside their root, half anywhere.
void program_child_id(const char *root, uint64_t key, char id[PROGRAM_ID_SIZE]);
void program_name(const char *what, uint64_t key, char name[PROGRAM_ID_SIZE]);
// The n-th copy of a root.
void program_copy_id(const char *root, uint32_t n, char id[PROGRAM_ID_SIZE]);
// A name or an id is of a copy: that, from its mark on; "": of none.
const char *program_copy_mark(const char *id);
// Of that call, if it is made by a copy with that mark.
void program_copy_name(const char *name, const char *mark,
                       char out[PROGRAM_ID_SIZE]);
// A strand of a copy in the log, and back: notes go to the log of the root.
uint64_t program_copy_strand(uint64_t strand, const char *mark);
// Where a root and all its children leave their notes.
void program_log_id(const char *root, char id[PROGRAM_ID_SIZE]);

// Text. -----------------------------------------------------------------------

const char *program_op_name(enum program_op op);
// Prints it as lines of text. The caller frees them.
char *program_text(const struct program *program);

#endif
