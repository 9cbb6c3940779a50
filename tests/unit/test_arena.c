// SPDX-License-Identifier: Apache-2.0

#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "support/test.h"

TEST(arena, memory_is_zeroed_aligned_and_apart)
{
    struct wf_arena arena = {0};
    uint8_t *all[200];

    for (size_t i = 0; i < 200; i++) {
        all[i] = wf_arena_alloc(&arena, i * 7);
        CHECK(all[i] != NULL);
        CHECK_EQ((uintptr_t)all[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i * 7; k++) {
            CHECK_EQ(all[i][k], 0);
        }
        memset(all[i], (int)i + 1, i * 7);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 7; k++) {
            CHECK_EQ(all[i][k], (uint8_t)(i + 1));
        }
    }
    CHECK(arena.bytes > 200 * 199 / 2 * 7);
    CHECK(arena.bytes < 200 * 199 / 2 * 7 * 3 / 2);
    wf_arena_fini(&arena);
    CHECK_EQ(arena.bytes, 0);
    wf_arena_fini(&arena);
}

TEST(arena, nothing_is_a_place_in_its_memory_too)
{
    struct wf_arena arena = {0};

    CHECK(wf_arena_alloc(&arena, 0) != NULL);
    CHECK(arena.newest != NULL); // else the place were made up
    wf_arena_fini(&arena);
}

TEST(arena, texts_are_copied_with_a_nul)
{
    struct wf_arena arena = {0};
    const char *text = wf_arena_text(&arena, weft_bytes_of("order/17", 5));

    CHECK_STR(text, "order");
    CHECK_STR(wf_arena_text(&arena, weft_nothing()), "");
    CHECK_STR(text, "order");
    wf_arena_fini(&arena);
}

TEST(arena, no_memory_is_said)
{
    struct wf_arena arena = {0};

    CHECK(wf_arena_alloc(&arena, SIZE_MAX) == NULL);
    CHECK_EQ(arena.bytes, 0);
    wf_arena_fini(&arena);
}
