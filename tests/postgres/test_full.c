// SPDX-License-Identifier: Apache-2.0
//
// test_full.c - the disk of the database is full, and later it is not.
//
// The disk is a small one in memory, which only root may mount: others are
// shown nothing.

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/trace.h"
#include "postgres/servers.h"
#include "storage/log_postgres.h"
#include "support/test.h"

enum { COMMITS = 40, COMMIT_BYTES = 200000 };

struct rig {
    struct wf_shared_log log;
    atomic_bool has_said;
    atomic_bool has_ended;
    uint32_t durable;
};

static char disk[256]; // where it is mounted; "" if it is not

static void
unmount(void)
{
    if (disk[0] != '\0') {
        umount2(disk, MNT_DETACH);
    }
    disk[0] = '\0';
}

static void
hear(void *ctx, enum wf_trace_level level, uint64_t at_ms, const char *who,
     const char *verb, const char *text)
{
    struct rig *rig = ctx;

    (void)level;
    (void)at_ms;
    if (strcmp(who, "database") == 0 && strcmp(verb, "waits") == 0 &&
        text[0] != '\0') {
        atomic_store(&rig->has_said, true);
    }
}

static void
nap(void)
{
    struct timespec time = {.tv_nsec = 10000000};

    nanosleep(&time, NULL);
}

static void *
append_all(void *ctx)
{
    static char bytes[COMMIT_BYTES];
    struct rig *rig = ctx;

    for (uint32_t i = 0; i < COMMITS; i++) {
        struct wf_buf frame = {0};
        struct wf_segment segment = {
            .epoch = 1,
            .first_record = i + 1,
            .records = weft_bytes_of(bytes, sizeof(bytes)),
        };
        struct wf_shared_append one = {0};

        wf_segment_encode(&segment, &frame);
        one.segment = wf_buf_bytes(&frame);
        rig->log.ops->append(rig->log.self, &one, 1);
        rig->durable += one.result == WF_APPEND_DURABLE;
        wf_buf_fini(&frame);
    }
    atomic_store(&rig->has_ended, true);
    return NULL;
}

static weft_err
check_next(void *ctx, uint64_t number, const struct wf_segment *segments,
           uint32_t segments_count)
{
    uint64_t *next = ctx;

    CHECK_EQ(segments_count, 1);
    CHECK_EQ(segments->first_record, number);
    CHECK_EQ(segments->records.len, COMMIT_BYTES);
    CHECK_EQ(number, ++*next);
    return WEFT_OK;
}

static void
fill(const char *path)
{
    static char zeros[65536];
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0) {
    }
    close(fd);
}

TEST(full, a_full_disk_is_said_and_waited_for)
{
    struct rig rig = {0};
    struct wf_trace trace = {.emit = hear, .ctx = &rig};
    struct wf_postgres_options options = {.clock = wf_clock_system(),
                                          .trace = &trace};
    struct wf_registry_node node = {.id = "a",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_cluster_facts facts;
    struct wf_registry registry;
    struct wf_shared_place place;
    struct servers *servers;
    char filler[300];
    pthread_t thread;
    uint64_t last = 0;

    snprintf(disk, sizeof(disk), "%s", test_dir(t));
    if (mount("tmpfs", disk, "tmpfs", 0, "size=100m,mode=755") != 0) {
        disk[0] = '\0';
        return;
    }
    atexit(unmount);
    servers = servers_start(1, disk);
    options.conninfo = servers_conninfo(servers);
    CHECK_OK(wf_postgres_init(&options, 1, &facts));
    CHECK_OK(wf_registry_postgres_open(&options, &registry));
    CHECK_OK(registry.ops->join(registry.self, &node, 600000));
    registry.ops->close(registry.self);
    CHECK_OK(wf_log_postgres_open(&options, "a", 1, &rig.log));
    CHECK_OK(rig.log.ops->acquire(rig.log.self, 0, &place));

    snprintf(filler, sizeof(filler), "%s/filler", disk);
    fill(filler);
    CHECK_EQ(pthread_create(&thread, NULL, append_all, &rig), 0);
    for (int i = 0; i < 12000 && !atomic_load(&rig.has_said); i++) {
        nap();
    }
    CHECK(atomic_load(&rig.has_said));
    CHECK(!atomic_load(&rig.has_ended));
    CHECK_EQ(unlink(filler), 0);
    while (!atomic_load(&rig.has_ended)) {
        servers_heal(servers, 0); // one without room for its WAL ends
        nap();
    }
    pthread_join(thread, NULL);
    CHECK_EQ(rig.durable, COMMITS);
    CHECK_OK(rig.log.ops->read(rig.log.self, 0, 0, check_next, &last));
    CHECK_EQ(last, COMMITS);
    rig.log.ops->close(rig.log.self);
    servers_stop(servers);
    unmount();
}
