// SPDX-License-Identifier: Apache-2.0
//
// rocks_files.c - the directory of a store, looked at before RocksDB is.
//
//   CURRENT missing   RocksDB would begin a new store and delete the tables of
//                     the old
//   CURRENT names a   RocksDB would not begin: the power was cut while it made
//   first manifest    the store, between the two names, before it told the disk
//   that is missing   of either. Later ones have later numbers
//   disk full, or     the line of its text log that comes after one that could
//   failing           not be written stops the process, in 7.8.3

#include "storage/rocks_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/directory.h"
#include "storage/manifest.h"

#define OPEN_BYTES_MIN (4U << 20)

// What RocksDB makes in the directory of a store.
struct files {
    bool has_data; // a table or a write-ahead log
    bool has_manifest;
};

static void
take_name(const char *name, struct files *files)
{
    const char *dot = strrchr(name, '.');

    if (dot != NULL && isdigit((unsigned char)name[0]) &&
        (strcmp(dot, ".sst") == 0 || strcmp(dot, ".log") == 0)) {
        files->has_data = true;
    }
    if (strncmp(name, "MANIFEST-", 9) == 0) {
        files->has_manifest = true;
    }
}

static weft_err
find_files(const char *dir, struct files *out_files)
{
    const struct dirent *entry;
    weft_err err = WEFT_OK;
    DIR *stream = opendir(dir);

    *out_files = (struct files){0};
    if (stream == NULL) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        take_name(entry->d_name, out_files);
        errno = 0;
    }
    if (errno != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    closedir(stream);
    return err;
}

// There is a CURRENT: if it names the first manifest, and nothing else was
// made, nobody has opened the store yet. Without CURRENT it is begun anew.
static weft_err
check_first(const char *dir, const char *current, bool is_read_only)
{
    struct files files;
    uint64_t number;
    weft_err err = wf_manifest_find(dir, &number);

    if (err != WEFT_OK || number != 1) {
        return err;
    }
    err = find_files(dir, &files);
    if (err != WEFT_OK || files.has_manifest || files.has_data) {
        return err;
    }
    if (is_read_only) {
        return wf_error(WEFT_ENOTFOUND, "%s: it was not made to its end", dir);
    }
    if (unlink(current) != 0) {
        return wf_error(WEFT_EIO, "%s: %s", current, strerror(errno));
    }
    return wf_directory_sync(dir);
}

weft_err
wf_rocks_files_check(const char *dir, bool is_read_only)
{
    char path[4096];
    struct stat status;
    struct files files;
    weft_err err;
    int len = snprintf(path, sizeof(path), "%s/CURRENT", dir);

    if ((size_t)len >= sizeof(path)) {
        return wf_error(WEFT_EINVAL, "%s: the path is too long", dir);
    }
    if (stat(path, &status) == 0) {
        return check_first(dir, path, is_read_only);
    }
    if (errno != ENOENT) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    if (!is_read_only) {
        err = wf_directory_make(dir);
        if (err != WEFT_OK) {
            return err;
        }
    } else if (stat(dir, &status) != 0) {
        return wf_error(WEFT_ENOTFOUND, "%s: %s", dir, strerror(errno));
    }
    err = find_files(dir, &files);
    if (err != WEFT_OK) {
        return err;
    }
    if (files.has_data) {
        return wf_error(WEFT_ECORRUPT,
                        "%s: there is no CURRENT, but there are other files of "
                        "a store",
                        dir);
    }
    if (is_read_only) {
        return wf_error(WEFT_ENOTFOUND, "%s: there is no store in it", dir);
    }
    return WEFT_OK;
}

// Write a byte into a file, and have it on the disk.
static weft_err
try_to_write(const char *path)
{
    weft_err err = WEFT_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, "w", 1) != 1 || fdatasync(fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
        (void)unlink(path);
    }
    return err;
}

weft_err
wf_rocks_files_check_room(const char *dir)
{
    char path[4096];
    struct statvfs status;
    uint64_t free_bytes;

    if (statvfs(dir, &status) == 0) {
        free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
        if (free_bytes < OPEN_BYTES_MIN) {
            return wf_error(WEFT_EFULL,
                            "%s: %" PRIu64 " bytes are free, and opening it "
                            "needs %u",
                            dir, free_bytes, OPEN_BYTES_MIN);
        }
    }
    (void)snprintf(path, sizeof(path), "%s/probe", dir); // it fits: see CURRENT
    return try_to_write(path);
}
