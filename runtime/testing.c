// SPDX-License-Identifier: Apache-2.0
//
// testing.c - a whole node in the hands of a test: its life, steps and time.
//
// The node is a manual one (node.h): it has no threads, its clock is a number
// here, and a step lets each part do what it can. When nothing can be done the
// clock goes to whatever falls due next: a timer, a retry, a stub's task, a
// callback of the test.
//
// Steps nest. An activity that calls a client, or lets time pass, steps the
// node from within a worker's step. A turn must not: its shard is not to be
// stepped by itself, and a wait in it ends at once, in vain.
//
// Threads: one.

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/node.h"
#include "runtime/testing_impl.h"
#include "runtime/versioned.h"

// Activities that wait, one within another: more wait until one returns. Each
// is a function of the user's on the same stack.
#define NESTED_MAX 32
#define WINDOW_BYTES_DEFAULT 65536 // so that rows are saved, and log is let go
#define START_MS_DEFAULT 1577836800000ULL // 2020-01-01
#define PATIENCE_MS_DEFAULT (366ULL * 24 * 3600 * 1000)

// Steps. ----------------------------------------------------------------------

static bool
step_part(weft_test *test, enum wf_node_component component)
{
    bool did_something;

    if (component == WF_NODE_WORKER && test->activities == NESTED_MAX) {
        return false;
    }
    test->is_in_turn = component == WF_NODE_SHARD;
    test->activities += component == WF_NODE_WORKER ? 1 : 0;
    did_something = wf_node_step(test->node, component, 0) == 0;
    test->activities -= component == WF_NODE_WORKER ? 1 : 0;
    test->is_in_turn = false;
    return did_something;
}

// Let the first part that can do something do it; workers come last, so that
// whoever waits for an answer has it before an activity lets time pass. What
// falls due for housekeeping is not waited for: it changes nothing that a test
// sees.
static bool
step_parts(weft_test *test)
{
    static const enum wf_node_component order[] = {
        WF_NODE_SHARD,
        WF_NODE_COMMITTER,
        WF_NODE_READER,
        WF_NODE_WORKER,
    };

    (void)wf_node_step(test->node, WF_NODE_SUPERVISOR, 0);
    (void)wf_node_step(test->node, WF_NODE_HOUSEKEEPING, 0);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        bool did_something = step_part(test, order[i]);

        if (wf_testing_crash(test) || did_something) {
            return true;
        }
        if (test->wants_crash) {
            return false; // what runs must return first
        }
    }
    return false;
}

// Do what falls due by itself, without the node.
static bool
step_due(weft_test *test)
{
    struct wf_heap_node *first = wf_heap_first(&test->due);
    struct wf_testing_due due;

    if (first == NULL || first->due > test->now_ms) {
        return false;
    }
    wf_heap_remove(&test->due, first);
    due = *WF_CONTAINER(first, struct wf_testing_due, heap);
    wf_free(WF_CONTAINER(first, struct wf_testing_due, heap));
    if (due.fn != NULL) {
        due.fn(test, due.ctx);
    } else {
        wf_node_give_task(test->node, due.task);
    }
    return true;
}

static uint64_t
next_due_ms(const weft_test *test)
{
    const struct wf_heap_node *first = wf_heap_first(&test->due);
    uint64_t due = wf_node_next_due_ms(test->node);

    return first != NULL && first->due < due ? first->due : due;
}

// Do something, or let the clock go on to what is due next. False: the node
// cannot be stepped from here, or nothing falls due up to limit_ms.
static bool
step(weft_test *test, uint64_t limit_ms)
{
    uint64_t next;

    if (test->is_in_turn || (test->wants_crash && !wf_testing_crash(test))) {
        return false;
    }
    if (step_parts(test) || step_due(test)) {
        return true;
    }
    next = next_due_ms(test);
    if (next > limit_ms || next == UINT64_MAX || test->wants_crash ||
        test->now_ms >= limit_ms) {
        return false;
    }
    // What was due already waits for something else: look again soon.
    test->now_ms = next > test->now_ms ? next : test->now_ms + 1;
    return true;
}

static uint64_t
later(const weft_test *test, uint64_t ms)
{
    return ms > UINT64_MAX - test->now_ms ? UINT64_MAX : test->now_ms + ms;
}

// The node's seam: a client's caller waits.
static void
wait_for(void *ctx, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    weft_test *test = ctx;
    uint64_t limit_ms =
        later(test, timeout_ms == UINT32_MAX ? test->options.patience_ms
                                             : timeout_ms);

    while (!is_over(arg) && step(test, limit_ms)) {
    }
    // Nothing else falls due: what is left of its patience passes.
    if (timeout_ms != UINT32_MAX && !is_over(arg) && !test->is_in_turn &&
        !test->wants_crash && test->now_ms < limit_ms) {
        test->now_ms = limit_ms;
    }
}

// Life. -----------------------------------------------------------------------

static uint64_t
wall_ms(void *self)
{
    return ((const weft_test *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((const weft_test *)self)->now_ms * 1000000U;
}

static weft_err
read_options(const weft_test_options *given, weft_test_options *out)
{
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_err err = WEFT_OK;

    if (given != NULL) {
        err = wf_versioned_copy("weft_test_options", given, &options,
                                sizeof(options));
    }
    if (options.start_ms == 0) {
        options.start_ms = START_MS_DEFAULT;
    }
    if (options.seed == 0) {
        options.seed = 1;
    }
    if (options.partition_count == 0) {
        options.partition_count = 4;
    }
    if (options.window_bytes == 0) {
        options.window_bytes = WINDOW_BYTES_DEFAULT;
    }
    if (options.patience_ms == 0) {
        options.patience_ms = PATIENCE_MS_DEFAULT;
    }
    *out = options;
    return err;
}

static weft_err
open_node(weft_test *test, const weft_definitions *definitions)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct wf_node_seams seams = {
        .clock = {wall_ms, mono_ns, test},
        .seed = test->options.seed,
        .open_store = wf_testing_open_store,
        .wait = wait_for,
        .take_task = wf_testing_take_task,
        .choose_code = wf_testing_choose_code,
        .ctx = test,
        .is_manual = true,
    };
    weft_err err;

    options.definitions = definitions;
    options.partition_count = test->options.partition_count;
    options.shard_count = 1;
    options.window_bytes = test->options.window_bytes;
    options.paranoid = test->options.paranoid;
    options.log = test->options.log;
    options.log_ctx = test->options.log_ctx;
    test->is_recovering = true;
    err = wf_node_open_with(&options, &seams, &test->node);
    test->is_recovering = false;
    return err;
}

static weft_err
open_client(weft_test *test)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;

    options.timeout_ms = UINT32_MAX;
    return weft_client_open(test->node, &options, &test->client);
}

weft_err
weft_test_open(const weft_definitions *definitions,
               const weft_test_options *options, weft_test **out_test)
{
    weft_test_options full;
    weft_test *test;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(definitions != NULL);
    WF_REQUIRE(out_test != NULL);
    err = read_options(options, &full);
    if (err != WEFT_OK) {
        return err;
    }
    test = wf_calloc(sizeof(*test));
    test->options = full;
    test->now_ms = full.start_ms;
    wf_heap_init(&test->due);
    wf_list_init(&test->stubs);
    test->disk = wf_memory_disk_create();
    err = open_node(test, definitions);
    if (err == WEFT_OK) {
        err = open_client(test);
    }
    if (err != WEFT_OK) {
        weft_test_close(test);
        return err;
    }
    *out_test = test;
    return WEFT_OK;
}

static void
drop_due(weft_test *test)
{
    struct wf_heap_node *first;

    while ((first = wf_heap_first(&test->due)) != NULL) {
        wf_heap_remove(&test->due, first);
        wf_free(WF_CONTAINER(first, struct wf_testing_due, heap));
    }
    wf_heap_fini(&test->due);
}

void
weft_test_close(weft_test *test)
{
    if (test == NULL) {
        return;
    }
    WF_ASSERT(!test->is_in_turn && test->activities == 0);
    weft_client_close(test->client);
    if (test->node != NULL) {
        wf_testing_give_tasks(test);
        wf_node_crash(test->node);
    }
    drop_due(test);
    wf_testing_free_stubs(test);
    wf_memory_disk_destroy(test->disk);
    wf_free(test);
}

weft_node *
weft_test_node(const weft_test *test)
{
    return test == NULL ? NULL : test->node;
}

weft_client *
weft_test_client(const weft_test *test)
{
    return test == NULL ? NULL : test->client;
}

// Time. -----------------------------------------------------------------------

uint64_t
weft_test_now_ms(const weft_test *test)
{
    return test == NULL ? 0 : test->now_ms;
}

void
weft_test_run(weft_test *test)
{
    while (test != NULL && step(test, test->now_ms)) {
    }
}

void
weft_test_advance(weft_test *test, uint64_t ms)
{
    uint64_t end_ms;

    if (test == NULL) {
        return;
    }
    end_ms = later(test, ms);
    while (step(test, end_ms)) {
    }
    // An activity may have let more time pass.
    if (test->now_ms < end_ms && end_ms != UINT64_MAX && !test->is_in_turn &&
        !test->wants_crash) {
        test->now_ms = end_ms;
    }
}

uint64_t
weft_test_skip(weft_test *test, uint64_t ms)
{
    uint64_t begin_ms;
    uint64_t limit_ms;
    uint64_t next;

    if (test == NULL) {
        return 0;
    }
    begin_ms = test->now_ms;
    limit_ms = later(test, ms);
    weft_test_run(test);
    next = next_due_ms(test);
    if (test->is_in_turn || next <= test->now_ms || next > limit_ms) {
        return test->now_ms - begin_ms;
    }
    test->now_ms = next;
    weft_test_run(test);
    return test->now_ms - begin_ms;
}

void
weft_test_at(weft_test *test, uint64_t ms, weft_test_fn *fn, void *ctx)
{
    struct wf_testing_due *due;

    if (test == NULL || fn == NULL) {
        return;
    }
    due = wf_calloc(sizeof(*due));
    due->fn = fn;
    due->ctx = ctx;
    wf_heap_add(&test->due, &due->heap, later(test, ms));
}
