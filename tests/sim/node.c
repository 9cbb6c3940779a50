// SPDX-License-Identifier: Apache-2.0
//
// node.c - a process of the simulator: its sites live and die together, on one
// disk, under one clock.
//
// Opening checks what a node checks. The beacon says how far each log had got;
// it is written with every commit here, and at an open, as a node does: what is
// there then of a commit that was in doubt is answered for. A disk that cannot
// be opened is handed to an operator, who puts things right and says so: only
// damage that the world did may be found, and what it did must be.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/load.h"
#include "runtime/partition.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "sim/world_impl.h"

// So long may an answer of a disk take, with a pause meanwhile.
enum { OPEN_AGAIN_MS = 200, ANSWER_MS = 120000 };

// Its sites. ------------------------------------------------------------------

static struct site *
next_site(const struct node *node, struct site *site)
{
    struct world *world = node->world;
    struct site *end = world->sites + world->options.sites;

    for (site = site == NULL ? world->sites : site + 1; site < end; site++) {
        if (site->node == node) {
            return site;
        }
    }
    return NULL;
}

// Time. -----------------------------------------------------------------------

static uint64_t
wall_ms(void *self)
{
    const struct node *node = self;

    return (uint64_t)((int64_t)node->world->now_ms + node->clock_ms);
}

static uint64_t
mono_ns(void *self)
{
    return ((struct node *)self)->world->now_ms * 1000000;
}

bool
node_is_running(const struct node *node)
{
    return node->is_up && node->paused_to_ms == 0;
}

uint64_t
node_now_ms(struct node *node)
{
    if (!node->is_behind && node->paused_to_ms == 0) {
        node->now_ms = wf_steady_now_ms(&node->steady);
    }
    return node->now_ms;
}

uint64_t
node_due(struct node *node)
{
    uint64_t now = node_now_ms(node);
    uint64_t due = UINT64_MAX;

    if (!node_is_running(node)) {
        return UINT64_MAX;
    }
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        uint64_t own = wf_partition_next_due(site->partition);

        due = own < due ? own : due;
    }
    return due == UINT64_MAX
               ? due
               : node->world->now_ms + (due > now ? due - now : 0);
}

// Workers. --------------------------------------------------------------------

static void
task_done(void *ctx, struct wf_task *task)
{
    struct node *node = ctx;

    node->tasks_count--;
    wf_list_push_back(&node->tasks, &task->node);
}

static void
task_beat(void *ctx, struct wf_beat *beat)
{
    struct node *node = ctx;

    wf_partition_beat(node->world->sites[beat->partition].partition,
                      node_now_ms(node), beat);
}

void
node_workers_make(struct node *node)
{
    world_must(wf_workers_create(
        &(struct wf_workers_options){
            .count = 1,
            .is_manual = true,
            .definitions = node->world->options.definitions,
            .clock = node->clock,
            .done = task_done,
            .beat = task_beat,
            .ctx = node,
        },
        &node->workers));
}

// Nothing that was handed out comes back.
void
node_workers_drop(struct node *node)
{
    struct wf_list_node *item;

    wf_workers_stop(node->workers);
    while ((item = wf_list_pop_front(&node->tasks)) != NULL) {
        wf_task_destroy(WF_CONTAINER(item, struct wf_task, node));
    }
    wf_workers_destroy(node->workers);
    node->workers = NULL;
    node->tasks_count = 0;
}

void
node_give_task(struct node *node, struct wf_task *task)
{
    node->tasks_count++;
    wf_workers_give(node->workers, task);
}

static bool
run_tasks(struct node *node)
{
    struct world *world = node->world;
    bool has_run = node->tasks_count > 0 && wf_workers_step(node->workers);
    struct wf_list_node *item = wf_list_pop_front(&node->tasks);
    struct wf_task *task;

    if (item == NULL) {
        return has_run;
    }
    task = WF_CONTAINER(item, struct wf_task, node);
    if (world->options.storm_ms > 0 && choice_below(world->choice, 4) == 3) {
        world_send_later(world, COMING_TASK, task->partition,
                         choice_below(world->choice, 2000))
            ->task = task;
    } else {
        wf_partition_task(world->sites[task->partition].partition,
                          node_now_ms(node), task);
    }
    return true;
}

bool
node_run(struct node *node)
{
    bool has_run = false;

    if (!node_is_running(node)) {
        return false;
    }
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        has_run = site_run(site) || has_run;
    }
    return has_run;
}

bool
node_run_tasks(struct node *node)
{
    return node_is_running(node) && run_tasks(node);
}

// Opening. --------------------------------------------------------------------

static void
close_sites(struct node *node)
{
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        if (site->partition != NULL) {
            site_close(site);
        }
    }
}

static weft_err
open_sites(struct node *node)
{
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        weft_err err = site_open(site);

        if (err == WEFT_OK &&
            site->log.ops->last(site->log.self) < site->beacon) {
            err = wf_error(
                WEFT_ELOST, "commits %llu to %llu are missing",
                (unsigned long long)site->log.ops->last(site->log.self) + 1,
                (unsigned long long)site->beacon);
        }
        if (err != WEFT_OK) {
            return err;
        }
    }
    return WEFT_OK;
}

// A stale disk that is not behind its beacon is no loss. One that is must not
// be opened; the right one comes instead.
static void
bring_good(struct node *node, bool is_refused)
{
    if (node->good == NULL) {
        return;
    }
    if (is_refused) {
        weather_meet(node->world, WEATHER_STALE_DISK);
        disk_bring_back(node->disk, node->good);
    }
    disk_copy_destroy(node->good);
    node->good = NULL;
}

// It cannot be opened. The operator puts right what the world did to it.
static void
repair(struct node *node, weft_err err)
{
    char why[300];
    bool is_explained = false;

    (void)snprintf(why, sizeof(why), "%s: %s", weft_err_name(err),
                   weft_err_detail());
    world_say(node->world, "refused", "node %u: %s", node->index, why);
    if (err == WEFT_ECORRUPT || err == WEFT_EFORMAT || err == WEFT_ELOST) {
        is_explained = node->good != NULL;
        bring_good(node, true);
        if (disk_heal(node->disk)) {
            is_explained = true;
            weather_meet(node->world, WEATHER_ROT_FOUND);
        }
        node->rot_reads = disk_rot_reads(node->disk);
        if (!is_explained) {
            world_fail(node->world, why);
        }
    } else if (err != WEFT_EIO && err != WEFT_EFULL) {
        world_fail(node->world, why);
    }
}

static void
open_node(struct node *node)
{
    struct world *world = node->world;
    uint64_t not_before = 0;
    weft_err err = open_sites(node);

    if (err != WEFT_OK) {
        close_sites(node);
        repair(node, err);
        node->down_to_ms = world->now_ms + OPEN_AGAIN_MS;
        node_look_at(node, node->down_to_ms);
        return;
    }
    bring_good(node, false);
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        uint64_t own = wf_partition_recovered_ms(site->partition);

        site->beacon = site->log.ops->last(site->log.self);
        not_before = own > not_before ? own : not_before;
    }
    wf_steady_init(&node->steady, node->clock, not_before);
    if (wf_steady_now_ms(&node->steady) < node->now_ms) {
        weather_meet(world, WEATHER_TIME_BACK);
    }
    node->is_up = true;
    node->is_behind = false;
    node->down_to_ms = 0;
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        site_begin(site);
    }
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        site_give_requests(site);
    }
}

// Crashing. -------------------------------------------------------------------

// What was under way inside the dead process is gone with it: some commits had
// reached the disk.
static void
drop_coming(struct node *node)
{
    struct world *world = node->world;
    struct wf_heap_node *item;
    struct wf_heap rest;
    uint32_t commits[2] = {0}; // lost, durable

    wf_heap_init(&rest);
    while ((item = wf_heap_first(&world->coming)) != NULL) {
        struct coming *coming = WF_CONTAINER(item, struct coming, heap);
        bool is_inside = coming->type == COMING_COMMIT ||
                         coming->type == COMING_LOAD ||
                         coming->type == COMING_TASK;
        uint64_t due = item->due;

        wf_heap_remove(&world->coming, item);
        if (!is_inside || world->sites[coming->site].node != node) {
            wf_heap_add(&rest, &coming->heap, due);
            continue;
        }
        if (coming->type == COMING_COMMIT) {
            bool is_durable =
                site_lose_commit(&world->sites[coming->site], coming);
            commits[is_durable ? 1 : 0]++;
        } else if (coming->type == COMING_LOAD) {
            // What a list captured is freed by a partition.
            wf_list_push_back(&world->sites[coming->site].loads,
                              &coming->load->node);
            coming->load = NULL;
        } else {
            // The partition knows it: it goes later.
            wf_list_push_back(&node->tasks, &coming->task->node);
            coming->task = NULL;
        }
        world_coming_destroy(coming);
    }
    wf_heap_fini(&world->coming);
    world->coming = rest;
    if (commits[0] > 0) {
        weather_meet(world, WEATHER_LOST_WRITES);
    }
    if (commits[0] > 0 && commits[1] > 0) {
        weather_meet(world, WEATHER_SPLIT_COMMIT);
    }
}

void
node_crash(struct node *node, uint64_t down_ms)
{
    struct world *world = node->world;

    world_say(world, "crash", "node %u", node->index);
    node->paused_to_ms = 0;
    if (node->is_up) {
        drop_coming(node);
        node->is_up = false;
        close_sites(node);
        if (world->options.storm_ms > 0) { // else user code may ask for it
            node_workers_drop(node);
            node_workers_make(node);
        }
    }
    if (disk_crash(node->disk, world->choice) > 0) {
        weather_meet(world, WEATHER_LOST_WRITES);
    }
    if (down_ms == 0) {
        open_node(node);
        return;
    }
    weather_meet(world, WEATHER_DOWN);
    node->down_to_ms = world->now_ms + down_ms;
    node_look_at(node, node->down_to_ms);
}

void
world_keep(struct world *world, uint32_t site)
{
    struct node *node = world->sites[site].node;

    disk_copy_destroy(node->old);
    node->old = disk_copy(node->disk);
}

static void
take_copy(struct node *node, bool is_accepted)
{
    node_crash(node, OPEN_AGAIN_MS);
    disk_bring_back(node->disk, node->old);
    for (struct site *each = NULL; (each = next_site(node, each)) != NULL;) {
        each->beacon = 0;
        each->is_restored = is_accepted;
    }
}

void
world_lose(struct world *world, uint32_t site)
{
    take_copy(world->sites[site].node, true);
}

void
world_lose_unseen(struct world *world, uint32_t site)
{
    take_copy(world->sites[site].node, false);
}

// What is over. ---------------------------------------------------------------

void
node_look_at(struct node *node, uint64_t at_ms)
{
    struct world *world = node->world;

    (void)world_send_later(world, COMING_NODE, node->index,
                           at_ms - world->now_ms);
}

static void
refuse(struct node *node, weft_err err)
{
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        if (site->partition != NULL) {
            wf_partition_refuse(site->partition, err);
        }
    }
}

void
node_set_full(struct node *node, uint64_t to_ms)
{
    node->full_to_ms = to_ms;
    refuse(node, to_ms > 0 ? WEFT_EFULL : WEFT_OK);
}

// Where a rotten row was read, somebody was told, once the answer came; and the
// operator puts back what was there.
static void
heal(struct node *node)
{
    struct world *world = node->world;
    uint64_t reads = disk_rot_reads(node->disk);
    bool is_named = world->named > node->named;
    bool is_read = reads > node->rot_reads;

    node->heal_at_ms = 0;
    if (is_read && !is_named && world->options.storm_ms > 0) {
        if (node->told_to_ms == 0) {
            node->told_to_ms = world->now_ms + ANSWER_MS;
        } else if (world->now_ms >= node->told_to_ms) {
            world_fail(world, "what rots was read, and not named");
        } // else something more rots meanwhile
        node->heal_at_ms = node->told_to_ms;
        node_look_at(node, node->heal_at_ms);
        return;
    }
    if (is_read && is_named) {
        weather_meet(world, WEATHER_ROT_FOUND);
    }
    node->told_to_ms = 0;
    node->rot_reads = reads;
    node->named = world->named;
    // It may have been written anew since: who could not be read cannot be
    // still.
    if (disk_heal(node->disk) || is_read) {
        world_say(world, "heal", "node %u", node->index);
        node_crash(node, 0);
    }
}

void
node_look(struct node *node)
{
    uint64_t now = node->world->now_ms;

    if (node->full_to_ms > 0 && node->full_to_ms <= now) {
        disk_set_full(node->disk, false);
        node_set_full(node, 0);
    }
    if (node->slow_to_ms <= now) {
        node->slow_to_ms = 0;
    }
    if (node->paused_to_ms > 0 && node->paused_to_ms <= now) {
        node->paused_to_ms = 0;
        node->is_behind = true; // what it does first, it does with old time
        for (struct site *site = NULL;
             (site = next_site(node, site)) != NULL;) {
            if (site->partition != NULL) {
                site_give_requests(site);
            }
        }
        node->is_behind = false;
    }
    if (!node->is_up && node->down_to_ms <= now) {
        open_node(node);
    }
    if (node->heal_at_ms > 0 && node->heal_at_ms <= now) {
        heal(node);
    }
}

void
node_replace_disk(struct node *node)
{
    struct disk_copy *old = node->old;

    node->old = NULL;
    drop_coming(node);
    node->is_up = false;
    node->paused_to_ms = 0;
    close_sites(node);
    (void)disk_crash(node->disk, node->world->choice);
    (void)disk_heal(node->disk); // a torn commit was none
    node->good = disk_copy(node->disk);
    disk_bring_back(node->disk, old);
    disk_copy_destroy(old);
    open_node(node);
}

void
node_calm(struct node *node)
{
    uint64_t now = node->world->now_ms;

    disk_fail_reads(node->disk, 0);
    node->full_to_ms = node->full_to_ms > 0 ? now : 0;
    node->slow_to_ms = 0;
    node->paused_to_ms = node->paused_to_ms > 0 ? now : 0;
    node->down_to_ms = now;
    node->heal_at_ms = now;
    node_look(node);
}

// Life. -----------------------------------------------------------------------

void
node_init(struct world *world, uint32_t index, uint32_t sites)
{
    struct node *node = &world->nodes[index];

    *node = (struct node){
        .world = world,
        .index = index,
        .disk = disk_create(sites),
        .clock = {.wall_ms = wall_ms, .mono_ns = mono_ns, .self = node},
    };
    wf_list_init(&node->tasks);
    node_workers_make(node);
    open_node(node);
    WF_ASSERT(node->is_up);
}

void
node_fini(struct node *node)
{
    if (!node->is_up) {
        WF_ASSERT(disk_is_sound(node->disk));
        open_node(node);
    }
    drop_coming(node);
    for (struct site *site = NULL; (site = next_site(node, site)) != NULL;) {
        site_give_loads(site);
    }
    close_sites(node);
    node_workers_drop(node);
    disk_copy_destroy(node->good);
    disk_copy_destroy(node->old);
    disk_destroy(node->disk);
}
