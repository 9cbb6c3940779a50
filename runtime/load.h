// SPDX-License-Identifier: Apache-2.0
//
// load.h - something a partition wants to read from its store.
//
// The partition makes it, a reader fills in the answer, and the partition
// frees it. Knows nothing of what the rows mean but one thing: bit 0 of an
// image's first byte says that the actor has item rows.

#ifndef WF_RUNTIME_LOAD_H
#define WF_RUNTIME_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "weft/error.h"

#define WF_IMAGE_HAS_ITEMS 1 // in an image's first byte
#define WF_IMAGE_RESET 2     // the same: its journal began in an earlier run
#define WF_IMAGE_FORK 4      // the same: of another life

struct wf_load {
    struct wf_mpsc_node queue;
    struct wf_list_node node;
    uint32_t partition;
    uint64_t incarnation; // of the partition that made it

    // The question. A get (key not empty): that row of `data` into `value`,
    // and if it says so, the rows with from <= key < to into `rows`. Else a
    // scan: the first `limit` rows with from <= key < to, and behind the first
    // `least` no more once they have `limit_bytes`.
    struct wf_buf key;
    struct wf_buf from;
    struct wf_buf to;
    uint32_t limit;       // of rows; 0: all
    uint32_t least;       // of rows
    uint32_t limit_bytes; // 0: any number

    // The answer.
    weft_err err;      // WEFT_OK also when there is no such row
    struct wf_buf why; // of err, in words; see wf_load_why
    bool is_found;
    struct wf_buf value;
    struct wf_buf rows; // (varint-length key, varint-length value) ...
    uint32_t rows_count;
    bool is_more; // the scan was cut by its limit

    // Private to the partition.
    int purpose;
    void *subject;
    struct wf_list captured; // list: what was in memory when it was asked
};

struct wf_load *wf_load_create(void);       // zeroed
void wf_load_destroy(struct wf_load *load); // NULL is fine
// Why it failed: what the store said. Borrowed.
const char *wf_load_why(const struct wf_load *load);

struct wf_store;
// Answer it, blocking: what a reader thread does, and tests at once.
void wf_load_answer(struct wf_load *load, const struct wf_store *store);

#endif
