// SPDX-License-Identifier: Apache-2.0
//
// testing.h - test a service's actors, workflows and activities in memory.
//
// A test's node is a whole node without threads, disk or real time: the same
// code as in production, with a store in memory and a clock that skips. A
// sleep of a month takes microseconds. Everything happens on the thread of the
// test, in the same order each time; nothing is flaky. docs/testing.md is the
// tutorial. (Temporal: TestWorkflowEnvironment with time skipping.)
//
//     weft_test_open(definitions, NULL, &test);
//     weft_client *client = weft_test_client(test);
//     weft_client_start(client, target, input);
//     weft_test_advance(test, 3 * DAY_MS);
//     weft_client_signal(client, target, "pay", data);
//     weft_client_result(client, target, 0, &reply);
//     weft_test_close(test);
//
// A blocking call of a client (client.h) lets the node run until the answer is
// there, and skips time while there is nothing to do but wait. Its timeout is
// in virtual time. Submitted calls need weft_test_run before they are
// dispatched.

#ifndef WEFT_TESTING_H
#define WEFT_TESTING_H

#include <stddef.h>
#include <stdint.h>

#include "weft/activity.h"
#include "weft/bytes.h"
#include "weft/client.h"
#include "weft/definitions.h"
#include "weft/error.h"
#include "weft/node.h"

#ifdef __cplusplus
extern "C" {
#endif

// Life:     open -> ... -> close.
// Threads:  the one that opened it calls everything, its clients' calls too.
//           Activities may call everything. Turns of actors and workflows may
//           call nothing but weft_test_crash and weft_test_now_ms.
typedef struct weft_test weft_test;

// Zero means the default.
typedef struct weft_test_options {
    size_t struct_size;
    uint64_t start_ms;        // the clock begins here; default 2020-01-01, UTC
    uint64_t seed;            // of all chance; default 1
    uint32_t partition_count; // 1 to 1024; default 4
    int64_t window_bytes;     // as weft_node_options'; default 64 KiB
    int paranoid; // 1: drop and replay every stack after every turn, to find
                  // code that is not deterministic
    uint64_t patience_ms; // how far a call without a timeout skips before it
                          // gives up; default a year
    weft_log_fn *log;     // default: warnings to stderr
    void *log_ctx;
} weft_test_options;

#define WEFT_TEST_OPTIONS_INIT                                                 \
    {                                                                          \
        .struct_size = sizeof(weft_test_options)                               \
    }

// definitions are borrowed until close; options may be NULL.
//
// WEFT_EINVAL  an option is out of range
WEFT_API weft_err weft_test_open(const weft_definitions *definitions,
                                 const weft_test_options *options,
                                 weft_test **out_test);

// Clients that the test opened itself are closed before. NULL is allowed.
WEFT_API void weft_test_close(weft_test *test);

// The node, for weft_client_open and weft_node_get_stats. The test's; stays the
// same over a crash.
WEFT_API weft_node *weft_test_node(const weft_test *test);

// A client of namespace "default", open as long as the test. Its calls have no
// timeout but weft_test_options.patience_ms.
WEFT_API weft_client *weft_test_client(const weft_test *test);

// Time. ---------------------------------------------------------------------

// Milliseconds since 1970, on the test's clock.
WEFT_API uint64_t weft_test_now_ms(const weft_test *test);

// Do everything that can be done without time passing.
WEFT_API void weft_test_run(weft_test *test);

// Let ms pass: whatever falls due happens at its time, in order. In an
// activity: this is how long it takes; meanwhile other things happen.
// WEFT_FOREVER: until nothing falls due any more.
WEFT_API void weft_test_advance(weft_test *test, uint64_t ms);

// As weft_test_run, and then skip to the next thing that falls due, at most
// ms, and do it. Returns how long that was.
WEFT_API uint64_t weft_test_skip(weft_test *test, uint64_t ms);

typedef void weft_test_fn(weft_test *test, void *ctx);

// Call fn in ms from now, when time gets there: it may send a signal that comes
// in three days, cancel, or crash. Once; dropped at close, kept over a crash.
WEFT_API void weft_test_at(weft_test *test, uint64_t ms, weft_test_fn *fn,
                           void *ctx);

// Activities. ---------------------------------------------------------------

// What runs in place of an activity's function. All zero: it succeeds at once
// with an empty result.
typedef struct weft_test_stub {
    size_t struct_size;
    weft_activity_fn *run; // with `context`; or NULL: what follows decides
    void *context;         // what weft_activity_context returns
    weft_bytes result;
    uint32_t fail_count;      // so many attempts of each call fail first;
                              // UINT32_MAX: all of them
    const char *fail_name;    // of that failure; default "stub"
    const char *fail_message; // default ""
    int fail_for_good;        // 1: it is not retried
    uint64_t delay_ms;        // each attempt takes so long, then runs
} weft_test_stub;

#define WEFT_TEST_STUB_INIT                                                    \
    {                                                                          \
        .struct_size = sizeof(weft_test_stub)                                  \
    }

// From the next attempt on. Copied, but `context`. NULL: the real function
// again, which runs in line and takes no time.
//
// WEFT_ENOTFOUND  no such activity is registered
WEFT_API weft_err weft_test_stub_activity(weft_test *test, const char *activity,
                                          const weft_test_stub *stub);

// How many attempts of it have run since the test was opened, of the real
// function or of stubs.
WEFT_API uint64_t weft_test_activity_count(const weft_test *test,
                                           const char *activity);

// Crashes. ------------------------------------------------------------------

// Here the process dies, loses everything that was not durable, and is started
// again. Calls under way are asked again by their numbers, and so done once.
// Within a turn or an activity it happens when that returns, before what it did
// is durable.
WEFT_API void weft_test_crash(weft_test *test);

// The same before or after (is_after) the count-th commit from now; 1 is the
// next. 0: not any more.
WEFT_API void weft_test_crash_at_commit(weft_test *test, uint64_t count,
                                        int is_after);

// Commits, and crashes, since it was opened.
WEFT_API uint64_t weft_test_commits(const weft_test *test);
WEFT_API uint64_t weft_test_crashes(const weft_test *test);

// One test of a service: 0 if all was as it should be.
typedef int weft_test_scenario_fn(weft_test *test, void *ctx);

// Run a scenario on a fresh node; then, for each commit that it took, twice
// more on fresh nodes which crash before and after that commit. What a workflow
// promises must hold in all of them.
//
// WEFT_EFAILED  the scenario did not return 0; the detail says what it returned
//               and where the crash was
// else          as weft_test_open
WEFT_API weft_err weft_test_every_crash(const weft_definitions *definitions,
                                        const weft_test_options *options,
                                        weft_test_scenario_fn *scenario,
                                        void *ctx);

#ifdef __cplusplus
}
#endif

#endif
