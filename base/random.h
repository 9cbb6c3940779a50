// SPDX-License-Identifier: Apache-2.0
//
// random.h - random numbers. A seam: whoever needs them is handed a seed;
// only wf_random_os_seed asks the operating system.

#ifndef WF_BASE_RANDOM_H
#define WF_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// SplitMix64: the same seed gives the same numbers on every machine. The state
// is one word, so it can be kept in a record.
struct wf_random {
    uint64_t state;
};

void wf_random_init(struct wf_random *random, uint64_t seed);
uint64_t wf_random_u64(struct wf_random *random);
uint64_t wf_random_below(struct wf_random *random, uint64_t limit); // limit > 0
double wf_random_unit(struct wf_random *random); // 0 <= x < 1

// From getrandom.
uint64_t wf_random_os_seed(void);
void wf_random_os_bytes(void *out_bytes, size_t len);

#endif
