// SPDX-License-Identifier: Apache-2.0
//
// shim_place.c - is a path, or a descriptor, one that the shim looks at?
//
// Descriptors are known from when they were opened: a byte for each. What was
// opened before, or has too high a number, is not looked at.
//
// Threads: any; a descriptor's byte changes only while nobody else can use it.

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/shim_place.h"

#define FDS_MAX 65536

static char disk[SHIM_PATH_SIZE];
static size_t disk_len;
static size_t root_len; // of disk's parent, a prefix of it
static _Atomic uint8_t places[FDS_MAX];

void
shim_place_init(void)
{
    const char *dir = getenv("SHIM_DIR");
    const char *slash;

    if (dir == NULL || dir[0] != '/' || strlen(dir) >= sizeof(disk)) {
        return;
    }
    (void)snprintf(disk, sizeof(disk), "%s", dir);
    slash = strrchr(disk, '/');
    disk_len = strlen(disk);
    root_len = (size_t)(slash - disk);
}

enum shim_place
shim_place_of_fd(int fd)
{
    return fd < 0 || fd >= FDS_MAX ? SHIM_ELSEWHERE
                                   : (enum shim_place)atomic_load(&places[fd]);
}

void
shim_place_set(int fd, enum shim_place place)
{
    if (fd >= 0 && fd < FDS_MAX) {
        atomic_store(&places[fd], (uint8_t)place);
    }
}

// Without "//" and "/./", which RocksDB likes.
static void
tidy_up(char *path)
{
    char *to = path;

    for (const char *from = path; *from != '\0'; from++) {
        if (from[0] == '/' && (from[1] == '/' || from[1] == '\0')) {
            continue;
        }
        if (from[0] == '/' && from[1] == '.' &&
            (from[2] == '/' || from[2] == '\0')) {
            from++;
            continue;
        }
        *to++ = *from;
    }
    *to = '\0';
}

static bool
make_absolute(int dir_fd, const char *path, char out[SHIM_PATH_SIZE])
{
    char link[64];
    ssize_t len = 0;

    if (path[0] != '/') {
        if (dir_fd < 0) {
            (void)snprintf(link, sizeof(link), "/proc/self/cwd");
        } else {
            (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
        }
        len = readlink(link, out, SHIM_PATH_SIZE - 1);
        if (len < 0 || len >= SHIM_PATH_SIZE - 2) {
            return false;
        }
        out[len++] = '/';
    }
    if ((size_t)len + strlen(path) >= SHIM_PATH_SIZE) {
        return false;
    }
    (void)strcpy(out + len, path);
    tidy_up(out);
    return true;
}

static bool
is_below(const char *path, size_t len)
{
    return strncmp(path, disk, len) == 0 &&
           (path[len] == '/' || path[len] == '\0');
}

enum shim_place
shim_place_of(int dir_fd, const char *path, char out[SHIM_PATH_SIZE])
{
    if (disk_len == 0 || path == NULL || !make_absolute(dir_fd, path, out)) {
        return SHIM_ELSEWHERE;
    }
    if (is_below(out, disk_len)) {
        return strncmp(strrchr(out, '/'), "/LOG", 4) == 0 ? SHIM_TEXT
                                                          : SHIM_ON_DISK;
    }
    return shim_trace_is_on() && is_below(out, root_len) ? SHIM_BESIDE
                                                         : SHIM_ELSEWHERE;
}
