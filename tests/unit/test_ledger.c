// SPDX-License-Identifier: Apache-2.0
//
// test_ledger.c - what a node keeps of a cluster without a database. Random
// moves with crashes and losses are tests/ledger's.

#include "storage/ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/test.h"

enum { PARTITIONS = 4, NODES = 3, PIECE = 64 };

static const char *const names[NODES] = {"a", "b", "c"};

struct node {
    const char *id;
    struct wf_memory_disk *disk;
    struct wf_ledger *ledger; // NULL: it is down
    struct wf_shared_log log;
};

static weft_err
open_store(void *ctx, struct wf_store *out_store)
{
    return wf_store_memory_open(((struct node *)ctx)->disk, out_store);
}

static void
found(struct node *node, uint32_t founders, const char *cluster)
{
    struct wf_ledger_founding founding = {
        .node_id = node->id,
        .partition_count = PARTITIONS,
        .founders = names,
        .founders_count = founders,
    };
    struct wf_store store;

    memcpy(founding.cluster_id, cluster, 16);
    CHECK_OK(open_store(node, &store));
    CHECK_OK(wf_ledger_found(store, &founding));
    store.ops->close(store.self);
}

static void
start(struct node *node, bool must_hear)
{
    struct wf_ledger_options options = {
        .open_store = open_store,
        .ctx = node,
        .node_id = node->id,
        .must_hear = must_hear,
    };
    struct wf_ledger_node self = {.row = {.endpoint = "tcp://127.0.0.1:1"}};

    CHECK_OK(wf_ledger_open(&options, &node->ledger));
    (void)snprintf(self.row.id, sizeof(self.row.id), "%s", node->id);
    CHECK_OK(wf_ledger_join(node->ledger, &self));
    node->log = wf_ledger_log(node->ledger);
}

static struct node
make(const char *id, uint32_t founders)
{
    struct node node = {.id = id, .disk = wf_memory_disk_create()};

    found(&node, founders, "the same cluster");
    return node;
}

static void
stop(struct node *node)
{
    wf_ledger_close(node->ledger);
    node->ledger = NULL;
}

static void
drop(struct node *node)
{
    stop(node);
    wf_memory_disk_destroy(node->disk);
}

static weft_err
acquire(struct node *node, uint32_t partition, struct wf_shared_place *out)
{
    struct wf_shared_place ignored;

    return node->log.ops->acquire(node->log.self, partition,
                                  out == NULL ? &ignored : out);
}

static struct wf_shared_append
append(struct node *node, uint32_t partition, const char *text)
{
    struct wf_segment segment = {.partition = partition,
                                 .epoch = 1,
                                 .record_count = 1,
                                 .records = weft_text(text)};
    struct wf_shared_append one = {.partition = partition};
    struct wf_buf bytes = {0};

    wf_segment_encode(&segment, &bytes);
    one.segment = wf_buf_bytes(&bytes);
    node->log.ops->append(node->log.self, &one, 1);
    wf_buf_fini(&bytes);
    return one;
}

static weft_err
tell(void *ctx, uint64_t number, const struct wf_segment *segments,
     uint32_t segments_count)
{
    char *story = ctx;
    size_t len = strlen(story);

    CHECK_EQ(segments_count, 1);
    (void)snprintf(story + len, 256 - len, "%u=%.*s ", (unsigned)number,
                   (int)segments->records.len,
                   (const char *)segments->records.data);
    return WEFT_OK;
}

static void
check_log(struct node *node, uint32_t partition, const char *expected)
{
    char story[256] = "";

    CHECK_OK(node->log.ops->read(node->log.self, partition, 0, tell, story));
    CHECK_STR(story, expected);
}

static weft_err
hear(struct node *node, struct node *teller)
{
    struct wf_ledger_view view = {0};
    struct wf_ledger_view told;
    struct wf_buf bytes = {0};
    weft_err err;

    wf_ledger_view(teller->ledger, &view);
    wf_ledger_view_encode(&view, &bytes);
    CHECK_OK(wf_ledger_view_decode(wf_buf_bytes(&bytes), &told));
    err = wf_ledger_hear(node->ledger, &told);
    wf_ledger_view_fini(&view);
    wf_ledger_view_fini(&told);
    wf_buf_fini(&bytes);
    return err;
}

// One question and its answer.
static enum wf_ledger_progress
fetch(struct node *to, struct node *from, uint32_t partition)
{
    struct wf_ledger_ask ask;
    struct wf_ledger_ask read;
    struct wf_buf question = {0};
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;
    uint64_t lag;

    CHECK(wf_ledger_ask(to->ledger, partition, true, &ask));
    wf_ledger_ask_encode(&ask, &question);
    CHECK_OK(wf_ledger_ask_decode(wf_buf_bytes(&question), &read));
    CHECK_OK(wf_ledger_serve(from->ledger, &read, PIECE, &answer, &lag));
    CHECK_OK(wf_ledger_receive(to->ledger, &ask, from->id,
                               wf_buf_bytes(&answer), &progress));
    wf_buf_fini(&question);
    wf_buf_fini(&answer);
    return progress;
}

static enum wf_ledger_progress
fetch_all(struct node *to, struct node *from, uint32_t partition)
{
    enum wf_ledger_progress progress = WF_LEDGER_MORE;

    for (int i = 0;
         i < 100 && (progress == WF_LEDGER_MORE || progress == WF_LEDGER_BEGUN);
         i++) {
        progress = fetch(to, from, partition);
    }
    return progress;
}

TEST(ledger, founders_have_their_shares_and_no_more)
{
    struct node nodes[NODES];

    for (int i = 0; i < NODES; i++) {
        nodes[i] = make(names[i], NODES);
        start(&nodes[i], false);
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (int i = 0; i < NODES; i++) {
            CHECK_EQ(acquire(&nodes[i], p, NULL),
                     p % NODES == (uint32_t)i ? WEFT_OK : WEFT_EBUSY);
        }
    }
    CHECK_EQ(wf_ledger_count(nodes[0].ledger), 2);
    for (int i = 0; i < NODES; i++) {
        drop(&nodes[i]);
    }
}

TEST(ledger, what_is_acknowledged_is_there_after_a_crash)
{
    struct node a = make("a", 1);
    struct wf_shared_place place;

    start(&a, false);
    CHECK_OK(acquire(&a, 1, NULL));
    CHECK_EQ(append(&a, 1, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(append(&a, 1, "two").number, 2);
    CHECK_EQ(append(&a, 2, "not acquired").result, WF_APPEND_FENCED);
    wf_memory_disk_crash(a.disk);
    stop(&a);
    start(&a, false);
    CHECK_EQ(append(&a, 1, "too early").result, WF_APPEND_FENCED);
    CHECK_OK(acquire(&a, 1, &place));
    CHECK_EQ(place.epoch, 3);
    CHECK_EQ(place.last, 2);
    CHECK_EQ(append(&a, 1, "three").number, 3);
    check_log(&a, 1, "1=one 2=two 3=three ");
    drop(&a);
}

TEST(ledger, an_append_that_failed_is_in_doubt_until_it_is_acquired_again)
{
    struct node a = make("a", 1);
    struct wf_shared_place place;

    start(&a, false);
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_OK(acquire(&a, 1, NULL));
    wf_memory_disk_fail_write(a.disk, 0, WEFT_EIO, true);
    CHECK_EQ(append(&a, 0, "landed").result, WF_APPEND_IN_DOUBT);
    CHECK_EQ(append(&a, 0, "again").result, WF_APPEND_IN_DOUBT);
    CHECK_EQ(append(&a, 1, "another").result, WF_APPEND_IN_DOUBT);
    CHECK_OK(acquire(&a, 0, &place));
    CHECK_EQ(place.last, 1);
    CHECK_EQ(append(&a, 1, "another").result, WF_APPEND_IN_DOUBT);
    CHECK_OK(acquire(&a, 1, &place));
    CHECK_EQ(place.last, 0);
    CHECK_EQ(append(&a, 0, "two").result, WF_APPEND_DURABLE);
    check_log(&a, 0, "1=landed 2=two ");
    drop(&a);
}

TEST(ledger, a_partition_moves_with_its_log_and_its_snapshot)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_shared_place place;
    struct wf_buf manifest = {0};
    uint64_t redo_from;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    for (int i = 0; i < 20; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%d", i);
        CHECK_EQ(append(&a, 0, text).result, WF_APPEND_DURABLE);
    }
    CHECK_OK(a.log.ops->snapshot_commit(a.log.self, 0, 18,
                                        weft_text("the manifest")));
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_LEVEL); // it is still a's
    CHECK_ERR(acquire(&b, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(append(&a, 0, "last").result, WF_APPEND_DURABLE);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(append(&a, 0, "too late").result, WF_APPEND_FENCED);
    // It has not all yet, so the answer does not give it away.
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_TAKEN);
    CHECK_ERR(acquire(&a, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(wf_ledger_part(a.ledger, 0).state, WF_LEDGER_GIVEN);
    CHECK_OK(acquire(&b, 0, &place));
    CHECK_EQ(place.epoch, 4);
    CHECK_EQ(place.first, 18);
    CHECK_EQ(place.last, 21);
    CHECK_EQ(place.snapshot, 18);
    check_log(&b, 0, "18=17 19=18 20=19 21=last ");
    CHECK_OK(b.log.ops->snapshot_read(b.log.self, 0, 0, &redo_from, &manifest));
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text("the manifest"));
    CHECK_OK(hear(&a, &b)); // then nothing is left here
    CHECK_EQ(wf_ledger_part(a.ledger, 0).state, WF_LEDGER_NONE);
    CHECK_STR(wf_ledger_part(a.ledger, 0).owner, "b");
    CHECK_ERR(a.log.ops->snapshot_read(a.log.self, 0, 0, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    wf_buf_fini(&manifest);
    drop(&a);
    drop(&b);
}

TEST(ledger, it_goes_only_where_it_is_to_go)
{
    struct node nodes[NODES];

    for (int i = 0; i < NODES; i++) {
        nodes[i] = make(names[i], 1);
        start(&nodes[i], false);
    }
    CHECK_OK(wf_ledger_want(nodes[0].ledger, 0, "c"));
    CHECK_ERR(wf_ledger_want(nodes[1].ledger, 0, "c"), WEFT_EBUSY);
    CHECK_OK(acquire(&nodes[0], 0, NULL));
    CHECK_OK(nodes[0].log.ops->release(nodes[0].log.self, 0));
    CHECK_EQ(fetch_all(&nodes[1], &nodes[0], 0), WF_LEDGER_LEVEL);
    CHECK_EQ(fetch_all(&nodes[2], &nodes[0], 0), WF_LEDGER_TAKEN);
    CHECK_EQ(fetch_all(&nodes[1], &nodes[0], 0), WF_LEDGER_NOT_THERE);
    // What was fetched for nothing is forgotten.
    CHECK_OK(wf_ledger_forget(nodes[1].ledger, 0));
    CHECK_EQ(wf_ledger_part(nodes[1].ledger, 0).state, WF_LEDGER_NONE);
    for (int i = 0; i < NODES; i++) {
        drop(&nodes[i]);
    }
}

TEST(ledger, one_that_is_given_waits_for_its_taker_over_crashes)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    uint64_t lag;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_EQ(append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK(wf_ledger_ask(b.ledger, 0, true, &ask));
    CHECK_OK(wf_ledger_serve(a.ledger, &ask, PIECE, &answer, &lag));
    wf_buf_fini(&answer); // it is lost, and both crash
    wf_memory_disk_crash(a.disk);
    wf_memory_disk_crash(b.disk);
    stop(&a);
    stop(&b);
    start(&a, false);
    start(&b, false);
    CHECK_ERR(acquire(&a, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_TAKEN);
    CHECK_OK(acquire(&b, 0, NULL));
    check_log(&b, 0, "1=one ");
    drop(&a);
    drop(&b);
}

TEST(ledger, one_that_is_given_is_taken_whole)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    uint64_t lag;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(append(&a, 0, "some commit").result, WF_APPEND_DURABLE);
    }
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK(wf_ledger_ask(b.ledger, 0, true, &ask));
    CHECK_OK(wf_ledger_serve(a.ledger, &ask, PIECE, &answer, &lag));
    wf_buf_fini(&answer); // it is lost, and all that was fetched too
    CHECK_OK(wf_ledger_forget(b.ledger, 0));
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_MORE);
    CHECK_ERR(acquire(&b, 0, NULL), WEFT_EBUSY);
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_TAKEN);
    CHECK_EQ(wf_ledger_part(b.ledger, 0).last, 10);
    drop(&a);
    drop(&b);
}

TEST(ledger, what_was_said_of_an_earlier_move_gives_nothing)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;
    uint64_t lag;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_EQ(append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK(wf_ledger_ask(b.ledger, 0, true, &ask));
    CHECK_OK(wf_ledger_serve(a.ledger, &ask, PIECE, &answer, &lag));
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_TAKEN); // another one came first
    CHECK_OK(hear(&a, &b));
    CHECK_OK(acquire(&b, 0, NULL));
    CHECK_OK(b.log.ops->release(b.log.self, 0));
    CHECK_EQ(fetch_all(&a, &b, 0), WF_LEDGER_LEVEL);
    CHECK_EQ(fetch(&a, &b, 0), WF_LEDGER_TAKEN); // back
    CHECK_OK(hear(&b, &a));
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_LEVEL); // as far as it was then
    CHECK_OK(wf_ledger_receive(b.ledger, &ask, "a", wf_buf_bytes(&answer),
                               &progress));
    CHECK_EQ(progress, WF_LEDGER_LEVEL);
    CHECK_ERR(acquire(&b, 0, NULL), WEFT_EBUSY);
    wf_buf_fini(&answer);
    drop(&a);
    drop(&b);
}

// A copy of what is on a disk now.
static struct wf_memory_disk *
copy_disk(struct test *t, struct node *node, const char *name)
{
    struct wf_memory_disk *copy = wf_memory_disk_create();
    struct wf_store store;
    char path[512];

    stop(node);
    (void)snprintf(path, sizeof(path), "%s/%s", test_dir(t), name);
    CHECK_OK(open_store(node, &store));
    CHECK_OK(store.ops->checkpoint(store.self, path));
    store.ops->close(store.self);
    CHECK_OK(wf_memory_disk_load(copy, path));
    start(node, false);
    return copy;
}

TEST(ledger, an_old_copy_is_found_out_by_its_commits)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_memory_disk *old;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    old = copy_disk(t, &a, "old");
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_EQ(append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_OK(hear(&b, &a));
    stop(&a);
    wf_memory_disk_destroy(a.disk);
    a.disk = old;
    start(&a, true); // its start has the same number as the lost one
    CHECK_ERR(acquire(&a, 0, NULL), WEFT_EBUSY); // nobody was heard
    CHECK_ERR(hear(&a, &b), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "node b has heard of commit 1") != NULL);
    CHECK(!wf_ledger_may_acquire(a.ledger, 0));
    CHECK_ERR(acquire(&a, 1, NULL), WEFT_ELOST);
    drop(&a);
    drop(&b);
}

TEST(ledger, a_lost_directory_is_not_founded_again)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);

    start(&a, false);
    start(&b, false);
    stop(&a);
    start(&a, false);
    CHECK_OK(hear(&b, &a));
    drop(&a);
    a = make("a", 1);
    start(&a, true);
    CHECK_ERR(hear(&a, &b), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "start 2 of node a") != NULL);
    drop(&a);
    drop(&b);
}

TEST(ledger, one_that_was_given_away_and_forgotten_is_found_out)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_memory_disk *old;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    old = copy_disk(t, &a, "old");
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_TAKEN);
    stop(&a);
    wf_memory_disk_destroy(a.disk);
    a.disk = old;
    start(&a, false);
    CHECK_ERR(hear(&a, &b), WEFT_ELOST);
    CHECK_ERR(acquire(&a, 0, NULL), WEFT_ELOST);
    drop(&a);
    drop(&b);
}

TEST(ledger, what_is_of_somebody_else_is_refused)
{
    struct node a = make("a", 1);
    struct node b = {.id = "b", .disk = wf_memory_disk_create()};
    struct wf_ledger_options options = {
        .open_store = open_store, .ctx = &b, .node_id = "c"};
    struct wf_ledger_founding founding = {.node_id = "c",
                                          .partition_count = PARTITIONS};
    struct wf_store store;
    struct wf_ledger *ledger;

    CHECK_ERR(wf_ledger_open(&options, &ledger), WEFT_ENOTFOUND);
    found(&b, 1, "some other names");
    CHECK_ERR(wf_ledger_open(&options, &ledger), WEFT_EFORMAT);
    CHECK_OK(open_store(&b, &store));
    CHECK_ERR(wf_ledger_found(store, &founding), WEFT_EEXISTS);
    store.ops->close(store.self);
    start(&a, false);
    start(&b, false);
    CHECK_ERR(hear(&a, &b), WEFT_EFORMAT);
    drop(&a);
    drop(&b);
}

TEST(ledger, what_is_no_answer_is_refused)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_ledger_ask ask;
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;
    uint64_t lag;

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK_EQ(append(&a, 0, "one").result, WF_APPEND_DURABLE);
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK(wf_ledger_ask(b.ledger, 0, true, &ask));
    CHECK_OK(wf_ledger_serve(a.ledger, &ask, PIECE, &answer, &lag));
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
    drop(&a);
    drop(&b);
}

TEST(ledger, a_view_that_is_damaged_is_refused)
{
    struct node a = make("a", 2);
    struct wf_ledger_view view = {0};
    struct wf_ledger_view told;
    struct wf_buf bytes = {0};

    start(&a, false);
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
    drop(&a);
}

static void
append_some(struct node *node, uint32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_EQ(append(node, partition, "x").result, WF_APPEND_DURABLE);
    }
}

static weft_err
snapshot(struct node *node, uint64_t redo_from, const char *manifest)
{
    return node->log.ops->snapshot_commit(node->log.self, 0, redo_from,
                                          weft_text(manifest));
}

static void
check_snapshot(struct node *node, uint32_t age, uint64_t expected_from,
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
    struct node a = make("a", 1);
    struct wf_shared_place place;

    start(&a, false);
    CHECK_OK(acquire(&a, 0, NULL));
    append_some(&a, 0, 6);
    CHECK_OK(snapshot(&a, 3, "one"));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).first, 1);
    CHECK_OK(snapshot(&a, 5, "two"));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).first, 3);
    check_snapshot(&a, 0, 5, "two");
    check_snapshot(&a, 1, 3, "one");
    stop(&a);
    start(&a, false);
    CHECK_OK(acquire(&a, 0, &place));
    CHECK_EQ(place.snapshot, 5);
    check_snapshot(&a, 1, 3, "one");
    CHECK_OK(snapshot(&a, 7, "three"));
    CHECK_EQ(wf_ledger_part(a.ledger, 0).first, 5);
    check_log(&a, 0, "5=x 6=x ");
    check_snapshot(&a, 1, 5, "two");
    drop(&a);
}

TEST(ledger, a_log_whose_end_is_gone_is_not_read_as_a_shorter_one)
{
    struct node a = make("a", 1);
    struct wf_batch batch = {0};
    struct wf_buf key = {0};
    struct wf_store store;
    char story[256] = "";

    start(&a, false);
    CHECK_OK(acquire(&a, 0, NULL));
    append_some(&a, 0, 2);
    stop(&a);
    CHECK_OK(open_store(&a, &store));
    wf_buf_put_u16(&key, 0);
    wf_buf_put_u64(&key, 2);
    wf_batch_delete(&batch, WF_CF_LOG, wf_buf_bytes(&key));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    store.ops->close(store.self);
    start(&a, false);
    CHECK_ERR(a.log.ops->read(a.log.self, 0, 0, tell, story), WEFT_ECORRUPT);
    CHECK_STR(story, "1=x ");
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
    drop(&a);
}

// What it asks for next is the one before the log's first.
TEST(ledger, who_is_one_commit_too_late_begins_again)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);

    start(&a, false);
    start(&b, false);
    CHECK_OK(acquire(&a, 0, NULL));
    append_some(&a, 0, 3);
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    append_some(&a, 0, 2);
    CHECK_OK(snapshot(&a, 5, "one"));
    CHECK_OK(snapshot(&a, 5, "two"));
    CHECK_EQ(fetch(&b, &a, 0), WF_LEDGER_BEGUN);
    CHECK_EQ(fetch_all(&b, &a, 0), WF_LEDGER_LEVEL);
    check_log(&b, 0, "5=x ");
    check_snapshot(&b, 0, 5, "two");
    drop(&a);
    drop(&b);
}

TEST(ledger, a_plan_takes_the_place_of_the_one_before)
{
    struct node a = make("a", 1);

    start(&a, false);
    CHECK_OK(wf_ledger_want(a.ledger, 0, "one of another name"));
    CHECK_OK(wf_ledger_want(a.ledger, 0, "b"));
    CHECK_STR(wf_ledger_part(a.ledger, 0).wanted, "b");
    stop(&a);
    start(&a, false);
    CHECK_STR(wf_ledger_part(a.ledger, 0).wanted, "b");
    CHECK_OK(wf_ledger_want(a.ledger, 0, "a"));
    CHECK_STR(wf_ledger_part(a.ledger, 0).wanted, "");
    drop(&a);
}

// The first partition, and node "a", as a node sees them.
struct seen {
    struct wf_ledger_known part;
    bool is_draining;
};

static struct seen
look_at(struct node *node)
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
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct node c = make("c", 1);

    start(&a, false);
    start(&b, false);
    start(&c, false);
    CHECK_OK(acquire(&a, 0, NULL));
    append_some(&a, 0, 1);
    CHECK_OK(hear(&c, &a));
    append_some(&a, 0, 1);
    wf_ledger_drain(a.ledger, true);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_OK(hear(&b, &a));
    CHECK_OK(hear(&b, &c));
    CHECK_EQ(look_at(&b).part.last, 2);
    CHECK(look_at(&b).part.is_idle);
    CHECK(look_at(&b).is_draining);
    CHECK_OK(hear(&c, &b)); // which knows more
    CHECK_EQ(look_at(&c).part.last, 2);
    CHECK_OK(acquire(&a, 0, NULL));
    CHECK(!look_at(&a).part.is_idle);
    drop(&a);
    drop(&b);
    drop(&c);
}

// It does not wait for anybody; and is told nevertheless.
TEST(ledger, an_old_copy_acquires_nothing_once_it_was_told)
{
    struct node a = make("a", 1);
    struct node b = make("b", 1);
    struct wf_memory_disk *old;

    start(&a, false);
    start(&b, false);
    old = copy_disk(t, &a, "old");
    CHECK_OK(acquire(&a, 0, NULL));
    append_some(&a, 0, 2);
    CHECK_OK(hear(&b, &a));
    stop(&a);
    wf_memory_disk_destroy(a.disk);
    a.disk = old;
    start(&a, false);
    CHECK_OK(acquire(&a, 0, NULL)); // the same epoch, and fewer commits
    CHECK(wf_ledger_may_acquire(a.ledger, 1));
    CHECK_ERR(hear(&a, &b), WEFT_ELOST);
    CHECK(!wf_ledger_may_acquire(a.ledger, 1));
    CHECK_EQ(append(&a, 0, "y").result, WF_APPEND_FENCED);
    drop(&a);
    drop(&b);
}
