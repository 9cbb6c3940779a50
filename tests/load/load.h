// SPDX-License-Identifier: Apache-2.0
//
// load.h - what the measuring programs share: time, memory, a node.

#ifndef WF_TESTS_LOAD_LOAD_H
#define WF_TESTS_LOAD_LOAD_H

#include <stdint.h>

#include "weft/weft.h"

uint64_t load_now_ns(void); // monotonic
void load_sleep_until(uint64_t ns);
void load_sleep_ms(uint64_t ms);
// Of this process, resident now.
uint64_t load_rss_bytes(void);
// What was allocated and not given back. The rest of what is resident the
// allocator keeps, for each thread some.
uint64_t load_heap_bytes(void);
// Stop the process with a line that says what could not be done.
void load_must(weft_err err, const char *what);
// What a counter (support/counter.h) comes to. What is acknowledged is durable,
// and may be counted a little later: it is asked until it is `least`, for some
// seconds.
uint64_t load_count(weft_client *client, const char *id, uint64_t least);
// A line for tests/results.tsv.
void load_result(const char *what, uint64_t runs, uint64_t faults,
                 const char *note);

#endif
