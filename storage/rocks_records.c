// SPDX-License-Identifier: Apache-2.0
//
// rocks_records.c - the order of what is in write-ahead logs and the manifest.
//
// A record of a log begins with u64 sequence and u32 count. The sequences go
// on from file to file, in order of their numbers. A record of the manifest is
// tags and values; the sequence is among those that come first.
//
// Threads: any.

#include "storage/rocks_records.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "storage/manifest.h"
#include "storage/rocks_pieces.h"

#define START_BYTES 96U // as much of a record as is looked at

struct order {
    const char *path;
    uint64_t sequence; // what must come next, or later
};

static weft_err
find_misplaced(const struct order *order, uint64_t at, uint64_t sequence)
{
    return wf_error(WEFT_ECORRUPT,
                    "%s: at byte %" PRIu64 " there is sequence %" PRIu64
                    ", where %" PRIu64 " or a later one belongs",
                    order->path, at, sequence, order->sequence);
}

static weft_err
take_write(void *ctx, uint64_t at, weft_bytes record)
{
    struct order *order = ctx;
    const uint8_t *bytes = record.data;
    uint64_t sequence;

    if (record.len < 12) {
        return WEFT_OK; // RocksDB finds it too short
    }
    sequence = wf_rocks_pieces_fixed(bytes, 8);
    if (sequence < order->sequence) {
        return find_misplaced(order, at, sequence);
    }
    order->sequence = sequence + wf_rocks_pieces_fixed(bytes + 8, 4);
    return WEFT_OK;
}

static weft_err
take_edit(void *ctx, uint64_t at, weft_bytes record)
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
    struct order *order = ctx;
    struct wf_reader reader = wf_reader_of(record);

    while (!reader.failed && wf_reader_left(&reader) > 0) {
        uint64_t tag = wf_rocks_pieces_varint(&reader);
        uint64_t value = 0;

        if (tag != COMPARATOR && tag != LOG_NUMBER && tag != NEXT_FILE &&
            tag != LAST_SEQUENCE && tag != PREVIOUS_LOG && tag != MIN_LOG &&
            tag != MAX_FAMILY && tag != DATABASE_ID) {
            break; // the sequence comes before what is left
        }
        value = wf_rocks_pieces_varint(&reader);
        if (tag == COMPARATOR || tag == DATABASE_ID) {
            (void)wf_reader_take(&reader, value);
        } else if (tag == LAST_SEQUENCE && !reader.failed) {
            if (value < order->sequence) {
                return find_misplaced(order, at, value);
            }
            order->sequence = value;
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
    weft_err err = WEFT_OK;
    DIR *stream = opendir(dir);

    if (stream == NULL) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        char *end;
        uint64_t number = strtoull(entry->d_name, &end, 10);

        if (isdigit((unsigned char)entry->d_name[0]) &&
            strcmp(end, ".log") == 0) {
            numbers = wf_realloc(numbers, (count + 1) * sizeof(*numbers));
            numbers[count++] = number;
        }
        errno = 0;
    }
    if (errno != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    closedir(stream);
    if (count > 0) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
    }
    *out_numbers = numbers;
    *out_count = count;
    return err;
}

weft_err
wf_rocks_records_check(const char *dir)
{
    struct order edits = {0};
    struct order writes = {0};
    uint64_t manifest;
    uint64_t *logs = NULL;
    size_t logs_count = 0;
    char path[4200];
    weft_err err = wf_manifest_find(dir, &manifest);

    if (err == WEFT_OK && manifest != 0) {
        (void)snprintf(path, sizeof(path), "%s/MANIFEST-%06" PRIu64, dir,
                       manifest);
        edits.path = path;
        err = wf_rocks_pieces_read(path, START_BYTES, take_edit, &edits);
    }
    if (err == WEFT_OK) {
        err = list_logs(dir, &logs, &logs_count);
    }
    writes.path = path;
    for (size_t i = 0; err == WEFT_OK && i < logs_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%06" PRIu64 ".log", dir,
                       logs[i]);
        err = wf_rocks_pieces_read(path, START_BYTES, take_write, &writes);
    }
    wf_free(logs);
    return err;
}
