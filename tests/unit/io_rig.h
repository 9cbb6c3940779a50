// SPDX-License-Identifier: Apache-2.0
//
// io_rig.h - make the n-th call of the system fail, for n = 1, 2, 3 and so on.
//
// What asks the system for files, of the code that is linked into the test, is
// asked of this instead (ld's --wrap; the CMakeLists.txt has the list). RocksDB
// and the C library's own calls are left alone.

#ifndef WF_TESTS_UNIT_IO_RIG_H
#define WF_TESTS_UNIT_IO_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "support/test.h"

enum io_rig_mode {
    IO_RIG_COUNT,     // nothing fails
    IO_RIG_ONCE,      // one call, with EIO
    IO_RIG_FROM,      // that call and all after it
    IO_RIG_INTERRUPT, // one read or write is interrupted by a signal
    IO_RIG_SHORT,     // one read or write comes to one byte
};

// What is done again and again. What it says it did must be there then; what
// failed must fail with WEFT_EIO, name the file, leave none open, and succeed
// when it is repeated.
struct io_rig_deed {
    // Make what it needs, in an empty directory. NULL: nothing.
    void (*prepare)(const char *dir);
    weft_err (*do_it)(const char *dir);
    // Is what was promised there? What must be true of what failed?
    void (*check)(const char *dir, weft_err err);
    bool needs_all;      // no call may fail and it succeed all the same
    bool can_be_refused; // with WEFT_EBUSY: what cannot be asked may be held
    // Something works beside it, whose failures are not its own; and it takes
    // so long that IO_RIG_ONCE alone is tried.
    bool is_node;
};

// In each mode, with each call that it makes; with a node, with every 16th,
// or with every IO_STEP-th if the environment has that.
void io_rig_do(struct test *t, const struct io_rig_deed *deed);

// So many directories, and other files, were synced since the deed began.
uint64_t io_rig_directory_syncs(void);
uint64_t io_rig_file_syncs(void);

#endif
