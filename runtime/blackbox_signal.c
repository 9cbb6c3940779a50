// SPDX-License-Identifier: Apache-2.0
//
// blackbox_signal.c - fatal signals stamp the slot of the thread at fault.
//
// The handler is put in front of whatever was there and then does what that
// would have done. It runs on a stack of its own, because the fault may be that
// the thread's stack, or a workflow's, is used up. It calls nothing but what a
// handler may call, and touches two thread-local pointers, whose model is
// initial-exec: reading them never allocates.
//
// Threads: the handler on any; the counts under `lock`.

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // sigaltstack, MAP_ANONYMOUS
#endif

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "runtime/blackbox.h"
#include "runtime/blackbox_impl.h"
#include "runtime/stack.h"

#define HANDLER_STACK_BYTES 65536

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define FATAL_COUNT (sizeof(fatal) / sizeof(fatal[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;
static struct sigaction before[FATAL_COUNT]; // the host's
static bool is_installed[FATAL_COUNT];

static _Thread_local struct wf_blackbox_slot *own
    __attribute__((tls_model("initial-exec")));
static _Thread_local const struct wf_stack_pool *own_stacks
    __attribute__((tls_model("initial-exec")));
static _Thread_local void *own_stack; // mapped by enter; or NULL

// What would have happened without us.
static void
hand_on(const struct sigaction *host, int number, siginfo_t *info,
        void *context)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};

    if ((host->sa_flags & SA_SIGINFO) != 0) {
        host->sa_sigaction(number, info, context);
    } else if (host->sa_handler == SIG_DFL) {
        // Delivered when this handler returns, at the place of the fault.
        (void)sigaction(number, &plain, NULL);
        (void)raise(number);
    } else if (host->sa_handler != SIG_IGN) {
        host->sa_handler(number);
    }
}

static void
handle(int number, siginfo_t *info, void *context)
{
    struct wf_blackbox_slot *slot = own;
    size_t i = 0;

    if (slot != NULL && atomic_load(&slot->generation) % 2 != 0) {
        bool is_overflow = number == SIGSEGV && own_stacks != NULL &&
                           wf_stack_owner_of(own_stacks, info->si_addr) != NULL;

        atomic_store(&slot->is_overflow, is_overflow ? 1 : 0);
        atomic_store(&slot->stamped, (uint32_t)number);
    }
    while (i + 1 < FATAL_COUNT && fatal[i] != number) {
        i++;
    }
    hand_on(&before[i], number, info, context);
}

void
wf_blackbox_handle_signals(void)
{
    struct sigaction ours = {
        .sa_sigaction = handle,
        .sa_flags = SA_SIGINFO | SA_ONSTACK,
    };

    (void)sigemptyset(&ours.sa_mask);
    pthread_mutex_lock(&lock);
    if (users++ == 0) {
        for (size_t i = 0; i < FATAL_COUNT; i++) {
            if (is_installed[i]) {
                continue; // it had to stay, behind a later one of the host
            }
            // First what was there: the handler may run at once.
            (void)sigaction(fatal[i], NULL, &before[i]);
            (void)sigaction(fatal[i], &ours, NULL);
            is_installed[i] = true;
        }
    }
    pthread_mutex_unlock(&lock);
}

void
wf_blackbox_release_signals(void)
{
    struct sigaction now;

    pthread_mutex_lock(&lock);
    WF_ASSERT(users > 0);
    if (--users == 0) {
        for (size_t i = 0; i < FATAL_COUNT; i++) {
            // If the host put another in front of ours, ours must stay.
            if (sigaction(fatal[i], NULL, &now) == 0 &&
                (now.sa_flags & SA_SIGINFO) != 0 &&
                now.sa_sigaction == handle) {
                (void)sigaction(fatal[i], &before[i], NULL);
                is_installed[i] = false;
            }
        }
    }
    pthread_mutex_unlock(&lock);
}

void
wf_blackbox_enter(struct wf_blackbox_slot *slot,
                  const struct wf_stack_pool *stacks)
{
    stack_t stack;

    own_stacks = stacks;
    own = slot;
    // A sanitizer's or the host's will do.
    if (sigaltstack(NULL, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) {
        return;
    }
    own_stack = mmap(NULL, HANDLER_STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own_stack == MAP_FAILED) {
        own_stack = NULL;
        return;
    }
    stack = (stack_t){.ss_sp = own_stack, .ss_size = HANDLER_STACK_BYTES};
    (void)sigaltstack(&stack, NULL);
}

void
wf_blackbox_leave(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    own = NULL;
    own_stacks = NULL;
    if (own_stack != NULL) {
        (void)sigaltstack(&none, NULL);
        (void)munmap(own_stack, HANDLER_STACK_BYTES);
        own_stack = NULL;
    }
}
