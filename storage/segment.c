// SPDX-License-Identifier: Apache-2.0
//
// segment.c - the frame around one partition's records in one commit.
//
// The layout is in log.h, with a worked example in docs/formats/storage.md.
// The checksum covers everything before it, so that a frame is either exactly
// what was written or refused; the chain makes a missing frame visible too.
//
// Threads: none of its own.

#include <inttypes.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/log.h"

#define MAGIC 0xd7 // 'W' with the highest bit

// Magic, version, five varints, the chain.
#define HEADER_BYTES_MAX (2 + 5 * WF_VARINT_BYTES_MAX + 4)
#define TRAILER_BYTES 4

void
wf_segment_encode(struct wf_segment *segment, struct wf_buf *out)
{
    size_t start = out->len;

    WF_ASSERT(segment->partition <= UINT16_MAX);
    WF_ASSERT(segment->records.len <= UINT32_MAX);
    WF_ASSERT(segment->version <= WF_SEGMENT_VERSION_MAX);

    wf_buf_reserve(out,
                   HEADER_BYTES_MAX + segment->records.len + TRAILER_BYTES);
    wf_buf_put_u8(out, MAGIC);
    wf_buf_put_u8(out, (uint8_t)(segment->version == 0 ? WF_SEGMENT_VERSION_MAX
                                                       : segment->version));
    wf_buf_put_varint(out, segment->partition);
    wf_buf_put_varint(out, segment->epoch);
    wf_buf_put_varint(out, segment->first_record);
    wf_buf_put_varint(out, segment->record_count);
    wf_buf_put_u32(out, segment->chain);
    wf_buf_put_bytes(out, segment->records);

    segment->crc = wf_crc32c(0, out->data + start, out->len - start);
    wf_buf_put_u32(out, segment->crc);
    segment->frame_bytes = out->len - start;
    WF_ASSERT(segment->frame_bytes >= WF_SEGMENT_BYTES_MIN);
}

weft_err
wf_segment_decode(struct wf_reader *reader, struct wf_segment *out_segment)
{
    const uint8_t *start = reader->at;
    struct wf_segment segment;
    uint64_t partition;
    uint64_t record_count;
    uint8_t version;
    uint32_t crc;

    if (wf_reader_u8(reader) != MAGIC) {
        return wf_error(WEFT_ECORRUPT, "segment: no frame begins here");
    }
    version = wf_reader_u8(reader);
    if (!reader->failed && version < WF_SEGMENT_VERSION_MIN) {
        return wf_error(WEFT_ECORRUPT,
                        "segment: version %u, and this build reads from %d",
                        (unsigned)version, WF_SEGMENT_VERSION_MIN);
    }
    partition = wf_reader_varint(reader);
    segment.epoch = wf_reader_varint(reader);
    segment.first_record = wf_reader_varint(reader);
    record_count = wf_reader_varint(reader);
    segment.chain = wf_reader_u32(reader);
    segment.records = wf_reader_bytes(reader);
    crc = wf_crc32c(0, start, (size_t)(reader->at - start));
    segment.crc = wf_reader_u32(reader);
    if (reader->failed) {
        return wf_error(WEFT_ECORRUPT, "segment: the frame is cut short");
    }
    if (crc != segment.crc) {
        return wf_error(WEFT_ECORRUPT,
                        "segment: checksum %08" PRIx32 " is not %08" PRIx32,
                        crc, segment.crc);
    }
    // What is around records stays as it is, whatever is in them.
    if (version > WF_SEGMENT_VERSION_MAX) {
        return wf_error(WEFT_EFORMAT,
                        "segment: version %u, and this build reads up to %d: a "
                        "newer one wrote it",
                        (unsigned)version, WF_SEGMENT_VERSION_MAX);
    }
    if (partition > UINT16_MAX || record_count > UINT32_MAX) {
        return wf_error(WEFT_ECORRUPT,
                        "segment: partition %" PRIu64 " or %" PRIu64
                        " records are more than there can be",
                        partition, record_count);
    }
    segment.version = version;
    segment.partition = (uint32_t)partition;
    segment.record_count = (uint32_t)record_count;
    segment.frame_bytes = (size_t)(reader->at - start);
    *out_segment = segment;
    return WEFT_OK;
}
