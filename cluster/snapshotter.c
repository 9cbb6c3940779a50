// SPDX-License-Identifier: Apache-2.0
//
// snapshotter.c - makes snapshots of the partitions that are here.
//
//     IDLE --due: copy the store, list and hash its files--> PUTTING
//     PUTTING --all are put--> COMMITTING --manifest is in the log--> CHECKING
//     CHECKING --all are there--> IDLE
//
// Any failure leads back to IDLE, and a pause. CHECKING: whoever collects
// garbage leaves alone what was put less than a grace time ago. Should putting
// take so long that this is no help, the check finds what is missing, and
// another snapshot is made at once; the last but one is whole.
//
// Whether a file is there is asked by name and length: bytes are read when it
// is needed, which is late to find that they are others. So now and then one
// file of a snapshot is read back while the store is there to put it from. One
// that is damaged is removed, and put anew by the snapshot that is made then.
//
// Garbage is collected by the node that has partition 0; two may do it at once.
// In a cluster without a database each node knows the manifests of its own
// partitions alone: it collects what is its own, and nobody what all share.
//
// Threads: as snapshotter.h says. The log's two calls for snapshots are made by
// one at a time, under a lock.

#include "cluster/snapshotter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/trace.h"
#include "cluster/snapshotter_impl.h"
#include "runtime/futex.h"
#include "runtime/node.h"
#include "storage/directory.h"

#define LOOK_MS 1000
#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 60000

// Life. -----------------------------------------------------------------------

static uint64_t
now_ms(const struct wf_snapshotter *snapshotter)
{
    const struct wf_clock *clock = &snapshotter->options.clock;

    return clock->mono_ns(clock->self) / 1000000U;
}

// Of the partition's store; release with wf_free.
static char *
path_of(const struct wf_snapshotter *snapshotter, uint32_t partition,
        const char *suffix)
{
    size_t size = strlen(snapshotter->dir) + strlen(suffix) + 32;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/store-%" PRIu32 "%s", snapshotter->dir,
                   partition, suffix);
    return path;
}

static void
tidy(const struct wf_snapshotter *snapshotter, uint32_t partition)
{
    char *copy = path_of(snapshotter, partition, ".snapshot");
    char *half = path_of(snapshotter, partition, ".snapshot.tmp"); // RocksDB's
    char *store = path_of(snapshotter, partition, "");

    wf_directory_remove(copy);
    wf_directory_remove(half);
    wf_snapshots_tidy(store);
    wf_free(copy);
    wf_free(half);
    wf_free(store);
}

struct wf_snapshotter *
wf_snapshotter_create(const struct wf_snapshotter_options *options)
{
    struct wf_snapshotter *snapshotter = wf_calloc(sizeof(*snapshotter));
    uint32_t count = options->partition_count;

    snapshotter->options = *options;
    snapshotter->dir = wf_strdup(options->dir);
    snapshotter->node_id = wf_strdup(options->node_id);
    snapshotter->options.log_bytes =
        options->log_bytes != 0 ? options->log_bytes : WF_SNAPSHOTTER_LOG_BYTES;
    snapshotter->options.every_ms =
        options->every_ms != 0 ? options->every_ms : WF_SNAPSHOTTER_EVERY_MS;
    snapshotter->options.grace_ms =
        options->grace_ms != 0 ? options->grace_ms : WF_SNAPSHOTTER_GRACE_MS;
    WF_ASSERT(pthread_mutex_init(&snapshotter->log_lock, NULL) == 0);
    snapshotter->parts = wf_calloc(count * sizeof(*snapshotter->parts));
    snapshotter->retry_ms = RETRY_MS_MIN;
    snapshotter->sweep_at_ms = now_ms(snapshotter) + options->every_ms;
    snapshotter->read_due_ms = now_ms(snapshotter) + options->every_ms;
    for (uint32_t i = 0; i < count; i++) {
        // Not all of them at once.
        snapshotter->parts[i].due_ms =
            now_ms(snapshotter) +
            snapshotter->options.every_ms * (count + i) / (2 * count);
        tidy(snapshotter, i);
    }
    return snapshotter;
}

void
wf_snapshotter_destroy(struct wf_snapshotter *snapshotter)
{
    if (snapshotter == NULL) {
        return;
    }
    for (uint32_t i = 0; i < snapshotter->options.partition_count; i++) {
        wf_snapshots_manifest_fini(&snapshotter->parts[i].manifest);
    }
    wf_snapshots_manifest_fini(&snapshotter->manifest);
    wf_free(snapshotter->parts);
    wf_free(snapshotter->copy_dir);
    wf_free(snapshotter->garbage);
    wf_free(snapshotter->node_id);
    wf_free(snapshotter->dir);
    pthread_mutex_destroy(&snapshotter->log_lock);
    wf_free(snapshotter);
}

void
wf_snapshotter_note(const struct wf_snapshotter *snapshotter,
                    enum wf_trace_level level, const char *verb,
                    const char *text)
{
    const struct wf_snapshotter_options *options = &snapshotter->options;

    if (options->trace != NULL) {
        wf_trace_emit(options->trace, level,
                      options->clock.wall_ms(options->clock.self),
                      snapshotter->node_id, verb, "%s", text);
    }
}

// A snapshot. -----------------------------------------------------------------

static void
end_snapshot(struct wf_snapshotter *snapshotter)
{
    if (snapshotter->copy_dir != NULL) {
        wf_directory_remove(snapshotter->copy_dir);
        wf_free(snapshotter->copy_dir);
        snapshotter->copy_dir = NULL;
    }
    wf_snapshots_manifest_fini(&snapshotter->manifest);
    snapshotter->state = WF_SNAPSHOTTER_IDLE;
}

static void
fail(struct wf_snapshotter *snapshotter, weft_err err)
{
    char text[640];

    (void)snprintf(text, sizeof(text), "partition %" PRIu32 ": %s: %s",
                   snapshotter->partition, weft_err_name(err),
                   weft_err_detail());
    end_snapshot(snapshotter);
    if (err == WEFT_EBUSY || err == WEFT_ECLOSED) {
        // It is another's, who makes its snapshots. This node may find out
        // with its next commit, and not before.
        snapshotter->retry_at_ms = now_ms(snapshotter) + RETRY_MS_MIN;
        return;
    }
    wf_snapshotter_note(snapshotter, WF_TRACE_WARNING, "snapshot", text);
    wf_counter_add(&snapshotter->failed, 1);
    snapshotter->retry_at_ms = now_ms(snapshotter) + snapshotter->retry_ms;
    snapshotter->retry_ms = snapshotter->retry_ms * 2 > RETRY_MS_MAX
                                ? RETRY_MS_MAX
                                : snapshotter->retry_ms * 2;
}

static bool
is_due(struct wf_snapshotter *snapshotter, uint32_t partition, uint64_t now)
{
    struct wf_snapshotter_part *part = &snapshotter->parts[partition];
    uint64_t commit;
    uint64_t bytes;

    if (!snapshotter->options.log_size(snapshotter->options.ctx, partition,
                                       &commit, &bytes) ||
        commit == part->commit) {
        return false;
    }
    return now >= part->due_ms ||
           bytes - part->bytes >= snapshotter->options.log_bytes;
}

// From the one after the last, so that each has its turn.
static bool
find_due(struct wf_snapshotter *snapshotter)
{
    uint32_t count = snapshotter->options.partition_count;
    uint64_t now = now_ms(snapshotter);

    for (uint32_t i = 1; i <= count; i++) {
        uint32_t partition = (snapshotter->partition + i) % count;

        if (is_due(snapshotter, partition, now)) {
            snapshotter->partition = partition;
            return true;
        }
    }
    return false;
}

static void
begin(struct wf_snapshotter *snapshotter)
{
    const struct wf_snapshotter_options *options = &snapshotter->options;
    struct wf_snapshots_manifest *manifest = &snapshotter->manifest;
    struct wf_snapshotter_part *part =
        &snapshotter->parts[snapshotter->partition];
    struct wf_node_checkpoint checkpoint;
    weft_err err;

    (void)options->log_size(options->ctx, snapshotter->partition,
                            &snapshotter->commit, &snapshotter->bytes);
    snapshotter->began_ms = now_ms(snapshotter);
    snapshotter->copy_dir =
        path_of(snapshotter, snapshotter->partition, ".snapshot");
    wf_directory_remove(snapshotter->copy_dir);
    err = options->checkpoint(options->ctx, snapshotter->partition,
                              snapshotter->copy_dir, &checkpoint);
    if (err == WEFT_OK) {
        manifest->partition = snapshotter->partition;
        manifest->epoch = checkpoint.epoch;
        manifest->redo_from = checkpoint.redo_from;
        manifest->last = checkpoint.last;
        err =
            wf_snapshots_scan(snapshotter->copy_dir, &part->manifest, manifest);
    }
    if (err != WEFT_OK) {
        fail(snapshotter, err);
        return;
    }
    snapshotter->state = WF_SNAPSHOTTER_PUTTING;
    snapshotter->at = 0;
}

static void
put_next(struct wf_snapshotter *snapshotter)
{
    const struct wf_snapshots *files = &snapshotter->options.files;
    const struct wf_snapshots_file *file;
    bool is_new = false;
    size_t size;
    char *path;
    weft_err err;

    if (snapshotter->at == snapshotter->manifest.files_count) {
        bool is_late = now_ms(snapshotter) - snapshotter->began_ms >
                       snapshotter->options.grace_ms / 4;

        // Of what was put long ago, it is told once more that it is needed.
        snapshotter->state =
            is_late ? WF_SNAPSHOTTER_PUTTING : WF_SNAPSHOTTER_COMMITTING;
        snapshotter->began_ms = now_ms(snapshotter);
        snapshotter->at = 0;
        return;
    }
    file = &snapshotter->manifest.files[snapshotter->at];
    size = strlen(snapshotter->copy_dir) + strlen(file->name) + 2;
    path = wf_alloc(size);
    (void)snprintf(path, size, "%s/%s", snapshotter->copy_dir, file->name);
    err = files->ops->put(files->self, file, path, &is_new);
    wf_free(path);
    if (err != WEFT_OK) {
        fail(snapshotter, err);
        return;
    }
    wf_counter_add(&snapshotter->uploaded_files, is_new);
    wf_counter_add(&snapshotter->uploaded_bytes, is_new ? file->bytes : 0);
    snapshotter->at++;
}

// Another file is read each time.
static void
begin_checking(struct wf_snapshotter *snapshotter)
{
    uint64_t now = now_ms(snapshotter);
    bool is_due = now >= snapshotter->read_due_ms;

    snapshotter->state = WF_SNAPSHOTTER_CHECKING;
    snapshotter->at = 0;
    snapshotter->read_at = UINT32_MAX;
    if (is_due && snapshotter->manifest.files_count > 0) {
        snapshotter->read_at = (uint32_t)(snapshotter->read_count++ %
                                          snapshotter->manifest.files_count);
        snapshotter->read_due_ms = now + snapshotter->options.every_ms;
    }
}

static void
commit(struct wf_snapshotter *snapshotter)
{
    const struct wf_shared_log *log = snapshotter->options.log;
    const struct wf_snapshots_manifest *manifest = &snapshotter->manifest;
    struct wf_buf bytes = {0};
    char text[200];
    weft_err err;

    wf_snapshots_encode(manifest, &bytes);
    pthread_mutex_lock(&snapshotter->log_lock);
    err = log->ops->snapshot_commit(log->self, manifest->partition,
                                    manifest->redo_from, wf_buf_bytes(&bytes));
    pthread_mutex_unlock(&snapshotter->log_lock);
    wf_buf_fini(&bytes);
    if (err != WEFT_OK) {
        fail(snapshotter, err);
        return;
    }
    wf_counter_add(&snapshotter->made, 1);
    (void)snprintf(text, sizeof(text),
                   "partition %" PRIu32 ": of commit %" PRIu64
                   ", with the log from %" PRIu64 ", %" PRIu32 " files",
                   manifest->partition, manifest->last, manifest->redo_from,
                   manifest->files_count);
    wf_snapshotter_note(snapshotter, WF_TRACE_NOTE, "snapshot", text);
    begin_checking(snapshotter);
}

// It counts: the next one is due later.
static void
finish(struct wf_snapshotter *snapshotter)
{
    struct wf_snapshotter_part *part =
        &snapshotter->parts[snapshotter->partition];

    part->commit = snapshotter->commit;
    part->bytes = snapshotter->bytes;
    part->due_ms = now_ms(snapshotter) + snapshotter->options.every_ms;
    wf_snapshots_manifest_fini(&part->manifest);
    part->manifest = snapshotter->manifest;
    snapshotter->manifest = (struct wf_snapshots_manifest){0};
    snapshotter->retry_ms = RETRY_MS_MIN;
    end_snapshot(snapshotter);
}

// WEFT_ECORRUPT: it was not what it should be, and is no more.
static weft_err
read_back(struct wf_snapshotter *snapshotter,
          const struct wf_snapshots_file *file)
{
    const struct wf_snapshots *files = &snapshotter->options.files;
    size_t size = strlen(snapshotter->copy_dir) + sizeof("/read-back");
    char *path = wf_alloc(size);
    char detail[400];
    weft_err err;

    (void)snprintf(path, size, "%s/read-back", snapshotter->copy_dir);
    err = files->ops->get(files->self, file, path);
    wf_directory_remove(path);
    wf_free(path);
    if (err == WEFT_ECORRUPT) {
        (void)snprintf(detail, sizeof(detail), "%s", weft_err_detail());
        (void)files->ops->remove(files->self, file->hash, 0);
        err = wf_error(WEFT_ECORRUPT, "%s; it is put anew", detail);
    }
    return err;
}

static void
check_next(struct wf_snapshotter *snapshotter)
{
    const struct wf_snapshots *files = &snapshotter->options.files;
    const struct wf_snapshots_file *file;
    bool has = false;
    weft_err err;

    if (snapshotter->at == snapshotter->manifest.files_count) {
        finish(snapshotter);
        return;
    }
    file = &snapshotter->manifest.files[snapshotter->at++];
    err = files->ops->has(files->self, file, &has);
    if (err == WEFT_OK && !has) {
        err = wf_error(WEFT_ENOTFOUND, "%s was put, and is gone", file->name);
    }
    if (err == WEFT_OK && snapshotter->at - 1 == snapshotter->read_at) {
        err = read_back(snapshotter, file);
    }
    if (err != WEFT_OK) {
        fail(snapshotter, err);
    }
}

// Steps. ----------------------------------------------------------------------

static uint64_t
look_around(struct wf_snapshotter *snapshotter)
{
    uint64_t now = now_ms(snapshotter);

    if (now < snapshotter->retry_at_ms) {
        return snapshotter->retry_at_ms - now;
    }
    if (find_due(snapshotter)) {
        begin(snapshotter);
        return 0;
    }
    if (now >= snapshotter->sweep_at_ms) {
        snapshotter->sweep_at_ms = now + snapshotter->options.every_ms;
        wf_snapshotter_sweep(snapshotter);
    }
    return LOOK_MS;
}

uint64_t
wf_snapshotter_step(struct wf_snapshotter *snapshotter)
{
    if (wf_snapshotter_is_stopped(snapshotter)) {
        return UINT64_MAX;
    }
    switch (snapshotter->state) {
    case WF_SNAPSHOTTER_IDLE:
        return look_around(snapshotter);
    case WF_SNAPSHOTTER_PUTTING:
        put_next(snapshotter);
        return 0;
    case WF_SNAPSHOTTER_COMMITTING:
        commit(snapshotter);
        return 0;
    case WF_SNAPSHOTTER_CHECKING:
        check_next(snapshotter);
        return 0;
    }
    WF_ASSERT(false);
    return 0;
}

void
wf_snapshotter_wait(struct wf_snapshotter *snapshotter, uint64_t ms)
{
    ms = ms > LOOK_MS ? LOOK_MS : ms;
    wf_futex_wait(&snapshotter->is_stopped, 0, ms * 1000000U);
}

void
wf_snapshotter_stop(struct wf_snapshotter *snapshotter)
{
    const struct wf_snapshots *files = &snapshotter->options.files;

    atomic_store(&snapshotter->is_stopped, 1);
    wf_futex_wake(&snapshotter->is_stopped);
    files->ops->stop(files->self);
}

bool
wf_snapshotter_is_stopped(const struct wf_snapshotter *snapshotter)
{
    return atomic_load(&snapshotter->is_stopped) != 0;
}

void
wf_snapshotter_count(const struct wf_snapshotter *snapshotter,
                     struct wf_snapshotter_counts *out_counts)
{
    *out_counts = (struct wf_snapshotter_counts){
        .made = wf_counter_read(&snapshotter->made),
        .failed = wf_counter_read(&snapshotter->failed),
        .uploaded_files = wf_counter_read(&snapshotter->uploaded_files),
        .uploaded_bytes = wf_counter_read(&snapshotter->uploaded_bytes),
        .removed_files = wf_counter_read(&snapshotter->removed_files),
        .restored = wf_counter_read(&snapshotter->restored),
    };
}
