// SPDX-License-Identifier: Apache-2.0
//
// shim_place.h - is a path, or a descriptor, one that the shim looks at?

#ifndef WF_TESTS_SHIM_SHIM_PLACE_H
#define WF_TESTS_SHIM_SHIM_PLACE_H

#include "shim/shim_impl.h"

enum shim_place {
    SHIM_ELSEWHERE, // none of the shim's business
    SHIM_ON_DISK,   // SHIM_DIR, or below it
    SHIM_TEXT,      // the same, and RocksDB's text log: 7.8.3 stops the process
                    // when a line of it fails, so no write to it does, unless
                    // all did before it was opened
    SHIM_BESIDE,    // not there, but in the directory that holds it: traced,
                    // and never made to fail
    SHIM_SOCKET,
};

void shim_place_init(void);
// dir_fd: as of openat. *out: the path, absolute and tidied up.
enum shim_place shim_place_of(int dir_fd, const char *path,
                              char out[SHIM_PATH_SIZE]);
enum shim_place shim_place_of_fd(int fd);
void shim_place_set(int fd, enum shim_place place);

#endif
