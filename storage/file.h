// SPDX-License-Identifier: Apache-2.0
//
// file.h - all of the bytes or an error, whatever a single call comes to.
//
// A read or a write may be interrupted by a signal, or come to less than was
// asked for. Threads: any.

#ifndef WF_STORAGE_FILE_H
#define WF_STORAGE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "weft/bytes.h"
#include "weft/error.h"

// Read `len` bytes from the beginning, or as many as there are: *out_len.
//
// WEFT_EIO   the detail names `path`, which is only for that
weft_err wf_file_read(int fd, const char *path, void *bytes, size_t len,
                      size_t *out_len);
// The same, from `at` on.
weft_err wf_file_read_at(int fd, const char *path, void *bytes, size_t len,
                         off_t at, size_t *out_len);

// Write all of the bytes at `at`. WEFT_EIO: a part of them may be written.
weft_err wf_file_write(int fd, const char *path, weft_bytes bytes, off_t at);

#endif
