// SPDX-License-Identifier: Apache-2.0
//
// snapshotter_restore.c - what is read of snapshots: stores made of them, and
// which files are garbage.
//
// Threads: restore on the supervisors' of the node, sweep on the snapshotter's.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "cluster/snapshotter_impl.h"

#define AGES 2 // the newest and the last but one

static weft_err
read_manifest(struct wf_snapshotter *snapshotter, uint32_t partition,
              uint32_t age, struct wf_snapshots_manifest *out_manifest,
              uint32_t *out_crc)
{
    const struct wf_shared_log *log = snapshotter->options.log;
    struct wf_buf bytes = {0};
    uint64_t redo_from;
    weft_err err;

    *out_manifest = (struct wf_snapshots_manifest){0};
    pthread_mutex_lock(&snapshotter->log_lock);
    err =
        log->ops->snapshot_read(log->self, partition, age, &redo_from, &bytes);
    pthread_mutex_unlock(&snapshotter->log_lock);
    if (err == WEFT_OK) {
        *out_crc = wf_crc32c(0, bytes.data, bytes.len);
        err = wf_snapshots_decode(wf_buf_bytes(&bytes), out_manifest);
    }
    if (err == WEFT_OK && (out_manifest->partition != partition ||
                           out_manifest->redo_from != redo_from)) {
        wf_snapshots_manifest_fini(out_manifest);
        err = wf_error(WEFT_ECORRUPT, "the manifest is of another snapshot");
    }
    wf_buf_fini(&bytes);
    return err;
}

// Stores. ---------------------------------------------------------------------

static void
say(const struct wf_snapshotter *snapshotter, enum wf_trace_level level,
    uint32_t partition, uint32_t age, const char *what)
{
    char text[700];

    (void)snprintf(text, sizeof(text), "partition %" PRIu32 ", %s snapshot: %s",
                   partition, age == 0 ? "newest" : "last but one", what);
    wf_snapshotter_note(snapshotter, level, "restore", text);
}

// WEFT_ENOTFOUND: there is no such snapshot. WEFT_ECORRUPT: it cannot be had.
static weft_err
restore_age(struct wf_snapshotter *snapshotter, uint32_t partition,
            uint32_t age, const char *dir)
{
    struct wf_snapshots_manifest manifest;
    char text[160];
    uint32_t crc = 0;
    weft_err err = read_manifest(snapshotter, partition, age, &manifest, &crc);

    if (err == WEFT_ENOTFOUND || err == WEFT_EIO) {
        return err;
    }
    if (err == WEFT_OK) {
        err = wf_snapshots_restore(&snapshotter->options.files, &manifest, dir);
    }
    if (err == WEFT_OK) {
        (void)snprintf(text, sizeof(text),
                       "restored, of commit %" PRIu64
                       ", with the log from %" PRIu64 ", %" PRIu32 " files",
                       manifest.last, manifest.redo_from, manifest.files_count);
        say(snapshotter, WF_TRACE_NOTE, partition, age, text);
        snapshotter->parts[partition].restored_crc = age == 0 ? crc : 0;
        atomic_fetch_add(&snapshotter->restored, 1);
    } else {
        say(snapshotter, WF_TRACE_WARNING, partition, age, weft_err_detail());
    }
    wf_snapshots_manifest_fini(&manifest);
    return err == WEFT_OK || err == WEFT_EIO ? err : WEFT_ECORRUPT;
}

// The newest one was restored before, and is still the newest: what came of it
// was of no use, or is not any more.
static bool
was_restored(struct wf_snapshotter *snapshotter, uint32_t partition)
{
    struct wf_snapshotter_part *part = &snapshotter->parts[partition];
    struct wf_snapshots_manifest manifest;
    uint32_t before = part->restored_crc;
    uint32_t crc = 0;
    weft_err err;

    part->restored_crc = 0;
    if (before == 0) {
        return false;
    }
    err = read_manifest(snapshotter, partition, 0, &manifest, &crc);
    wf_snapshots_manifest_fini(&manifest);
    return err == WEFT_OK && crc == before;
}

weft_err
wf_snapshotter_restore(struct wf_snapshotter *snapshotter, uint32_t partition,
                       const char *dir)
{
    uint32_t first = was_restored(snapshotter, partition) ? 1 : 0;
    weft_err err = WEFT_ENOTFOUND;

    for (uint32_t i = 0; i < AGES; i++) {
        err = restore_age(snapshotter, partition, (first + i) % AGES, dir);
        if (err == WEFT_OK || err == WEFT_EIO) {
            return err;
        }
    }
    // If the log has everything, nothing at all is enough; if not, whoever
    // opens the store says so.
    return wf_snapshots_forget(dir);
}

// Garbage. --------------------------------------------------------------------

static int
compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, WF_SNAPSHOTS_HASH_BYTES);
}

static void
suspect(void *ctx, const uint8_t *hash)
{
    struct wf_snapshotter *snapshotter = ctx;

    if (snapshotter->garbage_count == snapshotter->garbage_cap) {
        snapshotter->garbage_cap = 2 * snapshotter->garbage_cap + 64;
        snapshotter->garbage =
            wf_realloc(snapshotter->garbage, (size_t)snapshotter->garbage_cap *
                                                 WF_SNAPSHOTS_HASH_BYTES);
    }
    memcpy(snapshotter->garbage +
               (size_t)snapshotter->garbage_count * WF_SNAPSHOTS_HASH_BYTES,
           hash, WF_SNAPSHOTS_HASH_BYTES);
    snapshotter->garbage_count++;
}

// WEFT_ENOTFOUND: there is no such snapshot.
static weft_err
spare(struct wf_snapshotter *snapshotter, uint32_t partition, uint32_t age,
      bool *are_needed)
{
    struct wf_snapshots_manifest manifest;
    uint32_t crc;
    weft_err err = read_manifest(snapshotter, partition, age, &manifest, &crc);

    for (uint32_t i = 0; err == WEFT_OK && i < manifest.files_count; i++) {
        const uint8_t *found =
            bsearch(manifest.files[i].hash, snapshotter->garbage,
                    snapshotter->garbage_count, WF_SNAPSHOTS_HASH_BYTES,
                    compare_hashes);

        if (found != NULL) {
            are_needed[(size_t)(found - snapshotter->garbage) /
                       WF_SNAPSHOTS_HASH_BYTES] = true;
        }
    }
    wf_snapshots_manifest_fini(&manifest);
    return err;
}

// A manifest that cannot be read may name anything: then nothing is removed.
static weft_err
spare_all(struct wf_snapshotter *snapshotter, bool *are_needed)
{
    weft_err err = WEFT_OK;

    qsort(snapshotter->garbage, snapshotter->garbage_count,
          WF_SNAPSHOTS_HASH_BYTES, compare_hashes);
    for (uint32_t i = 0;
         err == WEFT_OK && i < snapshotter->options.partition_count * AGES;
         i++) {
        err = spare(snapshotter, i / AGES, i % AGES, are_needed);
        err = err == WEFT_ENOTFOUND ? WEFT_OK : err;
    }
    return err;
}

static weft_err
remove_garbage(struct wf_snapshotter *snapshotter, const bool *are_needed)
{
    const struct wf_snapshots *files = &snapshotter->options.files;
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < snapshotter->garbage_count;
         i++) {
        if (!are_needed[i]) {
            err = files->ops->remove(files->self,
                                     snapshotter->garbage +
                                         (size_t)i * WF_SNAPSHOTS_HASH_BYTES,
                                     snapshotter->options.grace_ms);
            wf_counter_add(&snapshotter->removed_files, err == WEFT_OK);
        }
    }
    return err;
}

static bool
is_collector(const struct wf_snapshotter *snapshotter)
{
    const struct wf_snapshotter_options *options = &snapshotter->options;
    uint64_t commit;
    uint64_t bytes;

    return options->collector == WF_SNAPSHOTTER_EACH ||
           (options->collector == WF_SNAPSHOTTER_WHO_HAS_0 &&
            options->log_size(options->ctx, 0, &commit, &bytes));
}

void
wf_snapshotter_sweep(struct wf_snapshotter *snapshotter)
{
    const struct wf_snapshotter_options *options = &snapshotter->options;
    bool *are_needed = NULL;
    weft_err err;

    if (!is_collector(snapshotter)) {
        return;
    }
    snapshotter->garbage_count = 0;
    err = options->files.ops->list(options->files.self, options->grace_ms,
                                   suspect, snapshotter);
    if (err == WEFT_OK && snapshotter->garbage_count > 0) {
        are_needed = wf_calloc(snapshotter->garbage_count * sizeof(bool));
        err = spare_all(snapshotter, are_needed);
    }
    if (err == WEFT_OK && are_needed != NULL) {
        err = remove_garbage(snapshotter, are_needed);
    }
    wf_free(are_needed);
    if (err != WEFT_OK) {
        wf_snapshotter_note(snapshotter, WF_TRACE_WARNING, "collect",
                            weft_err_detail());
    }
}
