// SPDX-License-Identifier: Apache-2.0
//
// world_impl.h - what the files of the simulator share.

#ifndef WF_TESTS_SIM_WORLD_IMPL_H
#define WF_TESTS_SIM_WORLD_IMPL_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/trace.h"
#include "sim/disk.h"
#include "sim/weather.h"
#include "sim/world.h"
#include "storage/log.h"
#include "storage/store.h"

// Something that happens later.
enum coming_type {
    COMING_FRAME,
    COMING_COMMIT,
    COMING_LOAD,
    COMING_TASK,  // an attempt has ended
    COMING_RETRY, // a request that was refused for now
    COMING_NODE,  // a node is to be looked at
};

struct coming {
    struct wf_heap_node heap;
    enum coming_type type;
    uint32_t site;        // or the node
    struct wf_buf bytes;  // frame; or the commit's segment
    struct wf_batch rows; // of a commit
    struct wf_load *load;
    struct wf_task *task;
    struct wf_request *request;
};

// One partition, on the node that owns it.
struct site {
    struct world *world;
    struct node *node; // fixed, for now
    uint32_t index;
    uint32_t shelf; // of the node's disk
    struct wf_store store;
    struct wf_log log;
    struct wf_partition *partition; // NULL while its node is down
    uint64_t log_bytes;
    uint64_t beacon; // the newest commit known durable
    bool is_committing;
    bool is_restored; // its log lost its end, and no commit was made since
    struct wf_list requests; // that wait for the node
    struct wf_list loads;    // of a partition that is gone
};

// A process with its sites, its disk, its clock and its workers.
struct node {
    struct world *world;
    uint32_t index;
    struct disk *disk;
    struct wf_workers *workers;
    struct wf_list tasks;  // finished, on their way back
    uint32_t tasks_count;  // given, and not back
    struct wf_clock clock; // what it sees
    int64_t clock_ms;      // by which its wall clock is ahead
    struct wf_steady steady;
    uint64_t now_ms; // as it last looked
    bool is_up;
    bool is_behind; // it goes on with the time of before
    // Of the world's clock; 0: not now.
    uint64_t paused_to_ms;
    uint64_t down_to_ms;
    uint64_t slow_to_ms;
    uint64_t full_to_ms;
    uint64_t heal_at_ms;    // the operator comes
    uint64_t rot_reads;     // of its disk, as the operator has seen
    uint64_t named;         // by all, when something began to rot
    uint64_t told_to_ms;    // when it must be, if rot was read; 0: it was not
    struct disk_copy *good; // while a stale one is in its place
    struct disk_copy *old;
};

struct world {
    struct world_options options;
    struct choice own_choice; // of the options' seed, if they give no other
    struct choice *choice;
    uint64_t now_ms;
    uint64_t began_ms;
    uint64_t hash;
    uint64_t incarnations;
    uint64_t commits;
    uint64_t crash_commit;
    bool is_crash_after;
    uint32_t lost_site;
    uint32_t lost_count;
    uint32_t late_site;
    uint64_t late_ms;
    struct site *sites;
    struct node *nodes;
    struct wf_stack_pool *stacks;
    struct wf_heap coming;
    struct wf_trace trace;
    struct wf_buf text;
    uint8_t client[16];
    uint64_t confirmed; // by the client, from now on
    uint64_t next_number;
    struct wf_list calls;
    // Weather.
    uint64_t fault_at_ms; // 0: none is to come
    uint64_t crash_steps; // 0: no; else so many steps from now
    uint32_t crash_node;  // which
    uint64_t *cut_to_ms;  // from a node to another
    uint64_t audit_at_ms; // next
    uint64_t named;       // so often a node said that it cannot read
    uint64_t jumped_ms;   // by which clocks jumped, all in all
    struct weather_count weather;
};

// world.c

// True so many times in a thousand.
bool world_chance(struct world *world, uint32_t in_thousand);
void world_note_hash(struct world *world, uint64_t value);
void world_emit(void *ctx, enum wf_trace_level level, uint64_t now_ms,
                const char *who, const char *verb, const char *text);
// For the trace: something that the world does.
void world_say(struct world *world, const char *verb, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The simulator cannot go on without it.
void world_must(weft_err err);
// Something that was promised is not so.
_Noreturn void world_fail(const struct world *world, const char *what);
struct coming *world_send_later(struct world *world, enum coming_type type,
                                uint32_t site, uint64_t delay_ms);
void world_coming_destroy(struct coming *coming);
// One thing happens; false when nothing can before limit_ms.
bool world_step_until(struct world *world, uint64_t limit_ms);

// page.c

void world_show_attributes(const weft_description *item, char *out,
                           size_t size);

// node.c

void node_init(struct world *world, uint32_t index, uint32_t sites);
void node_fini(struct node *node);
bool node_is_running(const struct node *node); // up and not paused
uint64_t node_now_ms(struct node *node);
// On the world's clock, when the node wants to be run; UINT64_MAX: never.
uint64_t node_due(struct node *node);
// Let it do all it can now. True if it did something.
bool node_run(struct node *node);
// Let its workers do one thing.
bool node_run_tasks(struct node *node);
// Its process dies, and begins again after so long; 0: at once.
void node_crash(struct node *node, uint64_t down_ms);
// Something of it may be over: a pause, a crash, a full disk.
void node_look(struct node *node);
void node_look_at(struct node *node, uint64_t at_ms);
void node_set_full(struct node *node, uint64_t to_ms);
// It dies, and begins again on the older copy of its disk.
void node_replace_disk(struct node *node);
// All that holds it up is over.
void node_calm(struct node *node);
void node_give_task(struct node *node, struct wf_task *task);
void node_workers_make(struct node *node);
void node_workers_drop(struct node *node);

// site.c

// A partition from what is on the disk, not opened.
weft_err site_recover(struct site *site, const struct wf_trace *trace,
                      struct wf_partition **out_partition);
// On failure it is as it was: closed.
weft_err site_open(struct site *site);
void site_begin(struct site *site); // when all of its node are open
void site_close(struct site *site);
// Give it a request, or keep that until it is there.
void site_request(struct site *site, struct wf_request *request);
void site_give_requests(struct site *site);
void site_give_loads(struct site *site);
// Let a site do all it can now. True if it did something.
bool site_run(struct site *site);
// A commit comes to the disk, and its result back.
void site_end_commit(struct site *site, struct coming *coming);
// A commit is under way when its node dies. True: it was durable.
bool site_lose_commit(struct site *site, const struct coming *coming);

#endif
