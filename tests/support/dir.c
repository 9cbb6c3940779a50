// SPDX-License-Identifier: Apache-2.0
//
// dir.c - a directory for one test, and harm to the files in it.

#include "support/dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
test_dir(struct test *t)
{
    const char *parent = getenv("TMPDIR");
    char path[512];

    if (t->dir != NULL) {
        return t->dir;
    }
    snprintf(path, sizeof(path), "%s/weft-%s-XXXXXX",
             parent == NULL ? "/tmp" : parent, t->file);
    t->dir = realpath(mkdtemp(path), NULL);
    CHECK(t->dir != NULL);
    return t->dir;
}

static int
remove_one(const char *path, const struct stat *stat, int type,
           struct FTW *place)
{
    (void)stat;
    (void)type;
    (void)place;
    return remove(path);
}

void
test_dir_remove(struct test *t)
{
    if (t->dir != NULL) {
        nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(t->dir);
        t->dir = NULL;
    }
}

off_t
test_file_size(const char *path)
{
    struct stat status;

    CHECK_EQ(stat(path, &status), 0);
    return status.st_size;
}

void
test_file_damage(const char *path, off_t at)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);

    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
    CHECK_EQ(close(fd), 0);
}
