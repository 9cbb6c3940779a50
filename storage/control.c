// SPDX-License-Identifier: Apache-2.0
//
// control.c - ask the node that runs on a directory for a backup.
//
// A request is written and locked under a name of its own and then linked to
// its name: link fails where rename would replace, so that of two who ask at
// once one is told. Nothing is synced, since nothing here has a meaning after
// a crash.
//
// Removing what the dead left: open it, take its lock, and look whether the
// name still means the file that is locked. From then on nobody else removes
// the name, for that takes the lock; and nobody puts another there, for link
// does not replace. An answer found beside such a request is to nobody.
//
// A request may be anything that somebody put there, a pipe too: it is opened
// without waiting, and of a file only so much is read as one of ours can have.
//
// Threads: any.

#include "storage/control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/random.h"
#include "storage/file.h"

#define FORMAT_LINE "weft backup 1\n"
#define TEXT_BYTES 8192 // of a request or an answer

static const char request_name[] = "backup.request";
static const char answer_name[] = "backup.answer";

struct wf_control_ask {
    char *dir;
    uint64_t id;
    int fd; // of the request, locked
};

bool
wf_control_is_name(const char *name)
{
    return strncmp(name, request_name, sizeof(request_name) - 1) == 0 ||
           strncmp(name, answer_name, sizeof(answer_name) - 1) == 0;
}

// Files. --------------------------------------------------------------------

static char *
join(const char *dir, const char *name, const char *suffix)
{
    size_t size = strlen(dir) + strlen(name) + strlen(suffix) + 2;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s%s", dir, name, suffix);
    return path;
}

// -1: it is not there, or not a file; errno says which.
static int
open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;

    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

// All of it, as text; empty if it is too long or no text.
//
// WEFT_EIO   it cannot be read
static weft_err
read_text(const char *path, int fd, char out_text[TEXT_BYTES])
{
    size_t len;
    weft_err err = wf_file_read(fd, path, out_text, TEXT_BYTES, &len);

    if (err != WEFT_OK) {
        return err;
    }
    if (len == TEXT_BYTES || memchr(out_text, '\0', len) != NULL) {
        len = 0;
    }
    out_text[len] = '\0';
    return WEFT_OK;
}

// The format line and the id, which every format has. *out_rest is what follows
// in the text. False: there is no id; it is 0.
static bool
read_head(const char *text, uint64_t *out_id, const char **out_rest)
{
    const char *line = strchr(text, '\n');
    char *end = NULL;

    *out_id = 0;
    *out_rest = "";
    if (line == NULL) {
        return false;
    }
    *out_id = strtoull(line + 1, &end, 16);
    if (end != line + 17 || *end != '\n') {
        *out_id = 0;
        return false;
    }
    *out_rest = end + 1;
    return *out_id != 0;
}

static bool
is_of_this_format(const char *text)
{
    return strncmp(text, FORMAT_LINE, sizeof(FORMAT_LINE) - 1) == 0;
}

// Make a file that everybody may read: the node may be somebody else's.
static weft_err
write_file(const char *path, const char *text, int *out_fd)
{
    weft_err err;
    int fd;

    (void)unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    err = fchmod(fd, 0644) == 0
              ? wf_file_write(fd, path, weft_text(text), 0)
              : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    if (err != WEFT_OK) {
        (void)unlink(path);
        close(fd);
        return err;
    }
    *out_fd = fd;
    return WEFT_OK;
}

// Does the name mean this file?
static bool
is_named(const char *path, int fd)
{
    struct stat by_name;
    struct stat by_fd;

    return lstat(path, &by_name) == 0 && fstat(fd, &by_fd) == 0 &&
           by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

static void
remove_answer(const char *dir)
{
    char *path = join(dir, answer_name, "");

    (void)unlink(path);
    wf_free(path);
}

// True: who asked is gone, and so is the request now.
static bool
remove_if_dead(const char *dir, const char *path, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return false;
    }
    if (is_named(path, fd)) {
        remove_answer(dir);
        (void)unlink(path);
    }
    return true;
}

// Who asks. -----------------------------------------------------------------

// Give the request its name.
static weft_err
publish(const char *dir, const char *temporary, const char *path)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        bool is_gone = false;
        int fd;

        if (link(temporary, path) == 0) {
            return WEFT_OK;
        }
        if (errno != EEXIST) {
            return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        }
        fd = open_file(path);
        if (fd >= 0) {
            is_gone = remove_if_dead(dir, path, fd);
            close(fd);
        } else if (errno != ENOENT) {
            return wf_error(WEFT_EIO, "%s is no request: %s", path,
                            strerror(errno));
        }
        if (fd >= 0 && !is_gone) {
            break;
        }
    }
    return wf_error(WEFT_EBUSY, "%s: somebody else asks for a backup", dir);
}

weft_err
wf_control_ask(const char *dir, const char *to, struct wf_control_ask **out_ask)
{
    uint64_t id = wf_random_os_seed() | 1U; // not 0
    char text[TEXT_BYTES];
    char suffix[32];
    char *path = NULL;
    char *temporary = NULL;
    int fd = -1;
    int len = snprintf(text, sizeof(text), FORMAT_LINE "%016" PRIx64 "\n%s\n",
                       id, to);
    weft_err err;

    if (strlen(to) >= PATH_MAX) {
        return wf_error(WEFT_EINVAL, "the path of the copy is too long");
    }
    WF_ASSERT(len > 0 && len < TEXT_BYTES);
    (void)snprintf(suffix, sizeof(suffix), ".%016" PRIx64, id);
    path = join(dir, request_name, "");
    temporary = join(dir, request_name, suffix);
    err = write_file(temporary, text, &fd);
    if (err == WEFT_OK && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", temporary, strerror(errno));
    }
    if (err == WEFT_OK) {
        err = publish(dir, temporary, path);
    }
    if (fd >= 0) {
        (void)unlink(temporary);
    }
    if (err == WEFT_OK) {
        *out_ask = wf_alloc(sizeof(**out_ask));
        **out_ask = (struct wf_control_ask){wf_strdup(dir), id, fd};
    } else if (fd >= 0) {
        close(fd);
    }
    wf_free(path);
    wf_free(temporary);
    return err;
}

// "NAME\ntext\n", as an error with its detail.
static weft_err
read_answer(const char *rest)
{
    static const struct {
        const char *name;
        weft_err err;
    } errors[] = {
#define X(name, value, class, text) {"WEFT_" #name "\n", WEFT_##name},
        WEFT_ERROR_TABLE(X)
#undef X
    };
    size_t len = strlen(rest);

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        size_t name_len = strlen(errors[i].name);

        if (strncmp(rest, errors[i].name, name_len) == 0) {
            rest += name_len;
            len = strlen(rest);
            return wf_error(errors[i].err, "%.*s", (int)(len > 0 ? len - 1 : 0),
                            rest);
        }
    }
    return wf_error(WEFT_EFORMAT, "the node's answer is not understood: %s",
                    rest);
}

bool
wf_control_is_answered(const struct wf_control_ask *ask, weft_err *out_answer)
{
    char *path = join(ask->dir, answer_name, "");
    char text[TEXT_BYTES];
    const char *rest = "";
    uint64_t id = 0;
    int fd = open_file(path);
    bool is_answered = fd >= 0 && read_text(path, fd, text) == WEFT_OK &&
                       read_head(text, &id, &rest) && id == ask->id;

    if (is_answered) {
        *out_answer = read_answer(rest);
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_free(path);
    return is_answered;
}

void
wf_control_end(struct wf_control_ask *ask)
{
    char *path;

    if (ask == NULL) {
        return;
    }
    path = join(ask->dir, request_name, "");
    if (is_named(path, ask->fd)) {
        remove_answer(ask->dir);
        (void)unlink(path);
    }
    close(ask->fd); // and the lock is gone
    wf_free(path);
    wf_free(ask->dir);
    wf_free(ask);
}

// Who is asked. -------------------------------------------------------------

static weft_err
read_request(const char *path, int fd, struct wf_control_request *out_request)
{
    char text[TEXT_BYTES];
    const char *rest = "";
    size_t len;
    weft_err err = read_text(path, fd, text);

    if (err != WEFT_OK) {
        return err;
    }
    if (!read_head(text, &out_request->id, &rest) || !is_of_this_format(text)) {
        return wf_error(WEFT_EFORMAT, "%s is not understood by this version",
                        path);
    }
    len = strlen(rest);
    if (len < 2 || len > PATH_MAX || rest[0] != '/' || rest[len - 1] != '\n') {
        return wf_error(WEFT_EFORMAT, "%s: the copy needs an absolute path",
                        path);
    }
    out_request->to = wf_strdup(rest);
    out_request->to[len - 1] = '\0';
    return WEFT_OK;
}

weft_err
wf_control_find(const char *dir, struct wf_control_request *out_request)
{
    char *path = join(dir, request_name, "");
    weft_err err = WEFT_OK;
    int fd = open_file(path);

    *out_request = (struct wf_control_request){0};
    if (fd < 0) {
        err = errno == ENOENT
                  ? WEFT_ENOTFOUND
                  : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else if (remove_if_dead(dir, path, fd)) {
        err = WEFT_ENOTFOUND;
    } else {
        err = read_request(path, fd, out_request);
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_free(path);
    return err;
}

weft_err
wf_control_answer(const char *dir, uint64_t id, weft_err answer,
                  const char *text)
{
    struct wf_control_request request = {0};
    char line[TEXT_BYTES / 2];
    char *path;
    char *temporary;
    int fd = -1;
    weft_err err = wf_control_find(dir, &request);

    wf_free(request.to);
    if (err == WEFT_EIO) {
        return err;
    }
    if (request.id != id) {
        return wf_error(WEFT_ENOTFOUND, "%s: nobody waits for the answer", dir);
    }
    path = join(dir, answer_name, "");
    temporary = join(dir, answer_name, ".new");
    (void)snprintf(line, sizeof(line), FORMAT_LINE "%016" PRIx64 "\n%s\n%s\n",
                   id, weft_err_name(answer), text);
    err = write_file(temporary, line, &fd);
    if (err == WEFT_OK && rename(temporary, path) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        (void)unlink(temporary);
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_free(path);
    wf_free(temporary);
    return err;
}
