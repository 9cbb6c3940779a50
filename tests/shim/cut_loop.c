// SPDX-License-Identifier: Apache-2.0
//
// cut_loop.c - the power is cut, in each scene, anywhere.
//
//     cut_loop VICTIM SHIM sample SECONDS [SEED]   some scenes, and the proof
//                                                  that cuts are seen at all
//     cut_loop VICTIM SHIM all SECONDS [SEED]      as far as time goes
//     cut_loop VICTIM SHIM one SCENE SEED          all cuts of one run
//
// One run: a scene is played, in one to three lives of which all but the last
// are killed, and everything that they do to the disk is written down (shim.h).
// Then the power is cut at some places of that trace, in every way (disk.h).
// Each cut is a directory on which the scene is played to its end; some of them
// are cut once more while they recover. Whatever was answered before the cut
// must be there.
//
// What a client was told is beside the disk: it knows what it knows.
//
// Cuts that show nothing are worth nothing: the same is done with a program
// whose syncs do nothing, and there the checker must find that something is
// missing. And a trace that was cut nowhere must give the directory that there
// really is.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/disk.h"
#include "shim/loop.h"

#define CUTS_OF_RUN 6
#define LIVES_MAX 3
#define DIR_SIZE (LOOP_PATH / 2)

struct run {
    struct loop *loop;
    const struct scene *scene;
    uint64_t seed;
    bool is_unsynced;
    char root[DIR_SIZE];
    char trace[LOOP_PATH];
    char faults[LIVES_MAX][LOOP_FAULT]; // that its lives had
    uint64_t cuts;
};

static uint64_t
draw(struct run *run, uint64_t below)
{
    run->seed = scene_mix(run->seed, 5);
    return (run->seed >> 20) % below;
}

// Playing. -------------------------------------------------------------------

// A life may be killed, or have one sync fail.
static void
draw_fault(struct run *run, bool is_last, char fault[LOOP_FAULT])
{
    static const char *const classes[] = {"write", "sync", "name"};
    static const char *const kills[] = {"before", "after", "torn"};

    fault[0] = '\0';
    if (!is_last) {
        (void)snprintf(fault, LOOP_FAULT, "%s:%s:%u", classes[draw(run, 3)],
                       kills[draw(run, 3)], 1 + (unsigned)draw(run, 50));
    } else if (draw(run, 4) == 0) {
        (void)snprintf(fault, LOOP_FAULT, "sync:eio:%u",
                       1 + (unsigned)draw(run, 40));
    }
}

// False: a life ended as none may. What the shim does here is what shim_loop
// judges; a node that does not open for it is right.
static bool
play_lives(struct run *run, uint32_t lives)
{
    for (uint32_t life = 0; life < lives; life++) {
        char *fault = run->faults[life];
        struct loop_life given = {.trace = run->trace,
                                  .is_unsynced = run->is_unsynced};
        int status;

        draw_fault(run, life + 1 == lives, fault);
        given.fault = fault[0] == '\0' ? NULL : fault;
        status = loop_live(run->loop, run->scene, &given);
        disk_trim_trace(run->trace);
        if (status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) > 1) ||
            (WIFSIGNALED(status) && WTERMSIG(status) != 9)) {
            loop_fail(run->loop, "%s: life %" PRIu32 ", %s: %s",
                      run->scene->name, life, fault, loop_status_text(status));
            return false;
        }
    }
    return true;
}

// Cutting. -------------------------------------------------------------------

static struct disk *
begin_disk(const char *root)
{
    return disk_create(root, "disk");
}

// The real directory, but for what is written behind the shim's back: the black
// box by mmap, and what the victim writes of itself beside the disk.
static void
check_whole(struct run *run, struct disk *disk)
{
    char copy[LOOP_PATH];
    char command[LOOP_PATH * 3];

    (void)snprintf(copy, sizeof(copy), "%s-whole", run->root);
    disk_cut(disk, DISK_ALL, 0, copy);
    (void)snprintf(command, sizeof(command),
                   "diff -r -q -x blackbox '%s/disk' '%s/disk'", run->root,
                   copy);
    if (system(command) != 0) {
        loop_fail(run->loop, "%s: the trace is not what was done",
                  run->scene->name);
    }
    loop_remove_tree(copy);
}

// Recover what a cut left, to the end; once in a while under a trace of its own
// that is cut as well.
static void
recover(struct run *run, const char *root, uint64_t seed)
{
    struct loop *loop = run->loop;
    struct run inner = {.loop = loop,
                        .scene = run->scene,
                        .seed = seed,
                        .is_unsynced = run->is_unsynced};
    struct disk *disk;
    char again[DIR_SIZE + 8];

    (void)snprintf(loop->root, sizeof(loop->root), "%s", root);
    loop->is_kept = false;
    if (draw(&inner, 4) != 0) {
        (void)loop_finish(loop, run->scene);
        return;
    }
    (void)snprintf(inner.trace, sizeof(inner.trace), "%s-trace", root);
    disk = begin_disk(root);
    if (play_lives(&inner, 1)) {
        (void)disk_play(disk, inner.trace,
                        draw(&inner, disk_entries(inner.trace) + 1));
        (void)snprintf(again, sizeof(again), "%s-again", root);
        disk_cut(disk, (enum disk_luck)draw(&inner, DISK_LUCK_COUNT),
                 inner.seed, again);
        loop_remove_tree(root);
        (void)rename(again, root);
        (void)loop_finish(loop, run->scene);
    }
    disk_destroy(disk);
    (void)unlink(inner.trace);
}

// And what was left, as it was before it was recovered.
static void
tell_cut(const struct run *run, struct disk *disk, enum disk_luck luck,
         uint64_t at, uint64_t seed)
{
    char left[LOOP_PATH];

    (void)snprintf(left, sizeof(left), "%s-left", run->root);
    loop_remove_tree(left);
    disk_cut(disk, luck, seed, left);
    (void)printf("  %s is cut at %" PRIu64 ", luck %s; lives '%s' '%s' '%s'\n",
                 left, at, disk_luck_names[luck], run->faults[0],
                 run->faults[1], run->faults[2]);
}

// One cut. False: something is wrong with what is left.
static bool
cut_here(struct run *run, struct disk *disk, enum disk_luck luck, uint64_t at,
         uint64_t seed)
{
    uint32_t before = run->loop->failures;
    char root[DIR_SIZE];

    (void)snprintf(root, sizeof(root), "%.180s-cut", run->root);
    disk_cut(disk, luck, seed, root);
    recover(run, root, seed);
    run->cuts++;
    if (!run->loop->is_kept) {
        loop_remove_tree(root);
    } else {
        tell_cut(run, disk, luck, at, seed);
    }
    return run->loop->failures == before;
}

static int
compare_places(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return (*left > *right) - (*left < *right);
}

// The end, right behind an answer, right before something is synced, or
// anywhere.
static uint64_t
draw_place(struct run *run, int i, uint64_t entries)
{
    uint64_t any = draw(run, entries);

    switch (i) {
    case 0:
        return entries;
    case 1:
    case 2:
    case 3:
        return disk_after_answer(run->trace, any);
    case 4:
        return disk_before_sync(run->trace, any);
    default:
        return any + 1;
    }
}

static void
cut_everywhere(struct run *run, struct disk *disk)
{
    uint64_t entries = disk_entries(run->trace);
    uint64_t places[CUTS_OF_RUN];

    for (int i = 0; i < CUTS_OF_RUN; i++) {
        places[i] = draw_place(run, i, entries);
    }
    qsort(places, CUTS_OF_RUN, sizeof(places[0]), compare_places);
    for (int i = 0; i < CUTS_OF_RUN; i++) {
        (void)disk_play(disk, run->trace, places[i]);
        if (!cut_here(run, disk, (enum disk_luck)draw(run, DISK_LUCK_COUNT),
                      places[i], run->seed)) {
            return;
        }
    }
    check_whole(run, disk);
}

static void
begin_run(struct run *run, struct loop *loop)
{
    loop_begin(loop);
    run->loop = loop;
    (void)snprintf(run->root, sizeof(run->root), "%s", loop->root);
    (void)snprintf(run->trace, sizeof(run->trace), "%s-trace", loop->root);
}

static void
end_run(struct run *run)
{
    bool is_kept = run->loop->is_kept;

    if (!is_kept) {
        loop_remove_tree(run->root);
    }
    if (!is_kept) {
        (void)unlink(run->trace);
    }
    run->loop->is_kept = false;
}

static uint64_t
run_scene(struct loop *loop, const struct scene *scene, uint64_t seed)
{
    struct run run = {.scene = scene, .seed = seed};
    uint32_t before = loop->failures;
    struct disk *disk;

    begin_run(&run, loop);
    disk = begin_disk(run.root);
    if (play_lives(&run, 1 + (uint32_t)draw(&run, LIVES_MAX))) {
        cut_everywhere(&run, disk);
    }
    disk_destroy(disk);
    if (loop->failures > before) {
        (void)printf("repeat: cut_loop %s %s one %s %" PRIu64 "\n",
                     loop->victim, loop->shim, scene->name, seed);
    }
    end_run(&run);
    return run.cuts;
}

// Without syncs. -------------------------------------------------------------

// Everything is answered, nothing synced, and nothing is left. Is that seen?
static bool
is_loss_seen(struct loop *loop, const struct scene *scene)
{
    struct run run = {.scene = scene, .is_unsynced = true};
    struct loop_life life = {.is_unsynced = true};
    uint32_t before = loop->failures;
    struct disk *disk;
    bool is_seen = false;

    begin_run(&run, loop);
    disk = begin_disk(run.root);
    life.trace = run.trace;
    if (loop_live(loop, scene, &life) == 0) {
        (void)disk_play(disk, run.trace, UINT64_MAX);
        loop->is_quiet = true;
        // Once more with luck, which must not be enough.
        is_seen = !cut_here(&run, disk, DISK_NOTHING, 0, 2);
        loop->is_quiet = false;
    }
    loop->failures = before;
    disk_destroy(disk);
    end_run(&run);
    return is_seen;
}

static void
check_sight(struct loop *loop)
{
    static const char *const scenes[] = {"add_strict", "signal", "two_stores"};

    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (!is_loss_seen(loop, scene_find(scenes[i]))) {
            loop_fail(loop, "%s: without syncs nothing is missed", scenes[i]);
        }
    }
}

// All of it. -----------------------------------------------------------------

int
main(int argc, char **argv)
{
    static struct loop loop;
    uint64_t cuts = 0;
    bool is_sample;
    uint64_t end_ms;

    if (argc < 5) {
        (void)fprintf(stderr, "usage: cut_loop VICTIM SHIM "
                              "sample|all SECONDS [SEED] | one SCENE SEED\n");
        return 2;
    }
    loop_init(&loop, argv);
    if (strcmp(argv[3], "one") == 0) {
        cuts = argc < 6 || scene_find(argv[4]) == NULL
                   ? 0
                   : run_scene(&loop, scene_find(argv[4]),
                               strtoull(argv[5], NULL, 10));
    } else {
        is_sample = strcmp(argv[3], "sample") == 0;
        end_ms = loop_now_ms() + strtoull(argv[4], NULL, 10) * 1000;
        loop.random = argc > 5 ? strtoull(argv[5], NULL, 10) : loop_now_ms();
        (void)printf("seed %" PRIu64 "\n", loop.random);
        check_sight(&loop);
        while (loop_now_ms() < end_ms) {
            const struct scene *scene =
                &scene_table[loop_draw(&loop, scene_count)];

            if (!is_sample || !scene_is_slow(scene)) {
                cuts += run_scene(&loop, scene, scene_mix(loop.random, 7));
            }
        }
    }
    (void)printf("RESULT\tpower cuts, in %" PRIu32 " scenes\t%" PRIu64
                 "\t%" PRIu32 "\tof %" PRIu64 " runs\n",
                 scene_count, cuts, loop.failures, loop.runs);
    loop_fini(&loop);
    return loop.failures == 0 ? 0 : 1;
}
