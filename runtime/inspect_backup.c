// SPDX-License-Identifier: Apache-2.0
//
// inspect_backup.c - a copy of a node, stopped or running.
//
// A stopped node is copied file by file; nobody can open the directory
// meanwhile, because its lock is held, shared. If a node holds the lock it is
// asked to copy itself (storage/control.h). It may be only just opening, and
// answers later; or end without an answer: then the lock becomes free, and it
// is a stopped node.
//
// Threads: any; blocks while it copies or waits.

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/inspect_impl.h"
#include "runtime/versioned.h"
#include "storage/control.h"
#include "storage/directory.h"
#include "storage/snapshot.h"

#define WAIT_DEFAULT_MS 60000
#define POLL_MS 50

// A wait for a running node.
struct asking {
    const weft_inspect_backup_options *options;
    struct wf_clock clock;
    uint64_t begun_ms; // of the monotonic clock, as are all here
    struct wf_control_ask *ask;
    bool has_ended; // the node did, and gave no answer
};

static weft_err
copy_stopped(const char *data_dir, const char *to)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;
    weft_err err;

    // Opened, so that what is no node's, or one that lost something, does not
    // become a backup; and for its lock.
    options.data_dir = data_dir;
    err = wf_inspect_make(&options, NULL, &inspect);
    if (err == WEFT_OK) {
        err = wf_directory_check_outside(data_dir, to);
    }
    if (err == WEFT_OK) {
        err = wf_snapshot_copy_dir(data_dir, to);
    }
    weft_inspect_close(inspect);
    return err;
}

static uint64_t
waited_ms(const struct asking *asking)
{
    return asking->clock.mono_ns(asking->clock.self) / 1000000U -
           asking->begun_ms;
}

static bool
is_node_gone(const char *data_dir)
{
    int fd = -1;

    if (wf_inspect_lock(data_dir, &fd) != WEFT_OK) {
        return false;
    }
    if (fd >= 0) {
        close(fd);
    }
    return true;
}

// One look; true: the wait is over, with *out_err or because the node ended.
static bool
look(struct asking *asking, const char *to, weft_err *out_err)
{
    const char *dir = asking->options->data_dir;
    weft_err err = WEFT_OK;

    if (asking->ask == NULL) {
        err = wf_control_ask(dir, to, &asking->ask);
    }
    if (err != WEFT_OK && err != WEFT_EBUSY) {
        *out_err = err;
        return true;
    }
    // In this order: a node answers before it ends.
    asking->has_ended = is_node_gone(dir);
    if (asking->ask != NULL && wf_control_is_answered(asking->ask, out_err)) {
        asking->has_ended = false;
        return true;
    }
    return asking->has_ended;
}

static weft_err
give_up(const struct asking *asking)
{
    const weft_inspect_backup_options *options = asking->options;

    if (asking->ask == NULL) {
        return wf_error(WEFT_EBUSY,
                        "%s: somebody else has been asking for a backup for"
                        " %u ms",
                        options->data_dir, options->timeout_ms);
    }
    return wf_error(WEFT_ETIMEDOUT,
                    "%s: the node did not answer within %u ms; it may be"
                    " opening still, or copying",
                    options->data_dir, options->timeout_ms);
}

static weft_err
ask_running(struct asking *asking, const char *to)
{
    const weft_inspect_backup_options *options = asking->options;
    const struct timespec moment = {.tv_nsec = POLL_MS * 1000000L};
    weft_err err = WEFT_OK;

    while (!look(asking, to, &err)) {
        if (waited_ms(asking) >= options->timeout_ms) {
            err = give_up(asking);
            break;
        }
        if (options->wait != NULL) {
            options->wait(options->ctx, waited_ms(asking));
        }
        (void)nanosleep(&moment, NULL);
    }
    wf_control_end(asking->ask);
    asking->ask = NULL;
    return err;
}

// The node has another working directory.
static weft_err
make_absolute(const char *to, char out_path[PATH_MAX])
{
    char here[PATH_MAX] = "";
    bool is_absolute = to[0] == '/';
    int len;

    if (!is_absolute && getcwd(here, sizeof(here)) == NULL) {
        return wf_error(WEFT_EIO, "the working directory has no name");
    }
    len = snprintf(out_path, PATH_MAX, "%s%s%s", here, is_absolute ? "" : "/",
                   to);
    return len >= 0 && len < PATH_MAX
               ? WEFT_OK
               : wf_error(WEFT_EINVAL, "%s: the path is too long", to);
}

static weft_err
copy_running(const weft_inspect_backup_options *options)
{
    struct asking asking = {.options = options, .clock = wf_clock_system()};
    char to[PATH_MAX];
    weft_err err = make_absolute(options->to, to);

    if (err == WEFT_OK) {
        err = wf_directory_check_outside(options->data_dir, to);
    }
    if (err != WEFT_OK) {
        return err;
    }
    asking.begun_ms = asking.clock.mono_ns(asking.clock.self) / 1000000U;
    do {
        err = ask_running(&asking, to);
        if (asking.has_ended) {
            err = copy_stopped(options->data_dir, options->to);
        }
        // Another node may have come in between.
    } while (asking.has_ended && err == WEFT_EBUSY &&
             waited_ms(&asking) < options->timeout_ms);
    if (asking.has_ended && err == WEFT_EEXISTS) {
        err = wf_error(WEFT_EEXISTS,
                       "%s exists now, whole: the node ended when it had made "
                       "it and before it answered, or somebody else made it",
                       options->to);
    }
    return err;
}

weft_err
weft_inspect_backup(const weft_inspect_backup_options *options)
{
    weft_inspect_backup_options known;
    weft_err err;

    wf_error_clear();
    err = wf_versioned_copy("weft_inspect_backup_options", options, &known,
                            sizeof(known));
    if (err != WEFT_OK) {
        return err;
    }
    WF_REQUIRE(known.data_dir != NULL && known.data_dir[0] != '\0');
    WF_REQUIRE(known.to != NULL && known.to[0] != '\0');
    if (known.timeout_ms == 0) {
        known.timeout_ms = WAIT_DEFAULT_MS;
    }
    err = wf_directory_check_absent(known.to);
    if (err == WEFT_OK) {
        err = copy_stopped(known.data_dir, known.to);
    }
    return err == WEFT_EBUSY ? copy_running(&known) : err;
}
