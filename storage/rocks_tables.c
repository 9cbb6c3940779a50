// SPDX-License-Identifier: Apache-2.0
//
// rocks_tables.c - checksums of the blocks of tables that hold no rows.
//
// A table ends in 53 bytes: u8 kind of checksum; two handles, of the block that
// lists the others and of the index; zeros; u32 version; u64 magic. A handle is
// where a block begins and its length, both as varints of seven bits. A block
// is followed by u8 compression and u32 checksum. All little-endian.
//
// The list is entries of: length shared with the key before, length of the
// rest, length of the value, the rest of the key, the value, which is a handle.
//
// What is not as expected is left for RocksDB to find, but for what it does not
// survive: it takes memory for as long a block as a handle says.
//
// Threads: any.

#include "storage/rocks_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/file.h"
#include "storage/rocks_edits.h"
#include "storage/rocks_pieces.h"

#define FOOTER_BYTES 53
#define TRAILER_BYTES 5
#define MAGIC 0x88e241b785f4cff7U
#define CHECKSUM_XXH3 4
#define LAST_BYTE_PRIME 0x6b9083d9U
#define BLOCK_BYTES_MAX (64U << 20)
#define PROPERTIES "rocksdb.properties"

struct table {
    const char *path;
    int fd;
    uint64_t bytes;
    struct wf_buf block;
    weft_err err; // it could not be read
};

struct handle {
    uint64_t at;
    uint64_t len;
};

static struct handle
get_handle(struct wf_reader *reader)
{
    struct handle handle = {.at = wf_rocks_pieces_varint(reader)};

    handle.len = wf_rocks_pieces_varint(reader);
    return handle;
}

// False: it ends early, or cannot be read.
static bool
read_at(struct table *table, uint64_t at, uint8_t *out, size_t len)
{
    size_t got = 0;

    table->err =
        wf_file_read_at(table->fd, table->path, out, len, (off_t)at, &got);
    return table->err == WEFT_OK && got == len;
}

static bool
is_inside(const struct table *table, struct handle handle)
{
    uint64_t room = handle.at > table->bytes ? 0 : table->bytes - handle.at;

    return room >= TRAILER_BYTES && handle.len <= room - TRAILER_BYTES;
}

// Read a block into table->block. *out_is_whole: its checksum is right. False:
// there is no such block.
static bool
read_block(struct table *table, struct handle handle, bool *out_is_whole)
{
    const uint8_t *trailer;
    uint32_t checksum;

    if (handle.len > BLOCK_BYTES_MAX || !is_inside(table, handle)) {
        return false;
    }
    wf_buf_reset(&table->block);
    wf_buf_reserve(&table->block, handle.len + TRAILER_BYTES);
    if (!read_at(table, handle.at, table->block.data,
                 handle.len + TRAILER_BYTES)) {
        return false;
    }
    table->block.len = handle.len;
    trailer = table->block.data + handle.len;
    checksum = (uint32_t)wf_hash64(table->block.data, handle.len, 0) ^
               trailer[0] * LAST_BYTE_PRIME;
    *out_is_whole = checksum == (uint32_t)wf_rocks_pieces_fixed(trailer + 1, 4);
    return true;
}

static weft_err
check_listed(struct table *table, const char *name, struct handle handle)
{
    bool is_whole = true;

    if (!read_block(table, handle, &is_whole) || is_whole) {
        return table->err;
    }
    return wf_error(WEFT_ECORRUPT,
                    "%s: %s, %" PRIu64 " bytes at byte %" PRIu64
                    ", fails its check",
                    table->path, name, handle.len, handle.at);
}

// table->block is the list.
static weft_err
check_list(struct table *table, bool is_all)
{
    struct wf_buf list = table->block;
    struct wf_reader reader;
    char name[256] = "";
    size_t restarts = 4;
    weft_err err = WEFT_OK;

    if (list.len < restarts) {
        return WEFT_OK;
    }
    restarts += 4 * (size_t)wf_rocks_pieces_fixed(list.data + list.len - 4, 4);
    if (restarts > list.len) {
        return WEFT_OK;
    }
    table->block = (struct wf_buf){0};
    reader = wf_reader_of(weft_bytes_of(list.data, list.len - restarts));
    while (err == WEFT_OK && wf_reader_left(&reader) > 0 && !reader.failed) {
        uint64_t shared = wf_rocks_pieces_varint(&reader);
        uint64_t rest = wf_rocks_pieces_varint(&reader);
        uint64_t value = wf_rocks_pieces_varint(&reader);
        weft_bytes key = wf_reader_take(&reader, rest);
        struct wf_reader handle = wf_reader_of(wf_reader_take(&reader, value));

        if (reader.failed || shared >= sizeof(name) ||
            rest >= sizeof(name) - shared) {
            break;
        }
        memcpy(name + shared, key.data, key.len);
        name[shared + rest] = '\0';
        if (is_all || strcmp(name, PROPERTIES) == 0) {
            err = check_listed(table, name, get_handle(&handle));
        }
    }
    wf_buf_fini(&list);
    return err;
}

static weft_err
check_table(struct table *table, bool is_all)
{
    uint8_t footer[FOOTER_BYTES];
    struct wf_reader reader =
        wf_reader_of(weft_bytes_of(footer + 1, sizeof(footer) - 13));
    struct handle list;
    struct handle index;
    bool is_whole = false;

    if (table->bytes < FOOTER_BYTES ||
        !read_at(table, table->bytes - FOOTER_BYTES, footer, FOOTER_BYTES) ||
        footer[0] != CHECKSUM_XXH3 ||
        wf_rocks_pieces_fixed(footer + FOOTER_BYTES - 8, 8) != MAGIC) {
        return table->err;
    }
    list = get_handle(&reader);
    index = get_handle(&reader);
    WF_ASSERT(!reader.failed); // four numbers of at most ten bytes
    if (!is_inside(table, list) || !is_inside(table, index)) {
        return wf_error(WEFT_ECORRUPT,
                        "%s: its last %d bytes tell of blocks outside of it",
                        table->path, FOOTER_BYTES);
    }
    if (!read_block(table, list, &is_whole) || !is_whole) {
        return table->err;
    }
    return check_list(table, is_all);
}

static weft_err
check_number(void *ctx, const char *dir, uint64_t number)
{
    const bool *is_all = ctx;
    struct table table = {0};
    struct stat status;
    char path[4200];
    weft_err err = WEFT_OK;

    (void)snprintf(path, sizeof(path), "%s/%06" PRIu64 ".sst", dir, number);
    table.path = path;
    table.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (table.fd < 0) {
        return errno == ENOENT
                   ? WEFT_OK // RocksDB says so
                   : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    if (fstat(table.fd, &status) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else {
        table.bytes = (uint64_t)status.st_size;
        err = check_table(&table, *is_all);
    }
    close(table.fd);
    wf_buf_fini(&table.block);
    return err;
}

weft_err
wf_rocks_tables_check(const char *dir, bool is_all)
{
    return wf_rocks_edits_each_table(dir, check_number, &is_all);
}
