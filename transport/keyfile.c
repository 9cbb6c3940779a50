// SPDX-License-Identifier: Apache-2.0
//
// keyfile.c - see keyfile.h.

#include "transport/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

// Reading. --------------------------------------------------------------------

static weft_err
check(const char *path, const struct stat *what, bool is_secret)
{
    if (!S_ISREG(what->st_mode)) {
        return wf_error(WEFT_EINVAL, "%s is no regular file", path);
    }
    if (what->st_size > WF_KEYFILE_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "%s has more than %u bytes", path,
                        WF_KEYFILE_BYTES_MAX);
    }
    if (is_secret && (what->st_mode & S_IRWXO) != 0) {
        return wf_error(WEFT_EDENIED,
                        "%s has a secret, and everybody may use it: chmod 600",
                        path);
    }
    return WEFT_OK;
}

// Its size is what it was; what is added meanwhile is not read.
static weft_err
read_all(int fd, struct wf_keyfile *file)
{
    size_t len = 0;
    ssize_t count = 1;

    while (len < file->size && count > 0) {
        count = read(fd, file->text + len, file->size - len);
        if (count < 0 && errno == EINTR) {
            count = 1;
            continue;
        }
        len += count > 0 ? (size_t)count : 0;
    }
    if (count < 0) {
        return wf_error(WEFT_EIO, "%s: %s", file->path, strerror(errno));
    }
    file->text[len] = '\0';
    if (memchr(file->text, '\0', len) != NULL) {
        return wf_error(WEFT_EINVAL, "%s has a NUL in it", file->path);
    }
    return WEFT_OK;
}

static weft_err
open_error(const char *path)
{
    weft_err err = errno == ENOENT   ? WEFT_ENOTFOUND
                   : errno == EACCES ? WEFT_EDENIED
                                     : WEFT_EIO;

    return wf_error(err, "%s: %s", path, strerror(errno));
}

weft_err
wf_keyfile_open(struct wf_keyfile *file, const char *path, bool is_secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat what;
    weft_err err;

    *file = (struct wf_keyfile){.path = path};
    if (fd < 0) {
        return open_error(path);
    }
    err = fstat(fd, &what) == 0 ? check(path, &what, is_secret)
                                : open_error(path);
    if (err == WEFT_OK) {
        file->size = (size_t)what.st_size;
        file->text = wf_alloc(file->size + 1);
        file->at = file->text;
        err = read_all(fd, file);
    }
    (void)close(fd);
    if (err != WEFT_OK) {
        wf_keyfile_close(file);
    }
    return err;
}

void
wf_keyfile_close(struct wf_keyfile *file)
{
    if (file->text != NULL) {
        sodium_memzero(file->text, file->size + 1);
        wf_free(file->text);
    }
    *file = (struct wf_keyfile){.path = file->path};
}

static char *
trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        len--;
    }
    text[len] = '\0';
    return text;
}

weft_err
wf_keyfile_next(struct wf_keyfile *file, const char **out_name,
                const char **out_value)
{
    *out_name = NULL;
    while (*file->at != '\0') {
        char *line = file->at;
        size_t len = strcspn(line, "\n");
        char *middle;

        file->at = line + len + (line[len] == '\n');
        line[len] = '\0';
        file->line++;
        line = trim(line);
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        middle = strchr(line, '=');
        if (middle == NULL) {
            return wf_keyfile_error(file, "the line is no \"NAME = VALUE\"");
        }
        *middle = '\0';
        *out_name = trim(line);
        *out_value = trim(middle + 1);
        return WEFT_OK;
    }
    return WEFT_OK;
}

weft_err
wf_keyfile_error(const struct wf_keyfile *file, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return wf_error(WEFT_EINVAL, "%s:%u: %s", file->path, file->line, text);
}

// Making. ---------------------------------------------------------------------

static bool
write_all(int fd, const char *text, mode_t mode)
{
    size_t left = strlen(text);

    // Whatever the umask says: who makes a key decides who reads it.
    if (fchmod(fd, mode) != 0) {
        return false;
    }
    while (left > 0) {
        ssize_t count = write(fd, text, left);

        if (count < 0 && errno != EINTR) {
            return false;
        }
        text += count > 0 ? count : 0;
        left -= count > 0 ? (size_t)count : 0;
    }
    return fsync(fd) == 0;
}

weft_err
wf_keyfile_create(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_written;
    int code;

    if (fd < 0) {
        return wf_error(errno == EEXIST ? WEFT_EEXISTS : WEFT_EIO, "%s: %s",
                        path, strerror(errno));
    }
    is_written = write_all(fd, text, mode);
    code = errno;
    if (close(fd) != 0 && is_written) {
        is_written = false;
        code = errno;
    }
    if (is_written) {
        return WEFT_OK;
    }
    (void)unlink(path);
    return wf_error(WEFT_EIO, "%s: %s", path, strerror(code));
}
