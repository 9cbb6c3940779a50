// SPDX-License-Identifier: Apache-2.0
//
// test_local.c - what a node of a cluster without a database keeps, while its
// exchange runs.

#include "cluster/local.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "support/test.h"

enum { PAUSE_US = 5000, PAUSES_MAX = 12000 }; // a minute

static void
note_change(void *ctx)
{
    (void)ctx;
}

// A cluster of one node, which has joined.
static struct wf_local *
open_node(const char *dir)
{
    struct wf_registry_node self = {.id = "a"};
    char database[512];
    struct wf_local_options options = {
        .database = database,
        .node_id = "a",
        .data_dir = dir,
        .clock = wf_clock_system(),
        .changed = note_change,
    };
    struct wf_local *local = NULL;

    (void)snprintf(database, sizeof(database), "local:a=ipc://%s/a", dir);
    CHECK_OK(wf_local_found(database, 4, "a", dir));
    CHECK_OK(wf_local_open(&options, &local));
    CHECK_OK(wf_local_join(local, &self));
    return local;
}

// A log that the store needs no more is moved there (rocks_archive.h).
TEST(local, what_the_ledger_needs_no_more_is_given_back_while_it_runs)
{
    const char *dir = test_dir(t);
    struct wf_local *local = open_node(dir);
    char path[4200];
    int pauses = 0;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/ledger/archive/000001.log", dir);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 5 << 20), 0);
    CHECK_EQ(close(fd), 0);
    while (access(path, F_OK) == 0 && pauses++ < PAUSES_MAX) {
        (void)usleep(PAUSE_US);
    }
    CHECK(access(path, F_OK) != 0);
    wf_local_close(local);
}
