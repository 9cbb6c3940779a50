// SPDX-License-Identifier: Apache-2.0
//
// test_shard.c - one shard with a committer that says when: who waits for whom.

#include "runtime/shard.h"

#include <stdio.h>

#include "runtime/partition_impl.h"
#include "runtime/shard_impl.h"
#include "shard_rig.h"
#include "support/test.h"

TEST(shard, one_signal_does_not_wait_for_a_thousand_of_another_client)
{
    struct rig rig;

    rig_begin(&rig);
    for (uint64_t i = 0; i < 1000; i++) {
        rig_signal(&rig, 0, i + 1, "flooded", "count");
    }
    rig_signal(&rig, 1, 1, "other", "count");
    rig_step(&rig, 3);
    rig_commit(&rig);
    rig_step(&rig, 1);
    CHECK_EQ(rig.answered[1], 1);
    CHECK(rig.answered[0] < 300);
    rig_settle(&rig); // and none of them is left out
    CHECK_EQ(rig.answered[0], 1000);
    rig_end(&rig);
}

// Steps of nothing but the one that goes on, until its turns are patient.
static void
spin(struct rig *rig)
{
    rig->now_ms += 1000;
    rig_signal(rig, 0, 1, "spins", "on");
    for (uint32_t i = 0; i < 20; i++) {
        rig->now_ms += 6;
        rig_step(rig, 20);
        rig_commit(rig); // there is a job each time
    }
}

TEST(shard, who_goes_on_and_on_commits_at_once_if_nobody_else_is_there)
{
    struct rig rig;

    rig_begin(&rig);
    spin(&rig);
    rig_end(&rig);
}

TEST(shard, who_goes_on_and_on_goes_with_those_somebody_waits_for)
{
    struct rig rig;

    rig_begin(&rig);
    spin(&rig);
    rig_step(&rig, 50);
    rig_signal(&rig, 1, 1, "other", "count");
    rig_step(&rig, 5); // it waits for the job that is away
    rig_commit(&rig);
    rig_step(&rig, 1);
    rig_commit(&rig);
    rig_step(&rig, 50);
    CHECK(rig.job == NULL); // the disk is left to who may come now
    CHECK_EQ(rig.answered[1], 1);
    CHECK(wf_shard_next_due_ms(rig.shard) <= rig.now_ms + 5);
    rig_signal(&rig, 1, 2, "other", "count");
    rig_step(&rig, 1);
    CHECK(rig.job != NULL);
    CHECK_EQ(rig.job->segments_count, 2);
    rig_end(&rig);
}

TEST(shard, patience_ends_after_five_milliseconds)
{
    struct rig rig;

    rig_begin(&rig);
    spin(&rig);
    rig_signal(&rig, 1, 1, "other", "count");
    for (uint32_t i = 0; i < 100 && rig.answered[1] == 0; i++) {
        rig_step(&rig, 1);
        if (rig.job != NULL) {
            rig_commit(&rig);
        }
    }
    CHECK_EQ(rig.answered[1], 1);
    rig_step(&rig, 50);
    CHECK(rig.job == NULL);
    rig.now_ms += 4;
    rig_step(&rig, 50);
    CHECK(rig.job == NULL);
    rig.now_ms += 1;
    rig_step(&rig, 1);
    CHECK(rig.job != NULL);
    rig_end(&rig);
}

static void
pause_it(struct rig *rig, uint64_t number, const char *id)
{
    rig_signal(rig, 1, number, id, "count");
    rig_ask(rig, WEFT_VERB_PAUSE, 1, number + 1, id, "");
}

// Places whose actors were paused before their turn do not end the step for
// those behind them.
TEST(shard, places_without_turns_do_not_hold_up_others)
{
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct wf_partition_stats before = {0};
    struct wf_partition_stats after = {0};
    struct rig rig;

    rig_begin(&rig);
    for (uint64_t i = 0; i < 8; i++) {
        rig_signal(&rig, 0, i + 1, ids[i], "count");
    }
    rig_signal(&rig, 0, 9, "other", "count");
    rig_step(&rig, 3); // they are loaded
    rig_settle(&rig);
    CHECK_EQ(rig.answered[0], 9);
    wf_shard_add_stats(rig.shard, &before);
    CHECK_EQ(before.turns, 18); // each its start and the signal
    for (uint64_t i = 0; i < 8; i++) {
        if (rig_partition_of(ids[i]) != rig_partition_of("other")) {
            pause_it(&rig, 2 * i + 1, ids[i]);
        }
    }
    rig_signal(&rig, 0, 10, "other", "count");
    rig_step(&rig, 1);
    wf_shard_add_stats(rig.shard, &after);
    CHECK_EQ(after.turns - before.turns, 1);
    rig_end(&rig);
}

// Housekeeping may look while the job is away, and trims what nobody needs.
TEST(shard, a_job_under_way_holds_the_log)
{
    struct rig rig;

    rig_begin_with(&rig, 0); // rows go with each commit
    CHECK(wf_shard_redo_commit(rig.shard, 0) == UINT64_MAX);
    rig_signal(&rig, 0, 1, "a", "count");
    rig_step(&rig, 3);
    CHECK(rig.job != NULL);
    CHECK_EQ(wf_shard_redo_commit(rig.shard, 0), rig.commits + 1);
    rig_commit(&rig);
    rig_settle(&rig);
    CHECK(wf_shard_redo_commit(rig.shard, 0) == UINT64_MAX);
    rig_end(&rig);
}

// A store may have to be opened anew, or the partition to go elsewhere, while a
// commit of it becomes durable. Who waits for its outcome is kept.
TEST(shard, a_job_may_come_back_durable_after_its_partitions_are_gone)
{
    struct rig rig;

    rig_begin(&rig);
    rig_signal(&rig, 0, 1, "a", "count");
    rig_step(&rig, 3);
    CHECK(rig.job != NULL);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FENCE, 0);
    rig_commit(&rig);
    rig_step(&rig, 3);
    CHECK_EQ(rig.fences, 1);
    CHECK_EQ(rig.answered[0], 0); // by its successor
    wf_shard_destroy(rig.shard, WEFT_EIO);
    weft_definitions_destroy(rig.definitions);
}

// A partition of a cluster, as its log left it.
static struct wf_partition *
recover(struct rig *rig, uint32_t index, uint64_t seen_ms)
{
    struct wf_partition_options options = {
        .index = index,
        .count = RIG_PARTITIONS,
        .incarnation = index + 1,
        .definitions = rig->definitions,
        .window_bytes = 64 << 20,
    };
    struct wf_post *post = wf_post_create(WF_POST_RECOVER);
    struct wf_buf meta = {0};

    wf_shard_fill_options(rig->shard, &options);
    post->partition = index;
    post->u.recovered = wf_partition_create(&options);
    wf_buf_put_u8(&meta, 1);     // format
    wf_buf_put_varint(&meta, 1); // epoch
    wf_buf_put_varint(&meta, 1); // generation
    wf_buf_put_varint(&meta, 1); // record
    wf_buf_put_varint(&meta, 2); // redo
    wf_buf_put_u32(&meta, 0);
    wf_buf_put_varint(&meta, seen_ms);
    wf_buf_put_varint(&meta, 1); // letter
    wf_buf_put_varint(&meta, 0); // wake
    CHECK_OK(wf_partition_recover_meta(post->u.recovered, wf_buf_bytes(&meta)));
    wf_buf_fini(&meta);
    wf_post_push(wf_shard_inbox(rig->shard), post);
    return post->u.recovered;
}

// It comes from a node whose clock is ahead: that goes for it, and for no
// other.
TEST(shard, a_partition_brings_its_time_for_itself)
{
    const uint64_t hour = 3600000;
    struct wf_partition *ahead;
    struct wf_partition *own;
    struct rig rig;
    char id[16] = "a";

    rig_begin(&rig);
    rig_settle(&rig);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FENCE, 0);
    rig_step(&rig, 3);
    ahead = recover(&rig, 0, rig.now_ms + hour);
    own = recover(&rig, 1, rig.now_ms);
    rig_step(&rig, 3);
    rig_settle(&rig);
    CHECK(wf_partition_recovered_ms(ahead) >= rig.now_ms + hour - 1000);
    for (char c = 'a'; rig_partition_of(id) != 1; c++) {
        id[0] = c;
    }
    rig_signal(&rig, 0, 1, id, "count");
    rig_step(&rig, 5);
    rig_settle(&rig);
    CHECK_EQ(rig.answered[0], 1);
    CHECK(wf_partition_recovered_ms(own) <= rig.now_ms);
    rig_end(&rig);
}

// What falls due there is due by its own time.
TEST(shard, what_is_due_in_a_partition_that_is_ahead_is_due_in_time)
{
    struct rig rig;

    rig_begin(&rig);
    rig_settle(&rig);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FENCE, 0);
    rig_step(&rig, 3);
    (void)recover(&rig, rig_partition_of("a"), rig.now_ms + 3600000);
    rig_step(&rig, 3);
    rig_settle(&rig);
    rig_signal(&rig, 0, 1, "a", "soon");
    rig_step(&rig, 5);
    rig_settle(&rig);
    CHECK_EQ(rig.answered[0], 1);
    CHECK(wf_shard_next_due_ms(rig.shard) <= rig.now_ms + RIG_SOON_MS);
    rig_end(&rig);
}

static void
check_signal(struct rig *rig, uint64_t number, uint64_t answered,
             uint64_t refused)
{
    rig_signal(rig, 0, number, "a", "count");
    rig_step(rig, 5);
    rig_settle(rig);
    CHECK_EQ(rig->answered[0], answered);
    CHECK_EQ(rig->refused[0], refused);
}

// It stops while there is too little, and goes on when there is enough.
TEST(shard, intake_follows_memory)
{
    struct rig rig;
    uint64_t limit;

    rig_begin(&rig);
    limit = rig.shard->options.memory_bytes;
    check_signal(&rig, 1, 1, 0);
    rig.shard->options.memory_bytes = 1000;
    rig_step(&rig, 1);
    check_signal(&rig, 2, 1, 1);
    rig.shard->options.memory_bytes = limit;
    rig_step(&rig, 1);
    check_signal(&rig, 3, 2, 1);
    for (uint32_t i = 0; i < RIG_PARTITIONS; i++) {
        CHECK(!rig.shard->places[i].partition->is_pressed);
    }
    rig_end(&rig);
}

// Also by a partition that comes meanwhile.
TEST(shard, who_is_opened_anew_takes_nothing_while_intake_is_stopped)
{
    struct wf_post *post = wf_post_create(WF_POST_REFUSE);
    struct rig rig;

    rig_begin(&rig);
    rig_settle(&rig);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FENCE, 0);
    rig_step(&rig, 3);
    post->store = WF_POST_ALL_STORES;
    post->u.refuse.why = WF_REFUSAL_STALLED;
    post->u.refuse.is_on = true;
    wf_post_push(wf_shard_inbox(rig.shard), post);
    rig_step(&rig, 1);
    (void)recover(&rig, rig_partition_of("a"), rig.now_ms);
    rig_step(&rig, 3);
    rig_settle(&rig);
    check_signal(&rig, 1, 0, 1);
    rig_end(&rig);
}

// Another node may have the partition: what this one would write is fenced off,
// and what it read could be old.
TEST(shard, without_a_lease_nothing_is_read)
{
    struct rig rig;

    rig_begin_shared(&rig);
    atomic_store(&rig.lease_until_ns, UINT64_MAX);
    for (uint32_t i = 0; i < RIG_PARTITIONS; i++) {
        (void)recover(&rig, i, rig.now_ms);
    }
    rig_step(&rig, 3);
    rig_settle(&rig);
    rig_ask(&rig, WEFT_VERB_DESCRIBE, 0, 1, "a", "");
    rig_step(&rig, 5);
    rig_settle(&rig);
    CHECK_EQ(rig.refused[0], 0);
    atomic_store(&rig.lease_until_ns, rig.now_ms * 1000000);
    rig_ask(&rig, WEFT_VERB_DESCRIBE, 0, 2, "a", "");
    rig_signal(&rig, 0, 3, "a", "count"); // whether it counts its log says
    rig_step(&rig, 5);
    rig_settle(&rig);
    CHECK_EQ(rig.refused[0], 1);
    CHECK_EQ(rig.answered[0], 1);
    rig_end(&rig);
}

// The first has gone to another node when the partition comes here, and comes
// back. What its client asked later waits for it, one behind the other.
TEST(shard, what_has_gone_elsewhere_is_waited_for)
{
    struct rig rig;

    rig_begin_shared(&rig);
    atomic_store(&rig.lease_until_ns, UINT64_MAX);
    rig_signal(&rig, 0, 1, "a", "count");
    rig_step(&rig, 3);
    CHECK_EQ(rig.away_count, 1);
    for (uint32_t i = 0; i < RIG_PARTITIONS; i++) {
        (void)recover(&rig, i, rig.now_ms);
    }
    rig_step(&rig, 3);
    rig_settle(&rig);
    rig_signal(&rig, 0, 2, "a", "count");
    for (int i = 0; i < 20; i++) {
        rig_step(&rig, 1);
        rig_settle(&rig);
    }
    CHECK_STR(rig.order, "");
    rig_post(&rig, rig.away[0]);
    rig_signal(&rig, 0, 3, "a", "count");
    for (int i = 0; i < 20; i++) {
        rig_step(&rig, 1);
        rig_settle(&rig);
    }
    CHECK_STR(rig.order, "123");
    rig_end(&rig);
}

// More than enough for all that can be done.
static void
run(struct rig *rig)
{
    for (uint32_t i = 0; i < 20; i++) {
        rig_step(rig, 1);
        if (rig->job != NULL) {
            rig_commit(rig);
        }
    }
}

// The partition frees what it asked for, and the reader has it.
TEST(shard, a_shard_ends_when_all_that_it_asked_for_has_come)
{
    struct rig rig;

    rig_begin(&rig);
    rig.holds_loads = true;
    rig_signal(&rig, 0, 1, "a", "count");
    rig_step(&rig, 3);
    CHECK(rig.held != NULL);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FINISH, 0);
    run(&rig);
    CHECK(!wf_shard_is_finished(rig.shard));
    rig_give_load(&rig, rig.held);
    run(&rig);
    CHECK(wf_shard_is_finished(rig.shard));
    rig_end(&rig);
}

static uint64_t
turns_of(const struct rig *rig)
{
    struct wf_partition_stats stats = {0};

    wf_shard_add_stats(rig->shard, &stats);
    return stats.turns;
}

// What runs ahead of the log is in memory alone: there must be an end to it.
TEST(shard, turns_run_ahead_of_a_slow_disk_for_a_second)
{
    struct rig rig;
    uint64_t turns;

    rig_begin(&rig);
    rig_signal(&rig, 0, 1, "a", "count");
    rig_step(&rig, 3);
    CHECK(rig.job != NULL);
    turns = turns_of(&rig);
    rig.now_ms += 999;
    rig_signal(&rig, 0, 2, "a", "count");
    rig_step(&rig, 3);
    CHECK_EQ(turns_of(&rig), turns + 1);
    rig.now_ms += 1;
    rig_signal(&rig, 0, 3, "a", "count");
    rig_step(&rig, 3);
    CHECK_EQ(turns_of(&rig), turns + 1);
    rig_commit(&rig);
    rig_step(&rig, 3);
    CHECK_EQ(turns_of(&rig), turns + 2);
    rig_end(&rig);
}

// Its thread sleeps for so long, if nothing comes.
TEST(shard, a_shard_looks_again_when_something_is_due_and_each_second)
{
    struct rig rig;

    rig_begin(&rig);
    rig_signal(&rig, 0, 1, "a", "far");
    rig_settle(&rig);
    while (wf_shard_step(rig.shard) == 0) {
    }
    CHECK_EQ(wf_shard_step(rig.shard), 1000); // the clock may jump
    rig_signal(&rig, 0, 2, "b", "soon");
    rig_settle(&rig);
    while (wf_shard_step(rig.shard) == 0) {
    }
    CHECK_EQ(wf_shard_step(rig.shard),
             wf_shard_next_due_ms(rig.shard) - rig.now_ms);
    CHECK(wf_shard_step(rig.shard) <= RIG_SOON_MS);
    rig_end(&rig);
}

static void
give_signals(struct rig *rig, uint64_t first, uint64_t count, bool is_one_actor)
{
    char id[16];

    for (uint64_t i = first; i < first + count; i++) {
        (void)snprintf(id, sizeof(id), "a%u",
                       is_one_actor ? 0 : (unsigned)(i % 100));
        rig_signal(rig, 0, i, id, "count");
    }
}

// How much of what is asked reaches its turns in 20 ms without a commit.
static uint64_t
run_without_commit(struct rig *rig, uint64_t count, bool is_one_actor)
{
    uint64_t turns = turns_of(rig);

    give_signals(rig, 1, count, is_one_actor);
    for (uint32_t i = 0; i < 20; i++) {
        while (wf_shard_step(rig->shard) == 0) {
        }
        CHECK(rig->job != NULL);
        rig->now_ms += 1;
    }
    return turns_of(rig) - turns;
}

// Else a commit of 5 ms would be a limit of 384 signals in that time.
TEST(shard, who_is_alone_is_not_held_up_by_a_slow_disk)
{
    struct rig rig;

    rig_begin(&rig);
    CHECK(run_without_commit(&rig, 4000, false) >= 4000);
    rig_settle(&rig);
    CHECK_EQ(rig.answered[0], 4000);
    rig_end(&rig);
}

// Its thread is not to wait for the commit either.
TEST(shard, a_shard_looks_again_soon_while_who_is_alone_waits)
{
    struct rig rig;

    rig_begin(&rig);
    give_signals(&rig, 1, 1000, false);
    while (wf_shard_step(rig.shard) == 0) {
    }
    CHECK(wf_shard_step(rig.shard) <= 5);
    rig_settle(&rig);
    rig_end(&rig);
}

// An actor that has used up its share of the segment cannot keep up: what came
// for it would only wait in its mailbox, and be spilled.
TEST(shard, a_slow_disk_does_not_fill_the_mailbox_of_a_hot_actor)
{
    struct rig rig;
    uint64_t turns;

    rig_begin(&rig);
    turns = run_without_commit(&rig, 8000, true);
    CHECK(turns > 384);
    CHECK(turns < 4000);
    rig_settle(&rig);
    CHECK_EQ(rig.answered[0], 8000);
    rig_end(&rig);
}

static uint64_t
rows_saved(const struct rig *rig)
{
    struct wf_partition_stats stats = {0};

    wf_shard_add_stats(rig->shard, &stats);
    return stats.rows_saved;
}

// A hundred actors that change all the time, from the same moment on, are not
// all saved at the same time, again and again.
TEST(shard, saves_are_spread_over_the_window)
{
    struct rig rig;
    uint64_t most = 0;
    uint64_t before;

    rig_begin_with(&rig, 1 << 20);
    before = rows_saved(&rig);
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t saved = rows_saved(&rig);

        give_signals(&rig, 100 * i + 1, 100, false);
        rig_step(&rig, 1);
        rig_settle(&rig);
        saved = rows_saved(&rig) - saved;
        most = saved > most ? saved : most;
    }
    CHECK(rows_saved(&rig) - before > 300); // each of them a few times
    CHECK(most < 20);
    rig_end(&rig);
}
