// SPDX-License-Identifier: Apache-2.0
//
// test_node_io.c - nodes, copies and looks into a directory whose files fail.
//
// As test_io.c, for whole nodes: each of their own calls of the system fails
// once. RocksDB's do not.

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "support/counter.h"
#include "unit/io_rig.h"
#include "unit/node_rig.h"
#include "weft/inspect.h"

static weft_definitions *definitions;
static uint64_t added; // answered with success, in the last directory

static const char *
in(const char *dir, const char *name)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static weft_err
open_node(const char *dir, weft_node **out_node)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    if (definitions == NULL) {
        definitions = node_rig_define();
    }
    options.data_dir = in(dir, "data");
    options.definitions = definitions;
    options.partition_count = 2;
    options.shard_count = 1;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    return weft_node_open(&options, out_node);
}

static weft_err
add(const char *dir)
{
    static char last[512];
    weft_node *node = NULL;
    weft_client *client = NULL;
    weft_err err;

    if (strcmp(last, dir) != 0) {
        snprintf(last, sizeof(last), "%s", dir);
        added = 0;
    }
    err = open_node(dir, &node);
    if (err != WEFT_OK) {
        return err;
    }
    err = weft_client_open(node, NULL, &client);
    if (err == WEFT_OK) {
        err = counter_add(client, "a");
        added += err == WEFT_OK;
    }
    weft_client_close(client);
    weft_node_close(node);
    return err;
}

static void
prepare_node(const char *dir)
{
    CHECK_OK(add(dir));
}

// What was answered is there.
static void
check_added(const char *dir, weft_err err)
{
    weft_node *node = NULL;
    weft_client *client = NULL;
    uint64_t number;

    (void)err;
    CHECK_OK(open_node(dir, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    if (added > 0) {
        CHECK_OK(counter_read(client, "a", &number));
        CHECK(number >= added);
    }
    weft_client_close(client);
    weft_node_close(node);
}

TEST(node_io, a_node_is_made_or_fails_and_is_made_by_the_next)
{
    io_rig_do(t, &(struct io_rig_deed){.do_it = add,
                                       .check = check_added,
                                       .can_be_refused = true,
                                       .is_node = true});
}

// Copies. -------------------------------------------------------------------

static weft_err
copy_running(const char *dir)
{
    weft_node *node = NULL;
    char detail[600];
    weft_err err = open_node(dir, &node);

    if (err != WEFT_OK) {
        return err;
    }
    err = weft_node_backup(node, in(dir, "copy"));
    snprintf(detail, sizeof(detail), "%s", weft_err_detail());
    weft_node_close(node);
    return err == WEFT_OK ? err : wf_error(err, "%s", detail);
}

static weft_err
copy_stopped(const char *dir)
{
    weft_inspect_backup_options options = WEFT_INSPECT_BACKUP_OPTIONS_INIT;

    options.data_dir = in(dir, "data");
    options.to = in(dir, "copy");
    return weft_inspect_backup(&options);
}

// A copy is there whole, or not at all, also when making it failed at its very
// end; what it was made of goes out of its way, for it may be checked twice.
static void
check_copy(const char *dir, weft_err err)
{
    static unsigned number;
    struct stat status;
    char source[32];

    if (err != WEFT_OK && lstat(in(dir, "copy"), &status) != 0) {
        return;
    }
    snprintf(source, sizeof(source), "source-%u", number++);
    CHECK_EQ(rename(in(dir, "data"), in(dir, source)), 0);
    CHECK_EQ(rename(in(dir, "copy"), in(dir, "data")), 0);
    check_added(dir, err);
}

TEST(node_io, a_copy_of_a_running_node_is_whole_or_not_there)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_node,
                                       .do_it = copy_running,
                                       .check = check_copy,
                                       .can_be_refused = true,
                                       .is_node = true});
}

TEST(node_io, a_copy_of_a_stopped_node_is_whole_or_not_there)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_node,
                                       .do_it = copy_stopped,
                                       .check = check_copy,
                                       .can_be_refused = true,
                                       .is_node = true});
}

static void
prepare_copy(const char *dir)
{
    prepare_node(dir);
    CHECK_OK(copy_stopped(dir));
    CHECK_EQ(rename(in(dir, "data"), in(dir, "source")), 0);
}

static weft_err
restore(const char *dir)
{
    return weft_inspect_restore(in(dir, "copy"), in(dir, "data"), NULL, NULL);
}

static void
check_restored(const char *dir, weft_err err)
{
    struct stat status;

    if (err == WEFT_OK || lstat(in(dir, "data"), &status) == 0) {
        check_added(dir, err);
    }
    if (err != WEFT_OK && lstat(in(dir, "data"), &status) == 0) {
        CHECK_EQ(rename(in(dir, "data"), in(dir, "taken back")), 0);
    }
}

TEST(node_io, a_restored_directory_is_whole_or_not_there)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_copy,
                                       .do_it = restore,
                                       .check = check_restored,
                                       .can_be_refused = true,
                                       .is_node = true});
}
