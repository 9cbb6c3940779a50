// SPDX-License-Identifier: Apache-2.0
//
// node_threads.c - one thread for each part of a node: step, wait, step.
//
// The parts of a manual node are stepped by whoever made it, in any order.

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/thread.h"
#include "runtime/blackbox.h"
#include "runtime/committer.h"
#include "runtime/housekeeping.h"
#include "runtime/loader.h"
#include "runtime/node_impl.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"
#include "runtime/workers.h"

#define LOOK_NS 20000

uint32_t
wf_node_count(const weft_node *node, enum wf_node_component component)
{
    switch (component) {
    case WF_NODE_SHARD:
        return node->options.shard_count;
    case WF_NODE_COMMITTER:
        return node->committers_count;
    case WF_NODE_SUPERVISOR:
        return node->supervisors_count;
    default:
        return 1;
    }
}

static uint64_t
step(weft_node *node, enum wf_node_component component, uint32_t index)
{
    WF_ASSERT(index < wf_node_count(node, component));
    switch (component) {
    case WF_NODE_SHARD:
        return wf_shard_step(node->shards[index]);
    case WF_NODE_COMMITTER:
        return wf_committer_step(node->committers[index]);
    case WF_NODE_READER:
        return wf_loader_step(node->loader);
    case WF_NODE_HOUSEKEEPING:
        return wf_housekeeping_step(node->housekeeping);
    case WF_NODE_SUPERVISOR:
        return wf_supervisor_step(node->supervisors[index]);
    case WF_NODE_WORKER:
        return wf_workers_step(node->workers) ? 0 : UINT64_MAX;
    default:
        return UINT64_MAX;
    }
}

uint64_t
wf_node_step(weft_node *node, enum wf_node_component component, uint32_t index)
{
    WF_ASSERT(node->seams.is_manual);
    return step(node, component, index);
}

uint64_t
wf_node_next_due_ms(const weft_node *node)
{
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        uint64_t due = wf_shard_next_due_ms(node->shards[i]);

        next = due < next ? due : next;
    }
    return next;
}

struct wf_mpsc *
wf_node_inbox(weft_node *node, enum wf_node_component component, uint32_t index)
{
    switch (component) {
    case WF_NODE_SHARD:
        return wf_shard_inbox(node->shards[index]);
    case WF_NODE_COMMITTER:
        return wf_committer_inbox(node->committers[index]);
    case WF_NODE_READER:
        return wf_loader_inbox(node->loader);
    case WF_NODE_HOUSEKEEPING:
        return wf_housekeeping_inbox(node->housekeeping);
    case WF_NODE_SUPERVISOR:
        return wf_supervisor_inbox(node->supervisors[index]);
    default:
        return NULL; // workers have their own
    }
}

bool
wf_node_has_ended(weft_node *node, enum wf_node_component component,
                  uint32_t index)
{
    switch (component) {
    case WF_NODE_SHARD:
        return wf_shard_is_finished(node->shards[index]);
    case WF_NODE_COMMITTER:
        return wf_committer_is_stopped(node->committers[index]);
    case WF_NODE_READER:
        return wf_loader_is_stopped(node->loader);
    case WF_NODE_HOUSEKEEPING:
        return wf_housekeeping_is_stopped(node->housekeeping);
    case WF_NODE_SUPERVISOR:
        return wf_supervisor_is_stopped(node->supervisors[index]);
    default:
        return true;
    }
}

static const char *const thread_names[WF_NODE_COMPONENT_COUNT] = {
    [WF_NODE_SHARD] = "weft-shard",
    [WF_NODE_COMMITTER] = "weft-committer",
    [WF_NODE_READER] = "weft-reader",
    [WF_NODE_WORKER] = "weft-worker",
    [WF_NODE_HOUSEKEEPING] = "weft-housekeep",
    [WF_NODE_SUPERVISOR] = "weft-supervisor",
};

// What a shard waits for comes soon or late: a load or the next request of a
// client that was just answered, or a commit. To be woken for what comes soon
// takes longer than that does. On one processor nothing could come meanwhile.
static uint32_t
look_ns(enum wf_node_component component)
{
    return component == WF_NODE_SHARD && sysconf(_SC_NPROCESSORS_ONLN) > 1
               ? LOOK_NS
               : 0;
}

static void
wait_for_post(struct wf_mpsc *inbox, uint32_t ns, uint64_t wait_ms)
{
    if (ns == 0 || !wf_mpsc_look(inbox, ns)) {
        wf_mpsc_wait(inbox, wait_ms > INT_MAX ? -1 : (int)wait_ms);
    }
}

static void *
run_thread(void *arg)
{
    const struct wf_node_thread *thread = arg;
    weft_node *node = thread->node;
    struct wf_mpsc *inbox =
        wf_node_inbox(node, thread->component, thread->index);
    uint32_t ns = look_ns(thread->component);

    wf_thread_name(thread_names[thread->component]);
    if (thread->component == WF_NODE_SHARD) {
        wf_blackbox_enter(wf_blackbox_slot(node->box, thread->index),
                          wf_shard_stacks(node->shards[thread->index]));
    }
    while (!wf_node_has_ended(node, thread->component, thread->index)) {
        uint64_t wait_ms = step(node, thread->component, thread->index);

        if (wait_ms > 0 &&
            !wf_node_has_ended(node, thread->component, thread->index)) {
            wait_for_post(inbox, ns, wait_ms);
        }
    }
    if (thread->component == WF_NODE_SHARD) {
        wf_blackbox_leave();
    }
    return NULL;
}

static weft_err
start_thread(weft_node *node, enum wf_node_component component, uint32_t index)
{
    struct wf_node_thread *thread = &node->threads[node->threads_count];

    *thread = (struct wf_node_thread){
        .node = node,
        .component = component,
        .index = index,
    };
    if (pthread_create(&thread->thread, NULL, run_thread, thread) != 0) {
        return wf_error(WEFT_EBUSY, "the system gives no more threads");
    }
    thread->is_started = true;
    node->threads_count++;
    return WEFT_OK;
}

// The host's signals are for the host's threads; only faults of our own come
// here.
static void
block_signals(sigset_t *out_before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t all;

    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)sigdelset(&all, faults[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &all, out_before);
}

// Those first that others wait for at the end, so that what was started can be
// ended by close if something cannot be.
weft_err
wf_node_start_threads(weft_node *node)
{
    static const enum wf_node_component order[] = {
        WF_NODE_COMMITTER,    WF_NODE_READER, WF_NODE_SUPERVISOR,
        WF_NODE_HOUSEKEEPING, WF_NODE_SHARD,
    };
    size_t count = node->committers_count + node->supervisors_count +
                   node->options.shard_count + 2;
    sigset_t before;
    weft_err err = WEFT_OK;

    node->threads = wf_calloc(count * sizeof(*node->threads));
    block_signals(&before);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        for (uint32_t j = 0;
             err == WEFT_OK && j < wf_node_count(node, order[i]); j++) {
            err = start_thread(node, order[i], j);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

void
wf_node_join_threads(weft_node *node, enum wf_node_component component)
{
    for (uint32_t i = 0; i < node->threads_count; i++) {
        struct wf_node_thread *thread = &node->threads[i];

        if (thread->component == component && thread->is_started) {
            pthread_join(thread->thread, NULL);
            thread->is_started = false;
        }
    }
}
