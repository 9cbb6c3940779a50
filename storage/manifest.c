// SPDX-License-Identifier: Apache-2.0
//
// manifest.c - how far the manifest of a RocksDB directory has got. See
// manifest.h.
//
// A node that dies between opening the store and its first beacon leaves a
// newer manifest than the beacon says: that one is not checked.
//
// Threads: any.

#include "storage/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/file.h"

#define CHUNK_BYTES 65536U

weft_err
wf_manifest_find(const char *store_dir, uint64_t *out_number)
{
    char path[4200];
    char text[64] = "";
    size_t len;
    weft_err err;
    int fd;

    *out_number = 0;
    (void)snprintf(path, sizeof(path), "%s/CURRENT", store_dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT
                   ? WEFT_OK
                   : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    err = wf_file_read(fd, path, text, sizeof(text) - 1, &len);
    if (err == WEFT_OK && sscanf(text, "MANIFEST-%" SCNu64, out_number) != 1) {
        *out_number = 0;
    }
    close(fd);
    return err;
}

// Continue the checksum to `bytes`. *out_bytes is how far the file goes.
static weft_err
read_on(int fd, const char *path, struct wf_manifest *manifest, uint64_t bytes)
{
    uint8_t *chunk = wf_alloc(CHUNK_BYTES);
    weft_err err = WEFT_OK;

    while (err == WEFT_OK && manifest->bytes < bytes) {
        uint64_t left = bytes - manifest->bytes;
        size_t len = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        size_t got = 0;

        err =
            wf_file_read_at(fd, path, chunk, len, (off_t)manifest->bytes, &got);
        if (err == WEFT_OK && got == 0) {
            err = wf_error(WEFT_EIO, "%s: it got shorter", path);
        }
        manifest->crc = wf_crc32c(manifest->crc, chunk, got);
        manifest->bytes += got;
    }
    wf_free(chunk);
    return err;
}

static void
name_manifest(const char *store_dir, uint64_t number, char path[4200])
{
    (void)snprintf(path, 4200, "%s/MANIFEST-%06" PRIu64, store_dir, number);
}

weft_err
wf_manifest_measure(const char *store_dir, struct wf_manifest *manifest)
{
    struct wf_manifest found = *manifest;
    struct stat status;
    char path[4200];
    uint64_t number;
    weft_err err = wf_manifest_find(store_dir, &number);
    int fd;

    if (err != WEFT_OK) {
        return err;
    }
    if (number != found.number) {
        found = (struct wf_manifest){.number = number};
    }
    if (number == 0) {
        *manifest = found;
        return WEFT_OK;
    }
    name_manifest(store_dir, number, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else if ((uint64_t)status.st_size != found.bytes) {
        err = read_on(fd, path, &found, (uint64_t)status.st_size);
        if (err == WEFT_OK && fdatasync(fd) != 0) {
            err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    if (err == WEFT_OK) {
        *manifest = found;
    }
    return err;
}

static weft_err
check_bytes(int fd, const char *path, const struct wf_manifest *known)
{
    struct wf_manifest found = {0};
    struct stat status;
    weft_err err;

    if (fstat(fd, &status) != 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    if ((uint64_t)status.st_size < known->bytes) {
        return wf_error(WEFT_ELOST,
                        "%s has %" PRIu64 " bytes and once had %" PRIu64, path,
                        (uint64_t)status.st_size, known->bytes);
    }
    err = read_on(fd, path, &found, known->bytes);
    if (err == WEFT_OK && found.crc != known->crc) {
        err = wf_error(WEFT_ELOST,
                       "%s: its first %" PRIu64 " bytes are not what they were",
                       path, known->bytes);
    }
    return err;
}

weft_err
wf_manifest_check(const char *store_dir, const struct wf_manifest *known)
{
    char path[4200];
    uint64_t number;
    weft_err err = wf_manifest_find(store_dir, &number);
    int fd;

    // Without a number RocksDB, or who looks for it, says what is wrong.
    if (err != WEFT_OK || known->number == 0 || number == 0 ||
        number > known->number) {
        return err;
    }
    if (number < known->number) {
        return wf_error(WEFT_ELOST,
                        "%s/CURRENT names manifest %" PRIu64
                        " and once named %" PRIu64,
                        store_dir, number, known->number);
    }
    name_manifest(store_dir, number, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return wf_error(errno == ENOENT ? WEFT_ELOST : WEFT_EIO, "%s: %s", path,
                        errno == ENOENT ? "it is missing" : strerror(errno));
    }
    err = check_bytes(fd, path, known);
    close(fd);
    return err;
}
