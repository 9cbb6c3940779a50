// SPDX-License-Identifier: Apache-2.0
//
// testing_impl.h - what the files of weft/testing.h share.
//
//   testing.c         life, steps, time
//   testing_stub.c    what runs in place of activities
//   testing_crash.c   the disk that crashes, and scenarios over crashes

#ifndef WF_RUNTIME_TESTING_IMPL_H
#define WF_RUNTIME_TESTING_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "storage/store.h"
#include "weft/testing.h"

struct wf_activity_kind;
struct wf_task;

// What runs in place of an activity, or only how often it ran.
struct wf_testing_stub {
    struct wf_list_node node;
    const struct wf_activity_kind *kind;
    uint64_t count; // of attempts
    bool is_set;
    weft_test_stub def; // strings and bytes owned
};

// Something that happens at a time: a callback, or a task that has taken as
// long as its stub says.
struct wf_testing_due {
    struct wf_heap_node heap;
    weft_test_fn *fn; // NULL: a task
    void *ctx;
    struct wf_task *task; // owned
};

struct weft_test {
    weft_test_options options; // defaults filled in
    weft_node *node;
    weft_client *client;
    uint64_t now_ms;
    struct wf_heap due;
    struct wf_list stubs;

    struct wf_memory_disk *disk;
    struct wf_store store; // on the disk; what the node has goes through ours
    uint64_t commits;
    uint64_t crashes;
    uint64_t crash_commit; // at this one; 0: at none
    bool is_crash_after;
    bool is_recovering; // its commits are not counted

    bool is_in_turn;     // code of actors and workflows is running
    uint32_t activities; // whose functions are running, one in another
    bool wants_crash;    // as soon as none of these is
};

// testing_stub.c -------------------------------------------------------------

// The seams of node.h. ctx is the test.
bool wf_testing_take_task(void *ctx, struct wf_task *task);
void wf_testing_choose_code(void *ctx, const struct wf_activity_kind *kind,
                            weft_activity_fn **run, void **context);
// Tasks that wait go back to the workers.
void wf_testing_give_tasks(weft_test *test);
void wf_testing_free_stubs(weft_test *test);

// testing_crash.c ------------------------------------------------------------

weft_err wf_testing_open_store(void *ctx, uint32_t store,
                               struct wf_store *out_store);
// Crash if that is wanted and nobody's code is running. True: it did.
bool wf_testing_crash(weft_test *test);

#endif
