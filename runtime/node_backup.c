// SPDX-License-Identifier: Apache-2.0
//
// node_backup.c - a copy of a running node.
//
// Each store makes a checkpoint of itself. One store is copied as of one moment
// by that; several are, because no commit is written meanwhile: then no message
// can have arrived in one copy that was not sent in another. The copy is made
// as "TO.partial" and renamed when it is whole.
//
// Threads: the caller's.

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 // nftw
#endif

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/housekeeping.h"
#include "runtime/inside.h"
#include "runtime/node_impl.h"
#include "storage/directory.h"

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void
remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

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
            wf_post_tell(wf_housekeeping_inbox(node->housekeeping),
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

    remove_tree(partial); // what a crash left
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

weft_err
weft_node_backup(weft_node *node, const char *to)
{
    char *partial;
    size_t size;
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
    err = wf_directory_check_absent(to);
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
        remove_tree(partial);
    }
    if (err != WEFT_OK && err != WEFT_EEXISTS) {
        err = WEFT_EIO; // the detail says what it was
    }
    wf_free(partial);
    return err;
}
