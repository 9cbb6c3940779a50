// SPDX-License-Identifier: Apache-2.0
//
// expect_fits.c - does what came of a program fit what must come of it?

#include <stdlib.h>
#include <string.h>

#include "program/expect.h"

bool
expect_fits(const char *expected, const char *outcome)
{
    if (strcmp(expected, "stopped") == 0) {
        return strcmp(outcome, "cancelled") == 0 ||
               strcmp(outcome, "terminated") == 0;
    }
    return strcmp(expected, outcome) == 0;
}

// Notes. ----------------------------------------------------------------------

uint64_t
expect_fold(uint64_t fold, uint64_t value)
{
    return program_mix(fold, value);
}

const char *
expect_strand(const struct expect *expect, uint64_t strand, uint64_t count,
              uint64_t fold, bool is_cut)
{
    uint64_t expected = 0;
    uint64_t noted = 0;
    uint64_t all = 0;

    for (size_t i = 0; i < expect->notes_count; i++) {
        if (expect->notes[i].strand != strand) {
            continue;
        }
        all++;
        if (noted < count) {
            noted++;
            expected = expect_fold(expected, expect->notes[i].value);
        }
    }
    if (all == 0) {
        return "nobody knows this strand";
    }
    if (count > all) {
        return "it has too many notes";
    }
    if (count < all && !is_cut) {
        return "it has too few notes";
    }
    return fold == expected ? NULL : "its notes are others, or in disorder";
}

const char *
expect_strand_end(const struct expect *expect, uint64_t strand, uint64_t count,
                  uint64_t fold)
{
    uint64_t expected = 0;
    uint64_t all = 0;
    uint64_t at = 0;

    for (size_t i = 0; i < expect->notes_count; i++) {
        all += expect->notes[i].strand == strand;
    }
    if (count > all) {
        return all == 0 ? "nobody knows this strand" : "it has too many notes";
    }
    for (size_t i = 0; i < expect->notes_count; i++) {
        if (expect->notes[i].strand == strand && ++at > all - count) {
            expected = expect_fold(expected, expect->notes[i].value);
        }
    }
    return fold == expected ? NULL : "its notes are not the last ones";
}

static int
by_strand(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

size_t
expect_strands(const struct expect *expect)
{
    uint64_t *keys = calloc(expect->notes_count + 1, sizeof(*keys));
    size_t count = 0;

    if (keys == NULL) {
        abort();
    }
    for (size_t i = 0; i < expect->notes_count; i++) {
        keys[i] = expect->notes[i].strand;
    }
    qsort(keys, expect->notes_count, sizeof(*keys), by_strand);
    for (size_t i = 0; i < expect->notes_count; i++) {
        count += i == 0 || keys[i] != keys[i - 1];
    }
    free(keys);
    return count;
}
