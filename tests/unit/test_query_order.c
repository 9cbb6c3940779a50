// SPDX-License-Identifier: Apache-2.0
//
// test_query_order.c - when a query is answered, of an actor that has much to
// do: after the turns of what came before it, if these come.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "runtime/partition_impl.h"
#include "runtime/stack.h"
#include "stepped_rig.h"
#include "storage/keys.h"
#include "support/test.h"
#include "weft/weft.h"

static struct rig rig;

// What it has been sent. "fail" fails, "again" sends itself another one.
struct counter {
    uint64_t starts;
    uint64_t signals;
};

static weft_err published; // what that gave

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct counter *counter = state;

    if (strcmp(message->name, "publish") == 0) {
        published = weft_actor_publish(actor, "value", weft_text("12345"));
    }
    if (strcmp(message->name, "fail") == 0) {
        return WEFT_EFAILED;
    }
    if (strcmp(message->name, "again") == 0) {
        CHECK_OK(weft_actor_send(actor, (weft_target){"counter", "c"}, "again",
                                 weft_nothing()));
    }
    counter->starts += message->type == WEFT_MESSAGE_START;
    counter->signals += message->type == WEFT_MESSAGE_SIGNAL;
    return WEFT_OK;
}

static weft_err
tell(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    const struct counter *counter = state;
    char text[64];

    (void)args;
    CHECK_STR(name, "sent");
    CHECK_EQ(state_len, sizeof(*counter));
    (void)snprintf(text, sizeof(text), "%llu %llu",
                   (unsigned long long)counter->starts,
                   (unsigned long long)counter->signals);
    return weft_query_return(query, weft_text(text));
}

static weft_err
never_done(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)input;
    (void)ctx;
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static weft_err
done_later(weft_workflow *wf, weft_bytes input, void *ctx)
{
    weft_err err = weft_workflow_sleep(wf, 1000);

    (void)input;
    (void)ctx;
    return err == WEFT_OK ? weft_workflow_return(wf, weft_text("done")) : err;
}

static weft_err
run_flow(weft_workflow *wf, weft_bytes input)
{
    weft_err err =
        weft_workflow_on_update(wf, "change", NULL, never_done, NULL);

    (void)input;
    if (err == WEFT_OK) {
        err = weft_workflow_on_update(wf, "later", NULL, done_later, NULL);
    }
    return err == WEFT_OK
               ? weft_workflow_receive(wf, "never", WEFT_FOREVER, NULL)
               : err;
}

static weft_definitions *
define(void)
{
    weft_workflow_def flow = WEFT_WORKFLOW_DEF_INIT;
    weft_definitions *definitions;
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    flow.name = "flow";
    flow.run = run_flow;
    CHECK_OK(weft_definitions_add_workflow(definitions, &flow));
    def.name = "counter";
    def.state_bytes = sizeof(struct counter);
    def.receive = receive;
    def.query = tell;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

static struct wf_request *
post(weft_verb verb, const char *name)
{
    struct wf_request *request = rig_post(&rig, verb, "counter", "c", name);

    rig_take(&rig, request);
    return request;
}

static void
signal_it(const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        (void)post(WEFT_VERB_SIGNAL, name);
    }
}

// All but turns.
static void
settle(void)
{
    rig_load(&rig);
    rig_commit(&rig);
}

static void
run(void)
{
    rig_run(&rig);
    settle();
}

// A query that is not answered before turns come.
static struct wf_request *
ask_and_wait(void)
{
    struct wf_request *query = post(WEFT_VERB_QUERY, "sent");

    settle();
    rig_check_waits(&rig, query);
    return query;
}

// The actor is in memory, and has had a start and a signal.
static void
begin(void)
{
    rig = rig_open(define());
    (void)post(WEFT_VERB_START, "");
    signal_it("first", 1);
    settle();
    run();
    rig_check_waits(&rig, NULL);
}

TEST(query_order, it_shows_what_was_sent_before_it)
{
    struct wf_request *query;

    begin();
    signal_it("more", 3);
    query = ask_and_wait();
    run();
    rig_check_answer(&rig, query, WEFT_OK, "1 4");
    CHECK_EQ(rig_close(&rig), 0);
}

TEST(query_order, it_shows_the_start_that_was_asked_for_before_it)
{
    struct wf_request *query;

    rig = rig_open(define());
    (void)post(WEFT_VERB_START, "");
    query = post(WEFT_VERB_QUERY, "sent");
    settle();
    signal_it("more", 1); // which changes it
    settle();
    rig_check_waits(&rig, query);
    run();
    rig_check_answer(&rig, query, WEFT_OK, "1 1");
    CHECK_EQ(rig_close(&rig), 0);
}

// Of one that is not in memory it is the same.
TEST(query_order, it_comes_behind_what_waits_for_its_actor_to_be_read)
{
    struct wf_request *query;

    rig = rig_open(define());
    signal_it("more", 2);
    query = ask_and_wait();
    run();
    rig_check_answer(&rig, query, WEFT_OK, "0 2");
    CHECK_EQ(rig_close(&rig), 0);
}

// What comes behind it may be in what it shows, but it does not wait for that.
TEST(query_order, one_who_is_never_done_is_shown_all_the_same)
{
    struct wf_request *query;

    begin();
    signal_it("again", 1);
    query = ask_and_wait();
    run();
    rig_check_answer(&rig, query, WEFT_OK, "1 2");
    (void)rig_close(&rig);
}

TEST(query_order, one_who_is_at_rest_is_shown_at_once)
{
    struct wf_request *query;

    begin();
    query = post(WEFT_VERB_QUERY, "sent");
    settle();
    rig_check_answer(&rig, query, WEFT_OK, "1 1");
    CHECK_EQ(rig_close(&rig), 0);
}

// Nobody knows when it goes on.
TEST(query_order, one_who_is_held_up_is_shown_as_it_is)
{
    struct wf_request *before;
    struct wf_request *behind;

    begin();
    signal_it("more", 3);
    before = post(WEFT_VERB_QUERY, "sent");
    (void)post(WEFT_VERB_PAUSE, "");
    behind = post(WEFT_VERB_QUERY, "sent");
    settle();
    rig_check_answer(&rig, before, WEFT_OK, "1 1");
    rig_check_answer(&rig, behind, WEFT_OK, "1 1");
    (void)post(WEFT_VERB_RESUME, "");
    behind = ask_and_wait();
    run();
    rig_check_answer(&rig, behind, WEFT_OK, "1 4");
    CHECK_EQ(rig_close(&rig), 0);
}

// So many letters wait that those behind the first are in the store alone, and
// those in memory had their turns: more are being read. A query comes, and then
// it is paused.
static struct wf_request *
wait_for_letters(void)
{
    struct wf_list *loads;
    struct wf_request *query;

    begin();
    loads = &wf_partition_outputs(rig.partition)->loads;
    (void)post(WEFT_VERB_PAUSE, "");
    signal_it("more", 3 * WF_MAILBOX_MEMORY_MAX);
    settle();
    settle(); // letters that have rows leave memory
    (void)post(WEFT_VERB_RESUME, "");
    for (int i = 0; i < WF_MAILBOX_MEMORY_MAX && loads->count == 0; i++) {
        rig_run(&rig);
        rig_commit(&rig);
    }
    CHECK_EQ(loads->count, 1);
    query = post(WEFT_VERB_QUERY, "sent");
    (void)post(WEFT_VERB_PAUSE, "");
    rig_commit(&rig);
    rig_check_waits(&rig, query);
    return query;
}

TEST(query_order, one_whose_letters_are_read_may_be_held_up_meanwhile)
{
    struct wf_request *query = wait_for_letters();

    settle();
    rig_check_answer(&rig, query, WEFT_OK, "1 257");
    CHECK_EQ(wf_partition_audit(rig.partition), 0);
    CHECK_EQ(rig_close(&rig), 0);
}

TEST(query_order, one_whose_letters_cannot_be_read_for_now_may_be_held_up_too)
{
    struct wf_request *query = wait_for_letters();

    rig_fail_loads(&rig, WEFT_EIO);
    rig_commit(&rig);
    rig_check_waits(&rig, query);
    CHECK_EQ(wf_partition_audit(rig.partition), 0);
    rig_tick(&rig, 10000);
    rig_check_answer(&rig, query, WEFT_OK, "1 257");
    CHECK_EQ(rig_close(&rig), 0);
}

TEST(query_order, one_whose_letters_are_damaged_says_so)
{
    struct wf_request *query = wait_for_letters();

    rig_fail_loads(&rig, WEFT_ECORRUPT);
    rig_commit(&rig);
    rig_check_answer(&rig, query, WEFT_ECORRUPT, "");
    (void)rig_close(&rig);
}

static struct wf_request *
post_flow(weft_verb verb, const char *name)
{
    struct wf_request *request = rig_post(&rig, verb, "flow", "f", name);

    if (verb == WEFT_VERB_UPDATE) {
        request->update_id = wf_strdup("one");
    }
    rig_take(&rig, request);
    return request;
}

// Nor does whoever has joined an update of it wait for ever.
TEST(query_order, one_whose_letters_are_damaged_says_so_to_who_joined)
{
    struct wf_stack_pool *stacks = wf_stack_pool_create(4);
    struct wf_request *joined;
    const struct wf_list *loads;

    rig = rig_open(define());
    rig.partition->options.stacks = stacks;
    loads = &wf_partition_outputs(rig.partition)->loads;
    (void)post_flow(WEFT_VERB_START, "");
    settle();
    run();
    (void)post_flow(WEFT_VERB_PAUSE, "");
    (void)post_flow(WEFT_VERB_UPDATE, "change");
    joined = post_flow(WEFT_VERB_UPDATE, "change");
    for (int i = 0; i < 3 * WF_MAILBOX_MEMORY_MAX; i++) {
        (void)post_flow(WEFT_VERB_SIGNAL, "more");
    }
    settle();
    settle();
    (void)post_flow(WEFT_VERB_RESUME, "");
    for (int i = 0; i < WF_MAILBOX_MEMORY_MAX && loads->count == 0; i++) {
        rig_run(&rig);
        rig_commit(&rig);
    }
    CHECK_EQ(loads->count, 1);
    rig_check_waits(&rig, joined);
    rig_fail_loads(&rig, WEFT_ECORRUPT);
    rig_commit(&rig);
    rig_check_answer(&rig, joined, WEFT_ECORRUPT, "");
    (void)rig_close(&rig);
    wf_stack_pool_destroy(stacks);
}

TEST(query_order, one_whose_letters_are_missing_says_so)
{
    struct wf_request *query = wait_for_letters();
    struct wf_batch batch = {0};
    struct wf_buf from = {0};
    struct wf_buf to = {0};

    wf_keys_range(&from, WF_KEY_MAILBOX, 0);
    wf_keys_after(&to, wf_buf_bytes(&from));
    wf_batch_delete_range(&batch, WF_CF_DATA, wf_buf_bytes(&from),
                          wf_buf_bytes(&to));
    CHECK_OK(rig.store.ops->write(rig.store.self, &batch, true));
    settle();
    rig_check_answer(&rig, query, WEFT_ECORRUPT, "");
    wf_batch_fini(&batch);
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    (void)rig_close(&rig);
}

TEST(query_order, one_whose_turn_failed_is_shown_before_it_is_tried_again)
{
    struct wf_request *query;

    begin();
    signal_it("fail", 1);
    signal_it("more", 1);
    query = ask_and_wait();
    run();
    rig_check_answer(&rig, query, WEFT_OK, "1 1");
    query = post(WEFT_VERB_QUERY, "sent");
    settle();
    rig_check_answer(&rig, query, WEFT_OK, "1 1");
    (void)rig_close(&rig);
}

// What it has not taken becomes dead letters, by turns.
TEST(query_order, one_who_is_terminated_has_left_what_it_was)
{
    struct wf_request *query;

    begin();
    signal_it("more", 3);
    query = post(WEFT_VERB_QUERY, "sent");
    (void)post(WEFT_VERB_TERMINATE, "enough");
    settle();
    rig_check_waits(&rig, query);
    run();
    rig_check_answer(&rig, query, WEFT_OK, "1 1");
    CHECK_EQ(rig_close(&rig), 0);
}

TEST(query_order, who_has_gone_away_does_not_wait)
{
    struct wf_request *query;

    begin();
    signal_it("more", 3);
    query = ask_and_wait();
    atomic_store(&query->is_withdrawn, true);
    wf_partition_withdraw(rig.partition, rig.now_ms, &query->key, query->client,
                          query->number);
    settle();
    rig_check_answer(&rig, query, WEFT_ECANCELLED, "");
    CHECK_EQ(rig_close(&rig), 0);
}

// The partition goes elsewhere: there it is asked again.
TEST(query_order, one_that_waits_is_given_back)
{
    begin();
    signal_it("more", 3);
    (void)ask_and_wait();
    CHECK_EQ(rig_close(&rig), 1);
}

// All that is published is in memory: there is a limit to it.
TEST(query_order, so_much_is_published_and_no_more)
{
    struct wf_actor *actor;
    struct wf_key key;

    begin();
    CHECK_OK(wf_key_make("default", "counter", "c", &key));
    actor = wf_residents_find(rig.partition, wf_key_bytes(&key));
    CHECK(actor != NULL);
    wf_key_fini(&key);
    actor->published.bytes = WF_PUBLISHED_BYTES_MAX - 4;
    signal_it("publish", 1);
    run();
    CHECK_ERR(published, WEFT_ETOOBIG);
    actor->published.bytes = WF_PUBLISHED_BYTES_MAX - 5;
    signal_it("publish", 1);
    run();
    CHECK_OK(published);
    (void)rig_close(&rig);
}

// It was answered when it was accepted: what comes of it is not its answer.
TEST(query_order, who_is_told_early_is_told_once)
{
    struct wf_stack_pool *stacks = wf_stack_pool_create(4);
    struct wf_request *update;
    const struct wf_answer *answer;
    uint8_t client[16];
    uint64_t number;

    rig = rig_open(define());
    rig.partition->options.stacks = stacks;
    (void)post_flow(WEFT_VERB_START, "");
    settle();
    run();
    update = rig_post(&rig, WEFT_VERB_UPDATE, "flow", "f", "later");
    update->is_told_early = true;
    number = update->number;
    memcpy(client, update->client, sizeof(client));
    rig_take(&rig, update);
    run();
    rig_check_answer(&rig, update, WEFT_OK, "");
    rig_tick(&rig, 2000);
    run();
    run();
    answer =
        wf_window_find_answer(wf_window_find(rig.partition, client), number);
    CHECK(answer != NULL && answer->is_answered);
    CHECK_EQ(answer->data.len, 0);
    (void)rig_close(&rig);
    wf_stack_pool_destroy(stacks);
}
