// SPDX-License-Identifier: Apache-2.0
//
// test_full_disk.c - a disk without room stops intake, or writes, and loses
// nothing.

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "crash/rig.h"
#include "support/test.h"

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
    rig_shell("head -c $(($(df --output=avail -B1 %s | tail -n 1) - %u)) "
              "/dev/zero >> %s/filler",
              disk, bytes, disk);
}

TEST(full_disk, a_full_disk_stops_intake_and_loses_nothing)
{
    const char *disk = test_dir(t);
    char path[700];
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
    for (int i = 0; i < 6000 && err == WEFT_OK; i++) {
        (void)usleep(10000);
        err = rig_add(&rig, 1);
    }
    CHECK_ERR(err, WEFT_EFULL);
    CHECK(rig_sum(&rig) >= 5 * RIG_COUNTERS); // reading goes on
    rig_close(&rig);
    // A closed store gives back what it had preallocated.
    leave_free(disk, 60000000);
    rig_refused(&rig, WEFT_EFULL, "bytes are free");
    rig_shell("rm %s/filler", disk);
    rig_open(&rig);
    CHECK(rig_sum(&rig) >= 5 * RIG_COUNTERS);
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

    for (int i = 0; i < 6000 && value < expected; i++) {
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
TEST(full_disk, a_disk_that_is_full_to_the_last_byte_is_waited_for)
{
    const char *disk = test_dir(t);
    const uint32_t count = 2000; // 40 MB, more than there is room for
    struct answers answers = {0};
    char path[700];
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
    rig_shell("mount -o remount,size=1g %s", disk);
    for (int i = 0; i < 6000; i++) {
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
