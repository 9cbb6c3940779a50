// SPDX-License-Identifier: Apache-2.0
//
// files.h - directories and files: listed, read, written, copied, removed.
// What cannot be done stops the process: these are the test's own.

#ifndef WF_TESTS_ROT_FILES_H
#define WF_TESTS_ROT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define FILES_MAX 256
#define FILES_PATH 600

struct files {
    uint32_t count;
    struct {
        char name[96]; // below the directory: "store-0/000012.sst"
        uint64_t bytes;
    } file[FILES_MAX];
};

void files_list(const char *dir, struct files *out); // in order of name
// `dir`/`name`, in one of a few buffers that are used in turn.
const char *files_path(const char *dir, const char *name);
bool files_exist(const char *path);
void files_read(const char *path, struct wf_buf *out);
// Anew: whoever else has the old file under another name keeps it.
void files_write(const char *path, const void *data, size_t len);
void files_copy(const char *from, const char *to);
// A copy that shares the files that are never written in place.
void files_clone(const char *from, const char *to);
void files_copy_all(const char *from, const char *to);
void files_remove_all(const char *dir); // need not be there
uint64_t files_hash(const char *dir);

#endif
