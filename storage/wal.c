// SPDX-License-Identifier: Apache-2.0
//
// wal.c - where the write-ahead log of a RocksDB directory ends.
//
// Its files are blocks of pieces, as rocks_pieces.h has them, and up to six
// zeros behind the last of a block. After a piece that fails its check the next
// one may begin anywhere.
//
// Threads: any.

#include "storage/wal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/rocks_pieces.h"

// What was found in one file, or in all of them.
struct walk {
    uint64_t at;        // of the block
    uint64_t record_at; // where the record that is not whole yet begins
    bool is_in_record;
    bool has_records;  // whole ones
    bool has_fault;    // something fails its check
    uint64_t fault_at; // where the record begins that does, the first one
    bool has_later;    // a whole one after it
};

uint64_t
wf_wal_parse_name(const char *name)
{
    char *end;
    uint64_t number;

    if (!isdigit((unsigned char)name[0])) {
        return 0;
    }
    errno = 0;
    number = strtoull(name, &end, 10);
    return errno == 0 && strcmp(end, ".log") == 0 ? number : 0;
}

static void
note_fault(struct walk *walk, uint64_t at)
{
    if (!walk->has_fault) {
        walk->has_fault = true;
        walk->fault_at = walk->is_in_record ? walk->record_at : at;
    }
    walk->is_in_record = false;
}

static void
note_record(struct walk *walk)
{
    walk->has_records = true;
    walk->has_later = walk->has_later || walk->has_fault;
    walk->is_in_record = false;
}

static void
take_piece(struct walk *walk, enum wf_rocks_piece piece, uint64_t at)
{
    bool begins =
        piece == WF_ROCKS_PIECE_WHOLE || piece == WF_ROCKS_PIECE_FIRST;
    bool is_whole = piece == WF_ROCKS_PIECE_WHOLE ||
                    (piece == WF_ROCKS_PIECE_LAST && walk->is_in_record);

    if (begins == walk->is_in_record) {
        note_fault(walk, at); // the rest of one is missing, or its beginning
    }
    if (is_whole) {
        note_record(walk);
    } else if (piece == WF_ROCKS_PIECE_FIRST) {
        walk->is_in_record = true;
        walk->record_at = at;
    }
}

static void
walk_block(struct walk *walk, const uint8_t *block, uint32_t len)
{
    uint32_t at = 0;

    while (at + WF_ROCKS_PIECES_HEAD_BYTES <= len) {
        const uint8_t *head = block + at;
        uint32_t bytes = head[4] | (uint32_t)head[5] << 8;

        if (head[6] >= WF_ROCKS_PIECE_WHOLE && head[6] <= WF_ROCKS_PIECE_LAST &&
            at + WF_ROCKS_PIECES_HEAD_BYTES + bytes <= len &&
            wf_rocks_pieces_is_whole(head, bytes)) {
            take_piece(walk, (enum wf_rocks_piece)head[6], walk->at + at);
            at += WF_ROCKS_PIECES_HEAD_BYTES + bytes;
        } else {
            note_fault(walk, walk->at + at);
            at++;
        }
    }
    if (len < WF_ROCKS_PIECES_BLOCK_BYTES && at < len) {
        note_fault(walk, walk->at + at); // half a head
    }
}

static weft_err
walk_file(const char *path, struct walk *walk)
{
    uint8_t *block = wf_alloc(WF_ROCKS_PIECES_BLOCK_BYTES);
    size_t len = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    weft_err err = WEFT_OK;

    while (fd >= 0 && got > 0) {
        got = read(fd, block + len, WF_ROCKS_PIECES_BLOCK_BYTES - len);
        len += got > 0 ? (size_t)got : 0;
        if (got < 0 && errno == EINTR) {
            got = 1;
        }
        if (len == WF_ROCKS_PIECES_BLOCK_BYTES || got == 0) {
            walk_block(walk, block, (uint32_t)len);
            walk->at += len;
            len = 0;
        }
    }
    if (fd < 0 || got < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else if (walk->is_in_record) {
        note_fault(walk, walk->at); // its last piece never came
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_free(block);
    return err;
}

// The newest file with a number below `below`; 0: there is none.
static weft_err
find_newest(const char *store_dir, uint64_t below, uint64_t *out_number)
{
    const struct dirent *entry;
    weft_err err = WEFT_OK;
    DIR *dir = opendir(store_dir);

    *out_number = 0;
    if (dir == NULL) {
        return errno == ENOENT
                   ? WEFT_OK
                   : wf_error(WEFT_EIO, "%s: %s", store_dir, strerror(errno));
    }
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        uint64_t number = wf_wal_parse_name(entry->d_name);

        if (number > *out_number && number < below) {
            *out_number = number;
        }
        errno = 0;
    }
    if (errno != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", store_dir, strerror(errno));
    }
    closedir(dir);
    return err;
}

// The newest file that has anything is where it ends. Older ones were left
// because they had been whole, or because nobody needs them any more.
weft_err
wf_wal_find_end(const char *store_dir, struct wf_wal_end *out_end)
{
    char path[4096];
    struct walk walk;
    uint64_t number = UINT64_MAX;
    weft_err err;

    *out_end = (struct wf_wal_end){0};
    do {
        walk = (struct walk){0};
        err = find_newest(store_dir, number, &number);
        if (err == WEFT_OK && number > 0) {
            (void)snprintf(path, sizeof(path), "%s/%06" PRIu64 ".log",
                           store_dir, number);
            err = walk_file(path, &walk);
        }
    } while (err == WEFT_OK && number > 0 && !walk.has_records &&
             !walk.has_fault);
    if (err == WEFT_OK && walk.has_fault && !walk.has_later) {
        *out_end = (struct wf_wal_end){
            .is_torn = true, .number = number, .offset = walk.fault_at};
    }
    return err;
}
