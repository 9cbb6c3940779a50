// SPDX-License-Identifier: Apache-2.0
//
// test_ledger.c - what a node keeps of a cluster without a database. Random
// moves with crashes and losses are tests/ledger's; what was lost, or is of
// somebody else, is found out in test_ledger_lost.c.

#include "storage/ledger.h"

#include <stdio.h>
#include <string.h>

#include "ledger_node.h"
#include "support/test.h"

TEST(ledger, founders_have_their_shares_and_no_more)
{
    struct ledger_node nodes[LEDGER_NODE_COUNT];

    for (int i = 0; i < LEDGER_NODE_COUNT; i++) {
        nodes[i] = ledger_node_make(ledger_node_names[i], LEDGER_NODE_COUNT);
        ledger_node_start(&nodes[i], false);
    }
    for (uint32_t p = 0; p < LEDGER_NODE_PARTITIONS; p++) {
        for (int i = 0; i < LEDGER_NODE_COUNT; i++) {
            CHECK_EQ(ledger_node_acquire(&nodes[i], p, NULL),
                     p % LEDGER_NODE_COUNT == (uint32_t)i ? WEFT_OK
                                                          : WEFT_EBUSY);
        }
    }
    CHECK_EQ(wf_ledger_count(nodes[0].ledger), 2);
    for (int i = 0; i < LEDGER_NODE_COUNT; i++) {
        ledger_node_drop(&nodes[i]);
    }
}

TEST(ledger, what_is_acknowledged_is_there_after_a_crash)
{
    struct ledger_node a = ledger_node_make("a", 1);
    struct wf_shared_place place;

    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_acquire(&a, 1, NULL));
    CHECK_EQ(ledger_node_append(&a, 1, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(ledger_node_append(&a, 1, "two").number, 2);
    CHECK_EQ(ledger_node_append(&a, 2, "not acquired").result,
             WF_APPEND_FENCED);
    wf_memory_disk_crash(a.disk);
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    CHECK_EQ(ledger_node_append(&a, 1, "too early").result, WF_APPEND_FENCED);
    CHECK_OK(ledger_node_acquire(&a, 1, &place));
    CHECK_EQ(place.epoch, 3);
    CHECK_EQ(place.last, 2);
    CHECK_EQ(ledger_node_append(&a, 1, "three").number, 3);
    ledger_node_check_log(&a, 1, "1=one 2=two 3=three ");
    ledger_node_drop(&a);
}

TEST(ledger, an_append_that_failed_is_in_doubt_until_it_is_acquired_again)
{
    struct ledger_node a = ledger_node_make("a", 1);
    struct wf_shared_place place;

    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_OK(ledger_node_acquire(&a, 1, NULL));
    wf_memory_disk_fail_write(a.disk, 0, WEFT_EIO, true);
    CHECK_EQ(ledger_node_append(&a, 0, "landed").result, WF_APPEND_IN_DOUBT);
    CHECK_EQ(ledger_node_append(&a, 0, "again").result, WF_APPEND_IN_DOUBT);
    CHECK_EQ(ledger_node_append(&a, 1, "another").result, WF_APPEND_IN_DOUBT);
    CHECK_OK(ledger_node_acquire(&a, 0, &place));
    CHECK_EQ(place.last, 1);
    CHECK_EQ(ledger_node_append(&a, 1, "another").result, WF_APPEND_IN_DOUBT);
    CHECK_OK(ledger_node_acquire(&a, 1, &place));
    CHECK_EQ(place.last, 0);
    CHECK_EQ(ledger_node_append(&a, 0, "two").result, WF_APPEND_DURABLE);
    ledger_node_check_log(&a, 0, "1=landed 2=two ");
    ledger_node_drop(&a);
}

TEST(ledger, a_store_that_is_not_opened_again_is_tried_again)
{
    struct ledger_node a = ledger_node_make("a", 1);
    struct wf_memory_disk *own = a.disk;
    struct wf_store held;

    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    wf_memory_disk_fail_write(a.disk, 0, WEFT_EIO, false);
    CHECK_EQ(ledger_node_append(&a, 0, "lost").result, WF_APPEND_IN_DOUBT);
    a.disk = wf_memory_disk_create();
    CHECK_OK(wf_store_memory_open(a.disk, &held));
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(ledger_node_acquire(&a, 0, NULL), WEFT_EIO);
        CHECK_EQ(ledger_node_append(&a, 0, "x").result, WF_APPEND_IN_DOUBT);
    }
    held.ops->close(held.self);
    wf_memory_disk_destroy(a.disk);
    a.disk = own;
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    ledger_node_check_log(&a, 0, "1=one ");
    ledger_node_drop(&a);
}

TEST(ledger, a_partition_moves_with_its_log_and_its_snapshot)
{
    struct ledger_node a, b;
    struct wf_shared_place place;
    struct wf_buf manifest = {0};
    uint64_t redo_from;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    for (int i = 0; i < 20; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%d", i);
        CHECK_EQ(ledger_node_append(&a, 0, text).result, WF_APPEND_DURABLE);
    }
    CHECK_OK(a.log.ops->snapshot_commit(a.log.self, 0, 18,
                                        weft_text("the manifest")));
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0),
             WF_LEDGER_LEVEL); // it is still a's
    CHECK_ERR(ledger_node_acquire(&b, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(ledger_node_append(&a, 0, "last").result, WF_APPEND_DURABLE);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(ledger_node_append(&a, 0, "too late").result, WF_APPEND_FENCED);
    // It has not all yet, so the answer does not give it away.
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_TAKEN);
    CHECK_ERR(ledger_node_acquire(&a, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(wf_ledger_part(a.ledger, 0).state, WF_LEDGER_GIVEN);
    CHECK_OK(ledger_node_acquire(&b, 0, &place));
    CHECK_EQ(place.epoch, 4);
    CHECK_EQ(place.first, 18);
    CHECK_EQ(place.last, 21);
    CHECK_EQ(place.snapshot, 18);
    ledger_node_check_log(&b, 0, "18=17 19=18 20=19 21=last ");
    CHECK_OK(b.log.ops->snapshot_read(b.log.self, 0, 0, &redo_from, &manifest));
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text("the manifest"));
    CHECK_OK(ledger_node_hear(&a, &b)); // then nothing is left here
    CHECK_EQ(wf_ledger_part(a.ledger, 0).state, WF_LEDGER_NONE);
    CHECK_STR(wf_ledger_part(a.ledger, 0).owner, "b");
    CHECK_ERR(a.log.ops->snapshot_read(a.log.self, 0, 0, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    wf_buf_fini(&manifest);
    ledger_node_drop_two(&a, &b);
}

TEST(ledger, it_goes_only_where_it_is_to_go)
{
    struct ledger_node nodes[LEDGER_NODE_COUNT];

    for (int i = 0; i < LEDGER_NODE_COUNT; i++) {
        nodes[i] = ledger_node_make(ledger_node_names[i], 1);
        ledger_node_start(&nodes[i], false);
    }
    CHECK_OK(wf_ledger_want(nodes[0].ledger, 0, "c"));
    CHECK_ERR(wf_ledger_want(nodes[1].ledger, 0, "c"), WEFT_EBUSY);
    CHECK_OK(ledger_node_acquire(&nodes[0], 0, NULL));
    CHECK_OK(nodes[0].log.ops->release(nodes[0].log.self, 0));
    CHECK_EQ(ledger_node_fetch_all(&nodes[1], &nodes[0], 0), WF_LEDGER_LEVEL);
    CHECK_EQ(ledger_node_fetch_all(&nodes[2], &nodes[0], 0), WF_LEDGER_TAKEN);
    CHECK_EQ(ledger_node_fetch_all(&nodes[1], &nodes[0], 0),
             WF_LEDGER_NOT_THERE);
    // What was fetched for nothing is forgotten.
    CHECK_OK(wf_ledger_forget(nodes[1].ledger, 0));
    CHECK_EQ(wf_ledger_part(nodes[1].ledger, 0).state, WF_LEDGER_NONE);
    for (int i = 0; i < LEDGER_NODE_COUNT; i++) {
        ledger_node_drop(&nodes[i]);
    }
}

TEST(ledger, one_that_is_given_waits_for_its_taker_over_crashes)
{
    struct ledger_node a, b;
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_LEVEL);
    ledger_node_ask(&b, &a, 0, &ask, &answer);
    wf_buf_fini(&answer); // it is lost, and both crash
    wf_memory_disk_crash(a.disk);
    wf_memory_disk_crash(b.disk);
    ledger_node_stop(&a);
    ledger_node_stop(&b);
    ledger_node_start(&a, false);
    ledger_node_start(&b, false);
    CHECK_ERR(ledger_node_acquire(&a, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_TAKEN);
    CHECK_OK(ledger_node_acquire(&b, 0, NULL));
    ledger_node_check_log(&b, 0, "1=one ");
    ledger_node_drop_two(&a, &b);
}

TEST(ledger, one_that_is_given_is_taken_whole)
{
    struct ledger_node a, b;
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(ledger_node_append(&a, 0, "some commit").result,
                 WF_APPEND_DURABLE);
    }
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    ledger_node_ask(&b, &a, 0, &ask, &answer);
    wf_buf_fini(&answer); // it is lost, and all that was fetched too
    CHECK_OK(wf_ledger_forget(b.ledger, 0));
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_MORE);
    CHECK_ERR(ledger_node_acquire(&b, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0), WF_LEDGER_TAKEN);
    CHECK_EQ(wf_ledger_part(b.ledger, 0).last, 10);
    ledger_node_drop_two(&a, &b);
}

TEST(ledger, what_was_said_of_an_earlier_move_gives_nothing)
{
    struct ledger_node a, b;
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    ledger_node_ask(&b, &a, 0, &ask, &answer);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0),
             WF_LEDGER_TAKEN); // another one came first
    CHECK_OK(ledger_node_hear(&a, &b));
    CHECK_OK(ledger_node_acquire(&b, 0, NULL));
    CHECK_OK(b.log.ops->release(b.log.self, 0));
    CHECK_EQ(ledger_node_fetch_all(&a, &b, 0), WF_LEDGER_LEVEL);
    CHECK_EQ(ledger_node_fetch(&a, &b, 0), WF_LEDGER_TAKEN); // back
    CHECK_OK(ledger_node_hear(&b, &a));
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0),
             WF_LEDGER_LEVEL); // as far as it was then
    CHECK_OK(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                               &progress));
    CHECK_EQ(progress, WF_LEDGER_LEVEL);
    CHECK_ERR(ledger_node_acquire(&b, 0, NULL), WEFT_EBUSY);
    wf_buf_fini(&answer);
    ledger_node_drop_two(&a, &b);
}

static weft_err
snapshot(struct ledger_node *node, uint64_t redo_from, const char *manifest)
{
    return node->log.ops->snapshot_commit(node->log.self, 0, redo_from,
                                          weft_text(manifest));
}

static void
check_snapshot(struct ledger_node *node, uint32_t age, uint64_t expected_from,
               const char *expected)
{
    struct wf_buf manifest = {0};
    uint64_t redo_from = 0;

    CHECK_OK(node->log.ops->snapshot_read(node->log.self, 0, age, &redo_from,
                                          &manifest));
    CHECK_EQ(redo_from, expected_from);
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text(expected));
    wf_buf_fini(&manifest);
}

// Else there would be nothing to go on from when the newest cannot be had.
TEST(ledger, the_log_goes_back_as_far_as_the_last_snapshot_but_one)
{
    struct ledger_node a = ledger_node_make("a", 1);
    struct wf_shared_place place;

    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    ledger_node_append_some(&a, 0, 6);
    CHECK_OK(snapshot(&a, 3, "one"));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).first, 1);
    CHECK_OK(snapshot(&a, 5, "two"));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).first, 3);
    check_snapshot(&a, 0, 5, "two");
    check_snapshot(&a, 1, 3, "one");
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_acquire(&a, 0, &place));
    CHECK_EQ(place.snapshot, 5);
    check_snapshot(&a, 1, 3, "one");
    CHECK_OK(snapshot(&a, 7, "three"));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).first, 5);
    ledger_node_check_log(&a, 0, "5=x 6=x ");
    check_snapshot(&a, 1, 5, "two");
    ledger_node_drop(&a);
}

// What it asks for next is the one before the log's first.
TEST(ledger, who_is_one_commit_too_late_begins_again)
{
    struct ledger_node a, b;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    ledger_node_append_some(&a, 0, 3);
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    ledger_node_append_some(&a, 0, 2);
    CHECK_OK(snapshot(&a, 5, "one"));
    CHECK_OK(snapshot(&a, 5, "two"));
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK_EQ(ledger_node_fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    ledger_node_check_log(&b, 0, "5=x ");
    check_snapshot(&b, 0, 5, "two");
    ledger_node_drop_two(&a, &b);
}

TEST(ledger, a_plan_takes_the_place_of_the_one_before)
{
    struct ledger_node a = ledger_node_make("a", 1);

    ledger_node_start(&a, false);
    CHECK_OK(wf_ledger_want(a.ledger, 0, "one of another name"));
    CHECK_OK(wf_ledger_want(a.ledger, 0, "b"));
    CHECK_STR(wf_ledger_part(a.ledger, 0).wanted, "b");
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    CHECK_STR(wf_ledger_part(a.ledger, 0).wanted, "b");
    CHECK_OK(wf_ledger_want(a.ledger, 0, "a"));
    CHECK_STR(wf_ledger_part(a.ledger, 0).wanted, "");
    ledger_node_drop(&a);
}

// The first partition, and node "a", as a node sees them.
struct seen {
    struct wf_ledger_known part;
    bool is_draining;
};

static struct seen
look_at(struct ledger_node *node)
{
    struct wf_ledger_view view = {0};
    struct seen seen;

    wf_ledger_view(node->ledger, &view);
    seen.part = view.parts[0];
    seen.is_draining = wf_ledger_view_find(&view, "a")->row.is_draining;
    wf_ledger_view_fini(&view);
    return seen;
}

TEST(ledger, what_others_say_does_not_undo_what_a_node_said_of_itself)
{
    struct ledger_node a, b;
    struct ledger_node c = ledger_node_make("c", 1);

    ledger_node_start_two(&a, &b);
    ledger_node_start(&c, false);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    ledger_node_append_some(&a, 0, 1);
    CHECK_OK(ledger_node_hear(&c, &a));
    ledger_node_append_some(&a, 0, 1);
    wf_ledger_drain(a.ledger, true);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_OK(ledger_node_hear(&b, &a));
    CHECK_OK(ledger_node_hear(&b, &c));
    CHECK_EQ(look_at(&b).part.last, 2);
    CHECK(look_at(&b).part.is_idle);
    CHECK(look_at(&b).is_draining);
    CHECK_OK(ledger_node_hear(&c, &b)); // which knows more
    CHECK_EQ(look_at(&c).part.last, 2);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    CHECK(!look_at(&a).part.is_idle);
    ledger_node_drop_two(&a, &b);
    ledger_node_drop(&c);
}

TEST(ledger, what_a_node_says_of_itself_later_is_heard)
{
    struct ledger_node a, b;

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_hear(&b, &a));
    CHECK(!look_at(&b).is_draining);
    wf_ledger_drain(a.ledger, true);
    CHECK_OK(ledger_node_hear(&b, &a));
    CHECK(look_at(&b).is_draining);
    wf_ledger_drain(a.ledger, false);
    CHECK_OK(ledger_node_hear(&b, &a));
    CHECK(!look_at(&b).is_draining);
    ledger_node_drop_two(&a, &b);
}
