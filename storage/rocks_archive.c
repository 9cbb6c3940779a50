// SPDX-License-Identifier: Apache-2.0
//
// rocks_archive.c - write-ahead logs that RocksDB needs no more, given back to
// the disk a piece at a time. See rocks_archive.h.
//
// Nothing is cut before the move into the archive is durable: a file system
// may order changes of different directories as it likes, and a log that comes
// back after a power cut, under its old name, must be whole.
//
// What goes wrong is not told: nobody needs these files, and the next try may
// do. Threads: one at a time.

#include "storage/rocks_archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "storage/directory.h"
#include "storage/wal.h"

#define PIECE_BYTES (1 << 20)

void
wf_rocks_archive_init(struct wf_rocks_archive *archive, const char *dir)
{
    *archive = (struct wf_rocks_archive){.dir = wf_strdup(dir)};
}

void
wf_rocks_archive_fini(struct wf_rocks_archive *archive)
{
    wf_free(archive->dir);
    *archive = (struct wf_rocks_archive){0};
}

static void
make_path(const struct wf_rocks_archive *archive, uint64_t number, char *path,
          size_t size)
{
    (void)snprintf(path, size, "%s/archive/%06" PRIu64 ".log", archive->dir,
                   number);
}

// How many logs are there, and which is the oldest?
static uint32_t
look(const struct wf_rocks_archive *archive, uint64_t *out_oldest)
{
    const struct dirent *entry;
    char path[4200];
    uint32_t count = 0;
    DIR *stream;

    (void)snprintf(path, sizeof(path), "%s/archive", archive->dir);
    stream = opendir(path);
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        uint64_t number = wf_wal_parse_name(entry->d_name);

        if (number != 0) {
            *out_oldest =
                count == 0 || number < *out_oldest ? number : *out_oldest;
            count++;
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    return count;
}

// False: it is not sure yet that it stays there.
static bool
begin(struct wf_rocks_archive *archive, uint64_t number)
{
    char path[4200];

    if (archive->number == number) {
        return true;
    }
    (void)snprintf(path, sizeof(path), "%s/archive", archive->dir);
    if (wf_directory_sync(path) != WEFT_OK ||
        wf_directory_sync(archive->dir) != WEFT_OK) {
        return false;
    }
    archive->number = number;
    return true;
}

static bool
cut(const char *path, off_t bytes)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        return false;
    }
    return status.st_size > bytes ? truncate(path, status.st_size - bytes) == 0
                                  : unlink(path) == 0;
}

bool
wf_rocks_archive_shrink(struct wf_rocks_archive *archive)
{
    char path[4200];
    uint64_t number = 0;
    uint32_t count = look(archive, &number);

    if (count == 0 || !begin(archive, number)) {
        return false;
    }
    make_path(archive, number, path, sizeof(path));
    return cut(path, (off_t)count * PIECE_BYTES);
}

void
wf_rocks_archive_clear(struct wf_rocks_archive *archive)
{
    char path[4200];
    uint64_t number = 0;
    bool is_gone = true;

    while (is_gone && look(archive, &number) > 0) {
        make_path(archive, number, path, sizeof(path));
        is_gone = unlink(path) == 0;
    }
}
