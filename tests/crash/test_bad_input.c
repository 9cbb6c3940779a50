// SPDX-License-Identifier: Apache-2.0
//
// test_bad_input.c - directories that are held, of another shape, cut, damaged
// or old: each is refused by name, and loses nothing.

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    rig_shell("echo hello > %s", path_of(&rig, "file", path));
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
    CHECK(test_file_size(path) > 1000);
    CHECK_EQ(
        truncate(path, test_file_size(path) * numerator / denominator - less),
        0);
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
    rig_shell("mv %s %s.away", path, path);
    rig_refused(&rig, WEFT_ELOST, ".log is missing");
    rig_shell("mv %s.away %s", path, path);
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
    test_file_damage(path, 100);
    test_file_damage(path, 4096 + 100);
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
    test_file_damage(path, 4096 + 100);
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
    rig_shell("mv %s %s.away", path_of(&rig, "store-1", path), path);
    rig_refused(&rig, WEFT_ELOST, "store-1");
    rig_shell("mv %s.beacon %s.beacon.away", path, path);
    rig_refused(&rig, WEFT_ELOST, "store-1: the store is missing");
    rig_shell("rm -rf %s %s.beacon && mv %s.away %s && mv %s.beacon.away "
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
    rig_shell("cp -a %s %s.old", path, path);
    rig_die(&rig, 5);
    rig_shell("mv %s %s.new && cp -a %s.old %s", path, path, path, path);
    rig_refused(&rig, WEFT_ELOST, "store-0");

    // The newer one comes back: nothing was lost.
    rig_shell("rm -rf %s && cp -a %s.new %s", path, path, path);
    check_whole(&rig, 2 * DEAD_SUM);
    rig_close(&rig);

    // And the older one for good.
    rig_shell("rm -rf %s && cp -a %s.old %s", path, path, path);
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
    rig_shell("mv %s %s.away && cp -a %s/store-0 %s", path, path, other_path,
              path);
    // By the files of its log, or by its id.
    rig_refused(&rig, WEFT_ELOST, "store-0");
    rig_shell("rm -rf %s && mv %s.away %s", path, path, path);
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
    at = test_file_size(path) * numerator / denominator;
    test_file_damage(path, at);
    err = rig_try_open(&rig);
    if (err != WEFT_ELOST) {
        CHECK_ERR(err, WEFT_ECORRUPT);
    }
    CHECK(strstr(weft_err_detail(), "store-0") != NULL);
    CHECK(weft_inspect_verify(rig.dir, NULL, NULL, NULL) != WEFT_OK);
    test_file_damage(path, at);
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
    at = test_file_size(path) * numerator / denominator;
    test_file_damage(path, at);
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
    test_file_damage(path, at);
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
