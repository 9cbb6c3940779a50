// SPDX-License-Identifier: Apache-2.0
//
// story.h - tell what happens to a few actors, and check it in many worlds.
//
// A story is a function that calls a simulated node as a client would and
// checks what comes back. story_run tells it again and again: with rows saved
// at once or behind a window, with stacks kept or dropped after every turn, in
// one partition or five, with a crash before and after every commit that the
// calm run made, and with memory for one actor. What a header promises must
// hold in all of them; what holds only in a calm run (times, how often code
// ran) asks story->is_calm: there a commit takes no time.
//
// User code leaves notes, each with the time on the virtual clock that has gone
// by since the first one:
//
//     story_note("attempt %u", attempt);      ->  "[1000] attempt 2\n"
//
// A check that fails names the variant it failed in.

#ifndef WF_TESTS_STORY_STORY_H
#define WF_TESTS_STORY_STORY_H

#include <stdbool.h>

#include "sim/world.h"
#include "support/test.h"
#include "weft/weft.h"

struct story {
    struct world *world;
    weft_definitions *definitions;
    uint32_t sites;
    bool is_calm;     // nothing crashes by itself
    bool is_paranoid; // stacks are dropped after every turn
};

typedef void story_fn(struct story *story);
typedef weft_definitions *story_definitions_fn(void);

// Every variant. `define` makes the definitions, anew for each.
void story_run(story_definitions_fn *define, story_fn *tell);
// Those without a crash.
void story_run_calm(story_definitions_fn *define, story_fn *tell);
// The same with memory for three actors: all others are evicted.
void story_run_crowded(story_definitions_fn *define, story_fn *tell);
// One: no window, one partition, nothing goes wrong.
void story_run_once(story_definitions_fn *define, story_fn *tell);

// The story that is told now, for user code.
struct story *story_now(void);

// Notes. Times count from the first note, or from story_zero.
void story_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void story_zero(void);
// "[0] first\n[1000] second\n"
#define CHECK_NOTES(expected)                                                  \
    test_check_str(story_notes(), (expected), "notes", __FILE__, __LINE__)
const char *story_notes(void);
void story_forget_notes(void);
// How many notes begin with this text.
size_t story_count(const char *text);

// The trace of the core since world_trace_clear: "[ms] who verb text", a line
// each; times count from the first line.
#define CHECK_TRACE(expected)                                                  \
    test_check_str(story_trace(), (expected), "trace", __FILE__, __LINE__)
const char *story_trace(void);

// Definitions with defaults. --------------------------------------------------

void story_add_actor(weft_definitions *definitions, const char *name,
                     uint32_t state_bytes, weft_actor_fn *receive);
void story_add_workflow(weft_definitions *definitions, const char *name,
                        weft_workflow_fn *run);
void story_add_activity(weft_definitions *definitions, const char *name,
                        weft_activity_fn *run);

// Calls. Each waits for the answer; payloads are C strings. -------------------

struct world_call *story_ask(weft_verb verb, const char *kind, const char *id,
                             const char *name, const char *data);
// The same, of a whole request.
struct world_call *story_call(const weft_request *request);
// As story_ask, and it must go well.
struct world_call *story_do(weft_verb verb, const char *kind, const char *id,
                            const char *name, const char *data);
void story_start(const char *kind, const char *id, const char *input);
void story_signal(const char *kind, const char *id, const char *name,
                  const char *data);
// Its result, once it has finished.
struct world_call *story_result(const char *kind, const char *id);
#define CHECK_RESULT(kind, id, expected)                                       \
    do {                                                                       \
        const struct world_call *result_ = story_result((kind), (id));         \
        test_check_err(result_->err, WEFT_OK, "result of " #id, __FILE__,      \
                       __LINE__);                                              \
        test_check_str(result_->data, (expected), "result of " #id, __FILE__,  \
                       __LINE__);                                              \
    } while (0)
// It ended with this error and failure.
#define CHECK_FAILS(kind, id, error, failure_name)                             \
    do {                                                                       \
        const struct world_call *result_ = story_result((kind), (id));         \
        test_check_err(result_->err, (error), "result of " #id, __FILE__,      \
                       __LINE__);                                              \
        test_check_str(result_->failure, (failure_name), "result of " #id,     \
                       __FILE__, __LINE__);                                    \
    } while (0)
struct world_call *story_describe(const char *kind, const char *id);
// The published value, or the answer of the query function.
const char *story_query(const char *kind, const char *id, const char *name);

// For so much simulated time.
void story_wait_ms(uint64_t ms);
uint64_t story_now_ms(void); // as notes count it; 0 before the first
void story_crash(void);      // all sites
// The same, and when they open again their clocks are ahead by so much more, or
// behind.
void story_crash_jump(int64_t by_ms);
// All sites end and open again with other definitions.
void story_define(story_definitions_fn *define);
uint64_t story_dead_letters(void);
// Nothing is left that nobody would wake.
void story_check_audit(void);

// An id that lives in another partition than `id`, if there is another.
const char *story_id_elsewhere(const char *id);
uint32_t story_site_of(const char *id);

// Whatever it is, the workflow ends with it.
#define TRY(call)                                                              \
    do {                                                                       \
        weft_err err_ = (call);                                                \
        if (err_ != WEFT_OK) {                                                 \
            return err_;                                                       \
        }                                                                      \
    } while (0)

// In a workflow: what a call must give; when the stack is dropped, hand that
// on.
#define MUST(call, expected)                                                   \
    do {                                                                       \
        weft_err err_ = (call);                                                \
        if (err_ == WEFT_EUNWIND) {                                            \
            return err_;                                                       \
        }                                                                      \
        CHECK_ERR(err_, (expected));                                           \
    } while (0)

// Payloads as text, to be read in place. --------------------------------------

// Both end in a NUL and are cut to fit.
const char *story_text(weft_bytes bytes, char *buf, size_t size);
bool story_is(weft_bytes bytes, const char *text);

#endif
