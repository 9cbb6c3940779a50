// SPDX-License-Identifier: Apache-2.0
//
// test_wal.c - a write-ahead log whose last record is torn, and one that is
// damaged.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/beacon.h"
#include "storage/store.h"
#include "storage/wal.h"
#include "support/test.h"

#define RECORD_BYTES 100000U // several blocks of the log
#define RECORDS 3

static void
put(struct wf_store store, unsigned number)
{
    struct wf_batch batch = {0};
    char *value = malloc(RECORD_BYTES);
    char key[16];

    snprintf(key, sizeof(key), "%u", number);
    memset(value, (int)('a' + number), RECORD_BYTES);
    wf_batch_put(&batch, WF_CF_DATA, weft_text(key),
                 weft_bytes_of(value, RECORD_BYTES));
    if (store.ops->write(store.self, &batch, true) != WEFT_OK) {
        _exit(1);
    }
    wf_batch_fini(&batch);
    free(value);
}

static bool
has(struct wf_store store, unsigned number)
{
    struct wf_buf value = {0};
    char key[16];
    weft_err err;

    snprintf(key, sizeof(key), "%u", number);
    err = store.ops->get(store.self, WF_CF_DATA, weft_text(key), &value);
    wf_buf_fini(&value);
    return err == WEFT_OK;
}

// A store that was killed after its records; *out_state: its files.
static const char *
make_store(struct test *t, struct wf_beacon_state *out_state)
{
    const char *dir = test_dir(t);
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct wf_store store;

        if (wf_store_rocks_open(dir, false, &store) != WEFT_OK) {
            _exit(1);
        }
        for (unsigned i = 0; i < RECORDS; i++) {
            put(store, i);
        }
        (void)kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_OK(wf_beacon_list_files(dir, out_state));
    CHECK(out_state->files_count > 0);
    CHECK(out_state->files[0].bytes > RECORDS * RECORD_BYTES);
    return dir;
}

static void
spoil(const char *dir, const struct wf_beacon_state *state, uint64_t at)
{
    static const char zeros[4096];
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%06u.log", dir,
             (unsigned)state->files[0].number);
    fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, zeros, sizeof(zeros), (off_t)at),
             (ssize_t)sizeof(zeros));
    CHECK_EQ(close(fd), 0);
}

TEST(wal, a_hole_in_the_last_record_is_the_end)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);
    struct wf_wal_end end;
    struct wf_store store;

    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    spoil(dir, &state, 2 * RECORD_BYTES + 40000);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(end.is_torn);
    CHECK_EQ(end.number, state.files[0].number);
    CHECK(end.offset > 2 * RECORD_BYTES);
    CHECK(end.offset < 2 * RECORD_BYTES + 1000);

    CHECK_OK(wf_store_rocks_open(dir, true, &store)); // changes nothing
    CHECK(has(store, 1) && !has(store, 2));
    store.ops->close(store.self);
    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    CHECK(has(store, 0) && has(store, 1) && !has(store, 2));
    store.ops->close(store.self);
}

TEST(wal, a_record_before_a_whole_one_is_damaged)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);
    struct wf_wal_end end;
    struct wf_store store;

    spoil(dir, &state, RECORD_BYTES + 40000);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_ECORRUPT);
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
}

TEST(wal, what_a_beacon_knows_of_is_not_torn)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);

    CHECK_OK(wf_beacon_check_end(dir, &state));
    spoil(dir, &state, 2 * RECORD_BYTES + 40000);
    CHECK_ERR(wf_beacon_check_end(dir, &state), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "fails its check") != NULL);
    state.files[0].bytes = 2 * RECORD_BYTES;
    CHECK_OK(wf_beacon_check_end(dir, &state));
}

TEST(wal, no_file_and_an_empty_one_are_whole)
{
    struct wf_wal_end end;
    const char *dir = test_dir(t);
    char path[512];

    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    snprintf(path, sizeof(path), "%s/000004.log", dir);
    CHECK_EQ(close(open(path, O_WRONLY | O_CREAT, 0644)), 0);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    CHECK_EQ(wf_wal_parse_name("000012.log"), 12);
    CHECK_EQ(wf_wal_parse_name("12.sst"), 0);
    CHECK_EQ(wf_wal_parse_name("LOG"), 0);
}
