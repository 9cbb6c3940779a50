// SPDX-License-Identifier: Apache-2.0
//
// shim_trace.c - what the program did, written down as it did it.
//
// Each entry is one write to a file that is only appended to, so that it
// survives SIGKILL, and that several processes may share one after another.
//
// Threads: any; between lock and unlock.

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/shim_impl.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace_fd = -1;

void
shim_trace_init(void)
{
    const char *path = getenv("SHIM_TRACE");

    if (path == NULL || *path == '\0') {
        return;
    }
    trace_fd = shim_real_open(AT_FDCWD, path,
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (trace_fd < 0) {
        perror(path);
        _exit(127);
    }
}

bool
shim_trace_is_on(void)
{
    return trace_fd >= 0;
}

void
shim_trace_lock(void)
{
    (void)pthread_mutex_lock(&lock);
}

void
shim_trace_unlock(void)
{
    (void)pthread_mutex_unlock(&lock);
}

static void
put_fully(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = shim_real_write(trace_fd, data, len);

        if (put <= 0) {
            perror("shim: trace");
            _exit(127);
        }
        data += put;
        len -= (size_t)put;
    }
}

void
shim_trace_add(enum shim_entry_type type, uint64_t file, uint64_t offset,
               const char *path, const char *to, const void *data,
               size_t data_len)
{
    struct shim_entry entry = {
        .magic = SHIM_MAGIC,
        .type = type,
        .file = file,
        .offset = offset,
        .path_len = path == NULL ? 0 : (uint32_t)strlen(path),
        .to_len = to == NULL ? 0 : (uint32_t)strlen(to),
        .data_len = data_len,
    };
    size_t len = sizeof(entry) + entry.path_len + entry.to_len + data_len;
    char *bytes;

    if (trace_fd < 0) {
        return;
    }
    bytes = malloc(len);
    if (bytes == NULL) {
        _exit(127);
    }
    memcpy(bytes, &entry, sizeof(entry));
    if (path != NULL) {
        memcpy(bytes + sizeof(entry), path, entry.path_len);
    }
    if (to != NULL) {
        memcpy(bytes + sizeof(entry) + entry.path_len, to, entry.to_len);
    }
    if (data_len > 0) {
        memcpy(bytes + len - data_len, data, data_len);
    }
    put_fully(bytes, len);
    free(bytes);
}
