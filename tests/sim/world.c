// SPDX-License-Identifier: Apache-2.0
//
// world.c - the simulator: sites, a network and a clock that only moves when
// nothing else is to do. See world.h.

#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "runtime/load.h"
#include "runtime/stack.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "sim/world_impl.h"

// A twin takes sanitizers long, and is much the same code each time.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TWIN_EVERY 4
#else
#define TWIN_EVERY 1
#endif

bool
world_chance(struct world *world, uint32_t in_thousand)
{
    return choice_chance(world->choice, in_thousand);
}

void
world_note_hash(struct world *world, uint64_t value)
{
    world->hash = wf_hash64(&value, sizeof(value), world->hash);
}

void
world_must(weft_err err)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "sim: %s: %s\n", weft_err_name(err),
                      weft_err_detail());
        abort();
    }
}

// Trace. --------------------------------------------------------------------

void
world_emit(void *ctx, enum wf_trace_level level, uint64_t now_ms,
           const char *who, const char *verb, const char *text)
{
    struct world *world = ctx;
    char line[1200];
    int len;

    (void)level;
    len = snprintf(line, sizeof(line), "[%llu] %-10s %-9s %s\n",
                   (unsigned long long)(now_ms - 1000000), who, verb, text);
    world->hash = wf_hash64(line, (size_t)len, world->hash);
    if (world->options.is_traced) {
        wf_buf_put(&world->text, line, (size_t)len);
    }
    if (world->options.trace != NULL) {
        (void)fputs(line, world->options.trace);
        (void)fflush(world->options.trace);
    }
}

const char *
world_trace(const struct world *world)
{
    struct world *self = (struct world *)(uintptr_t)world;

    wf_buf_put_u8(&self->text, 0);
    self->text.len--;
    return (const char *)self->text.data;
}

void
world_lose_frames(struct world *world, uint32_t site, uint32_t count)
{
    world->lost_site = site;
    world->lost_count = count;
}

void
world_trace_clear(struct world *world)
{
    wf_buf_reset(&world->text);
}

// What comes later. ---------------------------------------------------------

struct coming *
world_send_later(struct world *world, enum coming_type type, uint32_t site,
                 uint64_t delay_ms)
{
    struct coming *coming = wf_calloc(sizeof(*coming));

    coming->type = type;
    coming->site = site;
    wf_heap_add(&world->coming, &coming->heap, world->now_ms + delay_ms);
    return coming;
}

void
world_coming_destroy(struct coming *coming)
{
    wf_buf_fini(&coming->bytes);
    wf_batch_fini(&coming->rows);
    if (coming->load != NULL) {
        wf_load_destroy(coming->load);
    }
    wf_free(coming);
}

void
world_drop_coming(struct world *world, uint32_t site)
{
    struct wf_list kept;
    struct wf_heap_node *node;
    struct wf_heap rest;

    wf_list_init(&kept);
    wf_heap_init(&rest);
    while ((node = wf_heap_first(&world->coming)) != NULL) {
        struct coming *coming = WF_CONTAINER(node, struct coming, heap);
        uint64_t due = node->due;

        wf_heap_remove(&world->coming, node);
        if (coming->site == site &&
            (coming->type == COMING_COMMIT || coming->type == COMING_LOAD)) {
            if (coming->load != NULL) {
                // What a list captured is freed by a partition.
                wf_partition_load(world->sites[site].partition, world->now_ms,
                                  coming->load);
                coming->load = NULL;
            }
            world_coming_destroy(coming);
        } else {
            wf_heap_add(&rest, &coming->heap, due);
        }
    }
    wf_heap_fini(&world->coming);
    world->coming = rest;
}

// Steps. --------------------------------------------------------------------

static void
task_done(void *ctx, struct wf_task *task)
{
    struct world *world = ctx;

    wf_list_push_back(&world->tasks, &task->node);
}

static void
task_beat(void *ctx, struct wf_beat *beat)
{
    struct world *world = ctx;

    wf_partition_beat(world->sites[beat->partition].partition, world->now_ms,
                      beat);
}

static bool
run_tasks(struct world *world)
{
    bool has_run = wf_workers_step(world->workers);
    struct wf_list_node *node = wf_list_pop_front(&world->tasks);

    if (node != NULL) {
        struct wf_task *task = WF_CONTAINER(node, struct wf_task, node);

        wf_partition_task(world->sites[task->partition].partition,
                          world->now_ms, task);
        has_run = true;
    }
    return has_run;
}

static void
arrive(struct world *world, struct coming *coming)
{
    struct site *site = &world->sites[coming->site];

    switch (coming->type) {
    case COMING_FRAME:
        wf_partition_frame(site->partition, world->now_ms,
                           wf_buf_bytes(&coming->bytes));
        break;
    case COMING_LOAD: {
        struct wf_load *load = coming->load;
        coming->load = NULL;
        wf_partition_load(site->partition, world->now_ms, load);
        break;
    }
    case COMING_COMMIT:
        site_end_commit(world, coming);
        break;
    case COMING_RETRY:
        wf_partition_request(site->partition, world->now_ms, coming->request);
        break;
    }
    world_coming_destroy(coming);
}

static uint64_t
next_event_ms(const struct world *world)
{
    const struct wf_heap_node *first = wf_heap_first(&world->coming);
    uint64_t due = first == NULL ? UINT64_MAX : first->due;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        uint64_t own = wf_partition_next_due(world->sites[i].partition);

        due = own < due ? own : due;
    }
    return due;
}

bool
world_step_until(struct world *world, uint64_t limit_ms)
{
    struct wf_heap_node *first;
    bool has_run = false;
    uint64_t next;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        has_run = site_run(&world->sites[i]) || has_run;
    }
    has_run = run_tasks(world) || has_run;
    first = wf_heap_first(&world->coming);
    if (first != NULL && first->due <= world->now_ms) {
        wf_heap_remove(&world->coming, first);
        arrive(world, WF_CONTAINER(first, struct coming, heap));
        return true;
    }
    if (has_run) {
        return true;
    }
    next = next_event_ms(world);
    if (next > limit_ms) {
        return false;
    }
    world->now_ms = next > world->now_ms ? next : world->now_ms + 1;
    world_note_hash(world, world->now_ms);
    return true;
}

bool
world_step(struct world *world)
{
    return world_step_until(world, world->now_ms + 1000);
}

void
world_run_ms(struct world *world, uint64_t ms)
{
    uint64_t end = world->now_ms + ms;

    while (world->now_ms < end && world_step_until(world, end)) {
    }
    if (world->now_ms < end) { // user code that ran may have run it further
        world->now_ms = end;
    }
}

void
world_settle(struct world *world, uint64_t ms)
{
    while (world_step_until(world, world->now_ms + ms)) {
    }
}

// The whole. ----------------------------------------------------------------

static uint64_t
sim_wall_ms(void *self)
{
    return ((struct world *)self)->now_ms;
}

static uint64_t
sim_mono_ns(void *self)
{
    return ((struct world *)self)->now_ms * 1000000;
}

static void
make_workers(struct world *world)
{
    world_must(wf_workers_create(
        &(struct wf_workers_options){
            .count = 1,
            .is_manual = true,
            .definitions = world->options.definitions,
            .clock = {.wall_ms = sim_wall_ms,
                      .mono_ns = sim_mono_ns,
                      .self = world},
            .done = task_done,
            .beat = task_beat,
            .ctx = world,
        },
        &world->workers));
}

// Nothing that was handed out comes back.
static void
drop_workers(struct world *world)
{
    struct wf_list_node *node;

    wf_workers_stop(world->workers);
    while ((node = wf_list_pop_front(&world->tasks)) != NULL) {
        wf_task_destroy(WF_CONTAINER(node, struct wf_task, node));
    }
}

void
world_define(struct world *world, const weft_definitions *definitions)
{
    world->options.definitions = definitions;
    for (uint32_t i = 0; i < world->options.sites; i++) {
        world_crash(world, i);
    }
    drop_workers(world); // after the partitions, which know their tasks
    wf_workers_destroy(world->workers);
    make_workers(world);
}

struct world *
world_create(const struct world_options *options)
{
    struct world *world = wf_calloc(sizeof(*world));

    world->options = *options;
    if (world->options.sites == 0) {
        world->options.sites = 1;
    }
    if (world->options.residents_max == 0) {
        world->options.residents_max = 1000;
    }
    if (world->options.stacks_max == 0) {
        world->options.stacks_max = 100;
    }
    if (world->options.twin_every == 0) {
        world->options.twin_every = TWIN_EVERY;
    }
    choice_of_seed(&world->own_choice, options->seed);
    world->choice =
        options->choice != NULL ? options->choice : &world->own_choice;
    world->now_ms = 1000000;
    world->next_number = 1;
    wf_list_init(&world->tasks);
    wf_list_init(&world->calls);
    wf_heap_init(&world->coming);
    world->trace = (struct wf_trace){.emit = world_emit, .ctx = world};
    world->stacks = wf_stack_pool_create(64);
    make_workers(world);
    world->sites = wf_calloc(world->options.sites * sizeof(*world->sites));
    for (uint32_t i = 0; i < world->options.sites; i++) {
        world->sites[i].world = world;
        world->sites[i].index = i;
        world->sites[i].disk = wf_memory_disk_create();
        site_open(&world->sites[i]);
    }
    return world;
}

void
world_destroy(struct world *world)
{
    struct wf_list requests;
    struct wf_list_node *node;

    wf_list_init(&requests);
    for (uint32_t i = 0; i < world->options.sites; i++) {
        world_drop_coming(world, i);
        site_close(&world->sites[i], &requests);
        wf_memory_disk_destroy(world->sites[i].disk);
    }
    drop_workers(world);
    while (world->coming.count > 0) {
        struct coming *coming =
            WF_CONTAINER(wf_heap_first(&world->coming), struct coming, heap);
        wf_heap_remove(&world->coming, &coming->heap);
        if (coming->type == COMING_RETRY) {
            wf_list_push_back(&requests, &coming->request->wait);
        }
        world_coming_destroy(coming);
    }
    while ((node = wf_list_pop_front(&requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);
        request->done(request);
    }
    world_forget_calls(world);
    wf_workers_destroy(world->workers);
    wf_stack_pool_destroy(world->stacks);
    wf_heap_fini(&world->coming);
    choice_fini(&world->own_choice);
    wf_buf_fini(&world->text);
    wf_free(world->sites);
    wf_free(world);
}

void
world_calm(struct world *world)
{
    world->options.frame_loss = 0;
    world->options.frame_double = 0;
    world->options.crash_at_commit = 0;
    world->options.commit_in_doubt = 0;
    world->options.commit_stall = 0;
}

void
world_crash_at(struct world *world, uint64_t commit, bool is_after)
{
    world->crash_commit = commit;
    world->is_crash_after = is_after;
}

uint64_t
world_commits(const struct world *world)
{
    return world->commits;
}

uint64_t
world_now_ms(const struct world *world)
{
    return world->now_ms;
}

uint64_t
world_hash(const struct world *world)
{
    return world->hash;
}

struct wf_partition *
world_partition(const struct world *world, uint32_t site)
{
    return world->sites[site].partition;
}

void
world_stats(const struct world *world, struct wf_partition_stats *stats)
{
    *stats = (struct wf_partition_stats){0};
    for (uint32_t i = 0; i < world->options.sites; i++) {
        wf_partition_add_stats(world->sites[i].partition, stats);
    }
}

uint64_t
world_audit(struct world *world)
{
    uint64_t stuck = 0;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        stuck += wf_partition_audit(world->sites[i].partition);
    }
    return stuck;
}
