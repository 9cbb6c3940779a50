// SPDX-License-Identifier: Apache-2.0
//
// manifest.h - how far the manifest of a RocksDB directory has got.
//
// The manifest says which tables and logs there are. RocksDB takes the end of
// one that was cut, or whose last record is damaged, for a crash, and an older
// one for the truth; both forget tables, with all that was in them. So the
// beacon keeps which manifest there is, how long it was and a checksum.
//
// Threads: any; one at a time for each struct.

#ifndef WF_STORAGE_MANIFEST_H
#define WF_STORAGE_MANIFEST_H

#include <stdint.h>

#include "weft/error.h"

// All zero: nothing is known.
struct wf_manifest {
    uint64_t number; // of MANIFEST-NNNNNN; a new one with each open
    uint64_t bytes;  // it is only ever written at its end
    uint32_t crc;    // CRC32C of so many
};

// The number in CURRENT; 0 if there is no CURRENT, or it says no such thing,
// which is for RocksDB to find.
weft_err wf_manifest_find(const char *store_dir, uint64_t *out_number);

// How far it has got; the bytes are then on the disk. Goes on from what
// *manifest knows.
//
// WEFT_EIO
weft_err wf_manifest_measure(const char *store_dir,
                             struct wf_manifest *manifest);

// Has it still got so far?
//
// WEFT_ELOST   it is missing, older, shorter or another; the detail says which
weft_err wf_manifest_check(const char *store_dir,
                           const struct wf_manifest *known);

#endif
