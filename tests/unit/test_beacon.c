// SPDX-License-Identifier: Apache-2.0

#include "storage/beacon.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hash.h"
#include "support/test.h"

#define SLOT 4096

static void
write_file(const char *dir, const char *name, size_t bytes)
{
    FILE *file = fopen(test_file_in(dir, name), "w");

    CHECK(file != NULL);
    for (size_t i = 0; i < bytes; i++) {
        fputc('x', file);
    }
    CHECK_EQ(fclose(file), 0);
}

static struct wf_beacon_state
state_of(uint64_t last_commit)
{
    struct wf_beacon_state state = {
        .format = 1,
        .last_commit = last_commit,
        .next_commit = 259,
        .manifest = {5, 260, 0xa1b2c3d4},
        .files_count = 2,
    };

    memcpy(state.store_id, "0123456789abcdef", 16);
    state.files[0].number = 4;
    state.files[0].bytes = 100;
    state.files[1].number = 7;
    state.files[1].bytes = last_commit;
    return state;
}

static void
write_commits(const char *path, uint64_t first, uint64_t last)
{
    struct wf_beacon_state state;
    struct wf_beacon *beacon;
    bool is_new;

    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    for (uint64_t commit = first; commit <= last; commit++) {
        state = state_of(commit);
        CHECK_OK(wf_beacon_write(beacon, &state));
    }
    wf_beacon_close(beacon);
}

TEST(beacon, is_new_until_something_is_written)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state state = {.last_commit = 99};
    struct wf_beacon *beacon;
    struct stat status;
    bool is_new = false;

    CHECK_ERR(wf_beacon_read(path, &state), WEFT_ENOTFOUND);
    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    CHECK(is_new);
    CHECK_EQ(state.last_commit, 0);
    CHECK_EQ(state.files_count, 0);
    wf_beacon_close(beacon);
    wf_beacon_close(NULL);
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_size, 2 * SLOT);
    CHECK_ERR(wf_beacon_read(path, &state), WEFT_ENOTFOUND);

    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    CHECK(is_new);
    wf_beacon_close(beacon);
    write_commits(path, 5, 5);
    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    CHECK(!is_new);
    CHECK_EQ(state.last_commit, 5);
    wf_beacon_close(beacon);
}

TEST(beacon, says_what_was_written_last)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state expected = state_of(7);
    struct wf_beacon_state state;

    for (uint64_t commit = 1; commit <= 7; commit++) {
        write_commits(path, commit, commit);
        CHECK_OK(wf_beacon_read(path, &state));
        CHECK_EQ(state.last_commit, commit);
    }
    CHECK_BYTES(weft_bytes_of(state.store_id, 16),
                weft_bytes_of(expected.store_id, 16));
    CHECK_EQ(state.format, 1);
    CHECK_EQ(state.files_count, 2);
    CHECK_EQ(state.files[0].number, 4);
    CHECK_EQ(state.files[0].bytes, 100);
    CHECK_EQ(state.files[1].number, 7);
    CHECK_EQ(state.files[1].bytes, 7);
}

TEST(beacon, a_torn_slot_leaves_the_one_before)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state state;

    write_commits(path, 1, 4); // write 4 is in slot 0, 3 in slot 1
    test_file_damage(path, 50);
    CHECK_OK(wf_beacon_read(path, &state));
    CHECK_EQ(state.last_commit, 3);

    // It goes on, and the torn one is overwritten.
    write_commits(path, 9, 9);
    CHECK_OK(wf_beacon_read(path, &state));
    CHECK_EQ(state.last_commit, 9);
    test_file_damage(path, SLOT - 1);
    CHECK_OK(wf_beacon_read(path, &state));
    CHECK_EQ(state.last_commit, 3);
}

// The first write must not destroy all there is.
TEST(beacon, a_torn_first_write_leaves_it_new)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state state;
    struct wf_beacon *beacon;
    bool is_new;

    write_commits(path, 1, 1);
    test_file_damage(path, SLOT + 50);
    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    CHECK(is_new);
    wf_beacon_close(beacon);
}

TEST(beacon, without_a_whole_slot_is_corrupt)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state state;
    struct wf_beacon *beacon;
    bool is_new;

    write_commits(path, 1, 4);
    test_file_damage(path, 0);
    test_file_damage(path, SLOT);
    CHECK_ERR(wf_beacon_read(path, &state), WEFT_ECORRUPT);
    CHECK_ERR(wf_beacon_open(path, &beacon, &state, &is_new), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "beacon") != NULL);

    CHECK_EQ(truncate(path, 0), 0);
    CHECK_ERR(wf_beacon_read(path, &state), WEFT_ECORRUPT);
}

TEST(beacon, has_its_golden_bytes)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    static const uint8_t golden[] = {
        'W',  'B',  'C',  'N',  0,   0,   0,   2,   // magic, version
        0,    0,    0,    0,    0,   0,   0,   1,   // write number
        '0',  '1',  '2',  '3',  '4', '5', '6', '7', // store id
        '8',  '9',  'a',  'b',  'c', 'd', 'e', 'f', //
        0,    0,    0,    1,                        // format
        0,    0,    0,    0,    0,   0,   1,   2,   // last commit
        0,    0,    0,    0,    0,   0,   1,   3,   // of the next store
        0,    0,    0,    0,    0,   0,   0,   5,   // MANIFEST-000005
        0,    0,    0,    0,    0,   0,   1,   4,   // its bytes
        0xa1, 0xb2, 0xc3, 0xd4,                     // and their CRC32C
        0,    0,    0,    2,                        // files
        0,    0,    0,    0,    0,   0,   0,   4,   // 000004.log
        0,    0,    0,    0,    0,   0,   0,   100, // its bytes
        0,    0,    0,    0,    0,   0,   0,   7,   // 000007.log
        0,    0,    0,    0,    0,   0,   1,   2,   // its bytes
        0,    0,    0,    0,                        // from here on zeros
    };
    static const uint8_t golden_crc[] = {0x5e, 0xe8, 0x70, 0x01};
    uint8_t slot[SLOT];
    int fd;

    write_commits(path, 258, 258);
    fd = open(path, O_RDONLY);
    CHECK_EQ(pread(fd, slot, SLOT, SLOT), SLOT);
    close(fd);
    CHECK_BYTES(weft_bytes_of(slot, sizeof(golden)),
                weft_bytes_of(golden, sizeof(golden)));
    CHECK_BYTES(weft_bytes_of(slot + SLOT - 4, 4),
                weft_bytes_of(golden_crc, 4));
}

// Change a byte of the newest slot, and make its checksum right again.
static void
change_slot(const char *path, off_t at, uint8_t value)
{
    uint8_t slot[SLOT];
    uint32_t crc;
    int fd = open(path, O_RDWR);

    CHECK_EQ(pread(fd, slot, SLOT, SLOT), SLOT);
    slot[at] = value;
    crc = wf_crc32c(0, slot, SLOT - 4);
    for (int i = 0; i < 4; i++) {
        slot[SLOT - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    CHECK_EQ(pwrite(fd, slot, SLOT, SLOT), SLOT);
    CHECK_EQ(close(fd), 0);
}

TEST(beacon, of_another_kind_or_version_is_none)
{
    static const struct {
        off_t at;
        uint8_t value;
    } changes[] = {
        {0, 'X'}, // magic
        {7, 3},   // version
        {72, 1},  // files: 16 million
    };
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state state;

    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        write_commits(path, 258, 258);
        change_slot(path, 75, 2); // as it was
        CHECK_OK(wf_beacon_read(path, &state));
        CHECK_EQ(state.last_commit, 258);
        CHECK_EQ(state.files_count, 2);
        change_slot(path, changes[i].at, changes[i].value);
        CHECK(wf_beacon_read(path, &state) != WEFT_OK);
        CHECK_EQ(unlink(path), 0);
    }
}

TEST(beacon, is_not_used_after_a_failed_write)
{
    const char *path = test_file_in(test_dir(t), "beacon");
    struct wf_beacon_state state;
    struct wf_beacon *beacon;
    bool is_new;

    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    state = state_of(1);
    wf_fault_arm(WF_FAULT_BEFORE_BEACON, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(wf_beacon_write(beacon, &state), WEFT_EIO);
    CHECK_ERR(wf_beacon_write(beacon, &state), WEFT_ECLOSED);
    wf_beacon_close(beacon);
    CHECK_ERR(wf_beacon_read(path, &state), WEFT_ENOTFOUND);

    CHECK_OK(wf_beacon_open(path, &beacon, &state, &is_new));
    state = state_of(1);
    wf_fault_arm(WF_FAULT_AFTER_BEACON, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(wf_beacon_write(beacon, &state), WEFT_EIO);
    CHECK_ERR(wf_beacon_write(beacon, &state), WEFT_ECLOSED);
    wf_beacon_close(beacon);
    wf_fault_disarm_all();
    CHECK_OK(wf_beacon_read(path, &state));
}

TEST(beacon, lists_wal_files_by_number)
{
    const char *dir = test_dir(t);
    struct wf_beacon_state state = {.last_commit = 5, .files_count = 9};

    write_file(dir, "000012.log", 12);
    write_file(dir, "000004.log", 4);
    write_file(dir, "1000000.log", 1);
    write_file(dir, "000005.sst", 5);
    write_file(dir, "LOG", 6);
    write_file(dir, "old.log", 7);
    write_file(dir, "000013.log.bak", 8);
    CHECK_OK(wf_beacon_list_files(dir, &state));
    CHECK_EQ(state.last_commit, 5);
    CHECK_EQ(state.files_count, 3);
    CHECK_EQ(state.files[0].number, 4);
    CHECK_EQ(state.files[0].bytes, 4);
    CHECK_EQ(state.files[1].number, 12);
    CHECK_EQ(state.files[1].bytes, 12);
    CHECK_EQ(state.files[2].number, 1000000);
    CHECK_EQ(state.files[2].bytes, 1);
    CHECK_ERR(wf_beacon_list_files(test_file_in(dir, "none"), &state),
              WEFT_ENOTFOUND);
}

TEST(beacon, of_too_many_wal_files_lists_the_newest)
{
    const char *dir = test_dir(t);
    struct wf_beacon_state state = {0};

    // In this order some come that are older than all that are kept.
    for (unsigned at = 0; at < WF_BEACON_FILES_MAX + 6; at++) {
        unsigned i = 1 + (at + 3) % (WF_BEACON_FILES_MAX + 6);
        char name[32];
        snprintf(name, sizeof(name), "%06u.log", i);
        write_file(dir, name, i);
    }
    CHECK_OK(wf_beacon_list_files(dir, &state));
    CHECK_EQ(state.files_count, WF_BEACON_FILES_MAX);
    for (unsigned i = 0; i < WF_BEACON_FILES_MAX; i++) {
        CHECK_EQ(state.files[i].number, i + 7);
        CHECK_EQ(state.files[i].bytes, i + 7);
    }
    CHECK_OK(wf_beacon_check_files(dir, &state));
}

TEST(beacon, a_shorter_or_missing_wal_file_is_a_loss)
{
    const char *dir = test_dir(t);
    struct wf_beacon_state state = {0};

    CHECK_OK(wf_beacon_check_files(dir, &state));
    write_file(dir, "000004.log", 40);
    write_file(dir, "000007.log", 70);
    CHECK_OK(wf_beacon_list_files(dir, &state));
    CHECK_OK(wf_beacon_check_files(dir, &state));

    write_file(dir, "000007.log", 71); // longer: it went on
    CHECK_OK(wf_beacon_check_files(dir, &state));
    write_file(dir, "000007.log", 69);
    CHECK_ERR(wf_beacon_check_files(dir, &state), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "000007.log has 69 bytes and once had 70"));
    CHECK_EQ(unlink(test_file_in(dir, "000007.log")), 0);
    CHECK_ERR(wf_beacon_check_files(dir, &state), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "000007.log is missing") != NULL);
    write_file(dir, "000006.log", 60); // older than that, if only by one
    CHECK_ERR(wf_beacon_check_files(dir, &state), WEFT_ELOST);
    CHECK_EQ(unlink(test_file_in(dir, "000006.log")), 0);
    CHECK_EQ(unlink(test_file_in(dir, "000004.log")), 0);
    CHECK_ERR(wf_beacon_check_files(dir, &state), WEFT_ELOST);
    CHECK_ERR(wf_beacon_check_files(test_file_in(dir, "none"), &state),
              WEFT_ELOST);
}

TEST(beacon, a_wal_file_that_was_flushed_may_be_gone)
{
    const char *dir = test_dir(t);
    struct wf_beacon_state state = {0};

    write_file(dir, "000004.log", 40);
    write_file(dir, "000007.log", 70);
    CHECK_OK(wf_beacon_list_files(dir, &state));
    CHECK_EQ(unlink(test_file_in(dir, "000004.log")), 0);
    CHECK_OK(wf_beacon_check_files(dir, &state));
    CHECK_EQ(unlink(test_file_in(dir, "000007.log")), 0);
    write_file(dir, "000009.log", 0);
    CHECK_OK(wf_beacon_check_files(dir, &state));
}
