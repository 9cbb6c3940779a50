// SPDX-License-Identifier: Apache-2.0
//
// loader.h - the reader: answers the partitions' questions to their stores,
// off the shards' threads. (Not called reader: base/bytes.h has wf_reader.)

#ifndef WF_RUNTIME_LOADER_H
#define WF_RUNTIME_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mpsc.h"
#include "runtime/post.h"

struct wf_depot;
struct wf_loader;

struct wf_loader_options {
    struct wf_depot *depots; // borrowed; partition p is in p % depots_count
    uint32_t depots_count;
    // A LOAD goes back, answered; takes it.
    void (*done)(void *ctx, struct wf_post *post);
    // FENCE was handled: the store's loads are back, the depot is not used.
    void (*fenced)(void *ctx, uint32_t store);
    void *ctx;
};

struct wf_loader *wf_loader_create(const struct wf_loader_options *options);
// NULL is fine. Every load must be back: STOP sees to that.
void wf_loader_destroy(struct wf_loader *loader);

struct wf_mpsc *wf_loader_inbox(struct wf_loader *loader);

// Answer some loads. Blocks while they are read. Returns 0 if it did something,
// else UINT64_MAX.
uint64_t wf_loader_step(struct wf_loader *loader);
bool wf_loader_is_stopped(const struct wf_loader *loader);

#endif
