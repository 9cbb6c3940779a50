// SPDX-License-Identifier: Apache-2.0
//
// beacon.c - a small file beside each store that remembers how far it got.
//
// The file is two slots of 4 KiB. Write number n goes to slot n mod 2, so a
// torn write destroys only the older of the two. A reader takes the whole slot
// with the higher number.
//
//   magic "WBCN", u32 version, u64 write number, 16 bytes store id, u32 format,
//   u64 last commit, u64 that of the next store, of the manifest: u64 number,
//   u64 bytes, u32 CRC32C, u32 files count, per file: u64 number, u64 bytes,
//   zeros, u32 CRC32C of all before it
//
// It is made under another name, with write number 0 in slot 0, and renamed: a
// beacon that exists is whole, and number 0 says that nothing was written yet.
//
// The lengths of WAL files are taken first and synced after: what a beacon
// claims is then on the disk, even if somebody writes meanwhile.
//
// Threads: one at a time.

#include "storage/beacon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/hash.h"
#include "storage/directory.h"
#include "storage/file.h"
#include "storage/wal.h"

#define SLOT_BYTES 4096
#define FILE_BYTES (2 * SLOT_BYTES)
#define VERSION 2

static const char magic[4] = {'W', 'B', 'C', 'N'};

struct wf_beacon {
    int fd;
    char *path;
    uint64_t writes; // number of the last write; its slot is the whole one
    bool has_failed; // a write's outcome is not known
};

_Static_assert(4 + 4 + 8 + 16 + 4 + 16 + 20 + 4 + 16 * WF_BEACON_FILES_MAX +
                       4 <=
                   SLOT_BYTES,
               "a slot holds all files");

static void
encode_slot(const struct wf_beacon_state *state, uint64_t number,
            struct wf_buf *out)
{
    static const uint8_t zeros[SLOT_BYTES];

    WF_ASSERT(state->files_count <= WF_BEACON_FILES_MAX);

    wf_buf_reset(out);
    wf_buf_put(out, magic, sizeof(magic));
    wf_buf_put_u32(out, VERSION);
    wf_buf_put_u64(out, number);
    wf_buf_put(out, state->store_id, sizeof(state->store_id));
    wf_buf_put_u32(out, state->format);
    wf_buf_put_u64(out, state->last_commit);
    wf_buf_put_u64(out, state->next_commit);
    wf_buf_put_u64(out, state->manifest.number);
    wf_buf_put_u64(out, state->manifest.bytes);
    wf_buf_put_u32(out, state->manifest.crc);
    wf_buf_put_u32(out, state->files_count);
    for (uint32_t i = 0; i < state->files_count; i++) {
        wf_buf_put_u64(out, state->files[i].number);
        wf_buf_put_u64(out, state->files[i].bytes);
    }
    wf_buf_put(out, zeros, SLOT_BYTES - 4 - out->len);
    wf_buf_put_u32(out, wf_crc32c(0, out->data, out->len));
    WF_ASSERT(out->len == SLOT_BYTES);
}

// False if the slot is not whole.
static bool
decode_slot(const uint8_t *slot, struct wf_beacon_state *out_state,
            uint64_t *out_number)
{
    struct wf_reader tail =
        wf_reader_of(weft_bytes_of(slot + SLOT_BYTES - 4, 4));
    struct wf_reader reader = wf_reader_of(weft_bytes_of(slot, SLOT_BYTES - 4));
    weft_bytes bytes;

    if (wf_reader_u32(&tail) != wf_crc32c(0, slot, SLOT_BYTES - 4)) {
        return false;
    }
    bytes = wf_reader_take(&reader, sizeof(magic));
    if (memcmp(bytes.data, magic, sizeof(magic)) != 0 ||
        wf_reader_u32(&reader) != VERSION) {
        return false;
    }
    *out_number = wf_reader_u64(&reader);
    *out_state = (struct wf_beacon_state){0};
    bytes = wf_reader_take(&reader, sizeof(out_state->store_id));
    memcpy(out_state->store_id, bytes.data, bytes.len);
    out_state->format = wf_reader_u32(&reader);
    out_state->last_commit = wf_reader_u64(&reader);
    out_state->next_commit = wf_reader_u64(&reader);
    out_state->manifest.number = wf_reader_u64(&reader);
    out_state->manifest.bytes = wf_reader_u64(&reader);
    out_state->manifest.crc = wf_reader_u32(&reader);
    out_state->files_count = wf_reader_u32(&reader);
    if (out_state->files_count > WF_BEACON_FILES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < out_state->files_count; i++) {
        out_state->files[i].number = wf_reader_u64(&reader);
        out_state->files[i].bytes = wf_reader_u64(&reader);
    }
    return !reader.failed;
}

// Read both slots and take the newer whole one. A file that is too short has
// slots that are not whole.
static weft_err
read_slots(int fd, const char *path, struct wf_beacon_state *out_state,
           uint64_t *out_number)
{
    uint8_t *bytes = wf_calloc(FILE_BYTES);
    struct wf_beacon_state state;
    size_t len;
    bool is_found = false;
    uint64_t number;
    weft_err err = wf_file_read(fd, path, bytes, FILE_BYTES, &len);

    if (err != WEFT_OK) {
        goto out;
    }
    for (size_t i = 0; i < 2; i++) {
        if (decode_slot(bytes + i * SLOT_BYTES, &state, &number) &&
            (!is_found || number > *out_number)) {
            *out_state = state;
            *out_number = number;
            is_found = true;
        }
    }
    if (!is_found) {
        err = wf_error(WEFT_ECORRUPT, "%s: neither slot is whole", path);
    }

out:
    wf_free(bytes);
    return err;
}

// Make a beacon that says nothing, whole from the first moment it is there. Its
// name is not synced.
static weft_err
make_file(const char *path)
{
    struct wf_beacon_state nothing = {0};
    struct wf_buf slots = {0};
    struct wf_buf name = {0};
    const char *made;
    weft_err err;
    int fd;

    wf_buf_put(&name, path, strlen(path));
    wf_buf_put(&name, ".new", sizeof(".new"));
    made = (const char *)name.data;

    encode_slot(&nothing, 0, &slots);
    wf_buf_reserve(&slots, SLOT_BYTES);
    memset(slots.data + SLOT_BYTES, 0, SLOT_BYTES);
    slots.len = FILE_BYTES;

    fd = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", made, strerror(errno));
        goto out;
    }
    err = wf_file_write(fd, made, wf_buf_bytes(&slots), 0);
    if (err == WEFT_OK && fsync(fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", made, strerror(errno));
    }
    close(fd);
    if (err == WEFT_OK && rename(made, path) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }

out:
    wf_buf_fini(&slots);
    wf_buf_fini(&name);
    return err;
}

weft_err
wf_beacon_open(const char *path, struct wf_beacon **out_beacon,
               struct wf_beacon_state *out_state, bool *out_is_new)
{
    struct wf_beacon_state state;
    struct wf_beacon *beacon = NULL;
    uint64_t writes;
    weft_err err;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        err = make_file(path);
        if (err != WEFT_OK) {
            return err;
        }
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    err = read_slots(fd, path, &state, &writes);
    if (err == WEFT_OK && writes == 0) { // who made it may not have got so far
        err = wf_directory_sync_parent(path);
    }
    if (err != WEFT_OK) {
        close(fd);
        return err;
    }
    beacon = wf_calloc(sizeof(*beacon));
    beacon->fd = fd;
    beacon->path = wf_strdup(path);
    beacon->writes = writes;
    *out_beacon = beacon;
    *out_state = state;
    *out_is_new = writes == 0;
    return WEFT_OK;
}

weft_err
wf_beacon_read(const char *path, struct wf_beacon_state *out_state)
{
    struct wf_beacon_state state;
    uint64_t writes;
    weft_err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO, "%s: %s",
                        path, strerror(errno));
    }
    err = read_slots(fd, path, &state, &writes);
    close(fd);
    if (err == WEFT_OK && writes == 0) {
        err = wf_error(WEFT_ENOTFOUND, "%s: nothing was written to it", path);
    }
    if (err == WEFT_OK) {
        *out_state = state;
    }
    return err;
}

weft_err
wf_beacon_write(struct wf_beacon *beacon, const struct wf_beacon_state *state)
{
    struct wf_buf slot = {0};
    uint64_t number = beacon->writes + 1;
    weft_err err;

    if (beacon->has_failed) {
        return wf_error(WEFT_ECLOSED, "%s: an earlier write failed",
                        beacon->path);
    }
    if (wf_fault_hit(WF_FAULT_BEFORE_BEACON)) {
        beacon->has_failed = true;
        return wf_error(WEFT_EIO, "%s: a fault was injected", beacon->path);
    }
    encode_slot(state, number, &slot);
    err = wf_file_write(beacon->fd, beacon->path, wf_buf_bytes(&slot),
                        (off_t)(number % 2) * SLOT_BYTES);
    // A sync that failed is not repeated: the pages may be marked clean.
    if (err == WEFT_OK && fdatasync(beacon->fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", beacon->path, strerror(errno));
    }
    if (err == WEFT_OK && wf_fault_hit(WF_FAULT_AFTER_BEACON)) {
        err = wf_error(WEFT_EIO, "%s: a fault was injected", beacon->path);
    }
    beacon->has_failed = err != WEFT_OK;
    beacon->writes = number;
    wf_buf_fini(&slot);
    return err;
}

void
wf_beacon_close(struct wf_beacon *beacon)
{
    if (beacon == NULL) {
        return;
    }
    close(beacon->fd);
    wf_free(beacon->path);
    wf_free(beacon);
}

// Keep the list sorted, and of more than fit the newest.
static void
add_file(struct wf_beacon_state *state, uint64_t number, uint64_t bytes)
{
    uint32_t at = state->files_count;

    if (state->files_count == WF_BEACON_FILES_MAX) {
        if (number < state->files[0].number) {
            return;
        }
        at--;
        memmove(&state->files[0], &state->files[1],
                at * sizeof(state->files[0]));
    } else {
        state->files_count++;
    }
    while (at > 0 && state->files[at - 1].number > number) {
        state->files[at] = state->files[at - 1];
        at--;
    }
    state->files[at].number = number;
    state->files[at].bytes = bytes;
}

// The length of a file. One that the store has deleted meanwhile is not an
// error.
static weft_err
measure_file(int dir_fd, const char *store_dir, const char *name,
             uint64_t *out_bytes, bool *out_is_there)
{
    struct stat status;

    *out_is_there = fstatat(dir_fd, name, &status, 0) == 0;
    if (*out_is_there) {
        *out_bytes = (uint64_t)status.st_size;
    }
    return *out_is_there || errno == ENOENT
               ? WEFT_OK
               : wf_error(WEFT_EIO, "%s/%s: %s", store_dir, name,
                          strerror(errno));
}

weft_err
wf_beacon_list_files(const char *store_dir, struct wf_beacon_state *state)
{
    const struct dirent *entry;
    weft_err err = WEFT_OK;
    DIR *dir = opendir(store_dir);

    if (dir == NULL) {
        return wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO, "%s: %s",
                        store_dir, strerror(errno));
    }
    state->files_count = 0;
    errno = 0;
    while (err == WEFT_OK && (entry = readdir(dir)) != NULL) {
        uint64_t number = wf_wal_parse_name(entry->d_name);
        uint64_t bytes = 0;
        bool is_there = false;

        if (number != 0) {
            err = measure_file(dirfd(dir), store_dir, entry->d_name, &bytes,
                               &is_there);
        }
        if (err == WEFT_OK && is_there) {
            add_file(state, number, bytes);
        }
        errno = 0;
    }
    if (err == WEFT_OK && errno != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", store_dir, strerror(errno));
    }
    closedir(dir);
    return err;
}

static weft_err
sync_file(const char *store_dir, uint64_t number)
{
    char path[4200];
    weft_err err = WEFT_OK;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%06" PRIu64 ".log", store_dir,
                   number);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 ? errno != ENOENT : fdatasync(fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

weft_err
wf_beacon_sync_files(const char *store_dir, const struct wf_beacon_state *state)
{
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < state->files_count; i++) {
        err = sync_file(store_dir, state->files[i].number);
    }
    return err;
}

// The place of a file in a list; its files_count if it is not there.
static uint32_t
find_file(const struct wf_beacon_state *state, uint64_t number)
{
    uint32_t at = 0;

    while (at < state->files_count && state->files[at].number != number) {
        at++;
    }
    return at;
}

weft_err
wf_beacon_check_files(const char *store_dir,
                      const struct wf_beacon_state *state)
{
    struct wf_beacon_state found = {0};
    uint64_t newest = 0;
    weft_err err;

    err = wf_manifest_check(store_dir, &state->manifest);
    if (err != WEFT_OK || state->files_count == 0) {
        return err;
    }
    err = wf_beacon_list_files(store_dir, &found);
    if (err == WEFT_ENOTFOUND) {
        return wf_error(WEFT_ELOST, "%s: the store is missing", store_dir);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (found.files_count > 0) {
        newest = found.files[found.files_count - 1].number;
    }
    for (uint32_t i = 0; i < state->files_count; i++) {
        uint64_t number = state->files[i].number;
        uint32_t at = find_file(&found, number);

        // A file goes once it is flushed, and never the newest. One that is
        // older than the newest may have gone rightly; if not, the numbers of
        // the commits will show the gap.
        if (at == found.files_count && number > newest) {
            return wf_error(WEFT_ELOST, "%s/%06" PRIu64 ".log is missing",
                            store_dir, number);
        }
        if (at < found.files_count &&
            found.files[at].bytes < state->files[i].bytes) {
            return wf_error(WEFT_ELOST,
                            "%s/%06" PRIu64 ".log has %" PRIu64
                            " bytes and once had %" PRIu64,
                            store_dir, number, found.files[at].bytes,
                            state->files[i].bytes);
        }
    }
    return WEFT_OK;
}

weft_err
wf_beacon_check_end(const char *store_dir, const struct wf_beacon_state *state)
{
    struct wf_wal_end end;
    uint32_t at;
    weft_err err = wf_wal_find_end(store_dir, &end);

    if (err != WEFT_OK || !end.is_torn) {
        return err;
    }
    at = find_file(state, end.number);
    if (at < state->files_count && end.offset < state->files[at].bytes) {
        return wf_error(WEFT_ECORRUPT,
                        "%s/%06" PRIu64 ".log fails its check at %" PRIu64
                        ", and was whole up to %" PRIu64,
                        store_dir, end.number, end.offset,
                        state->files[at].bytes);
    }
    return WEFT_OK;
}
