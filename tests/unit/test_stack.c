// SPDX-License-Identifier: Apache-2.0
//
// test_stack.c - leave a stack, come back, throw it away.
//
// No CHECK on a stack under test: a failed one would jump off it.

#include <fenv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/stack.h"
#include "support/test.h"

enum { STACK_BYTES = 65536 };

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#endif

struct counter {
    uint64_t sum;
    int rounds;
};

static void
count_up(struct wf_stack *stack, void *ctx)
{
    struct counter *counter = ctx;

    for (int i = 1; i <= counter->rounds; i++) {
        counter->sum += (uint64_t)i;
        wf_stack_suspend(stack);
    }
}

TEST(stack, a_thousand_take_turns)
{
    enum { COUNT = 1000, ROUNDS = 20 };
    static struct counter counters[COUNT];
    static struct wf_stack *stacks[COUNT];
    struct wf_stack_pool *pool = wf_stack_pool_create(16);

    for (int i = 0; i < COUNT; i++) {
        counters[i] = (struct counter){.rounds = ROUNDS};
        stacks[i] = wf_stack_create(pool, STACK_BYTES, count_up, &counters[i]);
        CHECK(stacks[i] != NULL);
        CHECK(wf_stack_context(stacks[i]) == &counters[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            wf_stack_resume(stacks[i]);
            CHECK(!wf_stack_is_finished(stacks[i]));
        }
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(counters[i].sum, ROUNDS * (ROUNDS + 1) / 2);
        wf_stack_resume(stacks[i]);
        CHECK(wf_stack_is_finished(stacks[i]));
        wf_stack_destroy(stacks[i]);
    }
    wf_stack_pool_destroy(pool);
}

struct nest {
    struct wf_stack_pool *pool;
    int depth;
    char trace[32];
};

static void
nest_deeper(struct wf_stack *stack, void *ctx)
{
    struct nest *nest = ctx;
    int depth = nest->depth++;
    struct wf_stack *inner = NULL;

    nest->trace[strlen(nest->trace)] = (char)('a' + depth);
    if (depth < 3) {
        inner = wf_stack_create(nest->pool, STACK_BYTES, nest_deeper, nest);
        wf_stack_resume(inner);
    }
    if (wf_stack_here() != stack) {
        abort();
    }
    wf_stack_suspend(stack);
    if (inner != NULL) {
        wf_stack_resume(inner);
    }
    nest->trace[strlen(nest->trace)] = (char)('A' + depth);
    wf_stack_destroy(inner);
}

TEST(stack, stacks_resume_stacks)
{
    struct nest nest = {.pool = wf_stack_pool_create(4)};
    struct wf_stack *outer =
        wf_stack_create(nest.pool, STACK_BYTES, nest_deeper, &nest);

    CHECK(wf_stack_here() == NULL);
    wf_stack_resume(outer);
    CHECK_STR(nest.trace, "abcd");
    wf_stack_resume(outer);
    CHECK_STR(nest.trace, "abcdDCBA");
    CHECK(wf_stack_is_finished(outer));
    CHECK(wf_stack_here() == NULL);
    wf_stack_destroy(outer);
    wf_stack_pool_destroy(nest.pool);
}

// Fill so many bytes of stack, some in each call; suspend at the bottom of it.
static uint64_t
go_down(struct wf_stack *stack, size_t bytes)
{
    volatile unsigned char block[1024];
    uint64_t sum = 0;

    memset((void *)(uintptr_t)block, (int)(bytes >> 10 & 0x7f), sizeof(block));
    if (bytes > sizeof(block)) {
        sum = go_down(stack, bytes - sizeof(block));
    } else {
        wf_stack_suspend(stack);
    }
    for (size_t i = 0; i < sizeof(block); i++) {
        sum += block[i];
    }
    return sum;
}

struct dive {
    size_t bytes;
    uint64_t sum;
};

static void
dive(struct wf_stack *stack, void *ctx)
{
    struct dive *how = ctx;

    how->sum = go_down(stack, how->bytes);
}

TEST(stack, a_stack_holds_what_it_was_made_for)
{
    // Sanitizers make frames larger; a third leaves room for that.
    struct dive how = {.bytes = 300 * 1024};
    struct wf_stack_pool *pool = wf_stack_pool_create(1);
    struct wf_stack *stack = wf_stack_create(pool, 1 << 20, dive, &how);

    CHECK_EQ(wf_stack_size(stack), 1 << 20);
    CHECK(wf_stack_used(stack) < 1024);
    wf_stack_resume(stack);
    CHECK(wf_stack_used(stack) > how.bytes);
    CHECK(wf_stack_used(stack) < (1 << 20));
    wf_stack_resume(stack);
    CHECK(wf_stack_is_finished(stack));
    CHECK(how.sum > 0);
    wf_stack_destroy(stack);
    wf_stack_pool_destroy(pool);
}

// Abandoned in the middle of deep frames, again and again on the same memory:
// nothing of them may disturb what runs there next.
TEST(stack, an_abandoned_stack_leaves_no_trace)
{
    struct wf_stack_pool *pool = wf_stack_pool_create(2);

    for (int i = 0; i < 50; i++) {
        struct dive how = {.bytes = (size_t)(1 + i % 9) * 2000};
        struct counter counter = {.rounds = 2};
        struct wf_stack *deep = wf_stack_create(pool, STACK_BYTES, dive, &how);

        wf_stack_resume(deep);
        wf_stack_destroy(deep);

        struct wf_stack *next =
            wf_stack_create(pool, STACK_BYTES, count_up, &counter);

        CHECK(next == deep); // it came from the pool
        wf_stack_resume(next);
        wf_stack_resume(next);
        wf_stack_resume(next);
        CHECK(wf_stack_is_finished(next));
        CHECK_EQ(counter.sum, 3);
        wf_stack_destroy(next);
    }
    wf_stack_destroy(NULL);
    wf_stack_pool_destroy(pool);
    wf_stack_pool_destroy(NULL);
}

TEST(stack, the_pool_keeps_sizes_apart_and_has_a_bound)
{
    struct counter counter = {.rounds = 1};
    struct wf_stack_pool *pool = wf_stack_pool_create(1);
    struct wf_stack *small = wf_stack_create(pool, 1, count_up, &counter);
    struct wf_stack *large =
        wf_stack_create(pool, 100 * 1024, count_up, &counter);

    CHECK_EQ(wf_stack_size(small), 16 * 1024);
    CHECK_EQ(wf_stack_size(large), 128 * 1024);
    wf_stack_destroy(large); // never started
    wf_stack_destroy(small); // one more than the pool keeps: unmapped
    small = wf_stack_create(pool, 16 * 1024, count_up, &counter);
    CHECK(small != large);
    CHECK_EQ(wf_stack_size(small), 16 * 1024);
    CHECK(wf_stack_create(pool, 65 * 1024, count_up, &counter) == large);
    wf_stack_destroy(small);
    wf_stack_destroy(large);
    wf_stack_pool_destroy(pool);
}

// Its address leads LeakSanitizer to what only a suspended stack holds.
static void
hold_memory(struct wf_stack *stack, void *ctx)
{
    char *memory = malloc(100);

    memset(memory, 1, 100);
    *(int *)ctx += memory[99];
    wf_stack_suspend(stack);
    *(int *)ctx += memory[99];
    free(memory);
}

TEST(stack, memory_held_by_a_suspended_stack_is_no_leak)
{
    int held = 0;
    struct wf_stack_pool *pool = wf_stack_pool_create(1);
    struct wf_stack *stack =
        wf_stack_create(pool, STACK_BYTES, hold_memory, &held);

    wf_stack_resume(stack);
#if defined(__SANITIZE_ADDRESS__)
    extern int __lsan_do_recoverable_leak_check(void);
    CHECK_EQ(__lsan_do_recoverable_leak_check(), 0);
#endif
    wf_stack_resume(stack);
    CHECK_EQ(held, 2);
    wf_stack_destroy(stack);
    wf_stack_pool_destroy(pool);
}

struct rounding {
    int first;
    int second;
};

static void
round_up(struct wf_stack *stack, void *ctx)
{
    struct rounding *rounding = ctx;

    rounding->first = fegetround();
    (void)fesetround(FE_UPWARD);
    wf_stack_suspend(stack);
    rounding->second = fegetround();
}

TEST(stack, rounding_modes_stay_where_they_were_set)
{
    struct rounding rounding = {-1, -1};
    struct wf_stack_pool *pool = wf_stack_pool_create(1);
    struct wf_stack *stack =
        wf_stack_create(pool, STACK_BYTES, round_up, &rounding);

    CHECK_EQ(fesetround(FE_DOWNWARD), 0);
    wf_stack_resume(stack);
    CHECK_EQ(fegetround(), FE_DOWNWARD);
    CHECK_EQ(fesetround(FE_TOWARDZERO), 0);
    wf_stack_resume(stack);
    CHECK_EQ(fegetround(), FE_TOWARDZERO);
    CHECK_EQ(fesetround(FE_TONEAREST), 0);
    CHECK_EQ(rounding.first, FE_TONEAREST); // as it was at create
    CHECK_EQ(rounding.second, FE_UPWARD);
    wf_stack_destroy(stack);
    wf_stack_pool_destroy(pool);
}

static struct wf_stack_pool *overflow_pool;
static struct wf_stack *overflow_stack;

static void
on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)context;
    _exit(wf_stack_owner_of(overflow_pool, info->si_addr) == overflow_stack
              ? 42
              : 43);
}

static void
overflow(void *ctx)
{
    static char signal_stack[64 * 1024];
    stack_t other = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct dive how = {.bytes = 10 << 20};

    if (ctx != NULL) {
        (void)sigaltstack(&other, NULL);
        (void)sigaction(SIGSEGV, &action, NULL);
    } else {
        (void)signal(SIGSEGV, SIG_DFL); // a sanitizer's own handler
    }
    overflow_pool = wf_stack_pool_create(0);
    (void)wf_stack_create(overflow_pool, STACK_BYTES, dive, &how);
    overflow_stack = wf_stack_create(overflow_pool, STACK_BYTES, dive, &how);
    (void)wf_stack_create(overflow_pool, STACK_BYTES, dive, &how);
    wf_stack_resume(overflow_stack);
}

TEST(stack, overflow_ends_the_process_in_the_guard)
{
    int status = test_fork(overflow, NULL);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(stack, a_fault_handler_can_tell_whose_overflow_it_is)
{
    int status = test_fork(overflow, &status);

    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 42);
}

static void
resume_finished(void *ctx)
{
    struct counter counter = {.rounds = 0};
    struct wf_stack_pool *pool = wf_stack_pool_create(0);
    struct wf_stack *stack =
        wf_stack_create(pool, STACK_BYTES, count_up, &counter);

    (void)ctx;
    wf_stack_resume(stack);
    wf_stack_resume(stack);
}

TEST(stack, resuming_a_finished_stack_is_a_bug)
{
    int status = test_fork(resume_finished, NULL);

    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

// ThreadSanitizer itself stops for want of memory here.
#if !defined(HAS_TSAN)
static void
exhaust(void *ctx)
{
    struct rlimit limit = {1 << 20, 1 << 20}; // less than there is already
    struct counter counter = {.rounds = 0};
    struct wf_stack_pool *pool = wf_stack_pool_create(1);
    struct wf_stack *stack =
        wf_stack_create(pool, STACK_BYTES, count_up, &counter);

    (void)ctx;
    (void)setrlimit(RLIMIT_AS, &limit);
    if (wf_stack_create(pool, STACK_BYTES, count_up, &counter) != NULL) {
        _exit(43);
    }
    wf_stack_destroy(stack); // and so there is one again
    stack = wf_stack_create(pool, STACK_BYTES, count_up, &counter);
    _exit(stack != NULL ? 42 : 44);
}

TEST(stack, create_gives_null_when_there_are_no_mappings)
{
    int status = test_fork(exhaust, NULL);

    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 42);
}
#endif
