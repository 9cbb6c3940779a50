// SPDX-License-Identifier: Apache-2.0

#include "base/pieces.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "support/test.h"

#define BYTES 100
#define MANY 1000

static void
keep_one(struct wf_pieces *pieces, size_t bytes)
{
    void *memory = malloc(wf_pieces_size(wf_pieces_rank(bytes)));

    memset(memory, 'x', bytes);
    if (!wf_pieces_keep(pieces, memory, malloc_usable_size(memory))) {
        free(memory);
    }
}

static unsigned
give_all_back(struct wf_pieces *pieces)
{
    unsigned count = 0;
    void *memory;

    for (; (memory = wf_pieces_leave(pieces)) != NULL; count++) {
        free(memory);
    }
    return count;
}

// How many there are in the store of that size, which are none then.
static unsigned
empty_store(size_t bytes)
{
    struct wf_pieces pieces;
    unsigned count = 0;
    void *memory;

    wf_pieces_init(&pieces);
    for (; (memory = wf_pieces_take(&pieces, bytes)) != NULL; count++) {
        free(memory);
    }
    return count;
}

TEST(pieces, every_size_fits_its_rank)
{
    for (size_t size = 0; size <= WF_PIECES_MOST; size++) {
        size_t rank = wf_pieces_rank(size);

        CHECK(rank < WF_PIECES_SIZES);
        CHECK(wf_pieces_size(rank) >= size);
        CHECK(rank == 0 || wf_pieces_size(rank - 1) < size);
    }
}

TEST(pieces, what_is_kept_is_had_again_by_who_asks_for_no_more)
{
    struct wf_pieces pieces;
    char *memory = malloc(104);

    wf_pieces_init(&pieces);
    CHECK(wf_pieces_take(&pieces, 100) == NULL);
    CHECK(wf_pieces_keep(&pieces, memory, malloc_usable_size(memory)));
    CHECK(wf_pieces_take(&pieces, 200) == NULL);
    CHECK(wf_pieces_take(&pieces, 100) == memory);
    CHECK(wf_pieces_take(&pieces, 100) == NULL);
    free(memory);
}

// Less than it says that it has: a rank is rounded down.
TEST(pieces, memory_is_kept_for_no_more_than_it_has)
{
    static _Alignas(16) char memory[WF_PIECES_MOST + 100];

    for (size_t usable = 0; usable < sizeof(memory); usable++) {
        struct wf_pieces pieces;

        wf_pieces_init(&pieces);
        memset(memory, 0, sizeof(memory));
        if (wf_pieces_keep(&pieces, memory, usable)) {
            CHECK(usable >= WF_PIECES_MOST ||
                  wf_pieces_take(&pieces, usable + 1) == NULL);
            CHECK(wf_pieces_leave(&pieces) == memory);
        } else {
            CHECK(usable < WF_PIECES_LEAST ||
                  usable >= WF_PIECES_MOST + WF_PIECES_STEP);
        }
    }
}

// Threads that have none yet share one, at the same time. Here it is in memory
// that cannot be written.
TEST(pieces, all_zero_keeps_nothing_and_is_not_written)
{
    static const struct wf_pieces zero;
    static _Alignas(16) char memory[BYTES];
    struct wf_pieces *pieces = (struct wf_pieces *)(uintptr_t)&zero;

    CHECK(!wf_pieces_keep(pieces, memory, sizeof(memory)));
    CHECK(wf_pieces_take(pieces, 1) == NULL);
    CHECK(wf_pieces_leave(pieces) == NULL);
}

TEST(pieces, one_that_was_taken_is_nobody_elses)
{
    struct wf_pieces pieces;
    char *memory[MANY];

    wf_pieces_init(&pieces);
    for (int i = 0; i < MANY; i++) {
        keep_one(&pieces, BYTES);
    }
    for (int i = 0; i < MANY; i++) {
        memory[i] = wf_pieces_take(&pieces, BYTES);
        CHECK(memory[i] != NULL);
        memset(memory[i], i & 0xff, BYTES);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(memory[i][0], (char)(i & 0xff));
        CHECK_EQ(memory[i][BYTES - 1], (char)(i & 0xff));
        free(memory[i]);
    }
    CHECK(wf_pieces_leave(&pieces) == NULL);
    CHECK_EQ(wf_pieces_stored(), 0);
}

static void *
take_what_others_left(void *ctx)
{
    struct wf_pieces pieces;
    unsigned *count = ctx;
    void *memory;

    wf_pieces_init(&pieces);
    while ((memory = wf_pieces_take(&pieces, BYTES)) != NULL) {
        memset(memory, 'y', BYTES);
        free(memory);
        ++*count;
    }
    return NULL;
}

TEST(pieces, what_one_has_too_many_of_others_take)
{
    struct wf_pieces pieces;
    unsigned count = 0;
    unsigned left;
    uint64_t stored;
    pthread_t thread;

    wf_pieces_init(&pieces);
    for (int i = 0; i < MANY; i++) {
        keep_one(&pieces, BYTES);
    }
    stored = wf_pieces_stored();
    CHECK(stored > 0);
    CHECK_EQ(pthread_create(&thread, NULL, take_what_others_left, &count), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(wf_pieces_stored(), 0);
    CHECK_EQ(count, stored / wf_pieces_size(wf_pieces_rank(BYTES)));
    left = give_all_back(&pieces);
    CHECK_EQ(left + count, MANY);
    CHECK(left * BYTES <= 2 * WF_PIECES_BATCH_BYTES);
}

TEST(pieces, the_store_has_a_bound)
{
    struct wf_pieces pieces;

    wf_pieces_init(&pieces);
    for (int i = 0; i < (16 << 20) / 2000; i++) {
        keep_one(&pieces, 2000);
    }
    CHECK(wf_pieces_stored() >= WF_PIECES_STORED_BYTES_MAX);
    CHECK(wf_pieces_stored() <=
          WF_PIECES_STORED_BYTES_MAX + WF_PIECES_BATCH_BYTES);
    (void)give_all_back(&pieces);
    CHECK(empty_store(2000) >= 8000000 / 2056);
    CHECK_EQ(wf_pieces_stored(), 0);
}

// Each takes and gives back; half of them more of the one than of the other.
static void *
trade(void *ctx)
{
    const bool *gives = ctx;
    struct wf_pieces pieces;

    wf_pieces_init(&pieces);
    for (unsigned i = 0; i < 20000; i++) {
        size_t bytes = 24 + i % 4 * 16;
        char *memory = *gives ? NULL : wf_pieces_take(&pieces, bytes);

        if (*gives) {
            keep_one(&pieces, bytes);
        } else if (memory != NULL) {
            memset(memory, 'z', bytes);
            free(memory);
        }
    }
    (void)give_all_back(&pieces);
    return NULL;
}

TEST(pieces, threads_that_trade_do_not_meet_in_one_piece)
{
    enum { COUNT = 4 };
    static const bool gives[] = {true, false};
    pthread_t threads[COUNT];

    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(
            pthread_create(&threads[i], NULL, trade, (void *)&gives[i % 2]), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    for (size_t bytes = 24; bytes < 24 + 4 * 16; bytes += 16) {
        (void)empty_store(bytes);
    }
    CHECK_EQ(wf_pieces_stored(), 0);
}

static void
keep_twice(void *ctx)
{
    static _Alignas(16) char memory[BYTES];

    CHECK(wf_pieces_keep(ctx, memory, sizeof(memory)));
    (void)wf_pieces_keep(ctx, memory, sizeof(memory));
}

TEST(pieces, what_is_freed_twice_ends_the_process)
{
    struct wf_pieces pieces;
    int status;

    wf_pieces_init(&pieces);
    status = test_fork(keep_twice, &pieces);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGABRT);
}
