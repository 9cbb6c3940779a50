// SPDX-License-Identifier: Apache-2.0
//
// weather.c - what goes wrong in a world. See weather.h.
//
// Every storm_ms, on average, something is drawn. Frames and commits have
// chances of their own (site.c).

#include "sim/weather.h"

#include <stdio.h>

#include "sim/world_impl.h"

// Clocks jump by this much in all: below what anything may wait for.
#define JUMPS_MS_MAX (12 * 3600000ULL)

const char *
weather_fault_text(enum weather_fault fault)
{
    static const char *const texts[] = {
#define X(name, text) text,
        WEATHER_FAULTS(X)
#undef X
    };

    return texts[fault];
}

void
weather_meet(struct world *world, enum weather_fault fault)
{
    world->weather.met[fault]++;
}

static struct node *
any_node(struct world *world)
{
    return &world->nodes[choice_below(world->choice, world->options.nodes)];
}

static struct site *
any_site(struct world *world)
{
    return &world->sites[choice_below(world->choice, world->options.sites)];
}

// From now to, with a short time more likely than a long one.
static uint64_t
until(struct world *world, uint64_t most)
{
    uint64_t span = 1 + choice_below(world->choice, most);

    return world->now_ms + 1 + choice_below(world->choice, span);
}

static uint64_t *
cut_of(const struct world *world, uint32_t from, uint32_t to)
{
    return &world->cut_to_ms[from * world->options.nodes + to];
}

int
weather_is_cut(const struct world *world, uint32_t from, uint32_t to)
{
    return *cut_of(world, from, to) > world->now_ms;
}

// Each of these is one thing that goes wrong, if it can now.
// -------------------

static bool
cut(struct world *world)
{
    const struct node *from = any_node(world);
    const struct node *to = any_node(world);

    *cut_of(world, from->index, to->index) = until(world, 60000);
    world_say(world, "cut", "node %u to node %u", from->index, to->index);
    return true;
}

static bool
crash(struct world *world)
{
    world->crash_node = any_node(world)->index;
    world->crash_steps = 1 + choice_below(world->choice, 200);
    return true;
}

static bool
stay_down(struct world *world)
{
    struct node *node = any_node(world);

    if (!node->is_up) {
        return false;
    }
    node_crash(node, until(world, 60000) - world->now_ms);
    return true;
}

static bool
pause_node(struct world *world)
{
    struct node *node = any_node(world);

    if (!node_is_running(node)) {
        return false;
    }
    (void)node_now_ms(node); // what it goes on with
    node->paused_to_ms = until(world, 30000);
    node_look_at(node, node->paused_to_ms);
    world_say(world, "pause", "node %u", node->index);
    return true;
}

static bool
slow_disk(struct world *world)
{
    struct node *node = any_node(world);

    node->slow_to_ms = until(world, 20000);
    node_look_at(node, node->slow_to_ms);
    return true;
}

// Intake stops before the disk is full, if that is seen in time.
static bool
fill_disk(struct world *world, bool is_quite)
{
    struct node *node = any_node(world);

    if (!node->is_up) {
        return false;
    }
    world_say(world, "full", "node %u", node->index);
    node_set_full(node, until(world, 20000));
    node_look_at(node, node->full_to_ms);
    disk_set_full(node->disk, is_quite);
    return true;
}

static bool
fail_reads(struct world *world)
{
    disk_fail_reads(any_node(world)->disk,
                    1 + (uint32_t)choice_below(world->choice, 10));
    return true;
}

// The operator comes a while later, if nobody did before.
static bool
rot(struct world *world, bool is_log)
{
    struct site *site = any_site(world);
    struct node *node = site->node;

    if (node->good != NULL ||
        !disk_rot(node->disk, site->shelf, is_log, world->choice)) {
        return false;
    }
    world_say(world, "rot", "%s of node %u", is_log ? "log" : "rows",
              node->index);
    node->named = node->heal_at_ms > 0 ? node->named : world->named;
    node->heal_at_ms = until(world, 10000);
    node_look_at(node, node->heal_at_ms);
    if (choice_below(world->choice, 2) == 1) {
        node_crash(node, 0); // what is on the disk is read now
    }
    return true;
}

static bool
jump(struct world *world, bool is_forward)
{
    struct node *node = any_node(world);
    uint64_t by = 1 + choice_below(world->choice, 20000);

    if (world->jumped_ms + by > JUMPS_MS_MAX || node->paused_to_ms > 0) {
        return false;
    }
    world->jumped_ms += by;
    (void)node_now_ms(node);
    node->clock_ms += is_forward ? (int64_t)by : -(int64_t)by;
    world_say(world, "clock", "node %u: %s by %llu ms", node->index,
              is_forward ? "forward" : "back", (unsigned long long)by);
    return true;
}

// While it is down its clock is put back.
static bool
open_behind(struct world *world)
{
    struct node *node = any_node(world);
    uint64_t by = until(world, 120000) - world->now_ms;

    if (!node->is_up) {
        return false;
    }
    node->clock_ms -= (int64_t)by;
    world_say(world, "clock", "node %u: crashes, back by %llu ms", node->index,
              (unsigned long long)by);
    node_crash(node, 0);
    return true;
}

// A copy is made; or the one that was made comes in place of the disk.
static bool
bring_stale(struct world *world)
{
    struct node *node = any_node(world);

    if (node->old == NULL) {
        node->old = disk_copy(node->disk);
        return false;
    }
    if (!disk_is_sound(node->disk) || !node->is_up) {
        return false;
    }
    world_say(world, "stale", "node %u", node->index);
    node_replace_disk(node);
    return true;
}

static bool
begin(struct world *world, enum weather_fault fault)
{
    switch (fault) {
    case WEATHER_CRASH:
        return crash(world);
    case WEATHER_DOWN:
        return stay_down(world);
    case WEATHER_READ_ERROR:
        return fail_reads(world);
    case WEATHER_FULL:
        return fill_disk(world, false);
    case WEATHER_NO_SPACE:
        return fill_disk(world, true);
    case WEATHER_ROT_ROW:
        return rot(world, false);
    case WEATHER_ROT_LOG:
        return rot(world, true);
    case WEATHER_SLOW:
        return slow_disk(world);
    case WEATHER_CLOCK_FORWARD:
        return jump(world, true);
    case WEATHER_CLOCK_BACK:
        return jump(world, false);
    case WEATHER_TIME_BACK:
        return open_behind(world);
    case WEATHER_PAUSE:
        return pause_node(world);
    case WEATHER_CUT:
        return cut(world);
    case WEATHER_STALE_DISK:
        return bring_stale(world);
    default:
        return false;
    }
}

// When. -----------------------------------------------------------------------

uint64_t
weather_due(const struct world *world)
{
    return world->options.storm_ms == 0 ? UINT64_MAX : world->fault_at_ms;
}

void
weather_step(struct world *world)
{
    // Crashes and stale disks come more often: much else shows in them only.
    static const enum weather_fault faults[] = {
        WEATHER_NONE,       WEATHER_CRASH,      WEATHER_CRASH,
        WEATHER_CRASH,      WEATHER_DOWN,       WEATHER_READ_ERROR,
        WEATHER_FULL,       WEATHER_NO_SPACE,   WEATHER_ROT_ROW,
        WEATHER_ROT_LOG,    WEATHER_SLOW,       WEATHER_CLOCK_FORWARD,
        WEATHER_CLOCK_BACK, WEATHER_TIME_BACK,  WEATHER_PAUSE,
        WEATHER_CUT,        WEATHER_STALE_DISK, WEATHER_STALE_DISK,
    };
    enum weather_fault fault;

    if (world->crash_steps > 0 && --world->crash_steps == 0) {
        node_crash(&world->nodes[world->crash_node], 0);
        weather_meet(world, WEATHER_CRASH);
    }
    if (world->now_ms < weather_due(world)) {
        return;
    }
    world->fault_at_ms =
        world->now_ms + 1 +
        choice_below(world->choice, 2 * (uint64_t)world->options.storm_ms);
    fault =
        faults[choice_below(world->choice, sizeof(faults) / sizeof(faults[0]))];
    if (begin(world, fault) && fault != WEATHER_CRASH &&
        fault != WEATHER_DOWN && fault != WEATHER_TIME_BACK &&
        fault != WEATHER_STALE_DISK) {
        weather_meet(world, fault);
    }
}

void
weather_calm(struct world *world)
{
    struct world_options *options = &world->options;
    uint32_t nodes = options->nodes;

    options->frame_loss = 0;
    options->frame_double = 0;
    options->frame_late = 0;
    options->crash_at_commit = 0;
    options->commit_in_doubt = 0;
    options->commit_stall = 0;
    if (options->storm_ms == 0) {
        return;
    }
    options->storm_ms = 0;
    world->crash_steps = 0;
    for (uint32_t i = 0; i < nodes * nodes; i++) {
        world->cut_to_ms[i] = 0;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        node_calm(&world->nodes[i]);
    }
}
