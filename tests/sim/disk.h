// SPDX-License-Identifier: Apache-2.0
//
// disk.h - a simulated disk, and everything that goes wrong with one.
//
// A disk has a shelf for each partition of its node. Rows are shared, and each
// shelf has a log of its own. What one shelf writes is durable, or lost, apart
// from what the others do: nothing may rely on two partitions sharing a commit.
//
//     write --> written --(sync)--> synced
//                  ^                   |
//                  +------(crash)------+   and a part of what was not synced
//
// Rot is a bit that turned over. Rows are blocks with a checksum: reading one
// that rots fails with WEFT_ECORRUPT. What lies in a log is given as it is: its
// own checksums must find it. A torn row is the end of a log that was being
// written.

#ifndef WF_TESTS_SIM_DISK_H
#define WF_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/choice.h"
#include "storage/store.h"

struct disk;
struct disk_copy;

struct disk *disk_create(uint32_t shelves);
void disk_destroy(struct disk *disk);
// The store of one shelf. WEFT_EFULL: no space.
weft_err disk_open(struct disk *disk, uint32_t shelf,
                   struct wf_store *out_store);

// Each shelf loses the end, drawn, of what it did not sync; returns how many
// writes were lost. Stores of before fail with WEFT_ECLOSED.
uint32_t disk_crash(struct disk *disk, struct choice *choice);

// The next write of that shelf fails: WEFT_EIO with the batch applied and
// durable, or not; or WEFT_EBUSY with nothing written.
void disk_fail_write(struct disk *disk, uint32_t shelf, weft_err err,
                     bool is_applied);
// So many of the next reads fail with WEFT_EIO.
void disk_fail_reads(struct disk *disk, uint32_t count);
// Writes fail with WEFT_EIO, and it cannot be opened.
void disk_set_full(struct disk *disk, bool is_full);

// A bit of a row that is drawn turns over: of the shelf's log, or of the rows.
// False: there is none.
bool disk_rot(struct disk *disk, uint32_t shelf, bool is_log,
              struct choice *choice);
// The log of the shelf ends with this row, torn.
void disk_tear(struct disk *disk, uint32_t shelf, weft_bytes key,
               weft_bytes value);
// How often a row that rots or is torn was read.
uint64_t disk_rot_reads(const struct disk *disk);
// What rots or is torn is as it should be again; true if there was any.
bool disk_heal(struct disk *disk);
// Would it do as a disk should?
bool disk_is_sound(const struct disk *disk);

// All of it as it is now, what is not synced too. For nothing: versions are
// shared.
struct disk_copy *disk_copy(const struct disk *disk);
void disk_copy_destroy(struct disk_copy *copy); // NULL is fine
// Another disk is in its place. None may be open.
void disk_bring_back(struct disk *disk, const struct disk_copy *copy);

#endif
