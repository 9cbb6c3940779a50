// SPDX-License-Identifier: Apache-2.0
//
// mpsc.c - Vyukov's queue with links inside the messages, and sleeping.
//
// The list goes from `head`, the oldest, by `next` to `tail`, the newest. A
// push is two steps: take the place (exchange `tail`), then link it (store the
// `next` of the one before). Between the two the list is cut there, and what
// is behind the cut waits for its pusher. The stub stands in when there is
// nothing else, so that there is always a last node to link to.
//
//   I1  following next from head, and over cuts, leads to tail
//   I2  the stub is in the list at most once; when head is a message, popping
//       the last one first puts the stub behind it
//
// What a message holds is seen by whoever pops it: the link is stored with
// release (seq_cst, in fact) and loaded with acquire. The exchange of tail is
// acquire-release, so that the pusher writes into a `next` that the earlier
// pusher has set to NULL already.
//
// No wake-up is lost. The two sides do, in this order,
//
//     pusher     P1 store the link            consumer   C1 is_asleep = true
//                P2 load is_asleep                       C2 load the links
//
// all sequentially consistent, which gives them one order that every thread
// agrees on. Either P1 is before C2 in it, and the consumer sees the message
// and does not sleep; or C2 is before P1, hence C1 before P2, and the pusher
// sees that the consumer is asleep and writes to the eventfd. With release and
// acquire alone both could miss: each side's load might pass its own store.
//
// C2 asks "would pop give a message?", not "is it empty?". At a cut the answer
// is no and the consumer may sleep: the pusher who made the cut has its P1 and
// P2 still to come.
//
// Of the pushers that see is_asleep one turns it off by an exchange and writes
// for all. If the consumer has left meanwhile (timeout), that write makes the
// next wait return for nothing, which is allowed. A write is drained only in
// stop_wait, after is_asleep was turned off: by an exchange too, which reads
// what the writing pusher's exchange left and so acquires its P1. The pop that
// follows sees the message. The eventfd counts, so a write before poll is not
// lost.
//
// wake writes always: the caller has changed something that the consumer looks
// at between waits, and may do so just before the consumer goes to sleep.

#include "base/mpsc.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

void
wf_mpsc_init(struct wf_mpsc *queue)
{
    atomic_init(&queue->stub.next, NULL);
    atomic_init(&queue->tail, &queue->stub);
    atomic_init(&queue->is_asleep, false);
    queue->head = &queue->stub;
    queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    WF_ASSERT(queue->fd >= 0);
}

void
wf_mpsc_fini(struct wf_mpsc *queue)
{
    close(queue->fd);
    queue->fd = -1;
}

static void
link_last(struct wf_mpsc *queue, struct wf_mpsc_node *node)
{
    struct wf_mpsc_node *before;

    atomic_store_explicit(&node->next, NULL, memory_order_relaxed);
    before = atomic_exchange_explicit(&queue->tail, node, memory_order_acq_rel);
    atomic_store_explicit(&before->next, node, memory_order_seq_cst); // P1
}

void
wf_mpsc_push(struct wf_mpsc *queue, struct wf_mpsc_node *node)
{
    link_last(queue, node);
    // From here on the node is the consumer's.
    if (atomic_load_explicit(&queue->is_asleep, memory_order_seq_cst) && // P2
        atomic_exchange_explicit(&queue->is_asleep, false,
                                 memory_order_seq_cst)) {
        wf_mpsc_wake(queue);
    }
}

void
wf_mpsc_wake(struct wf_mpsc *queue)
{
    const uint64_t one = 1;
    ssize_t len;

    do {
        len = write(queue->fd, &one, sizeof(one));
    } while (len < 0 && errno == EINTR);
    // EAGAIN: the counter is full, so the consumer is awake as can be.
    WF_ASSERT(len == (ssize_t)sizeof(one) || errno == EAGAIN);
}

static struct wf_mpsc_node *
load_next(struct wf_mpsc_node *node)
{
    return atomic_load_explicit(&node->next, memory_order_acquire);
}

struct wf_mpsc_node *
wf_mpsc_pop(struct wf_mpsc *queue)
{
    struct wf_mpsc_node *head = queue->head;
    struct wf_mpsc_node *next = load_next(head);

    if (head == &queue->stub) {
        if (next == NULL) {
            return NULL;
        }
        queue->head = next;
        head = next;
        next = load_next(head);
    }
    if (next == NULL) {
        if (atomic_load_explicit(&queue->tail, memory_order_acquire) != head) {
            return NULL; // a cut behind head
        }
        link_last(queue, &queue->stub); // I2
        next = load_next(head);
        if (next == NULL) {
            return NULL; // somebody was quicker, and has not linked yet
        }
    }
    queue->head = next;
    return head;
}

// Would pop give a message? C2: every load is seq_cst.
static bool
has_message(struct wf_mpsc *queue)
{
    struct wf_mpsc_node *head = queue->head;
    struct wf_mpsc_node *next = atomic_load(&head->next);

    if (head == &queue->stub) {
        if (next == NULL) {
            return false;
        }
        head = next;
        next = atomic_load(&head->next);
    }
    return next != NULL || atomic_load(&queue->tail) == head;
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

// Leave the processor's other thread, and the queue's cache line, in peace.
static void
rest(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

bool
wf_mpsc_look(struct wf_mpsc *queue, uint32_t ns)
{
    uint64_t until = now_ns() + ns;

    do {
        for (int i = 0; i < 8; i++) {
            if (has_message(queue)) {
                return true;
            }
            rest();
        }
    } while (now_ns() < until);
    return false;
}

bool
wf_mpsc_start_wait(struct wf_mpsc *queue)
{
    atomic_store(&queue->is_asleep, true); // C1
    if (!has_message(queue)) {
        return true;
    }
    atomic_store(&queue->is_asleep, false);
    return false;
}

void
wf_mpsc_stop_wait(struct wf_mpsc *queue)
{
    uint64_t count;
    ssize_t len;

    atomic_exchange(&queue->is_asleep, false);
    do {
        len = read(queue->fd, &count, sizeof(count));
    } while (len < 0 && errno == EINTR);
    WF_ASSERT(len == (ssize_t)sizeof(count) || errno == EAGAIN);
}

void
wf_mpsc_wait(struct wf_mpsc *queue, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = queue->fd, .events = POLLIN};
    int count;

    if (!wf_mpsc_start_wait(queue)) {
        return;
    }
    count = poll(&poll_fd, 1, timeout_ms);
    WF_ASSERT(count >= 0 || errno == EINTR);
    wf_mpsc_stop_wait(queue);
}
