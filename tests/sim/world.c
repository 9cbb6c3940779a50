// SPDX-License-Identifier: Apache-2.0
//
// world.c - the simulator: sites, a network and a clock that only moves when
// nothing else is to do. See world.h.

#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "runtime/load.h"
#include "runtime/stack.h"
#include "runtime/task.h"
#include "sim/rows.h"
#include "sim/world_impl.h"

// A twin takes AddressSanitizer long, and is much the same code each time.
#if defined(__SANITIZE_ADDRESS__)
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

void
world_fail(const struct world *world, const char *what)
{
    (void)fprintf(stderr, "sim: %s, at %llu ms\n", what,
                  (unsigned long long)(world->now_ms - world->began_ms));
    abort();
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
    if (strcmp(verb, "corrupt") == 0 || strcmp(verb, "warning") == 0) {
        world->named++;
    }
    len = snprintf(line, sizeof(line), "[%llu] %-10s %-9s %s\n",
                   (unsigned long long)(now_ms - world->began_ms), who, verb,
                   text);
    world->hash = wf_hash64(line, (size_t)len, world->hash);
    if (world->options.is_traced) {
        wf_buf_put(&world->text, line, (size_t)len);
    }
    if (world->options.trace != NULL) {
        (void)fputs(line, world->options.trace);
        (void)fflush(world->options.trace);
    }
}

void
world_say(struct world *world, const char *verb, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    world_emit(world, WF_TRACE_NOTE, world->now_ms, "sim", verb, text);
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
world_jump(struct world *world, uint32_t site, int64_t by_ms)
{
    world->sites[site].node->clock_ms += by_ms;
}

void
world_lose_frames(struct world *world, uint32_t site, uint32_t count)
{
    world->lost_site = site;
    world->lost_count = count;
}

void
world_delay_frames(struct world *world, uint32_t site, uint64_t ms)
{
    world->late_site = site;
    world->late_ms = ms;
}

void
world_meet(struct world *world, uint32_t site, uint32_t other)
{
    struct site *here = &world->sites[site];

    wf_partition_meet(here->partition, node_now_ms(here->node), other);
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
    wf_load_destroy(coming->load);
    wf_task_destroy(coming->task);
    wf_free(coming);
}

// Steps. --------------------------------------------------------------------

static void
arrive_at(struct site *site, struct coming *coming)
{
    uint64_t now_ms = node_now_ms(site->node);

    if (coming->type == COMING_FRAME) {
        wf_partition_frame(site->partition, now_ms,
                           wf_buf_bytes(&coming->bytes));
    } else if (coming->type == COMING_LOAD) {
        wf_partition_load(site->partition, now_ms, coming->load);
        coming->load = NULL;
    } else if (coming->type == COMING_TASK) {
        wf_partition_task(site->partition, now_ms, coming->task);
        coming->task = NULL;
    } else {
        site_end_commit(site, coming);
    }
}

// A node that is paused gets it afterwards. One that is down gets no frame, and
// the others were its own.
static void
arrive(struct world *world, struct coming *coming)
{
    struct site *site = &world->sites[coming->site];

    if (coming->type == COMING_NODE) {
        node_look(&world->nodes[coming->site]);
    } else if (coming->type == COMING_RETRY) {
        site_request(site, coming->request);
    } else if (site->node->paused_to_ms > 0) {
        wf_heap_add(&world->coming, &coming->heap, site->node->paused_to_ms);
        return;
    } else if (site->node->is_up) {
        arrive_at(site, coming);
    }
    world_coming_destroy(coming);
}

static uint64_t
next_event_ms(const struct world *world)
{
    const struct wf_heap_node *first = wf_heap_first(&world->coming);
    uint64_t due = first == NULL ? UINT64_MAX : first->due;
    uint64_t fault = weather_due(world);

    due = fault < due ? fault : due;
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        uint64_t own = node_due(&world->nodes[i]);

        due = own < due ? own : due;
    }
    return due;
}

// Nothing is to do at this moment: whatever waits must have what wakes it.
static void
audit(struct world *world)
{
    if (world->options.audit_ms > 0 && world->now_ms >= world->audit_at_ms) {
        world->audit_at_ms = world->now_ms + world->options.audit_ms;
        if (world_audit(world) != 0) {
            world_fail(world, "nothing will wake an actor");
        }
    }
}

bool
world_step_until(struct world *world, uint64_t limit_ms)
{
    struct wf_heap_node *first;
    bool has_run = false;
    uint64_t next;

    weather_step(world);
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        has_run = node_run(&world->nodes[i]) || has_run;
    }
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        has_run = node_run_tasks(&world->nodes[i]) || has_run;
    }
    first = wf_heap_first(&world->coming);
    if (first != NULL && first->due <= world->now_ms) {
        wf_heap_remove(&world->coming, first);
        arrive(world, WF_CONTAINER(first, struct coming, heap));
        return true;
    }
    if (has_run) {
        return true;
    }
    audit(world);
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

void
world_define(struct world *world, const weft_definitions *definitions)
{
    world->options.definitions = definitions;
    for (uint32_t i = 0; i < world->options.sites; i++) {
        world_crash(world, i);
    }
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        node_workers_drop(&world->nodes[i]); // the partitions know their tasks
        node_workers_make(&world->nodes[i]);
    }
}

// Sites are dealt out in turn. Who owns which will be somebody's to decide.
static void
make_nodes(struct world *world)
{
    uint32_t nodes = world->options.nodes;
    uint32_t sites = world->options.sites;

    world->sites = wf_calloc(sites * sizeof(*world->sites));
    world->nodes = wf_calloc(nodes * sizeof(*world->nodes));
    world->cut_to_ms = wf_calloc((size_t)nodes * nodes * sizeof(uint64_t));
    for (uint32_t i = 0; i < sites; i++) {
        world->sites[i] = (struct site){
            .world = world,
            .node = &world->nodes[i % nodes],
            .index = i,
            .shelf = i / nodes,
        };
        wf_list_init(&world->sites[i].requests);
        wf_list_init(&world->sites[i].loads);
    }
    for (uint32_t i = 0; i < nodes; i++) {
        node_init(world, i, (sites + nodes - 1) / nodes);
    }
}

struct world *
world_create(const struct world_options *options)
{
    struct world *world = wf_calloc(sizeof(*world));

    world->options = *options;
    if (world->options.sites == 0) {
        world->options.sites = 1;
    }
    if (world->options.nodes == 0 ||
        world->options.nodes > world->options.sites) {
        world->options.nodes = world->options.sites;
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
    // Clocks that jump back have where to.
    world->now_ms = options->storm_ms == 0 ? 1000000 : 1000000000;
    world->began_ms = world->now_ms;
    world->next_number = 1;
    wf_list_init(&world->calls);
    wf_heap_init(&world->coming);
    world->trace = (struct wf_trace){.emit = world_emit, .ctx = world};
    world->stacks = wf_stack_pool_create(64);
    make_nodes(world);
    return world;
}

void
world_destroy(struct world *world)
{
    struct wf_list_node *node;

    for (uint32_t i = 0; i < world->options.nodes; i++) {
        node_fini(&world->nodes[i]);
    }
    while (world->coming.count > 0) {
        struct coming *coming =
            WF_CONTAINER(wf_heap_first(&world->coming), struct coming, heap);
        wf_heap_remove(&world->coming, &coming->heap);
        if (coming->type == COMING_RETRY) {
            wf_list_push_back(&world->sites[0].requests,
                              &coming->request->wait);
        }
        world_coming_destroy(coming);
    }
    for (uint32_t i = 0; i < world->options.sites; i++) {
        while ((node = wf_list_pop_front(&world->sites[i].requests)) != NULL) {
            struct wf_request *request =
                WF_CONTAINER(node, struct wf_request, wait);
            request->done(request);
        }
    }
    world_forget_calls(world);
    wf_stack_pool_destroy(world->stacks);
    wf_heap_fini(&world->coming);
    choice_fini(&world->own_choice);
    wf_buf_fini(&world->text);
    wf_free(world->sites);
    wf_free(world->nodes);
    wf_free(world->cut_to_ms);
    wf_free(world);
}

void
world_calm(struct world *world)
{
    weather_calm(world);
}

const struct weather_count *
world_weather(const struct world *world)
{
    return &world->weather;
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

uint32_t
world_nodes(const struct world *world)
{
    return world->options.nodes;
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
        if (world->sites[i].partition != NULL) {
            wf_partition_add_stats(world->sites[i].partition, stats);
        }
    }
}

uint64_t
world_audit(struct world *world)
{
    uint64_t stuck = 0;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        if (node_is_running(world->sites[i].node)) {
            stuck += wf_partition_audit(world->sites[i].partition);
        }
    }
    return stuck;
}

uint64_t
world_left_over(struct world *world)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        count += rows_left_over(&world->sites[i]);
    }
    return count;
}
