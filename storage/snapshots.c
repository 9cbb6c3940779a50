// SPDX-License-Identifier: Apache-2.0
//
// snapshots.c - manifests of snapshots, and which place a name means.
//
// The layout is in docs/formats/snapshot.md. Names come from a database that
// others can write to, so they are checked to stay in their directory.
//
// Threads: any.

#include "storage/snapshots.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/s3_client.h"

#define MAGIC 0xd8
#define CRC_BYTES 4
#define FILE_BYTES_MIN (1 + 1 + 1 + WF_SNAPSHOTS_HASH_BYTES)

void
wf_snapshots_manifest_fini(struct wf_snapshots_manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->files_count; i++) {
        wf_free(manifest->files[i].name);
    }
    wf_free(manifest->files);
    *manifest = (struct wf_snapshots_manifest){0};
}

void
wf_snapshots_add(struct wf_snapshots_manifest *manifest,
                 const struct wf_snapshots_file *file)
{
    uint32_t count = manifest->files_count;
    struct wf_snapshots_file *added;

    manifest->files =
        wf_realloc(manifest->files, (count + 1) * sizeof(*manifest->files));
    added = &manifest->files[count];
    *added = *file;
    added->name = wf_strdup(file->name);
    manifest->files_count++;
}

void
wf_snapshots_encode(const struct wf_snapshots_manifest *manifest,
                    struct wf_buf *out)
{
    size_t start = out->len;

    wf_buf_put_u8(out, MAGIC);
    wf_buf_put_u8(out, WF_SNAPSHOTS_VERSION);
    wf_buf_put_varint(out, manifest->partition);
    wf_buf_put_varint(out, manifest->epoch);
    wf_buf_put_varint(out, manifest->redo_from);
    wf_buf_put_varint(out, manifest->last);
    wf_buf_put_varint(out, manifest->files_count);
    for (uint32_t i = 0; i < manifest->files_count; i++) {
        const struct wf_snapshots_file *file = &manifest->files[i];

        wf_buf_put_text(out, file->name);
        wf_buf_put_varint(out, file->bytes);
        wf_buf_put(out, file->hash, sizeof(file->hash));
    }
    wf_buf_put_u32(out, wf_crc32c(0, out->data + start, out->len - start));
}

static weft_err
malformed(const char *what)
{
    return wf_error(WEFT_ECORRUPT, "a snapshot's manifest: %s", what);
}

// A name in one directory, after the one before.
static bool
is_name(weft_bytes name, const struct wf_snapshots_manifest *manifest)
{
    const char *before = manifest->files_count == 0
                             ? ""
                             : manifest->files[manifest->files_count - 1].name;
    const char *text = (const char *)name.data;

    return name.len > 0 && name.len <= WF_SNAPSHOTS_NAME_MAX &&
           memchr(text, '\0', name.len) == NULL &&
           memchr(text, '/', name.len) == NULL && text[0] != '.' &&
           wf_bytes_compare(weft_bytes_of(before, strlen(before)), name) < 0;
}

static weft_err
decode_files(struct wf_reader *reader, struct wf_snapshots_manifest *manifest)
{
    uint64_t count = wf_reader_varint(reader);

    if (count > wf_reader_left(reader) / FILE_BYTES_MIN) {
        return malformed("it has fewer files than it says");
    }
    for (uint64_t i = 0; i < count; i++) {
        weft_bytes name = wf_reader_bytes(reader);
        struct wf_snapshots_file file = {.bytes = wf_reader_varint(reader)};
        weft_bytes hash = wf_reader_take(reader, sizeof(file.hash));
        char text[WF_SNAPSHOTS_NAME_MAX + 1] = "";

        if (reader->failed || !is_name(name, manifest)) {
            return malformed("the name of a file");
        }
        memcpy(text, name.data, name.len);
        memcpy(file.hash, hash.data, hash.len);
        file.name = text;
        wf_snapshots_add(manifest, &file);
    }
    return WEFT_OK;
}

weft_err
wf_snapshots_decode(weft_bytes bytes,
                    struct wf_snapshots_manifest *out_manifest)
{
    struct wf_snapshots_manifest manifest = {0};
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_reader tail;
    uint8_t magic = wf_reader_u8(&reader);
    uint8_t version = wf_reader_u8(&reader);
    uint64_t partition;
    weft_err err;

    *out_manifest = manifest;
    if (reader.failed || magic != MAGIC || version == 0) {
        return malformed("it does not begin as one");
    }
    if (version > WF_SNAPSHOTS_VERSION) {
        return wf_error(WEFT_EFORMAT,
                        "a snapshot's manifest is of version %u, this build "
                        "knows up to %d",
                        version, WF_SNAPSHOTS_VERSION);
    }
    if (bytes.len < 2 + CRC_BYTES) {
        return malformed("it is cut short");
    }
    reader.end -= CRC_BYTES;
    tail = wf_reader_of(weft_bytes_of(reader.end, CRC_BYTES));
    if (wf_reader_u32(&tail) !=
        wf_crc32c(0, bytes.data, bytes.len - CRC_BYTES)) {
        return malformed("its checksum differs");
    }
    partition = wf_reader_varint(&reader);
    manifest.partition = (uint32_t)partition;
    manifest.epoch = wf_reader_varint(&reader);
    manifest.redo_from = wf_reader_varint(&reader);
    manifest.last = wf_reader_varint(&reader);
    err = decode_files(&reader, &manifest);
    if (err == WEFT_OK && (reader.failed || wf_reader_left(&reader) > 0 ||
                           partition > UINT16_MAX)) {
        err = malformed("its fields");
    }
    if (err != WEFT_OK) {
        wf_snapshots_manifest_fini(&manifest);
    }
    *out_manifest = manifest;
    return err;
}

void
wf_snapshots_hex(const uint8_t hash[WF_SNAPSHOTS_HASH_BYTES],
                 char out_hex[WF_SNAPSHOTS_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < WF_SNAPSHOTS_HASH_BYTES; i++) {
        out_hex[2 * i] = digits[hash[i] >> 4];
        out_hex[2 * i + 1] = digits[hash[i] & 15];
    }
    out_hex[2 * WF_SNAPSHOTS_HASH_BYTES] = '\0';
}

static int
digit_of(uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);

    return found == NULL ? -1 : (int)(found - digits);
}

bool
wf_snapshots_read_hex(weft_bytes text,
                      uint8_t out_hash[WF_SNAPSHOTS_HASH_BYTES])
{
    const uint8_t *data = text.data;

    if (text.len < 2 * WF_SNAPSHOTS_HASH_BYTES) {
        return false;
    }
    for (size_t i = 0; i < WF_SNAPSHOTS_HASH_BYTES; i++) {
        int high = digit_of(data[2 * i]);
        int low = digit_of(data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out_hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

weft_err
wf_snapshots_open(const char *where, const uint8_t cluster_id[16],
                  struct wf_snapshots *out_snapshots)
{
    if (strncmp(where, "dir:/", 5) == 0) {
        return wf_snapshots_dir_open(where + 4, cluster_id, out_snapshots);
    }
    if (strncmp(where, "s3://", 5) == 0) {
        struct wf_s3_limits limits = {0};

        return wf_snapshots_s3_open(where, cluster_id, &limits, out_snapshots);
    }
    return wf_error(WEFT_EINVAL,
                    "snapshots: \"%s\" is neither \"dir:\" and a path from "
                    "\"/\", nor \"s3://\" and a bucket",
                    where);
}
