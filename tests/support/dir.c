// SPDX-License-Identifier: Apache-2.0
//
// dir.c - a directory for one test, the files in it, and harm to
// them.

#include "support/dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

const char *
test_file_in(const char *dir, const char *name)
{
    static char paths[16][4096];
    static unsigned next;

    next = (next + 1) % 16;
    CHECK(strlen(dir) + strlen(name) + 2 <= sizeof(paths[0]));
    (void)snprintf(paths[next], sizeof(paths[0]), "%s/%s", dir, name);
    return paths[next];
}

void
test_file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

void
test_file_check(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");

    CHECK(file != NULL);
    CHECK_EQ(fread(found, 1, sizeof(found) - 1, file), strlen(text));
    (void)fclose(file);
    CHECK_STR(found, text);
}

bool
test_file_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
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
