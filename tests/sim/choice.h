// SPDX-License-Identifier: Apache-2.0
//
// choice.h - where all chance of a simulated run comes from: one byte string.
//
// A seed expands into one without end, as it is asked. Other bytes may come
// from a file or a fuzzer; where they end, zeros follow. Zero is always the
// quiet choice: nothing goes wrong, nothing is late, the first of several, no
// more work. So a string that is cut or zeroed somewhere gives a simpler run,
// which is what shrink.h is for.
//
// The string has two parts, so that less work does not change what the world
// does, nor the other way round:
//
//     u32 length of the first part, what is to be done, what the world does

#ifndef WF_TESTS_SIM_CHOICE_H
#define WF_TESTS_SIM_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"

// One part.
struct choice {
    struct wf_random random; // of a seed
    weft_bytes given;        // instead of it
    bool is_given;
    struct wf_buf used; // so far
};

void choice_of_seed(struct choice *choice, uint64_t seed);
// Borrowed until fini.
void choice_of_bytes(struct choice *choice, weft_bytes bytes);
void choice_fini(struct choice *choice);

// As few bytes as limit needs: limits up to 256 take one, 1 takes none.
uint64_t choice_below(struct choice *choice, uint64_t limit); // limit > 0
uint64_t choice_u64(struct choice *choice);
// True so many times in a thousand; no bytes if that is never.
bool choice_chance(struct choice *choice, uint32_t in_thousand);

// The whole string.
struct choices {
    struct choice work;
    struct choice world;
};

void choices_of_seed(struct choices *choices, uint64_t seed);
void choices_of_bytes(struct choices *choices, weft_bytes bytes);
void choices_fini(struct choices *choices);
// Keep what was used so far in a file. Safe in a signal handler. False: errno
// says why.
bool choices_save(const struct choices *choices, const char *path);

#endif
