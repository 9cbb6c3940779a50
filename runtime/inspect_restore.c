// SPDX-License-Identifier: Apache-2.0
//
// inspect_restore.c - a node's directory, made from a backup.
//
// The backup's lock is held, shared, while it is copied: nobody can open it.
//
// A restored directory says so: the row "restored" of its first store has the
// time. Links to other systems must not go on as if nothing had happened, for
// these may have seen more than the backup knows. Between the partitions of one
// directory there is nothing to do: they were copied as of one moment.
//
// Threads: any; blocks while it copies.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/inspect_impl.h"
#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/snapshot.h"
#include "storage/store.h"

static weft_err
mark_restored(const char *data_dir)
{
    struct wf_clock clock = wf_clock_system();
    size_t size = strlen(data_dir) + 32;
    char *dir = wf_alloc(size);
    struct wf_batch batch = {0};
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    struct wf_store store;
    weft_err err;

    (void)snprintf(dir, size, "%s/store-0", data_dir);
    wf_keys_store(&key, "restored");
    wf_buf_put_u64(&value, clock.wall_ms(clock.self));
    wf_batch_put(&batch, WF_CF_META, wf_buf_bytes(&key), wf_buf_bytes(&value));
    err = wf_store_rocks_open(dir, false, &store);
    if (err == WEFT_OK) {
        err = store.ops->write(store.self, &batch, true);
        store.ops->close(store.self);
    }
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    wf_free(dir);
    return err;
}

// What is called .partial is not a copy.
static void
put_aside(const char *data_dir)
{
    size_t size = strlen(data_dir) + sizeof(".partial");
    size_t len = strlen(data_dir);
    char *partial = wf_alloc(size);

    while (len > 1 && data_dir[len - 1] == '/') {
        len--;
    }
    (void)snprintf(partial, size, "%.*s.partial", (int)len, data_dir);
    (void)rename(data_dir, partial);
    wf_free(partial);
}

static weft_err
copy_verified(const char *backup, const char *data_dir,
              weft_inspect_problem_fn *fn, void *ctx)
{
    weft_inspect_counts counts;
    char *text;
    weft_err err = wf_inspect_verify(backup, fn, ctx, &counts);

    if (err == WEFT_OK) {
        err = wf_directory_check_outside(backup, data_dir);
    }
    if (err == WEFT_OK) {
        err = wf_snapshot_copy_dir(backup, data_dir);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = mark_restored(data_dir);
    if (err == WEFT_OK) {
        err = wf_inspect_verify(data_dir, fn, ctx, &counts);
    }
    if (err != WEFT_OK) {
        text = wf_strdup(weft_err_detail());
        put_aside(data_dir);
        err = wf_error(err, "the copy is not good and was put aside: %s", text);
        wf_free(text);
    }
    return err;
}

weft_err
weft_inspect_restore(const char *backup, const char *data_dir,
                     weft_inspect_problem_fn *fn, void *ctx)
{
    int lock_fd = -1;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(backup != NULL && backup[0] != '\0');
    WF_REQUIRE(data_dir != NULL && data_dir[0] != '\0');
    err = wf_directory_check_absent(data_dir);
    if (err == WEFT_OK) {
        err = wf_inspect_lock(backup, &lock_fd);
    }
    if (err == WEFT_OK) {
        err = copy_verified(backup, data_dir, fn, ctx);
    }
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    return err;
}
