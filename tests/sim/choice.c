// SPDX-License-Identifier: Apache-2.0
//
// choice.c - where all chance of a simulated run comes from. See choice.h.

#include "sim/choice.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/assert.h"

#define HEAD_BYTES 4

void
choice_of_seed(struct choice *choice, uint64_t seed)
{
    *choice = (struct choice){0};
    wf_random_init(&choice->random, seed);
}

void
choice_of_bytes(struct choice *choice, weft_bytes bytes)
{
    *choice = (struct choice){.given = bytes, .is_given = true};
}

void
choice_fini(struct choice *choice)
{
    wf_buf_fini(&choice->used);
}

// The next byte given, or zero.
static uint8_t
byte_given(const struct choice *choice)
{
    size_t at = choice->used.len;

    return at < choice->given.len ? ((const uint8_t *)choice->given.data)[at]
                                  : 0;
}

uint64_t
choice_below(struct choice *choice, uint64_t limit)
{
    uint64_t value = 0;

    WF_ASSERT(limit > 0);
    if (!choice->is_given) {
        value = wf_random_below(&choice->random, limit);
    }
    for (unsigned shift = 0; shift < 64 && (limit - 1) >> shift > 0;
         shift += 8) {
        if (choice->is_given) {
            value |= (uint64_t)byte_given(choice) << shift;
        }
        wf_buf_put_u8(&choice->used, (uint8_t)(value >> shift));
    }
    return value % limit;
}

uint64_t
choice_u64(struct choice *choice)
{
    return choice_below(choice, UINT64_MAX);
}

bool
choice_chance(struct choice *choice, uint32_t in_thousand)
{
    return in_thousand > 0 && choice_below(choice, 1000) >= 1000 - in_thousand;
}

// The whole string. -----------------------------------------------------------

void
choices_of_seed(struct choices *choices, uint64_t seed)
{
    choice_of_seed(&choices->work, ~seed);
    choice_of_seed(&choices->world, seed);
}

void
choices_of_bytes(struct choices *choices, weft_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t len = bytes.len > HEAD_BYTES ? bytes.len - HEAD_BYTES : 0;
    size_t work = 0;

    for (size_t i = 0; i < HEAD_BYTES && len > 0; i++) {
        work |= (size_t)at[i] << (8 * i);
    }
    work = work < len ? work : len;
    at = len > 0 ? at + HEAD_BYTES : NULL;
    choice_of_bytes(&choices->work, weft_bytes_of(at, work));
    choice_of_bytes(&choices->world,
                    weft_bytes_of(len > 0 ? at + work : NULL, len - work));
}

void
choices_fini(struct choices *choices)
{
    choice_fini(&choices->work);
    choice_fini(&choices->world);
}

static bool
put(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);

        if (done <= 0) {
            return false;
        }
        bytes += done;
        len -= (size_t)done;
    }
    return true;
}

bool
choices_save(const struct choices *choices, const char *path)
{
    const struct wf_buf *work = &choices->work.used;
    const struct wf_buf *world = &choices->world.used;
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    uint8_t head[HEAD_BYTES];
    bool is_put;

    for (size_t i = 0; i < HEAD_BYTES; i++) {
        head[i] = (uint8_t)(work->len >> (8 * i));
    }
    is_put = fd >= 0 && put(fd, head, sizeof(head)) &&
             put(fd, work->data, work->len) && put(fd, world->data, world->len);
    return fd >= 0 && close(fd) == 0 && is_put;
}
