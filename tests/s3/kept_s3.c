// SPDX-License-Identifier: Apache-2.0
//
// kept_s3.c - the place of unit/test_kept.c is a server that speaks S3.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "s3/server.h"
#include "unit/kept_rig.h"

struct kept_rig {
    struct s3_server *server;
};

struct kept_rig *
kept_rig_create(struct test *t)
{
    struct kept_rig *rig = calloc(1, sizeof(*rig));

    (void)t;
    CHECK(rig != NULL);
    rig->server = s3_server_start();
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

    CHECK_OK(wf_snapshots_open(s3_server_where(rig->server), cluster_id,
                               out_snapshots));
}

static const char *
path_of(const struct kept_rig *rig, const uint8_t *hash)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];
    char key[120];

    wf_snapshots_hex(hash, hex);
    (void)snprintf(key, sizeof(key), "01020300000000000000000000000000/%s",
                   hex);
    return s3_server_file(rig->server, key);
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
