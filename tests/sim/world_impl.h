// SPDX-License-Identifier: Apache-2.0
//
// world_impl.h - what the files of the simulator share.

#ifndef WF_TESTS_SIM_WORLD_IMPL_H
#define WF_TESTS_SIM_WORLD_IMPL_H

#include "base/bytes.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/trace.h"
#include "sim/world.h"
#include "storage/log.h"
#include "storage/store.h"

// Something that happens later.
enum coming_type {
    COMING_FRAME,
    COMING_COMMIT,
    COMING_LOAD,
    COMING_RETRY, // a request that was refused for now
};

struct coming {
    struct wf_heap_node heap;
    enum coming_type type;
    uint32_t site;
    uint64_t incarnation;
    struct wf_buf bytes;  // frame; or the commit's segment
    struct wf_batch rows; // of a commit
    struct wf_load *load;
    struct wf_request *request;
};

struct site {
    struct world *world;
    uint32_t index;
    struct wf_memory_disk *disk;
    struct wf_store store;
    struct wf_log log;
    struct wf_partition *partition;
    uint64_t log_bytes;
    bool is_committing;
};

struct world {
    struct world_options options;
    struct choice own_choice; // of the options' seed, if they give no other
    struct choice *choice;
    uint64_t now_ms;
    uint64_t hash;
    uint64_t incarnations;
    uint64_t commits;
    uint64_t crash_commit;
    bool is_crash_after;
    uint32_t lost_site;
    uint32_t lost_count;
    struct site *sites;
    struct wf_stack_pool *stacks;
    struct wf_workers *workers;
    struct wf_list tasks; // finished, on their way back
    struct wf_heap coming;
    struct wf_trace trace;
    struct wf_buf text;
    uint8_t client[16];
    uint64_t next_number;
    struct wf_list calls;
};

// world.c

// True so many times in a thousand.
bool world_chance(struct world *world, uint32_t in_thousand);
void world_note_hash(struct world *world, uint64_t value);
void world_emit(void *ctx, enum wf_trace_level level, uint64_t now_ms,
                const char *who, const char *verb, const char *text);
// The simulator cannot go on without it.
void world_must(weft_err err);
struct coming *world_send_later(struct world *world, enum coming_type type,
                                uint32_t site, uint64_t delay_ms);
void world_coming_destroy(struct coming *coming);
// What was under way inside the dead process is gone with it.
void world_drop_coming(struct world *world, uint32_t site);
// One thing happens; false when nothing can before limit_ms.
bool world_step_until(struct world *world, uint64_t limit_ms);

// page.c

void world_show_attributes(const weft_description *item, char *out,
                           size_t size);

// site.c

// A partition from what is on the disk, not opened.
struct wf_partition *site_recover(struct site *site,
                                  const struct wf_trace *trace);
void site_open(struct site *site);
void site_close(struct site *site, struct wf_list *requests);
// Let a site do all it can now. True if it did something.
bool site_run(struct site *site);
// A commit comes to the disk, and its result back.
void site_end_commit(struct world *world, struct coming *coming);

#endif
