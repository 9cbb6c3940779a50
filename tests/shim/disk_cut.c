// SPDX-License-Identifier: Apache-2.0
//
// disk_cut.c - a disk's beginning from a directory, and a directory from what
// is left of it after a cut.

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/disk_impl.h"
#include "shim/scene.h"

#define PATH_SIZE 1200

static _Noreturn void
give_up(const char *path)
{
    perror(path);
    exit(3);
}

// Beginning. -----------------------------------------------------------------

static void
load_file(struct disk_thing *thing, const char *path)
{
    uint8_t block[65536];
    uint64_t at = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (got = read(fd, block, sizeof(block))) > 0) {
        disk_bytes_write(&thing->durable, at, block, (uint64_t)got);
        at += (uint64_t)got;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void
load_dir(struct disk *disk, struct disk_thing *dir, const char *path)
{
    DIR *list = opendir(path);
    const struct dirent *item;

    if (list == NULL) {
        give_up(path);
    }
    while ((item = readdir(list)) != NULL) {
        struct disk_half half = {.dir = dir};
        char inner[PATH_SIZE];
        struct stat status;

        (void)snprintf(inner, sizeof(inner), "%s/%s", path, item->d_name);
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 ||
            stat(inner, &status) != 0) {
            continue;
        }
        half.thing = disk_thing_create(disk, S_ISDIR(status.st_mode));
        half.thing->number = (uint64_t)status.st_ino;
        half.thing->is_beside =
            dir->is_beside &&
            !(dir == disk->things[0] && strcmp(item->d_name, disk->name) == 0);
        (void)snprintf(half.name, sizeof(half.name), "%.90s", item->d_name);
        disk_names_set(&disk->durable, &half);
        disk_names_set(&disk->now, &half);
        if (half.thing->is_dir) {
            load_dir(disk, half.thing, inner);
        } else if (S_ISREG(status.st_mode)) {
            load_file(half.thing, inner);
        }
    }
    (void)closedir(list);
}

struct disk *
disk_create(const char *root, const char *disk_name)
{
    struct disk *disk = calloc(1, sizeof(*disk));

    if (disk == NULL) {
        abort();
    }
    (void)snprintf(disk->root, sizeof(disk->root), "%s", root);
    (void)snprintf(disk->name, sizeof(disk->name), "%s", disk_name);
    disk_thing_create(disk, true)->is_beside = true;
    load_dir(disk, disk->things[0], root);
    return disk;
}

void
disk_destroy(struct disk *disk)
{
    for (uint32_t i = 0; disk != NULL && i < disk->things_count; i++) {
        struct disk_thing *thing = disk->things[i];

        for (uint32_t k = 0; k < thing->writes_count; k++) {
            free(thing->writes[k].data);
        }
        free(thing->writes);
        free(thing->durable.data);
        free(thing);
    }
    if (disk != NULL) {
        free(disk->things);
        free(disk->durable.entries);
        free(disk->now.entries);
        free(disk->changes);
        free(disk);
    }
}

// Luck. ----------------------------------------------------------------------

struct cut {
    const struct disk *disk;
    enum disk_luck luck;
    uint64_t random;
    uint64_t moment;  // DISK_PREFIX: what came before it happened
    uint32_t percent; // of the rest
    struct disk_names names;
};

static bool
is_lucky(struct cut *cut, uint64_t seq)
{
    switch (cut->luck) {
    case DISK_NOTHING:
        return false;
    case DISK_ALL:
        return true;
    case DISK_PREFIX:
        return seq < cut->moment;
    default:
        cut->random = scene_mix(cut->random, seq);
        return (cut->random >> 33) % 100 < cut->percent;
    }
}

static void
cut_names(struct cut *cut)
{
    const struct disk *disk = cut->disk;
    bool *happened = calloc(disk->changes_count + 1, sizeof(*happened));

    if (happened == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < disk->durable.count; i++) {
        const struct disk_entry *entry = &disk->durable.entries[i];
        struct disk_half half = {.dir =
                                     (struct disk_thing *)(uintptr_t)entry->dir,
                                 .thing = entry->thing};

        memcpy(half.name, entry->name, sizeof(half.name));
        disk_names_set(&cut->names, &half);
    }
    for (uint32_t i = 0; i < disk->changes_count; i++) {
        const struct disk_change *change = &disk->changes[i];

        happened[i] = is_lucky(cut, change->seq);
        for (uint32_t k = 0; happened[i] && k < i; k++) {
            happened[i] =
                happened[k] || !disk_change_rests_on(change, &disk->changes[k]);
        }
        if (happened[i]) {
            disk_names_set(&cut->names, &change->halves[0]);
            disk_names_set(&cut->names, &change->halves[1]);
        }
    }
    free(happened);
}

// A write in pieces that end where sectors, or pages, do.
static void
write_pieces(struct cut *cut, struct disk_bytes *bytes,
             const struct disk_write *write, uint64_t piece)
{
    uint64_t done = 0;

    while (done < write->len) {
        uint64_t at = write->at + done;
        uint64_t len = piece - at % piece;

        len = len < write->len - done ? len : write->len - done;
        if (is_lucky(cut, write->seq)) {
            disk_bytes_write(bytes, at, write->data + done, len);
        }
        done += len;
    }
}

static void
apply_with_luck(struct cut *cut, struct disk_bytes *bytes,
                const struct disk_write *write)
{
    bool is_in_pieces = cut->luck == DISK_SECTORS || cut->luck == DISK_PAGES;

    if (write->data != NULL && is_in_pieces) {
        write_pieces(cut, bytes, write, cut->luck == DISK_SECTORS ? 512 : 4096);
    } else if (write->data != NULL && cut->luck == DISK_PREFIX &&
               write->seq == cut->moment) {
        // The one under way is torn.
        cut->random = scene_mix(cut->random, write->seq);
        disk_bytes_write(bytes, write->at, write->data,
                         cut->random % (write->len + 1));
    } else if (is_lucky(cut, write->seq)) {
        disk_bytes_apply(bytes, write);
    }
}

// Directories. ---------------------------------------------------------------

static void
save_file(struct cut *cut, const struct disk_thing *thing, const char *path)
{
    struct disk_bytes bytes = {0};
    uint64_t done = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0) {
        give_up(path);
    }
    disk_bytes_write(&bytes, 0, thing->durable.data, thing->durable.len);
    for (uint32_t i = 0; i < thing->writes_count; i++) {
        apply_with_luck(cut, &bytes, &thing->writes[i]);
    }
    while (done < bytes.len) {
        ssize_t put = write(fd, bytes.data + done, bytes.len - done);

        if (put <= 0) {
            give_up(path);
        }
        done += (uint64_t)put;
    }
    (void)close(fd);
    free(bytes.data);
}

static void
save_dir(struct cut *cut, const struct disk_thing *dir, const char *path)
{
    if (mkdir(path, 0755) != 0) {
        give_up(path);
    }
    for (uint32_t i = 0; i < cut->names.count; i++) {
        const struct disk_entry *entry = &cut->names.entries[i];
        char inner[PATH_SIZE];

        if (entry->dir != dir) {
            continue;
        }
        (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->name);
        if (entry->thing->is_dir) {
            save_dir(cut, entry->thing, inner);
        } else {
            save_file(cut, entry->thing, inner);
        }
    }
}

// The first pending thing's number, so that a moment is drawn among them.
static uint64_t
find_oldest(const struct disk *disk)
{
    uint64_t oldest = disk->seq;

    if (disk->changes_count > 0) {
        oldest = disk->changes[0].seq;
    }
    for (uint32_t i = 0; i < disk->things_count; i++) {
        if (disk->things[i]->writes_count > 0 &&
            disk->things[i]->writes[0].seq < oldest) {
            oldest = disk->things[i]->writes[0].seq;
        }
    }
    return oldest;
}

void
disk_cut(struct disk *disk, enum disk_luck luck, uint64_t seed, const char *to)
{
    static const uint32_t percents[] = {10, 50, 90, 97};
    uint64_t oldest = find_oldest(disk);
    struct cut cut = {
        .disk = disk,
        .luck = luck,
        .random = scene_mix(seed, 1),
        .moment = oldest + scene_mix(seed, 2) % (disk->seq - oldest + 2),
        .percent = percents[scene_mix(seed, 3) % 4],
    };

    cut_names(&cut);
    save_dir(&cut, disk->things[0], to);
    free(cut.names.entries);
}
