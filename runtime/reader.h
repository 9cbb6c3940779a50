// SPDX-License-Identifier: Apache-2.0
//
// reader.h - answers the partitions' questions to their stores, off the
// shards' threads.

#ifndef WF_RUNTIME_READER_H
#define WF_RUNTIME_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mpsc.h"
#include "runtime/post.h"

struct wf_depot;
struct wf_reader_pool;

struct wf_loader;

struct wf_loader_options {
    struct wf_depot *depots; // borrowed; partition p is in p % count
    uint32_t count;
    // A LOAD goes back, answered; takes it.
    void (*done)(void *ctx, struct wf_post *post);
    // FENCE was handled: the store's loads are back, the depot is not used.
    void (*fenced)(void *ctx, uint32_t store);
    void *ctx;
};

#endif
