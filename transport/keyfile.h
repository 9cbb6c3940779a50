// SPDX-License-Identifier: Apache-2.0
//
// keyfile.h - small files with keys in them: lines of "name = value", empty
// lines, and comments, which begin with "#". A value may have any characters;
// blanks around it are not of it.
//
// What was read is wiped from memory when the file is closed. A file is made
// new or not at all: nothing is ever overwritten.
//
// Threads: none; everything is the caller's.

#ifndef WF_TRANSPORT_KEYFILE_H
#define WF_TRANSPORT_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "weft/error.h"

#define WF_KEYFILE_BYTES_MAX (64U << 10)

struct wf_keyfile {
    const char *path; // borrowed
    char *text;       // owned; cut into strings line by line
    size_t size;
    char *at;
    uint32_t line; // of what was read last, from 1
};

// is_secret: others than its owner and group must not be able to read it.
//
// WEFT_ENOTFOUND  there is none
// WEFT_EDENIED    everybody may read it, or this process may not
// WEFT_EINVAL     it is no regular file, or has a NUL
// WEFT_ETOOBIG
// WEFT_EIO
weft_err wf_keyfile_open(struct wf_keyfile *file, const char *path,
                         bool is_secret);
void wf_keyfile_close(struct wf_keyfile *file);

// The next line's strings, until close; *out_name is NULL after the last.
//
// WEFT_EINVAL   it has no "="; the detail names file and line
weft_err wf_keyfile_next(struct wf_keyfile *file, const char **out_name,
                         const char **out_value);

// WEFT_EINVAL with file and line before what is said.
weft_err wf_keyfile_error(const struct wf_keyfile *file, const char *format,
                          ...) __attribute__((format(printf, 2, 3)));

// Make a file with this text, on disk when it returns.
//
// WEFT_EEXISTS  there is something of that name
// WEFT_EIO      nothing is left of it
weft_err wf_keyfile_create(const char *path, mode_t mode, const char *text);

#endif
