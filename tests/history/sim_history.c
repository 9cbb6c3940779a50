// SPDX-License-Identifier: Apache-2.0
//
// sim_history.c - what clients see of objects in the simulator, while its sites
// crash, lose frames and doubt their commits, given to the checkers.
//
//     history_sim [--seeds N] [--from SEED] [--seconds N] [--show]
//
// Each seed is one run. The last line is for tests/proof; the status is 1 if
// there were faults, each with the command that repeats it.

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "history/epochs.h"
#include "history/work.h"
#include "runtime/partition_impl.h"
#include "sim/world_impl.h"

enum {
    SITES_MAX = 5,
    BEHIND_MS_MAX = 500000, // the world begins at twice that
    OPS = 200,
    CALLS_MAX = 4096, // under way
    TIMER_BOUND_MS = 40,
    TURNS_MAX = 2000000,
};

// One call, as the simulator has it and as the work has it.
struct open_call {
    struct world_call *shown;
    struct work_call *call;
    bool was_refused; // and the work was told
};

struct rig {
    struct world *world;
    struct work *work;
    struct open_call calls[CALLS_MAX];
    uint32_t calls_count;
    uint64_t owners[SITES_MAX]; // of each site, when it was looked at last
    uint64_t seen[SITES_MAX];   // commits of its log
    struct epochs_segment *segments;
    size_t segments_count;
    size_t segments_cap;
    uint64_t owner; // of what is read
    bool has_jumps;
    uint64_t jumps; // the chance of them
    uint64_t behind_ms[SITES_MAX];
};

static char repeat[200];

static void
on_signal(int number)
{
    (void)!write(STDERR_FILENO, repeat, strlen(repeat));
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

// Carrying. -------------------------------------------------------------------

static uint64_t
submit(void *ctx, const weft_request *request, struct work_call *call)
{
    struct rig *rig = ctx;
    uint64_t number = request->number;

    if (rig->calls_count == CALLS_MAX) {
        abort();
    }
    if (number == 0) {
        number = world_next_number(rig->world);
    }
    rig->calls[rig->calls_count++] = (struct open_call){
        .shown = world_submit(rig->world, request), .call = call};
    return number;
}

static uint64_t
now_ms(void *ctx)
{
    struct rig *rig = ctx;

    return world_now_ms(rig->world);
}

static void
answer(struct work_call *call, const struct world_call *shown)
{
    weft_bytes data = weft_bytes_of(shown->data, shown->data_len);
    int64_t number = 0;

    if (shown->capsule.len > 0) {
        data = shown->capsule;
    } else if (shown->items_count > 0 &&
               strncmp(shown->attributes, "n=", 2) == 0) {
        number = strtoll(shown->attributes + 2, NULL, 10);
        data = weft_bytes_of(&number, sizeof(number));
    }
    work_answered(call, shown->err, data);
}

static void
take_answers(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->calls_count;) {
        struct open_call open = rig->calls[i];

        if (open.shown->was_refused && !open.was_refused) {
            rig->calls[i].was_refused = true;
            work_call_again(open.call);
        }
        if (!open.shown->is_answered) {
            i++;
            continue;
        }
        rig->calls_count--;
        memmove(&rig->calls[i], &rig->calls[i + 1],
                (rig->calls_count - i) * sizeof(rig->calls[0]));
        answer(open.call, open.shown);
    }
}

// Owners. ---------------------------------------------------------------------

static weft_err
take_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
            uint32_t count)
{
    struct rig *rig = ctx;

    (void)number;
    for (uint32_t i = 0; i < count; i++) {
        if (rig->segments_count == rig->segments_cap) {
            rig->segments_cap =
                rig->segments_cap == 0 ? 1024 : rig->segments_cap * 2;
            rig->segments = realloc(rig->segments,
                                    rig->segments_cap * sizeof(*rig->segments));
            if (rig->segments == NULL) {
                abort();
            }
        }
        rig->segments[rig->segments_count++] = (struct epochs_segment){
            .partition = segments[i].partition,
            .epoch = segments[i].epoch,
            .owner = rig->owner,
            .first = segments[i].first_record,
            .count = segments[i].record_count,
        };
    }
    return WEFT_OK;
}

// What came into the site's log since it was looked at last. If it crashed
// since, nobody knows who wrote that.
static bool
look_at_site(struct rig *rig, uint32_t index)
{
    const struct wf_log *log = &rig->world->sites[index].log;
    uint64_t owner = world_partition(rig->world, index)->options.incarnation;
    uint64_t last = log->ops->last(log->self);
    uint64_t from = rig->seen[index] + 1;
    bool has_crashed = rig->owners[index] != 0 && rig->owners[index] != owner;

    if (from < log->ops->first(log->self)) {
        from = log->ops->first(log->self);
    }
    rig->owner = has_crashed ? 0 : owner;
    if (last >= from) {
        world_must(log->ops->read(log->self, from, take_commit, rig));
        rig->seen[index] = last;
    }
    rig->owners[index] = owner;
    return has_crashed;
}

// A process dies, and when it begins again its clock has been put back: what it
// knows of time must not go back with it.
static void
put_back(struct rig *rig, uint64_t random)
{
    uint32_t site = (uint32_t)(random % rig->world->options.sites);
    uint64_t by = 1 + random / 8 % 20000;

    if (rig->behind_ms[site] + by <= BEHIND_MS_MAX) {
        rig->behind_ms[site] += by;
        world_jump(rig->world, site, -(int64_t)by);
        world_crash(rig->world, site);
    }
}

// The clock goes forward at once, as after a sleep of the machine; or back.
static void
jump(struct rig *rig)
{
    rig->jumps = history_mix(rig->jumps, 1);
    if (rig->jumps % 3000 == 0) {
        rig->world->now_ms += 1 + rig->jumps / 3000 % 30000;
    } else if (rig->jumps % 3000 == 1) {
        put_back(rig, rig->jumps / 3000);
    }
}

// All clocks are right again.
static void
set_clocks(struct rig *rig)
{
    rig->has_jumps = false;
    for (uint32_t i = 0; i < rig->world->options.sites; i++) {
        world_jump(rig->world, i, (int64_t)rig->behind_ms[i]);
        rig->behind_ms[i] = 0;
    }
}

static void
turn(void *ctx)
{
    struct rig *rig = ctx;
    bool has_crashed = false;

    if (rig->has_jumps) {
        jump(rig);
    }
    if (!world_step(rig->world)) {
        world_run_ms(rig->world, 20);
    }
    for (uint32_t i = 0; i < rig->world->options.sites; i++) {
        has_crashed = look_at_site(rig, i) || has_crashed;
    }
    if (has_crashed && rig->work != NULL) {
        work_disturbed(rig->work);
    }
    take_answers(rig);
}

// Runs. -----------------------------------------------------------------------

static struct world *
make_world(uint64_t seed, bool is_calm, const weft_definitions *definitions)
{
    uint64_t chance = history_mix(seed, 1);

    return world_create(&(struct world_options){
        .seed = seed,
        .sites = 1 + (uint32_t)(chance % SITES_MAX),
        .window_bytes = chance / 8 % 3 == 0   ? 0
                        : chance / 8 % 3 == 1 ? 16384
                                              : 1 << 20,
        .residents_max = chance / 32 % 2 == 0 ? 3 : 1000,
        .stacks_max = chance / 64 % 2 == 0 ? 2 : 100,
        .is_paranoid = chance / 128 % 8 == 0,
        .definitions = definitions,
        .frame_loss = is_calm ? 0 : 60,
        .frame_double = is_calm ? 0 : 60,
        .crash_at_commit = is_calm                  ? 0
                           : chance / 1024 % 2 == 0 ? 12
                                                    : 50,
        .commit_in_doubt = is_calm ? 0 : 8,
        .commit_stall = is_calm ? 0 : 8,
        .again_ms = 40,
        .twin_every = 1000, // sim.random has those
    });
}

// Returns how many faults it found, and says them.
static size_t
run_seed(uint64_t seed, struct work_counts *sum, bool is_shown)
{
    weft_definitions *definitions = NULL;
    struct rig *rig = history_alloc(1, sizeof(*rig));
    bool is_calm = history_mix(seed, 2) % 5 == 0;
    struct history_faults *faults;
    size_t count;

    world_must(weft_definitions_create(&definitions));
    world_must(kinds_define(definitions));
    rig->jumps = history_mix(seed, 6);
    rig->has_jumps = !is_calm && seed % 2 == 0;
    rig->world = make_world(seed, is_calm, definitions);
    for (uint32_t i = 0; i < rig->world->options.sites; i++) {
        (void)look_at_site(rig, i);
    }
    rig->work = work_create(&(struct work_options){
        .seed = history_mix(seed, 3),
        .driver = {submit, turn, now_ms, rig},
        .ops = OPS,
        .notes = 250,
        .timers = 80,
        .pays = 100,
        .burst = history_mix(seed, 4) % 16 == 0 ? 1200 : 0,
        .lose = history_mix(seed, 5) % 3 == 0 ? 0 : 100,
        .has_resets = true,
    });
    if (is_calm) {
        work_quiet(rig->work, true);
    }
    for (uint32_t i = 0; i < TURNS_MAX && !work_is_done(rig->work); i++) {
        work_step(rig->work);
        turn(rig);
    }
    world_calm(rig->world);
    set_clocks(rig);
    if (!is_calm) {
        work_quiet(rig->work, true);
    }
    work_finish(rig->work, TIMER_BOUND_MS);
    faults = work_faults(rig->work);
    epochs_check(rig->segments, rig->segments_count, false, faults);
    if (world_audit(rig->world) != 0) {
        history_fault(faults, "the audit finds sleepers");
    }
    if (!work_is_done(rig->work)) {
        history_fault(faults, "it came to no end");
    }
    count = faults->count;
    if (count > 0) {
        (void)printf("%s%s", faults->text, repeat);
    }
    if (is_shown) {
        work_write(rig->work, stdout);
    }
    work_counts_add(sum, work_counts(rig->work));
    work_destroy(rig->work);
    world_destroy(rig->world);
    weft_definitions_destroy(definitions);
    free(rig->segments);
    free(rig);
    return count;
}

static void
say(const struct work_counts *sum, uint64_t seeds, uint64_t faults)
{
    (void)printf("%" PRIu64 " seeds: %" PRIu64 " operations (%" PRIu64
                 " lost, %" PRIu64 " repeated), %" PRIu64 " effects, %" PRIu64
                 " sends, %" PRIu64 " timers, %" PRIu64 " coins, %" PRIu64
                 " actors looked at\n",
                 seeds, sum->operations, sum->lost, sum->repeated, sum->effects,
                 sum->sends, sum->timers, sum->coins, sum->wakes);
    (void)printf("RESULT\thistories in the simulator\t%" PRIu64 "\t%" PRIu64
                 "\t%" PRIu64 " seeds, %" PRIu64 " not decided\n",
                 sum->histories, faults, seeds, sum->undecided);
}

static uint64_t
number_after(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

int
main(int argc, char **argv)
{
    uint64_t from = number_after(argc, argv, "--from",
                                 1 + wf_random_os_seed() % 1000000000);
    uint64_t seconds = number_after(argc, argv, "--seconds", 1000000000);
    uint64_t count = number_after(argc, argv, "--seeds", 1000000000);
    bool is_shown = strcmp(argv[argc - 1], "--show") == 0;
    struct work_counts sum = {0};
    time_t begun = time(NULL);
    uint64_t faults = 0;
    uint64_t seed = from;

    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGSEGV, on_signal);
    for (; seed < from + count && (uint64_t)(time(NULL) - begun) < seconds;
         seed++) {
        (void)snprintf(repeat, sizeof(repeat),
                       "repeat: %s --from %" PRIu64 " --seeds 1\n", argv[0],
                       seed);
        faults += run_seed(seed, &sum, is_shown);
        (void)fflush(stdout);
    }
    say(&sum, seed - from, faults);
    return faults == 0 ? 0 : 1;
}
