// SPDX-License-Identifier: Apache-2.0
//
// damage.h - one random thing that befalls a directory.

#ifndef WF_TESTS_ROT_DAMAGE_H
#define WF_TESTS_ROT_DAMAGE_H

#include <stdbool.h>

#include "base/random.h"
#include "rot/source.h"

// X(NAME, "in words")
#define DAMAGE_TABLE(X)                                                        \
    X(BIT, "a bit turned over")                                                \
    X(BYTE, "a byte changed")                                                  \
    X(BYTES, "a few bytes changed")                                            \
    X(SECTOR_ZERO, "a sector of zeros")                                        \
    X(SECTOR_NOISE, "a sector of noise")                                       \
    X(PAGE_ZERO, "a page of zeros")                                            \
    X(PAGE_NOISE, "a page of noise")                                           \
    X(REST_ZERO, "zeros from somewhere to the end")                            \
    X(PAGE_OLD, "a page as it was earlier")                                    \
    X(PAGES_SWAPPED, "two pages swapped")                                      \
    X(HOLE, "some bytes cut out of the middle")                                \
    X(CUT, "cut off anywhere")                                                 \
    X(CUT_AT_RECORD, "cut off where a record ends")                            \
    X(EMPTY, "emptied")                                                        \
    X(GROWN_ZERO, "zeros behind the end")                                      \
    X(GROWN_NOISE, "noise behind the end")                                     \
    X(GROWN_SELF, "its own tail once more behind the end")                     \
    X(DELETED, "deleted")                                                      \
    X(RENAMED, "renamed")                                                      \
    X(SWAPPED, "two files of a sort swapped")                                  \
    X(OTHER, "replaced by another file of its sort")                           \
    X(STRANGER, "replaced by any other file")                                  \
    X(OLD, "replaced by an older version of it")                               \
    X(COPIED, "once more under a higher number")                               \
    X(DIRECTORY, "a directory of its name")                                    \
    X(LINK, "a link to nowhere")                                               \
    X(FORBIDDEN, "not to be read or written")                                  \
    X(OLD_LOGS, "all write-ahead logs as they were earlier")                   \
    X(OLD_TABLES, "everything but write-ahead logs as it was earlier")         \
    X(OLD_MANIFEST, "CURRENT and manifest as they were earlier")               \
    X(OLD_BEACON, "the beacon as it was earlier")                              \
    X(OLD_STORE, "a store as it was earlier, its beacon not")                  \
    X(OLD_STORE_AND_BEACON, "one of several stores as it was earlier")         \
    X(STORES_SWAPPED, "two stores swapped")                                    \
    X(OLD_ALL, "the whole directory as it was earlier")

#define X(name, text) DAMAGE_##name,
enum damage_kind { DAMAGE_TABLE(X) DAMAGE_COUNT };
#undef X

struct damage {
    enum damage_kind kind;
    char file[96];  // below the directory; the first of two
    char what[300]; // in words
};

const char *damage_name(enum damage_kind kind);

// Damage dir, a clone of the source. False: nothing was changed, this kind
// does not apply to this source.
bool damage_do(const struct source *source, const char *dir,
               struct wf_random *random, struct damage *out);

#endif
