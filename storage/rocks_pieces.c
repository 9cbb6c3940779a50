// SPDX-License-Identifier: Apache-2.0
//
// rocks_pieces.c - the records of RocksDB's files. See rocks_pieces.h.
//
// Threads: any.

#include "storage/rocks_pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/file.h"

#define MASK_DELTA 0xa282ead8U

struct reading {
    wf_rocks_pieces_fn *fn;
    void *ctx;
    size_t bytes_max;
    uint64_t at; // of the record in its file
    struct wf_buf record;
    bool is_open; // its first piece was there
};

uint64_t
wf_rocks_pieces_fixed(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    while (len > 0) {
        len--;
        value = value << 8 | bytes[len];
    }
    return value;
}

uint64_t
wf_rocks_pieces_varint(struct wf_reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && !reader->failed; shift += 7) {
        uint8_t byte = wf_reader_u8(reader);

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    return value;
}

bool
wf_rocks_pieces_is_whole(const uint8_t *head, size_t len)
{
    uint32_t crc = wf_crc32c(0, head + 6, len + 1);
    uint32_t masked = ((crc >> 15) | (crc << 17)) + MASK_DELTA;

    return (uint32_t)wf_rocks_pieces_fixed(head, 4) == masked;
}

static weft_err
take_piece(struct reading *reading, enum wf_rocks_piece type,
           const uint8_t *bytes, size_t len, uint64_t at)
{
    size_t room;

    if (type == WF_ROCKS_PIECE_WHOLE || type == WF_ROCKS_PIECE_FIRST) {
        reading->is_open = true;
        reading->at = at;
        wf_buf_reset(&reading->record);
    }
    if (!reading->is_open) {
        return WEFT_OK;
    }
    room = reading->bytes_max - reading->record.len;
    wf_buf_put(&reading->record, bytes, len < room ? len : room);
    if (type != WF_ROCKS_PIECE_WHOLE && type != WF_ROCKS_PIECE_LAST) {
        return WEFT_OK;
    }
    reading->is_open = false;
    return reading->fn(reading->ctx, reading->at,
                       wf_buf_bytes(&reading->record));
}

static weft_err
read_block(struct reading *reading, const uint8_t *block, size_t len,
           uint64_t block_at)
{
    size_t at = 0;

    while (at + WF_ROCKS_PIECES_HEAD_BYTES <= len) {
        size_t piece_len = (size_t)wf_rocks_pieces_fixed(block + at + 4, 2);
        unsigned type = block[at + 6];
        weft_err err;

        if (type == WF_ROCKS_PIECE_NONE || type > WF_ROCKS_PIECE_LAST ||
            piece_len > len - at - WF_ROCKS_PIECES_HEAD_BYTES ||
            !wf_rocks_pieces_is_whole(block + at, piece_len)) {
            reading->is_open = false;
            return WEFT_OK;
        }
        err = take_piece(reading, (enum wf_rocks_piece)type,
                         block + at + WF_ROCKS_PIECES_HEAD_BYTES, piece_len,
                         block_at + at);
        if (err != WEFT_OK) {
            return err;
        }
        at += WF_ROCKS_PIECES_HEAD_BYTES + piece_len;
    }
    return WEFT_OK;
}

weft_err
wf_rocks_pieces_read(const char *path, size_t bytes_max, wf_rocks_pieces_fn *fn,
                     void *ctx)
{
    struct reading reading = {.fn = fn, .ctx = ctx, .bytes_max = bytes_max};
    uint8_t *block = wf_alloc(WF_ROCKS_PIECES_BLOCK_BYTES);
    uint64_t at = 0;
    size_t got = 1;
    weft_err err = WEFT_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err = wf_error(errno == ENOENT ? WEFT_ECORRUPT : WEFT_EIO, "%s: %s",
                       path, strerror(errno));
    }
    while (err == WEFT_OK && got > 0) {
        err = wf_file_read_at(fd, path, block, WF_ROCKS_PIECES_BLOCK_BYTES,
                              (off_t)at, &got);
        if (err == WEFT_OK) {
            err = read_block(&reading, block, got, at);
        }
        at += WF_ROCKS_PIECES_BLOCK_BYTES;
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_buf_fini(&reading.record);
    wf_free(block);
    return err;
}
