// SPDX-License-Identifier: Apache-2.0
//
// dir.c - a directory for one test.

#include "support/dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

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
