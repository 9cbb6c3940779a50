// SPDX-License-Identifier: Apache-2.0

#include "base/hash.h"
#include "storage/log.h"
#include "support/test.h"

static struct wf_segment
example(void)
{
    return (struct wf_segment){
        .partition = 0x0102,
        .epoch = 3,
        .first_record = 258,
        .record_count = 2,
        .chain = 0xa1b2c3d4,
        .records = weft_text("hello"),
    };
}

// The example of docs/formats/storage.md.
static const uint8_t golden[] = {
    0xd7, 0x02,                  // magic, version
    0x82, 0x02,                  // partition
    0x03,                        // epoch
    0x82, 0x02,                  // first record
    0x02,                        // record count
    0xa1, 0xb2, 0xc3, 0xd4,      // chain
    0x05,                        // length
    'h',  'e',  'l',  'l',  'o', // records
    0x3c, 0xf8, 0x47, 0xf1,      // CRC32C
};

TEST(segment, encodes_to_its_golden_bytes)
{
    struct wf_segment segment = example();
    struct wf_buf buf = {0};

    wf_segment_encode(&segment, &buf);
    CHECK_BYTES(wf_buf_bytes(&buf), weft_bytes_of(golden, sizeof(golden)));
    CHECK_EQ(segment.crc, wf_crc32c(0, golden, sizeof(golden) - 4));
    wf_buf_fini(&buf);
}

TEST(segment, decodes_what_was_encoded)
{
    struct wf_segment first = example();
    struct wf_segment second = {.partition = 65535, .epoch = UINT64_MAX};
    struct wf_segment found;
    struct wf_buf buf = {0};
    struct wf_reader reader;

    wf_segment_encode(&first, &buf);
    wf_segment_encode(&second, &buf);
    reader = wf_reader_of(wf_buf_bytes(&buf));
    CHECK_OK(wf_segment_decode(&reader, &found));
    CHECK_EQ(found.partition, 0x0102);
    CHECK_EQ(found.epoch, 3);
    CHECK_EQ(found.first_record, 258);
    CHECK_EQ(found.record_count, 2);
    CHECK_EQ(found.chain, 0xa1b2c3d4);
    CHECK_EQ(found.crc, first.crc);
    CHECK_EQ(found.frame_bytes, sizeof(golden));
    CHECK_BYTES(found.records, weft_text("hello"));
    CHECK_OK(wf_segment_decode(&reader, &found));
    CHECK_EQ(found.partition, 65535);
    CHECK_EQ(found.epoch, UINT64_MAX);
    CHECK_EQ(found.records.len, 0);
    CHECK_EQ(wf_reader_left(&reader), 0);
    wf_buf_fini(&buf);
}

TEST(segment, refuses_a_frame_with_any_bit_flipped)
{
    struct wf_segment segment = example();
    struct wf_segment found;
    struct wf_buf buf = {0};

    wf_segment_encode(&segment, &buf);
    for (size_t bit = 0; bit < buf.len * 8; bit++) {
        uint8_t mask = (uint8_t)(1U << (bit % 8));
        struct wf_reader reader;

        buf.data[bit / 8] ^= mask;
        reader = wf_reader_of(wf_buf_bytes(&buf));
        CHECK_ERR(wf_segment_decode(&reader, &found), WEFT_ECORRUPT);
        buf.data[bit / 8] ^= mask;
    }
    wf_buf_fini(&buf);
}

TEST(segment, refuses_a_frame_that_is_cut_anywhere)
{
    struct wf_segment segment = example();
    struct wf_segment found;
    struct wf_buf buf = {0};

    wf_segment_encode(&segment, &buf);
    for (size_t len = 0; len < buf.len; len++) {
        struct wf_reader reader = wf_reader_of(weft_bytes_of(buf.data, len));
        CHECK_ERR(wf_segment_decode(&reader, &found), WEFT_ECORRUPT);
    }
    wf_buf_fini(&buf);
}

// Replace the checksum by that of what is before it now.
static void
seal(struct wf_buf *buf)
{
    uint32_t crc;

    wf_buf_truncate(buf, buf->len - 4);
    crc = wf_crc32c(0, buf->data, buf->len);
    wf_buf_put_u32(buf, crc);
}

static void
check_refused(struct wf_buf *buf, const char *detail)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(buf));
    struct wf_segment found;

    CHECK_ERR(wf_segment_decode(&reader, &found), WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(), detail);
}

TEST(segment, refuses_another_version)
{
    struct wf_segment segment = example();
    struct wf_segment found;
    struct wf_reader reader;
    struct wf_buf buf = {0};

    wf_segment_encode(&segment, &buf);
    buf.data[1] = 1;
    seal(&buf);
    check_refused(&buf, "segment: version 1, and this build reads from 2");
    buf.data[1] = WF_SEGMENT_VERSION_MAX + 1;
    seal(&buf);
    reader = wf_reader_of(wf_buf_bytes(&buf));
    CHECK_ERR(wf_segment_decode(&reader, &found), WEFT_EFORMAT);
    CHECK_STR(weft_err_detail(),
              "segment: version 3, and this build reads up to 2: a newer one "
              "wrote it");
    wf_buf_fini(&buf);
}

TEST(segment, refuses_more_than_there_can_be)
{
    struct wf_segment segment = example();
    struct wf_buf buf = {0};
    struct wf_buf other = {0};

    segment.record_count = UINT32_MAX;
    wf_segment_encode(&segment, &buf);
    buf.data[11] += 0x10; // the fifth and last byte of the count
    seal(&buf);
    check_refused(&buf, "segment: partition 258 or 8589934591 records are more "
                        "than there can be");

    wf_buf_put(&other, golden, 2);
    wf_buf_put_varint(&other, 65536);
    wf_buf_put(&other, golden + 4, sizeof(golden) - 4);
    seal(&other);
    check_refused(&other, "segment: partition 65536 or 2 records are more "
                          "than there can be");
    wf_buf_fini(&other);
    wf_buf_fini(&buf);
}
