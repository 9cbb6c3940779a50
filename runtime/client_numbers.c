// SPDX-License-Identifier: Apache-2.0
//
// client_numbers.c - a ring of bits between the oldest open number and the
// newest.
//
//   I1  low <= next <= low + WF_CLIENT_WINDOW_MAX
//   I2  low == next, or the bit of low is set
//   I3  bits of numbers outside [low, next) are clear
//
// `low` only goes forward, so what advance costs is paid once for each number.

#include "runtime/client_numbers.h"

#include <stdbool.h>
#include <string.h>

#include "base/assert.h"

enum { WINDOW = WF_CLIENT_WINDOW_MAX };

_Static_assert(WINDOW % 64 == 0, "the ring is made of whole words");

static uint64_t *
word_of(struct wf_client_numbers *numbers, uint64_t number)
{
    return &numbers->open[number % WINDOW / 64];
}

static uint64_t
bit_of(uint64_t number)
{
    return 1ULL << (number % 64);
}

// Go forward to the first open number at or after low.
static void
advance(struct wf_client_numbers *numbers)
{
    while (numbers->low < numbers->next) {
        uint64_t word = *word_of(numbers, numbers->low);

        if ((word & bit_of(numbers->low)) != 0) {
            return;
        }
        // Most often a whole word is closed.
        if (word == 0 && numbers->low % 64 == 0 &&
            numbers->next - numbers->low >= 64) {
            numbers->low += 64;
        } else {
            numbers->low++;
        }
    }
}

// Close what is too old for `next` to become this.
static void
make_room(struct wf_client_numbers *numbers, uint64_t next)
{
    uint64_t low = next > WINDOW ? next - WINDOW : 0;

    if (low <= numbers->low) {
        return;
    }
    if (low >= numbers->next) {
        memset(numbers->open, 0, sizeof(numbers->open));
        numbers->low = low;
        return;
    }
    for (uint64_t number = numbers->low; number < low; number++) {
        *word_of(numbers, number) &= ~bit_of(number);
    }
    numbers->low = low;
    advance(numbers);
}

void
wf_client_numbers_init(struct wf_client_numbers *numbers, uint64_t first)
{
    WF_ASSERT(first > 0);
    memset(numbers, 0, sizeof(*numbers));
    numbers->low = first;
    numbers->next = first;
}

uint64_t
wf_client_numbers_take(struct wf_client_numbers *numbers)
{
    uint64_t number = numbers->next;

    make_room(numbers, number + 1);
    numbers->next = number + 1;
    *word_of(numbers, number) |= bit_of(number);
    WF_ASSERT(numbers->next - numbers->low <= WINDOW); // I1
    return number;
}

void
wf_client_numbers_reopen(struct wf_client_numbers *numbers, uint64_t number)
{
    WF_ASSERT(number > 0 && number <= UINT64_MAX / 2);
    if (number < numbers->low) {
        return;
    }
    if (number >= numbers->next) {
        make_room(numbers, number + 1);
        numbers->next = number + 1;
    }
    *word_of(numbers, number) |= bit_of(number);
    advance(numbers); // low may be among the numbers that were left out
    WF_ASSERT(numbers->next - numbers->low <= WINDOW); // I1
}

void
wf_client_numbers_close(struct wf_client_numbers *numbers, uint64_t number)
{
    if (number < numbers->low || number >= numbers->next) {
        return; // closed already, for its age
    }
    *word_of(numbers, number) &= ~bit_of(number);
    if (number == numbers->low) {
        advance(numbers);
    }
}

uint64_t
wf_client_numbers_confirmed(const struct wf_client_numbers *numbers,
                            uint64_t number)
{
    if (number >= numbers->low) {
        return numbers->low;
    }
    // Older than all that we know: it may confirm only what is out of its own
    // window, not its neighbours, which may be repeated too.
    return number > WINDOW ? number - WINDOW : 0;
}
