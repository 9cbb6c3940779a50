// SPDX-License-Identifier: Apache-2.0
//
// rocks_records.c - the order of what is in write-ahead logs and the manifest.
//
// Both are blocks of 32 KiB. A piece of a record has a head of 7 bytes, u32
// checksum of what follows it (CRC32C, masked), u16 length, u8 type, all
// little-endian, and does not cross the end of a block:
//
//   1 whole   2 first   3 middle   4 last   0 with length 0: nothing more here
//
// A record of a log begins with u64 sequence and u32 count. The sequences go
// on from file to file, in order of their numbers. A record of the manifest is
// tags and values; the sequence is among those that come first.
//
// A piece that is not whole ends its block, as for RocksDB. Whether that was a
// crash or damage is for RocksDB to say.
//
// Threads: any.

#include "storage/rocks_records.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/manifest.h"

#define BLOCK_BYTES 32768U
#define PIECE_HEAD_BYTES 7U
#define START_BYTES 96U // as much of a record as is looked at
#define MASK_DELTA 0xa282ead8U

enum piece { PIECE_NONE, PIECE_WHOLE, PIECE_FIRST, PIECE_MIDDLE, PIECE_LAST };

// What a record begins with is given to a reader of these.
struct reading;
typedef weft_err take_fn(struct reading *reading);

struct reading {
    const char *path;
    take_fn *take;
    uint64_t at; // of the record in its file
    uint8_t start[START_BYTES];
    size_t start_len;
    bool is_open;      // its first piece was there
    uint64_t sequence; // what must come next, or later
};

static uint64_t
get_fixed(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    while (len > 0) {
        len--;
        value = value << 8 | bytes[len];
    }
    return value;
}

static bool
is_piece_whole(const uint8_t *head, size_t len)
{
    uint32_t crc = wf_crc32c(0, head + 6, len + 1);
    uint32_t masked = ((crc >> 15) | (crc << 17)) + MASK_DELTA;

    return (uint32_t)get_fixed(head, 4) == masked;
}

static weft_err
take_piece(struct reading *reading, enum piece type, const uint8_t *bytes,
           size_t len, uint64_t at)
{
    size_t room;

    if (type == PIECE_WHOLE || type == PIECE_FIRST) {
        reading->is_open = true;
        reading->at = at;
        reading->start_len = 0;
    }
    if (!reading->is_open) {
        return WEFT_OK;
    }
    room = START_BYTES - reading->start_len;
    memcpy(reading->start + reading->start_len, bytes, len < room ? len : room);
    reading->start_len += len < room ? len : room;
    if (type != PIECE_WHOLE && type != PIECE_LAST) {
        return WEFT_OK;
    }
    reading->is_open = false;
    return reading->take(reading);
}

static weft_err
read_block(struct reading *reading, const uint8_t *block, size_t len,
           uint64_t block_at)
{
    size_t at = 0;

    while (at + PIECE_HEAD_BYTES <= len) {
        size_t piece_len = (size_t)get_fixed(block + at + 4, 2);
        unsigned type = block[at + 6];
        weft_err err;

        if (type == PIECE_NONE || type > PIECE_LAST ||
            piece_len > len - at - PIECE_HEAD_BYTES ||
            !is_piece_whole(block + at, piece_len)) {
            reading->is_open = false;
            return WEFT_OK;
        }
        err =
            take_piece(reading, (enum piece)type, block + at + PIECE_HEAD_BYTES,
                       piece_len, block_at + at);
        if (err != WEFT_OK) {
            return err;
        }
        at += PIECE_HEAD_BYTES + piece_len;
    }
    return WEFT_OK;
}

static weft_err
read_file(struct reading *reading)
{
    uint8_t *block = wf_alloc(BLOCK_BYTES);
    uint64_t at = 0;
    ssize_t got = 1;
    weft_err err = WEFT_OK;
    int fd = open(reading->path, O_RDONLY | O_CLOEXEC);

    reading->is_open = false;
    while (fd >= 0 && err == WEFT_OK &&
           (got = pread(fd, block, BLOCK_BYTES, (off_t)at)) > 0) {
        err = read_block(reading, block, (size_t)got, at);
        at += BLOCK_BYTES;
    }
    if (fd < 0 && errno == ENOENT) {
        err = wf_error(WEFT_ECORRUPT, "%s: %s", reading->path, strerror(errno));
    } else if (fd < 0 || got < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", reading->path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_free(block);
    return err;
}

static weft_err
find_misplaced(const struct reading *reading, uint64_t sequence)
{
    return wf_error(WEFT_ECORRUPT,
                    "%s: at byte %" PRIu64 " there is sequence %" PRIu64
                    ", where %" PRIu64 " or a later one belongs",
                    reading->path, reading->at, sequence, reading->sequence);
}

static weft_err
take_write(struct reading *reading)
{
    uint64_t sequence;

    if (reading->start_len < 12) {
        return WEFT_OK; // RocksDB finds it too short
    }
    sequence = get_fixed(reading->start, 8);
    if (sequence < reading->sequence) {
        return find_misplaced(reading, sequence);
    }
    reading->sequence = sequence + get_fixed(reading->start + 8, 4);
    return WEFT_OK;
}

// Numbers of seven bits, the lowest first; not as ours.
static uint64_t
get_varint(struct wf_reader *reader)
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

static weft_err
take_edit(struct reading *reading)
{
    enum {
        COMPARATOR = 1,
        LOG_NUMBER = 2,
        NEXT_FILE = 3,
        LAST_SEQUENCE = 4,
        PREVIOUS_LOG = 9,
        MIN_LOG = 10,
        MAX_FAMILY = 203,
        DATABASE_ID = 8193,
    };
    struct wf_reader reader =
        wf_reader_of(weft_bytes_of(reading->start, reading->start_len));

    while (!reader.failed && wf_reader_left(&reader) > 0) {
        uint64_t tag = get_varint(&reader);
        uint64_t value = 0;

        if (tag != COMPARATOR && tag != LOG_NUMBER && tag != NEXT_FILE &&
            tag != LAST_SEQUENCE && tag != PREVIOUS_LOG && tag != MIN_LOG &&
            tag != MAX_FAMILY && tag != DATABASE_ID) {
            break; // the sequence comes before what is left
        }
        value = get_varint(&reader);
        if (tag == COMPARATOR || tag == DATABASE_ID) {
            (void)wf_reader_take(&reader, value);
        } else if (tag == LAST_SEQUENCE && !reader.failed) {
            if (value < reading->sequence) {
                return find_misplaced(reading, value);
            }
            reading->sequence = value;
        }
    }
    return WEFT_OK;
}

// Logs. -----------------------------------------------------------------------

static int
compare_numbers(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a;
    uint64_t two = *(const uint64_t *)b;

    return one < two ? -1 : one > two;
}

// The numbers of the logs, in order; freed by the caller.
static weft_err
list_logs(const char *dir, uint64_t **out_numbers, size_t *out_count)
{
    const struct dirent *entry;
    uint64_t *numbers = NULL;
    size_t count = 0;
    DIR *stream = opendir(dir);

    if (stream == NULL) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    while ((entry = readdir(stream)) != NULL) {
        char *end;
        uint64_t number = strtoull(entry->d_name, &end, 10);

        if (isdigit((unsigned char)entry->d_name[0]) &&
            strcmp(end, ".log") == 0) {
            numbers = wf_realloc(numbers, (count + 1) * sizeof(*numbers));
            numbers[count++] = number;
        }
    }
    closedir(stream);
    if (count > 0) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
    }
    *out_numbers = numbers;
    *out_count = count;
    return WEFT_OK;
}

weft_err
wf_rocks_records_check(const char *dir)
{
    struct reading edits = {.take = take_edit};
    struct reading writes = {.take = take_write};
    uint64_t manifest;
    uint64_t *logs = NULL;
    size_t logs_count = 0;
    char path[4200];
    weft_err err = wf_manifest_find(dir, &manifest);

    if (err == WEFT_OK && manifest != 0) {
        (void)snprintf(path, sizeof(path), "%s/MANIFEST-%06" PRIu64, dir,
                       manifest);
        edits.path = path;
        err = read_file(&edits);
    }
    if (err == WEFT_OK) {
        err = list_logs(dir, &logs, &logs_count);
    }
    writes.path = path;
    for (size_t i = 0; err == WEFT_OK && i < logs_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%06" PRIu64 ".log", dir,
                       logs[i]);
        err = read_file(&writes);
    }
    wf_free(logs);
    return err;
}
