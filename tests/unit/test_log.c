// SPDX-License-Identifier: Apache-2.0

#include "storage/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "storage/keys.h"
#include "support/test.h"

// A log on a store in memory.
struct rig {
    struct wf_memory_disk *disk;
    struct wf_store store;
    struct wf_log log;
};

static void
open_rig(struct rig *rig)
{
    CHECK_OK(wf_store_memory_open(rig->disk, &rig->store));
    CHECK_OK(wf_log_local_open(rig->store, true, &rig->log));
}

static struct rig
create_rig(void)
{
    struct rig rig = {.disk = wf_memory_disk_create()};

    open_rig(&rig);
    return rig;
}

static void
close_rig(struct rig *rig)
{
    rig->log.ops->close(rig->log.self);
    rig->store.ops->close(rig->store.self);
}

static void
destroy_rig(struct rig *rig)
{
    close_rig(rig);
    wf_memory_disk_destroy(rig->disk);
}

// Append a commit of `count` segments, for partitions 0, 1, ..., whose records
// are `text`, and one row "row" in data.
static enum wf_append_result
append(struct rig *rig, uint32_t count, const char *text, uint64_t *out_number)
{
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};
    struct wf_commit commit = {.segments_count = count, .rows = &rows};
    enum wf_append_result result;

    for (uint32_t i = 0; i < count; i++) {
        struct wf_segment segment = {.partition = i,
                                     .epoch = 1,
                                     .first_record = 10 + i,
                                     .record_count = 1,
                                     .records = weft_text(text)};
        wf_segment_encode(&segment, &frames);
    }
    wf_batch_put(&rows, WF_CF_DATA, weft_text("row"), weft_text(text));
    commit.frames = wf_buf_bytes(&frames);
    result = rig->log.ops->append(rig->log.self, &commit);
    if (out_number != NULL) {
        *out_number = commit.number;
    }
    wf_buf_fini(&frames);
    wf_batch_fini(&rows);
    return result;
}

static void
append_many(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(append(rig, 1, "many", NULL), WF_APPEND_DURABLE);
    }
}

// What a read said, as text: "1:0=a,1=a 2:0=b ".
struct story {
    char text[4096];
    uint64_t stop_at; // 0: never
};

static weft_err
tell(void *ctx, uint64_t number, const struct wf_segment *segments,
     uint32_t segments_count)
{
    struct story *story = ctx;
    size_t len = strlen(story->text);
    size_t room = sizeof(story->text) - len;

    len += (size_t)snprintf(story->text + len, room, "%u:", (unsigned)number);
    for (uint32_t i = 0; i < segments_count; i++) {
        room = sizeof(story->text) - len;
        len += (size_t)snprintf(story->text + len, room, "%s%u=%.*s",
                                i > 0 ? "," : "", segments[i].partition,
                                (int)segments[i].records.len,
                                (const char *)segments[i].records.data);
    }
    room = sizeof(story->text) - len;
    snprintf(story->text + len, room, " ");
    return number == story->stop_at ? WEFT_ECANCELLED : WEFT_OK;
}

static weft_err
read_from(struct rig *rig, uint64_t from, struct story *story)
{
    story->text[0] = '\0';
    return rig->log.ops->read(rig->log.self, from, tell, story);
}

TEST(log, a_new_log_is_empty)
{
    struct rig rig = create_rig();
    struct story story = {0};

    CHECK_EQ(rig.log.ops->first(rig.log.self), 1);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 0);
    CHECK_OK(read_from(&rig, 1, &story));
    CHECK_STR(story.text, "");
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 100));
    CHECK_EQ(rig.log.ops->first(rig.log.self), 1);
    destroy_rig(&rig);
}

TEST(log, what_is_appended_is_read_back_in_order)
{
    struct rig rig = create_rig();
    struct story story = {0};
    struct wf_buf row = {0};
    uint64_t number;

    CHECK_EQ(append(&rig, 2, "a", &number), WF_APPEND_DURABLE);
    CHECK_EQ(number, 1);
    CHECK_EQ(append(&rig, 0, "none", &number), WF_APPEND_DURABLE);
    CHECK_EQ(append(&rig, 1, "c", &number), WF_APPEND_DURABLE);
    CHECK_EQ(number, 3);
    CHECK_OK(read_from(&rig, 1, &story));
    CHECK_STR(story.text, "1:0=a,1=a 2: 3:0=c ");
    CHECK_OK(read_from(&rig, 3, &story));
    CHECK_STR(story.text, "3:0=c ");
    CHECK_OK(read_from(&rig, 4, &story));
    CHECK_STR(story.text, "");

    CHECK_OK(
        rig.store.ops->get(rig.store.self, WF_CF_DATA, weft_text("row"), &row));
    CHECK_BYTES(wf_buf_bytes(&row), weft_text("c"));
    wf_buf_fini(&row);
    destroy_rig(&rig);
}

TEST(log, commits_survive_a_crash_and_numbers_go_on)
{
    struct rig rig = create_rig();
    struct story story = {0};
    uint64_t number;

    CHECK_EQ(append(&rig, 1, "a", NULL), WF_APPEND_DURABLE);
    CHECK_EQ(append(&rig, 1, "b", NULL), WF_APPEND_DURABLE);
    wf_memory_disk_crash(rig.disk);
    CHECK_EQ(append(&rig, 1, "lost", NULL), WF_APPEND_IN_DOUBT);
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 2);
    CHECK_EQ(append(&rig, 1, "c", &number), WF_APPEND_DURABLE);
    CHECK_EQ(number, 3);
    CHECK_OK(read_from(&rig, 0, &story));
    CHECK_STR(story.text, "1:0=a 2:0=b 3:0=c ");
    destroy_rig(&rig);
}

TEST(log, an_error_of_the_reader_ends_the_read)
{
    struct rig rig = create_rig();
    struct story story = {.stop_at = 2};

    append_many(&rig, 3);
    CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECANCELLED);
    CHECK_STR(story.text, "1:0=many 2:0=many ");
    destroy_rig(&rig);
}

TEST(log, first_and_last_are_found_for_any_length)
{
    for (uint32_t count = 1; count < 40; count++) {
        struct rig rig = create_rig();

        append_many(&rig, count);
        for (uint64_t first = 1; first <= count; first += 7) {
            CHECK_OK(rig.log.ops->truncate(rig.log.self, first));
            close_rig(&rig);
            open_rig(&rig);
            CHECK_EQ(rig.log.ops->first(rig.log.self), first);
            CHECK_EQ(rig.log.ops->last(rig.log.self), count);
        }
        destroy_rig(&rig);
    }
}

TEST(log, truncate_forgets_the_front_but_never_the_newest)
{
    struct rig rig = create_rig();
    struct story story = {0};
    uint64_t number;

    append_many(&rig, 4);
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 3));
    CHECK_EQ(rig.log.ops->first(rig.log.self), 3);
    CHECK_OK(read_from(&rig, 3, &story));
    CHECK_STR(story.text, "3:0=many 4:0=many ");
    CHECK_ERR(read_from(&rig, 2, &story), WEFT_ECORRUPT);
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 2)); // is gone already

    CHECK_OK(rig.log.ops->truncate(rig.log.self, 5));
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 100));
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->first(rig.log.self), 4);
    CHECK_EQ(append(&rig, 1, "x", &number), WF_APPEND_DURABLE);
    CHECK_EQ(number, 5);
    destroy_rig(&rig);
}

// Truncation is synced: of all writes only the last may be torn.
TEST(log, a_truncate_that_is_refused_forgets_nothing)
{
    struct rig rig = create_rig();
    struct story story = {0};

    append_many(&rig, 3);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    CHECK_ERR(rig.log.ops->truncate(rig.log.self, 3), WEFT_EBUSY);
    CHECK_EQ(rig.log.ops->first(rig.log.self), 1);
    CHECK_OK(read_from(&rig, 0, &story));
    CHECK_STR(story.text, "1:0=many 2:0=many 3:0=many ");
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 3));
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->first(rig.log.self), 3);
    destroy_rig(&rig);
}

TEST(log, a_crash_after_truncate_leaves_a_log_without_gaps)
{
    struct rig rig = create_rig();
    struct story story = {0};

    append_many(&rig, 4);
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 3));
    wf_memory_disk_crash(rig.disk);
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->first(rig.log.self), 3);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 4);
    CHECK_OK(read_from(&rig, 0, &story));
    destroy_rig(&rig);
}

static void
delete_commit(struct rig *rig, uint64_t number)
{
    struct wf_batch batch = {0};
    struct wf_buf key = {0};

    wf_keys_log(&key, number);
    wf_batch_delete(&batch, WF_CF_LOG, wf_buf_bytes(&key));
    CHECK_OK(rig->store.ops->write(rig->store.self, &batch, true));
    wf_buf_fini(&key);
    wf_batch_fini(&batch);
}

TEST(log, a_missing_commit_is_corruption)
{
    struct rig rig = create_rig();
    struct story story = {0};

    append_many(&rig, 6);
    delete_commit(&rig, 3);
    delete_commit(&rig, 4);
    CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(), "log: commits 3 to 4 are missing");
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 6);
    CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
    CHECK_OK(read_from(&rig, 5, &story));
    destroy_rig(&rig);
}

TEST(log, a_missing_end_is_corruption)
{
    struct rig rig = create_rig();
    struct story story = {0};

    append_many(&rig, 6);
    delete_commit(&rig, 6);
    CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 5);
    CHECK_OK(read_from(&rig, 6, &story));
    CHECK_ERR(read_from(&rig, 7, &story), WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(), "log: it ends at commit 5, before 7");
    destroy_rig(&rig);
}

// A row of this key.
static void
put_key(struct rig *rig, const uint8_t *key, size_t len)
{
    struct wf_batch batch = {0};

    wf_batch_put(&batch, WF_CF_LOG, weft_bytes_of(key, len), weft_text("row"));
    CHECK_OK(rig->store.ops->write(rig->store.self, &batch, true));
    wf_batch_fini(&batch);
}

TEST(log, a_key_that_is_no_commit_number_is_corruption)
{
    static const uint8_t between[] = {0, 0, 0, 0, 0, 0, 0, 2, 1};
    static const uint8_t zero[8] = {0};
    struct rig rig = create_rig();
    struct story story = {0};
    struct wf_log log;

    append_many(&rig, 3);
    put_key(&rig, between, sizeof(between));
    CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
    CHECK_STR(story.text, "1:0=many 2:0=many ");
    CHECK_STR(weft_err_detail(), "log: a key of 9 bytes is no commit number");
    put_key(&rig, zero, sizeof(zero));
    rig.log.ops->close(rig.log.self);
    CHECK_ERR(wf_log_local_open(rig.store, true, &log), WEFT_ECORRUPT);
    rig.store.ops->close(rig.store.self);
    wf_memory_disk_destroy(rig.disk);
}

// Nothing is looked for beyond the last of all numbers, and none can be it:
// no commit could follow.
TEST(log, the_last_of_all_numbers_is_no_commit)
{
    static const uint8_t one_before[] = {255, 255, 255, 255,
                                         255, 255, 255, 254};
    static const uint8_t last[] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct rig rig = create_rig();
    struct wf_log log;

    append_many(&rig, 3);
    put_key(&rig, one_before, sizeof(one_before));
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->last(rig.log.self), UINT64_MAX - 1);
    put_key(&rig, last, sizeof(last));
    rig.log.ops->close(rig.log.self);
    CHECK_ERR(wf_log_local_open(rig.store, true, &log), WEFT_ECORRUPT);
    rig.store.ops->close(rig.store.self);
    wf_memory_disk_destroy(rig.disk);
}

// Change the row of a commit, byte by byte.
static void
rewrite_commit(struct rig *rig, uint64_t number, weft_bytes value)
{
    struct wf_batch batch = {0};
    struct wf_buf key = {0};

    wf_keys_log(&key, number);
    wf_batch_put(&batch, WF_CF_LOG, wf_buf_bytes(&key), value);
    CHECK_OK(rig->store.ops->write(rig->store.self, &batch, true));
    wf_buf_fini(&key);
    wf_batch_fini(&batch);
}

TEST(log, a_flipped_bit_anywhere_in_a_commit_is_corruption)
{
    struct rig rig = create_rig();
    struct story story = {0};
    struct wf_buf key = {0};
    struct wf_buf value = {0};

    append_many(&rig, 1);
    CHECK_EQ(append(&rig, 2, "two", NULL), WF_APPEND_DURABLE);
    wf_keys_log(&key, 2);
    CHECK_OK(rig.store.ops->get(rig.store.self, WF_CF_LOG, wf_buf_bytes(&key),
                                &value));
    for (size_t i = 0; i < value.len; i++) {
        value.data[i] ^= 0x10;
        rewrite_commit(&rig, 2, wf_buf_bytes(&value));
        CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
        CHECK(strstr(weft_err_detail(), "commit 2") != NULL);
        value.data[i] ^= 0x10;
    }
    for (size_t len = 0; len < value.len; len++) {
        rewrite_commit(&rig, 2, weft_bytes_of(value.data, len));
        CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
    }
    wf_buf_put_u8(&value, 0);
    rewrite_commit(&rig, 2, wf_buf_bytes(&value));
    CHECK_ERR(read_from(&rig, 1, &story), WEFT_ECORRUPT);
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    destroy_rig(&rig);
}

TEST(log, a_refused_commit_is_sent_again_with_its_number)
{
    struct rig rig = create_rig();
    uint64_t number;

    append_many(&rig, 1);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    CHECK_EQ(append(&rig, 1, "a", &number), WF_APPEND_REFUSED);
    CHECK_EQ(number, 2);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 1);
    CHECK_EQ(append(&rig, 1, "a", &number), WF_APPEND_DURABLE);
    CHECK_EQ(number, 2);
    destroy_rig(&rig);
}

static void
check_doubt(bool is_applied)
{
    struct rig rig = create_rig();

    append_many(&rig, 1);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, is_applied);
    CHECK_EQ(append(&rig, 1, "a", NULL), WF_APPEND_IN_DOUBT);
    CHECK_EQ(append(&rig, 1, "b", NULL), WF_APPEND_IN_DOUBT);
    CHECK_ERR(rig.log.ops->truncate(rig.log.self, 1), WEFT_OK); // nothing to do
    wf_memory_disk_crash(rig.disk);
    close_rig(&rig);
    open_rig(&rig);
    CHECK_EQ(rig.log.ops->last(rig.log.self), is_applied ? 2 : 1);
    destroy_rig(&rig);
}

TEST(log, after_an_unknown_outcome_nothing_is_appended_until_reopened)
{
    check_doubt(true);
    check_doubt(false);
}

static void *
truncate_often(void *ctx)
{
    struct rig *rig = ctx;

    for (int i = 0; i < 200; i++) {
        uint64_t last = rig->log.ops->last(rig->log.self);
        if (rig->log.ops->truncate(rig->log.self, last) != WEFT_OK) {
            return rig;
        }
    }
    return NULL;
}

TEST(log, truncate_may_run_beside_append)
{
    struct rig rig = create_rig();
    struct story story = {0};
    pthread_t thread;
    void *failed;

    CHECK_EQ(pthread_create(&thread, NULL, truncate_often, &rig), 0);
    append_many(&rig, 200);
    CHECK_EQ(pthread_join(thread, &failed), 0);
    CHECK(failed == NULL);
    CHECK_EQ(rig.log.ops->last(rig.log.self), 200);
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 200));
    CHECK_OK(read_from(&rig, 0, &story));
    CHECK_STR(story.text, "200:0=many ");
    destroy_rig(&rig);
}
