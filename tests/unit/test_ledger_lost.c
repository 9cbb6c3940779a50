// SPDX-License-Identifier: Apache-2.0
//
// test_ledger_lost.c - ledgers that are old copies, damaged, lost or of
// somebody else, and answers and views that are none: found out and refused.

#include <stdio.h>
#include <string.h>

#include "ledger_node.h"
#include "storage/ledger.h"
#include "support/test.h"

// A copy of what is on a disk now.
static struct wf_memory_disk *
copy_disk(struct test *t, struct ledger_node *node, const char *name)
{
    struct wf_memory_disk *copy = wf_memory_disk_create();
    struct wf_store store;
    char path[512];

    ledger_node_stop(node);
    (void)snprintf(path, sizeof(path), "%s/%s", test_dir(t), name);
    CHECK_OK(ledger_node_open_store(node, &store));
    CHECK_OK(store.ops->checkpoint(store.self, path));
    store.ops->close(store.self);
    CHECK_OK(wf_memory_disk_load(copy, path));
    ledger_node_start(node, false);
    return copy;
}

// The node is down, and has this disk instead of its own.
static void
put_back(struct ledger_node *node, struct wf_memory_disk *old)
{
    ledger_node_stop(node);
    wf_memory_disk_destroy(node->disk);
    node->disk = old;
}

TEST(ledger_lost, an_old_copy_is_found_out_by_its_commits)
{
    struct ledger_node a, b;
    struct wf_memory_disk *old;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    old = copy_disk(t, &a, "old");
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_OK(ledger_node_hear(&b, &a));
    put_back(&a, old);
    // Its start has the same number as the lost one.
    ledger_node_start(&a, true);
    CHECK_ERR(ledger_node_acquire(&a, 0, NULL), WEFT_EBUSY); // nobody was heard
    CHECK_ERR(ledger_node_hear(&a, &b), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "node b has heard of commit 1") != NULL);
    CHECK(!wf_ledger_may_acquire(a.ledger, 0));
    CHECK_ERR(ledger_node_acquire(&a, 1, NULL), WEFT_ELOST);
    ledger_node_drop_two(&a, &b);
}

TEST(ledger_lost, a_lost_directory_is_not_founded_again)
{
    struct ledger_node a, b;

    ledger_node_start_two(&a, &b);
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_hear(&b, &a));
    ledger_node_drop(&a);
    a = ledger_node_make("a", 1);
    ledger_node_start(&a, true);
    CHECK_ERR(ledger_node_hear(&a, &b), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "start 2 of node a") != NULL);
    ledger_node_drop_two(&a, &b);
}

TEST(ledger_lost, one_that_was_given_away_and_forgotten_is_found_out)
{
    struct ledger_node a, b;
    struct wf_memory_disk *old;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    old = copy_disk(t, &a, "old");
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0), WF_LEDGER_TAKEN);
    put_back(&a, old);
    ledger_node_start(&a, false);
    CHECK_ERR(ledger_node_hear(&a, &b), WEFT_ELOST);
    CHECK_ERR(ledger_node_acquire(&a, 0, NULL), WEFT_ELOST);
    ledger_node_drop_two(&a, &b);
}

TEST(ledger_lost, what_is_of_somebody_else_is_refused)
{
    struct ledger_node a = ledger_node_make("a", 1);
    struct ledger_node b = {.id = "b", .disk = wf_memory_disk_create()};
    struct wf_ledger_options options = {
        .open_store = ledger_node_open_store, .ctx = &b, .node_id = "c"};
    struct wf_ledger_founding founding = {
        .node_id = "c", .partition_count = LEDGER_NODE_PARTITIONS};
    struct wf_store store;
    struct wf_ledger *ledger;

    CHECK_ERR(wf_ledger_open(&options, &ledger), WEFT_ENOTFOUND);
    ledger_node_found(&b, 1, "some other names");
    CHECK_ERR(wf_ledger_open(&options, &ledger), WEFT_EFORMAT);
    CHECK_OK(ledger_node_open_store(&b, &store));
    CHECK_ERR(wf_ledger_found(store, &founding), WEFT_EEXISTS);
    store.ops->close(store.self);
    ledger_node_start(&a, false);
    ledger_node_start(&b, false);
    CHECK_ERR(ledger_node_hear(&a, &b), WEFT_EFORMAT);
    ledger_node_drop(&a);
    ledger_node_drop(&b);
}

TEST(ledger_lost, what_is_no_answer_is_refused)
{
    struct ledger_node a, b;
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    ledger_node_ask(&b, &a, 0, &ask, &answer);
    for (size_t i = 0; i < answer.len; i++) { // each cut
        CHECK_ERR(wf_ledger_receive(b.ledger, &ask, "a",
                                    weft_bytes_of(answer.data, i), &progress),
                  WEFT_ECORRUPT);
    }
    answer.data[answer.len - 1] ^= 1; // of the segment's checksum
    CHECK_ERR(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                                &progress),
              WEFT_ECORRUPT);
    answer.data[answer.len - 1] ^= 1;
    answer.data[4] -= 1; // of the commit that it says is the last
    CHECK_ERR(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                                &progress),
              WEFT_ECORRUPT);
    answer.data[4] += 1;
    CHECK_OK(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                               &progress));
    CHECK_EQ(progress, WF_LEDGER_LEVEL);
    // Once more: it is passed over.
    CHECK_OK(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                               &progress));
    CHECK_EQ(wf_ledger_part(b.ledger, 0).last, 1);
    wf_buf_fini(&answer);
    ledger_node_drop_two(&a, &b);
}

TEST(ledger_lost, a_view_that_is_damaged_is_refused)
{
    struct ledger_node a = ledger_node_make("a", 2);
    struct wf_ledger_view view = {0};
    struct wf_ledger_view told;
    struct wf_buf bytes = {0};

    ledger_node_start(&a, false);
    wf_ledger_view(a.ledger, &view);
    wf_ledger_view_encode(&view, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        CHECK(wf_ledger_view_decode(weft_bytes_of(bytes.data, i), &told) !=
              WEFT_OK);
        bytes.data[i] ^= 0x40;
        CHECK(wf_ledger_view_decode(wf_buf_bytes(&bytes), &told) != WEFT_OK);
        bytes.data[i] ^= 0x40;
    }
    CHECK_OK(wf_ledger_view_decode(wf_buf_bytes(&bytes), &told));
    CHECK_STR(told.parts[1].owner, "b");
    wf_ledger_view_fini(&told);
    wf_ledger_view_fini(&view);
    wf_buf_fini(&bytes);
    ledger_node_drop(&a);
}

TEST(ledger_lost, a_log_whose_end_is_gone_is_not_read_as_a_shorter_one)
{
    struct ledger_node a = ledger_node_make("a", 1);
    struct wf_batch batch = {0};
    struct wf_buf key = {0};
    struct wf_store store;
    char story[256] = "";

    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    ledger_node_append_some(&a, 0, 2);
    ledger_node_stop(&a);
    CHECK_OK(ledger_node_open_store(&a, &store));
    wf_buf_put_u16(&key, 0);
    wf_buf_put_u64(&key, 2);
    wf_batch_delete(&batch, WF_CF_LOG, wf_buf_bytes(&key));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    store.ops->close(store.self);
    ledger_node_start(&a, false);
    CHECK_ERR(a.log.ops->read(a.log.self, 0, 0, ledger_node_tell, story),
              WEFT_ECORRUPT);
    CHECK_STR(story, "1=x ");
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
    ledger_node_drop(&a);
}

// It does not wait for anybody; and is told nevertheless.
TEST(ledger_lost, an_old_copy_acquires_nothing_once_it_was_told)
{
    struct ledger_node a, b;
    struct wf_memory_disk *old;

    ledger_node_start_two(&a, &b);
    old = copy_disk(t, &a, "old");
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    ledger_node_append_some(&a, 0, 2);
    CHECK_OK(ledger_node_hear(&b, &a));
    put_back(&a, old);
    ledger_node_start(&a, false);
    // The same epoch, and fewer commits.
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK(wf_ledger_may_acquire(a.ledger, 1));
    CHECK_ERR(ledger_node_hear(&a, &b), WEFT_ELOST);
    CHECK(!wf_ledger_may_acquire(a.ledger, 1));
    CHECK_EQ(ledger_node_append(&a, 0, "y").result, WF_APPEND_FENCED);
    ledger_node_drop_two(&a, &b);
}

// What it had asked for before it was told arrives.
TEST(ledger_lost, an_old_copy_takes_nothing_once_it_was_told)
{
    struct ledger_node a, b;
    struct wf_memory_disk *old;
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    ledger_node_append_some(&a, 0, 1);
    old = copy_disk(t, &b, "old");
    ledger_node_stop(&b);
    ledger_node_start(&b, false);
    CHECK_OK(ledger_node_hear(&a, &b));
    put_back(&b, old);
    ledger_node_start(&b, false);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    ledger_node_ask(&b, &a, 0, &ask, &answer);
    CHECK_ERR(ledger_node_hear(&b, &a), WEFT_ELOST);
    CHECK_OK(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                               &progress));
    CHECK_EQ(wf_ledger_part(b.ledger, 0).last, 0);
    CHECK_EQ(wf_ledger_part(b.ledger, 0).state, WF_LEDGER_COMING);
    wf_buf_fini(&answer);
    ledger_node_drop_two(&a, &b);
}
