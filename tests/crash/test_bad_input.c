// SPDX-License-Identifier: Apache-2.0
//
// test_bad_input.c - directories that are held, of another shape, cut, damaged,
// old, or on a full disk: each is refused by name, and loses nothing.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/rig.h"
#include "support/test.h"
#include "weft/inspect.h"

#define PATH_SIZE 700

// Files. --------------------------------------------------------------------

static const char *
path_of(const struct rig *rig, const char *name, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", rig->dir, name);
    return path;
}

__attribute__((format(printf, 1, 2))) static void
shell(const char *format, ...)
{
    char command[3 * PATH_SIZE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    CHECK_EQ(system(command), 0);
}

// The newest write-ahead log of store 0, or its largest table.
static void
find_file(const struct rig *rig, const char *suffix, char path[PATH_SIZE])
{
    char dir_path[PATH_SIZE];
    struct dirent *entry;
    unsigned long best = 0;
    DIR *dir = opendir(path_of(rig, "store-0", dir_path));

    CHECK(dir != NULL);
    path[0] = '\0';
    while ((entry = readdir(dir)) != NULL) {
        char *end;
        unsigned long number = strtoul(entry->d_name, &end, 10);
        unsigned long weight = number;
        char file[PATH_SIZE + 300];
        struct stat status;

        (void)snprintf(file, sizeof(file), "%s/%s", dir_path, entry->d_name);
        if (end == entry->d_name || strcmp(end, suffix) != 0 ||
            stat(file, &status) != 0) {
            continue;
        }
        if (strcmp(suffix, ".sst") == 0) {
            weight = (unsigned long)status.st_size;
        }
        if (weight > best) {
            best = weight;
            (void)snprintf(path, PATH_SIZE, "%.690s", file);
        }
    }
    (void)closedir(dir);
    CHECK(path[0] != '\0');
}

static off_t
size_of(const char *path)
{
    struct stat status;

    CHECK_EQ(stat(path, &status), 0);
    return status.st_size;
}

static void
flip_bit(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    unsigned char byte;

    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

// A directory as a kill leaves it, its newest commits in the write-ahead log.
static void
init_dead(struct rig *rig, struct test *t)
{
    rig_init(rig, test_dir(t));
    rig_die(rig, 5);
}

#define DEAD_SUM (5 * RIG_COUNTERS)

// It is as it was, and goes on.
static void
check_whole(struct rig *rig, uint64_t sum)
{
    rig_open(rig);
    CHECK_EQ(rig_sum(rig), sum);
    CHECK_OK(rig_add(rig, 1));
    CHECK_EQ(rig_sum(rig), sum + RIG_COUNTERS);
    rig_close(rig);
    rig_open(rig);
    CHECK_EQ(rig_sum(rig), sum + RIG_COUNTERS);
}

// Refused; then, the loss accepted, it goes on with what there is. Once is
// enough: the next open needs no such word.
static void
check_lost(struct rig *rig, const char *detail)
{
    uint64_t print = rig_print(rig);
    uint64_t sum;

    rig_refused(rig, WEFT_ELOST, detail);
    CHECK_EQ(rig_print(rig), print); // nothing was changed
    rig_refused(rig, WEFT_ELOST, detail);
    rig->options.accept_loss = 1;
    rig_open(rig);
    rig->options.accept_loss = 0;
    sum = rig_sum(rig);
    CHECK(sum <= DEAD_SUM);
    rig_close(rig);
    check_whole(rig, sum);
}

// Held, and of another shape. -------------------------------------------------

TEST(bad_input, a_directory_that_another_process_holds_is_refused)
{
    struct rig second;
    struct rig rig;

    rig_init(&rig, test_dir(t));
    rig_open(&rig);
    CHECK_OK(rig_add(&rig, 1));
    CHECK_ERR(rig_open_elsewhere(&rig), WEFT_EBUSY);
    rig_init(&second, rig.dir); // nor does this process open it twice
    rig_refused(&second, WEFT_EBUSY, rig.dir);
    rig_fini(&second);
    CHECK_OK(rig_add(&rig, 1)); // and its holder goes on
    CHECK_EQ(rig_sum(&rig), 2 * RIG_COUNTERS);
    rig_close(&rig);
    check_whole(&rig, 2 * RIG_COUNTERS);
    rig_fini(&rig);
}

TEST(bad_input, other_counts_are_refused_and_nothing_is_lost)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    rig.options.partition_count = 5;
    rig_refused(&rig, WEFT_EFORMAT, "partitions is 4, and 5");
    rig.options.partition_count = 4;
    rig.options.store_count = 2;
    rig_refused(&rig, WEFT_EFORMAT, "stores is 1, and 2");
    CHECK(access(path_of(&rig, "store-1", path), F_OK) != 0);
    rig.options.store_count = 1;
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, fewer_stores_are_refused_and_nothing_is_lost)
{
    struct rig rig;

    rig_init(&rig, test_dir(t));
    rig.options.store_count = 3;
    rig_die(&rig, 5);
    rig.options.store_count = 1;
    rig_refused(&rig, WEFT_EFORMAT, "stores is 3, and 1");
    rig.options.store_count = 3;
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_file_is_not_a_directory)
{
    struct rig rig;
    char path[PATH_SIZE];

    rig_init(&rig, test_dir(t));
    shell("echo hello > %s", path_of(&rig, "file", path));
    rig.options.data_dir = path;
    rig_refused(&rig, WEFT_EIO, path);
    rig_fini(&rig);
}

// Cut. ------------------------------------------------------------------------

static void
cut(struct test *t, off_t numerator, off_t denominator, off_t less)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    find_file(&rig, ".log", path);
    CHECK(size_of(path) > 1000);
    CHECK_EQ(truncate(path, size_of(path) * numerator / denominator - less), 0);
    check_lost(&rig, ".log has ");
    rig_fini(&rig);
}

TEST(bad_input, a_log_shorter_by_a_byte_is_a_loss)
{
    cut(t, 1, 1, 1);
}

TEST(bad_input, a_log_cut_in_half_is_a_loss)
{
    cut(t, 1, 2, 0);
}

TEST(bad_input, an_emptied_log_is_a_loss)
{
    cut(t, 0, 1, 0);
}

TEST(bad_input, a_missing_log_is_a_loss)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    find_file(&rig, ".log", path);
    CHECK_EQ(unlink(path), 0);
    check_lost(&rig, ".log is missing");
    rig_fini(&rig);
}

TEST(bad_input, a_log_that_comes_back_has_lost_nothing)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    find_file(&rig, ".log", path);
    shell("mv %s %s.away", path, path);
    rig_refused(&rig, WEFT_ELOST, ".log is missing");
    shell("mv %s.away %s", path, path);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_missing_beacon_is_a_loss)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    CHECK_EQ(unlink(path_of(&rig, "store-0.beacon", path)), 0);
    rig_refused(&rig, WEFT_ELOST, "store-0.beacon: the beacon is missing");
    rig.options.accept_loss = 1;
    rig_open(&rig);
    rig.options.accept_loss = 0;
    CHECK_EQ(rig_sum(&rig), DEAD_SUM); // it is all there
    rig_close(&rig);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_damaged_beacon_is_corruption)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    (void)path_of(&rig, "store-0.beacon", path);
    flip_bit(path, 100);
    flip_bit(path, 4096 + 100);
    rig_refused(&rig, WEFT_ECORRUPT, "store-0.beacon: neither slot is whole");
    rig.options.accept_loss = 1;
    rig_open(&rig);
    rig.options.accept_loss = 0;
    CHECK_EQ(rig_sum(&rig), DEAD_SUM);
    rig_close(&rig);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, half_a_beacon_is_enough)
{
    struct rig rig;
    char path[PATH_SIZE];

    init_dead(&rig, t);
    (void)path_of(&rig, "store-0.beacon", path);
    flip_bit(path, 4096 + 100);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_missing_store_is_a_loss)
{
    struct rig rig;
    char path[PATH_SIZE];

    rig_init(&rig, test_dir(t));
    rig.options.store_count = 2;
    rig_die(&rig, 5);
    shell("mv %s %s.away", path_of(&rig, "store-1", path), path);
    rig_refused(&rig, WEFT_ELOST, "store-1");
    shell("mv %s.beacon %s.beacon.away", path, path);
    rig_refused(&rig, WEFT_ELOST, "store-1: the store is missing");
    shell("rm -rf %s %s.beacon && mv %s.away %s && mv %s.beacon.away "
          "%s.beacon",
          path, path, path, path, path, path);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

// Old. ------------------------------------------------------------------------

TEST(bad_input, an_older_copy_is_refused_by_its_commits)
{
    struct rig rig;
    char path[PATH_SIZE];
    uint64_t sum;

    init_dead(&rig, t);
    (void)path_of(&rig, "store-0", path);
    shell("cp -a %s %s.old", path, path);
    rig_die(&rig, 5);
    shell("mv %s %s.new && cp -a %s.old %s", path, path, path, path);
    rig_refused(&rig, WEFT_ELOST, "store-0");

    // The newer one comes back: nothing was lost.
    shell("rm -rf %s && cp -a %s.new %s", path, path, path);
    check_whole(&rig, 2 * DEAD_SUM);
    rig_close(&rig);

    // And the older one for good.
    shell("rm -rf %s && cp -a %s.old %s", path, path, path);
    rig_refused(&rig, WEFT_ELOST, "store-0");
    rig.options.accept_loss = 1;
    rig_open(&rig);
    rig.options.accept_loss = 0;
    sum = rig_sum(&rig);
    CHECK_EQ(sum, DEAD_SUM);
    rig_close(&rig);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_store_of_another_system_is_refused)
{
    struct rig rig;
    struct rig other;
    char path[PATH_SIZE];
    char other_path[PATH_SIZE];

    init_dead(&rig, t);
    (void)path_of(&rig, "other", other_path);
    CHECK_EQ(mkdir(other_path, 0755), 0);
    rig_init(&other, other_path);
    rig_die(&other, 20);
    (void)path_of(&rig, "store-0", path);
    shell("mv %s %s.away && cp -a %s/store-0 %s", path, path, other_path, path);
    // By the files of its log, or by its id.
    rig_refused(&rig, WEFT_ELOST, "store-0");
    shell("rm -rf %s && mv %s.away %s", path, path, path);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&other);
    rig_fini(&rig);
}

// Damaged. --------------------------------------------------------------------

// A bit of the log is wrong: refused, and nothing was made worse by looking, so
// that with the bit set right everything is there.
static void
flip_log(struct test *t, off_t numerator, off_t denominator)
{
    struct rig rig;
    char path[PATH_SIZE];
    weft_err err;
    off_t at;

    init_dead(&rig, t);
    find_file(&rig, ".log", path);
    at = size_of(path) * numerator / denominator;
    flip_bit(path, at);
    err = rig_try_open(&rig);
    if (err != WEFT_ELOST) {
        CHECK_ERR(err, WEFT_ECORRUPT);
    }
    CHECK(strstr(weft_err_detail(), "store-0") != NULL);
    CHECK(weft_inspect_verify(rig.dir, NULL, NULL, NULL) != WEFT_OK);
    flip_bit(path, at);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_flipped_bit_early_in_the_log_is_refused)
{
    flip_log(t, 1, 100);
}

TEST(bad_input, a_flipped_bit_in_the_middle_of_the_log_is_refused)
{
    flip_log(t, 1, 2);
}

TEST(bad_input, a_flipped_bit_late_in_the_log_is_refused)
{
    flip_log(t, 99, 100);
}

// In a table: refused at open, or when the rows are wanted. Never wrong.
static void
flip_table(struct test *t, off_t numerator, off_t denominator)
{
    struct rig rig;
    char path[PATH_SIZE];
    weft_err err;
    off_t at;

    rig_init(&rig, test_dir(t));
    rig.options.window_bytes = WEFT_WINDOW_NONE;
    rig_open(&rig);
    CHECK_OK(rig_add(&rig, 5));
    rig_close(&rig); // flushes
    find_file(&rig, ".sst", path);
    at = size_of(path) * numerator / denominator;
    flip_bit(path, at);
    CHECK_ERR(weft_inspect_verify(rig.dir, NULL, NULL, NULL), WEFT_ECORRUPT);
    err = rig_try_open(&rig);
    if (err == WEFT_OK) {
        for (uint32_t i = 0; i < RIG_COUNTERS; i++) {
            uint64_t value = 0;

            err = rig_read(&rig, i, &value);
            if (err == WEFT_OK) {
                CHECK_EQ(value, 5);
            } else {
                CHECK_ERR(err, WEFT_ECORRUPT);
            }
        }
        rig_close(&rig);
    } else {
        CHECK_ERR(err, WEFT_ECORRUPT);
    }
    flip_bit(path, at);
    check_whole(&rig, DEAD_SUM);
    rig_fini(&rig);
}

TEST(bad_input, a_flipped_bit_early_in_a_table_is_noticed)
{
    flip_table(t, 1, 20);
}

TEST(bad_input, a_flipped_bit_in_the_middle_of_a_table_is_noticed)
{
    flip_table(t, 1, 2);
}

// Full. -----------------------------------------------------------------------

// Mounts of our own, gone with the process. Before RocksDB has threads: these
// would stay outside.
__attribute__((constructor)) static void
begin_mounts(void)
{
    if (unshare(CLONE_NEWNS) == 0) {
        (void)mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    }
}

// A small disk of our own; false if this process may not mount one.
static bool
mount_disk(const char *dir, const char *size)
{
    char options[40];

    (void)snprintf(options, sizeof(options), "size=%s", size);
    if (mount("tmpfs", dir, "tmpfs", 0, options) == 0) {
        return true;
    }
    (void)printf("SKIPPED: no tmpfs can be mounted here: %s\n",
                 strerror(errno));
    return false;
}

static void
leave_free(const char *disk, unsigned bytes)
{
    shell("head -c $(($(df --output=avail -B1 %s | tail -n 1) - %u)) "
          "/dev/zero >> %s/filler",
          disk, bytes, disk);
}

TEST(bad_input, a_full_disk_stops_intake_and_loses_nothing)
{
    const char *disk = test_dir(t);
    char path[PATH_SIZE];
    struct rig rig;
    weft_err err = WEFT_OK;

    if (!mount_disk(disk, "256m")) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/data", disk);
    rig_init(&rig, path);
    rig.options.reserve_bytes = 96U << 20;
    rig_open(&rig);
    CHECK_OK(rig_add(&rig, 5));
    // Below the reserve, not to the last byte: what the store preallocates for
    // its next log must still fit.
    leave_free(disk, 80000000);
    for (int i = 0; i < 300 && err == WEFT_OK; i++) {
        (void)usleep(10000);
        err = rig_add(&rig, 1);
    }
    CHECK_ERR(err, WEFT_EFULL);
    CHECK(rig_sum(&rig) >= DEAD_SUM); // reading goes on
    rig_close(&rig);
    // A closed store gives back what it had preallocated.
    leave_free(disk, 60000000);
    rig_refused(&rig, WEFT_EFULL, "bytes are free");
    shell("rm %s/filler", disk);
    rig_open(&rig);
    CHECK(rig_sum(&rig) >= DEAD_SUM);
    CHECK_OK(rig_add(&rig, 1));
    rig_fini(&rig);
    CHECK_EQ(umount(disk), 0);
}

// How requests were answered.
struct answers {
    uint32_t ok;
    uint32_t full; // refused
    uint32_t other;
};

static void
count_answer(void *ctx, const weft_reply *reply)
{
    struct answers *answers = ctx;

    answers->ok += reply->err == WEFT_OK;
    answers->full += reply->err == WEFT_EFULL || reply->err == WEFT_EBUSY;
    answers->other += reply->err != WEFT_OK && reply->err != WEFT_EFULL &&
                      reply->err != WEFT_EBUSY;
}

// An acknowledged signal is durable; it is handled a little later.
static void
wait_until_handled(struct rig *rig, uint64_t expected)
{
    uint64_t value = 0;

    for (int i = 0; i < 3000 && value < expected; i++) {
        (void)usleep(10000);
        CHECK_OK(rig_read(rig, 0, &value));
    }
    CHECK_EQ(value, expected);
}

static void
submit_large(struct rig *rig, struct answers *answers, uint32_t count)
{
    static const char payload[20000];
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"counter", "c0"};
    request.name = "add";
    request.data = weft_bytes_of(payload, sizeof(payload));
    for (uint32_t i = 0; i < count; i++) {
        CHECK_OK(weft_client_submit(rig->client, &request, count_answer,
                                    answers, NULL));
    }
}

// With no reserve to speak of the writes themselves fail. What was answered is
// there, once, and what was not is answered when there is room again.
TEST(bad_input, a_disk_that_is_full_to_the_last_byte_is_waited_for)
{
    const char *disk = test_dir(t);
    const uint32_t count = 2000; // 40 MB, more than there is room for
    struct answers answers = {0};
    char path[PATH_SIZE];
    uint64_t value;
    struct rig rig;

    if (!mount_disk(disk, "24m")) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/data", disk);
    rig_init(&rig, path);
    rig.options.reserve_bytes = 1;
    rig_open(&rig);
    CHECK_OK(rig_add(&rig, 1));
    submit_large(&rig, &answers, count);
    for (int i = 0; i < 20; i++) {
        (void)weft_client_dispatch(rig.client, count);
        (void)usleep(100000);
    }
    CHECK(answers.ok < count);
    shell("mount -o remount,size=1g %s", disk);
    for (int i = 0; i < 3000; i++) {
        (void)weft_client_dispatch(rig.client, count);
        if (answers.ok + answers.full == count) {
            break;
        }
        (void)usleep(10000);
    }
    CHECK_EQ(answers.other, 0);
    CHECK_EQ(answers.ok + answers.full, count);
    wait_until_handled(&rig, 1 + answers.ok);
    rig_close(&rig);
    rig_open(&rig);
    CHECK_OK(rig_read(&rig, 0, &value));
    CHECK_EQ(value, 1 + answers.ok);
    CHECK_OK(rig_add(&rig, 1));
    rig_fini(&rig);
    CHECK_EQ(umount(disk), 0);
}
