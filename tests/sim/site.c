// SPDX-License-Identifier: Apache-2.0
//
// site.c - one partition of the simulator, with its store, its log and its
// disk: it opens, runs, commits and crashes.

#include <stddef.h>
#include <stdlib.h>

#include "base/assert.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/recovery.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "sim/damage.h"
#include "sim/leave.h"
#include "sim/rows.h"
#include "sim/twin.h"
#include "sim/world_impl.h"
#include "storage/keys.h"

enum { TWINS_OFTEN = 200 }; // so many commits are looked at

static weft_err
recover_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
               uint32_t count)
{
    struct wf_partition *partition = ctx;

    for (uint32_t i = 0; i < count; i++) {
        weft_err err =
            wf_partition_recover_segment(partition, number, &segments[i]);

        if (err != WEFT_OK) {
            return err;
        }
    }
    return WEFT_OK;
}

struct wf_partition *
site_recover(struct site *site, const struct wf_trace *trace)
{
    struct world *world = site->world;
    struct wf_partition *partition =
        wf_partition_create(&(struct wf_partition_options){
            .index = site->index,
            .count = world->options.sites,
            .incarnation = ++world->incarnations,
            .definitions = world->options.definitions,
            .stacks = world->stacks,
            .trace = trace,
            .window_bytes = world->options.window_bytes,
            .residents_max = world->options.residents_max,
            .stacks_max = world->options.stacks_max,
            .is_paranoid = world->options.is_paranoid,
        });

    world_must(wf_recovery_read(&site->store, site->index, partition));
    world_must(
        site->log.ops->read(site->log.self, 0, recover_commit, partition));
    world_must(wf_partition_recover_check(partition));
    return partition;
}

// No sleeper lies where nobody will look any more.
static void
check_cursor(const struct site *site)
{
    struct wf_load *load = wf_load_create();

    wf_keys_sleep(&load->from, site->index, 0, weft_nothing());
    wf_keys_sleep(&load->to, site->index, site->partition->wake_cursor,
                  weft_nothing());
    load->limit = 1;
    wf_load_answer(load, &site->store);
    WF_ASSERT(load->err == WEFT_OK && load->rows_count == 0);
    wf_load_destroy(load);
}

uint64_t
world_wake_cursor(const struct world *world, uint32_t site)
{
    return world->sites[site].partition->wake_cursor;
}

void
site_open(struct site *site)
{
    world_must(wf_store_memory_open(site->disk, &site->store));
    world_must(wf_log_local_open(site->store, true, &site->log));
    site->partition = site_recover(site, &site->world->trace);
    check_cursor(site);
    wf_partition_open(site->partition, site->world->now_ms);
    site->is_committing = false;
}

void
site_close(struct site *site, struct wf_list *requests)
{
    wf_partition_destroy(site->partition, requests);
    site->partition = NULL;
    site->log.ops->close(site->log.self);
    site->store.ops->close(site->store.self);
}

static void
ask_again(struct world *world, struct wf_list *requests)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        if (world->options.again_ms > 0) {
            uint64_t ms = choice_below(world->choice, world->options.again_ms);

            world_send_later(world, COMING_RETRY, request->partition, ms)
                ->request = request;
        } else {
            wf_partition_request(world->sites[request->partition].partition,
                                 world->now_ms, request);
        }
    }
}

void
world_crash(struct world *world, uint32_t index)
{
    struct site *site = &world->sites[index];
    struct wf_list requests;

    world_emit(world, WF_TRACE_NOTE, world->now_ms, "sim", "crash", "");
    world_note_hash(world, index);
    wf_list_init(&requests);
    wf_memory_disk_crash(site->disk);
    site_close(site, &requests);
    site_open(site);
    world_drop_coming(world, index);
    ask_again(world, &requests);
}

// Commits. ------------------------------------------------------------------

static void
begin_commit(struct site *site)
{
    struct world *world = site->world;
    struct coming *coming = world_send_later(world, COMING_COMMIT, site->index,
                                             choice_below(world->choice, 3));

    if (!wf_partition_seal(site->partition, world->now_ms, false,
                           &coming->bytes, &coming->rows)) {
        wf_heap_remove(&world->coming, &coming->heap);
        world_coming_destroy(coming);
        return;
    }
    site->is_committing = true;
}

static void
trim_log(struct site *site)
{
    uint64_t redo = wf_partition_redo_commit(site->partition);
    uint64_t last = site->log.ops->last(site->log.self);

    world_must(site->store.ops->flush(site->store.self));
    world_must(
        site->log.ops->truncate(site->log.self, redo < last ? redo : last));
}

// True if the site crashed instead.
static bool
crashes_here(struct world *world, uint32_t site, bool is_after)
{
    bool is_asked = world->crash_commit == world->commits &&
                    world->is_crash_after == is_after &&
                    world->crash_commit > 0;

    if (!is_asked && !world_chance(world, world->options.crash_at_commit)) {
        return false;
    }
    if (is_asked) {
        world->crash_commit = 0;
    }
    world_crash(world, site);
    return true;
}

// Before a crash that was asked for, all is as in the run that had none. And
// what has grown long costs more each time: it is looked at ever less often.
static bool
is_twin_due(const struct world *world)
{
    uint64_t apart =
        world->options.twin_every * (1 + world->commits / TWINS_OFTEN);

    return world->crash_commit == 0 && world->commits % apart == 0;
}

// SIM_DAMAGE in the environment: at each so manieth commit.
static bool
is_damage_due(const struct world *world)
{
    const char *every = getenv("SIM_DAMAGE");

    return every != NULL && world->commits % strtoull(every, NULL, 10) == 0;
}

void
site_end_commit(struct world *world, struct coming *coming)
{
    struct site *site = &world->sites[coming->site];
    struct wf_commit commit = {
        .frames = wf_buf_bytes(&coming->bytes),
        .segments_count = coming->bytes.len > 0 ? 1 : 0,
        .rows = &coming->rows,
    };
    enum wf_append_result result;

    world->commits++;
    if (crashes_here(world, coming->site, false)) {
        return;
    }
    if (world_chance(world, world->options.commit_in_doubt)) {
        wf_memory_disk_fail_write(site->disk, 0, WEFT_EIO,
                                  choice_below(world->choice, 2) == 0);
    } else if (world_chance(world, world->options.commit_stall)) {
        wf_memory_disk_fail_write(site->disk, 0, WEFT_EBUSY, false);
    }
    result = site->log.ops->append(site->log.self, &commit);
    while (result == WF_APPEND_REFUSED) {
        result = site->log.ops->append(site->log.self, &commit);
    }
    if (result == WF_APPEND_IN_DOUBT) {
        world_crash(world, coming->site); // close, open, look
        return;
    }
    WF_ASSERT(result == WF_APPEND_DURABLE);
    if (crashes_here(world, coming->site, true)) {
        return;
    }
    site->log_bytes += coming->bytes.len;
    site->is_committing = false;
    world_note_hash(world, commit.number);
    wf_partition_committed(site->partition, world->now_ms, commit.number,
                           site->log_bytes);
    if (is_twin_due(world)) {
        twin_check(site);
        rows_check(site);
    }
    if (is_damage_due(world)) {
        damage_check(site);
    }
    if (choice_below(world->choice, 16) == 0) {
        trim_log(site);
    }
}

// Outputs. ------------------------------------------------------------------

static void
carry_frames(struct world *world, struct wf_outputs *outputs)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->frames)) != NULL) {
        struct wf_frame *frame = WF_CONTAINER(node, struct wf_frame, node);
        int copies = 1;

        if (world->lost_site == frame->destination && world->lost_count > 0) {
            world->lost_count--;
            copies = 0;
        } else if (world_chance(world, world->options.frame_loss)) {
            copies = 0;
        } else if (world_chance(world, world->options.frame_double)) {
            copies = 2;
        }
        for (int i = 0; i < copies; i++) {
            struct coming *coming =
                world_send_later(world, COMING_FRAME, frame->destination,
                                 choice_below(world->choice, 4));
            wf_buf_put(&coming->bytes, frame->bytes.data, frame->bytes.len);
        }
        wf_frame_destroy(frame);
    }
}

// True if there was something to carry.
static bool
carry_outputs(struct site *site)
{
    struct world *world = site->world;
    struct wf_outputs *outputs = wf_partition_outputs(site->partition);
    bool has_any = outputs->frames.count + outputs->loads.count +
                       outputs->tasks.count + outputs->replies.count >
                   0;
    struct wf_list_node *node;

    if (is_twin_due(world)) {
        leave_check(site, outputs);
    }
    carry_frames(world, outputs);
    while ((node = wf_list_pop_front(&outputs->loads)) != NULL) {
        struct coming *coming = world_send_later(
            world, COMING_LOAD, site->index, choice_below(world->choice, 2));
        coming->load = WF_CONTAINER(node, struct wf_load, node);
        wf_load_answer(coming->load, &site->store);
    }
    while ((node = wf_list_pop_front(&outputs->tasks)) != NULL) {
        wf_workers_give(world->workers,
                        WF_CONTAINER(node, struct wf_task, node));
    }
    while ((node = wf_list_pop_front(&outputs->replies)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);
        request->done(request);
    }
    return has_any;
}

// Steps. --------------------------------------------------------------------

bool
site_run(struct site *site)
{
    struct world *world = site->world;
    bool has_run = false;

    while (
        wf_partition_next_due(site->partition) <= world->now_ms &&
        (wf_partition_wants_commit(site->partition, world->now_ms) == false ||
         !site->is_committing)) {
        uint64_t before = wf_partition_next_due(site->partition);

        wf_partition_tick(site->partition, world->now_ms);
        has_run = true;
        if (wf_partition_next_due(site->partition) == before) {
            break; // a lazy commit is due, not an alarm
        }
    }
    while (wf_partition_is_ready(site->partition)) {
        (void)wf_partition_run(site->partition, world->now_ms);
        has_run = true;
    }
    has_run = carry_outputs(site) || has_run;
    if (!site->is_committing &&
        wf_partition_wants_commit(site->partition, world->now_ms)) {
        begin_commit(site);
        has_run = true;
    }
    return has_run;
}
