// SPDX-License-Identifier: Apache-2.0
//
// kept_dir.c - the place of test_kept.c is a directory.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit/kept_rig.h"

struct kept_rig {
    char dir[400];
};

struct kept_rig *
kept_rig_create(struct test *t)
{
    struct kept_rig *rig = calloc(1, sizeof(*rig));

    CHECK(rig != NULL);
    (void)snprintf(rig->dir, sizeof(rig->dir), "%s/kept", test_dir(t));
    CHECK_EQ(mkdir(rig->dir, 0755), 0);
    return rig;
}

void
kept_rig_destroy(struct kept_rig *rig)
{
    free(rig);
}

void
kept_rig_open(struct kept_rig *rig, struct wf_snapshots *out_snapshots)
{
    static const uint8_t cluster_id[16] = {1, 2, 3};
    char where[420];

    (void)snprintf(where, sizeof(where), "dir:%s", rig->dir);
    CHECK_OK(wf_snapshots_open(where, cluster_id, out_snapshots));
}

static const char *
path_of(const struct kept_rig *rig, const uint8_t *hash)
{
    static char path[600];
    char hex[WF_SNAPSHOTS_HEX_SIZE];

    wf_snapshots_hex(hash, hex);
    (void)snprintf(path, sizeof(path), "%s/01020300000000000000000000000000/%s",
                   rig->dir, hex);
    return path;
}

void
kept_rig_lose(struct kept_rig *rig, const uint8_t *hash)
{
    CHECK_EQ(unlink(path_of(rig, hash)), 0);
}

void
kept_rig_damage(struct kept_rig *rig, const uint8_t *hash)
{
    test_file_damage(path_of(rig, hash), 7);
}

void
kept_rig_age(struct kept_rig *rig, const uint8_t *hash)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - 7200}};

    times[1] = times[0];
    CHECK_EQ(utimensat(AT_FDCWD, path_of(rig, hash), times, 0), 0);
}
