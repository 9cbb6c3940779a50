// SPDX-License-Identifier: Apache-2.0
//
// file.c - all of the bytes or an error, whatever a single call comes to.

#include "storage/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

weft_err
wf_file_read(int fd, const char *path, void *bytes, size_t len, size_t *out_len)
{
    return wf_file_read_at(fd, path, bytes, len, 0, out_len);
}

weft_err
wf_file_read_at(int fd, const char *path, void *bytes, size_t len, off_t at,
                size_t *out_len)
{
    uint8_t *data = bytes;
    size_t done = 0;
    ssize_t got = 1;

    while (done < len && got != 0) {
        got = pread(fd, data + done, len - done, at + (off_t)done);
        if (got < 0 && errno != EINTR) {
            return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        }
        done += got > 0 ? (size_t)got : 0;
    }
    *out_len = done;
    return WEFT_OK;
}

weft_err
wf_file_write(int fd, const char *path, weft_bytes bytes, off_t at)
{
    const uint8_t *data = bytes.data;
    size_t done = 0;

    while (done < bytes.len) {
        ssize_t put =
            pwrite(fd, data + done, bytes.len - done, at + (off_t)done);
        if (put < 0 && errno != EINTR) {
            return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return WEFT_OK;
}
