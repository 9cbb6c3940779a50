// SPDX-License-Identifier: Apache-2.0
//
// fleet_random.c - a cluster under faults that a seed chooses: money moves
// between its accounts while nodes are killed, paused, cut off and replaced;
// then all is well again, everything must finish, and is counted.
//
// FLEET_FROM and FLEET_SEEDS, or FLEET_SECONDS, say which seeds and how
// many; FLEET_SHOW=1 shows what the nodes say.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "base/random.h"
#include "cluster/snapshotter.h"
#include "fleet/fleet.h"
#include "fleet/traffic.h"
#include "support/account.h"
#include "support/test.h"

#define SEEDS 12
#define STORM_MS 30000
#define END_MS 120000

enum fault {
    KILL,
    POWER,
    CLOSE,
    START,
    PAUSE,
    CUT,
    HEAL,
    EXPIRE,
    DOUBT_LANDED,
    DOUBT_LOST,
    DRAIN,
    STALE,
    WIPE,
    NO_SNAPSHOTS,
    FAULT_COUNT
};

static const char *const fault_names[FAULT_COUNT] = {
    "killed",
    "power cut",
    "closed",
    "started",
    "paused",
    "cut off the database",
    "healed",
    "lease over early",
    "append in doubt, landed",
    "append in doubt, lost",
    "drained, and back",
    "another's directory",
    "directory lost",
    "snapshots fail for a while",
};

static uint64_t met[FAULT_COUNT];
static uint64_t warm_takes;
static struct wf_snapshotter_counts snapshots;

struct storm {
    struct fleet *fleet;
    uint32_t nodes_count;
};

static uint32_t
below(struct storm *storm, uint32_t limit)
{
    return (uint32_t)wf_random_below(fleet_random(storm->fleet), limit);
}

static void
strike_running(struct storm *storm, uint32_t node, enum fault fault)
{
    uint64_t now_ms = fleet_now_ms(storm->fleet);

    switch (fault) {
    case KILL:
    case POWER:
        fleet_kill(storm->fleet, node, fault == KILL);
        break;
    case CLOSE:
        fleet_close(storm->fleet, node);
        break;
    case PAUSE:
        fleet_pause(storm->fleet, node,
                    now_ms + below(storm, 2 * FLEET_LEASE_MS));
        break;
    case CUT:
    case HEAL:
        fleet_cut(storm->fleet, node, fault == CUT);
        break;
    case EXPIRE:
        fleet_expire(storm->fleet, node);
        break;
    case DOUBT_LANDED:
    case DOUBT_LOST:
        fleet_doubt(storm->fleet, node, fault == DOUBT_LANDED);
        break;
    case DRAIN:
        fleet_drain(storm->fleet, node, below(storm, 2) == 0);
        break;
    case NO_SNAPSHOTS:
        fleet_fail_snapshots(
            storm->fleet, below(storm, 2) == 0 ? UINT32_MAX : below(storm, 50));
        break;
    default:
        return;
    }
    met[fault]++;
}

static void
strike(struct storm *storm)
{
    uint32_t node = below(storm, storm->nodes_count);
    uint32_t other = below(storm, storm->nodes_count);
    enum fault fault = (enum fault)below(storm, FAULT_COUNT);
    bool is_up = fleet_is_up(storm->fleet, node);

    if (is_up) {
        strike_running(storm, node, fault);
    } else if (fault == STALE && node != other) {
        if (fleet_is_up(storm->fleet, other)) {
            fleet_kill(storm->fleet, other, true);
        }
        fleet_swap_disks(storm->fleet, node, other);
        met[STALE]++;
    } else if (fault == WIPE) {
        fleet_wipe(storm->fleet, node);
        met[WIPE]++;
    } else if (fault != STALE) {
        fleet_start(storm->fleet, node);
        met[START]++;
    }
}

static void
heal(struct storm *storm)
{
    fleet_calm(storm->fleet);
    fleet_fail_snapshots(storm->fleet, UINT32_MAX);
    for (uint32_t i = 0; i < storm->nodes_count; i++) {
        if (!fleet_is_up(storm->fleet, i)) {
            fleet_start(storm->fleet, i);
        }
        fleet_cut(storm->fleet, i, false);
        fleet_drain(storm->fleet, i, false);
        fleet_pause(storm->fleet, i, 0);
    }
}

// Everything must finish, and every partition run somewhere.
static void
await_end(struct storm *storm, struct traffic *traffic, uint32_t parts,
          uint64_t seed)
{
    uint64_t limit_ms = fleet_now_ms(storm->fleet) + END_MS;

    while ((!traffic_is_over(traffic) || fleet_loads(storm->fleet) != parts) &&
           fleet_now_ms(storm->fleet) < limit_ms) {
        traffic_step(traffic);
        fleet_run(storm->fleet, fleet_now_ms(storm->fleet) + 5);
    }
    if (!traffic_is_over(traffic) || fleet_loads(storm->fleet) != parts) {
        (void)fprintf(stderr,
                      "seed %" PRIu64 ": stuck; %" PRIu32 " of %" PRIu32
                      " partitions run\n",
                      seed, fleet_loads(storm->fleet), parts);
    }
    CHECK(traffic_is_over(traffic));
    CHECK_EQ(fleet_loads(storm->fleet), parts);
    // A message that was sent in vain while its receiver was away is sent again
    // so late, at most.
    fleet_run(storm->fleet,
              fleet_now_ms(storm->fleet) + WF_LINK_RESEND_MS_MAX + 3000);
}

static void
add_snapshots(const struct fleet *fleet)
{
    struct wf_snapshotter_counts counts;

    fleet_count_snapshots(fleet, &counts);
    snapshots.made += counts.made;
    snapshots.failed += counts.failed;
    snapshots.removed_files += counts.removed_files;
    snapshots.restored += counts.restored;
}

static uint64_t
run_seed(uint64_t seed, const weft_definitions *definitions)
{
    struct wf_random choice;
    struct fleet_options options = {.seed = seed, .definitions = definitions};
    struct storm storm = {0};
    struct traffic *traffic;
    uint64_t end_ms;
    uint64_t takes;

    wf_random_init(&choice, seed ^ 0x5eed);
    options.nodes_count = 2 + (uint32_t)wf_random_below(&choice, 3);
    options.partition_count = 1 + (uint32_t)wf_random_below(&choice, 8);
    options.window_bytes =
        (int64_t[]){-1, 4096, 65536}[wf_random_below(&choice, 3)];
    // None; too little for all that there is; enough.
    options.standby_bytes =
        (uint64_t[]){0, 16384, 1 << 20}[wf_random_below(&choice, 3)];
    storm.fleet = fleet_create(&options);
    storm.nodes_count = options.nodes_count;
    traffic = traffic_create(storm.fleet, options.nodes_count,
                             options.partition_count, 150);
    end_ms = fleet_now_ms(storm.fleet) + STORM_MS;
    while (fleet_now_ms(storm.fleet) < end_ms) {
        traffic_step(traffic);
        fleet_run(storm.fleet, fleet_now_ms(storm.fleet) + 5);
        if (below(&storm, 100) == 0) {
            strike(&storm);
        }
    }
    heal(&storm);
    await_end(&storm, traffic, options.partition_count, seed);
    traffic_check(traffic, seed);
    if (fleet_clashes(storm.fleet) != 0) {
        (void)fprintf(stderr, "seed %" PRIu64 ": two owners\n", seed);
    }
    CHECK_EQ(fleet_clashes(storm.fleet), 0);
    takes = fleet_takes(storm.fleet);
    warm_takes += fleet_warm_takes(storm.fleet);
    add_snapshots(storm.fleet);
    fleet_destroy(storm.fleet);
    traffic_destroy(traffic);
    return takes;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(fleet, nothing_is_lost_or_doubled_under_faults)
{
    uint64_t from = number("FLEET_FROM", 1 + wf_random_os_seed() % 1000000000);
    uint64_t limit = number("FLEET_SECONDS", 0);
    uint64_t count = number("FLEET_SEEDS", limit > 0 ? 1000000000 : SEEDS);
    time_t ends_at = time(NULL) + (time_t)limit;
    weft_definitions *definitions;
    uint64_t takes = 0;
    uint64_t seeds = 0;

    CHECK_OK(weft_definitions_create(&definitions));
    CHECK_OK(account_define(definitions));
    (void)printf("seeds from %" PRIu64 "\n", from);
    (void)fflush(stdout);
    for (; seeds < count && (limit == 0 || time(NULL) < ends_at); seeds++) {
        takes += run_seed(from + seeds, definitions);
    }
    weft_definitions_destroy(definitions);
    for (int i = 0; i < FAULT_COUNT; i++) {
        (void)printf("%8" PRIu64 "  %s\n", met[i], fault_names[i]);
    }
    (void)printf("%" PRIu64 " seeds, %" PRIu64 " partitions taken, %" PRIu64
                 " of them read ahead\n",
                 seeds, takes, warm_takes);
    (void)printf("snapshots: %" PRIu64 " made, %" PRIu64 " failed, %" PRIu64
                 " stores restored, %" PRIu64 " files collected\n",
                 snapshots.made, snapshots.failed, snapshots.restored,
                 snapshots.removed_files);
    CHECK(seeds < SEEDS || (snapshots.made > 0 && snapshots.restored > 0));
}
