// SPDX-License-Identifier: Apache-2.0
//
// files.c - directories and files of the test's own. See files.h.

#include "rot/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

static void
need(bool is_done, const char *what)
{
    if (!is_done) {
        (void)fprintf(stderr, "rot: %s: %s\n", what, strerror(errno));
        abort();
    }
}

static void
list_into(const char *dir, const char *prefix, struct files *out)
{
    const struct dirent *entry;
    DIR *stream = opendir(dir);

    need(stream != NULL, dir);
    while ((entry = readdir(stream)) != NULL) {
        struct stat status;
        char path[FILES_PATH];

        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        need(lstat(path, &status) == 0, path);
        if (S_ISDIR(status.st_mode)) {
            char below[FILES_PATH];

            (void)snprintf(below, sizeof(below), "%s%s/", prefix,
                           entry->d_name);
            list_into(path, below, out);
            continue;
        }
        need(out->count < FILES_MAX, "too many files");
        (void)snprintf(out->file[out->count].name, sizeof(out->file[0].name),
                       "%.40s%.50s", prefix, entry->d_name);
        out->file[out->count].bytes = (uint64_t)status.st_size;
        out->count++;
    }
    (void)closedir(stream);
}

static int
compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

void
files_list(const char *dir, struct files *out)
{
    out->count = 0;
    list_into(dir, "", out);
    qsort(out->file, out->count, sizeof(out->file[0]), compare);
}

const char *
files_path(const char *dir, const char *name)
{
    static char paths[8][FILES_PATH];
    static unsigned next;
    char *path = paths[next++ % 8];

    (void)snprintf(path, FILES_PATH, "%s/%s", dir, name);
    return path;
}

bool
files_exist(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

void
files_read(const char *path, struct wf_buf *out)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    need(fd >= 0 && fstat(fd, &status) == 0, path);
    wf_buf_reset(out);
    wf_buf_reserve(out, (size_t)status.st_size + 1);
    got = read(fd, out->data, (size_t)status.st_size);
    need(got == status.st_size, path);
    out->len = (size_t)got;
    (void)close(fd);
}

void
files_write(const char *path, const void *data, size_t len)
{
    int fd;

    need(unlink(path) == 0 || errno == ENOENT, path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    need(fd >= 0, path);
    need(len == 0 || write(fd, data, len) == (ssize_t)len, path);
    (void)close(fd);
}

void
files_copy(const char *from, const char *to)
{
    struct wf_buf bytes = {0};

    files_read(from, &bytes);
    files_write(to, bytes.data, bytes.len);
    wf_buf_fini(&bytes);
}

// Tables, manifests and write-ahead logs are written once, and then only read
// or deleted by whoever opens the directory anew.
static bool
is_shared(const char *name)
{
    return strstr(name, ".sst") != NULL || strstr(name, "MANIFEST-") != NULL ||
           strstr(name, ".log") != NULL || strstr(name, "OPTIONS-") != NULL;
}

static void
make_folders(const char *path)
{
    char folder[FILES_PATH];

    (void)snprintf(folder, sizeof(folder), "%s", path);
    for (char *at = folder + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            need(mkdir(folder, 0755) == 0 || errno == EEXIST, folder);
            *at = '/';
        }
    }
}

static void
copy_tree(const char *from, const char *to, bool shares)
{
    static struct files files;

    files_list(from, &files);
    for (uint32_t i = 0; i < files.count; i++) {
        const char *name = files.file[i].name;
        const char *old = files_path(from, name);
        const char *made = files_path(to, name);

        make_folders(made);
        if (shares && is_shared(name)) {
            need(link(old, made) == 0, made);
        } else {
            files_copy(old, made);
        }
    }
}

void
files_clone(const char *from, const char *to)
{
    copy_tree(from, to, true);
}

void
files_copy_all(const char *from, const char *to)
{
    copy_tree(from, to, false);
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

// What may not be entered is made so first.
static int
allow_one(const char *path, const struct stat *status, int type,
          struct FTW *place)
{
    (void)place;
    if (type == FTW_DNR ||
        (type == FTW_D && (status->st_mode & 0700) != 0700)) {
        (void)chmod(path, 0755);
    }
    return 0;
}

void
files_remove_all(const char *dir)
{
    if (!files_exist(dir)) {
        return;
    }
    (void)nftw(dir, allow_one, 16, FTW_PHYS);
    need(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, dir);
}

uint64_t
files_hash(const char *dir)
{
    static struct files files;
    struct wf_buf bytes = {0};
    uint64_t hash = 0;

    files_list(dir, &files);
    for (uint32_t i = 0; i < files.count; i++) {
        files_read(files_path(dir, files.file[i].name), &bytes);
        hash = wf_hash64(bytes.data, bytes.len, hash);
    }
    wf_buf_fini(&bytes);
    return hash;
}
