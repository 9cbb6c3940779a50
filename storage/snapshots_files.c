// SPDX-License-Identifier: Apache-2.0
//
// snapshots_files.c - a store's directory as the files of a snapshot, and back.
//
// A restored directory is built as DIR.restore. Tables (*.sst) that the old
// directory has are linked, they never change; other files are copied. Then the
// old one becomes DIR.old, the new one DIR, and the old one is removed. A crash
// between the two leaves no DIR, which is an empty store, which is of no use
// but where the log can make all of it: so it is restored again, from files
// that are there already.
//
// Threads: any; one at a time for each directory.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/directory.h"
#include "storage/file.h"
#include "storage/snapshots.h"

#define BLOCK_BYTES (256U << 10)

// One file. -------------------------------------------------------------------

// "dir/name", or "dir" with a suffix of its own; release with wf_free.
static char *
join(const char *dir, const char *between, const char *name)
{
    size_t size = strlen(dir) + strlen(between) + strlen(name) + 1;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s%s%s", dir, between, name);
    return path;
}

static weft_err
io_error(const char *path)
{
    return wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO, "%s: %s", path,
                    strerror(errno));
}

// Read all of a file, hash it, and write it to another if that is not NULL.
static weft_err
pass_blocks(int from_fd, const char *from, int to_fd, const char *to,
            struct wf_snapshots_file *out_file)
{
    crypto_generichash_state state;
    uint8_t *block = wf_alloc(BLOCK_BYTES);
    uint64_t at = 0;
    size_t len = BLOCK_BYTES;
    weft_err err = WEFT_OK;

    (void)crypto_generichash_init(&state, NULL, 0, sizeof(out_file->hash));
    while (err == WEFT_OK && len == BLOCK_BYTES) {
        err =
            wf_file_read_at(from_fd, from, block, BLOCK_BYTES, (off_t)at, &len);
        if (err == WEFT_OK && to != NULL) {
            err =
                wf_file_write(to_fd, to, weft_bytes_of(block, len), (off_t)at);
        }
        if (err == WEFT_OK) {
            (void)crypto_generichash_update(&state, block, len);
            at += len;
        }
    }
    (void)crypto_generichash_final(&state, out_file->hash,
                                   sizeof(out_file->hash));
    out_file->bytes = at;
    wf_free(block);
    return err;
}

static weft_err
pass_file(const char *from, const char *to, struct wf_snapshots_file *out_file)
{
    int from_fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to_fd = -1;
    weft_err err = WEFT_OK;

    if (from_fd < 0) {
        return io_error(from);
    }
    if (to != NULL) {
        to_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (to_fd < 0) {
            err = wf_error(WEFT_EIO, "%s: %s", to, strerror(errno));
        }
    }
    if (err == WEFT_OK) {
        err = pass_blocks(from_fd, from, to_fd, to, out_file);
    }
    if (err == WEFT_OK && to != NULL && fsync(to_fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", to, strerror(errno));
    }
    close(from_fd);
    if (to_fd >= 0) {
        close(to_fd);
    }
    return err;
}

static bool
is_same(const struct wf_snapshots_file *a, const struct wf_snapshots_file *b)
{
    return a->bytes == b->bytes &&
           memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

weft_err
wf_snapshots_check(const struct wf_snapshots_file *file, const char *path)
{
    struct wf_snapshots_file found = {0};
    weft_err err = pass_file(path, NULL, &found);

    return err == WEFT_OK && !is_same(&found, file)
               ? wf_error(WEFT_ECORRUPT, "%s: its bytes are not those of %s",
                          path, file->name)
               : err;
}

weft_err
wf_snapshots_copy(const struct wf_snapshots_file *file, const char *from,
                  const char *to)
{
    struct wf_snapshots_file found = {0};
    weft_err err = pass_file(from, to, &found);

    if (err == WEFT_OK && !is_same(&found, file)) {
        err = wf_error(WEFT_ECORRUPT, "%s: its bytes are not those of %s", from,
                       file->name);
    }
    if (err != WEFT_OK) {
        (void)unlink(to);
    }
    return err;
}

// Out of a directory. ---------------------------------------------------------

static bool
is_table(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".sst") == 0;
}

static const struct wf_snapshots_file *
find(const struct wf_snapshots_manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->files_count; i++) {
        if (strcmp(manifest->files[i].name, name) == 0) {
            return &manifest->files[i];
        }
    }
    return NULL;
}

static weft_err
scan_file(const char *dir, const char *name,
          const struct wf_snapshots_manifest *before,
          struct wf_snapshots_manifest *manifest)
{
    const struct wf_snapshots_file *known =
        before == NULL ? NULL : find(before, name);
    char *path = join(dir, "/", name);
    struct wf_snapshots_file file = {.name = (char *)(uintptr_t)name};
    struct stat status;
    weft_err err = WEFT_OK;

    if (lstat(path, &status) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(status.st_mode) || strlen(name) > WF_SNAPSHOTS_NAME_MAX) {
        err = wf_error(WEFT_EINVAL, "%s is no file of a snapshot", path);
        goto out;
    }
    file.inode = status.st_ino;
    file.changed_ns =
        (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    if (known != NULL && is_table(name) && known->inode == file.inode &&
        known->changed_ns == file.changed_ns &&
        known->bytes == (uint64_t)status.st_size) {
        file.bytes = known->bytes;
        memcpy(file.hash, known->hash, sizeof(file.hash));
    } else {
        err = pass_file(path, NULL, &file);
    }
    if (err == WEFT_OK) {
        wf_snapshots_add(manifest, &file);
    }

out:
    wf_free(path);
    return err == WEFT_ENOTFOUND ? WEFT_EIO : err;
}

struct names {
    char **items;
    size_t count;
};

static void
free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        wf_free(names->items[i]);
    }
    wf_free(names->items);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_of_store(const char *name)
{
    return name[0] != '.' && strcmp(name, "LOCK") != 0;
}

// Of a directory, in order.
static weft_err
list_names(const char *dir, struct names *out_names)
{
    struct names names = {0};
    const struct dirent *entry;
    DIR *opened = opendir(dir);
    weft_err err = WEFT_OK;

    *out_names = names;
    if (opened == NULL) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    errno = 0;
    while ((entry = readdir(opened)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            names.items =
                wf_realloc(names.items, (names.count + 1) * sizeof(char *));
            names.items[names.count++] = wf_strdup(entry->d_name);
        }
        errno = 0;
    }
    if (errno != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    closedir(opened);
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof(char *), compare_names);
    }
    *out_names = names;
    return err;
}

weft_err
wf_snapshots_scan(const char *dir, const struct wf_snapshots_manifest *before,
                  struct wf_snapshots_manifest *manifest)
{
    struct names names;
    weft_err err = list_names(dir, &names);

    for (size_t i = 0; err == WEFT_OK && i < names.count; i++) {
        if (is_of_store(names.items[i])) {
            err = scan_file(dir, names.items[i], before, manifest);
        }
    }
    free_names(&names);
    return err;
}

// Into a directory. -----------------------------------------------------------

static bool
is_there(const char *path, const struct wf_snapshots_file *file)
{
    struct wf_snapshots_file found = {0};
    struct stat status;

    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           (uint64_t)status.st_size == file->bytes &&
           pass_file(path, NULL, &found) == WEFT_OK && is_same(&found, file);
}

// From what an earlier call left, from the old directory, or from afar.
static weft_err
restore_file(const struct wf_snapshots *snapshots,
             const struct wf_snapshots_file *file, const char *old_dir,
             const char *new_dir)
{
    char *old_path = join(old_dir, "/", file->name);
    char *path = join(new_dir, "/", file->name);
    weft_err err = WEFT_ENOTFOUND;

    if (is_there(path, file)) {
        err = WEFT_OK;
        goto out;
    }
    wf_directory_remove(path);
    if (is_there(old_path, file)) {
        err = is_table(file->name) && link(old_path, path) == 0
                  ? WEFT_OK
                  : wf_snapshots_copy(file, old_path, path);
    }
    if (err != WEFT_OK) {
        err = snapshots->ops->get(snapshots->self, file, path);
    }

out:
    wf_free(old_path);
    wf_free(path);
    return err;
}

static weft_err
remove_others(const struct wf_snapshots_manifest *manifest, const char *dir)
{
    struct names names;
    weft_err err = list_names(dir, &names);

    for (size_t i = 0; i < names.count; i++) {
        if (find(manifest, names.items[i]) == NULL) {
            char *path = join(dir, "/", names.items[i]);

            wf_directory_remove(path);
            wf_free(path);
        }
    }
    free_names(&names);
    return err;
}

// from may be NULL: there is to be nothing.
static weft_err
put_in_place(const char *dir, const char *from)
{
    char *aside = join(dir, ".old", "");
    weft_err err = WEFT_OK;

    wf_directory_remove(aside);
    if (rename(dir, aside) != 0 && errno != ENOENT) {
        err = wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    } else if (from != NULL && rename(from, dir) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
    }
    if (err == WEFT_OK) {
        err = wf_directory_sync_parent(dir);
    }
    if (err == WEFT_OK) {
        wf_directory_remove(aside);
    }
    wf_free(aside);
    return err;
}

weft_err
wf_snapshots_restore(const struct wf_snapshots *snapshots,
                     const struct wf_snapshots_manifest *manifest,
                     const char *dir)
{
    char *made = join(dir, ".restore", "");
    weft_err err = wf_directory_make(made);

    if (err == WEFT_OK) {
        err = remove_others(manifest, made);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < manifest->files_count; i++) {
        err = restore_file(snapshots, &manifest->files[i], dir, made);
    }
    if (err == WEFT_OK) {
        err = wf_directory_sync(made);
    }
    if (err == WEFT_OK) {
        err = put_in_place(dir, made);
    }
    wf_free(made);
    return err;
}

weft_err
wf_snapshots_forget(const char *dir)
{
    return put_in_place(dir, NULL);
}

void
wf_snapshots_tidy(const char *dir)
{
    char *made = join(dir, ".restore", "");
    char *old = join(dir, ".old", "");

    wf_directory_remove(made);
    wf_directory_remove(old);
    wf_free(made);
    wf_free(old);
}
