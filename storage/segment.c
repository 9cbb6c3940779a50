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
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/log.h"

static const char magic[4] = {'W', 'S', 'E', 'G'};

void
wf_segment_encode(struct wf_segment *segment, struct wf_buf *out)
{
    size_t start = out->len;

    WF_ASSERT(segment->partition <= UINT16_MAX);
    WF_ASSERT(segment->records.len <= UINT32_MAX);

    wf_buf_reserve(out, WF_SEGMENT_HEADER_BYTES + segment->records.len +
                            WF_SEGMENT_TRAILER_BYTES);
    wf_buf_put(out, magic, sizeof(magic));
    wf_buf_put_u16(out, WF_SEGMENT_VERSION);
    wf_buf_put_u16(out, (uint16_t)segment->partition);
    wf_buf_put_u64(out, segment->epoch);
    wf_buf_put_u64(out, segment->first_record);
    wf_buf_put_u32(out, segment->record_count);
    wf_buf_put_u32(out, segment->chain);
    wf_buf_put_u32(out, (uint32_t)segment->records.len);
    WF_ASSERT(out->len - start == WF_SEGMENT_HEADER_BYTES);
    wf_buf_put(out, segment->records.data, segment->records.len);

    segment->crc = wf_crc32c(0, out->data + start, out->len - start);
    wf_buf_put_u32(out, segment->crc);
}

weft_err
wf_segment_decode(struct wf_reader *reader, struct wf_segment *out_segment)
{
    const uint8_t *start = reader->at;
    struct wf_segment segment;
    weft_bytes found;
    uint16_t version;
    uint32_t crc;

    found = wf_reader_take(reader, sizeof(magic));
    if (reader->failed || memcmp(found.data, magic, sizeof(magic)) != 0) {
        return wf_error(WEFT_ECORRUPT, "segment: no frame begins here");
    }
    version = wf_reader_u16(reader);
    segment.partition = wf_reader_u16(reader);
    segment.epoch = wf_reader_u64(reader);
    segment.first_record = wf_reader_u64(reader);
    segment.record_count = wf_reader_u32(reader);
    segment.chain = wf_reader_u32(reader);
    segment.records = wf_reader_take(reader, wf_reader_u32(reader));
    crc = wf_crc32c(0, start, (size_t)(reader->at - start));
    segment.crc = wf_reader_u32(reader);
    if (reader->failed) {
        return wf_error(WEFT_ECORRUPT, "segment: the frame is cut short");
    }
    if (version != WF_SEGMENT_VERSION) {
        return wf_error(WEFT_ECORRUPT, "segment: version %u is not %u",
                        (unsigned)version, (unsigned)WF_SEGMENT_VERSION);
    }
    if (crc != segment.crc) {
        return wf_error(WEFT_ECORRUPT,
                        "segment: checksum %08" PRIx32 " is not %08" PRIx32,
                        crc, segment.crc);
    }
    *out_segment = segment;
    return WEFT_OK;
}
