// SPDX-License-Identifier: Apache-2.0
//
// machine.c - on what it was measured, and which code.

#include "bench/machine.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "commit.h" // made at each build: WEFT_COMMIT

static void
read_processor(char *buf, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    (void)snprintf(buf, size, "processors");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *name = strchr(line, ':');

        if (strncmp(line, "model name", 10) == 0 && name != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(buf, size, "%s", name + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static const char *
file_system(const char *dir)
{
    static const struct {
        long magic;
        const char *name;
    } known[] = {
        {0xef53, "ext4"},      {0x58465342, "xfs"},     {0x9123683e, "btrfs"},
        {0x01021994, "tmpfs"}, {0x794c7630, "overlay"}, {0x2fc12fc1, "zfs"},
    };
    struct statfs found;

    if (dir == NULL || statfs(dir, &found) != 0) {
        return "no files";
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if ((long)found.f_type == known[i].magic) {
            return known[i].name;
        }
    }
    return "other file system";
}

void
machine_describe(const char *dir, char *buf, size_t size)
{
    char processor[128];
    struct utsname name;
    double gib = (double)sysconf(_SC_PHYS_PAGES) *
                 (double)sysconf(_SC_PAGESIZE) / (1024.0 * 1024 * 1024);

    read_processor(processor, sizeof(processor));
    if (uname(&name) != 0) {
        name = (struct utsname){0};
    }
    (void)snprintf(buf, size, "%ld x %s, %.0f GiB, %s %s, %s",
                   sysconf(_SC_NPROCESSORS_ONLN), processor, gib, name.sysname,
                   name.release, file_system(dir));
    for (char *at = buf; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\' || (unsigned char)*at < 0x20) {
            *at = '_';
        }
    }
}

const char *
machine_commit(void)
{
    return WEFT_COMMIT;
}
