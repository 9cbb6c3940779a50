// SPDX-License-Identifier: Apache-2.0
//
// test_ledger_refusals.c - what a ledger takes from nobody: commits, snapshots
// and moves of who is not its partition's node, or not any more.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "ledger_node.h"
#include "storage/ledger_impl.h"
#include "support/test.h"

// "a", which has all partitions, and has acquired the first.
static struct ledger_node
begin(void)
{
    struct ledger_node node = ledger_node_make("a", 1);

    ledger_node_start(&node, false);
    CHECK_OK(ledger_node_acquire(&node, 0, NULL));
    return node;
}

static weft_err
commit_snapshot(struct ledger_node *node, uint64_t redo_from)
{
    return node->log.ops->snapshot_commit(node->log.self, 0, redo_from,
                                          weft_text("a manifest"));
}

TEST(ledger, a_snapshot_is_of_who_has_the_partition_and_of_its_log)
{
    struct ledger_node a = begin();

    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_ERR(commit_snapshot(&a, 3), WEFT_EINVAL); // there is no commit 2 yet
    CHECK_OK(commit_snapshot(&a, 2));
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_ERR(commit_snapshot(&a, 2), WEFT_ECLOSED);
    ledger_node_drop(&a);
}

static weft_err
look_at_none(void *ctx, uint64_t number, const struct wf_segment *segments,
             uint32_t count)
{
    (void)ctx;
    (void)number;
    (void)segments;
    (void)count;
    return WEFT_OK;
}

TEST(ledger, a_log_is_not_read_from_behind_its_end)
{
    struct ledger_node a = begin();

    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_OK(a.log.ops->read(a.log.self, 0, 2, look_at_none, NULL));
    CHECK_ERR(a.log.ops->read(a.log.self, 0, 3, look_at_none, NULL),
              WEFT_ECORRUPT);
    ledger_node_drop(&a);
}

// What was in doubt is nobody's doubt once the partition is released.
TEST(ledger, who_released_in_doubt_is_fenced)
{
    struct ledger_node a = begin();

    wf_memory_disk_fail_write(a.disk, 0, WEFT_EIO, false);
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_IN_DOUBT);
    CHECK_EQ(ledger_node_append(&a, 0, "two").result, WF_APPEND_IN_DOUBT);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(ledger_node_append(&a, 0, "three").result, WF_APPEND_FENCED);
    ledger_node_drop(&a);
}

// Moves. ----------------------------------------------------------------------

TEST(ledger, nobody_is_given_a_partition_by_itself)
{
    struct wf_ledger_ask ask = {.node = "a", .next = 1, .is_ready = true};
    struct wf_buf answer = {0};
    struct ledger_node a = begin();
    uint64_t lag;

    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_OK(wf_ledger_serve(a.ledger, &ask, 1000, &answer, &lag));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).state, WF_LEDGER_MINE);
    CHECK_OK(ledger_node_acquire(&a, 0, NULL));
    wf_buf_fini(&answer);
    ledger_node_drop(&a);
}

// More commits than it says that there are.
TEST(ledger, an_answer_that_is_longer_than_it_says_is_none)
{
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;
    struct ledger_node a = begin();
    struct ledger_node b = ledger_node_make("b", 1);
    uint64_t lag;

    ledger_node_start(&b, false);
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(ledger_node_append(&a, 0, "two").result, WF_APPEND_DURABLE);
    CHECK_EQ(ledger_node_fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK(wf_ledger_ask(b.ledger, 0, true, &ask));
    CHECK_OK(wf_ledger_serve(a.ledger, &ask, 1000, &answer, &lag));
    CHECK_EQ(answer.data[4], 2); // version, kind, epoch, given, last
    answer.data[4] = 1;
    CHECK_ERR(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                                &progress),
              WEFT_ECORRUPT);
    CHECK_EQ(wf_ledger_part(b.ledger, 0).last, 0); // none of it was kept
    answer.data[4] = 2;
    CHECK_OK(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                               &progress));
    ledger_node_check_log(&b, 0, "1=one 2=two ");
    wf_buf_fini(&answer);
    ledger_node_drop(&a);
    ledger_node_drop(&b);
}

TEST(ledger, nothing_is_left_of_the_snapshot_of_one_that_went)
{
    struct wf_shared_place place;
    struct ledger_node a = begin();
    struct ledger_node b = ledger_node_make("b", 1);

    ledger_node_start(&b, false);
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_OK(commit_snapshot(&a, 2));
    CHECK_EQ(ledger_node_append(&a, 0, "two").result, WF_APPEND_DURABLE);
    CHECK_OK(commit_snapshot(&a, 3));
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    (void)ledger_node_fetch_all(&b, &a, 0);
    CHECK_EQ(wf_ledger_part(b.ledger, 0).state, WF_LEDGER_MINE);
    CHECK_OK(ledger_node_hear(&a, &b));
    CHECK_OK(a.log.ops->look(a.log.self, 0, &place));
    CHECK_EQ(place.snapshot, 0);
    ledger_node_drop(&a);
    ledger_node_drop(&b);
}

// Who knows more. -------------------------------------------------------------

// What b knows, with another start of node a.
static weft_err
hear_of_start(struct ledger_node *a, struct ledger_node *b,
              uint64_t incarnation)
{
    struct wf_ledger_view view = {0};
    struct wf_ledger_node *me;
    weft_err err;

    wf_ledger_view(b->ledger, &view);
    me = wf_ledger_view_find(&view, "a");
    CHECK(me != NULL);
    me->row.incarnation = incarnation;
    err = wf_ledger_hear(a->ledger, &view);
    wf_ledger_view_fini(&view);
    return err;
}

// A process with its directory began after it, or an old copy began again. From
// then on it appends nothing, though it had acquired.
TEST(ledger, who_hears_of_its_next_start_appends_nothing)
{
    struct ledger_node a = begin();
    struct ledger_node b = ledger_node_make("b", 1);

    ledger_node_start(&b, false);
    CHECK_OK(ledger_node_hear(&b, &a));
    CHECK_OK(hear_of_start(&a, &b, 1));
    CHECK_EQ(ledger_node_append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_ERR(hear_of_start(&a, &b, 2), WEFT_ELOST);
    CHECK_EQ(ledger_node_append(&a, 0, "two").result, WF_APPEND_FENCED);
    CHECK_ERR(ledger_node_acquire(&a, 0, NULL), WEFT_ELOST);
    ledger_node_drop(&a);
    ledger_node_drop(&b);
}

TEST(ledger, the_newest_start_of_another_node_is_known_after_a_restart)
{
    struct wf_ledger_view view = {0};
    struct ledger_node a = begin();
    struct ledger_node b = ledger_node_make("b", 1);

    ledger_node_start(&b, false);
    CHECK_OK(ledger_node_hear(&b, &a));
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    CHECK_OK(ledger_node_hear(&b, &a));
    ledger_node_stop(&b);
    ledger_node_start(&b, false);
    wf_ledger_view(b.ledger, &view);
    CHECK_EQ(wf_ledger_view_find(&view, "a")->row.incarnation, 2);
    wf_ledger_view_fini(&view);
    ledger_node_drop(&a);
    ledger_node_drop(&b);
}

// Rows and views. -------------------------------------------------------------

TEST(ledger, a_row_that_ends_before_it_begins_is_malformed)
{
    struct wf_ledger_part part = {
        .state = WF_LEDGER_MINE, .epoch = 1, .first = 5, .last = 3};
    struct wf_ledger_options options = {.node_id = "a"};
    struct ledger_node a = ledger_node_make("a", 1);
    struct wf_batch batch = {0};
    struct wf_store store;

    CHECK_OK(wf_store_memory_open(a.disk, &store));
    wf_ledger_put_part(&batch, 0, &part);
    CHECK_OK(store.ops->write(store.self, &batch, true));
    store.ops->close(store.self);
    options.open_store = ledger_node_open_store;
    options.ctx = &a;
    CHECK_ERR(wf_ledger_open(&options, &a.ledger), WEFT_ECORRUPT);
    wf_batch_fini(&batch);
    ledger_node_drop(&a);
}

TEST(ledger, founders_are_the_same_in_any_order)
{
    static const char *const founders[] = {"c", "a", "b"};
    struct wf_ledger_founding founding = {.node_id = "a",
                                          .partition_count =
                                              LEDGER_NODE_PARTITIONS,
                                          .founders = founders,
                                          .founders_count = 3};
    struct ledger_node a = {.id = "a", .disk = wf_memory_disk_create()};
    struct wf_store store;

    CHECK_OK(wf_store_memory_open(a.disk, &store));
    CHECK_OK(wf_ledger_found(store, &founding));
    store.ops->close(store.self);
    ledger_node_start(&a, false);
    CHECK_EQ(wf_ledger_part(a.ledger, 0).state, WF_LEDGER_MINE);
    CHECK_STR(wf_ledger_part(a.ledger, 1).owner, "b");
    CHECK_STR(wf_ledger_part(a.ledger, 2).owner, "c");
    CHECK_EQ(wf_ledger_part(a.ledger, 3).state, WF_LEDGER_MINE);
    ledger_node_drop(&a);
}

// One that nobody runs is on its way; but if its owner is away, it stays its.
TEST(ledger, a_map_shows_who_is_away_as_the_owner)
{
    struct wf_ledger_view view = {0};
    struct wf_registry_map map = {0};
    struct ledger_node a = begin();

    CHECK_OK(a.log.ops->release(a.log.self, 0));
    wf_ledger_view(a.ledger, &view);
    view.nodes[0].row.is_live = true;
    wf_ledger_view_map(&view, &map);
    CHECK_EQ(map.parts[0].owner, -1);
    view.nodes[0].row.is_live = false;
    wf_ledger_view_map(&view, &map);
    CHECK_EQ(map.parts[0].owner, 0);
    wf_registry_map_fini(&map);
    wf_ledger_view_fini(&view);
    ledger_node_drop(&a);
}

TEST(ledger, a_view_of_more_partitions_than_there_may_be_is_none)
{
    struct wf_ledger_view view = {.parts_count = WF_LEDGER_PARTITIONS_MAX};
    struct wf_ledger_view told;
    struct wf_buf bytes = {0};

    view.parts =
        wf_calloc((WF_LEDGER_PARTITIONS_MAX + 1) * sizeof(*view.parts));
    wf_ledger_view_encode(&view, &bytes);
    CHECK_OK(wf_ledger_view_decode(wf_buf_bytes(&bytes), &told));
    wf_ledger_view_fini(&told);
    view.parts_count++;
    wf_buf_reset(&bytes);
    wf_ledger_view_encode(&view, &bytes);
    CHECK_ERR(wf_ledger_view_decode(wf_buf_bytes(&bytes), &told),
              WEFT_ECORRUPT);
    wf_ledger_view_fini(&view);
    wf_buf_fini(&bytes);
}

// Names are never forgotten. More than a view may have are not learnt: nobody
// could read this node's, and it would be as if it were away, for good.
TEST(ledger, more_nodes_than_a_view_has_are_not_learnt)
{
    struct ledger_node a, b;
    struct wf_ledger_view view = {0};
    struct wf_ledger_view read;
    struct wf_ledger_node other = {.row = {.incarnation = 1}};
    struct wf_buf bytes = {0};

    ledger_node_start_two(&a, &b);
    CHECK_OK(ledger_node_hear(&a, &b));
    wf_ledger_view(b.ledger, &view);
    for (uint32_t i = 0; view.nodes_count < WF_LEDGER_NODES_MAX; i++) {
        (void)snprintf(other.row.id, sizeof(other.row.id), "node-%u",
                       (unsigned)i);
        wf_ledger_view_put(&view, &other);
    }
    CHECK_OK(wf_ledger_hear(a.ledger, &view));
    wf_ledger_view(a.ledger, &view);
    CHECK_EQ(view.nodes_count, WF_LEDGER_NODES_MAX);
    CHECK(wf_ledger_view_find(&view, "b") != NULL);
    wf_ledger_view_encode(&view, &bytes);
    CHECK_OK(wf_ledger_view_decode(wf_buf_bytes(&bytes), &read));
    wf_ledger_view_fini(&read);
    wf_ledger_view_fini(&view);
    wf_buf_fini(&bytes);
    ledger_node_drop_two(&a, &b);
}
