// SPDX-License-Identifier: Apache-2.0
//
// mpsc.h - messages from many threads to one, with a wake-up only when needed.
//
// Nodes live inside the messages. Pushing is lock-free and wait-free but for
// one exchange; order is kept for each pusher. A push that finds the consumer
// asleep writes to an eventfd, which wakes it; other pushes cost no system
// call.

#ifndef WF_BASE_MPSC_H
#define WF_BASE_MPSC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wf_mpsc_node {
    _Atomic(struct wf_mpsc_node *) next;
};

struct wf_mpsc {
    _Atomic(struct wf_mpsc_node *) tail; // last pushed
    struct wf_mpsc_node *head;           // consumer's; next to pop
    struct wf_mpsc_node stub;
    atomic_bool is_asleep; // the consumer waits, or is about to
    int fd;                // eventfd
};

// WF_ASSERTs that the eventfd can be made (a node counts its descriptors
// before it opens). Call fini when no thread uses the queue.
void wf_mpsc_init(struct wf_mpsc *queue);
void wf_mpsc_fini(struct wf_mpsc *queue);

// Any thread.
void wf_mpsc_push(struct wf_mpsc *queue, struct wf_mpsc_node *node);
// Any thread: make a sleeping consumer return, with nothing pushed.
void wf_mpsc_wake(struct wf_mpsc *queue);

// The consumer's thread only. NULL if empty (or if a push is half done: the
// pusher then wakes the consumer).
struct wf_mpsc_node *wf_mpsc_pop(struct wf_mpsc *queue);
// Look for so long whether something comes, without sleeping: who pushes then
// makes no system call, and the consumer need not be woken. True: there is
// something to pop.
bool wf_mpsc_look(struct wf_mpsc *queue, uint32_t ns);
// Sleep until something is pushed, wake is called, or timeout_ms passed
// (-1: for ever). Returns at once if there is something to pop or wake was
// called before. May return for nothing; look and wait again.
void wf_mpsc_wait(struct wf_mpsc *queue, int timeout_ms);

// The same in two halves, for a consumer that polls other descriptors too.
// True: poll queue->fd for reading beside them, then call stop_wait. False:
// there is something to pop; do not sleep and do not call stop_wait.
bool wf_mpsc_start_wait(struct wf_mpsc *queue);
void wf_mpsc_stop_wait(struct wf_mpsc *queue);

#endif
