// SPDX-License-Identifier: Apache-2.0
//
// testing_stub.c - what runs in place of activities.
//
// A stub that takes time keeps its task here until then. The task counts as
// begun all the while, so that its timeouts run as they would in a worker.

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/definitions.h"
#include "runtime/node.h"
#include "runtime/task.h"
#include "runtime/testing_impl.h"
#include "runtime/versioned.h"

static void
reset(struct wf_testing_stub *stub)
{
    wf_free((void *)(uintptr_t)stub->def.result.data);
    wf_free((void *)(uintptr_t)stub->def.fail_name);
    wf_free((void *)(uintptr_t)stub->def.fail_message);
    memset(&stub->def, 0, sizeof(stub->def));
    stub->is_set = false;
}

static struct wf_testing_stub *
find(const weft_test *test, const struct wf_activity_kind *kind)
{
    struct wf_list_node *node = wf_list_first(&test->stubs);

    for (; node != NULL; node = wf_list_next(&test->stubs, node)) {
        struct wf_testing_stub *stub =
            WF_CONTAINER(node, struct wf_testing_stub, node);

        if (stub->kind == kind) {
            return stub;
        }
    }
    return NULL;
}

static struct wf_testing_stub *
get(weft_test *test, const struct wf_activity_kind *kind)
{
    struct wf_testing_stub *stub = find(test, kind);

    if (stub == NULL) {
        stub = wf_calloc(sizeof(*stub));
        stub->kind = kind;
        wf_list_push_back(&test->stubs, &stub->node);
    }
    return stub;
}

void
wf_testing_free_stubs(weft_test *test)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&test->stubs)) != NULL) {
        struct wf_testing_stub *stub =
            WF_CONTAINER(node, struct wf_testing_stub, node);

        reset(stub);
        wf_free(stub);
    }
}

// Running. --------------------------------------------------------------------

// The activity of a stub that has no function.
static weft_err
run_stub(weft_activity *activity, weft_bytes input)
{
    const weft_test_stub *def = weft_activity_context(activity);
    const char *name = def->fail_name == NULL ? "stub" : def->fail_name;

    (void)input;
    if (weft_activity_attempt(activity) > def->fail_count) {
        return weft_activity_return(activity, def->result);
    }
    return def->fail_for_good != 0
               ? weft_activity_fail_for_good(activity, name, def->fail_message,
                                             weft_nothing())
               : weft_activity_fail(activity, name, def->fail_message,
                                    weft_nothing());
}

void
wf_testing_choose_code(void *ctx, const struct wf_activity_kind *kind,
                       weft_activity_fn **run, void **context)
{
    struct wf_testing_stub *stub = get(ctx, kind);

    stub->count++;
    if (!stub->is_set) {
        return;
    }
    *run = stub->def.run == NULL ? run_stub : stub->def.run;
    *context = stub->def.run == NULL ? &stub->def : stub->def.context;
}

bool
wf_testing_take_task(void *ctx, struct wf_task *task)
{
    weft_test *test = ctx;
    const struct wf_testing_stub *stub = find(test, task->kind);
    struct wf_testing_due *due;

    if (stub == NULL || stub->def.delay_ms == 0) {
        return false;
    }
    task->given_ns = test->now_ms * 1000000U;
    atomic_store(&task->started_at_ms, task->given_at_ms);
    due = wf_calloc(sizeof(*due));
    due->task = task;
    wf_heap_add(&test->due, &due->heap, test->now_ms + stub->def.delay_ms);
    return true;
}

void
wf_testing_give_tasks(weft_test *test)
{
    size_t i = 1;

    while (i <= test->due.count) {
        struct wf_testing_due *due =
            WF_CONTAINER(test->due.nodes[i], struct wf_testing_due, heap);

        if (due->task == NULL) {
            i++;
            continue;
        }
        wf_node_give_task(test->node, due->task);
        wf_heap_remove(&test->due, &due->heap);
        wf_free(due);
        i = 1; // the others have moved
    }
}

// Public. ---------------------------------------------------------------------

static char *
copy_text(const char *text)
{
    return text == NULL ? NULL : wf_strdup(text);
}

weft_err
weft_test_stub_activity(weft_test *test, const char *activity,
                        const weft_test_stub *stub)
{
    const struct wf_activity_kind *kind;
    weft_test_stub full = WEFT_TEST_STUB_INIT;
    struct wf_testing_stub *kept;
    weft_err err = WEFT_OK;

    wf_error_clear();
    WF_REQUIRE(test != NULL);
    WF_REQUIRE(activity != NULL);
    kind =
        wf_definitions_find_activity(wf_node_definitions(test->node), activity);
    if (kind == NULL) {
        return wf_error(WEFT_ENOTFOUND, "no activity named %s is registered",
                        activity);
    }
    if (stub != NULL) {
        err = wf_versioned_copy("weft_test_stub", stub, &full, sizeof(full));
    }
    if (err != WEFT_OK) {
        return err;
    }
    kept = get(test, kind);
    reset(kept);
    if (stub == NULL) {
        return WEFT_OK;
    }
    kept->is_set = true;
    kept->def = full;
    kept->def.result =
        full.result.len == 0 ? weft_nothing() : wf_bytes_copy(full.result);
    kept->def.fail_name = copy_text(full.fail_name);
    kept->def.fail_message = copy_text(full.fail_message);
    return WEFT_OK;
}

uint64_t
weft_test_activity_count(const weft_test *test, const char *activity)
{
    const struct wf_activity_kind *kind =
        test == NULL || activity == NULL
            ? NULL
            : wf_definitions_find_activity(wf_node_definitions(test->node),
                                           activity);
    const struct wf_testing_stub *stub = kind == NULL ? NULL : find(test, kind);

    return stub == NULL ? 0 : stub->count;
}
