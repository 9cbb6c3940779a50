// SPDX-License-Identifier: Apache-2.0
//
// guest_loop.c - cut the power of the machine that the victim lives on.
//
//     guest_loop BOOT_DIR CHECKER short            [SEED]
//     guest_loop BOOT_DIR CHECKER SECONDS          [SEED [ROUND]]
//
// BOOT_DIR is what make.sh made. In a round, a guest is booted on the same disk
// again and again, and cut at a random time: while the disk is mounted, the
// node opened, or its clients are at work. At the end the victim may finish,
// its directory is verified, and crash_check compares what the clients were
// told with what came of it.
//
// The same round must show a loss when the victim's syncs do nothing, and when
// the disk does not listen to flushes. One that does not is a failure of this
// test: it would show nothing.
//
// ROUND, from 0, is the first one. GUEST_ACCEL=tcg or kvm chooses how guests
// are run. The directory of a round that failed is kept, and named.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest/guest.h"

#define LIFE_MS 4000
#define LIFE_MS_MAX 40000 // with a slow processor
#define ANSWERS_LEAST 50
#define ROUND_S_LEAST 60 // what a round may take with a slow processor

struct setting {
    const char *fs;
    const char *mount;
    const char *victim;
};

static const struct setting settings[] = {
    {"ext4", "", "--shards 1 --stores 1 --window 65536"},
    {"xfs", "", "--shards 2 --stores 2 --window none"},
    {"ext4", "data=writeback", "--shards 1 --stores 1 --window none"},
    {"xfs", "", "--shards 1 --stores 1 --window default --strict"},
    {"ext4", "data=journal", "--shards 2 --stores 4 --window 65536"},
    {"ext4", "", "--shards 1 --stores 1 --window default"},
    {"ext4", "nodelalloc", "--shards 2 --stores 1 --window none --strict"},
};
#define SETTINGS_COUNT (sizeof(settings) / sizeof(settings[0]))

struct tally {
    uint32_t cuts; // that must lose nothing
    uint32_t answers;
    uint32_t faults;
    uint32_t losing; // rounds that must show a loss
    uint32_t unshown;
};

// Of a round. -----------------------------------------------------------------

static void
life_of(const struct guest *guest, const char *more, char *text, size_t size)
{
    (void)snprintf(text, size, "%s --residents 192 %s", guest->victim, more);
}

// When to cut, in microseconds after the victim begins.
static uint64_t
draw_us(struct guest *guest)
{
    switch (loop_draw(&guest->loop, 6)) {
    case 0:
        return loop_draw(&guest->loop, 300000);
    case 1:
    case 2:
        return loop_draw(&guest->loop, 2000000);
    default:
        return 1000000 + loop_draw(&guest->loop, (LIFE_MS - 1000) * 1000);
    }
}

static bool
live_and_cut(struct guest *guest, uint64_t us)
{
    char life[300];

    life_of(guest, "", life, sizeof(life));
    guest_boot(guest, life);
    return guest_wait_begin(guest) && guest_cut(guest, us);
}

// New disks, and a first life that is long enough for so much to be answered
// that a loss is seen. Returns how much; 0: it failed.
static uint32_t
make_answered(struct guest *guest)
{
    uint32_t answers = 0;

    for (uint64_t ms = LIFE_MS; ms <= LIFE_MS_MAX; ms *= 3) {
        if (!guest_make(guest) || !live_and_cut(guest, ms * 1000)) {
            return 0;
        }
        answers = guest_read_record(guest);
        if (answers >= ANSWERS_LEAST) {
            return answers;
        }
        loop_remove_dir(&guest->loop);
    }
    loop_fail(&guest->loop, "too little was answered to show anything");
    return 0;
}

// Verify, finish, verify, check. True if nothing is wrong.
static bool
finish(struct guest *guest, const char *checker)
{
    char record[400];
    const char *args[] = {checker, record, NULL};
    char verify[300];
    char last[300];
    char lives[1000];
    int status;
    pid_t pid;

    life_of(guest, "--verify", verify, sizeof(verify));
    life_of(guest, "--finish", last, sizeof(last));
    (void)snprintf(lives, sizeof(lives), "%s then %s then %s", verify, last,
                   verify);
    guest_boot(guest, lives);
    if (!guest_wait_end(guest) || guest_read_record(guest) == 0) {
        return false;
    }
    (void)snprintf(record, sizeof(record), "%s/record", guest->loop.dir);
    pid = loop_spawn(&guest->loop, args, NULL);
    if (!loop_wait(pid, 60000000, &status)) {
        loop_kill(pid, &status);
    }
    return loop_ended_well(status);
}

static void
set(struct guest *guest, const struct setting *setting)
{
    guest->fs = setting->fs;
    guest->mount = setting->mount;
    guest->victim = setting->victim;
    guest->is_synced = true;
    guest->is_listening = true;
}

// Rounds. ---------------------------------------------------------------------

// So many cuts, after which nothing is lost.
static void
keep_round(struct guest *guest, const char *checker, uint32_t cuts,
           struct tally *tally)
{
    uint32_t before = guest->loop.failures;
    uint32_t answers = make_answered(guest);
    bool is_fine = answers > 0;

    while (is_fine && guest->loop.kills < cuts) {
        is_fine = live_and_cut(guest, draw_us(guest));
    }
    if (is_fine) {
        is_fine = finish(guest, checker);
        loop_show_log(&guest->loop);
    }
    tally->cuts += guest->loop.kills;
    tally->answers += answers;
    (void)printf(
        "%s %s, %s: %" PRIu32 " cuts, %" PRIu32 " answers at the first\n",
        guest->fs, guest->mount, guest->victim, guest->loop.kills, answers);
    (void)fflush(stdout);
    if (!is_fine && guest->loop.failures == before) {
        loop_fail(&guest->loop, "something is lost, or doubled");
    }
    tally->faults += guest->loop.failures - before;
    if (guest->loop.failures == before) {
        loop_remove_dir(&guest->loop);
    }
}

// One cut, after which something is lost.
static void
lose_round(struct guest *guest, const char *checker, const char *how,
           struct tally *tally)
{
    uint32_t before = guest->loop.failures;
    uint32_t answers = make_answered(guest);

    if (answers > 0 && finish(guest, checker)) {
        loop_fail(&guest->loop, "nothing is lost, so nothing is shown");
    }
    (void)printf("%s, %s: %" PRIu32 " answers before the cut, %s\n", how,
                 guest->fs, answers,
                 guest->loop.failures == before ? "and a loss, as it must be"
                                                : "and no loss");
    (void)fflush(stdout);
    tally->losing++;
    tally->unshown += guest->loop.failures - before;
    if (guest->loop.failures == before) {
        loop_remove_dir(&guest->loop);
    }
}

// All of it. ------------------------------------------------------------------

static void
run_short(struct guest *guest, const char *checker, struct tally *tally)
{
    set(guest, &settings[0]);
    keep_round(guest, checker, 2, tally);
    guest->is_synced = false;
    lose_round(guest, checker, "nothing is synced", tally);
}

static void
run_long(struct guest *guest, const char *checker, uint64_t seconds,
         uint32_t round, struct tally *tally)
{
    uint64_t until_ms = loop_mono_ms() + seconds * 1000;

    // What may take a round more than is left of the time is not begun.
    do {
        set(guest, &settings[round % SETTINGS_COUNT]);
        if (round % 5 == 3) {
            guest->is_synced = false;
            lose_round(guest, checker, "nothing is synced", tally);
        } else if (round % 5 == 4) {
            guest->is_listening = false;
            lose_round(guest, checker, "no flush is listened to", tally);
        } else {
            keep_round(guest, checker, 2 + loop_draw(&guest->loop, 6), tally);
        }
        round++;
    } while (loop_mono_ms() + ROUND_S_LEAST * 1000 < until_ms);
}

int
main(int argc, char **argv)
{
    struct guest guest = {0};
    struct tally tally = {0};
    char kernel[400];
    char initrd[400];

    if (argc < 4) {
        (void)fprintf(stderr, "usage: guest_loop BOOT_DIR CHECKER "
                              "short|SECONDS [SEED [ROUND]]\n");
        return 2;
    }
    (void)snprintf(kernel, sizeof(kernel), "%s/kernel", argv[1]);
    (void)snprintf(initrd, sizeof(initrd), "%s/initrd", argv[1]);
    guest.kernel = kernel;
    guest.initrd = initrd;
    guest.loop.random =
        argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)time(NULL);
    (void)printf("seed %" PRIu64 "\n", guest.loop.random);
    guest_choose_accel(&guest);
    (void)printf("guests are run with %s\n", guest.accel);
    (void)fflush(stdout);
    if (strcmp(argv[3], "short") == 0) {
        run_short(&guest, argv[2], &tally);
    } else {
        run_long(&guest, argv[2], strtoull(argv[3], NULL, 10),
                 argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0, &tally);
    }
    (void)printf("RESULT\tpower cuts of a guest (%s)\t%" PRIu32 "\t%" PRIu32
                 "\t%" PRIu32 " answers before the cuts\n"
                 "RESULT\tthe same without syncs or flushes\t%" PRIu32
                 "\t%" PRIu32 "\tfaults: rounds that showed no loss\n",
                 guest.accel, tally.cuts, tally.faults, tally.answers,
                 tally.losing, tally.unshown);
    return guest.loop.failures == 0 ? 0 : 1;
}
