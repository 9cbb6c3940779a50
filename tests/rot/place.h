// SPDX-License-Identifier: Apache-2.0
//
// place.h - what a file of a data directory is, and where in it something is.

#ifndef WF_TESTS_ROT_PLACE_H
#define WF_TESTS_ROT_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "rot/files.h"

struct place {
    size_t at;
    size_t len;
};

// "log", "sst", "MANIFEST", "OPTIONS", "LOG", "beacon"; of others the name.
const char *place_sort(const char *name);

// Where the records of a write-ahead log or a manifest end, at most so many of
// them, the newest.
#define PLACE_RECORDS_MAX 4096
size_t place_record_ends(weft_bytes bytes, size_t ends[PLACE_RECORDS_MAX]);

// A name for a copy of a file that has a number in its name: with a number
// higher by `more` than all, or than its own. False: it has none.
bool place_next_name(const struct files *files, const char *name, uint32_t more,
                     char out[96]);

#endif
