// SPDX-License-Identifier: Apache-2.0
//
// test_rocks_threads.c - who gives way to whom.

#include "storage/rocks_threads.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "storage/store.h"
#include "support/test.h"

// Of the process, by whose they are.
struct niceness {
    uint32_t threads;
    int least;
    int most;
};

static void
count(struct niceness *of, int nice)
{
    of->least = of->threads == 0 || nice < of->least ? nice : of->least;
    of->most = of->threads == 0 || nice > of->most ? nice : of->most;
    of->threads++;
}

static void
look(struct niceness *out_rocks, struct niceness *out_ours)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;

    CHECK(tasks != NULL);
    *out_rocks = (struct niceness){0};
    *out_ours = (struct niceness){0};
    while ((task = readdir(tasks)) != NULL) {
        char path[300];
        char name[32] = "";
        FILE *file;

        if (task->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
                       task->d_name);
        file = fopen(path, "re");
        CHECK(file != NULL);
        CHECK(fgets(name, sizeof(name), file) != NULL);
        (void)fclose(file);
        count(strncmp(name, "rocksdb:", 8) == 0 ? out_rocks : out_ours,
              getpriority(PRIO_PROCESS, (id_t)strtoul(task->d_name, NULL, 10)));
    }
    (void)closedir(tasks);
}

TEST(rocks_threads, those_of_rocksdb_are_nicer_than_ours)
{
    struct niceness rocks;
    struct niceness ours;
    struct wf_store store;
    const char *dir = test_dir(t);
    int nice = getpriority(PRIO_PROCESS, 0);
    int nicer = nice + 5 < 19 ? nice + 5 : 19; // which is the most

    for (int i = 0; i < 2; i++) { // and no nicer when one is opened again
        CHECK_OK(wf_store_rocks_open(dir, false, &store));
        look(&rocks, &ours);
        CHECK(rocks.threads >= 2); // flushes, and compactions
        CHECK_EQ(rocks.least, nicer);
        CHECK_EQ(rocks.most, nicer);
        CHECK_EQ(ours.most, nice);
        store.ops->close(store.self);
    }
}
