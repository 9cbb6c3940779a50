// SPDX-License-Identifier: Apache-2.0

#include "base/alloc.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "support/test.h"

TEST(alloc, size_zero_gives_unique_pointers)
{
    void *a = wf_alloc(0);
    void *b = wf_calloc(0);

    CHECK(a != NULL && b != NULL && a != b);
    a = wf_realloc(a, 0);
    CHECK(a != NULL);
    wf_free(a);
    wf_free(b);
    wf_free(NULL);
}

TEST(alloc, calloc_zeroes)
{
    char *memory = wf_calloc(1000);

    for (size_t i = 0; i < 1000; i++) {
        CHECK_EQ(memory[i], 0);
    }
    wf_free(memory);
}

TEST(alloc, copies_are_equal_and_apart)
{
    char text[] = "weft";
    char *copy = wf_strdup(text);
    char *bytes = wf_memdup("a\0b", 3);

    text[0] = 'l';
    CHECK_STR(copy, "weft");
    CHECK(memcmp(bytes, "a\0b", 3) == 0);
    wf_free(copy);
    wf_free(bytes);
    wf_free(wf_memdup(NULL, 0));
}

static void *
take_and_keep(void *unused)
{
    (void)unused;
    return wf_alloc(1000);
}

static bool
within(uint64_t bytes, uint64_t wanted)
{
    return bytes + (64 << 10) >= wanted && bytes <= wanted + (64 << 10);
}

TEST(alloc, what_is_allocated_is_counted)
{
    uint64_t before = wf_alloc_bytes();
    void *memory = wf_alloc(10 << 20);

    CHECK(within(wf_alloc_bytes(), before + (10 << 20)));
    memory = wf_realloc(memory, 30 << 20);
    CHECK(within(wf_alloc_bytes(), before + (30 << 20)));
    wf_free(memory);
    CHECK(within(wf_alloc_bytes(), before));
}

// What each allocates is less than a thread keeps to itself.
TEST(alloc, threads_that_end_have_told_what_they_took)
{
    enum { COUNT = 1000 };
    uint64_t before = wf_alloc_bytes();
    void *memory[COUNT];

    for (int i = 0; i < COUNT; i++) {
        pthread_t thread;

        CHECK_EQ(pthread_create(&thread, NULL, take_and_keep, NULL), 0);
        CHECK_EQ(pthread_join(thread, &memory[i]), 0);
    }
    CHECK(within(wf_alloc_bytes(), before + COUNT * 1000));
    for (int i = 0; i < COUNT; i++) {
        wf_free(memory[i]);
    }
    CHECK(within(wf_alloc_bytes(), before));
}

// Sanitizers end the process themselves on a size this large, so that part is
// theirs to skip.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void
take_too_much(void *ctx)
{
    size_t *size = ctx;

    wf_free(wf_alloc(*size));
}

TEST(alloc, without_memory_try_gives_null_and_alloc_ends_the_process)
{
    size_t size = SIZE_MAX / 4;
    int status;

    CHECK(wf_try_alloc(size) == NULL);
    status = test_fork(take_too_much, &size);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGABRT);
}
#endif
