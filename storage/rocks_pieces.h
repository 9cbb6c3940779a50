// SPDX-License-Identifier: Apache-2.0
//
// rocks_pieces.h - the records of RocksDB's write-ahead logs and manifests.
//
// A file is blocks of 32 KiB. A piece of a record has a head of 7 bytes, u32
// checksum of what follows it (CRC32C, masked), u16 length, u8 type, all
// little-endian, and does not cross the end of a block:
//
//   1 whole   2 first   3 middle   4 last   0 with length 0: nothing more here
//
// A piece that is not whole ends its block, as for RocksDB. Whether that was a
// crash or damage is for RocksDB to say.

#ifndef WF_STORAGE_ROCKS_PIECES_H
#define WF_STORAGE_ROCKS_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

#define WF_ROCKS_PIECES_BLOCK_BYTES 32768U
#define WF_ROCKS_PIECES_HEAD_BYTES 7U

enum wf_rocks_piece {
    WF_ROCKS_PIECE_NONE,
    WF_ROCKS_PIECE_WHOLE,
    WF_ROCKS_PIECE_FIRST,
    WF_ROCKS_PIECE_MIDDLE,
    WF_ROCKS_PIECE_LAST,
};

// Is the checksum right of the piece that begins at head and has so many bytes
// behind it?
bool wf_rocks_pieces_is_whole(const uint8_t *head, size_t len);

// Numbers as RocksDB writes them: the lowest byte, or seven bits, first.
uint64_t wf_rocks_pieces_fixed(const uint8_t *bytes, size_t len);
uint64_t wf_rocks_pieces_varint(struct wf_reader *reader);

// at: where in the file it begins. Borrowed for the call.
typedef weft_err wf_rocks_pieces_fn(void *ctx, uint64_t at, weft_bytes record);

// Call fn for each whole record, with at most its first bytes_max bytes.
//
// WEFT_ECORRUPT   there is no such file
// WEFT_EIO
// else            what fn returned
weft_err wf_rocks_pieces_read(const char *path, size_t bytes_max,
                              wf_rocks_pieces_fn *fn, void *ctx);

#endif
