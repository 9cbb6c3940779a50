// SPDX-License-Identifier: Apache-2.0
//
// stack.c - coroutine stacks, switched by Boost.Context's C symbols.
//
//     guard (PROT_NONE) | stack, grows down <------ | top
//     mapping           bottom
//
// Sizes are rounded up to powers of two, one list of free stacks for each.
// What is never touched is never given memory, so the rounding costs address
// space only. The guard is 64 KiB and not one page: a function with a large
// array must not step over it.
//
// A page more is mapped than the size says, and each stack begins at another
// line of it. Mappings are alike in their low address bits, so without that the
// hottest bytes of all stacks would fight for the same few sets of the cache:
// a thousand in turn then switch half as fast.
//
// make_fcontext keeps the floating point control words of its caller, and
// every jump saves and restores them, so a stack has rounding modes of its own.
//
// The sanitizers follow the stack pointer. They are told of every switch, of
// every mapping (LeakSanitizer looks for pointers there) and of reuse (what an
// abandoned stack left poisoned is clean for the next). Valgrind is told too,
// where its header was there at build time.
//
// Threads: a pool and its stacks belong to one thread.

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // MAP_ANONYMOUS, MAP_NORESERVE, MAP_STACK
#endif

#include "runtime/stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/list.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define STACK_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define STACK_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define STACK_TSAN 1
#endif
#if defined(STACK_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(STACK_TSAN)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define STACK_VALGRIND 1
#endif
#endif

// From boost/context/detail/fcontext.hpp, which is C++. The ABI has been the
// same since Boost 1.61: two pointers, passed and returned by value.
typedef void *fcontext_t;
typedef struct transfer_t {
    fcontext_t fctx; // where the other side is suspended
    void *data;
} transfer_t;
extern fcontext_t make_fcontext(void *top, size_t size,
                                void (*entry)(transfer_t from));
extern transfer_t jump_fcontext(fcontext_t to, void *data);

#define GUARD_BYTES ((size_t)65536)
#define CLASS_COUNT 10 // 16 KiB, 32 KiB ... 8 MiB
#define COLOUR_BYTES ((size_t)4096)
#define COLOUR_STEP ((size_t)192) // three cache lines
// A free stack keeps this much of its memory; the rest goes back.
#define WARM_BYTES ((size_t)65536)

_Static_assert(WF_STACK_BYTES_MIN << (CLASS_COUNT - 1) == WF_STACK_BYTES_MAX,
               "the classes reach from the smallest stack to the largest");

enum state {
    STACK_FREE,      // in the pool, kept for reuse
    STACK_SUSPENDED, // not started yet, or called wf_stack_suspend
    STACK_RUNNING,   // on the thread now, or resumed one that is
    STACK_FINISHED,  // fn returned
};

struct wf_stack {
    struct wf_list_node node; // in pool->used or in pool->free
    struct wf_stack_pool *pool;
    enum state state;
    unsigned class_index;
    char *bottom;       // the lowest usable byte; the guard ends here
    size_t size;        // with its colour, which is the rest of its last page
    fcontext_t here;    // where to go on, while suspended
    fcontext_t resumer; // where to go back to, while running
    struct wf_stack *parent; // which stack resumed it, while running; or NULL
    const void *thread;      // the only thread it may run on; NULL: any yet
    wf_stack_fn *fn;
    void *ctx;
#if defined(STACK_ASAN)
    void *fake_stack; // AddressSanitizer's, while suspended
    const void *resumer_bottom;
    size_t resumer_size;
#endif
#if defined(STACK_TSAN)
    void *fiber;
    void *resumer_fiber;
#endif
#if defined(STACK_VALGRIND)
    unsigned valgrind_id;
#endif
};

// I1  used holds exactly the stacks that create gave and destroy did not take
// I2  free_count is the sum over free[], at most free_max
// I3  current is the running stack, its parents are those that wait for it
struct wf_stack_pool {
    struct wf_list used;
    struct wf_list free[CLASS_COUNT];
    size_t free_count;
    size_t free_max;
    size_t colour; // of the next mapping
    struct wf_stack *current;
};

// Its address is another for every thread.
static _Thread_local char thread_mark;
// The innermost stack that runs on this thread, of whatever pool.
static _Thread_local struct wf_stack *here;

// What the sanitizers must know, four moments of a switch. ------------------

// A macro, because ThreadSanitizer notes for the current fiber where functions
// begin and end: one that switched would end on a fiber it did not begin on.
#if defined(STACK_TSAN)
#define SWITCH_FIBER(fiber) __tsan_switch_to_fiber((fiber), 0)
#else
#define SWITCH_FIBER(fiber) ((void)0)
#endif

static void
before_resume(struct wf_stack *stack, void **out_fake_stack)
{
#if defined(STACK_ASAN)
    __sanitizer_start_switch_fiber(out_fake_stack, stack->bottom, stack->size);
#endif
#if defined(STACK_TSAN)
    stack->resumer_fiber = __tsan_get_current_fiber();
#endif
    (void)stack;
    (void)out_fake_stack;
}

static void
after_resume(void *fake_stack)
{
#if defined(STACK_ASAN)
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
    (void)fake_stack;
}

// Leaving for good lets AddressSanitizer free the stack's fake stack.
static void
before_suspend(struct wf_stack *stack, bool for_good)
{
#if defined(STACK_ASAN)
    __sanitizer_start_switch_fiber(for_good ? NULL : &stack->fake_stack,
                                   stack->resumer_bottom, stack->resumer_size);
#endif
    (void)stack;
    (void)for_good;
}

static void
after_suspend(struct wf_stack *stack)
{
#if defined(STACK_ASAN)
    __sanitizer_finish_switch_fiber(stack->fake_stack, &stack->resumer_bottom,
                                    &stack->resumer_size);
#endif
    (void)stack;
}

// Memory. -------------------------------------------------------------------

static size_t
size_of(unsigned class_index)
{
    return (size_t)WF_STACK_BYTES_MIN << class_index;
}

static size_t
mapping_len_of(unsigned class_index)
{
    return GUARD_BYTES + size_of(class_index) + COLOUR_BYTES;
}

static struct wf_stack *
map_stack(struct wf_stack_pool *pool, unsigned class_index)
{
    size_t mapping_len = mapping_len_of(class_index);
    char *mapping =
        mmap(NULL, mapping_len, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (mapping == MAP_FAILED) {
        return NULL;
    }
    if (mprotect(mapping, GUARD_BYTES, PROT_NONE) != 0) {
        (void)munmap(mapping, mapping_len);
        return NULL;
    }

    struct wf_stack *stack = wf_calloc(sizeof(*stack));

    stack->pool = pool;
    stack->class_index = class_index;
    stack->bottom = mapping + GUARD_BYTES;
    stack->size = size_of(class_index) + pool->colour;
    pool->colour = (pool->colour + COLOUR_STEP) % COLOUR_BYTES;
#if defined(STACK_ASAN)
    __lsan_register_root_region(stack->bottom, stack->size);
#endif
#if defined(STACK_VALGRIND)
    stack->valgrind_id =
        VALGRIND_STACK_REGISTER(stack->bottom, stack->bottom + stack->size);
#endif
    return stack;
}

static void
unmap_stack(struct wf_stack *stack)
{
#if defined(STACK_VALGRIND)
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#endif
#if defined(STACK_ASAN)
    __lsan_unregister_root_region(stack->bottom, stack->size);
    // The addresses may come back as something else.
    __asan_unpoison_memory_region(stack->bottom, stack->size);
#endif
    int failed =
        munmap(stack->bottom - GUARD_BYTES, mapping_len_of(stack->class_index));

    WF_ASSERT(failed == 0);
    wf_free(stack);
}

static unsigned
class_of(size_t size)
{
    unsigned index = 0;

    while (size_of(index) < size) {
        index++;
    }
    return index;
}

struct wf_stack_pool *
wf_stack_pool_create(size_t free_max)
{
    struct wf_stack_pool *pool = wf_calloc(sizeof(*pool));

    WF_ASSERT(GUARD_BYTES % (size_t)sysconf(_SC_PAGESIZE) == 0);
    pool->free_max = free_max;
    wf_list_init(&pool->used);
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        wf_list_init(&pool->free[i]);
    }
    return pool;
}

void
wf_stack_pool_destroy(struct wf_stack_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    WF_ASSERT(pool->used.count == 0);
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        struct wf_list_node *node;

        while ((node = wf_list_pop_front(&pool->free[i])) != NULL) {
            unmap_stack(WF_CONTAINER(node, struct wf_stack, node));
        }
    }
    wf_free(pool);
}

// Life. ---------------------------------------------------------------------

// The first frame of every stack. Nothing is above it: it never returns.
static void
run(transfer_t from)
{
    struct wf_stack *stack = from.data;

    after_suspend(stack);
    stack->resumer = from.fctx;
    stack->fn(stack, stack->ctx);
    stack->state = STACK_FINISHED;
    before_suspend(stack, true);
    SWITCH_FIBER(stack->resumer_fiber);
    (void)jump_fcontext(stack->resumer, NULL);
    wf_panic(__FILE__, __LINE__, "a finished stack was resumed");
}

struct wf_stack *
wf_stack_create(struct wf_stack_pool *pool, size_t size, wf_stack_fn *fn,
                void *ctx)
{
    WF_ASSERT(size <= WF_STACK_BYTES_MAX);

    unsigned class_index = class_of(size);
    struct wf_list_node *node = wf_list_pop_front(&pool->free[class_index]);
    struct wf_stack *stack;

    if (node != NULL) {
        stack = WF_CONTAINER(node, struct wf_stack, node);
        WF_ASSERT(stack->state == STACK_FREE);
        pool->free_count--;
    } else {
        stack = map_stack(pool, class_index);
        if (stack == NULL) {
            return NULL;
        }
    }
    stack->state = STACK_SUSPENDED;
    stack->parent = NULL;
    stack->thread = NULL;
    stack->fn = fn;
    stack->ctx = ctx;
    stack->here = make_fcontext(stack->bottom + stack->size, stack->size, run);
#if defined(STACK_ASAN)
    stack->fake_stack = NULL;
#endif
#if defined(STACK_TSAN)
    stack->fiber = __tsan_create_fiber(0);
#endif
    wf_list_push_back(&pool->used, &stack->node);
    return stack;
}

void
wf_stack_destroy(struct wf_stack *stack)
{
    if (stack == NULL) {
        return;
    }
    WF_ASSERT(stack->state == STACK_SUSPENDED ||
              stack->state == STACK_FINISHED);

    struct wf_stack_pool *pool = stack->pool;

    wf_list_remove(&pool->used, &stack->node);
#if defined(STACK_TSAN)
    __tsan_destroy_fiber(stack->fiber);
#endif
    if (pool->free_count == pool->free_max) {
        unmap_stack(stack);
        return;
    }
#if defined(STACK_ASAN)
    // Frames that never returned left their red zones behind.
    __asan_unpoison_memory_region(stack->bottom, stack->size);
#endif
    if (size_of(stack->class_index) > WARM_BYTES) {
        // A large stack may have been used deep once: do not keep all of that.
        (void)madvise(stack->bottom, size_of(stack->class_index) - WARM_BYTES,
                      MADV_DONTNEED);
    }
    stack->state = STACK_FREE;
    wf_list_push_front(&pool->free[stack->class_index], &stack->node);
    pool->free_count++;
}

void
wf_stack_resume(struct wf_stack *stack)
{
    struct wf_stack_pool *pool = stack->pool;
    struct wf_stack *before = here;
    void *fake_stack = NULL;

    WF_ASSERT(stack->state == STACK_SUSPENDED);
    WF_ASSERT(stack->thread == NULL || stack->thread == &thread_mark);

    stack->thread = &thread_mark;
    stack->state = STACK_RUNNING;
    stack->parent = pool->current;
    pool->current = stack;
    here = stack;

    before_resume(stack, &fake_stack);
    SWITCH_FIBER(stack->fiber);
    transfer_t back = jump_fcontext(stack->here, stack);
    after_resume(fake_stack);

    WF_ASSERT(pool->current == stack);
    WF_ASSERT(stack->state != STACK_RUNNING);
    stack->here = back.fctx;
    pool->current = stack->parent;
    here = before;
}

void
wf_stack_suspend(struct wf_stack *stack)
{
    WF_ASSERT(stack->state == STACK_RUNNING);
    WF_ASSERT(stack->pool->current == stack);
    WF_ASSERT(stack->thread == &thread_mark);

    stack->state = STACK_SUSPENDED;
    before_suspend(stack, false);
    SWITCH_FIBER(stack->resumer_fiber);
    transfer_t back = jump_fcontext(stack->resumer, NULL);
    after_suspend(stack);
    stack->resumer = back.fctx;
}

bool
wf_stack_is_finished(const struct wf_stack *stack)
{
    return stack->state == STACK_FINISHED;
}

struct wf_stack *
wf_stack_here(void)
{
    return here;
}

void *
wf_stack_context(const struct wf_stack *stack)
{
    return stack->ctx;
}

size_t
wf_stack_size(const struct wf_stack *stack)
{
    return size_of(stack->class_index);
}

size_t
wf_stack_used(const struct wf_stack *stack)
{
    WF_ASSERT(stack->state == STACK_SUSPENDED);

    // A suspended context is its stack pointer, below what it saved there.
    return (size_t)(stack->bottom + stack->size - (const char *)stack->here);
}

struct wf_stack *
wf_stack_owner_of(const struct wf_stack_pool *pool, const void *address)
{
    uintptr_t at = (uintptr_t)address;

    for (struct wf_list_node *node = wf_list_first(&pool->used); node != NULL;
         node = wf_list_next(&pool->used, node)) {
        struct wf_stack *stack = WF_CONTAINER(node, struct wf_stack, node);
        uintptr_t bottom = (uintptr_t)stack->bottom;

        if (at < bottom && at >= bottom - GUARD_BYTES) {
            return stack;
        }
    }
    return NULL;
}
