// SPDX-License-Identifier: Apache-2.0
//
// stack.h - small stacks that code can leave and come back to (coroutines).
//
//     create --> suspended --resume--> running --suspend--> suspended ...
//                                         |
//                                         +--fn returns--> finished
//
// Destroying a suspended stack runs no code on it: its memory is dropped. What
// fn held is the caller's to release first (WEFT_EUNWIND, workflow.h).
//
// Below each stack lies memory that nobody may touch, so that code which needs
// more than it was given stops the process at once instead of writing into its
// neighbour; wf_stack_owner_of tells whose stack that was.
//
// Threads: a pool and its stacks belong to one thread. A stack that ran never
// runs on another thread; that is asserted. They may be destroyed by another
// thread once theirs has ended.

#ifndef WF_RUNTIME_STACK_H
#define WF_RUNTIME_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wf_stack;
struct wf_stack_pool;

// The code of a stack. Returning finishes it.
typedef void wf_stack_fn(struct wf_stack *stack, void *ctx);

// Keeps at most free_max stacks (of all sizes together) for the next create,
// which saves two system calls and the page faults.
struct wf_stack_pool *wf_stack_pool_create(size_t free_max);
// NULL is fine. Every stack must be destroyed first.
void wf_stack_pool_destroy(struct wf_stack_pool *pool);

// A stack of at least `size` bytes, suspended before the first line of fn.
// NULL when the system gives no more mappings (vm.max_map_count; each stack
// takes two): destroy another and try again.
struct wf_stack *wf_stack_create(struct wf_stack_pool *pool, size_t size,
                                 wf_stack_fn *fn, void *ctx);
// NULL is fine. Not while it runs or has resumed another that still runs.
void wf_stack_destroy(struct wf_stack *stack);

// Run until the stack suspends itself or finishes. May be called from another
// stack; not for a stack that runs or is finished.
void wf_stack_resume(struct wf_stack *stack);
// Called on the stack itself: go back to whoever resumed it.
void wf_stack_suspend(struct wf_stack *stack);
bool wf_stack_is_finished(const struct wf_stack *stack);

// The innermost stack of any pool that runs on the calling thread, or NULL.
struct wf_stack *wf_stack_here(void);
// What wf_stack_create was given as ctx.
void *wf_stack_context(const struct wf_stack *stack);
// Bytes it can hold, and bytes in use by a suspended one.
size_t wf_stack_size(const struct wf_stack *stack);
size_t wf_stack_used(const struct wf_stack *stack);

// The stack in whose guard the address lies, or NULL. Takes no lock and no
// memory: a SIGSEGV handler on the pool's thread may call it.
struct wf_stack *wf_stack_owner_of(const struct wf_stack_pool *pool,
                                   const void *address);

#endif
