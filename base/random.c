// SPDX-License-Identifier: Apache-2.0
//
// random.c - SplitMix64, and the operating system's randomness.
//
// SplitMix64 has one word of state, no bad seeds and a period of 2^64: enough
// for jitter, ids within a turn and the simulator. Secrets come from the
// operating system only.
//
// Threads: one wf_random, one thread; the wf_random_os functions from any.

#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

void
wf_random_init(struct wf_random *random, uint64_t seed)
{
    random->state = seed;
}

uint64_t
wf_random_u64(struct wf_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t
wf_random_below(struct wf_random *random, uint64_t limit)
{
    uint64_t value;
    uint64_t skip;

    WF_ASSERT(limit > 0);
    // 2^64 modulo limit: refusing so many values leaves a multiple of limit,
    // and each remainder is as likely as any other.
    skip = (0 - limit) % limit;
    do {
        value = wf_random_u64(random);
    } while (value < skip);
    return value % limit;
}

double
wf_random_unit(struct wf_random *random)
{
    return (double)(wf_random_u64(random) >> 11) * 0x1.0p-53;
}

uint64_t
wf_random_os_seed(void)
{
    uint64_t seed;

    wf_random_os_bytes(&seed, sizeof(seed));
    return seed;
}

void
wf_random_os_bytes(void *out_bytes, size_t len)
{
    char *at = out_bytes;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0) {
            WF_ASSERT(errno == EINTR); // it fails in no other way
            continue;
        }
        at += got;
        len -= (size_t)got;
    }
}
