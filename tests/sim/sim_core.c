// SPDX-License-Identifier: Apache-2.0
//
// sim_core.c - first stories of the partition core, on the virtual clock.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/partition_impl.h"
#include "runtime/recovery.h"
#include "sim/world.h"
#include "sim/world_impl.h"
#include "support/test.h"
#include "weft/weft.h"

struct counter {
    int64_t value;
};

static weft_err
counter_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct counter *counter = state;
    char text[32];

    if (strcmp(message->name, "add") == 0) {
        counter->value++;
    } else if (strcmp(message->name, "stop") == 0) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)counter->value);
        return weft_actor_stop(actor, weft_text(text));
    }
    (void)snprintf(text, sizeof(text), "%lld", (long long)counter->value);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_err
charge(weft_activity *activity, weft_bytes input)
{
    (void)input;
    if (weft_activity_attempt(activity) < 3) {
        return weft_activity_fail(activity, "busy", "try later",
                                  weft_nothing());
    }
    return weft_activity_return(activity, weft_text("charged"));
}

static weft_err
run_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    *out_result = weft_text(ctx);
    return WEFT_OK;
}

static weft_err
order_run(weft_workflow *wf, weft_bytes input)
{
    char text[200];
    weft_bytes charged;
    weft_bytes pay;
    weft_bytes stepped;
    weft_err err;

    (void)input;
    err = weft_workflow_receive(wf, "pay", 60000, &pay);
    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_call(wf, "charge", pay, NULL, &charged);
    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_step(wf, "pack", run_step, (void *)(uintptr_t) "packed",
                             &stepped);
    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_sleep(wf, 5000);
    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%.*s %.*s %.*s", (int)pay.len,
                   (const char *)pay.data, (int)charged.len,
                   (const char *)charged.data, (int)stepped.len,
                   (const char *)stepped.data);
    return weft_workflow_return(wf, weft_text(text));
}

// Sleeps for so long as a signal says; how many have woken up is counted.
static int woken;

static weft_err
sleeper_receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    if (message->type == WEFT_MESSAGE_TIMER) {
        woken++;
        return WEFT_OK;
    }
    return weft_actor_timer_set(actor, "up", strtoull(message->name, NULL, 10));
}

static weft_definitions *
definitions(void)
{
    weft_definitions *defs;
    weft_actor_def counter = WEFT_ACTOR_DEF_INIT;
    weft_actor_def sleeper = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def order = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def pay = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&defs));
    counter.name = "counter";
    counter.state_bytes = sizeof(struct counter);
    counter.receive = counter_receive;
    CHECK_OK(weft_definitions_add_actor(defs, &counter));
    sleeper.name = "sleeper";
    sleeper.receive = sleeper_receive;
    CHECK_OK(weft_definitions_add_actor(defs, &sleeper));
    order.name = "order";
    order.run = order_run;
    CHECK_OK(weft_definitions_add_workflow(defs, &order));
    pay.name = "charge";
    pay.run = charge;
    CHECK_OK(weft_definitions_add_activity(defs, &pay));
    return defs;
}

TEST(core, an_actor_counts)
{
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 1, .definitions = defs, .is_traced = true});
    struct world_call *call;

    for (int i = 0; i < 5; i++) {
        call = world_ask(world, WEFT_VERB_SIGNAL, "counter", "a", "add",
                         weft_nothing());
        CHECK_OK(call->err);
    }
    call =
        world_ask(world, WEFT_VERB_ASK, "counter", "a", "read", weft_nothing());
    CHECK_OK(call->err);
    CHECK_STR(call->data, "5");
    world_crash(world, 0);
    call =
        world_ask(world, WEFT_VERB_ASK, "counter", "a", "add", weft_nothing());
    CHECK_STR(call->data, "6");
    call = world_ask(world, WEFT_VERB_SIGNAL, "counter", "a", "stop",
                     weft_nothing());
    CHECK_OK(call->err);
    call =
        world_ask(world, WEFT_VERB_RESULT, "counter", "a", "", weft_nothing());
    CHECK_OK(call->err);
    CHECK_STR(call->data, "6");
    CHECK_EQ(world_audit(world), 0);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

static void
order_story(bool is_paranoid, int64_t window, uint64_t crash, bool is_after)
{
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 7,
        .definitions = defs,
        .is_traced = true,
        .is_paranoid = is_paranoid,
        .window_bytes = window,
    });
    struct world_call *call;

    world_crash_at(world, crash, is_after);
    call = world_ask(world, WEFT_VERB_START, "order", "17", "", weft_nothing());
    CHECK_OK(call->err);
    call = world_ask(world, WEFT_VERB_SIGNAL, "order", "17", "pay",
                     weft_text("card"));
    CHECK_OK(call->err);
    call =
        world_ask(world, WEFT_VERB_RESULT, "order", "17", "", weft_nothing());
    CHECK_OK(call->err);
    CHECK_STR(call->data, "card charged packed");
    CHECK_EQ(world_audit(world), 0);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

TEST(core, an_order_completes)
{
    order_story(false, 0, 0, false);
}

TEST(core, an_order_completes_when_its_stack_is_dropped_after_every_turn)
{
    order_story(true, 0, 0, false);
}

TEST(core, an_order_completes_over_a_crash_at_every_commit)
{
    for (uint64_t commit = 1; commit < 25; commit++) {
        order_story(false, 0, commit, false);
        order_story(false, 0, commit, true);
        order_story(true, 65536, commit, false);
        order_story(true, 65536, commit, true);
    }
}

// Of the letters that are in memory.
static uint64_t
letter_bytes(const struct world *world)
{
    const struct wf_partition *partition = world_partition(world, 0);
    const struct wf_actor *actor;
    uint64_t bytes = 0;
    size_t cursor = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        bytes += actor->mailbox.bytes;
    }
    return bytes;
}

// A queue longer than memory should hold: letters go to rows, come back by
// pages, and none is lost or out of order over crashes in between.
static void
long_mailbox(int64_t window, int count, size_t payload_len)
{
    static const uint8_t payload[200000];
    weft_bytes data = weft_bytes_of(payload, payload_len);
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 3, .definitions = defs, .window_bytes = window});
    struct world_call *call;
    char sum[16];

    call = world_ask(world, WEFT_VERB_SIGNAL, "counter", "a", "add",
                     weft_nothing());
    CHECK_OK(call->err);
    call =
        world_ask(world, WEFT_VERB_PAUSE, "counter", "a", "", weft_nothing());
    CHECK_OK(call->err);
    for (int i = 0; i < count; i++) {
        (void)world_call(world, WEFT_VERB_SIGNAL, "counter", "a", "add", data);
        if (i % (count / 60) == 0) {
            world_run_ms(world, 10);
        }
        if (i % (count / 4) == count / 4 - 1) {
            world_crash(world, 0);
        }
    }
    world_run_ms(world, 1000);
    CHECK(letter_bytes(world) <= WF_MAILBOX_MEMORY_BYTES);
    call = world_ask(world, WEFT_VERB_DESCRIBE, "counter", "a", "",
                     weft_nothing());
    CHECK_OK(call->err);
    CHECK(call->item.mailbox_count >= (uint64_t)count);
    call =
        world_ask(world, WEFT_VERB_RESUME, "counter", "a", "", weft_nothing());
    CHECK_OK(call->err);
    for (int i = 0; i < 20; i++) {
        world_run_ms(world, 2);
        world_crash(world, 0);
    }
    world_run_ms(world, 10000);
    call =
        world_ask(world, WEFT_VERB_ASK, "counter", "a", "read", weft_nothing());
    (void)snprintf(sum, sizeof(sum), "%d", count + 1);
    CHECK_STR(call->data, sum);
    CHECK_EQ(world_audit(world), 0);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

TEST(core, a_long_mailbox_spills_to_rows_and_loses_nothing)
{
    long_mailbox(0, 6000, 0);
    long_mailbox(65536, 6000, 0);
    long_mailbox(64 << 20, 6000, 0);
}

TEST(core, a_mailbox_of_large_letters_does_not_fill_memory)
{
    long_mailbox(0, 60, 200000);
    long_mailbox(65536, 60, 200000);
    long_mailbox(64 << 20, 60, 200000);
}

static weft_err
stubborn_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    while (weft_workflow_run(wf) > 0) { // for ever
        (void)weft_workflow_sleep(wf, 1000);
    }
    return WEFT_OK;
}

// Code that never returns must not keep the thread: it is parked, and can be
// terminated; dropping its stack does not wait for it either.
TEST(core, code_that_ignores_cancellation_is_parked)
{
    weft_definitions *defs;
    weft_workflow_def stubborn = WEFT_WORKFLOW_DEF_INIT;
    struct world *world;
    struct world_call *call;

    CHECK_OK(weft_definitions_create(&defs));
    stubborn.name = "stubborn";
    stubborn.run = stubborn_run;
    CHECK_OK(weft_definitions_add_workflow(defs, &stubborn));
    world =
        world_create(&(struct world_options){.seed = 5, .definitions = defs});
    call =
        world_ask(world, WEFT_VERB_START, "stubborn", "s", "", weft_nothing());
    CHECK_OK(call->err);
    world_run_ms(world, 5000);
    world_crash(world, 0);
    call =
        world_ask(world, WEFT_VERB_CANCEL, "stubborn", "s", "", weft_nothing());
    CHECK_OK(call->err);
    world_run_ms(world, 5000);
    call = world_ask(world, WEFT_VERB_DESCRIBE, "stubborn", "s", "",
                     weft_nothing());
    CHECK(call->item.is_parked);
    call = world_ask(world, WEFT_VERB_TERMINATE, "stubborn", "s", "",
                     weft_nothing());
    CHECK_OK(call->err);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

static weft_err
sleeper_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t ms = 0;

    memcpy(&ms, input.data, input.len);
    return weft_workflow_sleep(wf, ms);
}

static void
sleep_for(struct world *world, const char *id, uint64_t ms)
{
    CHECK_OK(world_ask(world, WEFT_VERB_START, "sleeper", id, "",
                       weft_bytes_of(&ms, sizeof(ms)))
                 ->err);
}

// The first sleeper's row is gone once its image is saved again: at once
// without a window, and not yet behind a large one.
static void
sleep_and_open(int64_t window_bytes)
{
    weft_definitions *defs;
    weft_workflow_def sleeper = WEFT_WORKFLOW_DEF_INIT;
    struct world *world;
    uint64_t begin_ms;
    uint64_t cursor;

    CHECK_OK(weft_definitions_create(&defs));
    sleeper.name = "sleeper";
    sleeper.run = sleeper_run;
    CHECK_OK(weft_definitions_add_workflow(defs, &sleeper));
    world = world_create(&(struct world_options){
        .seed = 6, .definitions = defs, .window_bytes = window_bytes});
    begin_ms = world_now_ms(world);
    sleep_for(world, "short", 200000);
    sleep_for(world, "long", 1000000);
    world_run_ms(world, 150000);
    sleep_for(world, "between", 1000); // its commit carries the meta row
    world_crash(world, 0); // the short one's row was read, and is still there
    world_run_ms(world, 5000);
    world_crash(world, 0); // the same, and it is not in memory
    world_run_ms(world, 345000);
    sleep_for(world, "other", 1000000);
    world_run_ms(world, 1000);
    world_crash(world, 0);
    cursor = world_wake_cursor(world, 0);
    if (window_bytes == 0) {
        CHECK(cursor > begin_ms + 200000 && cursor < begin_ms + 1000000);
    }
    CHECK_OK(world_ask(world, WEFT_VERB_RESULT, "sleeper", "short", "",
                       weft_nothing())
                 ->err);
    world_run_ms(world, 520000);
    CHECK_EQ(world_ask(world, WEFT_VERB_DESCRIBE, "sleeper", "long", "",
                       weft_nothing())
                 ->item.status,
             WEFT_STATUS_COMPLETED);
    CHECK(world_wake_cursor(world, 0) >= cursor);
    CHECK_EQ(world_audit(world), 0);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

TEST(core, the_wake_index_is_read_from_where_it_begins)
{
    sleep_and_open(0);
    sleep_and_open(2000);
    sleep_and_open(65536);
}

// More than a reader is asked for at once: the others wait, and none is
// forgotten.
TEST(core, whoever_waits_to_be_loaded_is)
{
    enum { ACTORS = 600, RESIDENTS = 50 };
    static struct world_call *calls[ACTORS];
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 5, .definitions = defs, .residents_max = RESIDENTS});
    char id[16];

    for (int times = 1; times <= 2; times++) {
        for (int i = 0; i < ACTORS; i++) {
            (void)snprintf(id, sizeof(id), "n%d", i);
            calls[i] = world_call(world, WEFT_VERB_ASK, "counter", id, "add",
                                  weft_nothing());
        }
        for (int i = 0; i < ACTORS; i++) {
            (void)world_wait(world, calls[i]);
            CHECK_OK(calls[i]->err);
            CHECK_STR(calls[i]->data, times == 1 ? "1" : "2");
        }
        world_crash(world, 0); // what was in memory is to be loaded again
    }
    world_destroy(world);
    weft_definitions_destroy(defs);
}

static uint64_t
count_listed(struct world *world)
{
    const char *line = world_list(world, NULL, 1000);
    uint64_t count = 0;

    for (; *line != '\0'; line++) {
        count += *line == '\n' ? 1 : 0;
    }
    return count;
}

// Asked at any time: while what is new is being committed, and while rows are
// saved of what is not. It has all that was acknowledged, and, as sim/leave.h
// looks after, nothing that a crash could undo.
static void
list_often(int64_t window_bytes)
{
    static const uint8_t payload[300];
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 9, .definitions = defs, .window_bytes = window_bytes});
    struct world_call *calls[60];
    bool was_answered[60];
    const char *list;
    char id[16];

    for (int i = 0; i < 60; i++) {
        (void)snprintf(id, sizeof(id), "n%d", i * 7 % 60);
        calls[i] = world_call(world, WEFT_VERB_SIGNAL, "counter", id, "add",
                              weft_bytes_of(payload, sizeof(payload)));
        world_run_ms(world, (uint64_t)i % 3);
        for (int j = 0; j <= i; j++) {
            was_answered[j] = calls[j]->is_answered;
        }
        list = world_list(world, NULL, 1000);
        for (int j = 0; j <= i; j++) {
            (void)snprintf(id, sizeof(id), "/n%d\n", j * 7 % 60);
            CHECK(!was_answered[j] || strstr(list, id) != NULL);
        }
    }
    world_destroy(world);
    weft_definitions_destroy(defs);
}

TEST(core, a_list_has_what_is_there_and_nothing_that_may_be_lost)
{
    list_often(0);
    list_often(2000);
    list_often(65536);
}

// More than the rows of one page, and the last of them only in memory.
TEST(core, a_list_of_many_pages_has_all)
{
    static const uint8_t payload[40];
    weft_definitions *defs = definitions();
    struct world *world =
        world_create(&(struct world_options){.seed = 10,
                                             .definitions = defs,
                                             .window_bytes = 65536,
                                             .twin_every = 1U << 30});

    for (int i = 0; i < 2500; i++) {
        char id[16];

        // The later ones, which are in memory, lie between the others.
        (void)snprintf(id, sizeof(id), "%d", i * 7 % 2500);
        (void)world_call(world, WEFT_VERB_SIGNAL, "counter", id, "add",
                         weft_bytes_of(payload, sizeof(payload)));
        world_run_ms(world, i % 50 == 0 ? 10 : 0);
    }
    world_run_ms(world, 1000);
    CHECK_EQ(count_listed(world), 2500);
    CHECK_STR(world_count(world, NULL, NULL), "2500");
    world_destroy(world);
    weft_definitions_destroy(defs);
}

// More sleep than a page of the wake index has: far ones, and near ones, which
// are among those that are ready.
static void
wake_pages(const char *ms)
{
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 8, .definitions = defs, .twin_every = 1U << 30});
    int count = 2 * WF_WAKE_PAGE + 50;

    for (int i = 0; i < count; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", i);
        (void)world_call(world, WEFT_VERB_SIGNAL, "sleeper", id, ms,
                         weft_nothing());
    }
    world_run_ms(world, 100);
    world_crash(world, 0);
    woken = 0;
    world_run_ms(world, strtoull(ms, NULL, 10) - 1000);
    CHECK_EQ(woken, 0);
    world_run_ms(world, 2000);
    CHECK_EQ(woken, count);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

TEST(core, more_sleepers_than_a_page_has_are_woken)
{
    wake_pages("30000");
    wake_pages("10000000");
}

// What is read as the next segment of the first site's log.
static weft_err
read_next(struct world *world, uint64_t records_apart, uint32_t chain_apart)
{
    static const struct wf_trace silent;
    struct wf_partition *partition;
    struct wf_list requests;
    weft_err err;

    CHECK_OK(site_recover(&world->sites[0], &silent, &partition));
    err = wf_partition_recover_segment(
        partition, partition->last_commit + 1,
        &(struct wf_segment){
            .epoch = partition->epoch,
            .first_record = partition->recovered_to + 1 + records_apart,
            .chain = partition->recovered_chain ^ chain_apart,
        });

    wf_list_init(&requests);
    wf_partition_destroy(partition, &requests);
    return err;
}

TEST(core, a_segment_that_does_not_follow_is_corrupt)
{
    weft_definitions *defs = definitions();
    struct world *world = world_create(&(struct world_options){
        .seed = 6, .definitions = defs, .window_bytes = 65536});

    CHECK_OK(
        world_ask(world, WEFT_VERB_ASK, "counter", "a", "add", weft_nothing())
            ->err);
    CHECK_OK(read_next(world, 0, 0));
    CHECK_ERR(read_next(world, 0, 1), WEFT_ECORRUPT);
    CHECK_ERR(read_next(world, 1, 0), WEFT_ECORRUPT);
    world_destroy(world);
    weft_definitions_destroy(defs);
}

// A clock that is behind that of where the capsule is from.
TEST(core, what_has_finished_in_the_future_is_kept)
{
    weft_definitions *defs = definitions();
    struct world *from =
        world_create(&(struct world_options){.seed = 7, .definitions = defs});
    struct world *to =
        world_create(&(struct world_options){.seed = 7, .definitions = defs});
    weft_request import = WEFT_REQUEST_INIT;
    struct world_call *call;

    world_jump(from, 0, 60000);
    CHECK_OK(world_ask(from, WEFT_VERB_START, "order", "a", "", weft_text("1"))
                 ->err);
    world_run_ms(from, 10000);
    CHECK_OK(
        world_ask(from, WEFT_VERB_TERMINATE, "order", "a", "", weft_nothing())
            ->err);
    call = world_ask(from, WEFT_VERB_EXPORT, "order", "a", "", weft_nothing());
    CHECK_OK(call->err);
    import.verb = WEFT_VERB_IMPORT;
    import.target = (weft_target){"order", "a"};
    import.data = call->capsule;
    CHECK_OK(world_wait(to, world_submit(to, &import))->err);
    CHECK_ERR(
        world_ask(to, WEFT_VERB_RESULT, "order", "a", "", weft_nothing())->err,
        WEFT_ETERMINATED);
    world_run_ms(to, 100000);
    world_crash(to, 0);
    CHECK_ERR(
        world_ask(to, WEFT_VERB_RESULT, "order", "a", "", weft_nothing())->err,
        WEFT_ETERMINATED);
    world_destroy(from);
    world_destroy(to);
    weft_definitions_destroy(defs);
}
