// SPDX-License-Identifier: Apache-2.0
//
// node_host.c - what a node needs of its host before it opens: a directory of
// its own, which no other node holds, room on its disk, and descriptors; and
// the box that says what an earlier process has died of.
//
//     DATA_DIR/weft.lock     held while a node is open
//     DATA_DIR/blackbox      blackbox.h
//
// Threads: the caller's.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/blackbox.h"
#include "runtime/node_impl.h"
#include "storage/directory.h"

static char *
make_path(const weft_node *node, const char *name)
{
    size_t size = strlen(node->options.data_dir) + strlen(name) + 2;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s", node->options.data_dir, name);
    return path;
}

// A directory that holds something, and neither lock nor store, is somebody
// else's: nothing may be written there.
static weft_err
check_ours(const char *dir)
{
    DIR *list = opendir(dir);
    const struct dirent *entry;
    bool is_ours = false;
    char first[256] = "";
    int failed;

    if (list == NULL) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    errno = 0;
    while ((entry = readdir(list)) != NULL) {
        const char *name = entry->d_name;

        is_ours = is_ours || strcmp(name, "weft.lock") == 0 ||
                  strcmp(name, "store-0") == 0 ||
                  strcmp(name, "ledger") == 0; // cluster/local.h
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            strcmp(name, "lost+found") != 0) {
            (void)snprintf(first, sizeof(first), "%s", name);
        }
        errno = 0;
    }
    failed = errno;
    (void)closedir(list);
    if (failed != 0) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(failed));
    }
    return is_ours || first[0] == '\0'
               ? WEFT_OK
               : wf_error(WEFT_EFORMAT,
                          "%s holds something else (%s) and no node's data",
                          dir, first);
}

weft_err
wf_node_lock_directory(weft_node *node)
{
    const char *dir = node->options.data_dir;
    char *path;
    weft_err err;

    if (dir == NULL) {
        return WEFT_OK;
    }
    err = wf_directory_make(dir);
    if (err == WEFT_OK) {
        err = check_ours(dir);
    }
    if (err != WEFT_OK) {
        return err;
    }
    path = make_path(node, "weft.lock");
    node->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (node->lock_fd < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else if (flock(node->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK
                  ? wf_error(WEFT_EBUSY, "%s is held by another node", dir)
                  : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    wf_free(path);
    return err;
}

weft_err
wf_node_check_space(weft_node *node)
{
    uint64_t free_bytes = wf_node_free_bytes(node);

    if (free_bytes < node->options.reserve_bytes) {
        return wf_error(WEFT_EFULL,
                        "%" PRIu64 " bytes are free, the reserve is %" PRIu64,
                        free_bytes, node->options.reserve_bytes);
    }
    return WEFT_OK;
}

weft_err
wf_node_check_descriptors(const weft_node *node)
{
    uint32_t count = node->options.shard_count + node->options.store_count + 8;
    int *fds = wf_alloc(count * sizeof(*fds));
    uint32_t got = 0;

    while (got < count &&
           (fds[got] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        got++;
    }
    for (uint32_t i = 0; i < got; i++) {
        close(fds[i]);
    }
    wf_free(fds);
    return got == count
               ? WEFT_OK
               : wf_error(WEFT_EBUSY, "%" PRIu32 " file descriptors are needed",
                          count);
}

static void
add_blame(void *ctx, const struct wf_blackbox_entry *entry)
{
    weft_node *node = ctx;
    struct wf_node_blame *blame = wf_calloc(sizeof(*blame));

    blame->key = wf_key_copy(&entry->key);
    blame->at_ms = entry->started_ms;
    wf_blackbox_explain(entry, blame->how, sizeof(blame->how));
    wf_list_push_back(&node->blames, &blame->node);
}

weft_err
wf_node_open_box(weft_node *node)
{
    uint32_t slots = node->options.shard_count + node->options.worker_count +
                     node->options.local_worker_count;
    char *path =
        node->options.data_dir == NULL ? NULL : make_path(node, "blackbox");
    weft_err err = wf_blackbox_open(path, slots, add_blame, node, &node->box);

    wf_free(path);
    if (err == WEFT_OK && node->options.no_fatal_handler == 0 &&
        !node->seams.is_manual) {
        wf_blackbox_handle_signals();
        node->handles_signals = true;
    }
    return err;
}
