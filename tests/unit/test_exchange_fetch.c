// SPDX-License-Identifier: Apache-2.0
//
// test_exchange_fetch.c - partitions that come from another node: what is asked
// for, when, and what becomes of the answers.

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "exchange_rig.h"
#include "support/test.h"

enum { HOUR_MS = 3600000 };

static void
move_last_to_front(void)
{
    struct sent last = rig_sent[rig_sent_count - 1];

    memmove(&rig_sent[1], &rig_sent[0],
            (rig_sent_count - 1) * sizeof(rig_sent[0]));
    rig_sent[0] = last;
}

// Files. ----------------------------------------------------------------------

TEST(exchange_fetch, a_partition_comes_with_the_files_of_its_snapshot)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    rig_want(&rig, 0, true);
    rig_settle(&rig);
    // What b had is not fetched; the answer to each move is what there is.
    rig_check_asked(&rig, "move file file file file move ");
    rig_check_files(&rig);
    CHECK_EQ(rig_state(&rig.taker, 0), WF_LEDGER_COMING);
    CHECK_EQ(wf_ledger_part(rig.taker.exchange.options.ledger, 0).first, 8);
    rig_release(&rig.giver, 0);
    rig.now_ms += 20;
    rig_settle(&rig);
    rig_check_asked(&rig, "move ");
    CHECK_EQ(rig_state(&rig.taker, 0), WF_LEDGER_MINE);
    CHECK_EQ(rig_state(&rig.giver, 0), WF_LEDGER_GIVEN);
    CHECK_EQ(rig.taker.changes, 1);
    CHECK_STR(rig.taker.said,
              "taken partition 0 is this node's, from node a\n");
    CHECK_EQ(rig_step(&rig), UINT64_MAX); // and that is all
    rig_free(&rig);
}

static void
count_one(void *ctx, const uint8_t *hash)
{
    (void)hash;
    (*(uint32_t *)ctx)++;
}

static uint32_t
count_old(const struct rig *rig)
{
    const struct wf_snapshots *files = &rig->taker.exchange.options.files;
    uint32_t count = 0;

    CHECK_OK(files->ops->list(files->self, HOUR_MS, count_one, &count));
    return count;
}

// It was garbage until now: it is told that it is not.
TEST(exchange_fetch, a_file_that_is_here_is_put_once_more)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    rig_age_kept_file(&rig);
    CHECK_EQ(count_old(&rig), 1);
    rig_want(&rig, 0, true);
    rig_settle(&rig);
    rig_check_files(&rig);
    CHECK_EQ(count_old(&rig), 0);
    rig_free(&rig);
}

// Until all files are here it is not given away, though its log is here.
TEST(exchange_fetch, none_is_taken_before_its_files_are_here)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    rig_release(&rig.giver, 0);
    rig_hear_view(&rig);
    rig_want(&rig, 0, true);
    for (int i = 0; i < 4; i++) { // the beginning, and three pieces
        CHECK(rig_step(&rig) != UINT64_MAX);
        rig_pass_all(&rig);
        CHECK_EQ(rig_state(&rig.taker, 0), WF_LEDGER_COMING);
        CHECK_EQ(rig_state(&rig.giver, 0), WF_LEDGER_MINE);
    }
    rig_settle(&rig);
    rig.now_ms += 20;
    rig_settle(&rig);
    CHECK_EQ(rig_state(&rig.taker, 0), WF_LEDGER_MINE);
    rig_check_files(&rig);
    rig_free(&rig);
}

TEST(exchange_fetch, one_without_a_snapshot_comes_without_files)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_append(&rig, 2, 3);
    rig_release(&rig.giver, 2);
    rig_want(&rig, 2, true);
    rig_settle(&rig);
    rig_check_asked(&rig, "move move ");
    rig.now_ms += 20;
    rig_settle(&rig);
    rig_check_asked(&rig, "move ");
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_MINE);
    CHECK_EQ(wf_ledger_part(rig.taker.exchange.options.ledger, 2).last, 3);
    rig_free(&rig);
}

// What was begun, and is longer.
TEST(exchange_fetch, a_file_does_not_go_on_in_an_older_one)
{
    struct rig rig;
    char *path;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    path = rig_path(&rig, "b/moving", "in-0");
    rig_write_file(path, 'z', PIECES_BYTES + 100);
    rig_want(&rig, 0, true);
    rig_settle(&rig);
    rig_check_asked(&rig, "move file file file file move ");
    rig_check_files(&rig);
    CHECK(access(path, F_OK) != 0); // nor is it left there
    wf_free(path);
    rig_free(&rig);
}

// A byte more, or nothing but the answer's head.
static void
change_length(struct sent *answer, bool is_longer)
{
    CHECK(answer->is_answer);
    if (is_longer) {
        wf_buf_put_u8(&answer->frame, 'x');
    } else {
        answer->frame.len = 10;
    }
}

// The third piece comes so: the file begins again, a second later.
static void
check_begun_again(struct test *t, bool is_longer)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    rig_want(&rig, 0, true);
    for (int i = 0; i < 3; i++) { // the beginning, and two pieces
        (void)rig_step(&rig);
        rig_pass_all(&rig);
    }
    (void)rig_step(&rig);
    rig_pass_first(&rig);
    change_length(&rig_sent[0], is_longer);
    rig_pass_all(&rig);
    CHECK(strstr(rig.taker.said, "of another size") != NULL);
    rig_settle(&rig);
    rig_check_asked(&rig, "move file file file ");
    rig.now_ms += 1000;
    rig_settle(&rig);
    rig_check_asked(&rig, "file file file file move ");
    rig_check_files(&rig);
    rig_free(&rig);
}

TEST(exchange_fetch, a_file_that_is_too_long_begins_again)
{
    check_begun_again(t, true);
}

TEST(exchange_fetch, a_file_whose_end_does_not_come_begins_again)
{
    check_begun_again(t, false);
}

// Its owner has made a newer one meanwhile, or its disk is damaged: it begins
// again, and not without end as fast as both can.
TEST(exchange_fetch, one_whose_file_is_gone_begins_again_a_second_later)
{
    const struct wf_snapshots *files;
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    files = &rig.giver.exchange.options.files;
    CHECK_OK(files->ops->remove(files->self, rig.manifest.files[0].hash, 0));
    rig_want(&rig, 0, true);
    rig_settle(&rig);
    rig_check_asked(&rig, "move file ");
    CHECK(strstr(rig.taker.said, "fetch node a: ") != NULL);
    CHECK_EQ(rig_state(&rig.taker, 0), WF_LEDGER_NONE);
    rig.now_ms += 999;
    rig_settle(&rig);
    rig_check_asked(&rig, "");
    rig_put_file(&rig, 0);
    rig.now_ms += 1;
    rig_settle(&rig);
    rig_check_asked(&rig, "move file file file file move ");
    rig_check_files(&rig);
    rig_free(&rig);
}

TEST(exchange_fetch, a_node_that_keeps_no_snapshots_asks_for_no_files)
{
    struct wf_snapshots files;
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    files = rig.taker.exchange.options.files;
    rig.taker.exchange.options.files = (struct wf_snapshots){0};
    rig_want(&rig, 0, true);
    rig_settle(&rig);
    rig_check_asked(&rig, "move ");
    CHECK_STR(rig.taker.said,
              "fetch a snapshot comes, and this node keeps none\n");
    rig.taker.exchange.options.files = files;
    rig.now_ms += 1000;
    rig_settle(&rig);
    rig_check_asked(&rig, "file file file file move ");
    rig_free(&rig);
}

// When, and whom. -------------------------------------------------------------

TEST(exchange_fetch, two_come_at_a_time_and_first_what_nobody_runs)
{
    const struct wf_exchange_fetch *fetches;
    struct rig rig;

    rig_make(t, &rig);
    fetches = rig.taker.exchange.fetches;
    rig_release(&rig.giver, 2);
    rig_release(&rig.giver, 3);
    rig_hear_view(&rig);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        rig_want(&rig, i, true);
    }
    (void)rig_step(&rig);
    CHECK_EQ(rig_sent_count, 2);
    CHECK(!fetches[0].is_asked && !fetches[1].is_asked);
    CHECK(fetches[2].is_asked && fetches[3].is_asked);
    rig_settle(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_MINE);
    CHECK_EQ(rig_state(&rig.taker, 3), WF_LEDGER_MINE);
    CHECK_EQ(rig_state(&rig.taker, 1), WF_LEDGER_COMING);
    rig_free(&rig);
}

TEST(exchange_fetch, what_is_not_answered_is_asked_again_and_once_heard)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_want(&rig, 2, true);
    CHECK_EQ(rig_step(&rig), rig.now_ms + 1000);
    rig.now_ms += 999;
    (void)rig_step(&rig);
    CHECK_EQ(rig_sent_count, 1);
    rig.now_ms += 1;
    (void)rig_step(&rig);
    CHECK_EQ(rig_sent_count, 2);
    rig_pass_first(&rig);
    move_last_to_front(); // the answer, late
    rig_pass_first(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_NONE);
    rig_pass_all(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_COMING);
    rig_free(&rig);
}

TEST(exchange_fetch, one_that_is_level_is_looked_after_every_20_ms)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_append(&rig, 2, 3);
    rig_want(&rig, 2, true);
    rig_settle(&rig);
    rig_check_asked(&rig, "move move ");
    CHECK_EQ(rig_step(&rig), rig.now_ms + 20);
    rig_append(&rig, 2, 3);
    rig.now_ms += 19;
    rig_settle(&rig);
    rig_check_asked(&rig, "");
    rig.now_ms += 1;
    rig_settle(&rig);
    rig_check_asked(&rig, "move ");
    CHECK_EQ(wf_ledger_part(rig.taker.exchange.options.ledger, 2).last, 6);
    rig_free(&rig);
}

TEST(exchange_fetch, one_that_another_was_given_is_asked_for_seldom)
{
    struct wf_ledger_ask ask = {
        .partition = 2, .node = "c", .next = 1, .is_ready = true};
    struct wf_buf answer = {0};
    struct rig rig;
    uint64_t lag;

    rig_make(t, &rig);
    rig_release(&rig.giver, 2);
    CHECK_OK(wf_ledger_serve(rig.giver.exchange.options.ledger, &ask, 1000,
                             &answer, &lag));
    wf_buf_fini(&answer);
    CHECK_EQ(rig_state(&rig.giver, 2), WF_LEDGER_GIVEN);
    rig_want(&rig, 2, true);
    rig_settle(&rig);
    rig_check_asked(&rig, "move ");
    CHECK_EQ(rig_step(&rig), rig.now_ms + 200);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_NONE);
    rig_free(&rig);
}

// Who has it is there, and keeps it. While that one is away it may be needed.
TEST(exchange_fetch,
     what_is_wanted_no_more_is_forgotten_while_its_owner_is_there)
{
    struct wf_exchange_peer *owner;
    struct rig rig;

    rig_make(t, &rig);
    owner = &rig.taker.exchange.peers[0];
    rig_want(&rig, 2, true);
    rig_settle(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_COMING);
    rig_want(&rig, 2, false);
    owner->heard_ms = rig.now_ms - 1001;
    rig_settle(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_COMING);
    owner->heard_ms = rig.now_ms - 1000;
    rig_settle(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_NONE);
    rig_free(&rig);
}

// It is nobody else's any more, whatever the balance says by now.
TEST(exchange_fetch, what_was_given_to_this_node_comes_though_it_is_not_wanted)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_release(&rig.giver, 2);
    rig_hear_view(&rig);
    rig_want(&rig, 2, true);
    (void)rig_step(&rig);
    rig_pass_all(&rig);
    (void)rig_step(&rig);
    rig_pass_first(&rig); // its answer is lost
    CHECK_EQ(rig_state(&rig.giver, 2), WF_LEDGER_GIVEN);
    rig_drop_all();
    rig_want(&rig, 2, false);
    rig_hear_view(&rig);
    rig.now_ms += 1000;
    rig_settle(&rig);
    CHECK_EQ(rig_state(&rig.taker, 2), WF_LEDGER_MINE);
    rig_free(&rig);
}
