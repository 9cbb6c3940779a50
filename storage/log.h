// SPDX-License-Identifier: Apache-2.0
//
// log.h - the redo log: what makes turns durable. A seam: log_local.c puts it
// into the `log` column family of a store; cluster mode has its own.
//
// A commit carries segments of many partitions and the rows saved behind them.
// Each segment is durable, or not, for itself: nothing relies on two of them
// sharing a commit, and the result comes per segment.
//
// A segment's bytes are checked framing, never a store's own batch format:
//
//   u8 magic, u8 version, varints: partition, epoch, first record, how many
//   records; u32 chain (checksum of the partition's segment before), varint
//   length, records, u32 CRC32C of all before it
//
// Threads: append from one thread at a time (the committer's); read before any
// append; truncate from any thread.

#ifndef WF_STORAGE_LOG_H
#define WF_STORAGE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

// Of segments, the records in them and the rows that are saved beside them:
// what this build reads. It writes the newest; a node of a cluster the newest
// that all nodes read (registry.h).
#define WF_SEGMENT_VERSION_MIN 2
#ifdef WF_NEXT // the build after this one, for tests/nodes/upgrade.c
#define WF_SEGMENT_VERSION_MAX 3
#else
#define WF_SEGMENT_VERSION_MAX 2
#endif
#define WF_SEGMENT_BYTES_MIN 15 // of a frame without records

struct wf_segment {
    uint32_t version; // encoded as 0: the newest
    uint32_t partition;
    uint64_t epoch;
    uint64_t first_record;
    uint32_t record_count;
    uint32_t chain;     // crc of the segment before; 0 for the first
    uint32_t crc;       // of this one; set by encode and decode
    weft_bytes records; // borrowed
    size_t frame_bytes; // of the whole frame; set by encode and decode
};

// Append the segment's frame to a buffer; sets segment->crc and frame_bytes.
void wf_segment_encode(struct wf_segment *segment, struct wf_buf *out);
// Decode one frame from the reader; records are borrowed from it.
//
// WEFT_ECORRUPT   malformed, or its checksum differs
// WEFT_EFORMAT    whole, and of a newer build
weft_err wf_segment_decode(struct wf_reader *reader,
                           struct wf_segment *out_segment);

enum wf_append_result {
    WF_APPEND_DURABLE, // and so are the rows
    WF_APPEND_REFUSED, // known not to be written: send the same bytes again
    WF_APPEND_FENCED,  // another epoch owns the partition
    WF_APPEND_IN_DOUBT // not known: close, open, look
};

// What is appended at once. frames holds encoded segments one after another.
struct wf_commit {
    uint64_t number; // set by append
    weft_bytes frames;
    uint32_t segments_count;
    const struct wf_batch *rows; // of data and meta; may be empty
};

// One commit as read back.
typedef weft_err wf_log_read_fn(void *ctx, uint64_t number,
                                const struct wf_segment *segments,
                                uint32_t segments_count);

struct wf_log_ops {
    // Make one commit durable: assigns commit->number, one more than the last.
    // All segments of a local commit share the result.
    enum wf_append_result (*append)(void *self, struct wf_commit *commit);

    // Call back for every commit from `from` on, in order. Checks that numbers
    // are contiguous and every frame decodes.
    //
    // WEFT_ECORRUPT   they do not; the detail says which
    // else            what fn returned
    weft_err (*read)(void *self, uint64_t from, wf_log_read_fn *fn, void *ctx);

    // Forget commits below `to`. The caller has made sure that nothing needs
    // them.
    weft_err (*truncate)(void *self, uint64_t to);

    uint64_t (*last)(void *self);  // number of the last commit; 0 if none
    uint64_t (*first)(void *self); // number of the oldest kept; 1 if none ever
    void (*close)(void *self);     // leaves the store open
};

struct wf_log {
    const struct wf_log_ops *ops;
    void *self;
};

// The log in a store. Finds its first and last commit. sync false: for
// measurements only.
weft_err wf_log_local_open(struct wf_store store, bool sync,
                           struct wf_log *out_log);

#endif
