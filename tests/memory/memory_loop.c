// SPDX-License-Identifier: Apache-2.0
//
// memory_loop.c - let each allocation of each scene fail.
//
//     memory_loop PLAY HUNGER SECONDS [SEED [CALL SETTING [NTH]]]
//     memory_loop PLAY HUNGER short   [SEED]
//
// Of each scene (scene.h), the first, second, third allocation fails and so on,
// until the call ends before so many. Each time one of these must come of it:
//
//   - the call succeeds all the same
//   - it fails with WEFT_ENOMEM, and succeeds when it is asked again
//   - its outcome is not known, and it succeeds when it is repeated
//   - the process stops, and says that it is out of memory; or RocksDB stops
//     it by using what it did not get
//
// and what the scene has done so far is there afterwards, once: scene_play
// sees to that, also in the process after one that stopped.
//
// short leaves out scenes and allocations by chance. CALL and SETTING, numbers
// from 0, choose one scene.

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/loop.h"
#include "memory/scene.h"

#define SILENCE_MS 60000 // in which nothing goes on: it hangs
#define ITEMS 400        // of one process
#define SHORT_MS 12000
#define SHORT_SCENE_MS 700
#define FAULTS_MAX 3 // of one scene

struct tally {
    uint64_t allocations;
    uint64_t fine;
    uint64_t refused;
    uint64_t unknown;
    uint64_t died;
    uint32_t scenes;
    uint32_t complete;
};

struct hungry {
    struct loop loop;
    const char *play;
    const char *hunger;
    struct scene_state *state;
    uint32_t call;
    uint32_t setting;
    uint64_t step;
    struct tally tally;
};

// A directory for a scene. ----------------------------------------------------

static void
make_scene(struct hungry *hungry, uint64_t nth)
{
    char path[400];
    int fd;

    loop_make_dir(&hungry->loop, "memory");
    (void)snprintf(path, sizeof(path), "%s/state", hungry->loop.dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof(*hungry->state)) != 0) {
        perror(path);
        exit(3);
    }
    hungry->state = mmap(NULL, sizeof(*hungry->state), PROT_READ | PROT_WRITE,
                         MAP_SHARED, fd, 0);
    if (hungry->state == MAP_FAILED) {
        perror(path);
        exit(3);
    }
    (void)close(fd);
    hungry->state->nth = nth;
    (void)setenv("HUNGER_STATE", path, 1);
}

// Returns where the next directory of the scene goes on.
static uint64_t
end_scene(struct hungry *hungry, bool is_kept)
{
    struct scene_state *state = hungry->state;
    uint64_t nth = state->nth;

    hungry->tally.fine += state->fine;
    hungry->tally.refused += state->refused;
    hungry->tally.unknown += state->unknown;
    hungry->tally.died += state->died;
    hungry->tally.allocations +=
        state->fine + state->refused + state->unknown + state->died;
    hungry->tally.complete += state->is_covered && !is_kept;
    (void)munmap(state, sizeof(*state));
    if (!is_kept) {
        loop_remove_dir(&hungry->loop);
    }
    return nth;
}

// A process. ------------------------------------------------------------------

static void
fail(struct hungry *hungry, const char *what, int status)
{
    char text[300];

    (void)snprintf(
        text, sizeof(text),
        "%s under %s, allocation %" PRIu64 ": %s, status %x, asked for by %s; "
        "memory_loop PLAY HUNGER 60 1 %" PRIu32 " %" PRIu32 " %" PRIu64,
        scene_calls[hungry->call].name, scene_settings[hungry->setting].name,
        hungry->state->nth, what, (unsigned)status, hungry->state->hunger.asker,
        hungry->call, hungry->setting, hungry->state->nth);
    loop_show_log(&hungry->loop);
    loop_fail(&hungry->loop, text);
}

static pid_t
spawn(struct hungry *hungry)
{
    char call[16];
    char setting[16];
    char step[24];
    char items[24];
    const char *args[] = {
        hungry->play, hungry->loop.dir, call, setting, step, items, NULL};
    pid_t pid;

    (void)snprintf(call, sizeof(call), "%" PRIu32, hungry->call);
    (void)snprintf(setting, sizeof(setting), "%" PRIu32, hungry->setting);
    (void)snprintf(step, sizeof(step), "%" PRIu64, hungry->step);
    (void)snprintf(items, sizeof(items), "%d", ITEMS);
    atomic_store(&hungry->state->hunger.hits, 0);
    (void)setenv("LD_PRELOAD", hungry->hunger, 1);
    pid = loop_spawn(&hungry->loop, args, NULL);
    (void)unsetenv("LD_PRELOAD");
    return pid;
}

// False: nothing goes on any more.
static bool
wait_end(struct hungry *hungry, pid_t pid, int *out_status)
{
    uint64_t moved_ms = loop_mono_ms();
    uint64_t item = hungry->state->item;

    while (!loop_wait(pid, 50000, out_status)) {
        if (hungry->state->item != item) {
            item = hungry->state->item;
            moved_ms = loop_mono_ms();
        }
        if (loop_mono_ms() - moved_ms > SILENCE_MS) {
            loop_kill(pid, out_status);
            return false;
        }
    }
    return true;
}

// Libraries that have no way to give an error say so as well: RocksDB throws,
// or asserts that it got what it asked others for, and ZeroMQ ends the process
// by any of its assertions.
static bool
says_why(struct hungry *hungry)
{
    static const char *const words[] = {
        ": out of memory", "terminate called after", " rocksdb::", "(src/"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (loop_log_has(&hungry->loop, words[i])) {
            return true;
        }
    }
    return false;
}

// Its block cache does not look whether it got what it asked for, nor do LZ4
// and zstd as it uses them.
static bool
is_rocksdb(struct hungry *hungry)
{
    const char *asker = hungry->state->hunger.asker;

    return strncmp(asker, "librocksdb", 10) == 0 ||
           strncmp(asker, "liblz4", 6) == 0 ||
           strncmp(asker, "libzstd", 7) == 0;
}

// Did it stop as it may? Perhaps of an allocation of an item before: a thread
// of RocksDB that did not get its memory stops the process when it comes to it.
static bool
ended_starved(struct hungry *hungry, int status)
{
    if (!WIFSIGNALED(status) || atomic_load(&hungry->state->hunger.hits) == 0) {
        return false;
    }
    return (WTERMSIG(status) == SIGABRT && says_why(hungry)) ||
           (WTERMSIG(status) == SIGSEGV && is_rocksdb(hungry));
}

// One process. False: a fault, and it is said.
static bool
live(struct hungry *hungry)
{
    struct scene_state *state = hungry->state;
    pid_t pid = spawn(hungry);
    int status;

    if (!wait_end(hungry, pid, &status)) {
        fail(hungry, "it hangs", status);
        return false;
    }
    if (loop_ended_well(status)) {
        return true;
    }
    if (!ended_starved(hungry, status)) {
        fail(hungry, "it does not end well", status);
        return false;
    }
    atomic_store(&state->hunger.nth, 0);
    state->died++;
    state->nth += hungry->step;
    return true;
}

// A scene. --------------------------------------------------------------------

static void
run_scene(struct hungry *hungry, uint64_t nth, uint64_t until_ms)
{
    uint32_t before = hungry->loop.failures;
    bool is_over = false;

    hungry->tally.scenes++;
    while (!is_over && hungry->loop.failures - before < FAULTS_MAX) {
        bool is_fine = true;

        make_scene(hungry, nth);
        while (is_fine && !hungry->state->is_covered &&
               loop_mono_ms() < until_ms) {
            is_fine = live(hungry);
        }
        if (is_fine && hungry->state->done < hungry->state->item) {
            is_fine = live(hungry); // what the last one died over
        }
        is_over = is_fine;
        nth = end_scene(hungry, !is_fine) + hungry->step;
    }
}

static void
run_short(struct hungry *hungry)
{
    uint64_t until_ms = loop_mono_ms() + SHORT_MS;

    while (loop_mono_ms() < until_ms) {
        hungry->call = loop_draw(&hungry->loop, scene_calls_count);
        hungry->setting = loop_draw(&hungry->loop, scene_settings_count);
        hungry->step = 1 + loop_draw(&hungry->loop, 60);
        run_scene(hungry, 1 + loop_draw(&hungry->loop, (uint32_t)hungry->step),
                  loop_mono_ms() + SHORT_SCENE_MS);
    }
}

// All of them, each for its share of what is left.
static void
run_long(struct hungry *hungry, uint64_t seconds)
{
    uint32_t count = scene_calls_count * scene_settings_count;
    uint32_t first = loop_draw(&hungry->loop, count);
    uint64_t until_ms = loop_mono_ms() + seconds * 1000;

    hungry->step = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t now_ms = loop_mono_ms();
        // Far from each other, so that a short time sees all kinds of them.
        uint32_t scene = (first + i * 89) % count;

        if (now_ms >= until_ms) {
            break;
        }
        hungry->call = scene % scene_calls_count;
        hungry->setting = scene / scene_calls_count;
        run_scene(hungry, 1, now_ms + (until_ms - now_ms) / (count - i));
    }
}

static void
print_tally(const struct hungry *hungry)
{
    const struct tally *tally = &hungry->tally;

    (void)printf("RESULT\tan allocation fails\t%" PRIu64 "\t%" PRIu32
                 "\t%" PRIu32 " scenes, %" PRIu32 " to completion: %" PRIu64
                 " done all the same, %" PRIu64 " refused, %" PRIu64
                 " unknown and repeated, %" PRIu64 " ended the process\n",
                 tally->allocations, hungry->loop.failures, tally->scenes,
                 tally->complete, tally->fine, tally->refused, tally->unknown,
                 tally->died);
}

int
main(int argc, char **argv)
{
    struct hungry hungry = {0};

    if (argc < 4) {
        (void)fprintf(stderr, "usage: memory_loop PLAY HUNGER short|SECONDS "
                              "[SEED [CALL SETTING [NTH]]]\n");
        return 2;
    }
    // A directory that is not on a disk, if there is one.
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 0);
    }
    hungry.play = argv[1];
    hungry.hunger = argv[2];
    hungry.loop.random =
        argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)time(NULL);
    (void)printf("seed %" PRIu64 "\n", hungry.loop.random);
    if (argc > 6) {
        hungry.call = (uint32_t)strtoul(argv[5], NULL, 10) % scene_calls_count;
        hungry.setting =
            (uint32_t)strtoul(argv[6], NULL, 10) % scene_settings_count;
        hungry.step = 1;
        run_scene(&hungry, argc > 7 ? strtoull(argv[7], NULL, 10) : 1,
                  loop_mono_ms() + strtoull(argv[3], NULL, 10) * 1000);
    } else if (strcmp(argv[3], "short") == 0) {
        run_short(&hungry);
    } else {
        run_long(&hungry, strtoull(argv[3], NULL, 10));
    }
    print_tally(&hungry);
    return hungry.loop.failures == 0 ? 0 : 1;
}
