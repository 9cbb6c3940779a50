// SPDX-License-Identifier: Apache-2.0
//
// rocks_threads.c - see rocks_threads.h.
//
// RocksDB itself could make them as nice as can be, 19: on a machine that is
// busy with other things they would hardly get anything then, and memtables
// would fill up until writes have to wait. With 5 they get a third of what a
// thread of ours gets.
//
// What cannot be done is left: everything works as well, if slower at times.

#include "storage/rocks_threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICER = 5, NICE_MAX = 19 };

static bool
is_of_rocks(const char *id)
{
    static const char prefix[] = "rocksdb:";
    char path[64];
    char name[sizeof(prefix)] = "";
    ssize_t len = -1;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", id);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, name, sizeof(name) - 1);
        (void)close(fd);
    }
    return len == (ssize_t)sizeof(name) - 1 && strcmp(name, prefix) == 0;
}

static void
give_way(const char *id, int nice)
{
    id_t thread = (id_t)strtoul(id, NULL, 10);

    if (getpriority(PRIO_PROCESS, thread) < nice) {
        (void)setpriority(PRIO_PROCESS, thread, nice);
    }
}

void
wf_rocks_threads_give_way(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int nice = getpriority(PRIO_PROCESS, 0) + NICER;
    const struct dirent *task;

    nice = nice > NICE_MAX ? NICE_MAX : nice;
    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        if (is_of_rocks(task->d_name)) {
            give_way(task->d_name, nice);
        }
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
}
