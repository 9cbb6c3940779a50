// SPDX-License-Identifier: Apache-2.0
//
// test_shard.c - one shard with a committer that says when: who waits for whom.

#include "runtime/shard.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/committer.h"
#include "runtime/load.h"
#include "runtime/request.h"
#include "runtime/task.h"
#include "support/test.h"
#include "weft/actor.h"

enum { PARTITIONS = 4, SOON_MS = 700, FAR_MS = 86400000 };

struct rig {
    weft_definitions *definitions;
    struct wf_shard *shard;
    uint64_t now_ms;
    struct wf_job *job; // with the committer
    uint64_t commits;
    uint64_t answered[2]; // by client
    uint32_t fences;      // that it said it has handled
    bool holds_loads;     // so that what it asked for does not come
    struct wf_load *held; // one of those
    int64_t window_bytes;
};

static struct rig *rig_now; // for what has no context

static uint64_t
wall_ms(void *self)
{
    return ((struct rig *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((struct rig *)self)->now_ms * 1000000U;
}

// Ports.
// ------------------------------------------------------------------------

static void
take_job(void *ctx, struct wf_job *job)
{
    struct rig *rig = ctx;

    CHECK(rig->job == NULL);
    rig->job = job;
}

static void
take_frame(void *ctx, uint32_t destination, struct wf_buf *bytes)
{
    struct rig *rig = ctx;
    struct wf_post *post = wf_post_create(WF_POST_FRAME);

    post->partition = destination;
    post->u.frame = *bytes;
    *bytes = (struct wf_buf){0};
    wf_post_push(wf_shard_inbox(rig->shard), post);
}

static void
take_task(void *ctx, struct wf_task *task)
{
    (void)ctx;
    wf_task_destroy(task);
}

// There are no rows.
static void
give_load(const struct rig *rig, struct wf_load *load)
{
    struct wf_post *post = wf_post_create(WF_POST_LOAD);

    post->partition = load->partition;
    post->u.load = load;
    wf_post_push(wf_shard_inbox(rig->shard), post);
}

static void
take_load(void *ctx, struct wf_load *load)
{
    struct rig *rig = ctx;

    if (rig->holds_loads) {
        CHECK(rig->held == NULL);
        rig->held = load;
    } else {
        give_load(rig, load);
    }
}

static void
take_fenced(void *ctx, uint32_t store)
{
    struct rig *rig = ctx;

    CHECK_EQ(store, 0);
    rig->fences++;
}

// The rig.
// ------------------------------------------------------------------------

// A message "on" makes it send itself another, for ever; "soon" and "far" set a
// timer.
static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_target self = {weft_actor_kind(actor), weft_actor_id(actor)};

    *(uint64_t *)state += 1;
    if (strcmp(message->name, "soon") == 0) {
        return weft_actor_timer_set(actor, "t", SOON_MS);
    }
    if (strcmp(message->name, "far") == 0) {
        return weft_actor_timer_set(actor, "t", FAR_MS);
    }
    return strcmp(message->name, "on") == 0
               ? weft_actor_send(actor, self, "on", weft_nothing())
               : WEFT_OK;
}

static void
commit(struct rig *rig)
{
    CHECK(rig->job != NULL);
    rig->commits++;
    rig->job->is_durable = true;
    rig->job->commit = rig->commits;
    rig->job->log_bytes += rig->job->frames.len;
    rig->job->post.type = WF_POST_COMMITTED;
    wf_post_push(wf_shard_inbox(rig->shard), &rig->job->post);
    rig->job = NULL;
}

static void
settle(struct rig *rig)
{
    for (uint32_t i = 0; i < 1000 && !wf_shard_is_settled(rig->shard); i++) {
        (void)wf_shard_step(rig->shard);
        if (rig->job != NULL) {
            commit(rig);
        }
        rig->now_ms++;
    }
    CHECK(wf_shard_is_settled(rig->shard));
}

static void
adopt(struct rig *rig, uint32_t index)
{
    struct wf_partition_options options = {
        .index = index,
        .count = PARTITIONS,
        .incarnation = index + 1,
        .definitions = rig->definitions,
        .window_bytes = rig->window_bytes,
        .residents_max = 1000,
        .stacks_max = 10,
    };

    wf_shard_fill_options(rig->shard, &options);
    wf_shard_adopt(rig->shard, index, wf_partition_create(&options));
}

static void
begin_with(struct rig *rig, int64_t window_bytes)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    struct wf_shard_options options = {
        .shards_count = 1,
        .stores_count = 1,
        .partitions_count = PARTITIONS,
        .window_bytes = window_bytes,
        .memory_bytes = UINT64_MAX,
        .clock = {.wall_ms = wall_ms, .mono_ns = mono_ns, .self = rig},
        .is_patient = true,
        .ports = {.seal = take_job,
                  .frame = take_frame,
                  .task = take_task,
                  .load = take_load,
                  .fenced = take_fenced,
                  .ctx = rig},
    };

    *rig = (struct rig){.now_ms = 1000000, .window_bytes = window_bytes};
    rig_now = rig;
    CHECK_EQ(weft_definitions_create(&rig->definitions), WEFT_OK);
    def.name = "k";
    def.state_bytes = sizeof(uint64_t);
    def.receive = receive;
    CHECK_EQ(weft_definitions_add_actor(rig->definitions, &def), WEFT_OK);
    options.definitions = rig->definitions;
    rig->shard = wf_shard_create(&options);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        adopt(rig, i);
    }
    wf_shard_start(rig->shard);
    settle(rig);
    wf_shard_serve(rig->shard);
    settle(rig);
}

static void
begin(struct rig *rig)
{
    begin_with(rig, 64 << 20);
}

static void
end(struct rig *rig)
{
    if (rig->job != NULL) {
        commit(rig);
    }
    wf_shard_destroy(rig->shard, WEFT_ECLOSED);
    weft_definitions_destroy(rig->definitions);
}

static void
answered(struct wf_request *request)
{
    rig_now->answered[request->client[0]] += request->reply.err == WEFT_OK;
    wf_request_destroy(request);
}

static uint32_t
partition_of(const char *id)
{
    struct wf_key key = {0};
    uint32_t partition;

    CHECK_EQ(wf_key_make("default", "k", id, &key), WEFT_OK);
    partition = wf_key_partition(&key, PARTITIONS);
    wf_key_fini(&key);
    return partition;
}

static void
ask_for(struct rig *rig, weft_verb verb, uint8_t client, uint64_t number,
        const char *id, const char *name)
{
    struct wf_request *request = wf_request_create();
    struct wf_post *post = wf_post_create(WF_POST_REQUEST);

    request->verb = verb;
    CHECK_EQ(wf_key_make("default", "k", id, &request->key), WEFT_OK);
    request->name = wf_strdup(name);
    request->client[0] = client;
    request->number = number;
    request->done = answered;
    request->partition = wf_key_partition(&request->key, PARTITIONS);
    post->partition = request->partition;
    post->u.request = request;
    wf_post_push(wf_shard_inbox(rig->shard), post);
}

static void
signal_to(struct rig *rig, uint8_t client, uint64_t number, const char *id,
          const char *name)
{
    ask_for(rig, WEFT_VERB_SIGNAL, client, number, id, name);
}

static void
step(struct rig *rig, uint32_t times)
{
    while (times-- > 0) {
        (void)wf_shard_step(rig->shard);
    }
}

// Stories.
// ------------------------------------------------------------------------

TEST(shard, one_signal_does_not_wait_for_a_thousand_of_another_client)
{
    struct rig rig;

    begin(&rig);
    for (uint64_t i = 0; i < 1000; i++) {
        signal_to(&rig, 0, i + 1, "flooded", "count");
    }
    signal_to(&rig, 1, 1, "other", "count");
    step(&rig, 3);
    commit(&rig);
    step(&rig, 1);
    CHECK_EQ(rig.answered[1], 1);
    CHECK(rig.answered[0] < 300);
    settle(&rig); // and none of them is left out
    CHECK_EQ(rig.answered[0], 1000);
    end(&rig);
}

TEST(shard, who_goes_on_and_on_commits_at_once_if_nobody_else_is_there)
{
    struct rig rig;

    begin(&rig);
    rig.now_ms += 1000;
    signal_to(&rig, 0, 1, "spins", "on");
    for (uint32_t i = 0; i < 20; i++) {
        rig.now_ms += 6;
        step(&rig, 20);
        commit(&rig); // there is a job each time
    }
    end(&rig);
}

// Steps of nothing but the one that goes on, until its turns are patient.
static void
spin(struct rig *rig)
{
    rig->now_ms += 1000;
    signal_to(rig, 0, 1, "spins", "on");
    for (uint32_t i = 0; i < 20; i++) {
        rig->now_ms += 6;
        step(rig, 20);
        commit(rig);
    }
}

TEST(shard, who_goes_on_and_on_goes_with_those_somebody_waits_for)
{
    struct rig rig;

    begin(&rig);
    spin(&rig);
    step(&rig, 50);
    signal_to(&rig, 1, 1, "other", "count");
    step(&rig, 5); // it waits for the job that is away
    commit(&rig);
    step(&rig, 1);
    commit(&rig);
    step(&rig, 50);
    CHECK(rig.job == NULL); // the disk is left to who may come now
    CHECK_EQ(rig.answered[1], 1);
    CHECK(wf_shard_next_due_ms(rig.shard) <= rig.now_ms + 5);
    signal_to(&rig, 1, 2, "other", "count");
    step(&rig, 1);
    CHECK(rig.job != NULL);
    CHECK_EQ(rig.job->segments_count, 2);
    end(&rig);
}

TEST(shard, patience_ends_after_five_milliseconds)
{
    struct rig rig;

    begin(&rig);
    spin(&rig);
    signal_to(&rig, 1, 1, "other", "count");
    for (uint32_t i = 0; i < 100 && rig.answered[1] == 0; i++) {
        step(&rig, 1);
        if (rig.job != NULL) {
            commit(&rig);
        }
    }
    CHECK_EQ(rig.answered[1], 1);
    step(&rig, 50);
    CHECK(rig.job == NULL);
    rig.now_ms += 4;
    step(&rig, 50);
    CHECK(rig.job == NULL);
    rig.now_ms += 1;
    step(&rig, 1);
    CHECK(rig.job != NULL);
    end(&rig);
}

static void
pause_it(struct rig *rig, uint64_t number, const char *id)
{
    signal_to(rig, 1, number, id, "count");
    ask_for(rig, WEFT_VERB_PAUSE, 1, number + 1, id, "");
}

// Places whose actors were paused before their turn do not end the step for
// those behind them.
TEST(shard, places_without_turns_do_not_hold_up_others)
{
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct wf_partition_stats before = {0};
    struct wf_partition_stats after = {0};
    struct rig rig;

    begin(&rig);
    for (uint64_t i = 0; i < 8; i++) {
        signal_to(&rig, 0, i + 1, ids[i], "count");
    }
    signal_to(&rig, 0, 9, "other", "count");
    step(&rig, 3); // they are loaded
    settle(&rig);
    CHECK_EQ(rig.answered[0], 9);
    wf_shard_add_stats(rig.shard, &before);
    CHECK_EQ(before.turns, 18); // each its start and the signal
    for (uint64_t i = 0; i < 8; i++) {
        if (partition_of(ids[i]) != partition_of("other")) {
            pause_it(&rig, 2 * i + 1, ids[i]);
        }
    }
    signal_to(&rig, 0, 10, "other", "count");
    step(&rig, 1);
    wf_shard_add_stats(rig.shard, &after);
    CHECK_EQ(after.turns - before.turns, 1);
    end(&rig);
}

// Housekeeping may look while the job is away, and trims what nobody needs.
TEST(shard, a_job_under_way_holds_the_log)
{
    struct rig rig;

    begin_with(&rig, 0); // rows go with each commit
    CHECK(wf_shard_redo_commit(rig.shard, 0) == UINT64_MAX);
    signal_to(&rig, 0, 1, "a", "count");
    step(&rig, 3);
    CHECK(rig.job != NULL);
    CHECK_EQ(wf_shard_redo_commit(rig.shard, 0), rig.commits + 1);
    commit(&rig);
    settle(&rig);
    CHECK(wf_shard_redo_commit(rig.shard, 0) == UINT64_MAX);
    end(&rig);
}

// A store may have to be opened anew, or the partition to go elsewhere, while a
// commit of it becomes durable. Who waits for its outcome is kept.
TEST(shard, a_job_may_come_back_durable_after_its_partitions_are_gone)
{
    struct rig rig;

    begin(&rig);
    signal_to(&rig, 0, 1, "a", "count");
    step(&rig, 3);
    CHECK(rig.job != NULL);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FENCE, 0);
    commit(&rig);
    step(&rig, 3);
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
        .count = PARTITIONS,
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

    begin(&rig);
    settle(&rig);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FENCE, 0);
    step(&rig, 3);
    ahead = recover(&rig, 0, rig.now_ms + hour);
    own = recover(&rig, 1, rig.now_ms);
    step(&rig, 3);
    settle(&rig);
    CHECK(wf_partition_recovered_ms(ahead) >= rig.now_ms + hour - 1000);
    for (char c = 'a'; partition_of(id) != 1; c++) {
        id[0] = c;
    }
    signal_to(&rig, 0, 1, id, "count");
    step(&rig, 5);
    settle(&rig);
    CHECK_EQ(rig.answered[0], 1);
    CHECK(wf_partition_recovered_ms(own) <= rig.now_ms);
    end(&rig);
}

// The partition frees what it asked for, and the reader has it.
TEST(shard, a_shard_ends_when_all_that_it_asked_for_has_come)
{
    struct rig rig;

    begin(&rig);
    rig.holds_loads = true;
    signal_to(&rig, 0, 1, "a", "count");
    step(&rig, 3);
    CHECK(rig.held != NULL);
    wf_post_tell(wf_shard_inbox(rig.shard), WF_POST_FINISH, 0);
    for (uint32_t i = 0; i < 20; i++) {
        step(&rig, 1);
        if (rig.job != NULL) {
            commit(&rig);
        }
    }
    CHECK(!wf_shard_is_finished(rig.shard));
    give_load(&rig, rig.held);
    for (uint32_t i = 0; i < 20; i++) {
        step(&rig, 1);
        if (rig.job != NULL) {
            commit(&rig);
        }
    }
    CHECK(wf_shard_is_finished(rig.shard));
    end(&rig);
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

    begin(&rig);
    signal_to(&rig, 0, 1, "a", "count");
    step(&rig, 3);
    CHECK(rig.job != NULL);
    turns = turns_of(&rig);
    rig.now_ms += 999;
    signal_to(&rig, 0, 2, "a", "count");
    step(&rig, 3);
    CHECK_EQ(turns_of(&rig), turns + 1);
    rig.now_ms += 1;
    signal_to(&rig, 0, 3, "a", "count");
    step(&rig, 3);
    CHECK_EQ(turns_of(&rig), turns + 1);
    commit(&rig);
    step(&rig, 3);
    CHECK_EQ(turns_of(&rig), turns + 2);
    end(&rig);
}

// Its thread sleeps for so long, if nothing comes.
TEST(shard, a_shard_looks_again_when_something_is_due_and_each_second)
{
    struct rig rig;

    begin(&rig);
    signal_to(&rig, 0, 1, "a", "far");
    settle(&rig);
    while (wf_shard_step(rig.shard) == 0) {
    }
    CHECK_EQ(wf_shard_step(rig.shard), 1000); // the clock may jump
    signal_to(&rig, 0, 2, "b", "soon");
    settle(&rig);
    while (wf_shard_step(rig.shard) == 0) {
    }
    CHECK_EQ(wf_shard_step(rig.shard),
             wf_shard_next_due_ms(rig.shard) - rig.now_ms);
    CHECK(wf_shard_step(rig.shard) <= SOON_MS);
    end(&rig);
}

static void
give_signals(struct rig *rig, uint64_t first, uint64_t count, bool is_one_actor)
{
    char id[16];

    for (uint64_t i = first; i < first + count; i++) {
        (void)snprintf(id, sizeof(id), "a%u",
                       is_one_actor ? 0 : (unsigned)(i % 100));
        signal_to(rig, 0, i, id, "count");
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

    begin(&rig);
    CHECK(run_without_commit(&rig, 4000, false) >= 4000);
    settle(&rig);
    CHECK_EQ(rig.answered[0], 4000);
    end(&rig);
}

// Its thread is not to wait for the commit either.
TEST(shard, a_shard_looks_again_soon_while_who_is_alone_waits)
{
    struct rig rig;

    begin(&rig);
    give_signals(&rig, 1, 1000, false);
    while (wf_shard_step(rig.shard) == 0) {
    }
    CHECK(wf_shard_step(rig.shard) <= 5);
    settle(&rig);
    end(&rig);
}

// An actor that has used up its share of the segment cannot keep up: what came
// for it would only wait in its mailbox, and be spilled.
TEST(shard, a_slow_disk_does_not_fill_the_mailbox_of_a_hot_actor)
{
    struct rig rig;
    uint64_t turns;

    begin(&rig);
    turns = run_without_commit(&rig, 8000, true);
    CHECK(turns > 384);
    CHECK(turns < 4000);
    settle(&rig);
    CHECK_EQ(rig.answered[0], 8000);
    end(&rig);
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

    begin_with(&rig, 1 << 20);
    before = rows_saved(&rig);
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t saved = rows_saved(&rig);

        give_signals(&rig, 100 * i + 1, 100, false);
        step(&rig, 1);
        settle(&rig);
        saved = rows_saved(&rig) - saved;
        most = saved > most ? saved : most;
    }
    CHECK(rows_saved(&rig) - before > 300); // each of them a few times
    CHECK(most < 20);
    end(&rig);
}
