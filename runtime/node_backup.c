// SPDX-License-Identifier: Apache-2.0
//
// node_backup.c - a copy of a running node.
//
// Each store makes a checkpoint of itself. One store is copied as of one moment
// by that; several are, because no commit is written meanwhile: then no message
// can have arrived in one copy that was not sent in another. The copy is made
// as "TO.partial" and renamed when it is whole.
//
// A partition of a cluster is copied for itself: its log is elsewhere, and has
// all messages.
//
// Threads: the caller's.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/inside.h"
#include "runtime/node_impl.h"
#include "runtime/supervisor.h"
#include "storage/directory.h"

// Nothing is opened anew meanwhile, and, if there are several, nothing
// committed. All of the first kind of lock before any of the second: that is
// the order in which the supervisor takes them.
static void
hold_stores(weft_node *node)
{
    uint32_t count = node->options.store_count;

    for (uint32_t i = 0; i < count; i++) {
        pthread_rwlock_rdlock(&node->depots[i].open_lock);
    }
    for (uint32_t i = 0; count > 1 && i < count; i++) {
        wf_depot_hold(&node->depots[i]);
    }
}

static void
let_go_stores(weft_node *node)
{
    uint32_t count = node->options.store_count;

    for (uint32_t i = 0; count > 1 && i < count; i++) {
        wf_depot_let_go(&node->depots[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        pthread_rwlock_unlock(&node->depots[i].open_lock);
    }
}

static weft_err
copy_stores(weft_node *node, const char *dir)
{
    weft_err err = WEFT_OK;

    hold_stores(node);
    for (uint32_t i = 0; err == WEFT_OK && i < node->options.store_count; i++) {
        err = wf_depot_backup(&node->depots[i], dir);
        if (err == WEFT_ECLOSED) {
            // Nobody else may notice before the next commit.
            wf_post_tell(wf_supervisor_inbox(wf_node_supervisor_of(node, i)),
                         WF_POST_IN_DOUBT, i);
        }
    }
    let_go_stores(node);
    return err;
}

static weft_err
make_copy(weft_node *node, const char *partial, const char *to)
{
    weft_err err;

    wf_directory_remove(partial); // what a crash left
    err = wf_directory_make(partial);
    if (err == WEFT_OK) {
        err = copy_stores(node, partial);
    }
    if (err == WEFT_OK) {
        err = wf_directory_sync(partial);
    }
    if (err == WEFT_OK && rename(partial, to) != 0) {
        err = wf_error(errno == EEXIST || errno == ENOTEMPTY ? WEFT_EEXISTS
                                                             : WEFT_EIO,
                       "%s: %s", to, strerror(errno));
    }
    if (err == WEFT_OK) {
        err = wf_directory_sync_parent(to);
    }
    return err;
}

static weft_err
back_up(weft_node *node, const char *to)
{
    char *partial;
    size_t size;
    weft_err err = wf_directory_check_absent(to);

    if (err == WEFT_OK && node->options.data_dir != NULL) {
        err = wf_directory_check_outside(node->options.data_dir, to);
    }
    if (err == WEFT_EEXISTS || err == WEFT_EINVAL) {
        return err;
    }
    if (err != WEFT_OK) {
        return WEFT_EIO;
    }
    size = strlen(to) + sizeof(".partial");
    partial = wf_alloc(size);
    (void)snprintf(partial, size, "%s.partial", to);
    err = make_copy(node, partial, to);
    if (err != WEFT_OK) {
        wf_directory_remove(partial);
    }
    if (err != WEFT_OK && err != WEFT_EEXISTS) {
        err = WEFT_EIO; // the detail says what it was
    }
    wf_free(partial);
    return err;
}

weft_err
weft_node_backup(weft_node *node, const char *to)
{
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    WF_REQUIRE(to != NULL && to[0] != '\0');
    err = wf_inside_check("weft_node_backup");
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_node_is_shared(node)) {
        return wf_error(WEFT_EINVAL,
                        "the log is the cluster's database, and so "
                        "is its backup");
    }
    // One at a time: what is half made is removed by who begins.
    pthread_mutex_lock(&node->backup_lock);
    err = back_up(node, to);
    pthread_mutex_unlock(&node->backup_lock);
    return err;
}

weft_err
wf_node_checkpoint(weft_node *node, uint32_t partition, const char *dir,
                   struct wf_node_checkpoint *out_checkpoint)
{
    struct wf_depot *depot = &node->depots[partition];
    weft_err err;

    WF_ASSERT(wf_node_is_shared(node));
    WF_ASSERT(partition < node->options.partition_count);
    pthread_rwlock_rdlock(&depot->open_lock);
    if (!wf_node_is_here(node, partition)) {
        err = wf_error(WEFT_EBUSY, "%s: it is not here", depot->name);
    } else {
        out_checkpoint->epoch = depot->epoch;
        err = wf_depot_checkpoint(depot, dir, &out_checkpoint->redo_from,
                                  &out_checkpoint->last);
    }
    if (err == WEFT_ECLOSED) {
        // Nobody else may notice before the next commit.
        wf_post_tell(
            wf_supervisor_inbox(wf_node_supervisor_of(node, partition)),
            WF_POST_IN_DOUBT, partition);
        err = WEFT_EBUSY;
    }
    pthread_rwlock_unlock(&depot->open_lock);
    return err;
}

bool
wf_node_log_size(const weft_node *node, uint32_t partition,
                 uint64_t *out_commit, uint64_t *out_bytes)
{
    const struct wf_depot *depot = &node->depots[partition];

    WF_ASSERT(partition < node->options.partition_count);
    *out_commit = atomic_load(&depot->durable);
    *out_bytes = atomic_load(&depot->log_bytes);
    return wf_node_is_here(node, partition);
}
