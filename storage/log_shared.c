// SPDX-License-Identifier: Apache-2.0
//
// log_shared.c - what all shared logs check of a commit that is read.
//
// Threads: none of its own.

#include "storage/log_shared.h"

#include <inttypes.h>

#include "base/error.h"

weft_err
wf_shared_log_visit(uint32_t partition, uint64_t number, weft_bytes row,
                    wf_log_read_fn *fn, void *ctx)
{
    struct wf_reader reader = wf_reader_of(row);
    struct wf_segment segment;
    weft_err err = wf_segment_decode(&reader, &segment);

    if (err != WEFT_OK) {
        return wf_error(err,
                        "log: partition %" PRIu32 ", commit %" PRIu64 ": %s",
                        partition, number, weft_err_detail());
    }
    if (wf_reader_left(&reader) != 0 || segment.partition != partition) {
        return wf_error(WEFT_ECORRUPT,
                        "log: partition %" PRIu32 ", commit %" PRIu64
                        " is of partition %" PRIu32 ", or has too many bytes",
                        partition, number, segment.partition);
    }
    return fn(ctx, number, &segment, 1);
}

weft_err
wf_shared_log_missing(uint32_t partition, uint64_t from, uint64_t to)
{
    return wf_error(WEFT_ECORRUPT,
                    "log: of partition %" PRIu32 ", commits %" PRIu64
                    " to %" PRIu64 " are missing",
                    partition, from, to);
}

weft_err
wf_shared_log_ends(uint32_t partition, uint64_t last, uint64_t from)
{
    return wf_error(WEFT_ECORRUPT,
                    "log: of partition %" PRIu32 " it ends at commit %" PRIu64
                    ", before %" PRIu64,
                    partition, last, from);
}
